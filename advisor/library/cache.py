"""The compiled packs as JSON in the user's cache folder, so that a start reads no YAML and needs no schema."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from advisor.errors import Fault
from advisor.records import Framework, Gpu, Model, Remedy, Source
from advisor.resources import cache_folder
from advisor.rule import Rule
from advisor.version import __version__

Sections: TypeAlias = dict[str, Any]
_FORMAT = 5  # of the cache; raise it when a record changes its shape
_TYPES: dict[str, Any] = {
    "rules": dict[str, Rule],
    "remedies": dict[str, Remedy],
    "frameworks": dict[str, Framework],
    "gpus": dict[str, Gpu],
    "models": dict[str, Model],
    "sources": dict[str, Source],
    "signals": dict[str, dict[str, str]],
    "settings": dict[str, Any],
}
_SINGLE_FILES = ("sources", "signals")
Loader: TypeAlias = Callable[[str], Any]


def load_sections(
    rules: Sequence[Path], knowledge: Sequence[Path], *, use_cache: bool = True
) -> tuple[Loader, list[Fault]]:
    """A function from a section's name to its records, and the faults found in compiling.

    The sections come from the cache, each read when it is asked for, when no file has changed since.
    """
    folder = cache_folder() / f"library-{_fingerprint([*rules, *knowledge])}"
    if use_cache and (folder / "complete").exists():
        return _Cached(folder, rules, knowledge), []
    sections, faults = compile_sections(rules, knowledge)
    if use_cache and not faults:
        _write(folder, sections)
    return sections.__getitem__, faults


class _Cached:
    """Reads one section of the cache at a time; what can't be read is compiled again."""

    def __init__(self, folder: Path, rules: Sequence[Path], knowledge: Sequence[Path]) -> None:
        self._folder = folder
        self._packs = (rules, knowledge)
        self._compiled: Sections | None = None

    def __call__(self, section: str) -> Any:
        if self._compiled is None:
            try:
                data = (self._folder / f"{section}.json").read_bytes()
                return msgspec.json.decode(data, type=_TYPES[section])
            except (OSError, msgspec.MsgspecError):
                self._compiled = compile_sections(*self._packs)[0]
        return self._compiled[section]


def _fingerprint(folders: Sequence[Path]) -> str:
    """A key of all files' paths, sizes and times: it tells versions apart, it protects from nobody."""
    parts = [f"{__version__} {_FORMAT}"]
    for folder in folders:
        stack = [str(folder.resolve())]
        while stack:
            with os.scandir(stack.pop()) as entries:
                for entry in sorted(entries, key=lambda item: item.name):
                    if entry.is_dir():
                        stack.append(entry.path)
                    elif entry.name.endswith((".yaml", ".yml")):
                        stat = entry.stat()
                        parts.append(f"{entry.path} {stat.st_size} {stat.st_mtime_ns}")
    data = "\n".join(parts).encode("utf-8", "surrogateescape")
    return f"{zlib.crc32(data):08x}{zlib.adler32(data):08x}"


def _write(folder: Path, sections: Sections) -> None:
    """Writes the cache whole or not at all; a folder that can't be written is no reason to fail."""
    import shutil
    import tempfile

    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix="writing-"))
        for name, records in sections.items():
            (temporary / f"{name}.json").write_bytes(msgspec.json.encode(records))
        (temporary / "complete").touch()
        for old in folder.parent.glob("library-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)
        try:
            os.replace(temporary, folder)
        except OSError:  # another process was faster
            shutil.rmtree(temporary, ignore_errors=True)


def compile_sections(rules: Sequence[Path], knowledge: Sequence[Path]) -> tuple[Sections, list[Fault]]:
    """The sections of the packs from their files, and the faults; a later pack overrides by id or name."""
    from advisor.library.compile import Compiler
    from advisor.library.yaml_files import read_yaml

    faults: list[Fault] = []
    compiler = Compiler(faults)
    sections: Sections = {name: {} for name in _TYPES}

    def add(section: str, name: str, record: Any, pack: dict[tuple[str, str], str], path: str) -> None:
        first = pack.setdefault((section, name), path)
        if first != path:
            faults.append(Fault(path, 0, f"{name!r} is already in {first}"))
        sections[section][name] = record

    for folder in rules:
        pack: dict[tuple[str, str], str] = {}
        for rule in compiler.each(folder, compiler.rule):
            add("rules", rule.id, rule, pack, rule.path)
    for folder in knowledge:
        pack = {}
        for remedy in compiler.each(folder / "remedies", compiler.remedy):
            add("remedies", remedy.id, remedy, pack, remedy.path)
        for framework in compiler.each(folder / "frameworks", compiler.framework):
            add("frameworks", framework.id, framework, pack, framework.path)
        for gpu in compiler.rows(folder / "gpus", "gpus", Gpu):
            sections["gpus"][gpu.name] = gpu
        for model in compiler.rows(folder / "models", "models", Model):
            sections["models"][model.name] = model
        for source in compiler.sources(folder / "sources.yaml"):
            sections["sources"][source.id] = source
        sections["signals"] |= compiler.signals(folder / "signals.yaml")
        for path in sorted(folder.glob("*.yaml")):
            if path.stem not in _SINGLE_FILES:
                sections["settings"][path.stem] = read_yaml(path, faults)
    return sections, faults
