"""The cards that a text names, each with the number and the memory that stand beside its name.

>>> from advisor.library import load_library
>>> from advisor.readers.prose.lines import prose_of
>>> doc = Document.of("we train on two A100 40G")
>>> [[item.value for item in found if item] for found in cards(doc, prose_of(doc), load_library())]
[['A100-40GB', 2, 40.0]]
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from advisor.library import Library
from advisor.names import GpuName, find_gpus
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose
from advisor.readers.prose.measured_card import Card, is_measured
from advisor.readers.prose.negation import MAX_MENTIONS, Claim, Mention, claim_of
from advisor.readers.prose.patterns import Test
from advisor.readers.prose.quantities import NUMBER, SIZE, count_of

MAX_GPUS = 4096
# Sizes that a card can have; other numbers before "GB" are measurements.
MAX_CARD_GIB = 300.0
_REACH = 56
_PER_NODE = 8
_N = f"({NUMBER})"
_UNIT = r"(?:块|张|卡|个|片|颗|台|枚|台机器)"
_BRAND = r"(?:nvidia|geforce|tesla|quadro|amd|radeon|intel|rtx|显卡|gpus?|of|the|的|型号)"
# Number of cards right before a name: "8x", "two 40G", "4张", "7块40G的", "2 nodes with 8".
_COUNT_BEFORE = re2.compile(
    rf"(?:^|[^\w.\-/])(?:{_N}[ \t]?(?:nodes?|机|节点|台)[ \t]?(?:of|with|each with|,|，|\*|x|×|每台|各|每节点)?[ \t]?(?:each )?)?"
    rf"(?:(\d{{1,3}})[ \t]?[*x×][ \t]?)?({NUMBER}|single|dual|单|双)(?:[ \t]?=[ \t]?(\d{{1,4}}))?(?:[ \t]?-?(?:[x×*]|{_UNIT})[ \t]?|[ \t]|"
    rf"-|的|\b)"
    rf"(?:的[ \t]?)?(?:{SIZE}[ \t]?-?(?:的|显存的?|vram)?[ \t]?)?(?:{_BRAND}[ \t]?){{0,3}}-?$"
)
# Number of cards right after a name: "A100 40G*4", "3090 x2", "4090 两张", "V100(32GB) 8卡".
_COUNT_AFTER = re2.compile(
    rf"^(?:[ \t]?(?:gpus?|显卡|pcie|sxm\d?))?[ \t(（\[,，-]{{0,2}}(?:{SIZE})?(?:显存|vram)?[ \t]?[)）\]]?[ \t]?"
    rf"(?:[x×*][ \t]?(\d{{1,4}})\b|({NUMBER})[ \t]?(?:块|张|卡|片|cards|gpus|pcs))"
)
_SIZE_BEFORE = re2.compile(
    rf"(?:^|[^\w.]){SIZE}[ \t]?-?(?:的|显存的?|显存|of vram|vram|version|版(?:本)?的?)?[ \t]?(?:{_BRAND}[ \t]?){{0,3}}-?$"
)
_SIZE_AFTER = re2.compile(
    rf"^(?:[ \t-]?(?:gpus?|graphics cards?|cards?|显卡|pcie|sxm\d?|hbm\d\w?|laptop|笔记本|[x×*][ \t]?\d{{1,2}}|版|"
    rf"\d{{1,2}}卡)){{0,3}}[ \t]?"
    rf"(?:[ \t(（\[,，@:：-]|with|w/?|each|has|having|of|的|单卡|每张卡?|每卡|每块|显存|为|是|memory|size|about|only|"
    rf"only has){{0,8}}?{SIZE}(?:[^\w/]|$|[ \t]?vram|[ \t]?x[ \t]?\d|显存)"
)
# "RTX 3090, 64GB RAM": the machine's.
_HOST = Test(rf"^[^\n(（\d]{{0,12}}[,，、+][ \t]?{SIZE}[ \t]?-?(?:of )?(?:system |host |cpu |ddr\d )?(?:ram\b|内存)")
_ITS_RAM = Test(rf"^[^\n\d]{{0,12}}{SIZE} (?:of )?(?:ram\b|内存)")
_SIZE_INSIDE = re2.compile(rf"[ \t\-_(]{SIZE}\b")
_AND_MORE = re2.compile(
    rf"^[ \t]?(?:gpus?|cards?|显卡)?[ \t]?(?:and|plus|\+|和|加|以及)[ \t]?({NUMBER})[ \t]?(?:[x×*]|"
    rf"{_UNIT})?[ \t]?(?:{SIZE}的?[ \t]?)?(?:{_BRAND}[ \t]?)?(?:gpus?\b|cards?\b|显卡|[avhlt]\d{{2,3}}\b|\d{{4}}\b)"
)
_OWN = re2.compile(
    r"(?:\bmy|\bour|\bi have|\bi've|\bi use|\bi'm using|\busing|\bon (?:a|an|my|one|two|the)?|\bwith|\bequipped|"
    r"用的?是?|使用|我的?|机器|显卡(?:是|为|：|:)?|环境|配置|gpu[ \t]?[:：])[ \t]*\S{0,12}[ \t]?$"
)
# "3090,一共", "4090,vram": a comma before a letter ends a name, whichever width it has.
_CHINESE_COMMA = re2.compile(r",([\p{Han}A-Za-z])")
# "a-100": as long as "a100 ", so that offsets stay.
_HYPHENATED = re2.compile(r"\b([AHPTVahptv])-(100|800|200|20|40|10|30)\b")
_VERSUS = Test(
    r"^[^\n.;?]{0,32}(?:\bvs\.?|\bversus\b|\bor\b|还是)(?: (?:a|an|one|single|\d{1,2}) ?x?)?[ ]?(?:nvidia |rtx |geforce )*$"
)
# "Now I upgraded my GPU to an RTX 5060 Ti"
_UPGRADED = Test(r"\b(?:upgraded|switched|moved|changed|migrated)\b[^\n.!?]{0,24}$")
_AWAY = Test(r"\bfrom (?:an? |my |the )?(?:old )?(?:nvidia |rtx |geforce )*$")
# The card of a run that is over: "I used to generate it on an old laptop with a 3060", "之前在3090上成功".
_FORMERLY = Test(
    r"\bused to (?:\w+ ){0,2}(?:train|run|generate|work)\b[^.\n!?]*$|"
    r"\b(?:on|with) (?:an?|my) old[^.\n!?]{0,24}$|(?:此前|之前|以前)[^\n。]{0,24}$"
)
_FAR = 160
_CHOICE = re2.compile(r"^[^\n.;]{0,24}(?:\bor\b|还是|或者?|,| and |和|、)[^\n.;]{0,16}$")


def cards(doc: Document, prose: Prose, library: Library) -> Iterator[Card]:
    """For each card that is named: its name, and the count and memory that stand beside it."""
    text = str(_CHINESE_COMMA.sub(lambda match: f"，{match.group(1)}", prose.text))
    found = find_gpus(str(_HYPHENATED.sub(lambda match: f"{match.group(1)}{match.group(2)} ", text)), library)[
        :MAX_MENTIONS
    ]
    for index, hit in enumerate(found):
        claim = claim_of(prose, hit.start, hit.end)
        memory, count = _memory_near(prose, hit.start, hit.end), _count_near(prose, hit.start, hit.end)
        name = hit.name
        if memory is not None and _ITS_RAM(prose.lower[hit.end :][:_REACH]) and not is_measured(name, memory, library):
            memory = None  # "an RTX 4090 with 64GB RAM"
        if memory is not None and f"{name}-{memory:g}GB" in library.gpus:
            name = f"{name}-{memory:g}GB"
        weight = _weight(prose, hit.start, memory, count)
        if _compared(prose, found, index):
            weight, count, memory, name = -1, None, None, hit.name
        elif _UPGRADED(prose.lower[prose.line(hit.start)[0] : hit.start][-_REACH:]):
            weight += 1 if not _AWAY(prose.lower[max(0, hit.start - 16) : hit.start]) else -1
        elif _FORMERLY(prose.lower[prose.line(hit.start)[0] : hit.start][-_FAR:]):
            claim = min(claim, Claim.OTHERS)
        if count is None and _one_of_several(prose, found, index):
            weight -= 2
        if count is None and weight >= 0:
            count = _run_of_names(prose, found, index)
        yield (
            Mention(name, hit.start, hit.end, claim, weight),
            _with_others(prose, Mention(count, hit.start, hit.end, claim, 2)) if count is not None else None,
            Mention(memory, hit.start, hit.end, claim, 2) if memory is not None and memory <= MAX_CARD_GIB else None,
        )


def _memory_near(prose: Prose, start: int, end: int) -> float | None:
    """The size in GiB that stands beside a card's name."""
    inside = _SIZE_INSIDE.search(prose.lower[start:end])
    if inside is not None:
        return float(inside.group(1))
    line, line_end = prose.line(start)
    after = _SIZE_AFTER.search(prose.lower[end : min(line_end, end + _REACH)])
    if after is not None and not _HOST(prose.lower[end : min(line_end, end + _REACH)][: after.end() + 8]):
        return float(after.group(1))
    before = _SIZE_BEFORE.search(prose.lower[max(line, start - _REACH) : start])
    return float(before.group(1)) if before is not None else None


def _count_near(prose: Prose, start: int, end: int) -> int | None:
    """The number of cards that stands beside a card's name."""
    line, line_end = prose.line(start)
    before = _COUNT_BEFORE.search(prose.lower[max(line, start - _REACH) : start])
    if before is not None:
        nodes, times, number, product, _ = before.groups()
        count = count_of(product) if product else count_of(number or "")
        if count is not None and not product:
            if nodes and (count := of_nodes(count, nodes, before.group())) is None:
                return None
            count *= int(times) if times else 1
        if count is not None and 1 <= count <= MAX_GPUS:
            return count
    after = _COUNT_AFTER.search(prose.lower[end : min(line_end, end + _REACH)])
    if after is not None:
        count = count_of(after.group(2) or after.group(3) or "")
        if count is not None and 1 <= count <= MAX_GPUS:
            return count
    return None


def of_nodes(count: int, nodes: str, said: str) -> int | None:
    """All cards of several machines. "4机32卡" counts them together, "2机8卡" may mean either, "2 nodes with 8" each has 8."""
    if count > _PER_NODE:
        return count
    if "机" in said and not any(word in said for word in ("每", "各")):
        return None
    return count * (count_of(nodes) or 1)


def _weight(prose: Prose, start: int, *evidence: object) -> int:
    line, _ = prose.line(start)
    own = bool(_OWN.search(prose.lower[max(line, start - 32) : start]))
    return min(3, own + sum(item is not None for item in evidence))


def _one_of_several(prose: Prose, found: list[GpuName], index: int) -> bool:
    """Whether the card is only named in a row with others ("an A100, an L4 or a T4")."""
    for one, two in ((index - 1, index), (index, index + 1)):
        if one >= 0 and two < len(found) and found[one].name != found[two].name:
            between = prose.lower[found[one].end : found[two].start]
            if len(between) < 12 and _CHOICE.search(between):
                return True
    return False


def _compared(prose: Prose, found: list[GpuName], index: int) -> bool:
    """Whether the card stands on one side of a choice between two ("2x 3090 or 1x 4090")."""
    return any(
        one >= 0
        and two < len(found)
        and found[one].name != found[two].name
        and _VERSUS(prose.lower[found[one].end : found[two].start])
        for one, two in ((index - 1, index), (index, index + 1))
    )


def _run_of_names(prose: Prose, found: list[GpuName], index: int) -> int | None:
    """How often the name at `index` is repeated after it, only commas between, as environment reports list the cards."""

    def joined(one: int, two: int) -> bool:
        between = prose.lower[found[one].end : found[two].start]
        if not any(char in between for char in ",;、，\n|"):
            return False  # said twice
        between = between.strip(" ,;、，\n|")
        return found[one].name == found[two].name and between in ("", "nvidia", "nvidia geforce", "nvidia tesla")

    if index and joined(index - 1, index):
        return None
    last = index
    while last + 1 < len(found) and joined(last, last + 1):
        last += 1
    return last - index + 1 if last > index else None


def _with_others(prose: Prose, mention: Mention) -> Mention:
    """The count with that of a second kind of card in the same breath ("two 40G A100 and one 80G GPU")."""
    _, last = prose.sentence(mention.start)
    more = _AND_MORE.search(prose.lower[mention.end : last])
    extra = count_of(more.group(1)) if more is not None else None
    if extra is None or not isinstance(mention.value, int):
        return mention
    return Mention(mention.value + extra, mention.start, mention.end, mention.claim, 3)
