"""From facts to the specification of a run: what its framework does by default is assumed, and said to be assumed."""

from __future__ import annotations

from collections.abc import Mapping

import re2
from msgspec import Struct

from advisor.facts import FactValue
from advisor.library import Library
from advisor.vocabulary import VOCABULARY

# Facts of the message are evidence about the run, not part of what it was asked to do.
_NOT_SPEC = frozenset({name for name, spec in VOCABULARY.items() if spec.group == "message"}) - {"gpu_capacity_gib"}

# Defaults of a trainer's special modes, which the estimator takes where the mode is known, and words without weight.
_SPECIAL = frozenset({"num_generations", "num_workers", "loop"})


# Defaults that say nothing about a run without training, without adapters, without a quantised base, and of a model of one part.
_OF_TRAINING = (
    "gradient_checkpointing", "grad_accum", "optimizer", "lora_rank", "lora_targets", "lora_fp32", "kbit_prepare", "fused_ce", "method",
    "frozen",
)  # fmt: skip
_OF_ADAPTERS = ("lora_rank", "lora_targets", "lora_fp32")
_OF_ONE_PART = frozenset({"llm", "encoder", "seq2seq", "vision", "diffusion"})

# Methods with a rank.
_ADAPTERS = re2.compile(r"(?i)lora|dora|adapter|pissa")

# One of them says that something is trained.
_TRAINS = frozenset(
    {"method", "optimizer", "grad_accum", "zero_stage", "gradient_checkpointing", "lora_rank", "num_generations"}
)


class Specification(Struct, frozen=True):
    """The words handed to the estimator, and those of them that nobody stated."""

    words: dict[str, FactValue]
    assumed: dict[str, FactValue]


def specify(facts: Mapping[str, FactValue], library: Library, kind: str = "", lower: str = "") -> Specification:
    """The specification of the run that the facts describe.

    Args:
        kind: of the failure. Who asks (`question`) without a word of training wants to run a model, and has no batch yet.
        lower: the text in lower case: which of a program's trainers runs.
    """
    from advisor.readers.runs.defaults import defaults_for

    stated = {name: value for name, value in facts.items() if name not in _NOT_SPEC}
    framework = str(facts.get("framework", ""))
    assumed = {}
    if framework:
        for name, value in defaults_for(framework, facts, library, lower).items():
            if (
                name in VOCABULARY
                and name not in stated
                and name not in _SPECIAL
                and VOCABULARY[name].group != "serving"
            ):
                assumed[name] = value
    if not _adapters(facts, library):
        for name in _OF_ADAPTERS:
            assumed.pop(name, None)  # beside a method that names its algorithm they would say that adapters learn
        if "method" in stated:  # Unsloth drops its 4 bits when everything is trained
            for name in ("quantization", "kbit_prepare"):
                assumed.pop(name, None)
    if "task" not in stated and (
        facts.get("phase") == "load"  # what is loaded are weights, whatever would have come after
        or (_TRAINS.isdisjoint(stated) and (kind == "question" or _makes_pictures(facts, library)))
    ):
        assumed["task"] = "inference"
    if kind == "question" and "batch_size" not in stated:
        assumed.pop("batch_size", None)
    if {**assumed, **stated}.get("task") == "inference":
        for name in _OF_TRAINING:
            assumed.pop(name, None)
    if "quantization" not in {**assumed, **stated}:
        assumed.pop("kbit_prepare", None)
    if "frozen" in assumed:
        from advisor.estimate.catalogue import find_model

        model = find_model(facts, library)
        if model is not None and model.kind in _OF_ONE_PART:
            del assumed["frozen"]
    if assumed.get("parallelism") == "tp":  # a server splits every layer over all its cards
        count = stated.get("gpu_count", 1)
        del assumed["parallelism"]
        if isinstance(count, int) and count > 1:
            assumed["parallelism"] = f"tp{count}"
    return Specification({**assumed, **stated}, assumed)


def _makes_pictures(facts: Mapping[str, FactValue], library: Library) -> bool:
    """Whether the model is one of pictures or videos, which many more people run than train."""
    from advisor.estimate.catalogue import find_model

    model = find_model(facts, library) if "model" in facts else None
    return model is not None and model.kind == "diffusion" and facts.get("phase") not in ("backward", "optimizer_step")


def _adapters(facts: Mapping[str, FactValue], library: Library) -> bool:
    """Whether adapters are what learns: by the method, or by the framework's usual one where the method is unsaid or an algorithm."""
    from advisor.estimate.spec import ALGORITHMS
    from advisor.readers.runs.defaults import defaults_for

    method = str(facts.get("method", ""))
    if not method or method in ALGORITHMS:
        others = {name: value for name, value in facts.items() if name != "method"}
        method = str(defaults_for(str(facts.get("framework", "")), others, library).get("method", ""))
    return bool(_ADAPTERS.search(method))
