"""The templates of rules and remedies filled with a case's numbers."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from advisor.facts import Lang
from advisor.wording import word


class _Sentence(string.Formatter):
    """Fields are whole names with dots (`memory.logits_gib`); what is not known is a question mark."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return kwargs.get(field_name), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if value is None:
            return "?"
        if isinstance(value, list):
            value = ", ".join(map(str, value))
        try:
            return format(value, format_spec)
        except (ValueError, TypeError):
            return str(value)


_SENTENCE = _Sentence()


def sentence(text: Mapping[str, str], fields: Mapping[str, Any], lang: Lang) -> str:
    """The text of a language with `{field:format}` filled in; English where the language is missing.

    >>> sentence({"en": "Logits take {memory.logits_gib:.1f} GiB of {gpu_name}."}, {"memory.logits_gib": 4.64}, "en")
    'Logits take 4.6 GiB of ?.'
    """
    template = text.get(lang) or text.get("en", "")
    if "{" not in template:
        return template
    words = {
        name: word(f"phase.{value}", lang) if name.endswith("phase") and value else value
        for name, value in fields.items()
    }
    try:
        return _SENTENCE.vformat(template, (), words)
    except (ValueError, IndexError):
        return template
