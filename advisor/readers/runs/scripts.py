"""What the names of commands and scripts tell of the task: `train.py`, `llamafactory-cli train`, `web_demo.py`, `--do_train`.

>>> [(item.fact, item.value) for item in read(Document.of("python tools/train.py configs/mask_rcnn.py"))]
[('task', 'train')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = (".py", ".sh", "train", "run ", "serve", "infer", "sft", "chat")

_TRAIN_RANK, _INFER_RANK = 30, 27


@cache
def _patterns() -> dict[str, Any]:
    return {
        "train": re2.compile(
            r"(?:llamafactory-cli|xtuner|axolotl|paddlenlp|mim|ilab model|fairseq-|onmt_|sockeye-|spacy|rasa|yolo(?: \w+)?|"
            r"tao \w+) ?train\b|"
            r"swift (?:sft|rlhf|pt|dpo)\b|megatron (?:sft|rlhf|pt)\b|trl (?:sft|dpo|grpo|kto|reward|rloo)\b|"
            r"tune run [\w-]*(?:finetune|lora|dpo|ppo|full|qat)|"
            r"litgpt (?:finetune\w*|pretrain)\b|nnunet(?:v2)?_train|--do_train\b|mode=train\b|task=train\b|\bautotrain llm|"
            r"\b[\w./-]*(?:train|finetun|fine_tun|pretrain|sft|dpo|grpo|ppo|dreambooth|lora)[\w-]*\.(?:py|sh|bat)\b"
        ),
        "infer": re2.compile(
            r"llamafactory-cli (?:chat|api|webchat|export)\b|xtuner chat\b|swift (?:infer|deploy|app|web-ui|eval|export)\b|"
            r"vllm serve|sglang\.launch_server|api_server|text-generation-launcher|ollama (?:run|serve)|llama-(?:cli|server)|"
            r"lmdeploy serve|"
            r"\b[\w./-]*(?:infer|generat|demo|predict|sample|txt2img|text2|webui|serve|chat|deploy|quantiz|launch_ui)[\w-]*\.(?:py|sh|bat)\b"
        ),
    }  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """One task; a training script's sampling and evaluation scripts don't make it an inference."""
    patterns = _patterns()
    for task, rank in (("train", _TRAIN_RANK), ("inference", _INFER_RANK)):
        match = patterns["train" if task == "train" else "infer"].search(doc.lower)
        if match is not None and "/site-packages/" not in doc.quote(match.start()):
            yield Observation(
                "task", task, doc.line_at(match.start()), doc.quote(match.start()), rank=rank, origin="derived"
            )
            return
