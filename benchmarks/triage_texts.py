"""Texts to triage, made from templates: a third OOM logs of varied sizes, a third descriptions, a third look-alikes and healthy logs."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

MODELS = (
    "Qwen/Qwen2.5-7B-Instruct", "meta-llama/Llama-3.1-8B", "mistralai/Mistral-7B-v0.1", "Qwen/Qwen2.5-1.5B", "google/gemma-2-9b",
    "Qwen/Qwen2.5-14B", "microsoft/phi-2", "deepseek-ai/deepseek-llm-7b-base", "THUDM/chatglm3-6b", "bigscience/bloom-3b",
)  # fmt: skip
CARDS = (
    ("RTX 3090", 23.69),
    ("RTX 4090", 23.64),
    ("A100-SXM4-40GB", 39.39),
    ("A100-SXM4-80GB", 79.15),
    ("Tesla T4", 14.58),
    ("V100-SXM2-32GB", 31.74),
)
_TRACE = '  File "/home/user/{lib}/{name}.py", line {line}, in {name}\n    {code}\n'
_CODE = (
    "outputs = self.model(**batch)",
    "loss.backward()",
    "return F.linear(input, self.weight, self.bias)",
    "attn_output = self.o_proj(attn_output)",
)


def oom_log(rng: random.Random) -> str:
    model, (card, total) = rng.choice(MODELS), rng.choice(CARDS)
    flags = [
        f"--model_name_or_path {model}", f"--per_device_train_batch_size {rng.choice((1, 2, 4, 8, 16))}",
        f"--max_seq_length {rng.choice((512, 1024, 2048, 4096))}", "--bf16 True", *(["--use_lora True"] if rng.random() < 0.5 else []),
        *(["--gradient_checkpointing True"] if rng.random() < 0.4 else []), f"--learning_rate {rng.uniform(1e-6, 1e-4):.2e}",
    ]  # fmt: skip
    lines = [f"$ torchrun --nproc_per_node {rng.choice((1, 2, 4, 8))} finetune.py {' '.join(flags)}\n"]
    lines += [
        f"{{'loss': {rng.uniform(0.5, 3):.4f}, 'grad_norm': {rng.uniform(0.1, 9):.3f}, 'epoch': {i / 100:.2f}}}\n"
        for i in range(rng.choice((0, 5, 20, 80)))
    ]
    lines.append("Traceback (most recent call last):\n")
    for _ in range(rng.randint(3, 14)):
        lib = rng.choice(("transformers", "torch/nn", "peft", "trl", "accelerate"))
        lines.append(
            _TRACE.format(
                lib=lib,
                name=rng.choice(("trainer", "module", "modeling", "forward", "step")),
                line=rng.randint(10, 3000),
                code=rng.choice(_CODE),
            )
        )
    asked, free = rng.uniform(0.1, 8), rng.uniform(0.05, 1)
    used = total - free
    lines.append(
        f"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate {asked:.2f} GiB. GPU {rng.randint(0, 7)} has a total capacity of {total} GiB "
        f"of which {free * 1024:.2f} MiB is free. Including non-PyTorch memory, this process has {used:.2f} GiB memory in use. Of the allocated memory "
        f"{used - 1.3:.2f} GiB is allocated by PyTorch, and {rng.uniform(10, 900):.2f} MiB is reserved by PyTorch but unallocated.\n"
    )
    if rng.random() < 0.5:
        lines.insert(0, f"Training on {card}\n")
    return "".join(lines)


def description(rng: random.Random) -> str:
    model, (card, _) = rng.choice(MODELS).split("/")[-1], rng.choice(CARDS)
    batch, seq = rng.choice((1, 2, 4, 8)), rng.choice((512, 1024, 2048, 4096))
    return rng.choice((
        f"I am trying to fine-tune {model} with LoRA on a single {card}, batch size {batch}, sequence length {seq}, and it runs out of memory. What can I do?",
        f"Full fine-tuning {model}, bs={batch}, seq {seq}, bf16, {card} x{rng.choice((1, 2, 4))}: CUDA OOM in the optimizer step. Any ideas?",
        f"用{card}微调{model},batch size {batch},序列长度{seq},报显存不足,应该先改什么?",
        f"How much memory do I need to train {model} with QLoRA at {seq} tokens and batch {batch}? I have a {card}.",
    ))  # fmt: skip


def other(rng: random.Random) -> str:
    return rng.choice((
        lambda: "".join(f"Epoch {i}: loss {rng.uniform(0.1, 2):.4f}, {rng.uniform(1, 20):.1f} it/s, GPU memory 18.2 GB\n" for i in range(rng.choice((5, 30, 100)))) + "Training finished.\n",
        lambda: f"python[{rng.randint(100, 99999)}]: killed\n[{rng.uniform(100, 9999):.2f}] Out of memory: Killed process {rng.randint(100, 99999)} (python) total-vm:{rng.randint(10**6, 10**8)}kB, anon-rss:{rng.randint(10**6, 10**8)}kB\n",
        lambda: f"RuntimeError: DataLoader worker (pid {rng.randint(100, 99999)}) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.\n",
        lambda: f"ValueError: Target size (torch.Size([{rng.randint(1, 64)}])) must be the same as input size (torch.Size([{rng.randint(1, 64)}, 1]))\n",
        lambda: f"How do I resume training of {rng.choice(MODELS)} from checkpoint-{rng.randint(1, 9999)}? The loss is {rng.uniform(1, 3):.3f}.",
        lambda: f"triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: {rng.randint(1, 999999)}, Hardware limit: 101376. Reducing block sizes or `num_stages` may help.\n",
    ))()  # fmt: skip


def texts(count: int, seed: int = 7) -> Iterator[str]:
    """Distinct texts, the three kinds in turn."""
    rng = random.Random(seed)
    for number in range(count):
        yield (oom_log, description, other)[number % 3](rng)


def write(path: str, count: int, seed: int = 7) -> None:
    """Writes texts as JSON Lines."""
    with open(path, "w", encoding="utf-8") as out:
        for number, text in enumerate(texts(count, seed), 1):
            out.write(json.dumps({"id": f"t{number}", "text": text}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    import sys

    write(sys.argv[1], int(sys.argv[2]))
