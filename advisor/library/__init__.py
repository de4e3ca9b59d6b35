"""The packs of rules and knowledge, loaded once, cached as JSON, and looked up by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from advisor.errors import InputError, PackError
from advisor.library.cache import Store, load_sections
from advisor.records import Framework, Gpu, Model, Remedy, Source
from advisor.resources import data_folder
from advisor.rule import Rule


class Library:
    """Rules and knowledge. Each section is turned into records on first use.

    A pack that comes later overrides an entry of the same id (or name) of an earlier one.
    """

    def __init__(self, store: Store) -> None:
        self._section = store.section
        self.derived = store.derived

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._section("rules").values())

    @cached_property
    def remedies(self) -> Mapping[str, Remedy]:
        """Remedies by id."""
        return self._section("remedies")  # type: ignore[no-any-return]

    @cached_property
    def frameworks(self) -> Mapping[str, Framework]:
        """Frameworks by id."""
        return self._section("frameworks")  # type: ignore[no-any-return]

    @cached_property
    def gpus(self) -> Mapping[str, Gpu]:
        """Cards by canonical name."""
        return self._section("gpus")  # type: ignore[no-any-return]

    @cached_property
    def models(self) -> Mapping[str, Model]:
        """Models by name."""
        return self._section("models")  # type: ignore[no-any-return]

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        """Sources by id."""
        return self._section("sources")  # type: ignore[no-any-return]

    @cached_property
    def signals(self) -> Mapping[str, Mapping[str, str]]:
        """Signals by id, each with its description in both languages."""
        return self._section("signals")  # type: ignore[no-any-return]

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """The other single files of knowledge/ by their stem, such as the weights of the ranking."""
        return self._section("settings")  # type: ignore[no-any-return]

    def lineage(self, framework: str) -> tuple[str, ...]:
        """The framework and the families that it inherits from, nearest first; always ends with `pytorch`.

        An unknown framework has only itself and `pytorch`.
        """
        chain: list[str] = []
        name = framework
        while name and name not in chain:
            chain.append(name)
            known = self.frameworks.get(name)
            name = known.family if known else ""
        if "pytorch" not in chain:
            chain.append("pytorch")
        return tuple(chain)


def _folders(default: str, extra: Iterable[str | Path]) -> tuple[Path, ...]:
    folders = [data_folder(default)]
    for item in extra:
        folder = Path(item)
        if not folder.is_dir():
            raise InputError("no such folder", place=str(item), hint=f"Give a folder of {default} files.")
        folders.append(folder)
    return tuple(folders)


def load_library(
    *, rules: Sequence[str | Path] = (), knowledge: Sequence[str | Path] = (), use_cache: bool = True
) -> Library:
    """The built-in packs and, after them, the given ones.

    Raises:
        InputError: a given folder is not there.
        PackError: a pack has faults; all of them are listed.
    """
    store, faults = load_sections(_folders("rules", rules), _folders("knowledge", knowledge), use_cache=use_cache)
    if faults:
        raise PackError(faults)
    return Library(store)
