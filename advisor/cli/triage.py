"""`advisor triage`: many failures at once, or the one that an event on GitHub tells of."""

from __future__ import annotations

from typing import Any

import click

from advisor.cli._bulk import run_bulk
from advisor.cli._facts import FactCommand, fact_options
from advisor.cli._github import github_options, run_github_event
from advisor.cli._packs import pack_options


@click.command("triage", cls=FactCommand)
@click.argument("file", required=False, type=click.Path(allow_dash=True))
@click.option("--results", metavar="FILE", help="Write one JSON line per text to FILE (- for standard output).")
@click.option(
    "--resume", is_flag=True, help="Go on with what --results FILE holds: nothing is lost, nothing done twice."
)
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    help="Write the report: FILE.md, or FILE.html with plots. May be repeated.",
)
@click.option("--parquet", metavar="FILE", help="Write the results as a Parquet table (extra: parquet).")
@click.option(
    "--plans", is_flag=True, help="Search the smallest set of changes for each text as well; several times slower."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes.  [default: one for each core]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds that one text may take.",
)
@click.option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    show_default=True,
    help="Where texts are judged.",
)
@click.option(
    "--address",
    default="",
    metavar="ADDRESS",
    help="The Ray cluster; without it one is started on this machine (extra: ray).",
)
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", help="Language of the report.")
@github_options
@pack_options
@fact_options
def command(**parameters: Any) -> int:
    """Judge any number of texts and report what failed and what would have helped most; or answer an event on GitHub.

    FILE holds one {"id", "text"} per line, or is a folder of logs, or - for such lines on standard input. Options of facts state
    what holds for all texts.

    \b
    advisor triage reports.jsonl                                   the report on the screen
    advisor triage logs/ --results r.jsonl --report r.html         a folder; a page with plots
    advisor triage logs/ --results r.jsonl --report r.html --resume
    advisor triage --github-event "$GITHUB_EVENT_PATH"             in a workflow
    advisor triage --github-event event.json --dry-run             look first
    """
    if parameters["github_event"]:
        return run_github_event(parameters)
    if not parameters["file"]:
        raise click.UsageError(
            "Say what to triage: FILE.jsonl, a folder, - for standard input, or --github-event FILE."
        )
    return run_bulk(parameters)
