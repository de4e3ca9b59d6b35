"""Where Hugging Face's cache keeps a model: models--org--name/snapshots/<hash>, found without the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from advisor.errors import InputError

_MOST_SNAPSHOTS = 1000


def cache_folders(environment: Mapping[str, str]) -> list[Path]:
    """The folders that HF_HUB_CACHE, HF_HOME or neither names, the first that counts first.

    https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
    """
    named = environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE")
    if named:
        return [Path(named).expanduser()]
    home = environment.get("HF_HOME")
    if home:
        return [Path(home).expanduser() / "hub"]
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return [Path(base).expanduser() / "huggingface" / "hub"]


def cached_model(hf_id: str, environment: Mapping[str, str] | None = None) -> Path | None:
    """The snapshot of `org/name` on this machine; None where the cache holds none with a configuration or weights."""
    parts = hf_id.strip().split("/")
    if len(parts) != 2 or not all(parts) or any(part in (".", "..") or "\\" in part or "\0" in part for part in parts):
        return None
    for folder in cache_folders(os.environ if environment is None else environment):
        try:
            return snapshot_of(folder / f"models--{parts[0]}--{parts[1]}")
        except InputError:
            continue
    return None


def is_cached_model(folder: Path) -> bool:
    """It is a model's folder of the cache: it has snapshots."""
    return folder.name.startswith("models--") or (folder / "snapshots").is_dir()


def snapshot_of(folder: Path) -> Path:
    """The snapshot that `refs/main` names, else the newest that holds anything of use.

    Raises:
        InputError: there is none.
    """
    try:
        main = (folder / "refs" / "main").read_bytes()[:100].decode("ascii", "replace").strip()
        named = folder / "snapshots" / main
        if main and "/" not in main and main not in (".", "..") and _useful(named):
            return named
    except (OSError, ValueError):
        pass
    try:
        found = [each for each, _ in zip((folder / "snapshots").iterdir(), range(_MOST_SNAPSHOTS), strict=False)]
        found = [each for each in found if _useful(each)]
        return max(found, key=lambda each: each.stat().st_mtime)
    except (OSError, ValueError):
        raise InputError(
            "holds no snapshot with a config.json or weights", place=str(folder),
            hint="Download the model once, for example with `hf download org/name config.json`.",
        ) from None  # fmt: skip


def _useful(snapshot: Path) -> bool:
    names = ("config.json", "model_index.json", "adapter_config.json", "model.safetensors.index.json")
    return any((snapshot / name).is_file() for name in names) or any(
        next(iter(snapshot.glob(pattern)), None) is not None for pattern in ("*.safetensors", "*.gguf")
    )
