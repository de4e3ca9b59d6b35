"""What is to be judged: the lines of a JSON Lines file, or the files of a folder, one after the other, never all in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from advisor.errors import InputError

MAX_LINE = 32 * 2**20
_SKIPPED_ENDINGS = (
    ".png", ".jpg", ".jpeg", ".gif", ".pt", ".pth", ".bin", ".safetensors", ".gguf", ".npy", ".npz", ".pkl", ".pickle", ".gz", ".zip",
    ".tar", ".zst", ".parquet", ".whl", ".so", ".pyc", ".mp4", ".pdf",
)  # fmt: skip


class Item(Struct, array_like=True):
    """One text to judge.

    Attributes:
        n: its place in the input, from 1: the line of a file, or the place of a file among all in the order of their paths.
        key: a digest of the line, or the path of the file in its folder.
        line: the line of JSON; empty for a file.
        path: the file; empty for a line.
        error: what is wrong with a line before it is looked at.
    """

    n: int
    key: str
    line: bytes = b""
    path: str = ""
    error: str = ""


def items_of(path: str, stream: BinaryIO | None = None) -> Iterator[Item]:
    """The items of a file of JSON Lines, of a folder with its sub-folders, or of `stream`.

    Raises:
        InputError: there is no such file or folder, or it can't be read.
    """
    if stream is not None:
        yield from _lines(stream)
        return
    place = Path(path)
    if place.is_dir():
        yield from _files(place)
        return
    try:
        file = place.open("rb")
    except FileNotFoundError:
        raise InputError(
            "no such file or folder", place=path, hint="Give a .jsonl file, a folder of logs, or -."
        ) from None
    except OSError as error:
        raise InputError(error.strerror or str(error), place=path) from None
    with file:
        yield from _lines(file)


def _lines(stream: BinaryIO) -> Iterator[Item]:
    number = 0
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
            yield Item(number, f"long-{number}", error=f"longer than {MAX_LINE // 2**20} MiB")
        elif not raw.isspace():
            yield Item(number, blake2b(raw, digest_size=12).hexdigest(), raw)


def _files(folder: Path) -> Iterator[Item]:
    number = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.startswith(".") and not name.lower().endswith(_SKIPPED_ENDINGS):
                number += 1
                path = os.path.join(place, name)
                yield Item(number, os.path.relpath(path, folder), path=path)


def total_bytes(path: str) -> int | None:
    """The size of a file, for a progress bar; None for a folder or a pipe."""
    try:
        return os.stat(path).st_size if os.path.isfile(path) else None
    except OSError:
        return None
