r"""Where a failure struck, from the frames and progress lines around it: loading, forward, backward, optimizer step, evaluation ...

>>> log = '''Traceback (most recent call last):
...   File "train.py", line 80, in main
...     accelerator.backward(loss)
...   File "site-packages/torch/_tensor.py", line 525, in backward
...     torch.autograd.backward(
... torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.'''
>>> [(o.fact, o.value) for o in read(Document.of(log))]
[('phase', 'backward'), ('task', 'train'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document

TRIGGERS = (
    "file \"", "line ", "in forward", "traceback", "%|", "loading", "ksampler", "backward", "optimizer", "generate", ".py", "checkpoint", "exception",
)  # fmt: skip

RANK = 60
_ABOVE, _BELOW = 80, 40
# In the order of decision: a frame of a later row may lie inside one of an earlier row (a forward inside of a backward that recomputes).
_PHASES = (
    (
        "checkpoint_save",
        r"save_pretrained|save_checkpoint\b|_save_checkpoint|save_model\b|zero_gather_16bit|_zero3_consolidated|consolidat\w*state_dict|in save\b|torch\.save\(",
    ),
    (
        "resume",
        r"resume_from_checkpoint|_load_optimizer_and_scheduler|load_optimizer|in load_checkpoint|_load_from_checkpoint|in resume\b",
    ),
    (
        "optimizer_step",
        r"optimizer\.step\(|optimi[sz]er_step|torch/optim/|in _init_group|_single_tensor_adam|_multi_tensor_adam|initialize_optimizer_states|exp_avg|in unscale_|clip_grad_norm",
    ),
    (
        "backward",
        r"\.backward\(|in backward\b|autograd/__init__\.py|run_backward|self\.engine\.backward|torch/autograd/function\.py|reduce_ipg|reduce_independent_p_g",
    ),
    (
        "eval",
        r"in evaluate\b|evaluation_loop|prediction_step|validation_step|in validate\b|eval_step|val_loop|evaluate\(|in eval\b|nested_concat|in do_eval|compute_metrics",
    ),
    (
        "load",
        r"from_pretrained|load_state_dict|load_model|_load_pretrained|load_checkpoint_and_dispatch|in load_weights|loader\.py\", line|in load_shard|model_loader|checkpointloader|load_model_from_config|unetloader|load_tensors|in load_torch_file|load_checkpoint_guess|loading checkpoint shards: +\d+%",
    ),
    (
        "init",
        r"init_process_group|profile_run|determine_num_available_blocks|determine_available_memory|initialize_cache|initialize_kv_cache|set_device\(|in set_device|_lazy_init|_initialize_kv_caches|in warmup\b|capture_model|deepspeed/__init__\.py\", line \d+, in initialize|_configure_distributed_model|in _broadcast_model|broadcast_coalesced|ncclcomm|get_model_parallel",
    ),
    (
        "generate",
        r"\.generate\(|in generate\b|in _sample\b|in sample\b|generation/utils|generation_utils|beam_search|greedy_search|ksampler|vaedecode|in decode_latents|in txt2img|in img2img|in transcribe\b|transcribe\.py|do_inference|in _prefill|stream_generate|generate_with_fallback|in process_images|in __call__\b[^\n]{0,80}pipeline|pipeline_\w+\.py|in infer\b|in predict\b",
    ),
    (
        "data",
        r"in collate|collate_fn|in __getitem__|pin_memory_loop|in _next_data|dataloader worker|in _worker_loop|in pin_memory|preprocess",
    ),
    (
        "forward",
        r"in forward\b|in _call_impl|in compute_loss|in training_step|nn/functional\.py|\.forward\(|in _forward",
    ),
)
_TRAIN = r"loss\.backward|accelerator\.backward|optimizer\.step|trainer\.train|in training_step|in train_step|in training_loop|in train\b|train\.py|finetune\.py|trainer\.py|in train_epoch|train_one_epoch|_inner_training_loop|in fit\b|/trainer/|run_clm|run_sft|train_\w+\.py|finetun|in do_train|\.backward\("
_INFER = r"\.generate\(|in generate\b|transcribe|inference|webui|ksampler|comfyui|in predict\b|txt2img|img2img|pipeline_\w+\.py|api_server|\bserve\b|in chat\b|llm_engine|demo\.py|in infer\b|generate\.py|cli_demo|web_demo|sample\.py|server\.py|model_worker"
_FAILURE = r"out of memory|out_of_memory|outofmemory|resource_?exhausted|alloc_failed|not_initialized|allocation on device|killed\b|sigkill|bus error|exitcode|failed to allocate|cannot allocate|can't allocate|not enough memory|unable to allocate|error:"


@cache
def _patterns() -> tuple[tuple[tuple[str, Any], ...], Any, Any, Any, Any]:
    phases = tuple((phase, re2.compile(pattern)) for phase, pattern in _PHASES)
    torch = re2.compile(
        r"site-packages/torch/|dist-packages/torch/|site-packages\\torch\\|import torch\b|torch\.cuda\.|torch\.nn|\btorchrun\b|lib/python[0-9.]+/[^\n]{0,60}torch/"
    )
    return phases, re2.compile(_TRAIN), re2.compile(_INFER), re2.compile(_FAILURE), torch


def read(doc: Document) -> Iterator[Observation]:
    """The phase of the traceback around the first failure, and from its frames the task and PyTorch as the runtime."""
    phases, train, infer, failure, torch = _patterns()
    start, end = _around(doc, failure)
    window = doc.lower[start:end]
    if window:
        for phase, pattern in phases:
            match = pattern.search(window)
            if match is not None:
                place = start + match.start()
                yield Observation("phase", phase, doc.line_at(place), doc.quote(place), rank=RANK)
                break
    found_train, found_infer = train.search(window), infer.search(window)
    if (found_train is None) != (found_infer is None):
        match = found_train or found_infer
        place = start + match.start()
        yield Observation(
            "task", "train" if found_train else "inference", doc.line_at(place), doc.quote(place), rank=35
        )
    match = torch.search(doc.lower)
    if match is not None:
        yield Observation("runtime", "pytorch", doc.line_at(match.start()), doc.quote(match.start()), rank=30)


def _around(doc: Document, failure: Any) -> tuple[int, int]:
    """The offsets of the lines around the first failure: its traceback above, or below where the message stands first."""
    match = failure.search(doc.lower)
    if match is None:
        # A traceback whose last line was cut off.
        above = doc.lower.rfind("traceback (most recent call last)")
        return (above, len(doc.lower)) if above >= 0 else (0, 0)
    at = match.start()
    above = doc.lower.rfind("traceback (most recent call last)", 0, at)
    start, end = _back(doc.lower, at, _ABOVE), _forth(doc.lower, at, _BELOW)
    if above >= start:
        start = above
        line_end = doc.lower.find("\n", at)
        end = line_end if line_end >= 0 else len(doc.lower)
    return start, end


def _back(text: str, at: int, lines: int) -> int:
    for _ in range(lines):
        at = text.rfind("\n", 0, at)
        if at < 0:
            return 0
    return at


def _forth(text: str, at: int, lines: int) -> int:
    for _ in range(lines):
        following = text.find("\n", at + 1)
        if following < 0:
            return len(text)
        at = following
    return at
