"""A caching allocator in miniature that writes snapshots in PyTorch's layout, with stacks as PyTorch records them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MIB = 2**20
GIB = 2**30
Frame = dict[str, Any]


def frame(file: str, line: int, name: str) -> Frame:
    return {"filename": file, "line": line, "name": name}


SITE = "/usr/lib/python3.11/site-packages"
LOOP = frame("/home/user/train.py", 40, "train")
# Innermost first, as PyTorch records them.
STACKS: dict[str, list[Frame]] = {
    "weights": [
        frame(f"{SITE}/torch/nn/modules/module.py", 1326, "convert"),
        frame(f"{SITE}/torch/nn/modules/module.py", 900, "_apply"),
        frame(f"{SITE}/torch/nn/modules/module.py", 1343, "to"),
        frame("/home/user/train.py", 12, "main"),
    ],
    "activations": [
        frame(f"{SITE}/torch/nn/modules/linear.py", 125, "forward"),
        frame(f"{SITE}/torch/nn/modules/module.py", 1750, "_call_impl"),
        frame("/home/user/model.py", 88, "forward"),
        LOOP,
    ],
    "logits": [
        frame(f"{SITE}/torch/nn/functional.py", 3100, "cross_entropy"),
        frame("/home/user/model.py", 120, "forward"),
        LOOP,
    ],
    "attention": [
        frame(f"{SITE}/torch/nn/functional.py", 1900, "softmax"),
        frame(f"{SITE}/transformers/models/llama/modeling_llama.py", 190, "eager_attention_forward"),
        frame(f"{SITE}/transformers/models/llama/modeling_llama.py", 260, "forward"),
        LOOP,
    ],
    "backward": [
        frame("??", 0, "at::native::mm_out_cuda_impl"),
        frame("??", 0, "torch::autograd::Engine::evaluate_function(...)"),
        frame("??", 0, "torch::autograd::python::PythonEngine::thread_init(...)"),
    ],
    "recomputed": [
        frame(f"{SITE}/torch/nn/modules/linear.py", 125, "forward"),
        frame(f"{SITE}/torch/utils/checkpoint.py", 1100, "recompute_fn"),
        frame(f"{SITE}/torch/autograd/graph.py", 820, "_engine_run_backward"),
        frame(f"{SITE}/torch/_tensor.py", 620, "backward"),
        LOOP,
    ],
    "optimizer": [
        frame(f"{SITE}/torch/optim/adamw.py", 160, "_init_group"),
        frame(f"{SITE}/torch/optim/adamw.py", 210, "step"),
        LOOP,
    ],
    "optimizer_step": [
        frame(f"{SITE}/torch/optim/adamw.py", 550, "_multi_tensor_adamw"),
        frame(f"{SITE}/torch/optim/adamw.py", 230, "step"),
        LOOP,
    ],
    "in closure": [
        frame(f"{SITE}/torch/nn/modules/linear.py", 125, "forward"),
        frame(f"{SITE}/lightning/pytorch/loops/optimization/automatic.py", 320, "_training_step"),
        frame(f"{SITE}/torch/optim/adamw.py", 200, "step"),
        frame(f"{SITE}/torch/optim/lr_scheduler.py", 130, "wrapper"),
    ],
    "leak": [frame("/home/user/train.py", 61, "log_losses"), LOOP],
    "workspace": [
        frame("??", 0, "at::cuda::getCurrentCUDABlasHandle()"),
        frame("??", 0, "at::native::addmm_out_cuda_impl"),
        *[frame(f"{SITE}/torch/nn/modules/linear.py", 125, "forward"), LOOP],
    ],
    "kv_cache": [
        frame(f"{SITE}/transformers/cache_utils.py", 110, "update"),
        frame(f"{SITE}/transformers/models/llama/modeling_llama.py", 250, "forward"),
        frame(f"{SITE}/transformers/generation/utils.py", 2700, "_sample"),
    ],
}


class Recording:
    """Allocations and frees; `snapshot()` is what `torch.cuda.memory._snapshot()` would return."""

    def __init__(self, segment: int = 64 * GIB) -> None:
        self.events: list[dict[str, Any]] = []
        self.live: dict[int, tuple[int, list[Frame]]] = {}
        self._addresses = itertools.count(0x7F0000000000, 2**31)
        self.recording = True

    def alloc(self, size: int, stack: str) -> int:
        address = next(self._addresses)
        frames = STACKS[stack]
        self.live[address] = (size, frames)
        self._event(action="alloc", addr=address, size=size, stream=0, frames=frames)
        return address

    def free(self, *addresses: int) -> None:
        for address in addresses:
            size, _ = self.live.pop(address)
            for action in ("free_requested", "free_completed"):
                self._event(action=action, addr=address, size=size, stream=0, frames=[])

    def oom(self, size: int, free: int, stack: str) -> None:
        self._event(action="oom", size=size, device_free=free, stream=0, frames=STACKS[stack])

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        self.recording = False
        yield
        self.recording = True

    def _event(self, **entry: Any) -> None:
        if self.recording:
            self.events.append(entry | {"time_us": 1700000000000000 + len(self.events)})

    def snapshot(self, *, gap: int = 0, cached: int = 0, expandable: bool = False) -> dict[str, Any]:
        """One segment for each block, with `gap` free bytes behind it, and one segment of `cached` bytes that is free."""
        segments = []
        for address, (size, frames) in self.live.items():
            blocks = [
                {
                    "address": address,
                    "size": size,
                    "requested_size": size - 100,
                    "state": "active_allocated",
                    "frames": frames,
                }
            ]
            if gap:
                blocks.append(
                    {"address": address + size, "size": gap, "requested_size": 0, "state": "inactive", "frames": []}
                )
            segments.append(self._segment(address, blocks, expandable))
        if cached:
            address = next(self._addresses)
            blocks = [{"address": address, "size": cached, "requested_size": 0, "state": "inactive", "frames": []}]
            segments.append(self._segment(address, blocks, expandable))
        return {
            "segments": segments,
            "device_traces": [self.events],
            "allocator_settings": {},
            "external_annotations": [],
        }

    @staticmethod
    def _segment(address: int, blocks: list[dict[str, Any]], expandable: bool) -> dict[str, Any]:
        active = sum(block["size"] for block in blocks if block["state"] == "active_allocated")
        return {
            "device": 0, "address": address, "total_size": sum(block["size"] for block in blocks), "allocated_size": active,
            "active_size": active, "stream": 0, "segment_type": "large", "segment_pool_id": (0, 0), "is_expandable": expandable,
            "frames": [], "blocks": blocks,
        }  # fmt: skip


def training(steps: int = 2, layers: int = 4, *, fail: bool = True) -> Recording:
    """Full fine-tuning: weights of 1 GiB a layer, AdamW, activations of 2 GiB a layer, logits of 3 GiB; the last forward fails."""
    made = Recording()
    for _ in range(layers):
        made.alloc(GIB, "weights")
    made.alloc(32 * MIB, "workspace")
    has_states = False
    for step in range(steps):
        last = fail and step == steps - 1
        saved = [made.alloc(2 * GIB, "activations") for _ in range(layers)]
        logits = made.alloc(3 * GIB, "logits")
        if last:
            made.oom(3 * GIB, 100 * MIB, "logits")
            return made
        gradients = []
        for block in reversed(saved):
            temporary = made.alloc(2 * GIB, "backward")
            gradients.append(made.alloc(GIB, "backward"))
            made.free(block, temporary)
        made.free(logits)
        if not has_states:
            has_states = True
            for _ in range(2 * layers):
                made.alloc(GIB, "optimizer")
        made.free(made.alloc(GIB, "optimizer_step"))
        made.free(*gradients)
    return made
