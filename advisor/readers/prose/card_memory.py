"""Sizes of memory in people's words: of a card that nobody names, of each of several, of the host.

>>> from advisor.readers.document import Document
>>> from advisor.readers.prose.lines import prose_of
>>> prose = prose_of(Document.of("My GPU has 12GB and the machine 64 GB of RAM. It takes 20 GB of VRAM."))
>>> [item.value for item in memories(prose)], [item.value for item in ram(prose)]
([12.0], [64.0])
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import re2

from advisor.library import Library
from advisor.readers.prose.lines import Prose
from advisor.readers.prose.measured_card import is_measured
from advisor.readers.prose.named_cards import MAX_CARD_GIB, MAX_GPUS
from advisor.readers.prose.negation import MAX_MENTIONS, Mention, claim_of
from advisor.readers.prose.patterns import Test
from advisor.readers.prose.quantities import SIZE

_PER_CARD = re2.compile(
    rf"(?:^|[^\w.])(\d{{1,4}})[ \t]?[x×*][ \t]?(\d{{1,6}}(?:\.\d{{1,2}})?)[ \t]?(gib|gb|g|mib|mb)\b|"
    rf"(?:^|[^\w.]){SIZE}[ \t]?[x×*][ \t]?(\d{{1,4}})(?:[ \t]?(?:张|块|卡|gpus|cards)|[^\w.]|$)"
)
# Memory of a card that isn't named.
_MEMORY = re2.compile(
    rf"(?:^|[^\w.\-~/]){SIZE}[ \t]?(?:of |的)?[ \t]?(?:(?:gpu|graphics|video|cuda|nvidia|dedicated|per|on)[ _-]?(?:a |my |"
    rf"the )?){{0,2}}(?:vram|显存|显卡|gpus?\b|graphics card|video card|(?:video|cuda)[ _]memory|cards?\b|的?卡)|"
    rf"(?:显存|vram|显卡|gpu memory|gpu mem|gpu['’]s (?:ram|memory|vram)|memory per gpu|video memory|"
    rf"单卡|每张?卡|gpu ram)(?:大小|容量|总量|只有|为|是|有|也?就|不到|:|：|"
    rf"=|size|of|is|[ \t]|~|都|才|约|が|は|\(|（){{0,4}}{SIZE}(?:[^\w/]|$)|"
    rf"\b(?:gpu|graphics card|video card|card)s?(?: that| which)?(?: \w+)? (?:has|have|with|having|of|is|only)[ \t](?:only |about |"
    rf"just )?{SIZE}\b|"
    rf"\bgpus?[ \t]?[:：]?[ \t]?{SIZE}(?:[^\w/]|$)|"
    rf"\b(?:i|we) (?:only |just |personn?ally )?(?:have|got) (?:only |about |just |a )?{SIZE}(?:[ \t]?[.,;?!()（]|$)|"
    rf"\b(?:is|are|would|will) (?:an? |one |only )?{SIZE}[ \t]?(?:of )?(?:\w+ )?(?:be )?(?:enough|sufficient)\b|"
    rf"\b(?:if|whether) (?:only |an? |my )?{SIZE} (?:is|would be|will be|are) (?:enough|sufficient)\b|"
    rf"\bwith (?:only |just )?{SIZE} (?:of )?memory(?:[ \t]?[.,:;!?)]|$)|"
    rf"{SIZE}[ \t]?(?:显存)?够[吗么不用]|[张块卡][^\n。;；]{{0,6}}[，, ]各(?:有|自)?{SIZE}|"
    rf"(?:^|[^\w.]){SIZE}[ \t]?(?:(?:of )?\w+ )?(?:each\b|per (?:gpu|card|device)|a ?piece\b)|"
    rf"\b(?:oom|ooming|out of memory)\b[^\n.]{{0,20}}?\b(?:with|on|at)[ \t](?:a |my )?{SIZE}\b|"
    rf"\b(?:fit|squeez|run|train|tun|lora)\w*\b[^\n.?;]{{0,40}}? (?:in|into|within|on)(?: to)? (?:an? |my |only |just )?{SIZE}"
    r"(?:[ \t]?[.?!,;)]|$)"
)
_MEGABYTES = re2.compile(
    r"(?:(?:显存|vram|gpu memory|video memory|memory size|memory of (?:my |the |each )?(?:gpu|card))(?:大小|容量|只有|size|only|just|"
    r"is|of|has|为|是|有|[ \t:：=]){0,5}|"
    r"\b(?:gpu|graphics card|card) (?:is|has|with|only has) (?:only |about )?)(\d{4,6})[ \t]?(?:mb|mib|m)(?:[^\w/]|$)"
)
# "使用12g显卡"
_A_CARD, _BY_MEANS_OF = Test(r"(?:显卡|卡|gpus?|cards?)\W?$"), Test(r"(?:使?用|using|uses?|on)[ \t]?(?:an? |one )?$")
_BESIDE = 16
_JOINS = Test(r"^[ ]?(?:gb?|gib)? ?(?:of )?(?:v?ram|memory)?[ ]?(?:on )?(?:an? |my )?(?:nvidia |geforce |rtx |gtx )*$")
_WITH = Test(r"^[ ,]{0,2}(?:gpus?|cards?)?[ ,(（]{0,2}(?:with|that has|which has|having|has|w/)[ ]?(?:only |about )?$")
_FORMERLY = Test(
    r"(?:之前|以前|原来|曾经?)(?:是?在|用的?是?|的)?[^\n，。,;；]{0,6}$|\b(?:previously|formerly|used to (?:run|work|"
    r"train) on)[^\n.,;]{0,12}$"
)
_CARD_WITH = Test(r"(?:gpus?|cards?)[ ,]{1,2}(?:with|that has|having|of|w/|has|at)[ ](?:only |about )?$")
_HOST_RAM = Test(r"system|host|cpu|main|machine|physical|ddr|内存|主存")
_NOT_A_CARD = re2.compile(
    r"(?i)(?:takes?|took|taking|\blike|us(?:es|ing|ed|age)|need(?:s|ed)?|consum\w+|requir\w+|occup\w+|cost\w*|allocat\w+|"
    r"peaks?|up to|less than|more than|around|"
    r"~|exceed\w*|increas\w*|reach\w*|占用?(?:了|约|大概|到)?|需要?|要|"
    r"用了|使用了?|消耗|达到|超过|至少|最少|共|总共|总计|合计|涨到|峰值|只要|仅需|够|还剩|剩余?|"
    r"total|totally|reserved|free|of the)[ \t]?"
    r"(?:有|约|大约|大概|接近|是|为|to|of|at|about|only|just|it|the|a|在|到|个|了)?[ \t]?$|"
    r"(?:占用?|使用|消耗)[^\n，。,]{1,10}的[ \t]?$"
)
_IN_USE = Test(r"(?:占用|使用|消耗)[了的]{0,2} ?显存")
_USED_AFTER = re2.compile(
    r"^[ \t]?(?:显存|vram|(?:of )?(?:gpu |video |cuda )?(?:memory|vram))?[ \t]?(?:左右)?(?:就能|就够|足够|就行|才够|才能|"
    r"(?:is|was|are|were|will be) (?:already )?(?:used|needed|required|occupied|taken|in use)|used|"
    r"usage|占用|左右|is enough|would be)"
)
_DECIMAL_COMMA = re2.compile(r"(?:^|[^\w,.])(\d{1,3}),$")
_RAM = re2.compile(
    rf"(?:^|[^\w.]){SIZE}\+?[ \t]?(?:of )?(?:(?:system|host|cpu|main|machine|physical|unified|"
    rf"ddr\d?)[ -]?){{0,2}}(?:ram\b|ddr\d\b|内存|主存|memory \(ram\)|(?:system|cpu|host|main) memory)|"
    rf"\bddr[2-6]l?x?[ \t,:：(]{{1,2}}(?:\d{{4}}[ \t]?(?:mhz|mt/s)?[ \t])?{SIZE}\b|"
    rf"(?:内存|主存|主机|host ram|cpu ram|system ram|system memory|host memory|cpu memory|\bram\b(?: (?:of|in|on) (?:my|the|"
    rf"this|our) \w{{1,12}})?)[ \t]?(?:大小|容量|只有|为|是|有|:|"
    rf"：|=|is|of|size|total|[ \t]){{0,4}}{SIZE}(?:[^\w/]|$)|"
    rf"(?:total (?:machine|system) memory|machine memory)[ \t]?[:：]?[ \t]?{SIZE}"
)


def memories(prose: Prose) -> Iterator[Mention]:
    for match in islice(_MEMORY.finditer(prose.lower), MAX_MENTIONS):
        group = next(index for index, text in enumerate(match.groups(), 1) if text)
        start, end = match.start(group), match.end(group)
        size = float(match.group(group))
        before, after = prose.lower[max(0, start - 24) : start], prose.lower[end + 1 : end + 24].lstrip("bi ")
        is_used = _NOT_A_CARD.search(before) and not (_A_CARD(match.group()) and _BY_MEANS_OF(before))
        is_used = is_used or (_USED_AFTER.search(after) and not match.group().startswith(("if ", "whether ")))
        if not 1 <= size <= MAX_CARD_GIB or is_used or _FORMERLY(before):
            continue
        yield Mention(size, start, end, claim_of(prose, start, end), 1)


def megabytes(prose: Prose) -> Iterator[Mention]:
    """A card's memory in megabytes: "the memory of my gpu is 6000M", "its GPU memory 7979MB"."""
    for match in islice(_MEGABYTES.finditer(prose.lower), MAX_MENTIONS):
        start, end = match.start(1), match.end(1)
        size = float(match.group(1)) / 1024
        said = prose.lower[max(0, match.start() - 6) : match.start(1)]
        if (
            _IN_USE(said)
            or _NOT_A_CARD.search(prose.lower[max(0, start - 24) : start])
            or _USED_AFTER.search(prose.lower[end : end + 24].lstrip("mib "))
        ):
            continue
        if 1 <= size <= MAX_CARD_GIB:
            yield Mention(size, start, end, claim_of(prose, start, end), 1)


def per_card(prose: Prose) -> Iterator[tuple[Mention, Mention]]:
    for match in islice(_PER_CARD.finditer(prose.lower), MAX_MENTIONS):
        first, size, unit, other_size, other_count = match.groups()
        count = int(first or other_count)
        memory = float(size or other_size) / (1024 if unit in ("mib", "mb") else 1)
        if not 2 <= memory <= MAX_CARD_GIB or not 1 <= count <= MAX_GPUS:
            continue
        claim = claim_of(prose, match.start(), match.end())
        yield (
            Mention(count, match.start(), match.end(), claim, 1),
            Mention(memory, match.start(), match.end(), claim, 1),
        )


def ram(prose: Prose) -> Iterator[Mention]:
    for match in islice(_RAM.finditer(prose.lower), MAX_MENTIONS):
        group = next(index for index, text in enumerate(match.groups(), 1) if text)
        start = match.start(group)
        before = prose.lower[max(0, start - 32) : start]
        size = float(match.group(group))
        if (whole := _DECIMAL_COMMA.search(before)) is not None:  # "27,9GB RAM"
            size = float(f"{whole.group(1)}.{match.group(group)}")
        if _NOT_A_CARD.search(before) or (
            _CARD_WITH(before) and not _HOST_RAM(prose.lower[start : match.end()])
        ):  # "2 A100 GPUs with 80 GB of RAM each"
            continue
        yield Mention(size, start, match.end(group), claim_of(prose, start, match.end(group)))


def of_a_card(prose: Prose, ram: Mention, names: list[Mention], library: Library) -> bool:
    """Whether "RAM" is a card's: "a TITAN X with 12G of RAM", "my GPU's RAM is 12GB"; not "an RTX 4090 with 64GB RAM"."""
    names = [item for item in names if is_measured(str(item.value), float(str(ram.value)), library)]
    if re2.search(r"gpu['’]?s?$", prose.lower[max(0, ram.start - 24) : ram.start].split(" ram")[0].rstrip()):
        return True
    if any(ram.end < name.start and _JOINS(prose.lower[ram.end : name.start]) for name in names):
        return True  # "10gb of RAM RTX 3080"
    return any(
        0 <= ram.start - name.end <= _BESIDE and _WITH(prose.lower[name.end : ram.start])
        for name in names
        if not str(name.value).startswith("Apple")
    )
