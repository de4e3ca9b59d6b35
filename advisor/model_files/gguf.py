"""The header of a .gguf file (llama.cpp): architecture, exact weights, their bytes and the quantisation's name.

The layout and the keys: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md; block sizes and file types:
https://github.com/ggml-org/llama.cpp/blob/master/gguf-py/gguf/constants.py.
"""

from __future__ import annotations

import math
import mmap
import struct
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from advisor.errors import InputError
from advisor.units import GIB

_HINT = "Download the file again; a GGUF file of version 2 or 3 begins with `GGUF` and holds its whole header."
_MOST_HEADER = GIB // 2
_MOST_DIMENSIONS = 8
_MOST_KEPT = 1024
"""Longer arrays (tokens, merges, scores) are skipped; shorter ones may hold a dimension for each layer."""
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# Tensor types: weights of a block, and its bytes.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 10: (256, 84), 11: (256, 110),
    12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50),
    20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8),
    29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


class Header(Struct):
    """What the header says. `lengths`: elements of the arrays that were skipped; `shapes`: of each tensor, the fastest dimension first."""

    keys: dict[str, Any] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    types: dict[str, int] = field(default_factory=dict)

    def stored_bytes(self) -> float:
        """Bytes of all tensors."""
        total = 0.0
        for name, shape in self.shapes.items():
            count, size = _BLOCKS[self.types[name]]
            total += math.prod(shape) / count * size
        return total


class _Cursor:
    """Reads little-endian values one after another; whatever reaches beyond the end is a ValueError."""

    def __init__(self, data: mmap.mmap | bytes) -> None:
        self.data, self.at, self.end = data, 0, len(data)

    def take(self, code: str) -> Any:
        size = struct.calcsize(f"<{code}")
        self.skip(size)
        return struct.unpack_from(f"<{code}", self.data, self.at - size)[0]

    def skip(self, size: int) -> None:
        if size > self.end - self.at:
            raise ValueError("the header is cut off")
        self.at += size

    def text(self) -> str:
        size = self.take("Q")
        self.skip(size)
        return str(self.data[self.at - size : self.at], "utf-8", "replace") if size <= 65536 else ""

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind in _SCALARS:
            return self.take(_SCALARS[kind])
        raise ValueError(f"there is no value type {kind}")

    def array(self) -> tuple[int, list[Any]]:
        """Its length, and its elements where they are few numbers; strings are walked over, numbers jumped over."""
        kind, count = self.take("I"), self.take("Q")
        if kind in _SCALARS:
            if count <= _MOST_KEPT:
                return count, [self.take(_SCALARS[kind]) for _ in range(count)]
            self.skip(count * struct.calcsize(f"<{_SCALARS[kind]}"))
        elif kind == _STRING and count * 8 <= self.end - self.at:
            for _ in range(count):
                self.skip(self.take("Q"))
        else:
            raise ValueError("an array is malformed")
        return count, []


def read_header(path: Path) -> Header:
    """The header of a file; the weights are not read.

    Raises:
        InputError: the file can't be read, is no GGUF of version 2 or 3, or its header doesn't hold together.
    """
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            if size < 24:
                raise ValueError("the file is too short")
            with mmap.mmap(stream.fileno(), min(size, _MOST_HEADER), access=mmap.ACCESS_READ) as data:
                return parse(_Cursor(data))
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror or error}", place=str(path), hint=_HINT) from None
    except ValueError as error:
        raise InputError(f"is no sound GGUF file: {error}", place=str(path), hint=_HINT) from None


def parse(cursor: _Cursor) -> Header:
    """The header under the cursor. Raises ValueError where it doesn't hold together."""
    header = Header()
    if cursor.take("4s") != b"GGUF":
        raise ValueError("it doesn't begin with GGUF")
    version, tensors, pairs = cursor.take("I"), cursor.take("Q"), cursor.take("Q")
    if version not in (2, 3):
        raise ValueError(f"version {version} is not known (big-endian files are not read)")
    for _ in range(pairs):  # every pair and tensor takes bytes, so the file's length bounds both loops
        name, kind = cursor.text(), cursor.take("I")
        if kind == _ARRAY:
            header.lengths[name], header.keys[name] = cursor.array()
        else:
            header.keys[name] = cursor.value(kind)
    for _ in range(tensors):
        name, dimensions = cursor.text(), cursor.take("I")
        if dimensions > _MOST_DIMENSIONS:
            raise ValueError(f"tensor {name[:60]!r} has {dimensions} dimensions")
        header.shapes[name] = tuple(cursor.take("Q") for _ in range(dimensions))
        header.types[name] = cursor.take("I")
        cursor.skip(8)
        if header.types[name] not in _BLOCKS or math.prod(header.shapes[name]) > 1e15:
            raise ValueError(f"tensor {name[:60]!r} has a type or size that is not known")
    return header
