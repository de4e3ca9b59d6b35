"""A short question about what a run needs or whether it fits, in the many ways that people ask: without a failure in the text.

>>> doc = Document.of("does a 3B model full finetune fit in 24GB with 8bit adam?")
>>> [(o.fact, o.value) for o in read(doc)]
[('failure_kind', 'question')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS: tuple[str, ...] = ()
RANK = 40
# Any explicit failure or question outweighs it.
CONFIDENCE = 0.27
MAX_LENGTH = 1200  # characters; who asks so asks briefly
MAX_LINES = 14


@cache
def _patterns() -> dict[str, object]:
    return {
        "asks": re2.compile(
            r"[?？]|[吗么]\s*(?:$|[\n。,，!！])|够不够|能不能|行不行|可不可以|可以吗|多少|多大|几张|几块|几卡|怎么|哪[个种张]|"
            r"(?:^|[\n.!,] ?)(?:can|could|will|would|is|are|does|do|how|what|which|should|need)\b"
        ),
        "about": re2.compile(
            r"\b(?:train\w*|fine-?tun\w*|finetun\w*|pre-?train\w*|sft|dpo|grpo|rlhf|q?lora|run|running|serve|serving|deploy\w*|inference|infer|host|fit|"
            r"fits|batch size|context|vram|gpu memory|gguf)\b|微调|训练|预训练|部署|推理|跑|显存|全参|全量|量化"
        ),
        "size": re2.compile(
            r"\b[0-9]+(?:\.[0-9]+)?\s?(?:b|m)\b|\b[0-9]+\s?(?:gb?|gib|g)\b|\b(?:[abhlv]|mi|rtx ?|gtx ?)[0-9]{1,4}\w{0,3}\b|"
            r"\b[2-5]0[5-9]0\b|"
            r"\b(?:bert|resnet|whisper|sdxl|flux|llama|qwen\w*|mistral|mixtral|gemma|yolo\w*|vit|t5|stable diffusion)\b"
        ),
        "fails": re2.compile(
            r"\b(?:error|errors|traceback|exception|crash\w*|fail\w*|segfault|core dumped|killed|stuck|hangs?|slow\w*|nan|accuracy|import|"
            r"issues?|problems?|reasons?|why|getting|disk ?space|install\w*|"
            r"oom|out of memory|bug|wrong|cannot|can't|couldn't|unable|does ?n[o']t work)\b|!\[|"
            r"为什么|报错|错误|异常|失败|卡住|溢出|爆显存|不足|崩溃|"
            r"无法|安装|变慢|精度"
        ),
    }


def read(doc: Document) -> Iterator[Observation]:
    """A weak `question` at the first sign of asking; nothing where anything goes wrong, or where neither model nor card is named."""
    text = doc.lower.strip()
    if not text or len(text) > MAX_LENGTH or text.count("\n") > MAX_LINES:
        return
    found = {name: pattern.search(doc.lower) for name, pattern in _patterns().items()}  # type: ignore[attr-defined]
    if (
        found["fails"] is None
        and found["about"] is not None
        and found["size"] is not None
        and found["asks"] is not None
    ):
        offset = found["asks"].start()
        yield Observation(
            "failure_kind", "question", doc.line_at(offset), doc.quote(offset), rank=RANK, confidence=CONFIDENCE
        )
