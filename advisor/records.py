"""The rows of the knowledge base: remedies, frameworks, cards, models, sources and signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from advisor.rule import Scalar, Text

_STRICT: dict[str, Any] = {"extra": "forbid"}
Allowed: TypeAlias = list[Scalar]
Config: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edit:
    """One setting of a remedy as a change of the specification.

    Attributes:
        set: facts and their new values.
        halve: facts that are halved, down to `floor`; with `until_fits`, again and again while it does not fit.
        double: facts that are doubled as often as `halve` halves (so that an effective batch is kept).
    """

    __pydantic_config__: ClassVar[Any] = _STRICT

    set: dict[str, Scalar] = field(default_factory=dict)
    halve: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    floor: float = 1
    until_fits: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """The exact change for one framework, with placeholders of facts, and where it was looked up."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    text: str
    kind: Literal["flag", "yaml", "json", "toml", "python", "env", "shell", "prose"] = "flag"
    since: str = ""
    until: str = ""
    note: Text = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class TimeCost:
    """Step time as a factor (1.0 = as before) and where the figure comes from."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    factor: float = 1.0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A remedy: the edit of the specification, what it costs, and the exact change for each framework."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    id: str
    title: Text
    what: Text
    sources: list[str]
    changes: dict[str, list[Change]]
    edit: list[Edit] = field(default_factory=list)
    applies_to: dict[str, Allowed] = field(default_factory=dict)
    useless_when: dict[str, Allowed] = field(default_factory=dict)
    needs: dict[str, Any] = field(default_factory=dict)
    excludes: list[str] = field(default_factory=list)
    time: TimeCost = field(default_factory=TimeCost)
    quality_risk: Literal["none", "low", "medium", "high"] = "none"
    effort: Literal["flag", "config", "code", "hardware"] = "flag"
    host_ram_gib_per_b_params: float = 0.0
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Framework:
    """A program that runs models: how it is recognised, its keys, its values and its defaults."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    id: str
    names: list[str]
    markers: list[str] = field(default_factory=list)
    family: str = ""
    tasks: list[str] = field(default_factory=list)
    keys: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    implies: list[dict[str, Any]] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, Any] = field(default_factory=dict)
    note: Text = field(default_factory=dict)
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Gpu:
    """A card or accelerator; memory in GiB as sold (`memory_gb`) and as the runtime reports it (`usable_gib`)."""

    __pydantic_config__: ClassVar[Any] = {"extra": "ignore"}

    name: str
    memory_gb: float
    usable_gib: float
    vendor: str = ""
    arch: str = ""
    compute_capability: str = ""
    year: int = 0
    card: str = ""
    aliases: list[str] = field(default_factory=list)
    usable_source: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A model: `config` in the terms of Hugging Face's config.json, `params_b` in billions."""

    __pydantic_config__: ClassVar[Any] = {"extra": "ignore"}

    name: str
    kind: str
    params_b: float
    hf_id: str = ""
    family: str = ""
    aliases: list[str] = field(default_factory=list)
    config: Config = field(default_factory=dict)
    source: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that a claim rests on."""

    __pydantic_config__: ClassVar[Any] = _STRICT

    id: str
    title: Text
    url: str = ""
    kind: str = ""


def remedy_from_json(data: Mapping[str, Any]) -> Remedy:
    """The remedy of its plain form."""
    values = dict(data)
    values["changes"] = {name: [Change(**change) for change in changes] for name, changes in data["changes"].items()}
    values["edit"] = [Edit(**edit) for edit in data["edit"]]
    values["time"] = TimeCost(**data["time"])
    return Remedy(**values)
