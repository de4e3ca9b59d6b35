"""The machine in people's words: which card, how many, how much memory each, how much RAM.

>>> from advisor.library import load_library
>>> doc = Document.of("两张 A100 40G 微调 7B,还是爆显存。机器内存 256G。")
>>> for o in read(doc, load_library()): print(o.fact, o.value)
gpu_count 2
gpu_memory_gib 40.0
gpu_name A100-40GB
host_ram_gib 256.0
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.names import GpuName, find_gpus
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.measured_card import Card, of_the_run
from advisor.readers.prose.negation import MAX_MENTIONS, Claim, Mention, best, claim_of, observe
from advisor.readers.prose.patterns import Test
from advisor.readers.prose.quantities import NUMBER, SIZE, count_of

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_REACH = 56
_MAX_GPUS = 4096
_PER_NODE = 8
# Sizes that a card can have; other numbers before "GB" are measurements.
_MAX_CARD_GIB = 300.0

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
_SIZE_INSIDE = re2.compile(rf"[ \t\-_(]{SIZE}\b")
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
    rf"=|size|of|is|[ \t]|都|才|约|が|は|\(|（){{0,4}}{SIZE}(?:[^\w/]|$)|"
    rf"\b(?:gpu|graphics card|video card|card)s?(?: that)?(?: \w+)? (?:has|with|having|of|is|only)[ \t](?:only |about |"
    rf"just )?{SIZE}\b|"
    rf"\bgpus?[ \t]?[:：]?[ \t]?{SIZE}(?:[^\w/]|$)|"
    rf"\b(?:i|we) (?:only |just )?(?:have|got) (?:only |about |just |a )?{SIZE}(?:[ \t]?[.,;?!(（]|$)|"
    rf"\b(?:is|are|would|will) (?:an? |one |only )?{SIZE}[ \t]?(?:of )?(?:\w+ )?(?:be )?(?:enough|sufficient)\b|"
    rf"{SIZE}[ \t]?(?:显存)?够[吗么不用]|[张块卡][^\n。;；]{{0,6}}[，, ]各(?:有|自)?{SIZE}|"
    rf"(?:^|[^\w.]){SIZE}[ \t]?(?:(?:of )?\w+ )?(?:each\b|per (?:gpu|card|device)|a ?piece\b)|"
    rf"\b(?:oom|ooming|out of memory)\b[^\n.]{{0,20}}?\b(?:with|on|at)[ \t](?:a |my )?{SIZE}\b|"
    rf"\b(?:fit|squeez|run|train|tun|lora)\w*\b[^\n.?;]{{0,40}}? (?:in|into|within|on)(?: to)? (?:an? |my |only |just )?{SIZE}"
    r"(?:[ \t]?[.?!,;)]|$)"
)
_MEGABYTES = re2.compile(
    r"(?:(?:显存|vram|gpu memory|video memory|memory of (?:my |the |each )?(?:gpu|card))(?:大小|容量|只有|size|only|just|"
    r"is|of|has|为|是|有|[ \t:：=]){0,5}|"
    r"\b(?:gpu|graphics card|card) (?:is|has|with|only has) (?:only |about )?)(\d{4,6})[ \t]?(?:mb|mib|m)(?:[^\w/]|$)"
)
# "使用12g显卡"
_A_CARD, _BY_MEANS_OF = Test(r"(?:显卡|卡|gpus?|cards?)\W?$"), Test(r"(?:使?用|using|uses?|on)[ \t]?(?:an? |one )?$")
_BESIDE = 16
_WITH = Test(r"^[ ,]{0,2}(?:gpus?|cards?)?[ ,(（]{0,2}(?:with|that has|which has|having|has|w/)[ ]?(?:only |about )?$")
_FORMERLY = Test(
    r"(?:之前|以前|原来|曾经?)(?:是?在|用的?是?|的)?[^\n，。,;；]{0,6}$|\b(?:previously|formerly|used to (?:run|work|"
    r"train) on)[^\n.,;]{0,12}$"
)
_CARD_WITH = Test(
    r"(?:gpus?|cards?|a100s?|h100s?|v100s?|[0-9]0[5-9]0(?: ti)?s?)[ ,]{1,2}(?:with|that has|having|of|w/|has|at)[ ](?:only |about )?$"
)
_HOST_RAM = Test(r"system|host|cpu|main|machine|physical|ddr|内存|主存")
_NOT_A_CARD = re2.compile(
    r"(?i)(?:takes?|took|taking|us(?:es|ing|ed|age)|need(?:s|ed)?|consum\w+|requir\w+|occup\w+|cost\w*|allocat\w+|"
    r"peaks?|up to|less than|more than|around|"
    r"~|exceed\w*|increas\w*|reach\w*|占用?(?:了|约|大概|到)?|需要?|要|"
    r"用了|使用了?|消耗|达到|超过|至少|最少|共|总共|总计|合计|涨到|峰值|只要|仅需|够|还剩|剩余?|"
    r"total|totally|reserved|free|of the)[ \t]?"
    r"(?:有|约|大约|大概|接近|是|为|to|of|at|about|only|just|it|the|a|在|到|个|了)?[ \t]?$"
)
_USED_AFTER = re2.compile(
    r"^[ \t]?(?:显存|vram|(?:of )?(?:gpu |video |cuda )?(?:memory|vram))?[ \t]?(?:左右)?(?:就能|就够|足够|就行|才够|才能|"
    r"(?:is|was|are|were|will be) (?:already )?(?:used|needed|required|occupied|taken|in use)|used|"
    r"usage|占用|左右|is enough|would be)"
)
_RAM = re2.compile(
    rf"(?:^|[^\w.]){SIZE}[ \t]?(?:of )?(?:(?:system|host|cpu|main|machine|physical|unified|"
    rf"ddr\d?)[ -]?){{0,2}}(?:ram\b|内存|主存|memory \(ram\)|system memory)|"
    rf"(?:内存|主存|主机|host ram|cpu ram|system ram|system memory|host memory|cpu memory|\bram\b(?: (?:of|in|on) (?:my|the|"
    rf"this|our) \w{1, 12})?)[ \t]?(?:大小|容量|只有|为|是|有|:|"
    rf"：|=|is|of|size|total|[ \t]){{0,4}}{SIZE}(?:[^\w/]|$)|"
    rf"(?:total (?:machine|system) memory|machine memory)[ \t]?[:：]?[ \t]?{SIZE}"
)
_PLAIN_COUNT = re2.compile(
    rf"(?:^|[^\w.\-/#])(?:{_N}[ \t]?(?:nodes?|机|节点)[ \t]?(?:of|with|each with|,|，|\*|x|×|each|每台|各)[ \t]?)?(\d{{1,3}}|one|"
    rf"two|three|four|six|eight|sixteen|dual|both)[ \t]?-?(?:x|×|\*)?[ \t]?(?:nvidia |identical |cuda |same |"
    rf"local |rtx )?(?:{SIZE} )?(?:gpus\b|gpu\b|graphics cards\b|cards\b)|"
    rf"(?:gpu|显卡)[是为有:：]{{0,2}} ?(\d{{1,2}})个{SIZE}|"
    rf"(?:^|[^\w.\-第]|npu)(\d{{1,3}}|[一二两三四六八双])(?:(?:[ \t]?(?:张|块|个|片)[ \t]?|[ \t])(?:{SIZE}的?)?)?(?:显卡|卡|"
    rf"gpu)(?:[^\w]|\p{{Han}}|$|\d)|"
    r"(single[- ](?:gpu|card|device|nvidia|graphics)|\bone gpu|only one card|单卡|单张(?:显?卡)?|单块(?:显?卡)?|单gpu|一张卡)"
)
_AND_MORE = re2.compile(
    rf"^[ \t]?(?:gpus?|cards?|显卡)?[ \t]?(?:and|plus|\+|和|加|以及)[ \t]?({NUMBER})[ \t]?(?:[x×*]|"
    rf"{_UNIT})?[ \t]?(?:{SIZE}的?[ \t]?)?(?:{_BRAND}[ \t]?)?(?:gpus?\b|cards?\b|显卡|[avhlt]\d{{2,3}}\b|\d{{4}}\b)"
)
_MACHINES = re2.compile(
    rf"({NUMBER})[ \t]?(?:机|个?节点|台机器)[ \t]?[,，]?[ \t]?(?:[每各]个?(?:节点|机器?|台)?(?:上|有|都有)?)?[ \t]?.?$"
)
_MANY = re2.compile(r"\b(?:multiple|multi|several|many|more)[ -](?:\w+ )?(?:gpus?|cards)|多卡|多张|多块|多gpu")
_INDEX = re2.compile(r"(?:gpu|cuda|rank|device|卡|per|each|一|每|第|id)[ :#]?$")
_OWN = re2.compile(
    r"(?:\bmy|\bour|\bi have|\bi've|\bi use|\bi'm using|\busing|\bon (?:a|an|my|one|two|the)?|\bwith|\bequipped|"
    r"用的?是?|使用|我的?|机器|显卡(?:是|为|：|:)?|环境|配置|gpu[ \t]?[:：])[ \t]*\S{0,12}[ \t]?$"
)
# "3090,一共", "4090,vram": a comma before a letter ends a name, whichever width it has.
_CHINESE_COMMA = re2.compile(r",([\p{Han}A-Za-z])")
# "a-100": as long as "a100 ", so that offsets stay.
_HYPHENATED = re2.compile(r"\b([AHPTVahptv])-(100|800|200|20|40|10|30)\b")
_CHOICE = re2.compile(r"^[^\n.;]{0,24}(?:\bor\b|还是|或者?|,| and |和|、)[^\n.;]{0,16}$")


def _memory_near(prose: Prose, start: int, end: int) -> float | None:
    """The size in GiB that stands beside a card's name."""
    inside = _SIZE_INSIDE.search(prose.lower[start:end])
    if inside is not None:
        return float(inside.group(1))
    line, line_end = prose.line(start)
    after = _SIZE_AFTER.search(prose.lower[end : min(line_end, end + _REACH)])
    if after is not None:
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
            if nodes and (count := _of_nodes(count, nodes, before.group())) is None:
                return None
            count *= int(times) if times else 1
        if count is not None and 1 <= count <= _MAX_GPUS:
            return count
    after = _COUNT_AFTER.search(prose.lower[end : min(line_end, end + _REACH)])
    if after is not None:
        count = count_of(after.group(2) or after.group(3) or "")
        if count is not None and 1 <= count <= _MAX_GPUS:
            return count
    return None


def _of_nodes(count: int, nodes: str, said: str) -> int | None:
    """All cards of several machines. "4机32卡" counts them together, "2机8卡" may mean either, "2 nodes with 8" each has 8."""
    if count > _PER_NODE:
        return count
    if "机" in said and not any(word in said for word in ("每", "各")):
        return None
    return count * (count_of(nodes) or 1)


def _machines_before(prose: Prose, start: int) -> tuple[str, str]:
    """The number of machines that stands right before a number of cards ("2机各8卡"), and the words that say so."""
    before = _MACHINES.search(prose.lower[max(0, start - 16) : start + 1])
    return (before.group(1), before.group()) if before is not None else ("", "")


def _weight(prose: Prose, start: int, *evidence: object) -> int:
    line, _ = prose.line(start)
    own = bool(_OWN.search(prose.lower[max(line, start - 32) : start]))
    return min(3, own + sum(item is not None for item in evidence))


def _cards(doc: Document, prose: Prose, library: Library) -> Iterator[Card]:
    """For each card that is named: its name, and the count and memory that stand beside it."""
    text = str(_CHINESE_COMMA.sub(lambda match: f"，{match.group(1)}", prose.text))
    found = find_gpus(str(_HYPHENATED.sub(lambda match: f"{match.group(1)}{match.group(2)} ", text)), library)[
        :MAX_MENTIONS
    ]
    for index, hit in enumerate(found):
        claim = claim_of(prose, hit.start, hit.end)
        memory, count = _memory_near(prose, hit.start, hit.end), _count_near(prose, hit.start, hit.end)
        name = hit.name
        if memory is not None and f"{name}-{memory:g}GB" in library.gpus:
            name = f"{name}-{memory:g}GB"
        weight = _weight(prose, hit.start, memory, count)
        if count is None and _one_of_several(prose, found, index):
            weight -= 2
        if count is None:
            count = _run_of_names(prose, found, index)
        yield (
            Mention(name, hit.start, hit.end, claim, weight),
            _with_others(prose, Mention(count, hit.start, hit.end, claim, 2)) if count is not None else None,
            Mention(memory, hit.start, hit.end, claim, 2) if memory is not None and memory <= _MAX_CARD_GIB else None,
        )


def _one_of_several(prose: Prose, found: list[GpuName], index: int) -> bool:
    """Whether the card is only named in a row with others ("an A100, an L4 or a T4")."""
    for one, two in ((index - 1, index), (index, index + 1)):
        if one >= 0 and two < len(found) and found[one].name != found[two].name:
            between = prose.lower[found[one].end : found[two].start]
            if len(between) < 12 and _CHOICE.search(between):
                return True
    return False


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


def _plain_counts(prose: Prose) -> Iterator[Mention]:
    for match in islice(_PLAIN_COUNT.finditer(prose.lower), MAX_MENTIONS):
        nodes, english, _, of_gpu, _, chinese, _, single = match.groups()
        start, end = match.start(), match.end()
        number = 1 if single else count_of(english or of_gpu or chinese or "")
        if (
            number is None
            or not 1 <= number <= _MAX_GPUS
            or _INDEX.search(prose.lower[max(0, start - 8) : start + 1].rstrip())
        ):
            continue
        nodes, said = (nodes, match.group()) if nodes else _machines_before(prose, start)
        if nodes and (number := _of_nodes(number, nodes, said)) is None:
            continue
        yield Mention(number, start, end, claim_of(prose, start, end))


def _memories(prose: Prose) -> Iterator[Mention]:
    for match in islice(_MEMORY.finditer(prose.lower), MAX_MENTIONS):
        group = next(index for index, text in enumerate(match.groups(), 1) if text)
        start, end = match.start(group), match.end(group)
        size = float(match.group(group))
        before, after = prose.lower[max(0, start - 24) : start], prose.lower[end + 1 : end + 24].lstrip("bi ")
        is_used = _NOT_A_CARD.search(before) and not (_A_CARD(match.group()) and _BY_MEANS_OF(before))
        if not 1 <= size <= _MAX_CARD_GIB or is_used or _USED_AFTER.search(after) or _FORMERLY(before):
            continue
        yield Mention(size, start, end, claim_of(prose, start, end), 1)


def _megabytes(prose: Prose) -> Iterator[Mention]:
    """A card's memory in megabytes: "the memory of my gpu is 6000M", "its GPU memory 7979MB"."""
    for match in islice(_MEGABYTES.finditer(prose.lower), MAX_MENTIONS):
        start, end = match.start(1), match.end(1)
        size = float(match.group(1)) / 1024
        if _NOT_A_CARD.search(prose.lower[max(0, start - 24) : start]) or _USED_AFTER.search(
            prose.lower[end : end + 24].lstrip("mib ")
        ):
            continue
        if 1 <= size <= _MAX_CARD_GIB:
            yield Mention(size, start, end, claim_of(prose, start, end), 1)


def _per_card(prose: Prose) -> Iterator[tuple[Mention, Mention]]:
    for match in islice(_PER_CARD.finditer(prose.lower), MAX_MENTIONS):
        first, size, unit, other_size, other_count = match.groups()
        count = int(first or other_count)
        memory = float(size or other_size) / (1024 if unit in ("mib", "mb") else 1)
        if not 2 <= memory <= _MAX_CARD_GIB or not 1 <= count <= _MAX_GPUS:
            continue
        claim = claim_of(prose, match.start(), match.end())
        yield (
            Mention(count, match.start(), match.end(), claim, 1),
            Mention(memory, match.start(), match.end(), claim, 1),
        )


def _ram(prose: Prose) -> Iterator[Mention]:
    for match in islice(_RAM.finditer(prose.lower), MAX_MENTIONS):
        group = next(index for index, text in enumerate(match.groups(), 1) if text)
        start = match.start(group)
        before = prose.lower[max(0, start - 32) : start]
        if _NOT_A_CARD.search(before) or (
            _CARD_WITH(before) and not _HOST_RAM(prose.lower[start : match.end()])
        ):  # "2 A100 GPUs with 80 GB of RAM each"
            continue
        yield Mention(float(match.group(group)), start, match.end(group), claim_of(prose, start, match.end(group)))


def _of_a_card(prose: Prose, ram: Mention, names: list[Mention]) -> bool:
    """Whether "RAM" is a card's: "a TITAN X with 12G of RAM", "my GPU's RAM is 12GB"."""
    if re2.search(r"gpu['’]?s?$", prose.lower[max(0, ram.start - 24) : ram.start].split(" ram")[0].rstrip()):
        return True
    return any(
        0 <= ram.start - name.end <= _BESIDE and _WITH(prose.lower[name.end : ram.start])
        for name in names
        if not str(name.value).startswith("Apple")
    )


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The card, its number and memory, and the RAM, of the run that failed or is planned."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    names: list[Mention] = []
    counts: list[Mention] = []
    memories: list[Mention] = []
    for name, count, memory in of_the_run(list(_cards(doc, prose, library)), doc, library):
        names.append(name)
        counts += [count] if count is not None else []
        memories += [memory] if memory is not None else []
    for count, memory in _per_card(prose):
        counts.append(count)
        memories.append(memory)
    named = bool(memories)
    counts += _plain_counts(prose)
    memories += [*_memories(prose), *_megabytes(prose)]
    counts.sort(key=lambda item: item.start)
    memories.sort(key=lambda item: item.start)
    rams = list(_ram(prose))
    for item in [item for item in rams if _of_a_card(prose, item, names)]:
        rams.remove(item)
        memories.append(Mention(item.value, item.start, item.end, item.claim, 2))
    memories.sort(key=lambda item: item.start)

    chosen_count = best(counts, ideas=True, last=True)
    if chosen_count is not None and chosen_count.value == 1 and chosen_count.weight < 2 and _MANY.search(prose.lower):
        chosen_count = None
    chosen_memory = best(memories, ideas=True)
    chosen_name = _one_name(names)
    apple = chosen_name is not None and str(chosen_name.value).startswith("Apple")
    if apple and rams and not named:
        chosen_memory = rams[0]
    for fact, mention in (
        ("gpu_count", chosen_count),
        ("gpu_memory_gib", chosen_memory),
        ("gpu_name", chosen_name),
        ("host_ram_gib", best(rams, ideas=True)),
    ):
        if mention is not None:
            yield observe(doc, fact, mention.value, mention.start)


def _one_name(names: list[Mention]) -> Mention | None:
    """The card of the run: the best supported name, with the size wherever it was given; none where several stand side by side."""
    chosen = best(names, ideas=True)
    if chosen is None or chosen.weight < 0:
        return None
    sized = [item for item in names if item.claim > Claim.OTHERS and str(item.value).startswith(f"{chosen.value}-")]
    return sized[0] if sized else chosen
