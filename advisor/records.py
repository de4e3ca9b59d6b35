"""The rows of the knowledge base: remedies, frameworks, cards, models, sources and signals."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from advisor.rule import Scalar, Text

Allowed: TypeAlias = list[Scalar]
Config: TypeAlias = dict[str, Any]


class Edit(Struct, frozen=True):
    """One setting of a remedy as a change of the specification.

    Attributes:
        set: facts and their new values.
        fill: facts and the values that they get where they are not known; one's own value stays.
        halve: facts that are halved, down to `floor`; with `until_fits`, again and again while it does not fit.
        double: facts that are doubled as often as `halve` halves (so that an effective batch is kept).
        fine: settings for each halving: 4 lowers a fact by a sixth at a time.
        take: facts that take the value of another fact, where that is known and lower.
        where: facts with the values that the run must have for this setting; `unknown` stands for an absent one.
    """

    set: dict[str, Scalar] = field(default_factory=dict)
    fill: dict[str, Scalar] = field(default_factory=dict)
    halve: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)
    take: dict[str, str] = field(default_factory=dict)
    where: dict[str, Allowed] = field(default_factory=dict)
    floor: float = 1
    fine: int = 1
    until_fits: bool = False


class Change(Struct, frozen=True):
    """The exact change for one framework, with placeholders of facts, and where it was looked up.

    `where`: facts with the values that they must have after the remedy's edit for this change; see `Edit`.
    """

    text: str
    kind: Literal["flag", "yaml", "json", "toml", "python", "env", "shell", "prose"] = "flag"
    since: str = ""
    until: str = ""
    note: Text = field(default_factory=dict)
    source: str = ""
    where: dict[str, Allowed] = field(default_factory=dict)


class TimeCost(Struct, frozen=True):
    """Step time as a factor (1.0 = as before) and where the figure comes from."""

    factor: float = 1.0
    source: str = ""


class Remedy(Struct, frozen=True):
    """A remedy: the edit of the specification, what it costs, and the exact change for each framework.

    Attributes:
        reach: where it can be done without a change for the program itself: `any`; `scripts`, where one writes PyTorch code of
            one's own; `known`, nowhere.
    """

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
    reach: Literal["any", "scripts", "known"] = "any"
    host_ram_gib_per_b_params: float = 0.0
    path: str = ""
    line: int = 0


class Era(Struct, frozen=True):
    """What a program had by default in some of its versions: `since` inclusive, `until` exclusive; empty for no bound.

    `seen` are words of which one must stand in the text: a trainer among those of the program.
    """

    defaults: dict[str, Any]
    since: str = ""
    until: str = ""
    seen: list[str] = field(default_factory=list)


class Framework(Struct, frozen=True):
    """A program that runs models: how it is recognised, its keys, its values and its defaults.

    Attributes:
        closed: used through its options or its screen; changes of code have no place.
        config: the notation of its configuration files, where it has some.
        defaults: what holds where nothing is stated, in the current version.
        eras: what was otherwise in older versions.
    """

    id: str
    names: list[str]
    markers: list[str] = field(default_factory=list)
    family: str = ""
    tasks: list[str] = field(default_factory=list)
    closed: bool = False
    config: Literal["", "yaml", "toml", "json", "python"] = ""
    keys: dict[str, list[str]] = field(default_factory=dict)
    values: dict[str, dict[str, Any]] = field(default_factory=dict)
    implies: list[dict[str, Any]] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)
    eras: list[Era] = field(default_factory=list)
    sources: dict[str, Any] = field(default_factory=dict)
    note: Text = field(default_factory=dict)
    path: str = ""
    line: int = 0


class Gpu(Struct, frozen=True):
    """A card or accelerator; memory in GiB as sold (`memory_gb`) and as the runtime reports it (`usable_gib`)."""

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


class Model(Struct, frozen=True):
    """A model: `config` in the terms of Hugging Face's config.json, `params_b` in billions."""

    name: str
    kind: str
    params_b: float
    hf_id: str = ""
    family: str = ""
    aliases: list[str] = field(default_factory=list)
    config: Config = field(default_factory=dict)
    source: str = ""


class Source(Struct, frozen=True):
    """A document that a claim rests on."""

    id: str
    title: Text
    url: str = ""
    kind: str = ""
