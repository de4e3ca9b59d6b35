"""A written value in the type and the words of its fact: numbers, switches, names of optimizers, sizes of pictures, paths of models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import re2

from advisor.facts import FactValue, spec_of
from advisor.library import Library
from advisor.names import find_models, params_from_name
from advisor.readers.runs.keys import GENERAL, PATHS, key_index

TRUE = frozenset({"true", "1", "yes", "on", ""})
FALSE = frozenset({"false", "0", "no", "off", "none", "null", "[]", "{}", "~"})
_EMPTY = frozenset({"none", "null", "auto", "nan", "default", "...", "…", "xxx", "[]", "{}", "~", "?", "todo", "tbd"})
_FORMATS = frozenset({"4bit", "8bit", "nf4", "fp4", "int4", "int8", "gptq", "awq", "fp8", "none"})
_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".gguf", ".onnx", ".pdparams", ".llamafile")
# Parts of a path that say where a model lies, not which it is.
_PLACES = frozenset({
    "models", "model", "checkpoints", "checkpoint", "snapshots", "weights", "pretrained", "pretrain", "ckpt", "ckpts", "output",
    "outputs",
    "data", "cache", "hub", "home", "mnt", "root", "workspace", "final", "best", "last", "latest", "transformer", "unet", "vae",
    "hf", "base",
    "diffusion_models", "text_encoders", "merged", "llm",
})  # fmt: skip


@cache
def _patterns() -> dict[str, Any]:
    return {
        "number": re2.compile(r"^([0-9][0-9_]*(?:\.[0-9]+)?)([kK])?(?:\s*[,;)\]}].*)?$"),
        "sides": re2.compile(r"^[\[(]?\s*([0-9]{2,5})(?:\s*(?:[,x*×]|\s)\s*([0-9]{2,5}))?\s*[\])]?$"),
        "word": re2.compile(r"^[a-z][a-z0-9_.+-]{0,40}$"),
        "path": re2.compile(r"^[\w./:@+~\\ =-]{2,300}$"),
        "generic": re2.compile(
            r"(?i)^(?:checkpoint|global_step|step|epoch|iter)[-_]?\d*$|^(?:diffusion_)?(?:pytorch_)?model(?:[-_.]\d.*)?$|^consolidated|"
            r"^adapter_model|^[0-9a-f]{20,}$|^v?\d+$|^(?:best|last|final|latest)[-_](?:model|accuracy|ckpt|checkpoint|epoch|weights?|\d+)\w*$"
        ),
    }  # fmt: skip


def translated(fact: str, text: str, framework: str, library: Library, strict: bool = False, key: str = "") -> object:
    """The value that `text` states of a fact, None when it states none.

    Args:
        framework: whose tables are asked first, then those of its families and of the general libraries.
        strict: words of an open set count only when some table knows them; a model's name only when it is known or tells a size.
    """
    lower = text.lower().strip("\"'")
    if lower in _EMPTY and not (fact == "quantization" and lower == "none"):
        return None
    if lower.startswith(("$", "<", "{{", "%", "args.", "self.", "config.", "cfg.")):
        return None
    if fact != "model":
        forms = _forms(lower)
        lineage = library.lineage(framework)
        for name in [*lineage, *(name for name in GENERAL if name not in lineage)]:
            if name not in lineage and lower in spec_of(fact).choices:
                break  # the word itself, which only some programs use in a sense of their own
            known = library.frameworks.get(name)
            meaning = _in_table((known.values if known else {}).get(fact, {}), forms)
            if meaning is not None:
                return meaning
        agreed = key_index(library).values.get(fact, {})
        for form in forms:
            if form in agreed:
                return agreed[form]
    return _plain(fact, text.strip("\"'"), lower, library, strict, key)


def _forms(lower: str) -> list[str]:
    """The word as written, and as the last part of a dotted name (`OptimizerNames.ADAMW_TORCH`, `torch.optim.AdamW`)."""
    last = lower.rstrip("()").rsplit(".", 1)[-1]
    return [lower] if last == lower or not last[:1].isalpha() else [lower, last]


def _in_table(table: Mapping[str, Any], forms: list[str]) -> object:
    if not table:
        return None
    folded = {str(key).lower(): value for key, value in table.items()}
    for form in forms:
        if form in folded:
            return folded[form]
    return folded["*"] if "*" in folded and forms[0] not in FALSE else None


def _plain(fact: str, text: str, lower: str, library: Library, strict: bool, key: str) -> object:
    spec = spec_of(fact)
    if spec.kind == "bool":
        return True if lower in TRUE else False if lower in FALSE else None
    if not text:
        return None
    if spec.kind in ("int", "float", "gib"):
        if fact == "gpu_count" and text[:1] == "[":
            listed = [item for item in text.strip("[]").split(",") if item.strip().isdigit()]
            return len(listed) or None
        return _number(text, fact)
    if fact == "image_resolution":
        return resolution(lower)
    if fact == "model":
        return model_name(text, library, strict, known_only=key in PATHS)
    if spec.kind == "list":
        items = [item.strip(" \"'[]()") for item in text.replace(" ", ",").split(",")]
        found = [item for item in items if item and len(item) <= 60]
        return found if len(found) > 1 else (found[0] if found else None)
    if spec.choices:
        return lower if lower in spec.choices else None
    if fact == "quantization" and lower in _FORMATS:
        return lower
    if strict and fact != "method":
        return None
    if fact == "method" and lower not in (
        "full",
        "lora",
        "qlora",
        "freeze",
        "oft",
        "dora",
        "longlora",
        "adalora",
        "ia3",
    ):
        return None
    return lower if _patterns()["word"].match(lower) and lower not in TRUE | FALSE else None


def _number(text: str, fact: str) -> object:
    match = _patterns()["number"].match(text.strip())
    if match is None:
        return None
    value = float(match.group(1).replace("_", ""))
    if match.group(2):
        value *= 1024 if fact in ("seq_len", "max_model_len", "kv_cache_tokens") else 1000
    return value if value > 0 else None


def resolution(text: str) -> str | None:
    """`1024,768`, `[960, 544]`, `(512 512)` as WxH; one number stays one: the side of a square."""
    sides = _patterns()["sides"].match(text)
    if sides is None:
        return None
    width, height = sides.group(1), sides.group(2)
    if not all(16 <= int(side) <= 16384 for side in (width, height) if side):
        return None
    return f"{width}x{height}" if height else str(width)


def model_name(text: str, library: Library, strict: bool = False, known_only: bool = False) -> str | None:
    """The model in a path or an id: `org/name` of the Hub, else the part of the path that names one.

    Args:
        strict: a word without the shape of an id or of a model's name is none.
        known_only: only the name of a known model, or one that tells its size.
    """
    name = text.strip().rstrip("/\\").split("?")[0]
    if not _patterns()["path"].match(name) or name.startswith("$"):
        return None
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..", "~")]
    if not parts or not any(char in name for char in "0123456789/-_\\"):
        return None
    for part in parts:
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/")
    local = name.startswith(("/", ".", "~", "\\")) or len(parts) > 2 or parts[0].endswith(":") or "\\" in name
    if not local and len(parts) == 2 and parts[0].lower() not in _PLACES:
        return "/".join([parts[0], _bare(parts[1])])
    candidates = [_bare(part) for part in reversed(parts)]
    usable = [part for part in candidates if part.lower() not in _PLACES and not _patterns()["generic"].match(part)]
    for part in usable:
        if params_of(part, library) is not None or any(not found.plain for found in find_models(part, library)):
            return part
    if known_only or (strict and not (local and len(parts) > 1)):
        return None
    if not usable or (len(parts) == 1 and not any(char.isdigit() or char == "-" for char in usable[0])):
        return None
    return usable[0]


def _bare(part: str) -> str:
    lower = part.lower()
    for suffix in _SUFFIXES:
        if lower.endswith(suffix):
            return part[: -len(suffix)]
    return part


@lru_cache(maxsize=1024)
def params_of(name: str, library: Library) -> float | None:
    """Billions of parameters by a model's name; None when it does not tell."""
    for found in find_models(name, library):
        if found.params_b:
            return found.params_b
        break
    return params_from_name(name)


def holds(entry: Mapping[str, Any], text: str) -> bool:
    """Whether the test of an entry of `implies` holds for a written value."""
    lower = text.lower().strip().strip("\"'")
    if lower.startswith("$"):
        return False
    if "equals" in entry:
        wanted = entry["equals"]
        if isinstance(wanted, bool):
            return lower in (TRUE if wanted else FALSE)
        return lower == str(wanted).lower()
    if "contains" in entry:
        return str(entry["contains"]).lower() in lower
    if "gt" in entry:
        try:
            return float(lower) > float(entry["gt"])
        except ValueError:
            return False
    return bool(entry.get("present")) and lower not in FALSE


def as_fact(value: object) -> FactValue | None:
    """The value if it can be a fact's."""
    return value if isinstance(value, str | int | float | bool | list) else None
