"""Sizes of memory: text with a unit to GiB (2**30 bytes) and back."""

from __future__ import annotations

import re2

GIB = 2**30


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, up to the first part without one.

    >>> version_numbers("2.9.1+cu128"), version_numbers("v0.10.0rc1")
    ((2, 9, 1), (0, 10, 0))
    """
    parts = []
    for part in version.lstrip("vV").split("."):
        digits = ""
        for char in part[:6]:
            if not ("0" <= char <= "9"):
                break
            digits += char
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)


def in_versions(version: str, since: str, until: str) -> bool:
    """Whether a version lies between two (`since` inclusive, `until` exclusive; empty for no bound); an unknown one passes.

    >>> in_versions("5.24.0", "5.23", ""), in_versions("", "5.23", ""), in_versions("5.22.2", "5.23", "")
    (True, True, False)
    """
    have = version_numbers(version)
    if not have:
        return True
    if since and have < version_numbers(since):
        return False
    return not (until and have >= version_numbers(until))


# What runtimes print as MB or GB is binary nearly everywhere (nvidia-smi, Paddle, MPS, TensorFlow), so both spellings are 1024-based.
_FACTORS = {
    "": 1, "b": 1, "byte": 1, "bytes": 1,
    "k": 2**10, "kb": 2**10, "kib": 2**10,
    "m": 2**20, "mb": 2**20, "mib": 2**20,
    "g": 2**30, "gb": 2**30, "gib": 2**30,
    "t": 2**40, "tb": 2**40, "tib": 2**40,
}  # fmt: skip
# Sentinels for "no limit" that wrapped around 64 bits: not sizes.
_NONSENSE_GIB = 2.0**30

_SIZE = re2.compile(r"^\s*([0-9][0-9,]*(?:\.[0-9]*)?)\s*([A-Za-z]*)\s*$")


def parse_size(text: str) -> float | None:
    """The size in GiB of `1.16 GiB`, `512MiB`, `20,971,520 bytes`, `24G`; None when it is no size.

    A comma is a thousands separator when three digits follow it, else a decimal comma (`1900,00 MiB`).
    Sizes of 2**60 bytes and more are refused: they are counters that wrapped around.

    >>> parse_size("512 MiB")
    0.5
    >>> parse_size("1,073,741,824 bytes")
    1.0
    >>> parse_size("17179869184.00 GiB") is None
    True
    """
    match = _SIZE.match(text)
    if match is None:
        return None
    digits, unit = match.group(1), match.group(2).lower()
    factor = _FACTORS.get(unit)
    if factor is None:
        return None
    groups = digits.split(",")
    if len(groups) > 1:
        whole = groups[-1].split(".")[0]
        digits = "".join(groups) if len(whole) == 3 else ".".join(["".join(groups[:-1]), groups[-1]])
    try:
        gib = float(digits) * factor / GIB
    except ValueError:
        return None
    return gib if gib < _NONSENSE_GIB else None


def format_gib(gib: float) -> str:
    """`23.7 GiB`, `512 MiB`, `12 KiB`: three digits at most, the unit that reads best.

    >>> format_gib(23.684), format_gib(0.5), format_gib(0.00001)
    ('23.7 GiB', '512 MiB', '10 KiB')
    """
    size = abs(gib)
    if size >= 100:
        return f"{gib:.0f} GiB"
    if size >= 1:
        return f"{gib:.1f} GiB"
    if size >= 1 / 1024:
        return f"{gib * 1024:.0f} MiB"
    return f"{gib * 1024 * 1024:.0f} KiB"
