"""The options that choose the rules, the knowledge and the preferences, shared by the commands that judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from advisor.library import Library, load_library

PREFERENCES = ("balanced", "speed", "quality", "least-effort")


def pack_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--rules` and `--knowledge`, repeatable."""
    folder = click.Path(exists=True, file_okay=False)
    help_knowledge = "A further folder of knowledge, laid out like the built-in one; may be repeated."
    function = click.option("--knowledge", multiple=True, type=folder, metavar="DIR", help=help_knowledge)(function)
    help_rules = "A further folder of rules; a rule of the same id overrides. May be repeated; also ADVISOR_RULES."
    return click.option("--rules", multiple=True, type=folder, metavar="DIR", envvar="ADVISOR_RULES", help=help_rules)(
        function
    )


def load(parameters: dict[str, Any]) -> Library:
    """The library of the options, which are taken out of `parameters`."""
    return load_library(rules=parameters.pop("rules", ()), knowledge=parameters.pop("knowledge", ()))


def preference_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--prefer`, `--keep` and `--forbid`."""
    help_forbid = "A remedy (by id) that must not be advised, or `offload`; may be repeated."
    function = click.option("--forbid", multiple=True, metavar="REMEDY", help=help_forbid)(function)
    help_keep = "A fact that must stay as it is, such as batch_size; may be repeated."
    function = click.option("--keep", multiple=True, metavar="FACT", help=help_keep)(function)
    return click.option("--prefer", type=click.Choice(PREFERENCES), default="balanced", help="What matters most.")(
        function
    )
