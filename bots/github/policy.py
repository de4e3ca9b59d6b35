"""When to speak: the kind of failure and how sure it is, and whether a run failed or people only talk of memory.

A message that a program printed speaks for itself. Where there is only prose, a request for a feature, a fix, a page of documentation, or a
sentence about what was, would be or must not be is no report of a failure: a comment there would be noise.
"""

from __future__ import annotations

from collections.abc import Sequence

import re2
from msgspec import Struct

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import MESSAGE_RANK, Resolution, resolve
from bots.github.config import Config

# What a program prints: `SomeError: ...`, `ERROR ...`, a time stamp or a level in front, a traceback's `E   `.
_PRINTED = re2.compile(
    r"^\s*(?:E {2,}|\[[^\]\n]{1,60}\]\s*)?(?:[\w.]*(?:Error|Exception|Warning|OutOfMemory\w*|_OOM|ERROR|FATAL|CRITICAL)\b[\w.]*\s*[:(\]-]"
    r"|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d|[EFWI]\d{4} |terminate called|Traceback )"
)
# A message in the middle of a sentence of somebody who pasted it: "I get RuntimeError: CUDA out of memory. Tried to allocate".
_NUMBERS = frozenset(
    {"tried_to_allocate_gib", "gpu_free_gib", "process_in_use_gib", "torch_allocated_gib", "torch_reserved_gib",
     "torch_reserved_unallocated_gib"}
)  # fmt: skip
# Readers of messages whose words people also use in sentences: "CUDA out of memory". All other messages are a program's.
_EVERYDAY = frozenset({"messages.pytorch_caching_allocator", "messages.cuda_bare"})
# A title that says by itself that it is no report, in the forms that projects use: "[Feature] ...", "feat(trainer): ...", "Docs: ...".
_TAGGED = re2.compile(
    r"(?i)^\W*(?:\[|【)?\s*(?:feature(?: request)?|feat|enhancement|rfc|proposal|roadmap|docs?|documentation|chore|ci|tests?|refactor|perf|"
    r"build|style|release|suggestion|idea|wip|tracking|meta|功能请求|新功能|需求|建议|文档)\s*(?:\]|】|\([^)]*\)|:|:|!|/|\||\s-)"
)
_TAG_LABELS = re2.compile(
    r"(?i)^(?:type[:/ -]+|kind[:/ -]+)?(?:feature(?:[ -]request)?|enhancement|documentation|docs|proposal|rfc|roadmap|chore|ci)$"
)
# A title that asks for work to be done. People also begin reports so ("Support needed: ...", "Add new language fails").
_REQUEST = re2.compile(
    r"(?i)^\W*(?:\[[^\]]{1,30}\]\s*)?(?:support|add|allow|implement|enable|expose|introduce|document|improve|reduce|lower|optimi[sz]e|handle|"
    r"catch|make|provide|update|bump|refactor|remove|drop|deprecate|rename|migrate|clarify|enhance|extend|wrap|display|warn|detect|rework|"
    r"rewrite|guard|automate|don'?t|do not|fix(?:e[sd])?|avoid|prevent)\b"
    r"|(?i)^\W*(?:支持|增加|新增|添加|希望|能否支持|是否支持|建议|优化)"
)
# Somebody tells what happened in a run of his own.
_OWN = re2.compile(
    r"(?i)\b(?:i|we)(?:'m|'ve|'re| am| are| have| was| were)?(?: \w+)? "
    r"(?:get|gets|got|getting|hit|hits|hitting|run|ran|running|see|saw|seeing|face|faced|facing|have|had|having|keep|keeps|kept|meet|met|encounter\w*|"
    r"oom\w*|suffer\w*|experience\w*|tr(?:y|ied|ying)|use|used|using|train\w*|fine|load\w*|add|fixed)\b"
    r"|\b(?:my|our) (?:\w+ ){0,3}(?:run|job|training|script|card|gpu|model|server|process|machine|code)\b"
    r"|\bstill\b[^.]{0,60}(?:\boom|memory)|\b(?:including me|me too|same here)\b|我|本人|报错|出现|提示|总是|一直|还是|就会|直接|都会"
)
# What would be, what others may meet, what is to be avoided, caught or explained; code and messages that are talked about.
_UNREAL = re2.compile(
    r"(?i)\b(?:would|could|might|may|should|let'?s|avoid(?:s|ed|ing)?|prevent(?:s|ed|ing|ion)?|in case of|so that|in order to|reduces? the|"
    r"risk of|potential(?:ly)? (?:oom|out)|possible (?:oom|out)|(?:users|people|someone) (?:with|who|on|can|will|start|get|hit|run|have)|"
    r"flaky|unit tests?|test suite|no oom|not? (?:an? )?(?:oom|out[- ]of[- ]memory)|when (?:a|the) \w+ (?:hits|fails with|raises)|"
    r"(?:on|upon|if) (?:an? )?(?:cuda )?(?:oom|out[- ]of[- ]memory)|(?:auto[- ]?)?retry|automatic(?:ally)?|suggest\w*|catch(?:es|ing)?|"
    r"handl(?:e|es|ing)|troubleshooting|best practices|guides?|has no attribute|except|OutOfMemoryError (?:is|class|in|from)|"
    r"(?:oom|out[- ]of[- ]memory) (?:errors? |exceptions? )?"
    r"(?:messages?|handl\w+|killer|detection|prevention|protection|recovery|checks?|situations?))\b"
    r"|isinstance\(|避免|防止|可能会|以免|希望"
)
# "We should have": no event, whoever says it.
_WISHED = re2.compile(r"(?i)\b(?:i|we) (?:should|could|would|might|may|must|need to|want to)\b")
_NEGATED = re2.compile(r"(?i)\b(?:would|could|may|might|should) ?(?:not\b|n't)")
# What there is to a run: a device, a program that trains or serves. Other software runs out of memory too.
_RUN = re2.compile(
    r"(?i)\b(?:c?gpus?|cuda|vram|rtx|gtx|[ahvltp]\d{2,3}|[1-5]0[5-9]0(?: ?ti)?|\d+ ?gi?b?|tpu|npu|rocm|hip|mps|train\w*|fine-?tun\w*|"
    r"inference|infer|lora|batch|epochs?|steps?|iterations?|models?|torch|tensorflow|jax|vllm|deepspeed|diffusion|llm|tokens?|checkpoint|"
    r"goes|went|crash\w*|dies|died|runs? out|ran out|running out)\b"
    r"|显存|显卡|训练|微调|推理|模型|卡"
)
_MEMORY = re2.compile(r"(?i)\boom(?:s|ed|ing)?\b|out[- ]of[- ](?:\w+ )?memory|显存|内存不足|溢出")
# What was, and is over.
_OVER = re2.compile(
    r"(?i)(?:memory|\boom\w*)\b[^.]{0,80}\b(?:(?:was|is|got|been|i|we)(?: now| then)? (?:solved|fixed|resolved)|went away|is gone|"
    r"(?:solved|fixed|resolved) (?:by|with|it))\b|(?:显存|OOM|溢出)[^。]{0,40}(?:已经?解决|解决了)"
)


_MOST_MENTIONS, _LONGEST_MENTION = 40, 400


class Verdict(Struct, frozen=True):
    """Whether to speak about a text, and why (not)."""

    speak: bool
    kind: str
    confidence: float
    why: str


def judge(text: str, library: Library, config: Config, *, title: str = "", labels: Sequence[str] = ()) -> Verdict:
    """Whether a text holds a failure that is to be answered.

    Args:
        text: what the person wrote, cleaned by `text.written`; with the title as its first line for an issue.
        title: the issue's title where the text is an issue's.
        labels: the labels of the issue; one that says `enhancement` tells a request from a report.
    """
    resolution = resolve(read_all(Document.of(text), library))
    kind, confidence = resolution.failure
    if kind not in config.kinds:
        return Verdict(False, kind, confidence, f"it holds no failure of the kinds {', '.join(config.kinds)}")
    if confidence < config.confidence:
        return Verdict(False, kind, confidence, f"it is not sure enough ({confidence:.2f})")
    if _TAGGED.search(title) or any(_TAG_LABELS.search(label) for label in labels):
        return Verdict(False, kind, confidence, "it is marked as a request, not as a report")
    if kind != "question" and not printed(resolution):
        seen = [item.quote for item in _sightings(resolution)]
        own = any(map(_own, [*seen, *_mentions(text)]))
        if _REQUEST.search(title) and not own:
            return Verdict(False, kind, confidence, "it asks for a change and tells of no failed run")
        if not own and not (any(map(_told, seen)) and _RUN.search(text)):
            return Verdict(False, kind, confidence, "it speaks of memory but tells of no failed run")
    return Verdict(True, kind, confidence, "")


def printed(resolution: Resolution) -> bool:
    """Whether the text shows a message that a program printed, not only a person's words."""
    if any(item.rank >= MESSAGE_RANK and item.fact in _NUMBERS for item in resolution.evidence):
        return True
    return any(
        (item.reader.startswith("messages.") and item.reader not in _EVERYDAY) or _PRINTED.search(item.quote)
        for item in _sightings(resolution)
    )


def _sightings(resolution: Resolution) -> list[Observation]:
    kind = resolution.failure[0]
    seen = [resolution.failed] if resolution.failed is not None else []
    return seen + [item for item in resolution.evidence if item.fact == "failure_kind" and item.value == kind]


def _mentions(text: str) -> list[str]:
    """The lines that speak of memory running out; only the first of them, each shortened."""
    found: list[str] = []
    for line in text.split("\n"):
        if len(found) == _MOST_MENTIONS:
            break
        if _MEMORY.search(line[:_LONGEST_MENTION]):
            found.append(line[:_LONGEST_MENTION])
    return found


def _own(sentence: str) -> bool:
    """Whether a sentence tells of a failure of the writer's own, that is not over."""
    return bool(_OWN.search(_WISHED.sub("", sentence))) and not _OVER.search(sentence)


def _told(sentence: str) -> bool:
    """Whether a sentence tells of a failure that happened, whoever met it."""
    return not _OVER.search(sentence) and not _UNREAL.search(_NEGATED.sub("", sentence))
