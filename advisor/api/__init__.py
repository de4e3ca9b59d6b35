"""The advisor inside a Python program: `diagnose`, `estimate` and `fit`, with results that a notebook shows.

>>> diagnose("CUDA out of memory. Tried to allocate 1.16 GiB", model="Qwen2.5-7B", method="lora", gpu_name="RTX 4090").failure.kind
'vram_oom'
>>> estimate(model="Qwen2.5-7B", method="lora", batch_size=4, seq_len=2048, gpu_name="RTX 4090").fits
False
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from advisor import diagnosis as _diagnosis
from advisor.api.results import Diagnosis, Estimate, Fit, FitRow
from advisor.errors import FactError, InputError
from advisor.facts import FactValue, check_fact, check_facts
from advisor.library import Library
from advisor.plan.outcome import Preferences
from advisor.vocabulary import VOCABULARY

__all__ = ["Diagnosis", "Estimate", "Fit", "FitRow", "Preferences", "checked_words", "diagnose", "estimate", "fit"]

# Words of a specification that are no facts: they hold an architecture, which no rule compares.
_BEYOND_FACTS = frozenset({"arch"})


def diagnose(
    text: str | bytes | Path,
    *,
    lang: Literal["auto", "en", "zh"] = "auto",
    preferences: Preferences | None = None,
    library: Library | None = None,
    **facts: object,
) -> Diagnosis:
    """Why the run of a log or a description ran out of memory, and what to change.

    Args:
        text: a log or a description in English or Chinese; bytes are decoded as a log's are, a Path is read (a string never is).
        lang: the language of the answer; `auto` takes the one that the text is written in.
        preferences: what matters most, what must stay as it is, what must not be advised.
        library: rules and knowledge of your own (`advisor.library.load_library`); the built-in ones when absent.
        facts: what you know or correct: `batch_size=4`, `gpu_name="RTX 4090"`, ... (`advisor facts` lists them); they override the text.

    Raises:
        FactError: there is no such fact, or it can't have that value.
        InputError: the file can't be read, or there is nothing but blanks.
        PackError: the rules or the knowledge have faults.
    """
    stated = check_facts(facts)
    found = _diagnosis.diagnose(_document(text), stated=stated, lang=lang, preferences=preferences, library=library)
    return Diagnosis.of(found)


def estimate(
    spec: Mapping[str, object] | None = None,
    *,
    model_path: str | Path | None = None,
    library: Library | None = None,
    lang: Literal["en", "zh"] = "en",
    **facts: object,
) -> Estimate:
    """The memory that one device needs for a run, by component, with a 90 % interval.

    Args:
        spec: facts that describe the run, as a mapping; `arch` may hold an architecture in the terms of Hugging Face's config.json.
        model_path: the model's own files: a config.json, .safetensors or .gguf, or a folder of them.
        library: rules and knowledge of your own; the built-in ones when absent.
        lang: the language in which the result prints itself.
        facts: the same as `spec`, as keywords; they override it.

    Raises:
        FactError: there is no such fact, or it can't have that value.
        TooLittleKnown: the model is not known; `missing` names what would help.
    """
    from advisor.diagnosis.specify import specify
    from advisor.estimate import estimate as compute

    library = library or _diagnosis.default_library()
    words = checked_words({**(spec or {}), **facts}, model_path)
    specification = specify({name: value for name, value in words.items() if name in VOCABULARY}, library)
    all_words = {**specification.words, **{name: value for name, value in words.items() if name in _BEYOND_FACTS}}
    return Estimate.of(compute(all_words, library), all_words, specification.assumed, lang)


def fit(
    vary: str = "batch_size",
    *,
    over: Mapping[str, Sequence[object]] | None = None,
    spec: Mapping[str, object] | None = None,
    model_path: str | Path | None = None,
    library: Library | None = None,
    **facts: object,
) -> Fit:
    """The largest value of a fact with which a run still fits its card, for sure: the high end of the interval must fit.

    What nobody states is taken as is usual; `Fit.given` says how.

    Args:
        vary: batch_size, seq_len, lora_rank, num_generations, image_tokens, concurrency, max_model_len ..., or `gpu_count` for the
            fewest cards.
        over: a second fact and its values, such as `{"seq_len": [512, 1024, 2048]}`: one row for each of them.
        spec, model_path, library, facts: as for `estimate`; the card is `gpu_name` (or `gpu_memory_gib`).

    Raises:
        FactError: a wrong fact or value, or a fact that can't be varied.
        InputError: the card is not known.
        TooLittleKnown: the run can't be estimated.
    """
    from advisor.diagnosis.specify import specify
    from advisor.estimate import estimate as compute
    from advisor.plan.fit import best, capacity_of, table

    library = library or _diagnosis.default_library()
    words = checked_words({**(spec or {}), **facts}, model_path)
    named = {name: value for name, value in words.items() if name in VOCABULARY and name != vary}
    run: dict[str, Any] = {**specify(named, library).words, **{n: v for n, v in words.items() if n in _BEYOND_FACTS}}
    run.pop(vary, None)
    capacity = capacity_of(run, library)
    if capacity is None:
        known = (
            "Name it as gpu_name, for example gpu_name='RTX 4090', or state gpu_memory_gib; `advisor gpus` lists cards."
        )
        raise InputError("which card?", place="gpu_name", hint=known)

    def need(words: Mapping[str, FactValue]) -> Any:
        return compute(words, library)

    if not over:
        found = best(run, vary, need, capacity)
        return Fit(vary, capacity, (FitRow(found.value, found.need_gib),), given=found.given)
    if len(over) != 1:
        raise FactError("give one fact to vary over", place="over", hint="For example over={'seq_len': [512, 1024]}")
    ((fact, values),) = over.items()
    rows = table(run, vary, fact, [check_fact(fact, value) for value in values], need, capacity)
    given = {name: value for name, value in rows[0][1].given.items() if name != fact} if rows else {}
    fitting = tuple(FitRow(found.value, found.need_gib, value) for value, found in rows)
    return Fit(vary, capacity, fitting, fact, given)


def checked_words(words: Mapping[str, object], model_path: str | Path | None = None) -> dict[str, Any]:
    """The words of a specification, checked; below them what the files at `model_path` say.

    Raises:
        FactError: there is no such fact, or it can't have that value.
        InputError: the files can't be read.
    """
    arch = words.get("arch")
    if arch is not None and not isinstance(arch, Mapping):
        raise FactError(f"expected a mapping as in config.json, got {type(arch).__name__}", place="arch")
    checked: dict[str, Any] = dict(check_facts({n: v for n, v in words.items() if n not in _BEYOND_FACTS}))
    if arch is not None:
        checked["arch"] = dict(arch)
    if model_path is None:
        return checked
    from advisor.model_files import describe

    return {**describe(model_path), **checked}


def _document(text: str | bytes | Path) -> Any:
    from io import BytesIO

    from advisor.readers.intake import read_document

    if isinstance(text, Path):
        try:
            with text.open("rb") as stream:
                return read_document(stream)
        except OSError as error:
            raise InputError(error.strerror or str(error), place=str(text)) from None
    if isinstance(text, str):
        text = text.encode("utf-8", "replace")
    elif not isinstance(text, bytes):
        raise InputError(
            f"expected a text, got {type(text).__name__}", hint="Hand in a string, bytes, or a pathlib.Path."
        )
    return read_document(BytesIO(text))
