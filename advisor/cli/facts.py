"""`advisor facts`: the vocabulary, as `--set` and the rules spell it."""

from __future__ import annotations

import click

from advisor.vocabulary import VOCABULARY


@click.command("facts")
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", help="Language of the descriptions.")
def command(lang: str) -> None:
    """List the facts that can be stated, with their types."""
    for spec in VOCABULARY.values():
        kind = "|".join(spec.choices) if spec.choices else {"gib": "GiB", "id": "word"}.get(spec.kind, spec.kind)
        click.echo(f"{spec.name:32} {spec.zh if lang == 'zh' else spec.en} [{kind}]")
