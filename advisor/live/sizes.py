"""The sizes of the batch, from the shapes of tensors in the frames, and the number format between the layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.facts import Observation
from advisor.live.device import seen

_TOKENS = ("input_ids", "tokens", "token_ids", "idx", "decoder_input_ids", "labels", "attention_mask", "position_ids")
_EMBEDDED = ("inputs_embeds", "hidden_states")
_IMAGES = ("pixel_values", "images", "image", "imgs", "img", "inputs", "x", "data", "batch", "samples", "input")
_FORMATS = {"torch.float16": "fp16", "torch.bfloat16": "bf16"}
_CHANNELS = (1, 3, 4)


def size_facts(tensors: Sequence[tuple[str, Any]], text: str) -> list[Observation]:
    """Batch, length and resolution: the first tensor of each sort, since the outermost frames hold the batch as it was loaded.

    Args:
        tensors: those of functions, from the outermost to the innermost, then those of modules, which may hold whole data sets.
    """
    found: dict[str, Observation] = {}
    for names, reader in ((_TOKENS, _token_sizes), (_EMBEDDED, _embedded_sizes), (_IMAGES, _image_sizes)):
        for plain in names:
            for name, tensor in tensors:
                last = name.rsplit(".", 1)[-1]
                if last != plain and not (last.isdigit() and plain == name.split(".", 1)[0]):
                    continue
                for item in reader(name, tensor):
                    found.setdefault(item.fact, item)
    if "batch_size" not in found:
        for name, tensor in tensors:
            for item in _image_sizes(name, tensor) if tensor.dim() == 4 else ():
                found.setdefault(item.fact, item)
    return list(found.values())


def _shape(name: str, tensor: Any) -> str:
    return f"{name}.shape = {tuple(int(each) for each in tensor.shape)}"


def _token_sizes(name: str, tensor: Any) -> list[Observation]:
    if tensor.dim() != 2 or tensor.dtype.is_floating_point:
        return []
    source = _shape(name, tensor)
    return [seen("batch_size", int(tensor.shape[0]), source, 95), seen("seq_len", int(tensor.shape[1]), source, 95)]


def _embedded_sizes(name: str, tensor: Any) -> list[Observation]:
    if tensor.dim() != 3 or not tensor.dtype.is_floating_point:
        return []
    source = _shape(name, tensor)
    return [seen("batch_size", int(tensor.shape[0]), source, 80), seen("seq_len", int(tensor.shape[1]), source, 80)]


def _image_sizes(name: str, tensor: Any) -> list[Observation]:
    if not tensor.dtype.is_floating_point:
        return []
    if tensor.dim() == 4 and int(tensor.shape[1]) in _CHANNELS:
        source, height, width = _shape(name, tensor), int(tensor.shape[2]), int(tensor.shape[3])
        return [
            seen("batch_size", int(tensor.shape[0]), source, 82),
            seen("image_resolution", f"{width}x{height}", source, 82),
        ]
    return []


def activation_format(tensors: Sequence[tuple[str, Any]]) -> str:
    """The 16-bit format of tensors that carry a graph, `fp16` or `bf16`; empty where none does."""
    for _, tensor in reversed(tensors):
        name = _FORMATS.get(str(tensor.dtype))
        if name and tensor.requires_grad and not tensor.is_leaf:
            return name
    return ""
