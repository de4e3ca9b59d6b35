"""Packs of YAML files to checked records; all faults of a pack are collected, each with path and line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from pydantic import ValidationError

from advisor.errors import Fault
from advisor.library.schema import checked
from advisor.library.yaml_files import line_of, read_yaml
from advisor.records import Framework, Remedy, Source
from advisor.rule import COMPARISONS, Rule

_OPERATORS = frozenset({*COMPARISONS, "is", "in", "not_in", "matches"})
_CONCLUSIONS = ("derive", "cause", "remedy", "discourage")
_WEIGHTS = {"derive": "", "cause": "confidence", "remedy": "support", "discourage": "support"}
_DEFAULT_WEIGHT = 0.5

T = TypeVar("T", bound=msgspec.Struct)


class Compiler:
    """Turns the files of one folder into records; what is wrong is added to `faults` and left out."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults

    def record(self, kind: type[T], data: Any, path: Path, where: str = "") -> T | None:
        """One record of `kind`, or None when the data is not one."""
        try:
            return checked(kind, data)
        except ValidationError as error:
            for problem in error.errors():
                place = ".".join(str(part) for part in problem["loc"])
                first = next((str(part) for part in problem["loc"] if isinstance(part, str)), "")
                label = f"{where}: " if where else ""
                self.faults.append(Fault(str(path), line_of(path, first), f"{label}{place}: {problem['msg']}"))
            return None

    def _mapping(self, path: Path) -> Mapping[str, Any] | None:
        data = read_yaml(path, self.faults)
        if data is None:
            return None
        if not isinstance(data, dict):
            self.faults.append(Fault(str(path), 1, "expected a mapping at the top"))
            return None
        return data

    def each(self, folder: Path, build: Callable[[Mapping[str, Any], Path], T | None]) -> Iterator[T]:
        """A record of every YAML file under `folder`, in the order of the paths; none if there is no such folder."""
        for path in sorted(folder.rglob("*.y*ml")) if folder.is_dir() else ():
            data = self._mapping(path)
            if data is not None and (record := build(data, path)) is not None:
                yield record

    def rule(self, data: Mapping[str, Any], path: Path) -> Rule | None:
        """The rule of a file; `when`, `any` and `then` are brought into their full form."""
        values = dict(data)
        try:
            when = dict(values.get("when") or {})
            branches = when.pop("any", None) or values.get("any") or []
            values["when"] = [_condition(name, test) for name, test in when.items()]
            values["any"] = [[_condition(name, test) for name, test in branch.items()] for branch in branches]
            values["then"] = [_conclusion(item) for item in values.get("then") or []]
        except (AttributeError, TypeError, ValueError) as error:
            self.faults.append(Fault(str(path), line_of(path, "when"), str(error)))
            return None
        values.setdefault("wrong_when", {})
        values |= {"path": str(path), "line": 1}
        return self.record(Rule, values, path)

    def remedy(self, data: Mapping[str, Any], path: Path) -> Remedy | None:
        """The remedy of a file; single changes, edits and values become lists."""
        values = dict(data)
        changes = values.get("changes") or {}
        if isinstance(changes, dict):
            values["changes"] = {name: [_placed(one) for one in _listed(change)] for name, change in changes.items()}
        edits = []
        for edit in _listed(values.get("edit") or []):
            if isinstance(edit, dict):
                edit = {**edit, **{key: _listed(edit[key]) for key in ("halve", "double") if key in edit}}
            edits.append(_placed(edit))
        values["edit"] = edits
        for key in ("applies_to", "useless_when"):
            if isinstance(values.get(key), dict):
                values[key] = {name: _listed(allowed) for name, allowed in values[key].items()}
        values |= {"path": str(path), "line": 1}
        return self.record(Remedy, values, path)

    def framework(self, data: Mapping[str, Any], path: Path) -> Framework | None:
        """The framework of a file; single spellings become lists."""
        values = dict(data)
        if isinstance(values.get("keys"), dict):
            values["keys"] = {name: _listed(keys) for name, keys in values["keys"].items()}
        values |= {"path": str(path), "line": 1}
        return self.record(Framework, values, path)

    def rows(self, folder: Path, key: str, kind: type[T]) -> Iterator[T]:
        """The rows under `key` in every file of a folder; a file's other top-level words are defaults of its rows."""
        for path in sorted(folder.rglob("*.y*ml")) if folder.is_dir() else ():
            data = self._mapping(path)
            if data is None:
                continue
            shared = {name: data[name] for name in ("vendor", "family") if isinstance(data.get(name), str)}
            rows = data.get(key)
            if not isinstance(rows, list):
                self.faults.append(Fault(str(path), 1, f"expected a list under {key!r}"))
                continue
            for row in rows:
                name = row.get("name", "?") if isinstance(row, dict) else "?"
                record = self.record(kind, {**shared, **row} if isinstance(row, dict) else row, path, str(name))
                if record is not None:
                    yield record

    def sources(self, path: Path) -> Iterator[Source]:
        """The sources of `sources.yaml`; none if there is no such file."""
        data = self._mapping(path) if path.is_file() else None
        for name, value in (data or {}).items():
            title = value.get("title") if isinstance(value, dict) else None
            values = {**value, "id": name} if isinstance(value, dict) else value
            if isinstance(title, str):
                values["title"] = {"en": title, "zh": title}
            record = self.record(Source, values, path, str(name))
            if record is not None:
                yield record

    def signals(self, path: Path) -> dict[str, dict[str, str]]:
        """The signals of `signals.yaml`: id to its description in both languages."""
        data = self._mapping(path) if path.is_file() else None
        found = {}
        for name, value in (data or {}).items():
            if isinstance(value, dict) and {"en", "zh"} <= value.keys():
                found[str(name)] = {"en": str(value["en"]), "zh": str(value["zh"])}
            else:
                self.faults.append(Fault(str(path), line_of(path, str(name)), f"{name}: expected en and zh"))
        return found


def _placed(item: Any) -> Any:
    """A change or an edit with the values of its `where` as lists."""
    if not isinstance(item, dict) or not isinstance(item.get("where"), dict):
        return item
    return {**item, "where": {name: _listed(allowed) for name, allowed in item["where"].items()}}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _condition(name: str, test: Any) -> dict[str, Any]:
    if isinstance(test, dict):
        if len(test) != 1 or next(iter(test)) not in _OPERATORS:
            raise ValueError(
                f"{name}: expected one of {', '.join(sorted(_OPERATORS))}, got {', '.join(map(str, test))}"
            )
        operator, value = next(iter(test.items()))
        return {"field": str(name), "op": operator, "value": value}
    if isinstance(test, list):
        return {"field": str(name), "op": "in", "value": test}
    return {"field": str(name), "op": "is", "value": test}


def _conclusion(item: Any) -> dict[str, Any]:
    kinds = [kind for kind in _CONCLUSIONS if isinstance(item, dict) and kind in item]
    if len(kinds) != 1:
        raise ValueError(f"then: expected one of {', '.join(_CONCLUSIONS)} in {item!r}")
    kind = kinds[0]
    word = _WEIGHTS[kind]
    extra = set(item) - {kind, word}
    if extra:
        raise ValueError(f"then: {kind} has no {', '.join(sorted(map(str, extra)))}")
    weight = item.get(word, _DEFAULT_WEIGHT) if word else 1.0
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1:
        raise ValueError(f"then: {word} must lie between 0 and 1")
    return {"kind": kind, "id": item[kind], "weight": weight}
