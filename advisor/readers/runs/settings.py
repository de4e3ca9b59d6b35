"""What a key and its value say of the run: the spellings of every framework, looked up, translated, checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import re2
from msgspec import Struct

from advisor.errors import FactError
from advisor.facts import FactValue, Observation, check_fact, spec_of
from advisor.library import Library
from advisor.names import find_models
from advisor.readers.document import Document
from advisor.records import Framework

# Spellings that mean something else in many programs: they count only where a framework that has them was recognised, or on
# a command line.
_VAGUE = frozenset({
    "rank", "bs", "optimizer", "opt", "devices", "precision", "resolution", "workers", "stage", "model", "max_len", "bits", "dtype", "tp",
    "n", "r", "length", "batch", "input_size", "crop_size", "world_size", "quantization", "optim", "model_path", "batch_size", "max_length",
    "num_frames", "update_freq", "image_size", "path", "amp", "model_name", "max_tokens", "block_size", "fsdp", "deepspeed", "strategy",
})  # fmt: skip
_TRUE = frozenset({"true", "1", "yes", "on", ""})
_FALSE = frozenset({"false", "0", "no", "off", "none", "null"})
_EMPTY = frozenset({"none", "null", "auto", "nan", "default", "...", "…", "xxx"})
# Facts whose written value is a count or size of the device's own run.
_TOTAL_BATCH = frozenset({"deepspeed", "openrlhf", "verl", "colossalai", "megatron"})
COMMAND_RANK = 70
_GENERAL = ("pytorch", "transformers", "peft", "accelerate", "deepspeed", "trl")


class Setting(Struct, frozen=True):
    """A key with its written value.

    Attributes:
        key: normalised: no leading dashes, underscores, lower case, nested keys joined by dots.
        value: as written, without quotes; empty for a flag that stands alone.
        offset: where the key stands in the document's text.
        rank: of the observation: 80 printed configuration, 70 command line, 60 file, 55 code.
        construct: the call or class around it (`LoraConfig`), lower case; empty outside of one.
    """

    key: str
    value: str
    offset: int
    rank: int
    construct: str = ""


def normalised(key: str) -> str:
    """`--per-device-train-batch-size` and `per_device_train_batch_size` are one key."""
    return key.strip().strip("\"'`").lstrip("-").lower().replace("-", "_")


class _Index(Struct, frozen=True):
    """Per framework: key to fact, and key to implied facts; the same for all frameworks together where they agree."""

    keys: Mapping[str, Mapping[str, str]]
    implies: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
    agreed: Mapping[str, tuple[str, str]]
    last_parts: frozenset[str]


@lru_cache(maxsize=4)
def _index(library: Library) -> _Index:
    keys: dict[str, dict[str, str]] = {}
    implies: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    meanings: dict[str, set[str]] = {}
    owner: dict[str, str] = {}
    for framework in library.frameworks.values():
        own = keys.setdefault(framework.id, {})
        for fact, spellings in framework.keys.items():
            for spelling in spellings:
                key = normalised(spelling)
                own[key] = fact
                meanings.setdefault(key, set()).add(fact)
                if key not in owner or framework.id in _GENERAL:
                    owner[key] = framework.id
        for entry in framework.implies:
            key = normalised(str(entry["key"]))
            implies.setdefault(framework.id, {}).setdefault(key, []).append(entry)
    agreed = {key: (owner[key], next(iter(facts))) for key, facts in meanings.items() if len(facts) == 1}
    names = {*meanings, *(key for own in implies.values() for key in own)}
    return _Index(keys, implies, agreed, frozenset(name.rsplit(".", 1)[-1] for name in names))


def known_key(key: str, library: Library) -> bool:
    """Whether any framework has a key that ends like this one; a cheap test before anything else is done."""
    return key.rsplit(".", 1)[-1] in _index(library).last_parts


def is_plain(key: str, library: Library) -> bool:
    """Whether the key means one thing in every program that has it, and nothing outside of them."""
    last = key.rsplit(".", 1)[-1]
    return last in _index(library).agreed and last not in _VAGUE


def observations(
    doc: Document, settings: Iterable[Setting], frameworks: Sequence[str], library: Library
) -> Iterator[Observation]:
    """What the settings say, in the words of the frameworks that were recognised, else in the words all agree on.

    Args:
        frameworks: ids of the recognised frameworks, the most specific first.
    """
    index = _index(library)
    lineage = list(dict.fromkeys(name for framework in frameworks for name in library.lineage(framework)))
    own = [name for name in lineage if name not in _GENERAL] or lineage
    for setting in settings:
        for fact, (value, rank) in _said(setting, lineage, own, index, library).items():
            yield Observation(fact, value, doc.line_at(setting.offset), doc.quote(setting.offset), rank=rank)


def _said(
    setting: Setting, lineage: Sequence[str], own: Sequence[str], index: _Index, library: Library
) -> dict[str, tuple[FactValue, int]]:
    """The facts that a setting states, each with its rank: a program's own spelling counts more than a general one."""
    names = _suffixes(setting.key)
    on_command_line = setting.rank == COMMAND_RANK
    for framework in [*lineage, *(name for name in _GENERAL if name not in lineage)]:
        recognised = framework in own
        found: dict[str, tuple[FactValue, int]] = {}
        for key in names:
            if key in _VAGUE and not recognised and not on_command_line:
                continue
            fact = index.keys.get(framework, {}).get(key)
            if fact is not None and not _is_total(fact, key, lineage):
                for name, value in _value(fact, setting.value, framework, library):
                    # A dtype of the dequantised matrices and a general spelling beside the program's own say less.
                    less = key.startswith("bnb") or (not recognised and _has_own(fact, own, index))
                    found[name] = (value, setting.rank - (3 if less else 0))
            for entry in index.implies.get(framework, {}).get(key, ()):
                if _holds(entry, setting.value):
                    # Of two entries the later is the more special one.
                    found |= {name: (value, setting.rank) for name, value in _implied(entry)}
            if fact is not None:
                return found
        if found:
            return found
    if names[0].rsplit(".", 1)[-1] in _VAGUE and not on_command_line:
        return {}
    for key in names:
        if key in index.agreed:
            framework, fact = index.agreed[key]
            if _is_total(fact, key, lineage):
                return {}
            return {name: (value, setting.rank) for name, value in _value(fact, setting.value, framework, library)}
    return {}


def _has_own(fact: str, own: Sequence[str], index: _Index) -> bool:
    return any(fact in index.keys.get(name, {}).values() for name in own)


def _is_total(fact: str, key: str, lineage: Sequence[str]) -> bool:
    """DeepSpeed's and the RL trainers' `train_batch_size` counts the samples of all devices together."""
    return fact == "batch_size" and key == "train_batch_size" and any(name in _TOTAL_BATCH for name in lineage)


def _suffixes(key: str) -> list[str]:
    """The key and what remains of it when outer levels are left away, the longest first."""
    parts = key.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]


def _value(fact: str, text: str, framework: str, library: Library) -> Iterator[tuple[str, FactValue]]:
    value = _translated(fact, text.strip().rstrip(",;"), framework, library)
    if value is None:
        return
    try:
        yield fact, check_fact(fact, value)
    except FactError:
        return
    if fact == "model":
        yield from _of_model(str(value), library)


def _translated(fact: str, text: str, framework: str, library: Library) -> object:
    lower = text.lower().strip("\"'")
    if lower in _EMPTY and not (fact == "quantization" and lower == "none"):
        return None
    for name in library.lineage(framework):
        known: Framework | None = library.frameworks.get(name)
        table = (known.values if known else {}).get(fact, {})
        folded = {str(key).lower(): value for key, value in table.items()}
        if lower in folded:
            return folded[lower]
        if "*" in folded and lower not in _FALSE:
            return folded["*"]
    return _plain(fact, text.strip("\"'"), lower)


def _plain(fact: str, text: str, lower: str) -> object:
    kind = spec_of(fact).kind
    if not text or text.startswith(("$", "<", "{", "%")):
        return True if not text and kind == "bool" else None
    if kind == "bool":
        return True if lower in _TRUE else False if lower in _FALSE else None
    if kind in ("int", "float", "gib"):
        number = re2.match(r"^([0-9][0-9_]*(?:\.[0-9]+)?)(?:\s*[,;)\]}]|$)", text)
        return number.group(1) if number and float(number.group(1).replace("_", "")) > 0 else None
    if fact == "image_resolution":
        return _resolution(lower)
    if fact == "model":
        return _model_name(text)
    if kind == "list":
        items = [item.strip(" \"'[]()") for item in text.replace(" ", ",").split(",")]
        found = [item for item in items if item]
        return found if len(found) > 1 else (found[0] if found else None)
    choices = spec_of(fact).choices
    if choices:
        return lower if lower in choices else None
    word = re2.match(r"^[a-z0-9][a-z0-9_.+-]{0,40}$", lower)
    return lower if word and not lower.replace(".", "").isdigit() and lower not in _TRUE | _FALSE else None


def _resolution(text: str) -> str | None:
    sides = re2.match(r"^[\[(]?\s*([0-9]{2,5})(?:\s*[,x*×]\s*([0-9]{2,5}))?\s*[\])]?$", text)
    if sides is None or not 16 <= int(sides.group(1)) <= 16384:
        return None
    return f"{sides.group(1)}x{sides.group(2) or sides.group(1)}"


def _model_name(text: str) -> str | None:
    name = text.rstrip("/")
    if not re2.match(r"^[\w./:@+~\\ -]{2,200}$", name):
        return None
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..", "~")]
    if not parts:
        return None
    if not re2.search(r"[0-9/-]", name):
        return None  # an identifier, not a name
    local = name.startswith(("/", ".", "~")) or len(parts) > 2 or ":" in parts[0]
    return parts[-1] if local or len(parts) == 1 else "/".join(parts)


def _of_model(name: str, library: Library) -> Iterator[tuple[str, FactValue]]:
    for found in find_models(name, library):
        if found.plain:
            continue
        if found.params_b:
            yield "params_b", found.params_b
        return


def _holds(entry: Mapping[str, Any], text: str) -> bool:
    lower = text.lower().strip().strip("\"'")
    if "equals" in entry:
        wanted = entry["equals"]
        if isinstance(wanted, bool):
            return lower in (_TRUE if wanted else _FALSE)
        return lower == str(wanted).lower()
    if "contains" in entry:
        return str(entry["contains"]).lower() in lower
    if "gt" in entry:
        try:
            return float(lower) > float(entry["gt"])
        except ValueError:
            return False
    return bool(entry.get("present")) and lower not in _FALSE


def _implied(entry: Mapping[str, Any]) -> Iterator[tuple[str, FactValue]]:
    for fact, value in entry["set"].items():
        try:
            yield fact, check_fact(fact, value)
        except FactError:
            continue
