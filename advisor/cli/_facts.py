"""One option for every fact that a person can state, and `--set fact=value` for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from advisor.errors import FactError
from advisor.facts import FactValue, check_fact, spec_of
from advisor.vocabulary import DESCRIBABLE

# Shorter names beside the plain ones.
_SHORT = {
    "gpu_name": "--gpu", "gpu_count": "--gpus", "gpu_memory_gib": "--gpu-memory", "batch_size": "-b", "seq_len": "-s", "model": "-m",
}  # fmt: skip
_GROUPS = {
    "run": "What ran", "hardware": "The machine", "model": "The model", "method": "What is trained, in which numbers", "sizes": "Sizes",
    "sharding": "Sharding, offload, recomputation", "serving": "Serving", "message": "The failure",
}  # fmt: skip


def option_of(fact: str) -> str:
    """The option's long name: `gpu_name` is `--gpu-name`."""
    return f"--{fact.replace('_', '-')}"


class FactCommand(click.Command):
    """A command whose help lists the facts by group, after its own options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        facts: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None or isinstance(parameter, click.Argument):
                continue
            name = (parameter.name or "").removeprefix("fact_")
            if (parameter.name or "").startswith("fact_"):
                facts.setdefault(spec_of(name).group, []).append(record)
            else:
                own.append(record)
        with formatter.section("Options"):
            formatter.write_dl(own)
        for group, title in _GROUPS.items():
            if group in facts:
                with formatter.section(title):
                    formatter.write_dl(facts[group])


def fact_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of all describable facts and `--set`; read them with `stated_facts`."""
    for fact in reversed(DESCRIBABLE):
        spec = spec_of(fact)
        names = [option_of(fact), *([_SHORT[fact]] if fact in _SHORT else [])]
        choices = f" ({', '.join(spec.choices)})" if spec.choices else ""
        metavar = {"int": "N", "float": "X", "gib": "SIZE", "bool": "[true|false]"}.get(spec.kind, "TEXT")
        # A switch may be stated bare: `--gradient-checkpointing` alone means true.
        bare: dict[str, Any] = {"is_flag": False, "flag_value": "true"} if spec.kind == "bool" else {}
        function = click.option(*names, f"fact_{fact}", metavar=metavar, help=f"{spec.en}{choices}", **bare)(function)
    help_text = "State or correct any fact; may be repeated. `advisor facts` lists them."
    return click.option("--set", "settings", multiple=True, metavar="FACT=VALUE", help=help_text)(function)


def stated_facts(parameters: dict[str, Any]) -> dict[str, FactValue]:
    """The facts stated by options, checked. Takes their entries out of `parameters`.

    Raises:
        FactError: a value that the fact can't have; the message names the option.
    """
    facts: dict[str, FactValue] = {}
    settings: Sequence[str] = parameters.pop("settings", ())
    for fact in DESCRIBABLE:
        value = parameters.pop(f"fact_{fact}", None)
        if value is not None:
            facts[fact] = _checked(fact, value, option_of(fact))
    for setting in settings:
        name, separator, value = setting.partition("=")
        if not separator:
            raise FactError("expected FACT=VALUE", place=f"--set {setting}", hint="For example: --set batch_size=4")
        facts[name.strip()] = _checked(name.strip(), value, f"--set {name.strip()}")
    return facts


def _checked(fact: str, value: str, place: str) -> FactValue:
    try:
        return check_fact(fact, value)
    except FactError as error:
        raise FactError(error.message, place=place, hint=error.hint) from None
