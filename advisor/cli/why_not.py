"""`advisor why-not`: which condition kept a remedy from being advised."""

from __future__ import annotations

import json
from typing import Any

import click

from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._input import opened
from advisor.cli._packs import load, pack_options


@click.command("why-not", cls=FactCommand)
@click.argument("remedy")
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Form of the answer.")
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", help="Language of the answer.")
@pack_options
@fact_options
def command(**parameters: Any) -> int:
    """Say why REMEDY (an id such as zero3) is not advised for FILE, or where it stands if it is.

    \b
    advisor why-not zero3 train.log
    """
    from advisor.diagnosis import read_document
    from advisor.diagnosis.why_not import why_not

    facts = stated_facts(parameters)
    library = load(parameters)
    with opened(parameters["file"]) as stream:
        document = read_document(stream)
    answer = why_not(parameters["remedy"], document, stated=facts, library=library, lang=parameters["lang"])
    if parameters["output"] == "json":
        click.echo(json.dumps(answer.as_json(), ensure_ascii=False, indent=1))
        return 0
    click.secho(answer.headline, bold=True)
    for line in answer.lines:
        click.echo(f"  {line}")
    return 0
