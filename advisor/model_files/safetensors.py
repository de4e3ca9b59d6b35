"""The header of a .safetensors file: how many weights it holds, in which number formats, packed by which method."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import re2
from msgspec import Struct

from advisor.errors import InputError
from advisor.model_files.config import parse_json

MOST_HEADER = 100_000_000
"""The format's own limit of a header, in bytes: https://huggingface.co/docs/safetensors/index"""
_MOST_WEIGHTS = 1e15
_HINT = "Download the file again; a complete file begins with its header's length and is as long as the header says."
_BITS = {
    "F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "I8": 8, "U64": 64, "U32": 32, "U16": 16, "U8": 8,
    "BOOL": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "C64": 64, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
_PRECISIONS = {"F32": "fp32", "F16": "fp16", "BF16": "bf16"}
# Tensors that belong to a packed matrix and hold no weights of their own.
_BESIDE = (
    ".qzeros", ".scales", ".g_idx", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".SCB", ".weight_format",
    ".weight_scale", ".weight_scale_inv", ".input_scale", ".weight_zero_point", "_scales", ".weight_scale_2", ".weight_shape",
)  # fmt: skip
_LAYER = re2.compile(r"(?:^|\.)(?:layers|h|blocks|layer)\.(\d{1,5})\.")


class Tensor(Struct, frozen=True):
    """One entry of a header: its dtype in the format's words, and its shape."""

    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)


def read_header(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name; only the header is read.

    Raises:
        InputError: the file can't be read, is cut off, or has a header that doesn't hold together.
    """
    place = str(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(8)
            if head == b"version ":
                raise InputError(
                    "is a Git LFS pointer, not the weights", place=place, hint="`git lfs pull` fetches the weights."
                )
            length = int.from_bytes(head, "little")
            if len(head) < 8 or not 2 <= length <= min(MOST_HEADER, size - 8):
                raise InputError(
                    "is no complete .safetensors file: its header's length is wrong", place=place, hint=_HINT
                )
            data = stream.read(length)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror or error}", place=place, hint=_HINT) from None
    tensors: dict[str, Tensor] = {}
    for name, row in parse_json(data, place).items():
        if name != "__metadata__":
            tensors[name] = _tensor(name, row, size - 8 - length, place)
    return tensors


def _tensor(name: str, row: Any, room: int, place: str) -> Tensor:
    shape = row.get("shape") if isinstance(row, Mapping) else None
    offsets = row.get("data_offsets") if isinstance(row, Mapping) else None
    dtype = str(row.get("dtype")) if isinstance(row, Mapping) else ""
    whole = (
        isinstance(shape, list) and len(shape) <= 16 and all(type(each) is int and 0 <= each < 2**48 for each in shape)
    )
    ends = isinstance(offsets, list) and len(offsets) == 2 and all(type(each) is int for each in offsets)
    if not whole or not ends or dtype not in _BITS:
        raise InputError(f"the header's entry {name[:80]!r} is malformed", place=place, hint=_HINT)
    found = Tensor(dtype, tuple(shape))  # type: ignore[arg-type]
    start, end = offsets  # type: ignore[misc]
    if not 0 <= start <= end <= room or found.count > _MOST_WEIGHTS or (end - start) * 8 < found.count * _BITS[dtype]:
        raise InputError(
            f"{name[:80]!r} reaches beyond the end of the file, which is cut off or damaged", place=place, hint=_HINT
        )
    return found


def words_of(tensors: Mapping[str, Tensor], place: str) -> dict[str, Any]:
    """`params_b`, `precision`, `quantization`, and as much of `arch` as the shapes tell.

    Raises:
        InputError: there are no weights.
    """
    total = 0.0
    plain: dict[str, float] = {}
    for name, tensor in tensors.items():
        count = _weights(name, tensor, tensors)
        total += count
        if tensor.dtype in _PRECISIONS and count:
            plain[tensor.dtype] = plain.get(tensor.dtype, 0.0) + count
    if not total:
        raise InputError("holds no weights", place=place, hint=_HINT)
    words: dict[str, Any] = {"params_b": total / 1e9}
    if plain:
        words["precision"] = _PRECISIONS[max(plain, key=lambda name: plain[name])]
    stored = _packing(tensors)
    if stored:
        words["quantization"] = stored
    arch = _shapes(tensors)
    if arch:
        words["arch"] = arch
    return words


def _bits(name: str, tensors: Mapping[str, Tensor]) -> int:
    """Bits of a GPTQ or AWQ matrix: zero points are packed into 32-bit words, scales are not."""
    stem = name.removesuffix(".qweight")
    zeros, scales = tensors.get(f"{stem}.qzeros"), tensors.get(f"{stem}.scales")
    if zeros is None or scales is None or not zeros.count or not scales.count:
        return 4
    return min((2, 3, 4, 8), key=lambda bits: abs(bits - 32 * zeros.count / scales.count))


def _weights(name: str, tensor: Tensor, tensors: Mapping[str, Tensor]) -> float:
    """Weights that a stored tensor stands for: packed matrices hold several in one element."""
    if name.endswith(_BESIDE) or ".quant_state." in name:
        return 0.0
    if name.endswith(".qweight") and tensor.dtype == "I32":
        return tensor.count * 32 / _bits(name, tensors)
    if name.endswith(".weight_packed"):
        packed = {"I32": 8.0, "U8": 2.0}  # four bits each
        return tensor.count * packed.get(tensor.dtype, 1.0)
    if tensor.dtype == "U8" and (f"{name}.absmax" in tensors or name.endswith("_blocks") or f"{name}_scale" in tensors):
        return tensor.count * 2.0
    return float(tensor.count) if tensor.dtype[0] in "FBI" and tensor.dtype not in ("BOOL", "I64") else 0.0


def _packing(tensors: Mapping[str, Tensor]) -> str:
    names = tensors.keys()
    if any(".quant_state.bitsandbytes__" in name for name in names):
        return "nf4-dq" if _has(names, ".nested_absmax") else "nf4"
    if _has(names, ".SCB"):
        return "int8"
    packed = next((name for name in names if name.endswith(".qweight")), "")
    if packed:
        bits = _bits(packed, tensors)
        return f"gptq{bits}" if _has(names, ".g_idx") or bits != 4 else "awq4"
    if any(name.endswith("_blocks") and tensor.dtype == "U8" for name, tensor in tensors.items()):
        return "mxfp4"
    if _has(names, ".weight_packed"):
        return "gptq4" if not _has(names, ".weight_global_scale") else "nvfp4"
    if _has(names, ".weight_scale_2"):
        return "nvfp4"
    narrow = sum(
        each.count for each in tensors.values() if each.dtype.startswith("F8_E4") or each.dtype.startswith("F8_E5")
    )
    if narrow * 2 > sum(each.count for each in tensors.values()):
        return "fp8-block" if _has(names, ".weight_scale_inv") else "fp8"
    return ""


def _has(names: Iterable[str], ending: str) -> bool:
    return any(name.endswith(ending) for name in names)


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Dimensions of a decoder that is named as Llama and its many relatives name theirs; empty for anything else.

    The width of a head is not among the shapes unless heads are normed; 128 is what models of 2048 and wider have, 64 narrower ones.
    """
    by_end: dict[str, Tensor] = {}
    layers = 0
    for name, tensor in tensors.items():
        found = _LAYER.search(name)
        layers = max(layers, int(found.group(1)) + 1) if found else layers
        by_end.setdefault(name[found.end() :] if found else name.removeprefix("model."), tensor)
    wanted = ("embed_tokens.weight", "mlp.gate_proj.weight", "self_attn.q_proj.weight", "self_attn.k_proj.weight")
    matrices = [by_end.get(name) for name in wanted]
    if not layers or any(each is None or len(each.shape) != 2 or each.dtype not in _PRECISIONS for each in matrices):
        return {}
    embedding, gate, query, key = (each.shape for each in matrices if each is not None)
    norm = by_end.get("self_attn.q_norm.weight")
    head = norm.shape[0] if norm is not None and norm.shape else 128 if embedding[1] >= 2048 else 64
    if min(*embedding, *gate, query[0], key[0]) < 1 or head < 1:
        return {}
    return {
        "model_type": "qwen3" if norm is not None else "qwen2" if "self_attn.q_proj.bias" in by_end else "llama",
        "hidden_size": embedding[1], "vocab_size": embedding[0], "intermediate_size": gate[0], "num_hidden_layers": layers,
        "num_attention_heads": max(1, query[0] // head), "num_key_value_heads": max(1, key[0] // head), "head_dim": head,
        "hidden_act": "silu", "tie_word_embeddings": "lm_head.weight" not in by_end,
    }  # fmt: skip
