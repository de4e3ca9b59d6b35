"""Secrets out of every output: tokens, keys, passwords and private keys, counted and named, with the lines left as they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import re2
from msgspec import Struct

from advisor.library import Library, load_library

# Values which stand where a secret would stand and are none.
_PLACEHOLDER = re2.compile(
    r"(?i)^(?:\$\{?\w|%\w+%|<|\{|\[|\*+|x{3,}|\.{3,}|-+$|your|my[_-]?(?:api|token|key|secret|pass)|none|null|nil|true|false|undefined|redacted|"
    r"os\.|env\.|getenv|process\.|config\.|args\.|self\.|settings\.|example|dummy|placeholder|changeme|secret$|token$|password$|pass$|required|optional|invalid|incorrect|wrong|empty|missing)"
)
_CALL_OR_CODE = re2.compile(r"^[A-Za-z_][\w.]*\(")
# Words joined by underscores, dashes, dots or slashes are names of parameters, models and files, not secrets.
_NAME_PART = re2.compile(r"^(?:[A-Za-z]{2,}|[A-Za-z]{0,12}\d{1,4}[A-Za-z]{0,12}|v?\d+(?:\.\d+)*)$")
_SPLIT = re2.compile(r"[_./:=~+-]+")

# Secrets glued together come out one after the other.
_PASSES = 8


class _Rule(Struct, frozen=True):
    kind: str
    keywords: tuple[str, ...]
    pattern: str
    check: str
    emails: bool


@cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def rules_of(data: Mapping[str, Any]) -> tuple[_Rule, ...]:
    """The rules of the plain form of `knowledge/redaction.yaml`; a pattern is compiled when one of its keywords occurs.

    Raises:
        KeyError: a rule lacks its id, keywords or pattern.
    """
    return tuple(
        _Rule(
            str(item["id"]),
            tuple(str(word) for word in item["keywords"]),
            str(item["pattern"]),
            str(item.get("check", "")),
            item.get("only") == "emails",
        )
        for item in data["rules"]
    )


@cache
def rules_for(library: Library | None = None) -> tuple[_Rule, ...]:
    """The rules of a library, of the built-in one when none is given."""
    return rules_of((library or load_library()).settings["redaction"])


def redact(text: str, emails: bool = False, library: Library | None = None) -> tuple[str, int]:
    """The text with each secret replaced by `[redacted:<kind>]`, and how many were replaced.

    Line breaks inside a secret are kept, so that line numbers stay true. Redacting twice changes nothing more. Linear in the text.

    >>> redact("psql postgres://ana:" + "sesam" + "@db:5432/runs")
    ('psql postgres://ana:[redacted:url-password]@db:5432/runs', 1)
    >>> redact("checkpoint 3f786850e387550fdab836ed7e6dc881de23001b saved")
    ('checkpoint 3f786850e387550fdab836ed7e6dc881de23001b saved', 0)
    """
    rules = rules_for(library)
    total = 0
    for _ in range(_PASSES):
        text, count = _once(text, emails, rules)
        total += count
        if not count:
            break
    return text, total


def _once(text: str, emails: bool, rules: Iterable[_Rule]) -> tuple[str, int]:
    spans = sorted(_secrets(text, rules, emails))
    parts: list[str] = []
    position = count = 0
    for start, _, end, kind in spans:
        if start < position:
            continue
        parts += [text[position:start], f"[redacted:{kind}]", "\n" * text.count("\n", start, end)]
        position = end
        count += 1
    parts.append(text[position:])
    return "".join(parts), count


def redact_value(value: Any, emails: bool = False) -> tuple[Any, int]:
    """`redact` for every text inside lists and mappings of a JSON-able value; keys stay."""
    if isinstance(value, str):
        return redact(value, emails)
    total = 0
    if isinstance(value, Mapping):
        mapping = {}
        for key, item in value.items():
            mapping[key], count = redact_value(item, emails)
            total += count
        return mapping, total
    if isinstance(value, list | tuple):
        items = []
        for item in value:
            cleaned, count = redact_value(item, emails)
            items.append(cleaned)
            total += count
        return items, total
    return value, 0


def _secrets(text: str, rules: Iterable[_Rule], emails: bool) -> Iterable[tuple[int, int, int, str]]:
    """Start, order of the rule, end and kind of each secret."""
    lower = text.lower()
    for order, rule in enumerate(rules):
        if (rule.emails and not emails) or not any(word in lower for word in rule.keywords):
            continue
        for match in _compiled(rule.pattern).finditer(text):
            group = next((index for index, part in enumerate(match.groups(), 1) if part), 0)
            secret = match.group(group)
            if secret.startswith("[redacted:") or (rule.check and not _passes(rule.check, secret)):
                continue
            end = match.end(group)
            if not group:  # a block ends where its last line ends, before the line break
                end -= len(secret) - len(secret.rstrip("\r\n"))
            yield match.start(group), order, end, rule.kind


def _passes(check: str, secret: str) -> bool:
    if _PLACEHOLDER.search(secret) or _CALL_OR_CODE.search(secret):
        return False
    if check == "value":
        return True
    if not any(char.isdigit() for char in secret) or not any(char.isalpha() for char in secret):
        return False
    body = secret.rstrip("=.-")
    parts = [part for part in _SPLIT.split(body) if part]
    return not (len(parts) > 1 and all(_NAME_PART.search(part) for part in parts))
