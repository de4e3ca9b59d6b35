"""Cards and accelerators in text: every spelling, with the memory size that stands beside the name."""

from __future__ import annotations

from collections.abc import Iterator
from weakref import WeakKeyDictionary

import re2
from msgspec import Struct

from advisor.library import Library
from advisor.names.keys import Trigger, beginnings_of, key_of, keys_from, known_pieces, lower_of, triggers
from advisor.records import Gpu

_VENDOR_WORDS = (
    "nvidia",
    "geforce",
    "tesla",
    "amd",
    "intel",
    "habana",
    "huawei",
    "google",
    "radeon",
    "quadro",
    "apple",
)
_TAIL_WORDS = ("generation", "graphics", "gpu", "card", "npu", "accelerator")
# A name of three characters or fewer, or of digits alone, is also a word of its own: it counts only where a card is meant.
_LONGEST_WEAK = 3
_BEFORE = re2.compile(
    r"(?:(?:^|[^0-9.])[0-9]{1,3} ?[x×*] ?|[0-9一二两三四五六七八九十单双多] ?[张块卡台片个枚颗种] ?(?:的|nvidia|rtx)? ?"
    r"|\b(?:nvidia|tesla|geforce|quadro|apple|amd|intel|single|dual|quad|gpus?|vram|cards?|colab|kaggle|device|npu|chip|macbook"
    r"|mac ?os|macbook (?:pro|air)|mac (?:mini|studio))[ :：=(]{1,3}"
    r"|\b(?:use|have|has|got|own|of) [1-9][0-9]? |\b(?:gpu|card)s?(?: (?:config\w*|model|type|name|used))?(?: is|:) ?(?:an? |the |my )?"
    r"|\b(?:on|with|using|have only|only) (?:an? |my |the |one |our |two |three |four |six |eight |[0-9]{1,3} )?"
    r"(?:single |dual |new |old |second )?|\b(?:one|two|three|four|six|eight|an?|my|our) |"
    r"(?:显卡|卡|用|在|单|张|块|台|型号)(?:是|为)? ?[:：]? ?)$"
)
_AFTER = re2.compile(
    r"^(?:s?[ -]?[x×*] ?[0-9]{1,3}\b|s?[ -]?[(的]? ?[0-9]{1,3} ?g(?:i?b)?\b|s?[ -]?(?:gpus?|rtx|cards?|graphics|laptop|npu|max|pro"
    r"|ultra|chip|macbook|vram|capacity)\b|s? ?(?:显卡|单卡|双卡|多卡|卡|机器|服务器|上|显存|跑|训练|芯片))"
)
_OTHER_THING = re2.compile(
    r"^ ?(?:张图|条|个样本|步|轮)|^[ -](?:norm|regulari|reg\b|loss|cache|distance|penalty|layer|level|language|milestone|latency|traffic"
    r"|images?\b|pictures|samples?\b|steps?\b|iterations?\b|epochs?\b|rows\b|examples\b|tokens?\b|files\b|items\b|classes\b|frames\b"
    r"|videos\b|sentences\b|documents\b|pairs\b|points\b|words\b|pixels\b|hours\b|seconds\b|minutes\b)"
)
# "LLaMA-Factory, 4090, qwen2.5-7b": a word of a list in which the others are no numbers.
_LISTED_BEFORE, _LISTED_AFTER = (
    re2.compile(r"(?:^|\p{L}[\w.+-]* ?[,，、;；/|] ?)$"),
    re2.compile(r"^ ?[,，、;；|] ?\p{L}"),
)
_CARD_NUMBER = re2.compile(r"^[2-5]0[5-9]0$")
_COUNTED = re2.compile(r"^(?:s\b|[0-9]{1,2} ?g|x[0-9]{1,3}\b|gpus?\b|s?$)")
_SIZE_AFTER = re2.compile(
    r"^(?:[ \-_,，、(（\[:：/]|sxm[2-6]?|pcie?|hbm[23]e?|nvl(?:ink)?|tensor|core|gpus?|cards?|graphics|each|with|has|have|having"
    r"|of|vram|memory|显卡|显存|单卡|每张|每卡|每块|的|卡|和|is|are|s\b|per|a|about|total|[x×*] ?[0-9]{1,2}\b)*?"
    r"(?P<gb>[0-9]{1,3}) ?g(?:i?b)?\b"
)
_SIZE_BEFORE = re2.compile(
    r"(?:^|[^0-9.])(?P<gb>[0-9]{1,3}) ?g(?:i?b)?[ \-_]{0,2}(?:的|vram|memory|显存)? ?(?:nvidia|tesla|geforce)? ?$"
)
_REACH = 40
_SIZE_SLACK = 0.08


class GpuName(Struct, frozen=True):
    """A card found in a text.

    Attributes:
        name: the canonical name; without a size ("A100") where the card has several and the text tells none.
        row: the row of knowledge/gpus; the usual size of the card where the text tells none.
        sized: whether the row's memory size is certain.
        start, end: the place in the text.
    """

    name: str
    row: Gpu
    sized: bool
    start: int
    end: int


class _Keys(Struct):
    """What the spellings come to, as it is cached.

    Attributes:
        rows: keys of spellings to names of rows. cards: cards to the names of their rows. card_keys: keys to cards.
        beginnings: keys of the first words of all spellings, and of the whole ones.
        trigger: a pattern of the places where one may begin.
    """

    rows: dict[str, str]
    cards: dict[str, list[str]]
    card_keys: dict[str, str]
    beginnings: set[str]
    trigger: str


def _build(library: Library) -> _Keys:
    keys = _Keys({}, {}, {}, set(), "")
    names: list[list[str]] = []

    def learn(spelling: str) -> str:
        pieces = known_pieces(spelling)
        names.append(pieces)
        found = beginnings_of(pieces)
        keys.beginnings.update(found)
        return found[-1]

    for row in library.gpus.values():
        for spelling in (row.name, *row.aliases):
            keys.rows.setdefault(learn(spelling), row.name)
        if row.card:
            keys.cards.setdefault(row.card, []).append(row.name)
    for card in keys.cards:
        for spelling in (card, _without_vendor(card)):
            keys.card_keys[learn(spelling)] = card
    keys.trigger = triggers(names)
    return keys


class _Index:
    """Keys of the cards' spellings, and the places where one may begin."""

    def __init__(self, library: Library) -> None:
        keys = library.derived("gpu-names-2", _Keys, lambda: _build(library))
        self._gpus = library.gpus
        self._rows, self._cards, self.card_keys = keys.rows, keys.cards, keys.card_keys
        self.beginnings = keys.beginnings
        self.needs_context = {
            key_of(name) for name in library.settings.get("names", {}).get("gpus_that_need_context", ())
        }
        self.trigger = Trigger(keys.trigger, keys.beginnings)

    def sizes(self, card: str) -> list[Gpu]:
        """The rows of a card, one a memory size; empty for what is no card."""
        return [self._gpus[name] for name in self._cards.get(card, ())]

    def entry(self, key: str) -> tuple[str, Gpu] | None:
        """The card (or an empty string) and the row of a key."""
        card = self.card_keys.get(key)
        if card is not None:
            return card, self._gpus[self._rows.get(key) or self._cards[card][0]]
        name = self._rows.get(key)
        if name is None:
            return None
        row = self._gpus[name]
        return (row.card if row.card == row.name else ""), row


def _without_vendor(card: str) -> str:
    vendor, _, name = card.partition(" ")
    # "5060 Ti"; a bare number would be a word of its own.
    is_brand = vendor.lower() in _VENDOR_WORDS or (vendor.lower() in ("rtx", "gtx") and " " in name)
    return name if name and is_brand else card


_indexes: WeakKeyDictionary[Library, _Index] = WeakKeyDictionary()


def _index(library: Library) -> _Index:
    index = _indexes.get(library)
    if index is None:
        index = _indexes[library] = _Index(library)
    return index


def find_gpus(text: str, library: Library) -> list[GpuName]:
    """The cards that the text names, in the order of the text; linear in its length.

    A bare number ("3090") and a short name ("T4") count only where a card is meant ("8x3090", "on a T4", "4090显卡").
    """
    return list(_found(text, library))


def _found(text: str, library: Library) -> Iterator[GpuName]:
    index = _index(library)
    lowered = lower_of(text)
    done = 0
    for start in index.trigger.starts(lowered):
        if start < done:
            continue
        best = None
        for key, end in keys_from(lowered, start, index.beginnings):
            if _ends(lowered, end) and (entry := index.entry(key)) is not None:
                best = key, end, entry
        if best is None:
            continue
        key, end, (card, row) = best
        before = _line_before(lowered, start)
        after = _line_after(lowered, end)
        if not _is_meant(text, start, key, before, after, key.isdigit() or key in index.needs_context):
            continue
        done = end
        yield _named(index, card, row, before, after, start, end)


def _ends(lowered: str, end: int) -> bool:
    """Whether a name may end here: no letter or digit follows, except a count ("x8") or a plural."""
    if end >= len(lowered) or not (lowered[end].isascii() and lowered[end].isalnum()):
        return True
    return bool(_COUNTED.match(lowered[end : end + 5]))


def _line_before(lowered: str, start: int) -> str:
    return lowered[max(0, start - _REACH) : start].rpartition("\n")[2]


def _line_after(lowered: str, end: int) -> str:
    return lowered[end : end + _REACH].partition("\n")[0]


def _is_meant(text: str, start: int, key: str, before: str, after: str, needs_context: bool) -> bool:
    """Whether the name means a card here; in doubt only for bare numbers, short names and those that need context."""
    if len(key) > _LONGEST_WEAK and not needs_context:
        return True
    introduced = bool(_BEFORE.search(before) or _SIZE_BEFORE.search(before)) and not _OTHER_THING.match(after)
    glued_before = before[-1:] and (before[-1] in "-./#$:=~%\\@" or (before[-1] == "," and before[-2:-1].isdigit()))
    glued_after = after[:1] in {"%", "/", "°"} or (after[:1] in {".", ",", "-", ":", "_"} and after[1:2].isalnum())
    followed = bool(_AFTER.match(after))
    is_listed = _LISTED_BEFORE.search(before) and _LISTED_AFTER.match(after) and _CARD_NUMBER.match(key)
    introduced = introduced or bool(is_listed)
    if (glued_after and not followed) or (glued_before and not introduced):
        return False
    return introduced or followed or (not needs_context and text[start].isupper())


def _named(index: _Index, card: str, row: Gpu, before: str, after: str, start: int, end: int) -> GpuName:
    if not card:
        return GpuName(row.name, row, True, start, end)
    sizes = index.sizes(card)
    for pattern, side in ((_SIZE_AFTER, after), (_SIZE_BEFORE, before)):
        found = pattern.match(side) if pattern is _SIZE_AFTER else pattern.search(side)
        if found and (sized := _of_size(sizes, float(found.group("gb")))) is not None:
            return GpuName(sized.name, sized, True, start, end)
    plain = len(sizes) == 1 or row.name == card
    return GpuName(row.name if plain else card, row, plain, start, end)


def _of_size(rows: list[Gpu], gib: float) -> Gpu | None:
    """The row whose memory, as sold or as reported, is nearest to `gib`, if it is near at all."""

    def distance(row: Gpu) -> float:
        return min(abs(row.memory_gb - gib) / row.memory_gb, abs(row.usable_gib - gib) / row.usable_gib)

    nearest = min(rows, key=distance)
    return nearest if distance(nearest) <= _SIZE_SLACK else None


def sized_gpu(name: str, capacity_gib: float, library: Library) -> Gpu | None:
    """The row of a card named without a size ("A100") whose memory agrees with a measured capacity in GiB.

    None when the card is unknown or has no such size.
    """
    index = _index(library)
    row = resolve_gpu(name, library)
    if row is None:
        return None
    return _of_size(index.sizes(row.card) or [row], capacity_gib)


def resolve_gpu(name: str, library: Library) -> Gpu | None:
    """The row of one name in any spelling; the usual size of a card named without one; None when it is unknown.

    Nothing is guessed: `RTX 4095` has no row.
    """
    index = _index(library)
    key = key_of(name)
    for candidate in _variants(key):
        entry = index.entry(candidate)
        if entry is not None:
            return entry[1]
    found = find_gpus(name, library)
    whole = [one for one in found if not _has_rest(name, one)]
    return whole[0].row if len(whole) == 1 else None


def _variants(key: str) -> Iterator[str]:
    yield key
    stripped = key
    for _ in _VENDOR_WORDS:
        for word in _VENDOR_WORDS:
            if stripped.startswith(word) and len(stripped) > len(word):
                stripped = stripped.removeprefix(word)
                yield stripped
    for word in _TAIL_WORDS:
        if stripped.endswith(word):
            stripped = stripped.removesuffix(word)
            yield stripped


_REST = re2.compile(
    r"(?:nvidia|geforce|tesla|quadro|amd|radeon|instinct|intel|apple|huawei|gpus?|graphics|card|generation|pcie?|sxm[2-6]?|hbm[23]e?"
    r"|nvl|tensor|core|[0-9]{1,3} ?g(?:i?b)?\b|[0-9]{1,3} ?[x×*]|[x×*] ?[0-9]{1,3}|vram|\(tm\)|\(r\)|[^0-9a-z])"
)


def _has_rest(name: str, found: GpuName) -> bool:
    """Whether the name says more than the card, its maker, form, count and size."""
    lowered = lower_of(name)
    rest = f"{lowered[: found.start]} {lowered[found.end :]}"
    return bool(_REST.sub("", rest))
