"""A diffusers folder (model_index.json): the denoiser, the text encoders and the autoencoder, weighed by their files' headers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.errors import InputError
from advisor.model_files.config import read_json
from advisor.model_files.safetensors import read_header, words_of

# Pipelines' classes to the estimator's types: https://huggingface.co/docs/diffusers/api/pipelines/overview
_TYPES = (
    ("StableDiffusionXL", "stable_diffusion_xl"), ("StableDiffusion3", "stable_diffusion_3"), ("StableDiffusion", "stable_diffusion"),
    ("Flux2", "flux2"), ("Flux", "flux"), ("PixArt", "pixart"), ("Sana", "sana"), ("AuraFlow", "auraflow"), ("QwenImage", "qwen_image"),
    ("HunyuanVideo15", "hunyuan_video15"), ("HunyuanVideo", "hunyuan_video"), ("HunyuanDiT", "hunyuan_dit"), ("Wan", "wan"),
    ("LTX", "ltx_video"), ("CogVideoX", "cogvideox"), ("CogView4", "cogview4"), ("CogView3", "cogview3"), ("Mochi", "mochi"),
    ("Kolors", "kolors"), ("Lumina2", "lumina2"), ("HiDream", "hidream"), ("Chroma", "chroma"), ("ZImage", "z_image"),
    ("StableVideoDiffusion", "stable_video_diffusion"), ("Allegro", "allegro"), ("StableCascade", "stable_cascade"),
)  # fmt: skip
_HINT = "Download the whole folder, or name the model with --model and its size with --params-b."


def pipeline_words(folder: Path) -> dict[str, Any]:
    """`arch`, `params_b` of the denoiser, `precision` and `model_kind` of a diffusers folder.

    Raises:
        InputError: it has no denoiser whose weights are there.
    """
    index = read_json(folder / "model_index.json")
    name = str(index.get("_class_name") or "")
    kind = next((kind for prefix, kind in _TYPES if name.startswith(prefix)), "")
    arch: dict[str, Any] = {"model_type": kind} if kind else {}
    words: dict[str, Any] = {}
    for part in ("transformer", "unet"):
        if (folder / part).is_dir():
            weighed = _weigh(folder / part)
            if "params_b" in weighed:
                words = {key: weighed[key] for key in ("params_b", "precision") if key in weighed}
                arch[part] = {**_config(folder / part), "params_b": weighed["params_b"]}
    if not words:
        raise InputError("holds no transformer or unet with its .safetensors files", place=str(folder), hint=_HINT)
    arch["text_encoders"] = [
        {
            "params_b": weighed["params_b"],
            "max_length": _length(folder / each.name.replace("text_encoder", "tokenizer")),
        }
        for each in sorted(folder.glob("text_encoder*"))
        if each.is_dir() and "params_b" in (weighed := _weigh(each))
    ]
    if (folder / "vae").is_dir():
        arch["vae"] = _autoencoder(folder / "vae")
        sample = next((arch[part].get("sample_size") for part in ("transformer", "unet") if part in arch), None)
        if isinstance(sample, int) and 0 < sample < 4096:
            arch["image_size"] = sample * arch["vae"]["spatial_factor"]
    return {"arch": arch, "model_kind": "diffusion", **words}


def _config(folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").is_file():
        return {}
    found = read_json(folder / "config.json")
    for key in (
        "num_layers",
        "num_single_layers",
        "num_attention_heads",
        "hidden_size",
        "patch_size_t",
        "num_refiner_layers",
    ):
        value = found.get(key)
        if value is not None and not (type(value) is int and 0 <= value <= 10**6):
            raise InputError(
                f"{key} is {str(value)[:40]!r}, no sensible number", place=str(folder / "config.json"), hint=_HINT
            )
    patch = found.get("patch_size")
    sizes = patch if isinstance(patch, list) and patch else [patch]
    if patch is not None and not all(type(each) is int and 0 < each <= 10**4 for each in sizes):
        raise InputError("patch_size is no sensible number", place=str(folder / "config.json"), hint=_HINT)
    return found


def _weigh(folder: Path) -> dict[str, Any]:
    """The words of the weights in a folder: of one set of files where the same weights are kept in several number formats."""
    files = sorted(folder.glob("*.safetensors"))
    plain = [each for each in files if ".fp16" not in each.name and "non_ema" not in each.name]
    tensors: dict[str, Any] = {}
    for each in plain or files:
        tensors |= read_header(each)
    return words_of(tensors, str(folder)) if tensors else {}


def _autoencoder(folder: Path) -> dict[str, Any]:
    config = _config(folder)
    channels = config.get("block_out_channels") or config.get("encoder_block_out_channels") or config.get("dim_mult")
    stages = len(channels) if isinstance(channels, list) and 0 < len(channels) <= 10 else 4
    spatial = config.get("spatial_compression_ratio") or config.get("scale_factor_spatial") or 2 ** (stages - 1)
    made: dict[str, Any] = {"spatial_factor": spatial if type(spatial) is int and 0 < spatial <= 2048 else 8}
    temporal = config.get("temporal_compression_ratio") or config.get("scale_factor_temporal")
    if type(temporal) is int and 0 < temporal <= 64:
        made["temporal_factor"] = temporal
    if type(config.get("base_dim")) is int:
        made["base_dim"] = config["base_dim"]
    weighed = _weigh(folder)
    return made | ({"params_b": weighed["params_b"]} if "params_b" in weighed else {})


def _length(folder: Path) -> int:
    path = folder / "tokenizer_config.json"
    settings: Mapping[str, Any] = read_json(path) if path.is_file() else {}
    length = settings.get("model_max_length")
    return length if type(length) is int and 0 < length <= 100_000 else 77
