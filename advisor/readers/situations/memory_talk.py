"""Talk of how much memory something takes or saves, where nothing has failed: a question in all but its mark.

>>> doc = Document.of("With the new option the 7B fine-tune saves about 40% of peak memory.")
>>> [(o.fact, o.value) for o in read(doc)]
[('failure_kind', 'question')]
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS: tuple[str, ...] = ("memory", "vram", "显存", "zombie", "内存", "ram", "gpu0", "gpu 0")
RANK = 40
# Any explicit failure or question outweighs it.
CONFIDENCE = 0.28

_TALK = re2.compile(
    r"(?:saves?|saving|reduc\w+|cuts?|lower\w*|less|more|excessive|high|huge|large|too much|extra|"
    r"twice the|half the)(?: \S+){0,4} (?:gpu |cuda |peak |device )?"
    r"(?:memory|vram)\b|(?:memory|vram) (?:usage|use|footprint|consumption|requirements?|needs?|"
    r"efficient)(?: \S+){0,6} (?:is|are|was|than|more|higher|lower|reduc\w+|excessive)|"
    r"(?:low|memory)[- ](?:memory|vram|efficient)(?:[- ]\w+)? (?:version|mode|variant|implementation|"
    r"optimi[sz]er|full)|memory[- ]gated|uses? a lot of (?:memory|vram)|"
    r"(?:显存)(?:占用|消耗|需求)?[^\n。]{0,10}(?:过高|太高|很大|太大|更多|降低|减少|节省|优化|增加)|(?:节省|降低|减少|优化)[^\n。]{0,6}显存|"
    r"(?:impact|effect|influence) on (?:the )?(?:gpu|memory|vram) (?:usage|memory|consumption)|reduc\w+ (?:the )?gpu usage|"
    r"\bmemory (?:is |was |usage is )?(?:very |highly )?(?:un|im)balanced?\b|\b(?:un|im)balanced? (?:gpu |cuda )?memory|"
    r"显存[^\n。]{0,6}(?:跑满|占满|打满|用满|满了)"
)


_HELD = re2.compile(
    r"memory (?:usage )?(?:will |keeps? |is |the )?(?:on )?(?:increas|grow)\w*"
    r"[^\n]{0,30}(?:until|till)[^\n]{0,20}(?:runs?|ran|running) out|"
    r"zombie process|(?:gpu )?memory (?:is |was |remains? )?(?:still |not )(?:occupied|held|released|"
    r"freed|in use)|still (?:holds?|occup(?:y|ies)|uses?)(?: the)? (?:gpu )?memory|"
    r"memory consumption will increase|内存(?:还是|仍然?|依然|总是|一直)(?:不足|不够)|"
    r"超过了?(?:gpu|显卡)?的?显存|"
    r"(?:仍|还|依然)[^\n。]{0,6}(?:占用|占着)[^\n。]{0,10}(?:显存|gpu ?内存)|(?:显存|gpu ?内存)[^\n。]{0,10}(?:没有?|无法|"
    r"不)(?:被)?(?:释放|清除)|(?:gpu|显卡)[^\n。]{0,4}内存还?被占"
)


# The host's memory, said without a failure: "RAM usage is incredibly high, it consumes up to 80GB of RAM".
_HOST = re2.compile(
    r"(?:^|[^\w ]|\b(?:the|my|system|host|cpu|machine|and|of) )\bram (?:usage|consumption|use) (?:is |was |gets? |becomes? )?"
    r"(?:incredibly|extremely|very|too|insanely|unexpectedly|so) (?:high|large|much|big)|"
    r"consum\w+ (?:up to |about |around |over |more than )?\d+ ?g(?:i?b)? of (?:system |cpu |host )?ram\b"
)
# Contexts of the other ranks on the first card are asked about before anything fails.
_RANKS = re2.compile(
    r"process(?:es)? [^\n.]{0,60}\b(?:allocat|us(?:es?|ing)|occup)\w*(?: \S+){0,8} (?:gpu[ -]?0|the first gpu)\b|"
    r"additional processes? on (?:the )?(?:gpu[ -]?0|first gpu)\b"
)

# Memory is only the background where a card is not busy.
_UNUSED = re2.compile(
    r"\butil(?:i[sz]ation)?\b[^\n.]{0,40}\b(?:low|lower|0 ?%|never exceed\w*)|\b(?:low|lower)\b[^\n.]{0,40}\butil|利用率[^\n。]{0,12}低"
)


def read(doc: Document) -> Iterator[Observation]:
    """A weak `question` at the first such sentence, a weak shortage where memory stays held; nothing where figures are only logged."""
    held = _HELD.search(doc.lower)
    if held is not None:
        offset = held.start()
        yield Observation(
            "failure_kind", "vram_oom", doc.line_at(offset), doc.quote(offset), rank=RANK, confidence=CONFIDENCE + 0.05
        )
    host = _HOST.search(doc.lower)
    if host is not None:
        offset = host.start()
        yield Observation(
            "failure_kind", "host_oom", doc.line_at(offset), doc.quote(offset), rank=RANK, confidence=CONFIDENCE + 0.05
        )
    match = _TALK.search(doc.lower) or _RANKS.search(doc.lower)
    if match is not None and not _UNUSED.search(doc.lower):
        offset = match.start()
        yield Observation(
            "failure_kind", "question", doc.line_at(offset), doc.quote(offset), rank=RANK, confidence=CONFIDENCE
        )
