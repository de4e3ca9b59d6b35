"""Models in text: every spelling of a known one, and names that have the shape of a model's name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import re2
from msgspec import Struct

from advisor.library import Library
from advisor.names.keys import (
    Trigger,
    beginnings_of,
    key_of,
    keys_from,
    known_forms,
    lower_of,
    pieces_of,
    triggers,
)
from advisor.records import Model

# How many of a unit make a billion.
_SIZE_UNITS = {"b": 1.0, "bn": 1.0, "billion": 1.0, "m": 1000.0, "million": 1000.0}
# Words before a number that make it something other than all parameters: active ones (A3B), effective ones (E2B), 8x7B.
_NOT_ALL = frozenset({"a", "e", "x"})
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-+")
# What stands before or after a plain word ("bert", "llama") that is used as a model's name.
_ASKS = r"(?:model(?:[_-](?:name|type|id))?(?:_or_path)?|pretrained|arch|backbone|encoder|fine-?tun(?:e|ing)|train(?:ing)?|模型|微调|训练)"
_FOLLOWS = r"(?:model|training|fine-?tun|lora|模型|微调|训练)"
_LONGEST_TOKEN = 128
_CODE_SUFFIXES = (".py", ".sh", ".ipynb", ".cu", ".cpp", ".md", ".rst", ".txt", ".log", ".rs", ".js", ".ts")
_FILE_SUFFIX = re2.compile(
    r"(?i)[._-](?:q[2-8]_[a-z0-9_]+\.)?(?:gguf|safetensors|bin|pth?|ckpt|json|ya?ml|engine|onnx)$"
)
_SHAPED = re2.compile(
    r"(?:^|[\s\"'`=(:,\[<（，：])((?:[a-z0-9][a-z0-9_.-]{1,38}/)?[a-z][a-z0-9_.]{0,40}(?:-[a-z0-9_.]{1,24}){0,6}?[-_]?[0-9]{1,4}"
    r"(?:[._][0-9]{1,2})?[bm](?:[-_.][a-z0-9_.-]{0,48})?)(?:$|[\s\"'`),\]>:;，。）])"
)
_HUB_CACHE = "models--"


class ModelName(Struct, frozen=True):
    """A model found in a text.

    Attributes:
        name: as written; of a path only its last part, of a hub id all of it.
        row: the row of knowledge/models, None when the name only has the shape of one.
        sized: whether the name says which member of its family is meant; `row` is else the family's usual member.
        plain: whether the name stands in a file name of code or is a plain word, so that it may not be the run's model.
        params_b: billions of parameters by the name, else by the row when it is certain; None when unknown.
        start, end: the place in the text.
    """

    name: str
    row: Model | None
    sized: bool
    plain: bool
    params_b: float | None
    start: int
    end: int


class _Index(Struct):
    """Keys of the models' spellings and of their families, and one pattern that finds the places where one may begin.

    Attributes:
        names: key to the name of the row.
        families: keys of what stands before the size ("qwen2.5").
        beginnings: all keys with which one of these begins.
        words: names that are words of the language, which need context.
        not_models: words that only look like models.
        trigger, plain: patterns of the places where a name, or a plain word used as one, may begin.
    """

    names: dict[str, str]
    families: set[str]
    beginnings: set[str]
    words: set[str]
    not_models: frozenset[str]
    trigger: str
    plain: str


def _build(library: Library) -> _Index:
    rows: dict[str, str] = {}
    families: set[str] = set()
    beginnings: set[str] = set()
    names: list[list[str]] = []
    up_to_size: dict[str, str] = {}
    for row in library.models.values():
        for spelling in spellings(row):
            for pieces in known_forms(spelling):
                keys = beginnings_of(pieces)
                names.append(pieces)
                beginnings.update(keys)
            rows.setdefault(keys[-1], row.name)
            size = _size_at(pieces)
            if size > 0:
                families.add(keys[size - 1])
                up_to_size.setdefault(keys[size + 1], row.name)
    rows = up_to_size | rows
    families.difference_update(rows)
    families = {family for family in families if len(family) > 1}  # "M-7B": the letter alone names nothing
    settings = library.settings.get("names", {})
    words = {key_of(name) for name in settings.get("models_that_are_words", ())}
    words |= {family for family in families if family.isalpha() and len(family) > 1}
    not_models = frozenset(settings.get("not_models", ()))
    trigger = triggers(pieces for pieces in names if len(pieces) > 1 or pieces[0] not in words)
    listed = "|".join(re2.escape(word) for word in sorted(words)) or "[^\\x00-\\x{10ffff}]"
    plain = rf"{_ASKS}[ \t\"'`:=：]{{0,4}}\b({listed})(?:\b|_)|\b({listed}) ?{_FOLLOWS}"
    return _Index(rows, families, beginnings, words, not_models, trigger, plain)


class _Compiled:
    """The index with its patterns compiled, and the rows that its names stand for."""

    def __init__(self, library: Library) -> None:
        index = library.derived("model-names-2", _Index, lambda: _build(library))
        self._library = library
        self.names, self.families, self.beginnings = index.names, index.families, index.beginnings
        self.words, self.not_models = index.words, index.not_models
        self.trigger = Trigger(index.trigger, index.beginnings)
        self._plain = index.plain

    @cached_property
    def plain(self) -> Any:
        return re2.compile(self._plain)

    def row(self, key: str) -> Model | None:
        """The row of a key."""
        name = self.names.get(key)
        return self._library.models[name] if name is not None else None


def spellings(row: Model) -> list[str]:
    """All names of a model: its own, its id on the Hub with and without the organisation, its aliases."""
    found = [row.name, *row.aliases]
    if row.hf_id:
        found += [row.hf_id, row.hf_id.rpartition("/")[2]]
    tails = [alias.rpartition("/")[2] for alias in row.aliases if alias.count("/") == 1 and " " not in alias]
    return found + [tail for tail in tails if tail[:1].isalpha()]


_indexes: WeakKeyDictionary[Library, _Compiled] = WeakKeyDictionary()


def _index(library: Library) -> _Compiled:
    index = _indexes.get(library)
    if index is None:
        index = _indexes[library] = _Compiled(library)
    return index


def find_models(text: str, library: Library) -> list[ModelName]:
    """The models that the text names, in the order of the text; linear in its length.

    Known names in any spelling, and unknown ones that have the shape of a model's name (`org/Name-7B-Chat`), with row None.
    """
    lowered = lower_of(text)
    index = _index(library)
    found = [*_known(text, lowered, index), *_plain(text, lowered, index), *_shaped(text, lowered, index.not_models)]
    found.sort(key=lambda one: one.start)  # stable: of two at one place, the better known goes first
    kept: list[ModelName] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
        elif kept[-1].row is None and one.row is not None:
            kept[-1] = one
    return kept


def _known(text: str, lowered: str, index: _Compiled) -> Iterator[ModelName]:
    done = 0
    for start in index.trigger.starts(lowered):
        if start < done:
            continue
        best = None
        for key, end in keys_from(lowered, start, index.beginnings):
            if (key in index.names or key in index.families) and _ends(lowered, end):
                best = key, end
        if best is None or best[0] in index.words:
            continue
        key, end = best
        first, last = _token(lowered, start, end)
        done = last
        yield _named(text, lowered, index, key, start, end, first, last, _is_code(lowered, last))


def _plain(text: str, lowered: str, index: _Compiled) -> Iterator[ModelName]:
    """Plain words where a model is meant, not as a part of an identifier or a path; of a family's word nothing but it."""
    for match in index.plain.finditer(lowered):
        start, end = match.span(1) if match.start(1) >= 0 else match.span(2)
        first, last = _token(lowered, start, end)
        rest = lowered[first:start] + lowered[end:last]
        if lowered[last : last + 1] in {"/", "\\", "("} or "_" in rest or "." in rest:
            continue
        key = lowered[start:end]
        if rest and key not in index.names:
            continue
        yield _named(text, lowered, index, key, start, end, first, last, True)


def _named(
    text: str, lowered: str, index: _Compiled, key: str, start: int, end: int, first: int, last: int, plain: bool
) -> ModelName:
    row = index.row(key)
    written = text[first:last]
    params_b = params_from_name(written)
    sized = row is not None and _is_sized(lowered[start:end], key, row)
    if params_b is not None and not sized:
        row = None  # of the family, but of a size that is not known
    elif params_b is None and row is not None and sized:
        params_b = row.params_b
    return ModelName(_hub_id(written), row, sized, plain, params_b, first, last)


def _ends(lowered: str, end: int) -> bool:
    """Whether a name may end here: not in the middle of a word or a number."""
    if end >= len(lowered):
        return True
    following, last = lowered[end], lowered[end - 1]
    if not (following.isascii() and following.isalnum()):
        return not (following == "." and last.isdigit() and lowered[end + 1 : end + 2].isdigit())
    return last.isdigit() and following.isalpha() and not lowered.startswith(("b", "m", "x", "k", "gb", "mb"), end)


def _token(lowered: str, start: int, end: int) -> tuple[int, int]:
    """The whole word around a name, with the organisation of a hub id before it, without a file's suffix."""
    first, last = _back(lowered, start), _forward(lowered, end)
    if first > 1 and lowered[first - 1] == "/":
        before = _back(lowered, first - 1)
        if (
            before < first - 1
            and (before == 0 or lowered[before - 1] not in "/~\\:@$}")
            and lowered[before] not in ".-_"
        ):
            first = before
    suffix = _FILE_SUFFIX.search(lowered[first:last])
    if suffix and first + suffix.start() >= end:
        last = first + suffix.start()
    while last > end and lowered[last - 1] in "._-+":
        last -= 1
    if "(" in lowered[start:end] and lowered[last : last + 1] == ")":
        last += 1
    while first < start and lowered[first] in "._-+":
        first += 1
    return first, last


def _forward(lowered: str, at: int, also: str = "") -> int:
    stop = min(len(lowered), at + _LONGEST_TOKEN)
    while at < stop and (lowered[at] in _WORD or lowered[at] in also):
        at += 1
    return at


def _back(lowered: str, at: int) -> int:
    stop = max(0, at - _LONGEST_TOKEN)
    while at > stop and lowered[at - 1] in _WORD:
        at -= 1
    return at


def _is_code(lowered: str, last: int) -> bool:
    """Whether the path that goes on at `last` ends as a file of code, a script or a text does."""
    return lowered[last : _forward(lowered, last, "/\\")].endswith(_CODE_SUFFIXES) or lowered[:last].endswith(
        _CODE_SUFFIXES
    )


def _is_sized(written: str, key: str, row: Model) -> bool:
    """Whether what is written names one member of the family: it has a size, or the family's names have none."""
    if _size_at(pieces_of(written)) >= 0 or key == key_of(row.name):
        return True
    return _size_at(pieces_of(row.name)) < 0 and _size_at(pieces_of(row.hf_id)) < 0


def _hub_id(written: str) -> str:
    """`models--org--Name` of the Hub's cache as `org/Name`; else as written."""
    if written.lower().startswith(_HUB_CACHE):
        return written[len(_HUB_CACHE) :].replace("--", "/", 1)
    return written


# An identifier: "b9e44794-c591-416b-...".
_UUID = re2.compile(r"^[0-9a-f]{6,12}(?:-[0-9a-f]{4}){2,3}")


def _shaped(text: str, lowered: str, not_models: frozenset[str]) -> Iterator[ModelName]:
    """Names that only have the shape of a model's name: words, then a size such as 7B or 350M."""
    for match in _SHAPED.finditer(lowered):
        start, end = match.start(1), match.end(1)
        written = text[start:end].rstrip(".-_")
        params_b = params_from_name(written)
        if (
            params_b is None
            or _UUID.search(lowered[start:end]) is not None
            or pieces_of(written)[0] in not_models
            or (text[start + len(written) - 1] in "mM" and "/" not in written)
        ):
            continue
        yield ModelName(
            written, None, True, _is_code(lowered, start + len(written)), params_b, start, start + len(written)
        )


def params_from_name(name: str) -> float | None:
    """Billions of parameters that a name states: `7B`, `0.5b`, `1_8b`, `350M`; the total of `30B-A3B`; None for `8x7B`.

    >>> params_from_name("Qwen3-30B-A3B"), params_from_name("opt-350m"), params_from_name("Mixtral-8x7B"), params_from_name("x-4bit")
    (30.0, 0.35, None, None)
    """
    return _size_of(pieces_of(name))


def _size_of(pieces: list[str]) -> float | None:
    at = _size_at(pieces)
    return float(pieces[at]) / _SIZE_UNITS[pieces[at + 1]] if at >= 0 else None


def _size_at(pieces: list[str]) -> int:
    """The position of the number that tells all parameters; -1 if there is none."""
    for at in range(len(pieces) - 1):
        number = pieces[at]
        is_size = pieces[at + 1] in _SIZE_UNITS and number[0].isdigit() and float(number) > 0
        if is_size and not (at and pieces[at - 1] in _NOT_ALL):
            return at
    return -1


def resolve_model(name: str, library: Library) -> Model | None:
    """The row of one name in any spelling, with or without its organisation, folder and suffixes; None when unknown.

    A family alone gives its usual member, a size that the family is not known to have (`Qwen2.5-9B`) none.
    """
    index = _index(library)
    tail = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    for candidate in (name, tail):
        row = index.row(key_of(candidate))
        if row is not None:
            return row
    found = [one for one in _known(name, lower_of(name), index) if one.row is not None]
    if found:
        return found[-1].row
    for key, _ in reversed(list(keys_from(lower_of(tail), 0, index.beginnings))):
        if key in index.words and key in index.names and params_from_name(name) is None:
            return index.row(key)
    return None
