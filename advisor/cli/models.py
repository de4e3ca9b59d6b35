"""`advisor models`: the models that the advisor knows, and where a figure comes from."""

from __future__ import annotations

import json
from typing import Any

import click

from advisor.library import load_library


@click.command("models")
@click.argument("words", nargs=-1)
@click.option("--kind", help="Only models of this kind: llm, vlm, vla, encoder, seq2seq, speech, vision, diffusion.")
@click.option("--show", is_flag=True, help="Show the whole entry: architecture, aliases and source.")
@click.option(
    "--knowledge",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A further folder of knowledge.",
)
def command(**parameters: Any) -> int:
    """List models with their parameters.

    WORDS narrow the list: `advisor models qwen2.5 7b --show`.
    """
    words = [word.lower() for word in parameters["words"]]
    shown = 0
    for model in load_library(knowledge=parameters["knowledge"]).models.values():
        names = " ".join([model.name, model.hf_id, model.family, *model.aliases]).lower()
        if not all(word in names for word in words) or (parameters["kind"] or model.kind) != model.kind:
            continue
        shown += 1
        click.echo(f"{model.name:40} {model.params_b:9.3f} B  {model.kind:9}  {model.hf_id}")
        if parameters["show"]:
            click.echo(f"  aliases  {', '.join(model.aliases) or '-'}")
            click.echo(f"  source   {model.source}")
            click.echo(f"  config   {json.dumps(model.config, ensure_ascii=False)}")
    if not shown:
        click.echo("no such model; `advisor models` lists all", err=True)
        return 2
    return 0
