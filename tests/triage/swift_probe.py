"""Run in a process of its own: what every method gives before and after `swift.install`, compared; prints how many patterns."""

from __future__ import annotations

import random
from typing import Any

import re2

from advisor.triage import swift

PIECES = [
    "a",
    "b+",
    "(a)",
    "(b)?",
    "(?P<n>c*)",
    "[ab]",
    r"\b",
    "^",
    "$",
    "|",
    "(?:x|(y))",
    ".",
    "é",
    r"\s*",
    "(?i)A",
    "()",
]
TEXTS = ["", "a", "abab", "xyz aab\nbca", "aé b é", "显存 ab", "a" * 50 + "b", "xyxy", "\n\n", "caab c"]
PLACES: list[tuple[int, ...]] = [(), (0,), (1,), (2, 3), (1, 99), (5, 2), (-3, 4)]


def seen(match: Any) -> list[Any] | None:
    """All that a match tells."""
    if match is None:
        return None
    groups = range(match.re.groups + 1)
    one = [match.group(), match.group(0), match[0], match.groups(), match.groups("-"), match.span(), match.groupdict()]
    one += [
        match.group(*groups),
        [match.span(g) for g in groups],
        match.pos,
        match.endpos,
        match.string,
        match.lastindex,
    ]
    one += [match.start(g) for g in groups] + [match.end(g) for g in groups] + [match[g] for g in groups]
    one += [match.group(name) for name in match.groupdict()]
    for wrong in (len(groups), -1, "nothing"):
        for method in (match.group, match.start, match.span, match.end) if isinstance(wrong, int) else (match.group,):
            try:
                one.append(method(wrong))
            except IndexError:
                one.append("IndexError")
    return one


def all_of(pattern: Any, text: str) -> list[Any]:
    """All that a pattern finds in a text."""
    found: list[Any] = [
        [seen(getattr(pattern, name)(text, *place)) for place in PLACES] for name in ("search", "match", "fullmatch")
    ]
    found += [[seen(match) for match in pattern.finditer(text, *place)] for place in PLACES]
    found += [pattern.findall(text), pattern.split(text), pattern.sub(r"<\g<0>>", text), pattern.subn("-", text, 2)]
    return [*found, pattern.sub(lambda match: match.group().upper(), text)]


def main() -> None:
    rng = random.Random(5)
    options = re2.Options()
    options.log_errors = False
    patterns = []
    for source in sorted({"".join(rng.choice(PIECES) for _ in range(rng.randint(1, 4))) for _ in range(500)}):
        try:
            patterns.append(re2.compile(source, options))
        except re2.error:
            continue
    in_bytes = re2.compile(b"a+")
    before = [[all_of(pattern, text) for text in TEXTS] for pattern in patterns]
    spans = [match.span() for match in in_bytes.finditer(b"aabca")]
    assert swift.install()
    assert swift.install(), "a second time changes nothing"
    assert [[all_of(pattern, text) for text in TEXTS] for pattern in patterns] == before
    assert [match.span() for match in in_bytes.finditer(b"aabca")] == spans
    print(len(patterns))


if __name__ == "__main__":
    main()
