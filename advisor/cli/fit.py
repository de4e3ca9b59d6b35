"""`advisor fit`: the largest batch, length or rank that fits a card, or the fewest cards that do."""

from __future__ import annotations

import json
from typing import Any

import click

from advisor.cli._facts import FactCommand, fact_options, stated_facts
from advisor.cli._model import model_options, with_model
from advisor.errors import InputError
from advisor.facts import FactValue, check_fact
from advisor.units import format_gib

VARY = (
    "batch_size",
    "seq_len",
    "lora_rank",
    "num_generations",
    "image_tokens",
    "concurrency",
    "max_model_len",
    "gpu_count",
)
_OVER: dict[str, tuple[FactValue, ...]] = {
    "seq_len": (512, 1024, 2048, 4096, 8192, 16384, 32768),
    "batch_size": (1, 2, 4, 8, 16, 32, 64),
    "gpu_count": (1, 2, 4, 8, 16),
    "lora_rank": (8, 16, 32, 64, 128, 256),
    "method": ("full", "lora", "qlora"),
    "zero_stage": (0, 1, 2, 3),
    "optimizer": ("adamw", "adamw_8bit", "adafactor", "sgd"),
    "gradient_checkpointing": (False, True),
    "precision": ("fp32", "amp-bf16", "bf16"),
    "quantization": ("none", "8bit", "nf4"),
}


@click.command("fit", cls=FactCommand)
@click.option(
    "--vary",
    type=click.Choice(VARY),
    default="batch_size",
    show_default=True,
    help="The fact to make as large as fits.",
)
@click.option("--over", metavar="FACT[=A,B,C]", help="A second fact: one row for each of its values.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Form of the answer.")
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
    """Find the largest value of a fact with which the described run still fits its card.

    It fits when the high end of the 90 % interval does. What nobody states is taken as is usual, and said.

    \b
    advisor fit --model Llama-3.1-8B --method lora --gpu "RTX 4090" --vary seq_len
    advisor fit --model Qwen2.5-7B --method qlora --gpu T4 --vary batch_size --over seq_len=512,1024,2048
    advisor fit --model Qwen2.5-7B --method full --gpu "RTX 3090" --zero-stage 3 --vary gpu_count
    """
    from advisor.diagnosis.specify import specify
    from advisor.estimate import estimate
    from advisor.library import load_library
    from advisor.plan.fit import best, capacity_of, table
    from advisor.render.layout import listed
    from advisor.wording import word

    stated = stated_facts(parameters)
    library = load_library(knowledge=parameters["knowledge"])
    facts = with_model(stated, parameters, library)
    words = {name: value for name, value in specify(facts, library).words.items() if name != parameters["vary"]}
    capacity = capacity_of(words, library)
    if capacity is None:
        raise InputError("which card?", place="--gpu", hint='For example --gpu "RTX 4090"; `advisor gpus` lists them.')

    def run(spec: Any) -> Any:
        return estimate(spec, library)

    if parameters["over"]:
        over, values = _values(parameters["over"])
        rows = table(words, parameters["vary"], over, values, run, capacity)
    else:
        over, rows = "", [("", best(words, parameters["vary"], run, capacity))]
    given = {name: value for name, value in rows[0][1].given.items() if name != over} if rows else {}
    if parameters["output"] == "json":
        data: list[dict[str, Any]] = [
            ({over: key} if over else {}) | {fit.fact: fit.value, "need_gib": fit.need_gib} for key, fit in rows
        ]
        click.echo(json.dumps({"capacity_gib": capacity, "rows": data, "given": given}, ensure_ascii=False, indent=1))
        return 0
    for key, fit in rows:
        left = f"{over}={_shown(key):<10} " if over else ""
        if fit.value is None:
            click.echo(f"{left}{fit.fact}: nothing fits {format_gib(capacity)}")
        else:
            click.echo(
                f"{left}{fit.fact} {fit.value:<8} needs {format_gib(fit.need_gib or 0.0)} of {format_gib(capacity)}"
            )
    if given:
        click.echo(word("largest.given", "en", list=listed(given)))
    return 0


def _values(text: str) -> tuple[str, list[FactValue]]:
    fact, _, listed = text.partition("=")
    if not listed and fact not in _OVER:
        raise InputError("give its values", place=f"--over {fact}", hint=f"For example --over {fact}=1,2,4")
    values = listed.split(",") if listed else list(_OVER[fact])
    return fact, [check_fact(fact, value) for value in values]


def _shown(value: FactValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
