"""Which rules of a pack stand in the place of others: of the built-in ones, or of a pack given before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from advisor.errors import Fault
from advisor.library.yaml_files import line_of, read_yaml


class Replaced(Struct, frozen=True):
    """A rule that takes the place of another of its id.

    Attributes:
        later, earlier: `path:line` of the rule that counts, and of the one that no longer does.
        is_off: the later one is deprecated, so that no rule of this id runs.
        is_conflict: both are of packs that were given, not of the built-in rules: their order decides.
    """

    id: str
    later: str
    earlier: str
    is_off: bool
    is_conflict: bool


def replaced(builtin: Path, packs: Sequence[Path]) -> Iterator[Replaced]:
    """What the packs replace, in their order. Files that are no rules are left to the other checks."""
    known: dict[str, tuple[str, bool]] = {}
    for number, folder in enumerate((builtin, *packs)):
        own: dict[str, tuple[str, bool]] = {}
        for path in sorted(folder.rglob("*.y*ml")) if folder.is_dir() else ():
            faults: list[Fault] = []
            data = read_yaml(path, faults)
            if not isinstance(data, dict) or not isinstance(data.get("id"), str):
                continue
            name, place = data["id"], f"{path}:{line_of(path, 'id')}"
            if name in known:
                earlier, from_pack = known[name]
                yield Replaced(name, place, earlier, data.get("status") == "deprecated", from_pack)
            own[name] = place, number > 0
        known |= own
