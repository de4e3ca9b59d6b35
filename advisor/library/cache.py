"""The compiled packs as JSON in the user's cache folder, so that a start reads no YAML and needs no schema."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from advisor.errors import Fault
from advisor.resources import cache_folder
from advisor.rule import rule_to_json
from advisor.version import __version__

Sections: TypeAlias = dict[str, dict[str, Any]]
_FORMAT = 3  # of the cache; raise it when a record changes its shape
_SINGLE_FILES = ("sources", "signals")


def load_sections(
    rules: Sequence[Path], knowledge: Sequence[Path], *, use_cache: bool = True
) -> tuple[Sections, list[Fault]]:
    """The sections of the packs, from the cache when no file has changed since, and the faults found in compiling."""
    key = _fingerprint([*rules, *knowledge])
    path = cache_folder() / f"library-{key}.json"
    if use_cache:
        with contextlib.suppress(OSError, ValueError):
            data = json.loads(path.read_bytes())
            if isinstance(data, dict) and data.get("format") == _FORMAT:
                return data["sections"], []
    sections, faults = compile_sections(rules, knowledge)
    if use_cache and not faults:
        _write(path, sections)
    return sections, faults


def _fingerprint(folders: Sequence[Path]) -> str:
    digest = hashlib.sha256(f"{__version__} {_FORMAT}".encode())
    for folder in folders:
        digest.update(str(folder.resolve()).encode())
        for root, names, files in os.walk(folder):
            names.sort()
            for name in sorted(files):
                if name.endswith((".yaml", ".yml")):
                    stat = os.stat(os.path.join(root, name))
                    digest.update(f"{root}/{name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:24]


def _write(path: Path, sections: Sections) -> None:
    """Writes the cache whole or not at all; a folder that can't be written is no reason to fail."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        for old in path.parent.glob("library-*.json"):
            old.unlink()
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"format": _FORMAT, "sections": sections}, file, ensure_ascii=False, separators=(",", ":"))
        os.replace(temporary, path)


def compile_sections(rules: Sequence[Path], knowledge: Sequence[Path]) -> tuple[Sections, list[Fault]]:
    """The sections of the packs from their files, and the faults; a later pack overrides by id or name."""
    from advisor.library.compile import Compiler
    from advisor.library.yaml_files import read_yaml
    from advisor.records import Gpu, Model

    faults: list[Fault] = []
    compiler = Compiler(faults)
    names = ("rules", "remedies", "frameworks", "gpus", "models", "sources", "signals", "settings")
    sections: Sections = {name: {} for name in names}

    def add(section: str, name: str, data: Any, pack: dict[tuple[str, str], str], path: str) -> None:
        first = pack.setdefault((section, name), path)
        if first != path:
            faults.append(Fault(path, 0, f"{name!r} is already in {first}"))
        sections[section][name] = data

    for folder in rules:
        pack: dict[tuple[str, str], str] = {}
        for rule in compiler.each(folder, compiler.rule):
            add("rules", rule.id, rule_to_json(rule), pack, rule.path)
    for folder in knowledge:
        pack = {}
        for remedy in compiler.each(folder / "remedies", compiler.remedy):
            add("remedies", remedy.id, dataclasses.asdict(remedy), pack, remedy.path)
        for framework in compiler.each(folder / "frameworks", compiler.framework):
            add("frameworks", framework.id, dataclasses.asdict(framework), pack, framework.path)
        for gpu in compiler.rows(folder / "gpus", "gpus", Gpu):
            sections["gpus"][gpu.name] = dataclasses.asdict(gpu)
        for model in compiler.rows(folder / "models", "models", Model):
            sections["models"][model.name] = dataclasses.asdict(model)
        for source in compiler.sources(folder / "sources.yaml"):
            sections["sources"][source.id] = dataclasses.asdict(source)
        sections["signals"] |= compiler.signals(folder / "signals.yaml")
        for path in sorted(folder.glob("*.yaml")):
            if path.stem not in _SINGLE_FILES:
                sections["settings"][path.stem] = read_yaml(path, faults)
    return sections, faults
