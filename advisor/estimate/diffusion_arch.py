"""A diffusion model as its memory sees it: blocks, tokens of an image or a video, text encoders, autoencoder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import re2
from msgspec import Struct

Config = Mapping[str, Any]


class Block(Struct, frozen=True):
    """What one kind of block keeps, in hidden vectors of 16 bits a token (knowledge/diffusion_blocks.yaml)."""

    name: str
    joint: bool
    kept_lora: float
    kept_full: float
    backward_lora: float
    backward_full: float
    infer: float
    out: float
    linear_in: float

    def kept(self, full: bool) -> float:
        return self.kept_full if full else self.kept_lora

    def backward(self, full: bool) -> float:
        return self.backward_full if full else self.backward_lora


class Unet(Struct, frozen=True):
    """Elements of 16 bits that a UNet keeps for each position of its latent image.

    linear: share of the weights in linear layers. linear_in: elements that go into those, for each position.
    lora: weights of adapters on the attention projections for each unit of their rank.
    """

    kept_lora: float
    kept_full: float
    checkpointed: float
    recompute: float
    infer: float
    linear: float
    linear_in: float
    lora: float


class Autoencoder(Struct, frozen=True):
    """Elements of 16 bits a pixel of the frames in work; `whole_video`: all frames at once (up to `most_frames`, 0 = any), else a chunk."""

    params: float
    decode: float
    encode: float
    whole_video: bool
    most_frames: int = 0
    decode_image: float = 0.0

    def per_pixel(self, frames: int) -> float:
        """Elements a pixel that decoding holds, of an image or of a video."""
        return self.decode_image if frames <= 1 and self.decode_image else self.decode

    def frames(self, count: int) -> int:
        """How many frames it works on at once, of a video of `count`; the table's figure of a chunk is that of one frame."""
        return min(count, self.most_frames or count) if self.whole_video else 1


class Shape(Struct, frozen=True):
    """A sample: width and height in pixels, frames (1 for an image)."""

    width: int
    height: int
    frames: int = 1

    @property
    def pixels(self) -> int:
        return self.width * self.height


class DiffusionModel(Struct, frozen=True):
    """The denoiser and its companions.

    Attributes:
        params: of the denoiser (count). text_params: of all text encoders. text_embeddings: those of them in embeddings.
        text_tokens: tokens of a prompt.
        blocks: kinds of block and how many of each. refiners: blocks like the first kind that are never checkpointed, over image
            and text tokens alike. hidden: width. stem: hidden vectors kept outside the blocks.
        cell: pixels on the side of a token. temporal: frames of a latent frame. time_patch: latent frames of a token.
    """

    name: str
    params: float
    text_params: float
    text_tokens: int
    hidden: int
    blocks: tuple[tuple[Block, int], ...]
    refiners: int
    stem: float
    cell: int
    temporal: int
    time_patch: int
    vae: Autoencoder
    latent_factor: int
    unet: Unet | None = None
    known: bool = True
    text_embeddings: float = 0.0

    def tokens(self, shape: Shape) -> int:
        """Image or video tokens: ceil(w / cell) * ceil(h / cell) * latent frames / time_patch."""
        frames = 1 if shape.frames <= 1 else (shape.frames - 1) // self.temporal + 1
        return (
            math.ceil(shape.width / self.cell)
            * math.ceil(shape.height / self.cell)
            * math.ceil(frames / self.time_patch)
        )

    def latents(self, shape: Shape) -> float:
        """Positions of the latent image."""
        return shape.pixels / self.latent_factor**2 * max(1, shape.frames)


def shape_of(words: str, default: object, frames: object = None) -> tuple[Shape, bool]:
    """The size in `words` (`1024x1024`, `832x480, 81f`, `49x480x720`, `480 pixel-area ... 48 frames`), else the model's own.

    Returns the shape and whether it was in the words.
    """
    count = int(frames) if isinstance(frames, int | float) and frames else 1
    found = re2.search(r"(\d+)\s*(?:f\b|frames)", words)
    if found:
        count = int(found[1])
    video = re2.search(r"(\d{1,3})\s*[x×*]\s*(\d{3,4})\s*[x×*]\s*(\d{3,4})", words)
    if video:
        return Shape(int(video[3]), int(video[2]), int(video[1])), True
    size = re2.search(r"(\d{2,4})\s*[x×*]\s*(\d{2,4})|(\d{3,4})\s*(?:px|p\b|pixel|$)", words)
    if size:
        wide, tall = (size[1], size[2]) if size[1] else (size[3], size[3])
        return Shape(int(wide), int(tall), count), True
    if isinstance(default, str):
        own, _ = shape_of(default, 1024)
        return Shape(own.width, own.height, count), False
    own_side = int(default) if isinstance(default, int | float) and default else 1024
    return Shape(own_side, own_side, count), False


def _block(name: str, row: Config) -> Block:
    return Block(
        name, row["tokens"] == "joint", float(row["kept_lora"]), float(row["kept_full"]), float(row["backward_lora"]),
        float(row["backward_full"]), float(row["infer"]), float(row["out"]), float(row["linear_in"]),
    )  # fmt: skip


def _variants(recipe: list[tuple[str, int]], part: Config, table: Config) -> list[tuple[str, int]]:
    """The recipe with those blocks replaced that the configuration says are built otherwise."""
    made: list[tuple[str, int]] = []
    for block, count in recipe:
        kinds = table.get("variants", {}).get(block) or {}
        dual = min(count, int(part.get("dual_attention_layers") or 0)) if "dual_attention_layers" in kinds else 0
        if dual:
            made.append((str(kinds["dual_attention_layers"]), dual))
        made.append((str(kinds["qk_norm"]) if "qk_norm" in kinds and part.get("qk_norm") else block, count - dual))
    return made


def _recipe(kind: str, part: Config, table: Config) -> list[tuple[str, int]]:
    """Blocks and counts by `model_type`, else by the shape of the configuration."""
    return _variants(_plain_recipe(kind, part, table), part, table)


def _plain_recipe(kind: str, part: Config, table: Config) -> list[tuple[str, int]]:
    for name, row in table["models"].items():
        if kind == name or (kind.startswith(name) and kind not in table["models"]):
            return [(block, int(part.get(count) or 0)) for block, count in row]
    layers = int(part.get("num_layers") or 0)
    if part.get("num_single_layers"):
        return [("flux_double", layers), ("flux_single", int(part["num_single_layers"]))]
    return [("mmdit" if part.get("joint_attention_dim") else "wan" if part.get("patch_size_t") else "pixart", layers)]


def _text(kind: str, encoders: list[Config]) -> tuple[float, int]:
    lengths = [int(row.get("max_length") or 0) for row in encoders]
    params = 1e9 * sum(float(row.get("params_b") or 0) for row in encoders)
    if kind == "stable_diffusion_3":
        return params, 77 + max(lengths, default=0)
    if kind == "hunyuan_video15":
        return params, sum(lengths) + 729
    return params, max(lengths, default=77)


def _embeddings(encoders: list[Config], vocabularies: Config) -> float:
    """Weights of the text encoders' embeddings: vocabulary * hidden size of each."""
    return float(
        sum(int(vocabularies.get(str(row.get("name"))) or 0) * int(row.get("hidden_size") or 0) for row in encoders)
    )


def _autoencoder(kind: str, vae: Config, table: Config) -> Autoencoder:
    rows = table["autoencoders"]
    if kind.startswith("cogvideo"):
        name = "cogvideox"
    elif vae.get("base_dim"):
        name = "wan"
    elif kind.startswith("ltx"):
        name = "ltx_video"
    elif vae.get("temporal_factor"):
        name = "hunyuan"
    else:
        name = "sana" if int(vae.get("spatial_factor") or 8) >= 32 else "image"
    row = rows[name]
    return Autoencoder(
        1e9 * float(vae.get("params_b") or 0.084),
        float(row["decode"]),
        float(row["encode"]),
        bool(row.get("whole_video")),
        int(row.get("most_frames") or 0),
        float(row.get("decode_image") or 0.0),
    )


def diffusion_model(name: str, params_b: float, config: Config, table: Config) -> DiffusionModel:
    """The model of a catalogue entry's `config` (or one of the same form), with blocks from the table.

    A model of unknown architecture gets one of the common width for its size: blocks of 16 h**2 weights, 28 of them.
    """
    kind = str(config.get("model_type") or "")
    part: Config = config.get("transformer") or config.get("unet") or {}
    vae: Config = config.get("vae") or {}
    text_params, text_tokens = _text(kind, list(config.get("text_encoders") or ()))
    params = 1e9 * params_b
    unet_row = table["unets"].get(
        "stable_diffusion_xl" if kind in ("kolors", "stable_diffusion_xl") else "stable_diffusion"
    )
    is_unet = "block_out_channels" in part
    hidden = int(part.get("hidden_size") or 0) or _heads_width(part)
    recipe = [] if is_unet else _recipe(kind, part, table)
    known = is_unet or (hidden > 0 and sum(count for _, count in recipe) > 0)
    if not known:
        layers = 28
        hidden = int(math.sqrt(params / (16 * layers)) / 64 + 1) * 64
        recipe = [("pixart", layers)]
    refiner = table["refiners"].get(kind) or {"checkpointed": True}
    spatial, pack = int(vae.get("spatial_factor") or 8), int(part.get("latent_pack") or 1)
    patch = part.get("patch_size") or (1 if is_unet else 2)
    return DiffusionModel(
        name=name, params=params, text_params=text_params, text_tokens=text_tokens, hidden=hidden,
        blocks=tuple((_block(block, table["blocks"][block]), count) for block, count in recipe if count),
        refiners=0 if refiner["checkpointed"] else int(part.get("num_refiner_layers") or 0),
        stem=float(table["stem"]), cell=spatial * pack * int(patch if isinstance(patch, int | float) else patch[-1]),
        temporal=int(vae.get("temporal_factor") or 1), time_patch=int(part.get("patch_size_t") or 1),
        vae=_autoencoder(kind, vae, table), latent_factor=spatial,
        unet=Unet(**{key: float(unet_row[key]) for key in Unet.__struct_fields__})
        if is_unet else None,
        known=known, text_embeddings=_embeddings(list(config.get("text_encoders") or ()), table.get("text_vocabularies", {})),
    )  # fmt: skip


def _heads_width(part: Config) -> int:
    heads, width = part.get("num_attention_heads"), part.get("attention_head_dim")
    return int(heads) * int(width) if isinstance(heads, int) and isinstance(width, int) else 0
