"""Training arguments of a live process, as the text that their program would print: the readers know its words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from advisor.facts import Observation
from advisor.library import Library
from advisor.live.device import seen
from advisor.live.frames import attributes, kinds

_PLAIN = (str, int, float, bool)
# Switches of Hugging Face's arguments that are no fact's own key; the readers know what they mean.
_SWITCHES = frozenset({"bf16", "fp16", "fsdp", "deepspeed", "use_liger_kernel", "packing", "padding_free", "use_vllm"})
_FAMILY = "trl"  # whose keys, with those that it inherits, cover all classes of training arguments


def arguments_text(arguments: Iterable[Any], library: Library) -> str:
    """The arguments that bear on memory, one a line, as `TrainingArguments(...)` prints itself."""
    lineage = (library.frameworks[name] for name in library.lineage(_FAMILY) if name in library.frameworks)
    known = {key for framework in lineage for keys in framework.keys.values() for key in keys} | _SWITCHES
    lines: list[str] = []
    for each in arguments:
        lines.append(f"{type(each).__name__}(")
        for key, value in attributes(each).items():
            value = getattr(value, "value", value)  # an enumeration's
            if key in known and type(value) in _PLAIN and len(str(value)) < 200:
                lines.append(f"{key}={value},")
        lines.append(")")
    return "\n".join(lines)


def autocast_of(arguments: Iterable[Any]) -> str:
    """The format of autocast that Hugging Face's arguments ask for, `bf16` or `fp16`; empty where they ask for none."""
    for each in arguments:
        for name in ("bf16", "fp16"):
            if attributes(each).get(name) is True:
                return name
    return ""


def engine_facts(trainers: Iterable[Any]) -> list[Observation]:
    """What DeepSpeed's, Lightning's and diffusers' objects say: the ZeRO stage, precision, accumulation, the pipeline's name."""
    found: list[Observation] = []
    for trainer in trainers:
        names = kinds(trainer)
        if "DeepSpeedEngine" in names:
            found += _deepspeed(trainer)
        elif "DiffusionPipeline" in names:
            found += _pipeline(trainer)
        elif type(trainer).__module__.startswith(("lightning", "pytorch_lightning")):
            found += _lightning(trainer)
    return found


def _deepspeed(engine: Any) -> list[Observation]:
    found = [seen("framework", "deepspeed", "DeepSpeedEngine", 40)]
    stage = engine.zero_optimization_stage()
    if isinstance(stage, int):
        found.append(seen("zero_stage", int(stage), "DeepSpeedEngine.zero_optimization_stage()", 95))
    batch = engine.train_micro_batch_size_per_gpu()
    if isinstance(batch, int) and batch > 0:
        found.append(seen("batch_size", batch, "DeepSpeedEngine.train_micro_batch_size_per_gpu()"))
    return found


def _pipeline(pipeline: Any) -> list[Observation]:
    name = type(pipeline).__name__
    found = [seen("framework", "diffusers", name, 40), seen("model_kind", "diffusion", name, 96)]
    settings = attributes(pipeline).get("_internal_dict")
    source = settings.get("_name_or_path") if isinstance(settings, dict) else None
    if isinstance(source, str) and source:
        found.append(seen("model", source.rstrip("/"), "the pipeline's configuration", 96))
    return found


_LIGHTNING_PRECISIONS = {
    "32-true": "fp32", "32": "fp32", "16-mixed": "amp-fp16", "bf16-mixed": "amp-bf16", "16-true": "fp16", "bf16-true": "bf16",
}  # fmt: skip


def _lightning(trainer: Any) -> list[Observation]:
    found = [seen("framework", "lightning", type(trainer).__module__.split(".")[0], 80)]
    for fact, attribute in (
        ("precision", "precision"),
        ("grad_accum", "accumulate_grad_batches"),
        ("gpu_count", "world_size"),
    ):
        value = getattr(trainer, attribute, None)
        if fact == "precision":
            value = _LIGHTNING_PRECISIONS.get(str(value))
        if isinstance(value, str) or (isinstance(value, int) and value > 0):
            found.append(seen(fact, value, f"Trainer.{attribute}"))
    strategy = type(getattr(trainer, "strategy", None)).__name__.lower()
    if "fsdp" in strategy:
        found.append(seen("fsdp", True, f"Trainer.strategy is {strategy}"))
    return found
