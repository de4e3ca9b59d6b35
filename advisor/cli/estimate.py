"""`advisor estimate`: the memory that a described run needs, by component."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import click

from advisor.cli import EXIT_PARTLY
from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._input import jsonl, opened, write_json_line
from advisor.cli._model import model_options, with_model
from advisor.cli._plot import VARY, write_plot
from advisor.errors import AdvisorError


@click.command("estimate", cls=FactCommand)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Form of the answer.")
@click.option(
    "--jsonl", "lines", is_flag=True, help="Read one specification per line of FILE, write one estimate per line."
)
@click.option(
    "--explain", is_flag=True, help="Show each component's formula with the numbers in, and the tensors kept."
)
@click.option(
    "--plot", "picture", metavar="FILE", help="Write memory over --vary as FILE.svg (or FILE.png, extra: plot)."
)
@click.option(
    "--vary", type=click.Choice(VARY), default="batch_size", show_default=True, help="The horizontal axis of --plot."
)
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of the answer.")
@click.option(
    "--knowledge",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A further folder of knowledge.",
)
@model_options
@fact_options
def command(**parameters: Any) -> int:
    """Estimate the memory of a run that the options describe.

    \b
    advisor estimate --model Qwen2.5-7B --method lora --batch-size 4 --seq-len 2048 --gpu "RTX 4090"
    advisor estimate --model-path ./my-model --task inference --seq-len 8192 --gpu T4
    advisor estimate --jsonl runs.jsonl
    """
    from advisor.library import load_library

    stated = stated_facts(parameters)
    library = load_library(knowledge=parameters["knowledge"])
    facts = with_model(stated, parameters, library)
    if parameters["lines"]:
        with opened(parameters["file"]) as stream:
            return _each_line(stream, library, facts)
    if parameters["file"] is not None:
        raise click.UsageError("a file is read only with --jsonl; describe the run by options")
    if not facts:
        raise click.UsageError(
            'describe the run, for example: --model Qwen2.5-7B --method lora --batch-size 4 --gpu "RTX 4090"'
        )
    from advisor.diagnosis.specify import specify
    from advisor.estimate import estimate

    specification = specify(facts, library)
    if parameters["picture"]:
        write_plot(parameters["picture"], parameters["vary"], specification.words, library, parameters["lang"])
    found = estimate(specification.words, library)
    if parameters["output"] == "json":
        click.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=1))
        return 0
    from advisor.plan import beside_gib, need_gib, peak_gib
    from advisor.render.estimate_text import render_estimate

    need = (found.low_gib + beside_gib(found), peak_gib(found), need_gib(found))
    options: dict[str, Any] = {
        "need": need,
        "lang": parameters["lang"],
        "explain": parameters["explain"],
        "file": sys.stdout,
    }
    render_estimate(found, specification.words, specification.assumed, **options)
    if parameters["explain"]:
        from advisor.estimate.inventory import inventory
        from advisor.render.explain_text import render_explanation

        kept = inventory(specification.words, library)
        render_explanation(kept, found.doubts, lang=parameters["lang"], file=sys.stdout)
    return 0


def _each_line(stream: Any, library: Any, facts: Mapping[str, Any]) -> int:
    from advisor.estimate import estimate

    status = 0
    for number, data in jsonl(stream):
        spec_id = data.get("id") if isinstance(data, dict) else None
        answer: dict[str, Any] = {} if spec_id is None else {"id": spec_id}
        try:
            if isinstance(data, str):
                raise AdvisorError(data)
            answer |= estimate(
                {**{name: value for name, value in data.items() if name != "id"}, **facts}, library
            ).as_json()
        except AdvisorError as error:
            status = EXIT_PARTLY
            answer["error"] = {"line": number, "message": str(error)}
        write_json_line(answer)
    return status
