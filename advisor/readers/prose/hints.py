"""Training or inference by the words of a log, its file names and functions, where nobody says it.

>>> doc = Document.of("Epoch: [0][479/1736]  Loss 0.5968\\nKilled")
>>> [(o.fact, o.value, o.rank) for o in read(doc)]
[('task', 'train', 10)]
"""

from __future__ import annotations

from collections.abc import Iterator

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.prose.negation import observe
from advisor.readers.prose.patterns import Patterns

TRIGGERS: tuple[str, ...] = ()

# Below everything that is stated: a hint decides only where there is nothing else.
_RANK = 10
_LONGEST = 200_000

_WORDS = Patterns(
    (
        ("train", r"(?:^|[^a-z])(?:auto)?train(?:ers?|ing|_\w+|\.py|s)?(?:[^a-z]|$)"),
        ("train", r"fine-?tun|finetun"),
        ("train", r"\bepochs?\b"),
        ("train", r"backward\(|backward\b|scaled_loss"),
        (
            "train",
            r"optimizer[._](?:step|state)|\bopt_state|\boptax\b|value_and_grad|\bgrads\b|\badamw?\b|grad_norm|\bgradient",
        ),
        ("train", r"\b(?:sft|dpo|grpo|ppo|rlhf)\b"),
        ("train", r"\bloss\b|learning_rate"),
        ("train", r"data_?loader worker|dataloader"),
        ("train", r"model\.fit\b|\.fit\("),
        ("train", r"processgroupnccl|distributed[./]launch|deepspeed[./]runtime|\bzero_optimization"),
        ("train", r"pytorchstreamwriter|saving (?:model )?checkpoint|writing [^\n]{0,8}checkpoint"),
        ("train", r"\bxgboost|\blightgbm|\boptuna"),
        ("train", r"\bvalidation\b"),
        ("inference", r"\binference|[^a-z]infer(?:_|\.py|\()"),
        ("inference", r"\bgenerate\(|model\.generate|generation_utils"),
        (
            "inference",
            r"comfy(?:ui)?\b|webui|stable-diffusion|txt2img|img2img|ksampler|"
            r"checkpointloadersimple|diffusionwrapper|prompt executed",
        ),
        ("inference", r"llama-server|llama_(?:load|model|new|kv)|ggml_|llama\.cpp|\./main |load_tensors"),
        ("inference", r"\bollama\b|llama runner"),
        (
            "inference",
            r"\bvllm(?:\b|worker)|enginecore|\[(?:engine|core|worker|model_runner|multiproc_executor)\.py:\d|"
            r"kv_?[ -]?cache|cache blocks|gpu_memory_utilization",
        ),
        ("inference", r"sglang|text_generation_(?:server|client)|lmdeploy|tensorrt|exllama|prefill"),
        ("inference", r"\bserve\b|server\.py|api_server|deploy|backend worker"),
        (
            "inference",
            r"\bpredict(?:s|ed|ing|ions?|or)?(?:[^a-z]|$)|\btranscri(?:be|bing|pti)|onnxruntime|\bpipeline\(",
        ),
    )
)


def read(doc: Document) -> Iterator[Observation]:
    """The task that more kinds of words hint at; nothing where they balance."""
    lower = doc.lower[:_LONGEST]
    hints = list(_WORDS.present(lower))
    trains = sum(task == "train" for task, _ in hints)
    infers = len(hints) - trains
    if trains == infers:
        return
    task = "train" if trains > infers else "inference"
    first = min(match.start() for name, pattern in hints if name == task for match in [pattern.search(lower)] if match)
    yield observe(doc, "task", task, first, _RANK)
