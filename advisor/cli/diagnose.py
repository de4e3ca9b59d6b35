"""`advisor diagnose`: from a log or a description to ranked changes."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from advisor.cli import EXIT_PARTLY
from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._input import jsonl, opened, write_json_line
from advisor.cli._packs import load, pack_options, preference_options


@click.command("diagnose", cls=FactCommand)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json", "markdown", "diff"]),
    help="Form of the answer; diff is your own command or configuration, changed. Default: text.",
)
@click.option(
    "--apply",
    metavar="REMEDY,...",
    default="",
    help="With diff: write these remedies in instead of the plan's.",
)
@click.option("--jsonl", "lines", is_flag=True, help='Read {"id", "text"} per line, write one JSON answer per line.')
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", help="Language of the answer.")
@click.option(
    "--explain", is_flag=True, help="Show the rules, the facts, the lines and the documents behind the advice."
)
@click.option("--all", "everything", is_flag=True, help="Show every remedy, not only the first ones.")
@click.option("--redact-emails", is_flag=True, help="Hide e-mail addresses as well as secrets.")
@click.option("--width", type=click.IntRange(min=20), help="Columns of the text output.")
@preference_options
@pack_options
@fact_options
def command(**parameters: Any) -> int:
    """Say why a run ran out of memory and what to change.

    FILE is a log, or a description in English or Chinese; `-` or nothing reads standard input. At a terminal, paste and
    press Ctrl-D. Options state or correct facts:

    \b
    advisor diagnose train.log --gpu "RTX 3090" --batch-size 8
    echo "7b qlora bs=1 seq 4096 on a 3090, OOM" | advisor diagnose
    advisor diagnose run.sh --format diff | patch -p0
    """
    from advisor.diagnosis import Preferences, diagnose, read_document

    facts = stated_facts(parameters)
    library = load(parameters)
    prefer: Any = "" if parameters["prefer"] == "balanced" else parameters["prefer"]
    preferences = Preferences(prefer, tuple(parameters["keep"]), tuple(parameters["forbid"]))
    options: dict[str, Any] = {
        "stated": facts, "library": library, "preferences": preferences, "lang": parameters["lang"],
        "emails": parameters["redact_emails"],
    }  # fmt: skip
    with opened(parameters["file"]) as stream:
        if parameters["lines"]:
            return _each_line(stream, options, explain=parameters["explain"])
        document = read_document(stream)
    output, remedies = parameters["output"], [name for name in parameters["apply"].replace(",", " ").split() if name]
    if output == "diff" or (remedies and output is None):
        click.echo(_changed(document, options, remedies, parameters["file"]), nl=False)
        return 0
    if remedies:
        raise click.UsageError("--apply goes with --format diff")
    diagnosis = diagnose(document, **options)
    explain = parameters["explain"]
    if output == "json":
        click.echo(json.dumps(diagnosis.as_json(explain=explain), ensure_ascii=False, indent=1))
    elif output == "markdown":
        from advisor.render.markdown import render_markdown

        click.echo(render_markdown(diagnosis, explain=explain, everything=parameters["everything"]), nl=False)
    else:
        from advisor.render.text import render_text

        render_text(
            diagnosis, explain=explain, everything=parameters["everything"], width=parameters["width"], file=sys.stdout
        )
    return 0


def _changed(document: Any, options: dict[str, Any], remedies: list[str], path: str | None) -> str:
    """What was handed in, changed. A configuration without a failure is taken as the question how to make it fit."""
    from advisor.diagnosis import examine
    from advisor.diagnosis.compose import compose
    from advisor.render.diff import render_diff

    case = examine(document, **options)
    if case.kind == "none" and case.specification.words:
        options["stated"] = {"failure_kind": "question", **options["stated"]}
        case = examine(document, **options)
    return render_diff(compose(case, remedies, "" if path in (None, "-") else str(path)))


def _each_line(stream: Any, options: dict[str, Any], *, explain: bool) -> int:
    from advisor.diagnosis import diagnose
    from advisor.errors import AdvisorError

    status = 0
    for number, data in jsonl(stream):
        case_id = data.get("id") if isinstance(data, dict) else None
        answer: dict[str, Any] = {} if case_id is None else {"id": case_id}
        try:
            if isinstance(data, str):
                raise AdvisorError(data)
            text = data.get("text")
            if not isinstance(text, str):
                raise AdvisorError('expected a string under "text"')
            answer |= diagnose(text, **options).as_json(explain=explain)
        except AdvisorError as error:
            status = EXIT_PARTLY
            answer["error"] = {"line": number, "message": str(error)}
        write_json_line(answer)
    return status
