"""The person's own command or configuration, changed: a unified diff that `patch` takes, with what it can't hold above it."""

from __future__ import annotations

from advisor.report import Diagnosis, Unwritten
from advisor.wording import word


def render_diff(diagnosis: Diagnosis) -> str:
    """Comments and the diff, ending with a line break. Without anything to change in the text, the changes as a new snippet."""
    d, lang = diagnosis, diagnosis.lang
    edit = d.edit
    if edit is None:
        return f"# {d.verdict}\n# {word('diff.nothing', lang)}\n"
    rows = []
    if edit.written:
        titles = [title for step, title in zip(edit.steps, edit.titles, strict=True) if step in edit.written]
        rows.append(f"# {word('diff.for', lang, titles=' + '.join(titles))}")
    else:
        rows.append(f"# {word('diff.snippet', lang)}")
    if edit.rest and edit.written:
        rows.append(f"# {word('diff.rest', lang)}")
    for item in edit.rest:
        rows += _snippet(item, commented=bool(edit.written), nowhere=word("diff.nowhere", lang))
    if edit.diff:
        rows.append(edit.diff)
    return "\n".join(rows) + "\n"


def _snippet(item: Unwritten, *, commented: bool, nowhere: str) -> list[str]:
    """A change with its title; every line is a comment where a diff follows, so that `patch` passes over it."""
    rows = [f"# {item.title}" if not commented else f"#   {item.title}"]
    for change in item.changes:
        plain = change.kind != "prose" and not commented
        rows += [line if plain else f"#     {line.removeprefix('# ')}" for line in change.text.split("\n")]
        if change.note:
            rows.append(f"#     {change.note}")
    if not item.changes:
        rows.append(f"#     {nowhere}")
    return rows
