"""`advisor gpus`: the cards that the advisor knows."""

from __future__ import annotations

from typing import Any

import click

from advisor.library import load_library


@click.command("gpus")
@click.argument("words", nargs=-1)
@click.option("--min-memory", type=float, metavar="GIB", help="Only cards with at least this much usable memory.")
@click.option("--sources", is_flag=True, help="Show where the figures come from.")
@click.option(
    "--knowledge",
    multiple=True,
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="A further folder of knowledge.",
)
def command(**parameters: Any) -> int:
    """List cards and accelerators with their memory, as sold and as the runtime reports it.

    WORDS narrow the list: `advisor gpus a100`.
    """
    words = [word.lower() for word in parameters["words"]]
    shown = 0
    for gpu in load_library(knowledge=parameters["knowledge"]).gpus.values():
        names = " ".join([gpu.name, gpu.vendor, gpu.arch, *gpu.aliases]).lower()
        if not all(word in names for word in words) or gpu.usable_gib < (parameters["min_memory"] or 0):
            continue
        shown += 1
        source = f"  {gpu.source}" if parameters["sources"] else ""
        click.echo(
            f"{gpu.name:34} {gpu.memory_gb:7g} GB  {gpu.usable_gib:8.2f} GiB usable  {gpu.vendor} {gpu.arch}{source}"
        )
    if not shown:
        click.echo("no such card; `advisor gpus` lists all", err=True)
        return 2
    return 0
