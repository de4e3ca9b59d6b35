"""`advisor watch-log`: follows growing logs and tells of each failure as it comes."""

from __future__ import annotations

import sys
from typing import Any

import click

from advisor.cli import EXIT_INTERRUPTED
from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._packs import load, pack_options, preference_options


@click.command("watch-log", cls=FactCommand)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--once", is_flag=True, help="End after the first failure.")
@click.option("--new", "only_new", is_flag=True, help="Pass over the failures that are in the files already.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05),
    default=0.5,
    show_default=True,
    metavar="S",
    help="Seconds between looks.",
)
@click.option(
    "--format", "output", type=click.Choice(["text", "json", "markdown"]), default="text", help="Form of the answers."
)
@click.option("--output", "target", metavar="FILE", help="Add the answers to FILE instead of printing them.")
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", help="Language; auto: the locale's.")
@click.option("--explain", is_flag=True, help="Show the rules, the facts and the lines behind the advice.")
@click.option("--all", "everything", is_flag=True, help="Show every remedy, not only the first ones.")
@preference_options
@pack_options
@fact_options
def command(**parameters: Any) -> int:
    """Follow growing logs and say why a run ran out of memory as soon as it does.

    FILE is a log, a pattern in quotes or a folder; it may appear later, be rotated or cut short. The same failure of several
    ranks is told once. Ctrl-C ends.

    \b
    advisor watch-log train.log
    advisor watch-log 'logs/rank*.log' --once
    """
    from advisor.diagnosis import Preferences
    from advisor.running.answer import Answering
    from advisor.running.watch import Watch

    facts = stated_facts(parameters)
    prefer: Any = "" if parameters["prefer"] == "balanced" else parameters["prefer"]
    answering = Answering(
        load(parameters),
        parameters["output"],
        parameters["lang"],
        parameters["target"] or "",
        append=True,
        stdout=True,
        stated=facts,
        preferences=Preferences(prefer, tuple(parameters["keep"]), tuple(parameters["forbid"])),
        explain=parameters["explain"],
        everything=parameters["everything"],
    )
    watch = Watch(
        parameters["files"],
        answering,
        lambda text: click.echo(f"advisor: {text}", err=True),
        only_new=parameters["only_new"],
    )
    try:
        watch.run(parameters["interval"], once=parameters["once"])
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED  # it is how a watch ends
    finally:
        watch.close()
        sys.stdout.flush()
    return 0
