"""`advisor compare`: two runs side by side, component by component."""

from __future__ import annotations

import json
import shlex
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
    for label, before, after in rows:
        change = after - before
        sign = "+" if change >= 0 else "-"
        click.echo(f"{label:36} {format_gib(before):>10} {format_gib(after):>10} {sign}{format_gib(abs(change)):>9}")
    return 0


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
