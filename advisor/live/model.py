"""What a live model is: parameters, number formats, what is trained, adapters, quantisation, recomputation, its configuration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor.errors import AdvisorError
from advisor.facts import Observation
from advisor.live.device import seen
from advisor.live.frames import attributes, kinds

_FORMATS = {"torch.float32": "fp32", "torch.float16": "fp16", "torch.bfloat16": "bf16"}
# The class of all configurations of transformers, before and since its version 5.
_CONFIGS = frozenset({"PretrainedConfig", "PreTrainedConfig"})
_ATTENTIONS = {"flash_attention_2": "flash", "flash_attention_3": "flash", "sdpa": "sdpa", "eager": "eager"}


class Weights:
    """The parameters of a model, counted once: `total`, `trainable` and `by_format` in numbers, quantised ones unpacked."""

    def __init__(self, model: Any) -> None:
        self.total = self.trainable = 0
        self.by_format: Counter[str] = Counter()
        self.quantization = ""
        self.lora_rank = 0
        self.lora_targets: list[str] = []
        known: set[int] = set()
        for name, parameter in model.named_parameters():
            if id(parameter) in known:
                continue
            known.add(id(parameter))
            count = self._count(parameter)
            self.total += count
            if parameter.requires_grad:
                self.trainable += count
            if parameter.dtype.is_floating_point:
                self.by_format[_FORMATS.get(str(parameter.dtype), "")] += count
            self._adapter(name, parameter)

    def _count(self, parameter: Any) -> int:
        """The weights behind a parameter: all of a ZeRO-3 shard's, those of a packed one."""
        kind = type(parameter).__name__
        if kind == "Params4bit":
            state = attributes(parameter).get("quant_state")
            self.quantization = str(getattr(state, "quant_type", "") or "nf4")
            shape = getattr(state, "shape", None)
            return int(shape.numel()) if shape is not None else 2 * int(parameter.numel())
        if kind == "Int8Params":
            self.quantization = self.quantization or "8bit"
        whole = attributes(parameter).get("ds_numel")
        return int(whole) if isinstance(whole, int) else int(parameter.numel())

    def _adapter(self, name: str, parameter: Any) -> None:
        before, mark, _ = name.partition(".lora_A.")
        if not mark:
            return
        if not self.lora_rank and parameter.dim() == 2:
            self.lora_rank = int(parameter.shape[0])
        target = before.rsplit(".", 1)[-1]
        if target not in self.lora_targets:
            self.lora_targets.append(target)


def model_facts(model: Any, activations: str, text: str) -> tuple[list[Observation], dict[str, Any]]:
    """The facts of the model, and words for the estimator that are none (`arch`).

    Args:
        activations: the 16-bit format between the layers ("bf16", "fp16" or empty), which tells of autocast.
        text: the traceback, which tells of recomputation.
    """
    weights = Weights(model)
    if not weights.total:
        return [], {}
    name = type(model).__name__
    found: list[Observation] = []
    config_facts, words = _configuration(model)
    found += config_facts
    known = bool(words) or any(item.fact in ("hf_id", "model") for item in found)
    kind = "" if known else _guess(model)
    if kind:
        found.append(seen("model_kind", kind, f"the layers of {name}"))
    if known or kind:
        # Without an architecture a number of weights alone would be taken for that of a language model.
        found.append(seen("params_b", weights.total / 1e9, f"{name}.parameters(): {weights.total:,}", 95))
    found.append(
        seen("trainable_params", weights.trainable, f"requires_grad: {weights.trainable:,} of {weights.total:,}", 95)
    )
    quantization = weights.quantization or next((str(i.value) for i in found if i.fact == "quantization"), "")
    found += _method(weights, quantization, name)
    found += _formats(weights, activations, name)
    if weights.quantization:
        found.append(seen("quantization", weights.quantization, f"the parameters of {name}", 95))
    found += _switches(model, text)
    return found, words


def _configuration(model: Any) -> tuple[list[Observation], dict[str, Any]]:
    """The model's Hugging Face configuration, wherever a wrapper keeps it."""
    from advisor.model_files.config import words_of

    for part in _unwrapped(model):
        config = attributes(part).get("config")
        describe = getattr(config, "to_dict", None)
        if not callable(describe) or not _CONFIGS & kinds(config):
            continue
        found = _name(part, config)
        try:
            read = words_of(describe(), "model.config")
        except AdvisorError:
            return found, {}
        for fact in ("model_kind", "quantization"):
            if fact in read:
                found.append(seen(fact, read[fact], f"model.config of {type(part).__name__}"))
        attention = _ATTENTIONS.get(str(getattr(config, "_attn_implementation", "")))
        if attention:
            found.append(seen("attention", attention, "model.config._attn_implementation"))
            found.append(seen("flash_attention", attention == "flash", "model.config._attn_implementation"))
        return found, {"arch": read["arch"]}
    return [], {}


def _unwrapped(model: Any) -> Iterator[Any]:
    """The model, and what wrappers (DDP, FSDP, compiled, PEFT, Accelerate) hold inside, outermost first."""
    yield model
    for part in model.modules():
        if "config" in attributes(part):
            yield part


def _name(model: Any, config: Any) -> list[Observation]:
    name = str(getattr(config, "_name_or_path", "") or "")
    if not name:
        return []
    source = "model.config.name_or_path"
    path = Path(name)
    if name.count("/") == 1 and not name.startswith((".", "/", "~")) and not path.exists():
        return [seen("model", name, source, 95), seen("hf_id", name, source, 95)]
    return [seen("model", path.name, source, 95)] if path.name else []


def _guess(model: Any) -> str:
    """The kind of a model that has no configuration: convolutions without attention are a vision model."""
    layers = Counter(type(part).__name__ for part in model.modules())
    if layers["Conv2d"] >= 2 and not any("Attention" in name for name in layers):
        return "vision"
    return ""


def _method(weights: Weights, quantization: str, name: str) -> list[Observation]:
    if weights.lora_rank:
        four = quantization in ("nf4", "nf4-dq", "fp4", "4bit")
        return [
            seen("method", "qlora" if four else "lora", f"lora_A in {name}", 95),
            seen("lora_rank", weights.lora_rank, "shape of lora_A", 95),
            seen("lora_targets", weights.lora_targets[:32], "modules with lora_A", 95),
        ]
    if not weights.trainable:
        return []
    share = weights.trainable / weights.total
    return [seen("method", "full" if share > 0.99 else "freeze", f"{share:.1%} of {name} requires gradients", 80)]


def _formats(weights: Weights, activations: str, name: str) -> list[Observation]:
    if not weights.by_format:
        return []
    stored = weights.by_format.most_common(1)[0][0]
    if stored == "fp32" and activations in ("bf16", "fp16"):
        return [
            seen("precision", f"amp-{activations}", f"fp32 parameters of {name}, {activations} between the layers", 95)
        ]
    # fp32 parameters may be used under an autocast that no tensor in sight shows.
    return [seen("precision", stored, f"parameters of {name}", 80 if stored == "fp32" else 95)] if stored else []


def _switches(model: Any, text: str) -> list[Observation]:
    states = {
        attributes(part)["gradient_checkpointing"]
        for part in model.modules()
        if isinstance(attributes(part).get("gradient_checkpointing"), bool)
    }
    if "torch/utils/checkpoint.py" in text or True in states:
        return [seen("gradient_checkpointing", True, "gradient_checkpointing of the model's layers", 95)]
    if states:
        return [seen("gradient_checkpointing", False, "gradient_checkpointing of the model's layers", 95)]
    return []
