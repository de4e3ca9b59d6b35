"""What a key and its value say of the run: the spellings of every framework, looked up, translated, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import re2
from msgspec import Struct
from msgspec.structs import replace

from advisor.errors import FactError
from advisor.facts import FactValue, Observation, check_fact
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.runs.keys import (
    CHECKED,
    CONSTRUCTS,
    GENERAL,
    ON_COMMAND_LINES,
    WEAK,
    KeyIndex,
    key_index,
    lineage_of,
    normalised,
    suffixes,
)
from advisor.readers.runs.shell import node_count
from advisor.readers.runs.total_batch import of_all_devices
from advisor.readers.runs.values import FALSE, holds, params_of, translated

__all__ = ["Setting", "normalised", "observations", "said"]

Context: TypeAlias = Literal["command", "line", "inner", "inline"]

PRINTED_RANK, COMMAND_RANK, FILE_RANK, CODE_RANK, ASIDE_RANK = 80, 70, 60, 55, 48
_TASK_RANK = 33
_FILES_RANK = 25
# Programs whose `train_batch_size` counts the samples of all devices together.
_TOTAL_BATCH = frozenset({"deepspeed", "openrlhf", "verl", "colossalai", "megatron", "easyr1"})
# Facts that only a training run states.
_TRAINS = frozenset(
    {"grad_accum", "gradient_checkpointing", "lora_rank", "optimizer", "zero_stage", "num_generations", "method"}
)
# Counts of one node's devices: the run has that many on each node.
_PER_NODE = frozenset({
    "nproc_per_node", "n_gpus_per_node", "num_gpus_per_node", "actor_num_gpus_per_node", "gpus_per_node", "ngpus_per_node", "devices",
})  # fmt: skip
# Sections of a configuration about something beside the model that is trained or served.
_BESIDE = (
    "val",
    "eval",
    "test",
    "critic",
    "reward",
    "ref",
    "draft",
    "specul",
    "teacher",
    "judge",
    "embed",
    "rerank",
    "sampl",
    "infer",
)
_OF_THE_MODEL = frozenset(
    {"batch_size", "seq_len", "model", "precision", "quantization", "image_resolution", "lora_rank"}
)
_DEVICES = {
    "offload_optimizer.device": "optimizer", "offload_optimizer_device": "optimizer",
    "offload_param.device": "params", "offload_param_device": "params",
}  # fmt: skip
# FSDP's switches in trainers with several models, of the one that is trained.
_SWITCHES = {"actor.fsdp_config.optimizer_offload": "optimizer", "actor.fsdp_config.param_offload": "params"}


class Setting(Struct, frozen=True):
    """A key with its written value.

    Attributes:
        key: normalised: no leading dashes, underscores, lower case, nested keys joined by dots.
        value: as written, without quotes; empty for a flag that stands alone.
        offset: where the key stands in the document's text.
        rank: of the observation: 80 printed configuration, 70 command line, 60 file, 55 code, 48 a flag named in a sentence.
        construct: the call or class around it (`loraconfig`), lower case; empty outside of one.
        context: a command line, a line of its own, inside brackets, or in the midst of a line.
    """

    key: str
    value: str
    offset: int
    rank: int
    construct: str = ""
    context: Context = "line"


class Meaning(Struct, frozen=True):
    """A fact that a setting states, and its rank."""

    value: FactValue
    rank: int


def observations(
    doc: Document, settings: Iterable[Setting], frameworks: Sequence[str], library: Library
) -> Iterator[Observation]:
    """What the settings say, in the words of the frameworks that were recognised, else in the words all agree on.

    Args:
        frameworks: ids of the recognised frameworks, the most specific first.
    """
    index = key_index(library)
    lineage = lineage_of(frameworks, library)
    kept = list(settings)
    per_device = any(
        setting.key.endswith(("micro_batch_size_per_gpu", "per_device_train_batch_size")) for setting in kept
    )
    totals = of_all_devices(doc.lower)
    offloads: dict[str, tuple[bool, Setting]] = {}
    switches: dict[str, tuple[bool, Setting]] = {}
    is_served = any(setting.key.endswith("gpu_memory_utilization") for setting in kept)
    trains: Setting | None = None
    # The dtype that a model's own configuration states is that of its files.
    is_model_config = '"architectures"' in doc.text or "transformers_version" in doc.text
    for setting in kept:
        if is_model_config and setting.key.endswith("torch_dtype") and setting.rank in (FILE_RANK, PRINTED_RANK):
            setting = replace(setting, rank=_FILES_RANK)
        for endings, parts in ((_DEVICES, offloads), (_SWITCHES, switches)):
            for ending, part in endings.items():
                if setting.key.endswith(ending):
                    parts[part] = setting.value.lower().strip("\"'") not in FALSE, setting
        if is_served and setting.key == "block_size":
            continue  # of the cache's blocks
        if (
            per_device
            and setting.key.endswith("train_batch_size")
            and "per" not in setting.key
            and "micro" not in setting.key
        ):
            continue  # beside a batch per device, the other one is the total
        if totals and setting.context != "command" and setting.key.rsplit(".", 1)[-1] == "train_batch_size":
            continue
        for fact, meaning in said(setting, lineage, index, library).items():
            if fact in _TRAINS and meaning.value is not False:
                trains = trains or setting
            value = meaning.value
            if fact == "gpu_count" and setting.key.rsplit(".", 1)[-1] in _PER_NODE and isinstance(value, int):
                value *= node_count(doc)
            yield _observed(doc, setting, fact, value, meaning.rank)
    yield from _offloaded(doc, offloads)
    if len(switches) == len(_SWITCHES):
        yield from _offloaded(doc, switches)
    if trains is not None and not _only_serves(frameworks, library):
        yield _observed(doc, trains, "task", "train", _TASK_RANK, derived=True)


def _observed(
    doc: Document, setting: Setting, fact: str, value: FactValue, rank: int, derived: bool = False
) -> Observation:
    line, quote = doc.line_at(setting.offset), doc.quote(setting.offset)
    return Observation(fact, value, line, quote, rank=rank, origin="derived" if derived else "stated")


def _offloaded(doc: Document, offloads: Mapping[str, tuple[bool, Setting]]) -> Iterator[Observation]:
    """Optimizer and parameters have a device each; `auto` or a section of its own says less than both together."""
    if not offloads:
        return
    parts = [part for part, (is_off, _) in offloads.items() if is_off]
    setting = max((setting for _, setting in offloads.values()), key=lambda item: item.offset)
    if "optimizer" not in offloads and parts == ["params"]:
        parts = ["optimizer", "params"]  # ZeRO-3 examples that move parameters away move the optimizer too
    value = "both" if len(parts) == 2 else parts[0] if parts else "none"
    yield _observed(doc, setting, "offload", value, setting.rank + 1)


def _only_serves(frameworks: Sequence[str], library: Library) -> bool:
    known = library.frameworks.get(frameworks[0]) if frameworks else None
    return known is not None and known.tasks == ["inference"]


def said(setting: Setting, lineage: Sequence[str], index: KeyIndex, library: Library) -> dict[str, Meaning]:
    """The facts that a setting states, each with its rank: a program's own spelling counts more than a general one."""
    names = suffixes(setting.key)
    construct = CONSTRUCTS.get(setting.construct, "")
    own = [name for name in lineage if name not in GENERAL] or list(lineage[:1])
    order = list(dict.fromkeys([*([construct] if construct else []), *lineage, *GENERAL]))
    order.sort(key=lambda name: name == "pytorch")  # stable: what holds everywhere is asked last
    for framework in order:
        is_own = framework in own or framework == construct
        recognised = is_own or (framework in lineage and framework != "pytorch")
        found: dict[str, Meaning] = {}
        for key in names:
            if not _counts(key, setting, recognised, is_own):
                continue
            fact = index.keys.get(framework, {}).get(key)
            if fact is not None and not _is_other(fact, key, names[0], lineage):
                strict = key in CHECKED and not recognised and setting.context != "command"
                # A dtype of the dequantised matrices and a general spelling beside the program's own say less.
                less = key.startswith("bnb") or (not is_own and _has_own(fact, own, index))
                rank = setting.rank - (3 if less else 0)
                found |= _value(fact, setting.value, framework, library, rank, strict, key)
            for entry in index.implies.get(framework, {}).get(key, ()):
                if holds(entry, _alone(setting)) and not any(key.endswith(ending) for ending in _DEVICES):
                    # Of two entries the later is the more special one.
                    found |= _implied(entry, setting)
            if fact is not None:
                return found
        if found:
            return found
    for key in names:
        if key in index.agreed and _counts(key, setting, False, False):
            framework, fact = index.agreed[key]
            if _is_other(fact, key, names[0], lineage):
                return {}
            strict = key in CHECKED and setting.context != "command"
            return _value(fact, setting.value, framework, library, setting.rank, strict, key)
    return {}


def _alone(setting: Setting) -> str:
    """The value; a switch before the script's name stands alone (`--bf16 train.py`)."""
    return "" if setting.context == "command" and setting.value.endswith(".py") else setting.value


def _counts(key: str, setting: Setting, recognised: bool, is_own: bool) -> bool:
    """Whether a spelling may be taken for a setting of the run where it stands."""
    if key in WEAK or len(key) == 1:
        return is_own or (recognised and len(key) > 4) or (setting.context == "command" and key in ON_COMMAND_LINES)
    if key in CHECKED and setting.context == "inline":
        return is_own
    return True


def _has_own(fact: str, own: Sequence[str], index: KeyIndex) -> bool:
    return any(fact in index.keys.get(name, {}).values() for name in own)


def _is_other(fact: str, key: str, path: str, lineage: Sequence[str]) -> bool:
    """Whether the key is of another part of the run: totals over all devices, evaluation, a critic or reward model."""
    if fact == "batch_size" and key == "train_batch_size" and any(name in _TOTAL_BATCH for name in lineage):
        return True
    if fact == "batch_size" and key == "b" and "yolox" in lineage:
        return True
    if fact not in _OF_THE_MODEL or key == path:
        return False
    outer = path[: len(path) - len(key)].strip(".").split(".")
    return any(part.startswith(_BESIDE) for part in outer)


def _value(
    fact: str, text: str, framework: str, library: Library, rank: int, strict: bool, key: str
) -> dict[str, Meaning]:
    value = translated(fact, text.strip().rstrip(",;"), framework, library, strict, key)
    if value is None:
        return {}
    try:
        found = {fact: Meaning(check_fact(fact, value), rank)}
    except FactError:
        return {}
    if fact == "model":
        found |= of_model(str(value), library, rank)
    return found


@cache
def _gguf_format() -> Any:
    """The format at the end of a GGUF file's name: `-q4_k_m`, `.IQ2_XXS.gguf`."""
    return re2.compile(r"[-_.](i?q[1-8]_(?:[0-9]|k(?:_[sml])?|xxs|xs|s|m|nl))(?:\.gguf)?$")


def of_model(name: str, library: Library, rank: int) -> dict[str, Meaning]:
    """What a model's name tells: its parameters, and the format of weights that are stored quantised."""
    found: dict[str, Meaning] = {}
    params = params_of(name, library)
    if params is not None:
        found["params_b"] = Meaning(params, rank)
    lower = name.lower()
    for word, value in (
        ("gptq", "gptq"),
        ("awq", "awq"),
        ("bnb-4bit", "4bit"),
        ("-fp8", "fp8"),
        ("int4", "4bit"),
        ("int8", "8bit"),
    ):
        if word in lower:
            found["quantization"] = Meaning(value, 30)
            break
    stored = _gguf_format().search(lower)
    if stored is not None and "quantization" not in found:
        found["quantization"] = Meaning(stored.group(1), 30)
    if lower.endswith((".f32", "-f32", "-fp32")):
        found["precision"] = Meaning("fp32", 30)
    return found


def _implied(entry: Mapping[str, Any], setting: Setting) -> dict[str, Meaning]:
    """What an entry of `implies` sets; `{value}` in it stands for the value as written."""
    found = {}
    for fact, value in entry["set"].items():
        try:
            meant = value.replace("{value}", setting.value) if isinstance(value, str) else value
            found[fact] = Meaning(check_fact(fact, meant), setting.rank)
        except FactError:
            continue
    return found
