"""The spellings of all frameworks as one index: from a key to the fact, and to what its value implies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct

from advisor.library import Library

# Spellings that mean something else in many programs. They count where a program that has them was recognised, or in a construct
# that is one's own (`r` in `LoraConfig`).
WEAK = frozenset({
    "rank", "r", "n", "l", "c", "b", "m", "np", "tp", "fa", "ngl", "length", "batch", "stage", "devices", "input_size", "crop_size",
    "world_size", "path", "bits", "max_tokens", "max_len", "update_freq", "img", "scale", "weights", "cfg", "adapter", "opt", "fsdp",
    "parallel", "recompute", "flash", "gpus", "mbs", "dit", "wbits", "workers", "num_gpu", "deepspeed", "strategy", "amp", "half",
    "max_batch_size", "num_gpus", "num_processes", "max_target_length", "compute_type", "lora", "rank_dim", "patch_size",
    "image_shape", "ims_per_batch", "num_batch", "n_batch", "directory", "d", "rec_batch_num", "clip_len", "num_segments", "accumulation",
    "minibatch", "n_positions", "num_shard", "use_checkpoint",
})  # fmt: skip
# Of these, the ones that hold on any command line.
ON_COMMAND_LINES = frozenset({
    "length", "batch", "devices", "input_size", "crop_size", "bits", "b", "max_len", "img", "weights", "gpus", "num_gpus",
    "num_processes", "amp", "lora", "fsdp", "deepspeed", "half", "mbs", "wbits", "workers", "opt", "ngpus", "num_shard", "n_batch",
    "use_checkpoint", "patch_size", "num_segments",
})  # fmt: skip
# Spellings that are common words too: beside the above also in a line of its own, in a call, or on a command line, if the value fits.
CHECKED = frozenset({
    "model", "dtype", "optimizer", "optim", "precision", "resolution", "quantization", "quantize", "batch_size", "bs", "max_length",
    "model_name", "model_path", "model_id", "block_size", "image_size", "num_frames", "pretrain", "num_workers", "base_model",
    "train_type",
    "img_size", "mixed_precision", "method", "checkpoint", "ckpt", "pretrained", "n_workers", "max_seq_len", "context_length",
})  # fmt: skip
# Keys of files and folders, which hold a model's name now and then.
PATHS = frozenset({
    "ckpt_dir", "ckpt_path", "checkpoint", "ckpt", "checkpoint_path", "pretrained_path", "pretrained", "model_dir",
    "transformer_path", "weights",
    "dit_path", "dit", "_name_or_path", "checkpoint_dir", "model_type", "model_size",
})  # fmt: skip
# Libraries whose spellings hold for most programs, the nearest to a user's own settings first.
GENERAL = ("transformers", "peft", "accelerate", "trl", "deepspeed", "pytorch")
# Calls and classes that prove whose spellings stand inside.
CONSTRUCTS = {
    "loraconfig": "peft", "adaloraconfig": "peft", "peftconfig": "peft", "get_peft_model": "peft", "peft_config": "peft",
    "lora_config": "peft", "lora": "peft", "trainingarguments": "transformers", "seq2seqtrainingarguments": "transformers",
    "grpoconfig": "trl", "sftconfig": "trl", "dpoconfig": "trl", "dataloader": "pytorch", "fit": "pytorch", "trainer": "lightning",
    "llm": "vllm", "llama": "llama.cpp", "asyncengineargs": "vllm", "engineargs": "vllm", "zero_optimization": "deepspeed",
    "deepspeed_config": "deepspeed", "serverargs": "sglang", "yolo": "ultralytics", "bitsandbytesconfig": "transformers",
    "from_pretrained": "transformers",
}  # fmt: skip


class KeyIndex(Struct):
    """Per framework: key to fact, and key to implied facts; over all of them: what they agree on.

    Attributes:
        keys: framework to (key to fact).
        implies: framework to (key to entries of `implies`).
        agreed: key to (framework, fact) where all that have the key mean one fact.
        values: fact to (written value to its meaning) where all that translate it agree.
        last_parts: the last part of every key, for a cheap test.
    """

    keys: dict[str, dict[str, str]]
    implies: dict[str, dict[str, list[dict[str, Any]]]]
    agreed: dict[str, tuple[str, str]]
    values: dict[str, dict[str, Any]]
    last_parts: set[str]


def normalised(key: str) -> str:
    """`--per-device-train-batch-size` and `per_device_train_batch_size` are one key."""
    return key.strip().strip("\"'`").lstrip("-").lower().replace("-", "_")


def _build(library: Library) -> KeyIndex:
    keys: dict[str, dict[str, str]] = {}
    implies: dict[str, dict[str, list[dict[str, Any]]]] = {}
    meanings: dict[str, set[str]] = {}
    owner: dict[str, str] = {}
    values: dict[str, dict[str, set[Any]]] = {}
    for framework in library.frameworks.values():
        own = keys.setdefault(framework.id, {})
        for fact, spellings in framework.keys.items():
            for spelling in spellings:
                key = normalised(spelling)
                own[key] = fact
                meanings.setdefault(key, set()).add(fact)
                if key not in owner or framework.id in GENERAL:
                    owner[key] = framework.id
        for entry in framework.implies:
            key = normalised(str(entry["key"]))
            implies.setdefault(framework.id, {}).setdefault(key, []).append(entry)
        for fact, table in framework.values.items():
            for written, meaning in table.items():
                if written not in ("*", ""):
                    values.setdefault(fact, {}).setdefault(str(written).lower(), set()).add(meaning)
    agreed = {key: (owner[key], next(iter(facts))) for key, facts in meanings.items() if len(facts) == 1}
    names = {*meanings, *(key for own_implies in implies.values() for key in own_implies)}
    return KeyIndex(
        keys,
        implies,
        agreed,
        {fact: {text: next(iter(of)) for text, of in table.items() if len(of) == 1} for fact, table in values.items()},
        {name.rsplit(".", 1)[-1] for name in names},
    )


_indexes: WeakKeyDictionary[Library, KeyIndex] = WeakKeyDictionary()


def key_index(library: Library) -> KeyIndex:
    """The index of a library, built once."""
    index = _indexes.get(library)
    if index is None:
        index = library.derived("run-keys-1", KeyIndex, lambda: _build(library))
        _indexes[library] = index
    return index


def known_key(key: str, library: Library) -> bool:
    """Whether any framework has a key that ends like this one; a cheap test before anything else is done."""
    return key.rsplit(".", 1)[-1] in key_index(library).last_parts


def is_plain(key: str, library: Library) -> bool:
    """Whether the key means one thing in every program that has it, and nothing outside of them."""
    last = key.rsplit(".", 1)[-1]
    return last in key_index(library).agreed and last not in WEAK and last not in CHECKED


def suffixes(key: str) -> list[str]:
    """The key and what remains of it when outer levels are left away, the longest first."""
    parts = key.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


def lineage_of(frameworks: Sequence[str], library: Library) -> list[str]:
    """The frameworks with all that they build on, each once, the most specific first."""
    return list(dict.fromkeys(name for framework in frameworks for name in library.lineage(framework)))
