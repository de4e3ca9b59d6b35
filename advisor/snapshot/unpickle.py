"""A pickle of nothing but plain containers, loaded without running any of it.

A pickle is a program: it can import any function and call it. A memory snapshot needs none of that, so every opcode that would bring in
something from outside is refused (`find_class`, `persistent_load`). What is left can still claim memory and time without end, so this runs
in a process with limits of its own (`advisor.snapshot.child`).
"""

from __future__ import annotations

import pickle
from typing import Any, BinaryIO


class Refused(Exception):
    """The pickle is none of a memory snapshot; the message says why."""


class _Plain(pickle.Unpickler):
    """Dictionaries, lists, tuples, sets, texts, bytes, numbers, None: what a pickle can build by itself."""

    def find_class(self, module: str, name: str) -> Any:
        raise Refused(f"it asks for {_shown(module)}.{_shown(name)}: a memory snapshot holds no code")

    def persistent_load(self, pid: Any) -> Any:
        raise Refused("it refers to objects outside of itself, as model checkpoints do: a memory snapshot does not")


def load(stream: BinaryIO) -> Any:
    """The object of a pickle.

    Raises:
        Refused: the pickle holds anything beside plain containers, or is damaged.
        MemoryError: the process's limit is reached.
    """
    try:
        return _Plain(stream).load()
    except (Refused, MemoryError):
        raise
    except Exception as error:  # a damaged pickle fails in every way there is
        raise Refused(f"it is no pickle, or damaged ({type(error).__name__}: {_shown(str(error))})") from None


def _shown(text: str) -> str:
    """Foreign text for a message: short and printable."""
    return "".join(char if char.isprintable() else "?" for char in text[:80])
