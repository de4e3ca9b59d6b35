"""A run, as the estimator reads it: the flat words of a specification with documented defaults, and what had to be assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

# Words that have no bearing on memory, or that are read by name elsewhere; every other unknown word is named in a warning.
_SILENT = frozenset({
    "id", "runtime", "phase", "tried_to_allocate_gib", "gpu_index", "gpu_free_gib", "process_in_use_gib",
    "torch_allocated_gib", "torch_reserved_unallocated_gib", "torch_reserved_gib", "other_processes_gib", "private_pools_gib",
    "torch_version", "transformers_version", "host_ram_gib", "num_workers", "tried",
})  # fmt: skip
_DTYPES = {"fp32": 4, "float32": 4, "fp16": 2, "float16": 2, "bf16": 2, "bfloat16": 2, "fp8": 1}
_FOUR_BITS = frozenset({"4bit", "nf4", "fp4", "int4", "bnb-4bit", "bnb_4bit"})
_EIGHT_BITS = frozenset({"8bit", "int8", "llm.int8", "bnb-8bit", "bnb_8bit"})
ALGORITHMS = frozenset({
    "sft", "pretrain", "dpo", "grpo", "gspo", "dapo", "rloo", "ppo", "kto", "orpo", "simpo", "cpo", "reinforce", "reinforce++", "remax",
})  # fmt: skip
"""Methods that say how the loss is made, not which weights learn."""
LOW_RANK = frozenset({"lora", "qlora", "dora", "rslora", "qdora", "loraplus", "pissa", "lora+"})
_NO_QUANT = frozenset({"", "none", "no", "false"})
# What holds where a word is absent. Only the words under `_LISTED` count as assumptions that a person should see.
_DEFAULTS: dict[str, Any] = {
    "batch_size": 1, "seq_len": 2048, "precision": "bf16", "optimizer": "adamw", "gradient_checkpointing": False,
    "lora_rank": 16, "grad_accum": 1,
}  # fmt: skip
_LISTED = ("precision", "batch_size", "seq_len", "optimizer", "gradient_checkpointing", "lora_rank")


class RunSpec(Struct, frozen=True):
    """One run. Lengths in tokens, sizes in GiB, `weight_bytes` in bytes per parameter.

    `words` keeps the whole specification as it was stated, for the modules that read words of their own.
    """

    task: str = "train"
    workload: str = ""
    method: str = "full"
    precision: str = "bf16"
    autocast: str = ""
    quantization: str = ""
    optimizer: str = "adamw"
    optimizer_impl: str = "foreach"
    batch_size: int = 1
    seq_len: int = 2048
    tgt_seq_len: int = 0
    grad_accum: int = 1
    steps: int = 2
    images_per_sample: int = 1
    image_tokens: int = 0
    vision_tokens: int = 0
    image_grid: tuple[int, int] | None = None
    gradient_checkpointing: bool = False
    checkpoint_reentrant: bool = False
    attention: str = "sdpa"
    fused_ce: bool = False
    lora_rank: int = 16
    lora_targets: str | tuple[str, ...] = "all-linear"
    lora_dropout: float = 0.0
    lora_fp32: bool = True
    kbit_prepare: bool = True
    frozen: tuple[str, ...] = ()
    trainable_params: float = 0.0
    low_rank: bool = False
    loop: str = "trainer"
    mask: str = "none"
    parallelism: str = "none"
    zero_stage: int = 0
    fsdp: bool = False
    offload: str = "none"
    gpu_count: int = 1
    gpu_name: str = ""
    gpu_memory_gib: float = 0.0
    framework: str = ""
    model: str = ""
    hf_id: str = ""
    model_kind: str = ""
    params_b: float = 0.0
    arch: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    assumed: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def weight_bytes(self) -> int:
        """Bytes of an unquantised weight: fp32 master weights under `amp-*`."""
        return 4 if self.precision.startswith("amp") else _DTYPES.get(self.precision, 2)

    @property
    def autocast_bytes(self) -> int:
        """Bytes of autocast's dtype, 0 where there is no autocast."""
        if self.autocast:
            return _DTYPES.get(self.autocast, 2)
        return 2 if self.precision.startswith("amp") else 0

    @property
    def compute_bytes(self) -> int:
        """Bytes of the dtype in which matrices are multiplied."""
        return self.autocast_bytes or max(self.weight_bytes, 2)

    @property
    def four_bits(self) -> bool:
        return self.quantization in _FOUR_BITS

    @property
    def eight_bits(self) -> bool:
        return self.quantization in _EIGHT_BITS

    @property
    def adapters(self) -> bool:
        """Low-rank adapters are what is trained."""
        return self.low_rank or self.method in LOW_RANK

    def changed(self, **words: Any) -> RunSpec:
        """The run with other values."""
        return replace(self, **words)


def _grid(value: object) -> tuple[int, int] | None:
    parts: list[Any]
    if isinstance(value, str):
        parts = value.lower().replace(",", "x").split("x")
    elif isinstance(value, list | tuple):
        parts = list(value)
    else:
        return None
    try:
        numbers = [int(part) for part in parts][-2:]
    except (TypeError, ValueError):
        return None
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None


def _words_list(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        value = value.replace(",", " ").split()
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _method(values: Mapping[str, Any], words: Mapping[str, Any], quantization: str) -> str:
    """The method of `values`, or the one that other words imply: a stated rank means LoRA (a framework's default rank says nothing),
    a 4-bit base under training means QLoRA."""
    stated = str(values.get("method", "")).lower()
    if stated:
        return "qlora" if stated == "lora" and quantization in _FOUR_BITS else stated
    if values.get("task", "train") == "train":
        if quantization in _FOUR_BITS:
            return "qlora"
        if "lora_rank" in words or "lora_targets" in words:
            return "lora"
    return "full"


def run_spec(words: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> RunSpec:
    """The run that `words` describe.

    Args:
        words: a flat specification in the contract's words; absent means not known.
        defaults: what holds for the framework where a word is absent; taken without listing it as assumed.

    Returns:
        The run; `assumed` lists defaults that were taken for the words that matter, `warnings` the words that are not known.
    """
    taken: dict[str, Any] = {**(defaults or {}), **words}
    values: dict[str, Any] = {}
    warnings: list[str] = []
    for name, value in taken.items():
        if value is None or name in ("words", "assumed", "warnings"):
            continue
        if name in _FIELDS:
            values[name] = value
        elif name not in _SILENT and name not in _READ_ELSEWHERE:
            warnings.append(f"the estimate does not know the word {name!r}; it was not used")
    quantization = str(values.get("quantization", "")).lower()
    if quantization in _NO_QUANT:
        quantization = ""
    task = str(values.get("task") or ("inference" if "workload" in values else "train"))
    method = _method({**values, "task": task}, words, quantization)
    if method == "qlora" and not quantization:
        quantization = "nf4"
    assumed: dict[str, Any] = {}
    if task == "train" and "method" not in values and method == "full":
        assumed["method"] = method
    for name in _LISTED:
        if name in values:
            continue
        if name == "lora_rank" and "lora" not in method:
            continue
        if task != "train" and name in ("optimizer", "gradient_checkpointing", "lora_rank"):
            continue
        assumed[name] = _DEFAULTS[name]
    if method == "qlora" and "gradient_checkpointing" in assumed and values.get("kbit_prepare", True):
        # PEFT's prepare_model_for_kbit_training switches it on unless told otherwise.
        assumed["gradient_checkpointing"] = True
    values |= assumed
    if "parallelism" not in values:
        stage = int(values.get("zero_stage", 0) or 0)
        values["parallelism"] = f"zero{stage}" if stage else "fsdp" if values.get("fsdp") else "none"
    values["task"], values["method"], values["quantization"] = task, method, quantization
    # Of a method that names its algorithm, stated words tell what learns; a framework's default rank says nothing.
    values["low_rank"] = method in ALGORITHMS and (
        quantization in _FOUR_BITS or "lora_rank" in words or "lora_targets" in words
    )
    for name in ("batch_size", "seq_len", "tgt_seq_len", "grad_accum", "steps", "images_per_sample", "image_tokens",
                 "vision_tokens", "lora_rank", "gpu_count", "zero_stage"):  # fmt: skip
        if name in values:
            values[name] = int(values[name])
    if "image_grid" in values:
        values["image_grid"] = _grid(values["image_grid"])
    if "frozen" in values:
        values["frozen"] = _words_list(values["frozen"])
    targets = values.get("lora_targets")
    if isinstance(targets, list | tuple):
        values["lora_targets"] = tuple(str(item) for item in targets)
    if taken.get("flash_attention") and "attention" not in values:
        values["attention"] = "flash"
    return RunSpec(words=taken, assumed=assumed, warnings=tuple(warnings), **values)


_FIELDS = frozenset(RunSpec.__struct_fields__) - {"words", "assumed", "warnings", "low_rank"}
# Words that other modules of the estimator read from `RunSpec.words`.
_READ_ELSEWHERE = frozenset({
    "flash_attention", "gpu_capacity_gib", "max_model_len", "concurrency", "gpu_memory_utilization", "kv_cache_tokens",
    "num_generations", "image_resolution", "image", "gpu_layers", "num_frames", "framework_version", "kv_cache_dtype",
})  # fmt: skip
