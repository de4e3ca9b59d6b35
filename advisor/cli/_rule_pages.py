"""Rules as pages for people, and as a graph of what leads to what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

from advisor.library import Library
from advisor.rule import Rule, stratum_name
from advisor.wording import word


def area_of(rule: Rule) -> str:
    """The folder that the rule lies in: `memory` of rules/memory/x.yaml."""
    return PurePath(rule.path).parent.name


def page(area: str, rules: Sequence[Rule], library: Library) -> str:
    """The Markdown page of one area."""
    lines = [f"# Rules: {area}", "", "Written by `advisor rules docs`; a test keeps it true.", ""]
    for rule in sorted(rules, key=lambda rule: rule.id):
        lines += [f"## {rule.id}", "", f"{rule.status}, {stratum_name(rule)}.", "", rule.because.get("en", ""), ""]
        if rule.because.get("zh"):
            lines += [rule.because["zh"], ""]
        lines += ["| when | |", "|---|---|"]
        lines += [f"| all | `{_cell(str(condition))}` |" for condition in rule.when]
        lines += [
            f"| any {number} | `{_cell('; '.join(map(str, branch)))}` |" for number, branch in enumerate(rule.any, 1)
        ]
        concluded = ", ".join(
            f"{c.kind} `{c.id}`" + ("" if c.kind == "derive" else f" {c.weight:g}") for c in rule.then
        )
        lines += ["", f"Concludes {concluded}.", ""]
        if rule.wrong_when.get("en"):
            lines += [f"Wrong when: {rule.wrong_when['en']}", ""]
        lines += [f"Sources: {', '.join(_source(name, library) for name in rule.sources)}", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("`", "'")


def _source(name: str, library: Library) -> str:
    source = library.sources.get(name)
    return f"[{name}]({source.url})" if source is not None and source.url else name


def graph(rules: Iterable[Rule]) -> str:
    """The rules as a Graphviz digraph: flags and causes lead through rules to causes and remedies."""
    lines = ["digraph rules {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    edges = set()
    shapes: dict[str, str] = {}
    for rule in rules:
        if rule.status == "deprecated":
            continue
        tested = [c.field for c in rule.conditions() if c.field.startswith(("derived.", "cause.")) and c.value is True]
        for conclusion in rule.then:
            prefix = (
                "remedy"
                if conclusion.kind in ("remedy", "discourage")
                else {"derive": "derived"}.get(conclusion.kind, conclusion.kind)
            )
            target = f"{prefix}.{conclusion.id}"
            shapes[target] = {"derived": "ellipse", "cause": "box", "remedy": "house"}[prefix]
            style = ' [style=dashed, color="firebrick"]' if conclusion.kind == "discourage" else ""
            for source in tested or [f"facts.{area_of(rule)}"]:
                shapes.setdefault(source, "plaintext")
                edges.add(f'  "{source}" -> "{target}"{style};')
    for name, shape in sorted(shapes.items()):
        kind, _, label = name.partition(".")
        text = word(f"cause.{label}", "en") if kind == "cause" else label
        lines.append(f'  "{name}" [shape={shape}, label="{text}"];')
    return "\n".join([*lines, *sorted(edges), "}"]) + "\n"
