"""Which program ran: by what proves it in paths, commands and class names; the most specific one, not the library below it.

>>> from advisor.library import load_library
>>> log = 'File "/opt/conda/lib/python3.10/site-packages/trl/trainer/sft_trainer.py", line 402, in compute_loss'
>>> [(item.fact, item.value) for item in read(Document.of(log), load_library())]
[('framework', 'trl'), ('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.prose.lines import prose_of

TRIGGERS: tuple[str, ...] = ()

RANK = 65
# A library seen underneath says less than a sentence that names the program.
_UNDERNEATH_RANK = 38
# Programs that others build on and run beside themselves: a sentence that names the other one says more (rank 40).
_BUILT_ON = ("trl", "lightning", "megatron", "vllm", "sglang")
_BUILT_ON_RANK = 39
_TASK_RANK = 29
_HINT_RANK = 21
# Libraries that programs are built on: the answer only when nothing above them is found. The later says more.
_UNDERNEATH = ("pytorch", "bitsandbytes", "deepspeed", "lightning", "mmengine", "accelerate", "transformers", "peft")
# "trl==1.9.0", "TRL version: 1.9.0", a row of `pip list`.
_VERSION = r"(?im)(?:\b{name}[`'\"]?\s*(?:==|version:?|v|:|\()|^{name}[ \t]+)\s*v?([0-9]+\.[0-9]+(?:\.[0-9]+)?(?:[.+a-z0-9]*)?)"
_MAX_PLACES = 20


class Found(Struct, frozen=True):
    """A program that was recognised.

    Attributes:
        framework: its id.
        offset: where its first marker stands.
        count: how many of its markers occur.
        is_place: it is only the folder in which an environment or another program's files lie.
    """

    framework: str
    offset: int
    count: int
    is_place: bool = False


@lru_cache(maxsize=4)
def _markers(library: Library) -> tuple[tuple[str, str], ...]:
    pairs = [
        (marker.lower().replace("\\", "/"), framework.id)
        for framework in library.frameworks.values()
        for marker in framework.markers
    ]
    return tuple(pair for pair in pairs if len(pair[0]) >= 4)


@lru_cache(maxsize=4)
def _names(library: Library) -> dict[str, set[str]]:
    """The names of each framework that people use in sentences; classes (`SFTTrainer`) prove the program wherever they stand."""
    return {
        item.id: {name.lower() for name in (item.id, *item.names) if not name.endswith("Trainer")}
        for item in library.frameworks.values()
    }


@lru_cache(maxsize=8)
def recognised(doc: Document, library: Library) -> tuple[Found, ...]:
    """All programs whose markers occur, the most specific first: what others inherit from comes after them."""
    lower = doc.lower.replace("\\", "/")
    names = _names(library)
    found: dict[str, Found] = {}
    for marker, framework in _markers(library):
        at = lower.find(marker)
        if at >= 0 and marker in names[framework]:
            at = _unspoken(doc, lower, marker, at)
        if at < 0:
            continue
        known = found.get(framework)
        is_place = _only_a_place(lower, marker, at) and (known is None or known.is_place)
        offset = at if known is None else min(at, known.offset)
        found[framework] = Found(framework, offset, (known.count if known else 0) + 1, is_place)
    for module, at in _imported(doc.lower):
        framework = _modules(library).get(module, "")
        if framework and framework not in found:
            found[framework] = Found(framework, at, 1)
    below = {name for framework, item in found.items() if not item.is_place for name in library.lineage(framework)[1:]}

    def order(item: Found) -> tuple[bool, int, int, int]:
        rank = _UNDERNEATH.index(item.framework) if item.framework in _UNDERNEATH else -1
        return (
            rank >= 0 or item.framework in below or item.is_place,
            -rank if rank >= 0 else -99,
            -item.count,
            item.offset,
        )

    return tuple(sorted(found.values(), key=order))


@lru_cache(maxsize=4)
def _modules(library: Library) -> dict[str, str]:
    """Names of Python packages to the frameworks that bear them."""
    return {
        name.lower().replace("-", "_"): framework.id
        for framework in library.frameworks.values()
        if framework.id not in ("pytorch", "tensorflow", "jax")
        for name in (framework.id, *framework.names)
        if name.replace("-", "_").isidentifier() and len(name) >= 3 and not name.endswith("Trainer")
    }


def _imported(lower: str) -> Iterator[tuple[str, int]]:
    """The packages that code imports, with their places."""
    if "import " not in lower:
        return
    for match, _ in zip(_import().finditer(lower), range(_MAX_PLACES * 5), strict=False):
        yield match.group(1), match.start()


@lru_cache(maxsize=1)
def _import() -> Any:
    return re2.compile(r"(?m)^\W{0,4}(?:from|import) ([a-z_]\w*)(?:\.\w+)*(?: import | as |$|,)")


def _unspoken(doc: Document, lower: str, marker: str, at: int) -> int:
    """The first place of a bare name outside of sentences, whose claims the readers of prose weigh; -1 if there is none."""
    prose = prose_of(doc).text
    for _ in range(_MAX_PLACES):
        if at < 0 or not prose[at : at + len(marker)].strip():
            return at
        at = lower.find(marker, at + len(marker))
    return -1


def _only_a_place(lower: str, marker: str, at: int) -> bool:
    """Whether every occurrence is a folder above an environment's packages (`/ComfyUI/.venv/lib/.../site-packages/torch`)."""
    for _ in range(_MAX_PLACES):
        if at < 0:
            return True
        end = at + len(marker)
        rest = lower[end : end + 200].split("\n", 1)[0].split('"', 1)[0].split(" ", 1)[0]
        if "/" not in marker or not ("venv/" in rest or "/envs/" in rest):
            return False
        at = lower.find(marker, end)
    return False


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The program that ran, its version and PyTorch's where they are printed, and the task where it has only one."""
    programs = recognised(doc, library)
    if programs:
        best = _more_special(_trainer_of(programs, library) or programs[0], doc, library)
        rank = _UNDERNEATH_RANK if best.framework in _UNDERNEATH or best.is_place else RANK
        if best.framework in _BUILT_ON and rank == RANK:
            rank = _BUILT_ON_RANK
        # Of a bare loop only PyTorch's own frames are seen: that proves no program.
        if best.framework != "pytorch":
            yield Observation("framework", best.framework, doc.line_at(best.offset), doc.quote(best.offset), rank=rank)
            yield from _version(doc, best.framework, "framework_version", library)
            if "transformers" in library.lineage(best.framework)[1:]:
                yield from _version(doc, "transformers", "transformers_version", library)
            tasks = library.frameworks[best.framework].tasks
            if len(tasks) == 1 and not best.is_place:
                line, quote = doc.line_at(best.offset), doc.quote(best.offset)
                yield Observation("task", tasks[0], line, quote, rank=_TASK_RANK, origin="derived")
    if (not programs or programs[0].framework in _UNDERNEATH) and (hint := _of_environment(doc, library)) is not None:
        place, framework = hint
        yield Observation("framework", framework, doc.line_at(place), doc.quote(place), rank=_HINT_RANK)
    yield from _version(doc, "torch", "torch_version", library)


def _of_environment(doc: Document, library: Library) -> tuple[int, str] | None:
    """A program whose name an environment bears (`envs/llama_factory/lib`): that tells what it was made for."""
    match = _environment().search(doc.lower)
    if match is None:
        return None
    words = (match.group(1) or match.group(2)).replace("-", "").replace("_", "")
    best = ""
    for framework in library.frameworks.values():
        if framework.id in _UNDERNEATH or framework.id in ("tensorflow", "jax"):
            continue
        for name in (framework.id, *framework.names):
            folded = name.lower().replace("-", "").replace("_", "").replace(" ", "")
            if len(folded) >= 4 and words.startswith(folded) and len(folded) > len(best.partition("\0")[0]):
                best = f"{folded}\0{framework.id}"
    return (match.start(), best.partition("\0")[2]) if best else None


@lru_cache(maxsize=1)
def _environment() -> Any:
    return re2.compile(r"[/\\](?:envs|virtualenvs)[/\\]([a-z][a-z0-9_.-]*)[/\\]|[/\\]([a-z][a-z0-9_-]*?)[_-]v?env[/\\]")


def _trainer_of(programs: Sequence[Found], library: Library) -> Found | None:
    """The program that trains and runs a server inside, where the server is what is seen most: TRL around vLLM."""
    if library.frameworks[programs[0].framework].tasks != ["inference"]:
        return None
    trainers = [item for item in programs if library.frameworks[item.framework].tasks == ["train"]]
    return next((item for item in trainers if not item.is_place and item.framework not in _UNDERNEATH), None)


def _more_special(best: Found, doc: Document, library: Library) -> Found:
    """A program built on the recognised one whose name stands in the text: Unsloth over TRL's trainers."""
    if best.framework in _UNDERNEATH:
        return best
    for framework in library.frameworks.values():
        if best.framework not in library.lineage(framework.id)[1:]:
            continue
        for name in framework.names:
            at = _named_at(doc.lower, name.lower()) if len(name) >= 5 else -1
            if at >= 0:
                return Found(framework.id, at, 1)
    return best


def _named_at(lower: str, name: str) -> int:
    """Where a name stands as a word of its own: not the organisation of an id (`unsloth/Qwen3-8B`), no part of a path; -1 if nowhere."""
    at = -1
    for _ in range(_MAX_PLACES):
        at = lower.find(name, at + 1)
        if at < 0:
            return -1
        before, after = lower[max(0, at - 1) : at], lower[at + len(name) : at + len(name) + 1]
        if not (before.isalnum() or after.isalnum() or before in ("/", "-") or after in ("/", "-")):
            return at
    return -1


def _version(doc: Document, name: str, fact: str, library: Library) -> Iterator[Observation]:
    known = library.frameworks.get(name)
    for spelling in [name, *(known.names if known else ())][:4]:
        if spelling.lower() not in doc.lower:
            continue
        match = _pattern(spelling).search(doc.text)
        if match is not None:
            place = match.start(1)
            yield Observation(fact, match.group(1), doc.line_at(place), doc.quote(place), rank=RANK)
            return


@lru_cache(maxsize=256)
def _pattern(name: str) -> Any:
    return re2.compile(_VERSION.format(name=re2.escape(name)))


def ids(programs: Sequence[Found]) -> list[str]:
    """The names of the programs, in their order."""
    return [program.framework for program in programs]
