"""`advisor run`: a command as it would run alone, and the diagnosis when it dies of memory."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._packs import load, pack_options, preference_options
from advisor.errors import InputError


@click.command("run", cls=FactCommand, context_settings={"allow_interspersed_args": False})
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND [ARGUMENT]...")
@click.option(
    "--format", "output", type=click.Choice(["text", "json", "markdown"]), default="text", help="Form of the answer."
)
@click.option("--output", "target", metavar="FILE", help="Write the answer to FILE instead of stderr.")
@click.option(
    "--lang",
    type=click.Choice(["auto", "en", "zh"]),
    default="auto",
    help="Language of the answer; auto: the locale's.",
)
@click.option("--explain", is_flag=True, help="Show the rules, the facts and the lines behind the advice.")
@click.option("--all", "everything", is_flag=True, help="Show every remedy, not only the first ones.")
@preference_options
@pack_options
@fact_options
def command(**parameters: Any) -> int:
    """Run a command, and say why it ran out of memory if it did.

    The command runs as it would alone: same input and output, signals, exit status. Its command line, the files that say
    how it runs, its output and its workers' logs are read only when it failed. Options of the advisor stand before the command:

    \b
    advisor run -- torchrun --nproc_per_node 4 train.py --batch-size 8
    advisor run --lang zh --output why.md --format markdown -- bash train.sh
    """
    from advisor.running.session import run_and_explain

    facts = stated_facts(parameters)
    library = load(parameters)  # before the command, so that a fault in a pack is not found after hours

    def answering() -> Any:
        from advisor.diagnosis import Preferences
        from advisor.running.answer import Answering

        prefer: Any = "" if parameters["prefer"] == "balanced" else parameters["prefer"]
        return Answering(
            library,
            parameters["output"],
            parameters["lang"],
            parameters["target"] or "",
            stated=facts,
            preferences=Preferences(prefer, tuple(parameters["keep"]), tuple(parameters["forbid"])),
            explain=parameters["explain"],
            everything=parameters["everything"],
        )

    _check_target(parameters["target"])
    sys.stdout.flush()
    return run_and_explain(parameters["words"], answering)


def _check_target(path: str | None) -> None:
    """Raises InputError where the answer could not be written, before the command runs."""
    if not path:
        return
    folder = os.path.dirname(path) or "."
    if (
        os.path.isdir(path)
        or not os.path.isdir(folder)
        or not os.access(path if os.path.exists(path) else folder, os.W_OK)
    ):
        raise InputError("can't be written", place=f"--output {path}", hint="Name a file in a folder that is there.")
