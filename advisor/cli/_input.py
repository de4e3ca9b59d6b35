"""What is handed in: a file, a pipe or a paste at the terminal, as bytes, with the errors that people make."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

import click

from advisor.errors import InputError

MAX_JSONL_LINE = 32 * 2**20


@contextlib.contextmanager
def opened(path: str | None) -> Iterator[BinaryIO]:
    """The bytes of FILE, of standard input for `-`, or of a paste at a terminal when nothing is given.

    Raises:
        InputError: no such file, a folder, no permission.
    """
    if path is None or path == "-":
        if path is None and sys.stdin.isatty():
            click.echo("Paste the log or describe the run, then press Ctrl-D on an empty line.", err=True)
        buffer = getattr(sys.stdin, "buffer", None)
        yield buffer if buffer is not None else io.BytesIO(sys.stdin.read().encode("utf-8", "replace"))
        return
    try:
        file = open(path, "rb")  # noqa: SIM115 - closed below
    except FileNotFoundError:
        hint = "To diagnose a sentence, pipe it: echo '7B LoRA on a 3090' | advisor diagnose"
        raise InputError("no such file", place=path, hint=hint) from None
    except IsADirectoryError:
        raise InputError("is a folder", place=path, hint="Give one log file.") from None
    except OSError as error:
        raise InputError(error.strerror or str(error), place=path) from None
    with file:
        yield file


def jsonl(stream: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """The lines of a JSON Lines input: number and object, or number and what is wrong with the line. Blank lines are skipped."""
    for number, raw in enumerate(stream, 1):
        if not raw.strip():
            continue
        if len(raw) > MAX_JSONL_LINE:
            yield number, f"longer than {MAX_JSONL_LINE // 2**20} MiB"
            continue
        try:
            data = json.loads(raw)
        except (ValueError, RecursionError) as error:
            yield number, f"not JSON: {str(error)[:200]}"
            continue
        if isinstance(data, dict):
            yield number, data
        else:
            yield number, "not a JSON object"


def write_json_line(data: dict[str, Any]) -> None:
    """One object on one line of standard output."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")
