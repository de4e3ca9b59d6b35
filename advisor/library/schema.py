"""The schemas of rule and knowledge files: pydantic models drawn from the records, strict about unknown words."""

from __future__ import annotations

import types
import typing
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec.structs import FieldInfo
from pydantic import BaseModel, ConfigDict, create_model
from pydantic import Field as SchemaField

T = TypeVar("T", bound=msgspec.Struct)

# Rows that may carry words for other readers of the same file.
_LENIENT = frozenset({"Gpu", "Model"})


@cache
def schema_of(record: type[msgspec.Struct]) -> type[BaseModel]:
    """The pydantic model of a record, nested records included; unknown words are errors except in rows of knowledge."""
    fields: dict[str, Any] = {field.name: _definition(field) for field in msgspec.structs.fields(record)}
    config = ConfigDict(extra="ignore" if record.__name__ in _LENIENT else "forbid")
    return create_model(record.__name__, __config__=config, **fields)


def _definition(field: FieldInfo) -> tuple[Any, Any]:
    kind = _schema_type(field.type)
    if field.default_factory is not msgspec.NODEFAULT:
        return kind, SchemaField(default_factory=field.default_factory)
    return kind, ... if field.default is msgspec.NODEFAULT else field.default


def _schema_type(kind: Any) -> Any:
    """The type with every record inside replaced by its schema."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return schema_of(kind)
    arguments = typing.get_args(kind)
    if not arguments or typing.get_origin(kind) is typing.Literal:
        return kind
    replaced = tuple(_schema_type(item) for item in arguments)
    if replaced == arguments:
        return kind
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return typing.Union[replaced]  # noqa: UP007 - built from a tuple
    return origin[replaced]


def checked(record: type[T], data: Any) -> T:
    """The record of plain data, checked by its schema.

    Raises:
        pydantic.ValidationError: the data is not one; every fault is listed.
    """
    return msgspec.convert(schema_of(record).model_validate(data).model_dump(exclude_unset=True), record)
