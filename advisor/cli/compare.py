"""`advisor compare`: two runs side by side, component by component."""

from __future__ import annotations

import json
import shlex
import unicodedata
from typing import Any

import click

from advisor.errors import FactError
from advisor.facts import FactValue, check_fact
from advisor.units import format_gib
from advisor.wording import word


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Form of the answer.")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of the answer.")
@click.option(
    "--knowledge",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A further folder of knowledge.",
)
def command(**parameters: Any) -> int:
    """Estimate two runs and show the difference. Each is a list of facts; SECOND only says what differs.

    \b
    advisor compare "model=Qwen2.5-7B method=full batch_size=1" "method=lora"
    """
    from advisor.diagnosis.specify import specify
    from advisor.estimate import estimate
    from advisor.library import load_library
    from advisor.plan import beside_gib, peak_gib

    library = load_library(knowledge=parameters["knowledge"])
    first = _facts(parameters["first"], "FIRST")
    second = {**first, **_facts(parameters["second"], "SECOND")}
    lang = parameters["lang"]
    found = [estimate(specify(facts, library).words, library) for facts in (first, second)]
    parts = [{part.id: part.gib for part in one.components} | {"context": beside_gib(one)} for one in found]
    names = list(dict.fromkeys([*parts[0], *parts[1]]))
    if parameters["output"] == "json":
        click.echo(json.dumps([one.as_json() for one in found], ensure_ascii=False, indent=1))
        return 0
    rows = [(word(f"component.{name}", lang), parts[0].get(name, 0.0), parts[1].get(name, 0.0)) for name in names]
    rows.append((word("tui.total", lang), peak_gib(found[0]), peak_gib(found[1])))
    place = 1 if lang == "zh" else 0
    first_title, second_title, change_title = _TITLES[place]
    click.echo(f"{'':36} {_right(first_title, 10)} {_right(second_title, 10)} {_right(change_title, 10)}")
    for label, before, after in rows:
        if max(before, after) < _LEAST_GIB:
            continue
        change = after - before
        shown = f"{'+' if change >= 0 else '-'}{format_gib(abs(change)):>9}" if abs(change) >= _LEAST_GIB else ""
        click.echo(f"{_left(label, 36)} {format_gib(before):>10} {format_gib(after):>10} {shown}".rstrip())
    return 0


_TITLES = (("FIRST", "SECOND", "change"), ("前者", "后者", "变化"))
_LEAST_GIB = 1 / 1024


def _cells(text: str) -> int:
    """Columns of a terminal that the text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _left(text: str, width: int) -> str:
    return text + " " * (width - _cells(text))


def _right(text: str, width: int) -> str:
    return " " * (width - _cells(text)) + text


def _facts(text: str, place: str) -> dict[str, FactValue]:
    facts: dict[str, FactValue] = {}
    try:
        items = shlex.split(text)
    except ValueError as error:
        raise FactError(str(error), place=place) from None
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            raise FactError(
                f"expected fact=value, got {item!r}", place=place, hint="For example: model=Qwen2.5-7B method=lora"
            )
        facts[name] = check_fact(name, value)
    return facts
