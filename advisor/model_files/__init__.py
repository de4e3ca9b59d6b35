"""Any model from its files on this machine: config.json, .safetensors, .gguf, a folder of them, or Hugging Face's cache.

>>> from pathlib import Path
>>> from tempfile import TemporaryDirectory
>>> with TemporaryDirectory() as folder:
...     size = Path(folder, "config.json").write_text('{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2}')
...     describe(folder)["arch"]["num_hidden_layers"]
2
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.model_files.cache import cached_model, is_cached_model, snapshot_of

__all__ = ["cached_model", "describe"]

_HINT = "Hand in a config.json, a .safetensors or .gguf file, or a folder that holds one."
_MOST_FILES = 5000


def describe(path: str | Path) -> dict[str, Any]:
    """What the files at `path` say of a model, in the estimator's words; what they don't say is absent.

    `arch` (config.json terms), `params_b` (billions), `precision` and `quantization` of the stored weights, `model_kind`, and `hf_id`,
    `method`, `lora_rank` of an adapter's folder. A header is all that is read of a file of weights.

    Raises:
        InputError: there is nothing to read, or what is there is malformed.
    """
    found = Path(path).expanduser()
    try:
        if not found.exists():
            raise InputError("there is no such file or folder", place=str(found), hint=_HINT)
        if found.is_dir():
            return _whole(_folder(snapshot_of(found) if is_cached_model(found) else found), found)
    except (OSError, ValueError) as error:
        raise InputError(f"can't be read: {error}", place=str(found), hint=_HINT) from None
    return _whole(_file(found), found)


def _whole(words: dict[str, Any], place: Path) -> dict[str, Any]:
    """The words as they are. A network of convolutions is weighed by its weights alone, so without them there is no estimate."""
    arch = words.get("arch") or {}
    nets = words.get("model_kind") == "vision" and "params_b" not in words
    if nets and arch and not any("hidden_size" in part for part in (arch, *arch.values()) if isinstance(part, dict)):
        hint = "Hand in its folder with the .safetensors file."
        raise InputError("doesn't tell how many weights the network has", place=str(place), hint=hint)
    return words


def _file(path: Path) -> dict[str, Any]:
    name = path.name.lower()
    if name.endswith(".gguf"):
        return _gguf(path)
    if name.endswith(".safetensors"):
        return _weights([path], path)
    if name.endswith(".safetensors.index.json") or name in ("model_index.json", "adapter_config.json"):
        return _folder(path.parent)
    if name.endswith(".json"):
        from advisor.model_files.config import read_json, words_of

        return words_of(read_json(path), str(path))
    raise InputError("is no kind of file that describes a model", place=str(path), hint=_HINT)


def _folder(folder: Path) -> dict[str, Any]:
    if (folder / "model_index.json").is_file():
        from advisor.model_files.pipeline import pipeline_words

        return pipeline_words(folder)
    words: dict[str, Any] = {}
    if (folder / "config.json").is_file():
        words = _file(folder / "config.json")
    files = _shards(folder)
    if files:
        from_header = _weights(files, folder)
        arch = words.get("arch") or from_header.get("arch")
        words = {**from_header, **words} | ({"arch": arch} if arch else {})
        words["params_b"] = from_header["params_b"]
        return words
    if words:
        return words
    if (folder / "adapter_config.json").is_file():
        return _adapter(folder / "adapter_config.json")
    models = sorted(each for each in folder.glob("*.gguf") if "mmproj" not in each.name.lower())
    if models:
        if len({_stem(each.name) for each in models}) > 1:
            raise InputError("holds several models", place=str(folder), hint=f"Name one, such as {models[0].name}.")
        return _gguf(models[0])
    raise InputError("holds no config.json, .safetensors or .gguf file", place=str(folder), hint=_HINT)


def _stem(name: str) -> str:
    """The name without its part's number: `a-00001-of-00003.gguf` and the others of the three are one model."""
    head, of, _ = name.rpartition("-of-")
    return head.rpartition("-")[0] if of else name


def _gguf(path: Path) -> dict[str, Any]:
    from advisor.model_files.gguf import read_header
    from advisor.model_files.gguf_words import words_of

    parts = [path]
    if "-of-" in path.name:
        stem = _stem(path.name)
        total = path.name.rpartition("-of-")[2]
        parts = sorted(
            each for each in path.parent.iterdir() if each.name.endswith(f"-of-{total}") and _stem(each.name) == stem
        )
        count = total.removesuffix(".gguf")
        if count.isdigit() and len(parts) != int(count):
            raise InputError(
                f"{len(parts)} of {int(count)} parts are here", place=str(path), hint="Put all parts in one folder."
            )
    return words_of([read_header(each) for each in parts], str(path))


def _weights(files: list[Path], place: Path) -> dict[str, Any]:
    from advisor.model_files.safetensors import Tensor, read_header, words_of

    tensors: dict[str, Tensor] = {}
    for each in files:
        tensors |= read_header(each)
    return words_of(tensors, str(place))


def _shards(folder: Path) -> list[Path]:
    """The .safetensors files that make up the model: those of the index, else those named like a model's, else all but an adapter's."""
    from advisor.model_files.config import read_json

    index = folder / "model.safetensors.index.json"
    if index.is_file():
        listed = read_json(index, 100 * 2**20).get("weight_map")
        if not isinstance(listed, dict) or not listed or not all(isinstance(name, str) for name in listed.values()):
            raise InputError("has no weight_map", place=str(index), hint="Download the index again.")
        names = sorted(set(listed.values()))
        if any("/" in name or "\\" in name or "\0" in name or name in ("", "..") for name in names):
            raise InputError("names files outside its folder", place=str(index), hint="Download the index again.")
        there = [folder / name for name in names if (folder / name).is_file()]
        if there and len(there) < len(names):
            gone = next(name for name in names if not (folder / name).is_file())
            raise InputError(
                f"{gone} is listed and not there",
                place=str(index),
                hint="Finish the download, or hand in the config.json.",
            )
        return there
    found = sorted(each for each, _ in zip(folder.glob("*.safetensors"), range(_MOST_FILES), strict=False))
    own = [each for each in found if each.name.startswith(("model", "pytorch_model", "diffusion_pytorch_model"))]
    return own or [each for each in found if not each.name.startswith("adapter")]


def _adapter(path: Path) -> dict[str, Any]:
    """A LoRA's folder: the base model by name, and the rank. Keys: https://huggingface.co/docs/peft/package_reference/lora"""
    from advisor.model_files.config import read_json

    settings = read_json(path)
    base, rank = settings.get("base_model_name_or_path"), settings.get("r")
    if not isinstance(base, str) or not 0 < len(base) <= 300:
        raise InputError("names no base model", place=str(path), hint="Hand in the base model's folder.")
    words: dict[str, Any] = {"hf_id": base, "method": "lora"}
    if type(rank) is int and 0 < rank <= 65536:
        words["lora_rank"] = rank
    return words
