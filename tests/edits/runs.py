"""Commands and configurations of many programs, written in ways that people write them, for the properties of edits."""

from __future__ import annotations

import ast
import json
import random
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import yaml
from msgspec import Struct

Settings = Mapping[str, Any]


class Program(Struct, frozen=True):
    """A program with settings that it takes.

    Attributes:
        framework: its id.
        kind: the notation: flags, bare (switches without a value), overrides, yaml, json, toml, call, assignments.
        head: what stands before the settings.
        settings: key to value; nested levels are dictionaries.
        remedies: ids that must have a place in it.
    """

    name: str
    framework: str
    kind: str
    head: str
    settings: Settings
    remedies: tuple[str, ...]


PROGRAMS = (
    Program("trainer", "transformers", "flags", "torchrun --nproc_per_node 4 train.py", {
        "model_name_or_path": "Qwen/Qwen2.5-7B", "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2, "bf16": True,
        "gradient_checkpointing": False, "optim": "adamw_torch", "max_seq_length": 4096, "learning_rate": "2e-5", "output_dir": "out",
    }, ("reduce_batch_size", "gradient_accumulation", "gradient_checkpointing", "8bit_optimizer", "reduce_seq_len", "chunked_loss",
        "zero3")),
    Program("trl", "trl", "flags", "CUDA_VISIBLE_DEVICES=0 trl sft", {
        "model_name_or_path": "Qwen/Qwen2.5-7B", "per_device_train_batch_size": 8, "max_length": 4096, "bf16": True, "dataset_name": "a/b",
    }, ("reduce_batch_size", "lora", "8bit_optimizer", "flash_attention")),
    Program("llama-factory", "llama-factory", "yaml", "", {
        "model_name_or_path": "Qwen/Qwen2.5-7B-Instruct", "stage": "sft", "finetuning_type": "full", "cutoff_len": 4096,
        "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "bf16": True, "optim": "adamw_torch", "flash_attn": "auto",
    }, ("reduce_batch_size", "gradient_accumulation", "lora", "qlora", "8bit_optimizer", "reduce_seq_len", "flash_attention",
        "chunked_loss", "zero3")),
    Program("axolotl", "axolotl", "yaml", "", {
        "base_model": "mistralai/Mistral-7B-v0.1", "adapter": "lora", "lora_r": 64, "sequence_len": 8192, "micro_batch_size": 4,
        "gradient_accumulation_steps": 1, "optimizer": "adamw_torch", "bf16": "auto", "gradient_checkpointing": False,
    }, ("reduce_batch_size", "gradient_accumulation", "qlora", "8bit_optimizer", "reduce_seq_len", "smaller_lora_rank",
        "gradient_checkpointing")),
    Program("deepspeed", "deepspeed", "json", "", {
        "train_micro_batch_size_per_gpu": 4, "gradient_accumulation_steps": 2,
        "zero_optimization": {"stage": 1, "overlap_comm": True, "contiguous_gradients": True}, "bf16": {"enabled": True},
        "gradient_clipping": 1.0,
    }, ("reduce_batch_size", "gradient_accumulation", "zero2", "zero3", "zero_offload", "zero3_offload")),
    Program("accelerate", "accelerate", "yaml", "", {
        "compute_environment": "LOCAL_MACHINE", "distributed_type": "MULTI_GPU", "mixed_precision": "no", "num_processes": 4,
        "use_cpu": False,
    }, ("fsdp",)),
    Program("xtuner", "xtuner", "assignments", "from xtuner.model import SupervisedFinetune", {
        "max_length": 4096, "batch_size": 8, "accumulative_counts": 2, "dataloader_num_workers": 4,
    }, ("reduce_batch_size", "gradient_accumulation", "reduce_seq_len")),
    Program("training-arguments", "transformers", "call", "TrainingArguments", {
        "output_dir": "out", "per_device_train_batch_size": 8, "gradient_accumulation_steps": 2, "bf16": True, "optim": "adamw_torch",
        "gradient_checkpointing": False,
    }, ("reduce_batch_size", "gradient_accumulation", "gradient_checkpointing", "8bit_optimizer", "chunked_loss")),
    Program("grpo-config", "trl", "call", "GRPOConfig", {
        "output_dir": "out", "per_device_train_batch_size": 8, "num_generations": 8, "gradient_accumulation_steps": 2,
        "gradient_checkpointing": False,
    }, ("reduce_batch_size", "gradient_accumulation", "gradient_checkpointing", "reduce_num_generations")),
    Program("torchtune", "torchtune", "overrides", "tune run full_finetune_single_device --config llama3_1/8B_full_single_device", {
        "batch_size": 8, "tokenizer.max_seq_len": 8192, "gradient_accumulation_steps": 1, "enable_activation_checkpointing": False,
    }, ("reduce_batch_size", "gradient_checkpointing", "reduce_seq_len", "8bit_optimizer")),
    Program("verl", "verl", "overrides", "python3 -m verl.trainer.main_ppo", {
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu": 16, "actor_rollout_ref.rollout.gpu_memory_utilization": 0.8,
        "actor_rollout_ref.rollout.n": 16, "actor_rollout_ref.model.enable_gradient_checkpointing": False, "trainer.n_gpus_per_node": 8,
    }, ("reduce_batch_size", "gradient_checkpointing", "reduce_num_generations", "reduce_gpu_memory_utilization", "chunked_loss")),
    Program("kohya", "kohya", "toml", "", {
        "network_module": "networks.lora", "network_dim": 64, "train_batch_size": 4, "mixed_precision": "no", "optimizer_type": "AdamW",
        "gradient_accumulation_steps": 1,
    }, ("reduce_batch_size", "gradient_checkpointing", "8bit_optimizer", "smaller_lora_rank", "gradient_accumulation")),
    Program("kohya-command", "kohya", "bare", "accelerate launch sdxl_train_network.py", {
        "network_module": "networks.lora", "network_dim": 64, "train_batch_size": 4, "mixed_precision": "fp16", "optimizer_type": "AdamW",
        "cache_latents": True,
    }, ("reduce_batch_size", "gradient_checkpointing", "8bit_optimizer", "smaller_lora_rank")),
    Program("vllm", "vllm", "bare", "vllm serve Qwen/Qwen2.5-14B-Instruct", {
        "max-model-len": 32768, "gpu-memory-utilization": 0.8, "max-num-seqs": 256, "trust-remote-code": True,
    }, ("reduce_max_model_len", "reduce_max_num_seqs", "raise_gpu_memory_utilization", "quantize_kv_cache")),
    Program("llama.cpp", "llama.cpp", "short", "./llama-server", {
        "m": "model-q4_k_m.gguf", "ngl": 48, "c": 32768, "np": 4,
    }, ("reduce_gpu_layers", "reduce_max_model_len", "reduce_max_num_seqs", "quantize_kv_cache")),
    Program("openrlhf", "openrlhf", "bare", "deepspeed --module openrlhf.cli.train_dpo", {
        "micro_train_batch_size": 4, "max_len": 4096, "zero_stage": 2, "bf16": True,
    }, ("reduce_batch_size", "zero3")),
)  # fmt: skip


def written(program: Program, style: random.Random) -> str:
    """The program's settings in one of the ways in which people write them."""
    items = list(program.settings.items())
    if program.kind not in ("call", "assignments"):
        style.shuffle(items)
    writers: dict[str, Callable[[Program, Sequence[tuple[str, Any]], random.Random], str]] = {
        "flags": _command, "bare": _command, "overrides": _command, "short": _command, "yaml": _yaml, "json": _json, "toml": _toml,
        "call": _call, "assignments": _assignments,
    }  # fmt: skip
    return writers[program.kind](program, items, style)


def parses(program: Program, text: str) -> Any:
    """The text read by a parser of its notation; raises what the parser raises."""
    if program.kind == "yaml":
        return yaml.safe_load(text)
    if program.kind == "json":
        return json.loads(text)
    if program.kind == "toml":
        return tomllib.loads(text)
    if program.kind in ("call", "assignments"):
        return ast.parse(text)
    return shlex.split(text, comments=True)


def _command(program: Program, items: Sequence[tuple[str, Any]], style: random.Random) -> str:
    dash = style.random() < 0.5 and program.kind == "flags"
    sign = style.choice([" ", "="]) if program.kind in ("flags", "bare") else " " if program.kind == "short" else "="
    lower = style.random() < 0.5
    words = []
    for key, value in items:
        name = key.replace("_", "-") if dash else key
        prefix = {"overrides": "", "short": "-"}.get(program.kind, "--")
        if isinstance(value, bool) and program.kind == "bare":
            words += [f"{prefix}{name}"] if value else []
            continue
        shown = str(value).lower() if isinstance(value, bool) and lower else str(value)
        words.append(f"{prefix}{name}{sign}{shown}")
    if style.random() < 0.3:
        return f"{program.head} {' '.join(words)}"
    indent = " " * style.choice([2, 4, 8])
    return f" \\\n{indent}".join([program.head, *words]) + style.choice(["", " 2>&1 | tee train.log", " > out.log"])


def _comment(style: random.Random) -> str:
    return style.choice(["", "", "", "  # was 16"])


def _yaml(program: Program, items: Sequence[tuple[str, Any]], style: random.Random) -> str:
    rows = []
    for key, value in items:
        shown = (
            str(value).lower()
            if isinstance(value, bool)
            else style.choice(["{}", "{}", '"{}"']).format(value)
            if isinstance(value, str)
            else str(value)
        )
        rows.append(f"{key}: {shown}{_comment(style)}")
        if style.random() < 0.2:
            rows.append(style.choice(["### section", "# note"]))
    return "\n".join(rows) + "\n"


def _json(program: Program, items: Sequence[tuple[str, Any]], style: random.Random) -> str:
    text = json.dumps(dict(items), indent=style.choice([2, 4, 4]))
    return text.replace('{\n    "enabled": true\n  }', '{"enabled": true}') if style.random() < 0.5 else text


def _toml(program: Program, items: Sequence[tuple[str, Any]], style: random.Random) -> str:
    rows = ["[training]"] if style.random() < 0.5 else []
    for key, value in items:
        shown = (
            str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)
        )
        rows.append(f"{key} = {shown}{_comment(style)}")
    return "\n".join(rows) + "\n"


def _call(program: Program, items: Sequence[tuple[str, Any]], style: random.Random) -> str:
    pairs = [f"{key}={value!r}" for key, value in items]
    if style.random() < 0.3:
        return f"args = {program.head}({', '.join(pairs)})\n"
    comma = style.choice([",", ""])
    body = ",\n".join(f"    {pair}" for pair in pairs)
    return f"args = {program.head}(\n{body}{comma}\n)\n"


def _assignments(program: Program, items: Sequence[tuple[str, Any]], style: random.Random) -> str:
    sign = style.choice([" = ", "="])
    return "\n".join([program.head, "", *(f"{key}{sign}{value!r}{_comment(style)}" for key, value in items)]) + "\n"
