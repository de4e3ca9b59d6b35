"""A model's config.json in the words of an estimate: architecture, kind, number format, quantisation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.model_files.count import TWO_STACKS, weights_of

MOST_BYTES = 16 * 2**20
"""A config.json of a few kilobytes is usual; one with thousands of labels has a megabyte."""
_MOST = 10**10
_HINT = "Hand in a config.json as the Hugging Face Hub has it, or the folder that holds it."
_PRECISIONS = {"float32": "fp32", "float": "fp32", "float16": "fp16", "half": "fp16", "bfloat16": "bf16"}
# The plain name of each dimension and what families call it.
_PLAIN = {
    "hidden_size": ("d_model", "n_embd", "dim", "model_dim", "embed_dim"),
    "num_hidden_layers": ("n_layer", "num_layers", "n_layers", "encoder_layers", "decoder_layers"),
    "num_attention_heads": ("n_head", "n_heads", "num_heads", "encoder_attention_heads", "decoder_attention_heads"),
    "num_key_value_heads": ("num_kv_heads", "multi_query_group_num", "n_head_kv"),
    "intermediate_size": ("ffn_hidden_size", "ffn_dim", "d_ff", "n_inner", "encoder_ffn_dim", "hidden_dim"),
    "vocab_size": ("padded_vocab_size", "n_vocab"),
}  # fmt: skip
_INNER = (
    "text_config",
    "llm_config",
    "language_config",
    "llm",
    "thinker_config",
    "vision_config",
    "audio_config",
    "decoder",
    "encoder",
)
# What the configuration classes take for a dimension that config.json leaves out (a nested part states only what differs):
# https://github.com/huggingface/transformers/tree/main/src/transformers/models, configuration_<type>.py.
_CLASS_DEFAULTS: dict[str, tuple[int, int, int, int, int, int]] = {
    # hidden, layers, heads, kv heads, feed-forward, vocabulary
    "llama": (4096, 32, 32, 32, 11008, 32000), "mistral": (4096, 32, 32, 8, 14336, 32000), "mixtral": (4096, 32, 32, 8, 14336, 32000),
    "qwen2": (4096, 32, 32, 32, 22016, 151936), "qwen3": (4096, 32, 32, 32, 22016, 151936), "gemma": (3072, 28, 16, 16, 24576, 256000),
    "gemma2": (2304, 26, 8, 4, 9216, 256000), "gemma3_text": (2304, 26, 8, 4, 9216, 262208), "phi3": (3072, 32, 32, 32, 8192, 32064),
    "gpt2": (768, 12, 12, 12, 3072, 50257), "gpt_neox": (6144, 44, 64, 64, 24576, 50432), "opt": (768, 12, 12, 12, 3072, 50272),
    "bert": (768, 12, 12, 12, 3072, 30522), "roberta": (768, 12, 12, 12, 3072, 50265), "t5": (512, 6, 8, 8, 2048, 32128),
    "clip_vision_model": (768, 12, 12, 12, 3072, 0), "siglip_vision_model": (768, 12, 12, 12, 3072, 0), "vit": (768, 12, 12, 12, 3072, 0),
}  # fmt: skip
# Classes whose output head is its own matrix unless config.json says otherwise; the base class ties it to the embedding.
_UNTIED = frozenset({
    "llama", "mistral", "mixtral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe", "phi", "phi3", "phimoe", "gpt_neox", "gptj", "stablelm",
    "olmo", "olmo2", "olmoe", "baichuan", "chatglm", "internlm", "internlm2", "internlm3", "deepseek_v2", "deepseek_v3", "dbrx", "glm4",
    "persimmon", "xverse", "yi", "codegen", "falcon3", "glm4_moe", "gpt_oss", "minimax_m2", "llama4_text", "mllama_text_model",
})  # fmt: skip
_ENCODERS = frozenset({
    "bert", "roberta", "xlm-roberta", "deberta", "deberta-v2", "distilbert", "electra", "albert", "modernbert", "mpnet", "esm", "camembert",
    "longformer", "nomic_bert", "new",
})  # fmt: skip
_SPEECH = frozenset(
    {
        "whisper",
        "wav2vec2",
        "hubert",
        "wavlm",
        "seamless_m4t",
        "seamless_m4t_v2",
        "speecht5",
        "moonshine",
        "qwen2_audio",
    }
)
_VISION = frozenset({
    "clip", "siglip", "vit", "deit", "beit", "dinov2", "dinov3_vit", "swin", "convnext", "resnet", "segformer", "detr", "sam",
})  # fmt: skip
_ROBOTS = frozenset(
    {
        "openvla",
        "pi0",
        "pi05",
        "pi0_fast",
        "smolvla",
        "gr00t_n1",
        "gr00t_n1_5",
        "gr00t_n1_6",
        "gr00t_n1_7",
        "spatialvla",
    }
)


def read_json(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """The object that a JSON file holds.

    Raises:
        InputError: it can't be read, is longer than `most` bytes, or is no JSON object.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(most + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"can't be read: {reason or error}", place=str(path), hint=_HINT) from None
    if len(data) > most:
        raise InputError(f"is larger than {most // 2**20} MiB, so it is no such file", place=str(path), hint=_HINT)
    return parse_json(data, str(path))


def parse_json(data: bytes, place: str) -> dict[str, Any]:
    """The object in `data` (UTF-8). Raises InputError when it is none."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 0)
        raise InputError("is not JSON", place=f"{place}:{line}" if line else place, hint=_HINT) from None
    if not isinstance(found, dict):
        raise InputError(f"expected a JSON object, got {type(found).__name__}", place=place, hint=_HINT)
    return found


def words_of(config: Mapping[str, Any], place: str) -> dict[str, Any]:
    """The words of an estimate that a configuration states: `arch`, `model_kind`, `precision`, `quantization`.

    Raises:
        InputError: a dimension is no positive number, or the configuration tells no dimension at all.
    """
    arch = _plain(config, place)
    kind = _kind(arch)
    parts = (arch, *(each for each in arch.values() if isinstance(each, Mapping)))
    if kind != "vision" and not any("hidden_size" in part for part in parts):
        raise InputError("tells no hidden size, so it is not the configuration of a model", place=place, hint=_HINT)
    words: dict[str, Any] = {"arch": arch}
    count = weights_of(arch)
    if count:
        words["params_b"] = count / 1e9
    if kind:
        words["model_kind"] = kind
    inner = arch.get("text_config")
    parts = (arch, inner) if isinstance(inner, Mapping) else (arch,)
    for part in parts:
        name = str(part.get("dtype") or part.get("torch_dtype") or "").removeprefix("torch.")
        if name in _PRECISIONS and "precision" not in words:
            words["precision"] = _PRECISIONS[name]
        settings = part.get("quantization_config") or part.get("compression_config")
        if isinstance(settings, Mapping) and "quantization" not in words:
            stored = quantization_of(settings)
            if stored:
                words["quantization"] = stored
    return words


def _plain(config: Mapping[str, Any], place: str, depth: int = 0) -> dict[str, Any]:
    made = {str(key): value for key, value in config.items()}
    for name in ("llm_config", "language_config", "llm"):
        if isinstance(made.get(name), Mapping) and not isinstance(made.get("text_config"), Mapping):
            made["text_config"] = made.pop(name)
    for name in _INNER:
        part = made.get(name)
        if isinstance(part, Mapping) and depth < 3:
            made[name] = _plain(part, f"{place}: {name}", depth + 1)
        elif part is not None and name.endswith("_config") and not isinstance(part, Mapping):
            raise InputError(f"{name} is no object", place=place, hint=_HINT)
    for plain, others in _PLAIN.items():
        for name in (plain, *others):
            value = made.get(name)
            if value is None:
                continue
            _check(name, value, place)
            if plain not in made and isinstance(value, int | float):
                made[plain] = int(value)
    for name in (
        "head_dim",
        "num_experts",
        "num_local_experts",
        "n_routed_experts",
        "moe_intermediate_size",
        "kv_lora_rank",
    ):
        if made.get(name) is not None:
            _check(name, made[name], place, least=0)
    kind = str(made.get("model_type") or "")
    if kind in _CLASS_DEFAULTS and (depth or "hidden_size" in made):
        for plain, value in zip(_PLAIN, _CLASS_DEFAULTS[kind], strict=True):
            if (
                value
                and made.get(plain) is None
                and not (plain == "num_key_value_heads" and "num_attention_heads" in made)
            ):
                made[plain] = value
    hidden = made.get("hidden_size")
    if isinstance(hidden, int) and kind and "vocab_size" in made and made.get("tie_word_embeddings") is None:
        made["tie_word_embeddings"] = kind not in _UNTIED
    return made


def _check(name: str, value: object, place: str, least: int = 1) -> None:
    values = value if isinstance(value, list) and value else [value]
    for each in values:
        number = isinstance(each, int | float) and not isinstance(each, bool) and math.isfinite(each)
        if not number or not least <= each <= _MOST:  # type: ignore[operator]
            raise InputError(f"{name} is {str(each)[:40]!r}, no sensible number", place=place, hint=_HINT)


def _kind(arch: Mapping[str, Any]) -> str:
    names = arch.get("architectures")
    name = str(names[0]) if isinstance(names, list) and names else ""
    kind = str(arch.get("model_type") or "").lower()
    for group, answer in ((_ROBOTS, "vla"), (_SPEECH, "speech"), (_VISION, "vision"), (_ENCODERS, "encoder")):
        if kind in group:
            return answer
    if "audio_config" in arch and "vision_config" not in arch:
        return "speech"
    if "vision_config" in arch or "vision_tower" in arch or "mm_vision_tower" in arch:
        return "vlm"
    if kind not in TWO_STACKS and name.endswith(("ForCausalLM", "LMHeadModel")):
        return "llm"
    if kind in TWO_STACKS or arch.get("is_encoder_decoder") or name.endswith("ForConditionalGeneration"):
        return "seq2seq"
    if name.endswith(("ForMaskedLM", "ForTokenClassification", "ForQuestionAnswering")):
        return "encoder"
    return "vision" if name.endswith(("ForImageClassification", "ForObjectDetection")) else "llm" if kind else ""


def quantization_of(settings: Mapping[str, Any]) -> str:
    """The format that a quantization_config names, in the estimator's words; empty where it names none that is known.

    Keys: https://huggingface.co/docs/transformers/main_classes/quantization
    """
    method = str(settings.get("quant_method") or settings.get("quant_algo") or "").lower().replace("_", "-")
    bits = settings.get("bits", settings.get("w_bit", settings.get("nbits", settings.get("num_bits"))))
    bits = int(bits) if isinstance(bits, int | float) and math.isfinite(bits) else 4
    if settings.get("load_in_4bit") or settings.get("_load_in_4bit"):
        return "nf4-dq" if settings.get("bnb_4bit_use_double_quant") else "nf4"
    if settings.get("load_in_8bit") or settings.get("_load_in_8bit"):
        return "int8"
    if method in ("gptq", "gptqmodel", "auto-round", "intel/auto-round"):
        return f"gptq{bits}"
    if method == "awq":
        return "awq4" if bits == 4 else f"gptq{bits}"
    if method in ("fp8", "fbgemm-fp8", "float8"):
        return "fp8-block" if settings.get("weight_block_size") else "fp8"
    if method == "compressed-tensors" or "config_groups" in settings:
        return _compressed(settings)
    if method == "quanto":
        return {"int8": "int8-quanto", "int4": "int4-quanto", "float8": "fp8"}.get(
            str(settings.get("weights")), "int8-quanto"
        )
    if method == "torchao":
        name = str(settings.get("quant_type", "")).lower()
        return "fp8" if "float8" in name else "int8wo" if "int8" in name and "int4" not in name else "int4wo"
    if method == "hqq":
        return "hqq8" if bits == 8 else "hqq4"
    return {"aqlm": "aqlm2", "eetq": "eetq", "mxfp4": "mxfp4", "nvfp4": "nvfp4", "exl2": f"exl2-{bits}bpw"}.get(
        method, ""
    )


def _compressed(settings: Mapping[str, Any]) -> str:
    """llm-compressor's groups: https://github.com/vllm-project/compressed-tensors, quant_scheme.py."""
    groups = settings.get("config_groups")
    for group in groups.values() if isinstance(groups, Mapping) else ():
        weights = group.get("weights") if isinstance(group, Mapping) else None
        if isinstance(weights, Mapping):
            wide, floats = weights.get("num_bits") == 8, weights.get("type") == "float"
            if floats:
                return ("fp8-block" if weights.get("strategy") == "block" else "fp8") if wide else "nvfp4"
            return "w8a8" if wide else "gptq4"
    return "fp8" if "float" in str(settings.get("format", "")) else ""
