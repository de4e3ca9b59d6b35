"""Shell variables: simple assignments in the text, so that `--batch_size $BS` is a fact.

>>> variables = variables_of(Document.of("BS=4\\nexport ACC=8  # steps\\npython train.py --bs $BS"))
>>> resolved("$BS", variables), resolved("${ACC}", variables), resolved("$OTHER", variables)
('4', '8', '$OTHER')
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from advisor.readers.document import Document

_MAX = 2000
_MAX_STEPS = 4
_MAX_NODES = 256


@lru_cache(maxsize=1)
def _pattern() -> Any:
    value = r"(\"[^\"\n]*\"|'[^'\n]*'|[^\s\\;`\"']+)"
    return re2.compile(rf"(?m)(?:^|[\s;])(?:export[ \t]+|set[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)={value}")


@lru_cache(maxsize=8)
def variables_of(doc: Document) -> dict[str, str]:
    """All assignments without blanks around the sign; of several of one name the last, as a shell has it."""
    found: dict[str, str] = {}
    if "=" not in doc.text:
        return found
    for count, match in enumerate(_pattern().finditer(doc.text)):
        if count == _MAX:
            break
        found[match.group(1)] = match.group(2).strip("\"'")
    return found


def resolved(value: str, variables: dict[str, str]) -> str:
    """The value with a variable in its place; `${BS:-4}` takes its default; what is not assigned in the text stays as written."""
    text = value.strip("\"'")
    for _ in range(_MAX_STEPS):
        if not text.startswith("$"):
            return text
        name, _, default = text.strip("${}").partition(":-")
        if name in variables and variables[name] != text:
            text = variables[name]
        elif default:
            text = default
        else:
            return text
    return text


@lru_cache(maxsize=1)
def _nodes() -> Any:
    return re2.compile(
        r"(?:--n(?:um[_-])?nodes|--num[_-]machines|--nodes|#SBATCH +-N|NNODES|trainer\.nnodes|trainer\.num_nodes|"
        r"\bnnodes|\bnum_nodes)[\"']?\s*[= :]\s*[\"']?"
        r"([0-9]+|\$[{]?\w+[}]?)"
    )


@lru_cache(maxsize=8)
def node_count(doc: Document) -> int:
    """The number of nodes that a launcher or a configuration is told, 1 where it is told none."""
    variables = variables_of(doc)
    for match in _nodes().finditer(doc.text):
        value = resolved(match.group(1), variables)
        if value.isdigit() and 1 < int(value) <= _MAX_NODES:
            return int(value)
    return 1
