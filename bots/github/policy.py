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
# A title that asks for work to be done, in the forms that projects use: "[Feature] ...", "feat(trainer): ...", "Support ...".
_REQUEST = re2.compile(
    r"(?i)^\W*(?:\[|【)?\s*(?:feature(?: request)?|feat|enhancement|rfc|proposal|roadmap|docs?|documentation|chore|ci|tests?|refactor|perf|"
    r"build|style|release|suggestion|idea|wip|tracking|meta|功能请求|新功能|需求|建议|文档)\s*(?:\]|】|\([^)]*\)|:|:|!|/|\||\s-)"
    r"|(?i)^\W*(?:\[[^\]]{1,30}\]\s*)?(?:support|add|allow|implement|enable|expose|introduce|document|improve|reduce|lower|optimi[sz]e|handle|"
    r"catch|make|provide|update|bump|refactor|remove|drop|deprecate|rename|migrate|clarify|don'?t|do not|fix(?:e[sd])?|avoid|prevent)\b"
    r"|(?i)^\W*(?:支持|增加|新增|添加|希望|能否支持|是否支持|建议|优化)"
)
_REQUEST_LABELS = re2.compile(
    r"(?i)^(?:type[:/ -]+|kind[:/ -]+)?(?:feature(?:[ -]request)?|enhancement|documentation|docs|proposal|rfc|roadmap|chore|ci)$"
)
# Sentences in which memory did not run out now: what would be, what others may meet, what was and is over, what is to be avoided.
_UNREAL = re2.compile(
    r"(?i)\b(?:would|could|might|may|can|should|will|won'?t|to avoid|avoids?|avoiding|prevents?|preventing|in case of|instead of|without|"
    r"so that|in order (?:not )?to|reduces? the|risk of|potential(?:ly)?|possib(?:le|ly)|users?|people|someone|"
    r"previously|earlier|used to|was (?:solved|fixed)|solved|fixed|resolved|no longer|not? (?:an? )?(?:oom|out[- ]of[- ]memory)|"
    r"section|faq|docs?|documentation|readme|example of|such as|e\.g\.)\b|避免|防止|可能会|以免|之前|已解决|解决了|不再"
)
_FIRST_PERSON = re2.compile(
    r"(?i)\b(?:i|we|my|our|me|mine)\b|\bi'?m\b|\b(?:gets?|got|getting|gives?|gave|throws?|threw|fails?|failed|crash(?:es|ed)?|hits?|"
    r"runs? out|ran out|running (?:out|into)|happens?|occurs?|occurred|still|always|keeps?)\b|"
    r"我|我们|报错|出现|提示|总是|一直|还是|就会|直接|爆"
)


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
    if kind != "question" and not printed(resolution):
        if _REQUEST.search(title) or any(_REQUEST_LABELS.search(label) for label in labels):
            return Verdict(False, kind, confidence, "it asks for a change and shows no message of a failed run")
        if not any(_told(item) for item in _sightings(resolution)):
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


def _told(item: Observation) -> bool:
    """Whether a sentence tells of a failure that happened."""
    return bool(_FIRST_PERSON.search(item.quote)) or not _UNREAL.search(item.quote)
