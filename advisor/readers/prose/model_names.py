"""The model in people's words, by its name as written, and its size ("Qwen2.5-VL-7B", "llama 3 8b", "千问 7B", "70B参数").

>>> from advisor.library import load_library
>>> doc = Document.of("qlora on a 13B llama works, but full fine-tuning Qwen2.5-VL-7B runs out of memory")
>>> [(o.fact, o.value) for o in read(doc, load_library())]
[('model', 'Qwen2.5-VL-7B'), ('params_b', 7.0)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.names import ModelName, find_gpus, find_models, params_from_name
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, RANK, Claim, Mention, best, claim_of, observe
from advisor.readers.prose.patterns import Test

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

# A family without its size ("llama") is weaker than a name, and a size alone weaker still.
_FAMILY, _NAME, _SIZED = 0, 1, 2
_SMALLEST = 0.02
_SIZE = re2.compile(
    r"(?:^|[^\w.\-/$])(\d{1,4}(?:\.\d{1,2})?)\s?(?:b|bn|billion|十亿)(?:\s?(?:parameters?|params?|参数(?:量)?|模型|models?|"
    r"大小|size|dense|版本?|规模|级别|的))?(?:[^\w/]|\p{Han}|$)"
)
# "7b" is a size of a model; "16 B" may be bytes and "2b" a list item.
_SAYS_MODEL = Test(
    r"param|model|llm|vlm|llama|qwen|lora|fine[ -]?tun|gguf|gptq|awq|\bq[2-8](?:_|\b)|int[48]|\bfit\b|"
    r"train|sft|dpo|grpo|参数|模型|微调|训练|推理|infer|run|load|\boom|memory|显存|"
    r"gpu|batch|seq"
)
_NOT_PARAMS = Test(r"^\W?(?:gb|bytes?)\b|(?:tokens?|samples?|rows|steps|vocab\w*|images?|pairs)\b")
_RIGHT_SIZE = re2.compile(r"^[\s\-_:：(]{0,2}(\d{1,3}(?:\.\d{1,2})?)\s?b(?:[^\w]|_|$)")
_VARIANT = re2.compile(
    r"^[ -](?:instruct|chat|base|dev|schnell|turbo|large|xl|medium|small|tiny|vision|it|v\d(?:\.\d)?|\d(?:\.\d)?)\b"
)
_TUNED = re2.compile(
    r"(?i:fine-?tun(?:e|ing)|finetun(?:e|ing)|post-train(?:ing)?|training|train|微调|训练|利用|部署|"
    r"deploy(?:ing)?)\s?(?:(?:the|a|my|our|of|on|with) ){0,2}"
    r"[`'\"]?([A-Za-z][A-Za-z]+(?:[-_.]?[A-Za-z]+){0,2}[-_.]?\d[\w.-]{0,24})[`'\"]?\s?(?:(?i:models?\b|on (?:a|my|"
    r"custom|our))|模型|进行|(?:的)?(?:微调|训练))"
)
_NAME_SIZE = re2.compile(r"(?:^|[\s(（,，:：])([A-Z][a-z]{2,20}(?:[-.]?\d(?:\.\d)?)? \d{1,3}(?:\.\d)?[Bb])(?:[^\w]|$)")
_CODE = Test(r"\.(?:py|sh|ipynb|md)$|__|finetune|train_")
_MODULE = Test(r"_benchmark|\.(?:trainer|engine|utils|modeling|runner)$")
_NO_MODEL = Test(
    r"(?i)^(?:the|my|our|this|only|using|with|even|and|for|about|around|over|under|than|single|model|models|params?|"
    r"lora|qlora|full|batch|gpu|fine|deepspeed|zero|stage|step|epoch|version|cuda|python|"
    r"torch|pytorch|\w+ing |\w+ed |fp\d|bf\d|int\d|v\d|sm_?\d|ds_?z|h\d|rtx|gtx|size|from|have|has|can|run|train|"
    r"use|tune|when|what|which|how|any|same|small|large)"
)
# Words that make a name a part of something else: an encoder inside the model, a data set, a paper to compare with.
_PART = Test(
    r"(?:encoder|tower|backbone|tokenizer|tokeniser|processor|dataset|data set|embedding model|"
    r"ref(?:erence)?[ _]model|reward[ _]model|teacher|draft model|judge)\s?(?:is|:|=|from|of)?\s?[`'\"]?$"
)
_PART_AFTER = Test(
    r"^[`'\"]?\s?(?:encoder|tower|tokeni[sz]er|processor|dataset|data\b|embeddings?|paper|format|tokens?|style|"
    r"prompt|template|vae\b|code(?:base)?\b|trainer|scripts?|repo|notebook|examples?)"
)
_COMPARED = Test(
    r"(?:like|such as|e\.g\.|unlike|similar to|compared (?:to|with)|than|vs\.?|versus|as (?:is )?(?:done |"
    r"used )?(?:with|in|for)|比如|例如|类似|像|相比)\s?[`'\"]?$"
)


def _extended(prose: Prose, hit: ModelName) -> tuple[str, int, float | None]:
    """The name with the size or variant that people write after a blank ("llama 3 8b", "InternVL3 8B"), where it ends, and its size."""
    name, end, params = hit.name, hit.end, hit.params_b
    for _ in range(3):
        rest = prose.lower[end : end + 16]
        size = _RIGHT_SIZE.search(rest) if params is None else None
        if size is not None:
            stop = end + size.end(1) + (len(rest[size.end(1) :]) - len(rest[size.end(1) :].lstrip())) + 1
            params, name, end = float(size.group(1)), prose.text[hit.start : stop], stop
            continue
        variant = _VARIANT.search(rest)
        if variant is None:
            break
        end += variant.end()
        name = prose.text[hit.start : end]
    return name.strip(), end, params


def _weight(prose: Prose, hit: ModelName, end: int, params: float | None) -> int | None:
    """How much a mention proves; None when it names a part, a data set or a comparison."""
    line, line_end = prose.line(hit.start)
    before, after = prose.lower[max(line, hit.start - 32) : hit.start], prose.lower[end : min(line_end, end + 24)]
    if _PART(before) or _PART_AFTER(after) or _COMPARED(before):
        return None
    if params is not None:
        return _SIZED
    return _FAMILY if hit.plain or (hit.row is not None and not hit.sized) else _NAME


def _models(prose: Prose, library: Library) -> Iterator[tuple[Mention, Mention | None]]:
    programs = _program_names(library)
    for hit in find_models(prose.text, library)[:MAX_MENTIONS]:
        if _MODULE(hit.name) or (hit.row is None and hit.name.lower() in programs) or (hit.plain and _CODE(hit.name)):
            continue
        name, end, params = _extended(prose, hit)
        weight = _weight(prose, hit, end, params)
        if weight is None:
            continue
        claim = claim_of(prose, hit.start, end)
        stated = params if params_from_name(name) is not None or params != hit.params_b else None
        if stated is not None and stated < _SMALLEST:
            stated = None  # "YOLOv8m": the 8 is no size
        yield (
            Mention(name, hit.start, end, claim, weight),
            Mention(stated, hit.start, end, claim, weight) if stated is not None else None,
        )


def _unknown(prose: Prose, named: list[Mention], library: Library) -> Iterator[Mention]:
    """Names that no row knows, where the sentence says that they are a model: "fine-tuning the Xyz3 model", "post-training of Foo 2B"."""
    for pattern in (_TUNED, _NAME_SIZE):
        for match in islice(pattern.finditer(prose.text), MAX_MENTIONS):
            name, start, end = match.group(1).rstrip(".-_"), match.start(1), match.end(1)
            if (
                any(item.start < end and start < item.end for item in named)
                or _NO_MODEL(name)
                or find_gpus(name, library)
            ):
                continue
            if name.lower() in _program_names(library):
                continue
            yield Mention(name, start, end, claim_of(prose, start, end), _NAME)


@lru_cache(maxsize=4)
def _program_names(library: Library) -> frozenset[str]:
    return frozenset(name.lower() for key, row in library.frameworks.items() for name in (key, *row.names))


def _sizes(prose: Prose, named: list[Mention], library: Library) -> Iterator[Mention]:
    for match in islice(_SIZE.finditer(prose.lower), MAX_MENTIONS):
        start, end = match.start(1), match.end(1)
        if any(item.start <= start < item.end for item in named):
            continue
        line, line_end = prose.line(start)
        if _NOT_PARAMS(prose.lower[end : min(line_end, end + 14)]) or not _SAYS_MODEL(
            prose.lower[max(line, start - 60) : min(line_end, end + 60)]
        ):
            continue
        value = float(match.group(1))
        if any(
            hit.start < 12 and hit.end > 4 for hit in find_gpus(prose.text[max(line, start - 8) : end + 4], library)
        ):
            continue  # an Ascend 910B
        if 0.05 <= value <= 2000:
            yield Mention(value, start, end, claim_of(prose, start, end), _SIZED)


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The model of the run that failed or is planned, and how many billion parameters it is said to have."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    pairs = list(_models(prose, library))
    names = [name for name, _ in pairs]
    chosen = best(names, ideas=True)
    guessed = chosen is None
    if guessed:
        chosen = best(list(_unknown(prose, names, library)), ideas=True)
    if chosen is not None:
        rank = RANK if chosen.weight > _FAMILY and not guessed else RANK // 2
        yield observe(doc, "model", chosen.value, chosen.start, rank)
    sizes = [size for _, size in pairs if size is not None] + list(_sizes(prose, names, library))
    of_model = [item for item in sizes if chosen is not None and item.start == chosen.start]
    size = of_model[0] if of_model else best(sorted(sizes, key=lambda item: item.start), ideas=True)
    if size is not None and not _several(sizes, size):
        yield observe(doc, "params_b", size.value, size.start)


def _several(sizes: list[Mention], size: Mention) -> bool:
    """Whether sizes stand side by side as a choice ("2b 4b 8b")."""
    near = [
        item
        for item in sizes
        if item.value != size.value and abs(item.start - size.start) < 8 and item.claim >= Claim.IDEA
    ]
    return bool(near)
