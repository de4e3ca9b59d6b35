"""What an allocation was for, told by the functions on its stack."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

import re2

from advisor.snapshot.layout import Frames

Line: TypeAlias = tuple[str, int, str]  # file, line, function

BACKWARD = "backward"  # not a category yet: gradients stay, what the backward pass only needs for itself goes
_MAX_FRAMES = 400
_MAX_NAME = 300
# Libraries whose own lines are the same for every model: what called them says more.
_HELPERS = (
    "/torch/", "/torchinductor", "/einops/", "/opt_einsum/", "/jaxtyping/", "/beartype/", "/triton/", "/bitsandbytes/",
    "/accelerate/hooks.py", "/contextlib.py", "/functools.py", "/threading.py",
)  # fmt: skip

# Tested on the stack as lines of `file:function`, innermost first, in lower case. The innermost match decides (an optimizer's step may run
# the forward pass inside, a backward pass may recompute one); of those on one line, the first of this table.
_STAGES = {
    "workspace": (
        r"cublas\w*workspace|cudnn\w*workspace|getcurrentcudablashandle|getchosenworkspacesize",
    ),
    "recomputed": (
        r"torch/utils/checkpoint\.py:(?:recompute_fn|unpack_hook|backward)$|checkpointfunctionbackward",
    ),
    "optimizer": (
        r":(?:_init_group|init_group|_?init_state|get_state_buffer|_initialize_state|_lazy_init_state)$",
        r":initialize_optimizer_states$",
    ),
    "optimizer_step": (
        r"torch/optim/\w+\.py:|bitsandbytes/optim/|apex/optimizers/|deepspeed/ops/(?:adam|lamb|lion)/",
        r"zero/stage_?\w*\.py:step$|:clip_grad_norm_?$",
    ),
    "kv_cache": (
        r"cache_utils\.py:|:(?:_?allocate_kv_cache\w*|initialize_kv_cache\w*|init_kv_cache|create_kv_caches?|_allocate_kv\w*)$",
    ),
    "gathered": (
        r"fsdp/\w+\.py:(?:_?unshard|_alloc_storage|_?all_gather\w*|prepare_for_reshard)",
        r"partition_parameters\.py:_?all_?gather\w*|partitioned_param_coordinator\.py:",
    ),
    "buffers": (
        r"c10d::reducer|:_?initialize_buckets|:reduce_ipg_grads|:allreduce_bucket|:reduce_scatter_\w*",
        r"param_and_grad_buffer\.py:",
    ),
    BACKWARD: (
        r"autograd::engine|autograd::node|pythonengine|:backward$",
        r"torch/autograd/(?:__init__|graph)\.py:(?:_engine_run_backward|grad)$",
    ),
    "logits": (
        r":(?:cross_entropy|log_softmax|nll_loss|fixed_cross_entropy|forcausallmloss|selective_log_softmax)$",
        r":(?:entropy_from_logits|logprobs_from_logits)$",
    ),
    "attention": (
        r":(?:eager_attention_forward|_attn|attention_scores|get_attention_scores)$",
    ),
    "input": (
        r":(?:_prepare_inputs?|send_to_device|move_data_to_device|transfer_batch_to_device|batch_to_device|to_device)$",
        r":(?:_move_dict_value_to_device|collate\w*|pin_memory)$|utils/data/dataloader\.py:|data_loader\.py:__iter__",
    ),
    "activations": (
        r":(?:_?forward|_call_impl|_wrapped_call_impl|training_step|compute_loss|generate|_sample|forward_step)$",
        r"torch/nn/functional\.py:|autograd/function\.py:apply$",
    ),
    "weights": (
        r"torch/nn/modules/module\.py:(?:_apply|to|cuda|half|bfloat16|float|convert|load_state_dict|to_empty)$",
        r"torch/nn/modules/\w+\.py:__init__$|torch/nn/init\.py:|torch/serialization\.py:|safetensors",
        r":(?:from_pretrained|_load_pretrained_model|load_state_dict|_load_state_dict_into_\w+|set_module_tensor_to_device)$",
        r":(?:load_model|load_weights|load_checkpoint_and_dispatch|_load_parameter_into_model|materialize\w*|create_weights)$",
        r":(?:inject_adapter\w*|get_peft_model|dispatch_model|create_parameter)$",
    ),
}  # fmt: skip
# What a part of the forward pass is, if one of the innermost lines says so.
_PARTS_OF_FORWARD = ("logits", "attention")
_INNERMOST = 12
# The categories of torch.profiler's memory timeline, which a snapshot made from a profile carries.
PROFILER = {
    "parameter": "weights", "gradient": "gradients", "optimizer_state": "optimizer", "activation": "activations",
    "temporary": "temporaries", "input": "input", "autograd_detail": "activations",
}  # fmt: skip


@cache
def _patterns() -> dict[str, Any]:
    return {name: re2.compile(f"(?m){'|'.join(sources)}") for name, sources in _STAGES.items()}


class Stacks:
    """Categories and names of stacks, each worked out once.

    PyTorch makes a list for each event, of frames that all events share: so a stack is known by the identities of its frames first.
    Whatever is known by identity is kept here, so that nothing else can take its place.
    """

    def __init__(self) -> None:
        self._by_identity: dict[tuple[int, ...], tuple[Frames, str, str]] = {}
        self._by_lines: dict[tuple[Line, ...], tuple[str, str]] = {}

    def stage(self, frames: Frames | None) -> str:
        """The category of what the stack allocated, BACKWARD, or empty where nothing tells."""
        return self._of(frames)[1] if frames else ""

    def place(self, frames: Frames | None) -> str:
        """The line that allocated: `modeling_llama.py:212 forward`; empty without frames."""
        return self._of(frames)[2] if frames else ""

    def _of(self, frames: Frames) -> tuple[Frames, str, str]:
        key = tuple(map(id, frames[:_MAX_FRAMES]))
        found = self._by_identity.get(key)
        if found is None:
            found = (frames[:_MAX_FRAMES], *self._worked_out(frames))
            self._by_identity[key] = found
        return found

    def _worked_out(self, frames: Frames) -> tuple[str, str]:
        lines = tuple(line_of(frame) for frame in frames[:_MAX_FRAMES])
        found = self._by_lines.get(lines)
        if found is None:
            found = _stage(lines), _place(lines)
            self._by_lines[lines] = found
        return found


def _stage(lines: Sequence[Line]) -> str:
    stack = "\n".join(f"{file}:{name}" for file, _, name in lines).lower()
    best, place = "", len(stack) + 1
    for name, pattern in _patterns().items():
        match = pattern.search(stack)
        if match is not None:
            line = stack.rfind("\n", 0, match.start()) + 1
            if line < place:
                best, place = name, line
    if best in ("activations", *_PARTS_OF_FORWARD):
        if _patterns()["recomputed"].search(stack) is not None:
            return "recomputed"
        # Below the lines of Python lie a hundred of native code, where the recording has them.
        inner = "\n".join([line for line in stack.split("\n") if ".py:" in line][:_INNERMOST])
        for name in _PARTS_OF_FORWARD:
            if _patterns()[name].search(inner) is not None:
                return name
    return best


def _place(lines: Sequence[Line]) -> str:
    """The innermost line of Python that is no library's of general use; without Python, the operation that native code names."""
    python = [line for line in lines if line[0].endswith(".py")]
    own = [line for line in python if not any(part in f"/{line[0]}" for part in _HELPERS)]
    for file, number, name in (*own, *python):
        return f"{file.rsplit('/', 1)[-1]}{f':{number}' if number else ''} {name}".strip()
    for pattern in _operations():
        for _, _, name in lines:
            match = pattern.search(name)
            if match is not None:
                return str(match.group(1))
    return next((name for _, _, name in lines if name), "")


@cache
def _operations() -> tuple[Any, ...]:
    """What native code names: the node of the backward pass, the operation, its kernel."""
    return (
        re2.compile(r"(\w+Backward\w*)(?:::apply)?"),
        re2.compile(r"at::_ops::(\w+)::call"),
        re2.compile(r"(at::(?:native|cuda)::\w+)"),
    )


@cache
def _profiled() -> Any:
    """How the profiler names a function of Python."""
    return re2.compile(r"^(.+\.py)\((\d{1,6})\): (.+)$")


def line_of(frame: Any) -> Line:
    """A frame as (file, line, function), printable and short; 0 for an unknown line."""
    file, name = _text(frame, "filename").replace("\\", "/"), _text(frame, "name")
    number = frame.get("line") if isinstance(frame, dict) else None
    if file == "none":
        match = _profiled().match(name)
        if match is not None:
            return match.group(1), int(match.group(2)), match.group(3)
    return file, number if isinstance(number, int) and 0 < number < 10**7 else 0, name


def _text(frame: Any, name: str) -> str:
    value = frame.get(name) if isinstance(frame, dict) else None
    if not isinstance(value, str):
        return ""
    value = value[-_MAX_NAME:] if name == "filename" else value[:_MAX_NAME]
    return value if value.isprintable() else "".join(char if char.isprintable() else "?" for char in value)


def python_stack(frames: Frames | None) -> list[Line]:
    """The Python frames, the outermost first."""
    lines = [line_of(frame) for frame in (frames or [])[:_MAX_FRAMES]]
    return [line for line in lines if line[0].endswith(".py") or line[0].startswith("<")][::-1]
