"""`.github/advisor.yml`: what a project wants of the advisor, read as plain data; every fault is named with its line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import re2
import yaml
from msgspec import Struct

from advisor.errors import Fault
from advisor.facts import FAILURE_KINDS
from bots.github.errors import ConfigError

PATH = ".github/advisor.yml"
MAX_CHARACTERS = 65_536
SPOKEN_KINDS = tuple(kind for kind in FAILURE_KINDS if kind not in ("none", "other_error"))
_LABEL = re2.compile(r"^[^\s,<>\x00-\x1f\"'\\](?:[^,<>\x00-\x1f\"'\\]{0,48}[^\s,<>\x00-\x1f\"'\\])?$")
_COLOR = re2.compile(r"^#?([0-9A-Fa-f]{6})$")
_FRAMEWORK = re2.compile(r"^[a-z0-9][a-z0-9._-]{0,60}$")


class Labels(Struct, frozen=True):
    """The labels to set: `oom` on every issue that is answered, `causes` + the cause's name; empty for none."""

    oom: str = "oom"
    causes: str = "oom/"
    color: str = "d93f0b"


class Config(Struct, frozen=True):
    """What a project wants; the defaults hold where the file is absent.

    Attributes:
        enabled: false switches everything off.
        language: of the comments; `auto` takes the issue's.
        kinds: the failures that are answered.
        confidence: below this nothing is said (0 to 1).
        comments: whose comments are looked at where the issue itself holds no failure.
        labels: which labels are set; None for none.
        opt_out_label: an issue with this label is left alone.
        max_age_days: edits of and comments on older issues are not answered; 0 for no limit.
        when_gone: what becomes of the comment when the failure is edited out of the text.
        remedies: how many remedies the comment lists.
        framework: what runs in this project, where the text does not say.
        bots: whether issues that bots open are answered.
    """

    enabled: bool = True
    language: Literal["auto", "en", "zh"] = "auto"
    kinds: tuple[str, ...] = ("vram_oom", "kv_cache")
    confidence: float = 0.33
    comments: Literal["anyone", "reporter", "nobody"] = "anyone"
    labels: Labels | None = Labels()
    opt_out_label: str = "advisor-ignore"
    max_age_days: int = 14
    when_gone: Literal["delete", "strike"] = "delete"
    remedies: int = 4
    framework: str = ""
    bots: bool = False

    @property
    def fingerprint(self) -> str:
        """Changes with the settings that the wording of a comment depends on."""
        return f"{self.language} {self.remedies} {self.framework} {','.join(self.kinds)} {self.labels}"


class _Wrong(ValueError):
    """What is wrong with one value."""


def parse_config(text: str, path: str = PATH) -> Config:
    """The settings of a file's text; an empty text gives the defaults.

    Raises:
        ConfigError: the file is no YAML or has faults; all of them, each with its line.
    """
    faults: list[Fault] = []
    if len(text) > MAX_CHARACTERS:
        raise ConfigError([Fault(path, 0, f"longer than {MAX_CHARACTERS} characters")])
    values = _mapping(_compose(text, path), _READERS, path, faults)
    if faults:
        raise ConfigError(faults)
    return Config(**values)


def _compose(text: str, path: str) -> Any:
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Aliases are refused before anything is built of them: nine lines of them can stand for a billion values.
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 0
                raise ConfigError([Fault(path, line, "aliases (*name) are not allowed here")])
        return yaml.compose(text, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "not YAML")
        raise ConfigError([Fault(path, mark.line + 1 if mark else 0, problem)]) from None
    except RecursionError:
        raise ConfigError([Fault(path, 0, "nested too deeply")]) from None


Reader = Callable[[Any, str, list[Fault]], Any]


def _mapping(node: Any, readers: Mapping[str, Reader], path: str, faults: list[Fault]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
        return values
    if not isinstance(node, yaml.MappingNode):
        faults.append(Fault(path, node.start_mark.line + 1, f"expected settings, one of: {', '.join(readers)}"))
        return values
    for key, value in node.value:
        line, name = key.start_mark.line + 1, str(getattr(key, "value", ""))
        if not isinstance(key, yaml.ScalarNode):
            faults.append(Fault(path, line, "expected the name of a setting"))
        elif name not in readers:
            faults.append(Fault(path, line, f"unknown setting {name[:60]!r}; there are: {', '.join(readers)}"))
        elif name in values:
            faults.append(Fault(path, line, f"{name} is set twice"))
        else:
            try:
                values[name] = readers[name](value, path, faults)
            except _Wrong as error:
                faults.append(Fault(path, value.start_mark.line + 1, f"{name}: {error}"))
                values[name] = None
    return values


def _scalar(node: Any, what: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _Wrong(f"expected {what}")
    return str(node.value)


def _bool(node: Any, path: str, faults: list[Fault]) -> bool:
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
        return str(node.value).lower() in ("true", "yes", "on")
    raise _Wrong("expected true or false")


def _number(low: float, high: float, whole: bool) -> Reader:
    def read(node: Any, path: str, faults: list[Fault]) -> float | int:
        kind = "a whole number" if whole else "a number"
        text = _scalar(node, kind)
        try:
            number = int(text) if whole else float(text)
        except ValueError:
            raise _Wrong(f"expected {kind}, got {text[:40]!r}") from None
        if not low <= number <= high:
            raise _Wrong(f"{text[:40]} is outside {low:g} to {high:g}")
        return number

    return read


def _choice(*choices: str) -> Reader:
    def read(node: Any, path: str, faults: list[Fault]) -> str:
        text = _scalar(node, f"one of {', '.join(choices)}")
        if text not in choices:
            raise _Wrong(f"{text[:40]!r} is none of {', '.join(choices)}")
        return text

    return read


def _kinds(node: Any, path: str, faults: list[Fault]) -> tuple[str, ...]:
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    kinds = [_choice(*SPOKEN_KINDS)(item, path, faults) for item in nodes]
    if not kinds:
        raise _Wrong("expected at least one; `enabled: false` switches the advisor off")
    return tuple(dict.fromkeys(kinds))


def _matching(pattern: Any, what: str, *, may_be_empty: bool = True) -> Reader:
    def read(node: Any, path: str, faults: list[Fault]) -> str:
        text = _scalar(node, what)
        if (text or not may_be_empty) and not pattern.match(text):
            raise _Wrong(f"expected {what}, got {text[:60]!r}")
        return text

    return read


def _color(node: Any, path: str, faults: list[Fault]) -> str:
    text = _scalar(node, "a colour of six hexadecimal digits")
    found = _COLOR.match(text)
    if not found:
        raise _Wrong(f"expected a colour of six hexadecimal digits in quotes, got {text[:40]!r}")
    return str(found.group(1)).lower()


_LABEL_TEXT = "a label of up to 50 characters without commas, quotes or angle brackets"
_LABEL_READERS: dict[str, Reader] = {
    "oom": _matching(_LABEL, _LABEL_TEXT),
    "causes": _matching(_LABEL, _LABEL_TEXT),
    "color": _color,
}


def _labels(node: Any, path: str, faults: list[Fault]) -> Labels | None:
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":bool"):
        return Labels() if _bool(node, path, faults) else None
    if not isinstance(node, yaml.MappingNode):
        raise _Wrong(f"expected true, false, or settings: {', '.join(_LABEL_READERS)}")
    return Labels(**_mapping(node, _LABEL_READERS, path, faults))


_READERS: dict[str, Reader] = {
    "enabled": _bool,
    "language": _choice("auto", "en", "zh"),
    "kinds": _kinds,
    "confidence": _number(0, 1, whole=False),
    "comments": _choice("anyone", "reporter", "nobody"),
    "labels": _labels,
    "opt_out_label": _matching(_LABEL, _LABEL_TEXT, may_be_empty=False),
    "max_age_days": _number(0, 36_500, whole=True),
    "when_gone": _choice("delete", "strike"),
    "remedies": _number(1, 10, whole=True),
    "framework": _matching(_FRAMEWORK, "a framework's name in lower case"),
    "bots": _bool,
}
