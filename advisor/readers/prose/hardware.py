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
from advisor.readers.document import Document
from advisor.readers.prose.card_memory import megabytes, memories, of_a_card, per_card, ram
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.measured_card import of_the_run
from advisor.readers.prose.named_cards import MAX_GPUS, cards, of_nodes
from advisor.readers.prose.negation import MAX_MENTIONS, Claim, Mention, best, claim_of, observe
from advisor.readers.prose.patterns import Test
from advisor.readers.prose.quantities import NUMBER, SIZE, count_of

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_N = f"({NUMBER})"
_UNIT = r"(?:块|张|卡|个|片|颗|台|枚|台机器)"
_PLAIN_COUNT = re2.compile(
    rf"(?:^|[^\w.\-/#])(?:{_N}[ \t]?(?:nodes?|机|节点)[ \t]?(?:of|with|each with|,|，|\*|x|×|each|每台|各)[ \t]?)?(\d{{1,3}}|one|"
    rf"two|three|four|six|eight|sixteen|dual|both)[ \t]?-?(?:x|×|\*)?[ \t]?(?:nvidia |identical |cuda |same |"
    rf"local |rtx )?(?:(?:\b|[x×*]){SIZE} )?(?:gpus\b|gpu\b|graphics cards\b|cards\b)|"
    rf"(?:gpu|显卡)[是为有:：]{{0,2}} ?(\d{{1,2}})个{SIZE}|"
    rf"(?:^|[^\w.\-第]|npu)(\d{{1,3}}|[一二两三四六八双])(?:(?:[ \t]?(?:张|块|个|片)[ \t]?|[ \t])(?:(?:显存)?{SIZE}的?)?)?(?:显卡|卡|"
    rf"gpu)(?:[^\w]|\p{{Han}}|$|\d)|"
    r"(single[- ](?:gpu|card|device|nvidia|graphics)|\bone gpu|only one card|单卡|单张(?:显?卡)?|单块(?:显?卡)?|单gpu|一张卡)"
)
_MACHINES = re2.compile(
    rf"({NUMBER})[ \t]?(?:机|个?节点|台机器)[ \t]?[,，]?[ \t]?(?:[每各]个?(?:节点|机器?|台)?(?:上|有|都有)?)?[ \t]?.?$"
)
_MANY = re2.compile(r"\b(?:multiple|multi|several|many|more)[ -](?:\w+ )?(?:gpus?|cards)|多卡|多张|多块|多gpu")
_INDEX = re2.compile(r"(?:gpu|cuda|rank|device|卡|per|each|一|每|第|id)[ :#]?$")

_VERSIONED = Test(r"(?:windows|\bwin|ubuntu|debian|fedora|macos|cuda|python|torch|version)[ ]?$")


def _machines_before(prose: Prose, start: int) -> tuple[str, str]:
    """The number of machines that stands right before a number of cards ("2机各8卡"), and the words that say so."""
    before = _MACHINES.search(prose.lower[max(0, start - 16) : start + 1])
    return (before.group(1), before.group()) if before is not None else ("", "")


def _plain_counts(prose: Prose) -> Iterator[Mention]:
    for match in islice(_PLAIN_COUNT.finditer(prose.lower), MAX_MENTIONS):
        nodes, english, _, of_gpu, _, chinese, _, single = match.groups()
        start, end = match.start(), match.end()
        number = 1 if single else count_of(english or of_gpu or chinese or "")
        if (
            number is None
            or not 1 <= number <= MAX_GPUS
            or _INDEX.search(prose.lower[max(0, start - 8) : start + 1].rstrip())
            or _VERSIONED(prose.lower[max(0, start - 12) : start + 1].rstrip())
        ):
            continue
        nodes, said = (nodes, match.group()) if nodes else _machines_before(prose, start)
        if nodes and (number := of_nodes(number, nodes, said)) is None:
            continue
        yield Mention(number, start, end, claim_of(prose, start, end))


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The card, its number and memory, and the RAM, of the run that failed or is planned."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    names: list[Mention] = []
    counts: list[Mention] = []
    sizes: list[Mention] = []
    beside: dict[int, Mention] = {}
    for name, count, memory in of_the_run(list(cards(doc, prose, library)), doc, library):
        names.append(name)
        counts += [count] if count is not None else []
        if memory is not None:
            sizes.append(memory)
            beside[name.start] = memory
    for count, memory in per_card(prose):
        counts.append(count)
        sizes.append(memory)
    named = bool(sizes)
    counts += _plain_counts(prose)
    sizes += [*memories(prose), *megabytes(prose)]
    counts.sort(key=lambda item: item.start)
    sizes.sort(key=lambda item: item.start)
    rams = list(ram(prose))
    for item in [item for item in rams if of_a_card(prose, item, names, library)]:
        rams.remove(item)
        sizes.append(Mention(item.value, item.start, item.end, item.claim, 2))
    sizes.sort(key=lambda item: item.start)

    chosen_count = best(counts, ideas=True, last=True)
    if chosen_count is not None and chosen_count.value == 1 and chosen_count.weight < 2 and _MANY.search(prose.lower):
        chosen_count = None
    chosen_memory = best(sizes, ideas=True)
    chosen_name = _one_name(names)
    if chosen_name is not None and chosen_memory is not None and chosen_name.start in beside:
        chosen_memory = max(beside[chosen_name.start], chosen_memory, key=lambda item: item.claim)
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
