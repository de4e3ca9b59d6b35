"""The compiled packs as JSON in the user's cache folder, so that a start reads no YAML and needs no schema."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from advisor.errors import Fault
from advisor.records import Framework, Gpu, Model, Remedy, Source
from advisor.resources import cache_folder
from advisor.rule import Rule
from advisor.version import __version__

T = TypeVar("T")
Sections: TypeAlias = dict[str, Any]
_KEPT = 8  # libraries in the cache folder
_FORMAT = 6  # of the cache; raise it when a record changes its shape
# The type of each section's records.
_TYPES: dict[str, Any] = {
    "rules": Rule, "remedies": Remedy, "frameworks": Framework, "gpus": Gpu, "models": Model, "sources": Source,
    "signals": dict[str, str], "settings": Any,
}  # fmt: skip
_SINGLE_FILES = ("sources", "signals")


def load_sections(
    rules: Sequence[Path], knowledge: Sequence[Path], *, use_cache: bool = True
) -> tuple[Store, list[Fault]]:
    """The store of the packs, and the faults found in compiling them.

    It reads the cache when no file has changed since it was written.
    """
    folder = cache_folder() / f"library-{_fingerprint([*rules, *knowledge])}"
    store = Store(folder if use_cache else None, rules, knowledge)
    if use_cache and (folder / "complete").exists():
        return store, []
    faults = store.compile()
    if use_cache and not faults:
        _write(folder, store.sections)
    return store, faults


class Records(Mapping[str, T]):
    """The records of a section by name, each turned from JSON when it is asked for: a run looks at few of them."""

    def __init__(self, raw: dict[str, msgspec.Raw], kind: Any) -> None:
        self._raw, self._kind = raw, kind
        self._known: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = msgspec.json.decode(self._raw[name], type=self._kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __contains__(self, name: object) -> bool:
        return name in self._raw


class Store:
    """Sections of the packs, each read from the cache when it is asked for; what can't be read is compiled again."""

    def __init__(self, folder: Path | None, rules: Sequence[Path], knowledge: Sequence[Path]) -> None:
        self._folder = folder
        self._packs = (rules, knowledge)
        self.sections: Sections = {}

    def compile(self) -> list[Fault]:
        """Compiles the packs; their faults are returned."""
        self.sections, faults = compile_sections(*self._packs)
        return faults

    def section(self, name: str) -> Any:
        """The records of a section."""
        if not self.sections:
            found = self._read(f"{name}.json", dict[str, msgspec.Raw])
            if found is not None:
                return Records(found, _TYPES[name])
            self.compile()
        return self.sections[name]

    def derived(self, name: str, kind: Any, build: Callable[[], T]) -> T:
        """What `build` computes from the packs, kept in the cache as JSON of type `kind`.

        The name carries a version that grows when the computation changes.
        """
        file = f"derived-{name}.json"
        found = self._read(file, kind)
        if found is not None:
            return found  # type: ignore[no-any-return]
        value = build()
        if self._folder is not None and (self._folder / "complete").exists():
            with contextlib.suppress(OSError):
                temporary = self._folder / f"{file}.{os.getpid()}"
                temporary.write_bytes(msgspec.json.encode(value))
                os.replace(temporary, self._folder / file)
        return value

    def _read(self, file: str, kind: Any) -> Any:
        if self._folder is None:
            return None
        try:
            return msgspec.json.decode((self._folder / file).read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError):
            return None


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
        others = sorted(folder.parent.glob("library-*"), key=lambda path: path.stat().st_mtime)
        for old in others[:-_KEPT]:  # of older versions, other packs and other installations
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
        line = getattr(record, "line", 0)
        place = f"{path}:{line}" if line else path
        first = pack.setdefault((section, name), place)
        if first != place:
            faults.append(Fault(path, line, f"{name!r} is already in {first}"))
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
