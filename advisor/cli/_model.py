"""`--model-path` and `--hub`: the model from its files, below whatever the options state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from advisor.errors import InputError
from advisor.facts import FactValue
from advisor.library import Library


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--model-path` and `--hub`; read them with `with_model`."""
    function = click.option(
        "--hub", is_flag=True, help="Fetch the config.json of --model org/name from the Hugging Face Hub (extra: hub)."
    )(function)
    return click.option(
        "--model-path",
        type=click.Path(),
        metavar="PATH",
        help="The model's own files: a config.json, .safetensors or .gguf, a folder of them, or a folder of Hugging Face's cache.",
    )(function)


def with_model(facts: Mapping[str, FactValue], parameters: dict[str, Any], library: Library) -> dict[str, Any]:
    """The facts over what the model's files say. Takes the two options out of `parameters`.

    Without either option, a model of Hugging Face's cache is read where `--model org/name` is not in the catalogue. What was read is
    said on stderr.

    Raises:
        InputError: the files can't be read, or `--hub` has nothing to fetch.
    """
    from advisor.model_files import cached_model, describe

    path, hub = parameters.pop("model_path", None), parameters.pop("hub", False)
    name = str(facts.get("hf_id") or facts.get("model") or "")
    if path and hub:
        raise InputError(
            "give one of the two", place="--model-path and --hub", hint="--hub fetches what --model-path would read."
        )
    if hub:
        if "/" not in name:
            raise InputError(
                "which model?", place="--hub", hint="Name it as --model org/name, for example Qwen/Qwen2.5-7B."
            )
        from advisor.model_files.hub import fetch_config

        path = fetch_config(name)
    elif not path and "/" in name and not _known(name, library):
        path = cached_model(name)
    if not path:
        return dict(facts)
    found = describe(path)
    click.echo(f"advisor: the model is read from {path}", err=True)
    if "quantization" in facts and isinstance(found.get("arch"), dict):
        found["arch"].pop("bits_per_weight", None)
    merged = {**found, **facts}
    if "arch" in found and "params_b" not in merged and not _known(name, library):
        # The catalogue takes a near name for the same model; the files know better than a neighbour's number of weights.
        merged.pop("model", None)
        merged.pop("hf_id", None)
    return merged


def _known(name: str, library: Library) -> bool:
    folded = name.casefold()
    return any(model.hf_id.casefold() == folded for model in library.models.values())
