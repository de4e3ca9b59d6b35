"""`advisor snapshot`: what held the memory in a recording of PyTorch's allocator, and the diagnosis that follows."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import click

from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._packs import load, pack_options, preference_options


@click.command("snapshot", cls=FactCommand)
@click.argument("file", type=click.Path())
@click.option(
    "--format", "output", type=click.Choice(["text", "json", "markdown"]), default="text", help="Form of the answer."
)
@click.option(
    "--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Language of the answer."
)
@click.option(
    "--explain", is_flag=True, help="Show the rules, the facts, the lines and the documents behind the advice."
)
@click.option(
    "--max-size",
    type=click.IntRange(min=1),
    default=2048,
    show_default=True,
    metavar="MIB",
    help="Refuse a larger file.",
)
@click.option("--width", type=click.IntRange(min=20), help="Columns of the text output.")
@preference_options
@pack_options
@fact_options
def command(**parameters: Any) -> int:
    """Say what held the memory at the peak of a PyTorch memory snapshot.

    FILE is what torch.cuda.memory._dump_snapshot() wrote after torch.cuda.memory._record_memory_history(). It is a pickle: it is read
    without running anything in it, and refused if it holds more than plain data.

    \b
    advisor snapshot snapshot.pickle
    advisor snapshot snapshot.pickle --gpu "RTX 4090" --model Qwen2.5-7B --method lora --batch-size 4
    """
    from advisor.diagnosis import Preferences, diagnose
    from advisor.snapshot import read_snapshot, witness_of

    facts = stated_facts(parameters)
    library = load(parameters)
    prefer: Any = "" if parameters["prefer"] == "balanced" else parameters["prefer"]
    preferences = Preferences(prefer, tuple(parameters["keep"]), tuple(parameters["forbid"]))
    summary = read_snapshot(parameters["file"], max_bytes=parameters["max_size"] * 2**20)
    text, witness = witness_of(summary)
    lang: Any = parameters["lang"]
    diagnosis = diagnose(text, stated=facts, library=library, preferences=preferences, lang=lang, witness=witness)
    explain = parameters["explain"]
    if parameters["output"] == "json":
        data = summary.as_json() | {"diagnosis": diagnosis.as_json(explain=explain)}
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
    elif parameters["output"] == "markdown":
        from advisor.render.markdown import render_markdown
        from advisor.render.snapshot import render_snapshot_markdown

        click.echo(render_snapshot_markdown(summary, lang))
        click.echo(render_markdown(diagnosis, explain=explain), nl=False)
    else:
        from advisor.render.snapshot import render_snapshot
        from advisor.render.text import render_text

        width = parameters["width"] or shutil.get_terminal_size().columns
        render_snapshot(summary, lang, width=width, file=sys.stdout)
        click.echo()
        render_text(diagnosis, explain=explain, width=parameters["width"], file=sys.stdout)
    return 0
