"""The results as a Parquet table for analysts: one row a text, lists as lists, in groups of rows so that memory is bounded."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from advisor.errors import InputError
from advisor.facts import spec_of
from advisor.triage.record import FACTS, Record, decode

ROWS_PER_GROUP = 50_000
_KINDS = {"int": "int64", "float": "float64", "gib": "float64", "bool": "bool"}


def library() -> Any:
    """pyarrow with its Parquet writer.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        hint = "pip install 'vram-advisor[parquet]'"
        raise InputError("needs pyarrow, which is not installed", place="--parquet", hint=hint) from None
    return pyarrow


def schema(arrow: Any) -> Any:
    """The columns: the record's own, then one for each fact."""
    words = arrow.list_(arrow.string())
    own = [
        ("n", arrow.int64()), ("key", arrow.string()), ("id", arrow.string()), ("kind", arrow.string()), ("phase", arrow.string()),
        ("confidence", arrow.float64()), ("lang", arrow.string()), ("causes", words), ("remedies", words),
        ("need_gib", arrow.float64()), ("low_gib", arrow.float64()), ("high_gib", arrow.float64()), ("capacity_gib", arrow.float64()),
        ("plan", words), ("plan_fits", arrow.bool_()), ("saves_gib", arrow.float64()), ("redactions", arrow.int64()),
        ("error", arrow.string()),
    ]  # fmt: skip
    facts = [
        (name, getattr(arrow, _KINDS.get(spec_of(name).kind, "string").replace("bool", "bool_"))()) for name in FACTS
    ]
    return arrow.schema(own + facts)


def row(record: Record) -> dict[str, Any]:
    """The record as one row; what is not known is null."""
    data: dict[str, Any] = {name: getattr(record, name) or None for name in ("kind", "phase", "lang", "error")}
    data |= {name: getattr(record, name) for name in (
        "n", "key", "need_gib", "low_gib", "high_gib", "capacity_gib", "plan_fits", "saves_gib", "redactions",
    )}  # fmt: skip
    data["confidence"] = None if record.error else record.confidence
    data["id"] = record.id if isinstance(record.id, str | None) else msgspec.json.encode(record.id).decode()
    data |= {name: list(getattr(record, name)) for name in ("causes", "remedies")}
    data["plan"] = None if record.plan is None else list(record.plan)
    for name in FACTS:
        value = record.facts.get(name)
        data[name] = float(value) if isinstance(value, int) and spec_of(name).kind in ("float", "gib") else value
    return data


def write_table(path: str, records: Iterable[Record]) -> int:
    """Writes the table, whole or not at all, and gives its number of rows.

    Raises:
        InputError: pyarrow is not installed, or the file can't be written.
    """
    arrow = library()
    columns = schema(arrow)
    partly = f"{path}.part"
    count = 0
    try:
        with arrow.parquet.ParquetWriter(partly, columns, compression="zstd") as writer:
            for group in _groups(records):
                writer.write_table(arrow.Table.from_pylist([row(record) for record in group], schema=columns))
                count += len(group)
        os.replace(partly, path)
    except OSError as error:
        raise InputError(f"can't be written: {error.strerror or error}", place=path) from None
    finally:
        if os.path.exists(partly):
            os.unlink(partly)
    return count


def _groups(records: Iterable[Record]) -> Iterator[list[Record]]:
    group: list[Record] = []
    for record in records:
        group.append(record)
        if len(group) == ROWS_PER_GROUP:
            yield group
            group = []
    if group:
        yield group


def records_of(path: str) -> Iterator[Record]:
    """The records in a file of results."""
    with open(path, "rb") as file:
        file.readline()
        for raw in file:
            if raw.endswith(b"\n"):
                yield decode(raw)
