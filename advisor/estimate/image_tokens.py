"""How many positions of the language model an image takes, and how many its tower sees, by each family's rule."""

from __future__ import annotations

import math
from collections.abc import Callable

import re2
from msgspec import Struct


class ImageTokens(Struct, frozen=True):
    """One image: `text` positions in the language model, `tower` positions in the vision tower over all its tiles, `tiles`."""

    text: int
    tower: int
    tiles: int = 1


class ImageSettings(Struct, frozen=True):
    """What a user can set: the largest number of slices or tiles, the pixel budget, the tile's side."""

    max_slices: int | None = None
    min_pixels: int | None = None
    max_pixels: int | None = None


def parse_size(text: str) -> tuple[int, int] | None:
    """(width, height) of `448`, `1344x896`, `1344*896`, None when there is none. Video sizes `49x480x720` give the last two."""
    numbers = [int(part) for part in re2.findall(r"\d{2,5}", text)[:4]]
    if len(numbers) >= 3 and re2.search(r"\d+\s*[x*×]\s*\d+\s*[x*×]\s*\d+", text):
        return numbers[2], numbers[1]
    if len(numbers) >= 2 and re2.search(r"\d\s*[x*×]\s*\d", text):
        return numbers[0], numbers[1]
    return (numbers[0], numbers[0]) if numbers else None


def fixed(side: int, patch: int, merge: int = 1, extra: int = 0) -> ImageTokens:
    """A square of `side` pixels: (side / patch / merge)**2 + extra positions."""
    grid = side // patch
    return ImageTokens((grid // merge) ** 2 + extra, grid * grid + extra)


def qwen_vl(
    width: int, height: int, min_pixels: int = 56 * 56, max_pixels: int = 12845056, patch: int = 14, merge: int = 2
) -> ImageTokens:
    """Sides rounded to patch * merge, area kept within the pixel budget; one position per merged patch.

    https://github.com/QwenLM/Qwen2.5-VL/blob/main/qwen-vl-utils/src/qwen_vl_utils/vision_process.py (smart_resize)
    """
    unit = patch * merge
    tall, wide = max(unit, round(height / unit) * unit), max(unit, round(width / unit) * unit)
    if tall * wide > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        tall = max(unit, math.floor(height / shrink / unit) * unit)
        wide = max(unit, math.floor(width / shrink / unit) * unit)
    elif tall * wide < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        tall, wide = math.ceil(height * grow / unit) * unit, math.ceil(width * grow / unit) * unit
    text = (tall // unit) * (wide // unit)
    return ImageTokens(text, text * merge * merge)


def minicpm_v(width: int, height: int, max_slices: int = 9, per_slice: int = 64, side: int = 448) -> ImageTokens:
    """An overview and, above one 448-pixel square of area, as many slices as the area holds, up to max_slice_nums.

    96 positions a slice in MiniCPM-Llama3-V-2.5, 64 in 2.0 and from 2.6 on (query_num of the resampler):
    https://huggingface.co/openbmb/MiniCPM-V-2_6/blob/main/image_processing_minicpmv.py
    """
    slices = min(math.ceil(width * height / (side * side)), max_slices)
    parts = 1 if slices <= 1 else slices + 1
    return ImageTokens(parts * per_slice, parts * (side // 14) ** 2, parts)


def internvl(width: int, height: int, max_tiles: int = 12, side: int = 448, per_tile: int = 256) -> ImageTokens:
    """The grid of 448-pixel tiles whose shape is nearest to the image's, and a thumbnail beside more than one.

    https://huggingface.co/OpenGVLab/InternVL2-8B/blob/main/README.md (dynamic_preprocess)
    """
    best, nearest = (1, 1), math.inf
    for tiles in range(1, max_tiles + 1):
        for wide in range(1, tiles + 1):
            if tiles % wide:
                continue
            tall = tiles // wide
            distance = abs(width / height - wide / tall)
            if distance < nearest or (distance == nearest and width * height > 0.5 * side * side * wide * tall):
                best, nearest = (wide, tall), distance
    count = best[0] * best[1]
    tiles = count + 1 if count > 1 else 1
    return ImageTokens(tiles * per_tile, tiles * (side // 14) ** 2, tiles)


def llava_next(width: int, height: int, side: int = 336, patch: int = 14, max_grid: int = 4) -> ImageTokens:
    """A base image and up to four tiles in a 2x2, 1x2, 2x1, 1x3 or 3x1 grid (anyres), with a newline position per row.

    https://llava-vl.github.io/blog/2024-01-30-llava-next/
    """
    grids = [grid for grid in ((1, 2), (2, 1), (2, 2), (3, 1), (1, 3)) if grid[0] * grid[1] <= max_grid]

    def effective(grid: tuple[int, int]) -> tuple[float, float]:
        wide, tall = grid[0] * side, grid[1] * side
        scale = min(wide / width, tall / height)
        used = min(width * scale * height * scale, width * height)
        return used, -(wide * tall - used)

    wide, tall = max(grids, key=effective)
    base = (side // patch) ** 2
    tiles = wide * tall
    return ImageTokens(base + tiles * base + tall * (side // patch), (tiles + 1) * base, tiles + 1)


def idefics3(width: int, height: int, side: int, per_tile: int, longest: int) -> ImageTokens:
    """The longest edge is scaled to `longest` pixels, cut into tiles of `side`, and an overview is added.

    https://huggingface.co/docs/transformers/model_doc/idefics3, https://huggingface.co/blog/smolvlm
    """
    scale = longest / max(width, height)
    wide = max(1, math.ceil(width * scale / side))
    tall = max(1, math.ceil(height * scale / side))
    tiles = wide * tall + 1 if wide * tall > 1 else 1
    return ImageTokens(tiles * per_tile, tiles * (side // 14) ** 2, tiles)


def phi3_vision(width: int, height: int, crops: int = 16) -> ImageTokens:
    """HD transform: 336-pixel crops, 144 positions each, with separators; an overview of 144.

    https://huggingface.co/microsoft/Phi-3-vision-128k-instruct/blob/main/image_processing_phi3_v.py
    """
    if width < height:
        width, height = height, width
    wide = 1
    while wide * math.ceil(wide * height / width) <= crops:
        wide += 1
    wide -= 1
    tall = max(1, math.ceil(wide * height / width))
    text = (wide * tall + 1) * 144 + 1 + (tall + 1) * 12
    return ImageTokens(text, (wide * tall + 1) * 577, wide * tall + 1)


def pixtral(width: int, height: int, patch: int = 16, longest: int = 1024) -> ImageTokens:
    """One position a patch and one for the end of each row (https://mistral.ai/news/pixtral-12b)."""
    scale = min(1.0, longest / max(width, height))
    wide, tall = math.ceil(width * scale / patch), math.ceil(height * scale / patch)
    return ImageTokens(wide * tall + tall, wide * tall)


Rule = Callable[[int, int, ImageSettings], ImageTokens]
# What a family's processor does; the first pattern that the model's name matches decides.
_RULES: tuple[tuple[str, Rule], ...] = (
    ("qwen3-vl|qwen3vl", lambda w, h, s: qwen_vl(w, h, s.min_pixels or 65536, s.max_pixels or 16777216, 16)),
    ("qwen2|qvq|ui-tars|vlm-r1|mimo-vl", lambda w, h, s: qwen_vl(w, h, s.min_pixels or 3136, s.max_pixels or 12845056)),
    ("qwen-vl", lambda w, h, s: ImageTokens(256, 1024)),
    ("minicpm.*(llama3|2[._]5)", lambda w, h, s: minicpm_v(w, h, s.max_slices or 9, 96)),
    ("minicpm", lambda w, h, s: minicpm_v(w, h, s.max_slices or 9, 64)),
    ("omnilmm", lambda w, h, s: ImageTokens(64, 1024)),
    ("internvl|h2ovl|mono-internvl", lambda w, h, s: internvl(w, h, s.max_slices or 12)),
    ("nanovlm-222m", lambda w, h, s: fixed(224, 16, 2)),
    ("nanovlm", lambda w, h, s: fixed(512, 16, 4)),
    ("smolvlm2?-(256m|500m)", lambda w, h, s: idefics3(w, h, 512, 64, 2048)),
    ("smolvlm", lambda w, h, s: idefics3(w, h, 384, 81, 1536)),
    ("idefics3", lambda w, h, s: idefics3(w, h, 364, 169, 1456)),
    ("idefics2", lambda w, h, s: ImageTokens(64, 4900)),
    ("phi-?3\\.?5?-vision|phi-3-v", lambda w, h, s: phi3_vision(w, h, s.max_slices or 16)),
    ("paligemma.*896", lambda w, h, s: fixed(896, 14)),
    ("paligemma.*448", lambda w, h, s: fixed(448, 14)),
    ("paligemma|pi0|openpi", lambda w, h, s: fixed(224, 14)),
    ("gemma-?3", lambda w, h, s: ImageTokens(256, 4096)),
    ("gr00t-?n1(-2b|$| )", lambda w, h, s: fixed(224, 14, 2)),
    ("gr00t", lambda w, h, s: fixed(224, 14)),
    ("eagle", lambda w, h, s: internvl(w, h, s.max_slices or 12)),
    ("openvla|prismatic", lambda w, h, s: ImageTokens(256, 2 * 256)),
    ("cogvlm2", lambda w, h, s: fixed(1344, 14, 2, 2)),
    ("cogvlm|cogagent", lambda w, h, s: ImageTokens(1227, 1225)),
    ("glm-4\\.[15]v", lambda w, h, s: qwen_vl(w, h, 12544, 9633792)),
    ("glm-4v", lambda w, h, s: fixed(1120, 14, 2, 2)),
    ("llava.*(next|1[._]6|v1[._]6|onevision)", lambda w, h, s: llava_next(w, h)),
    ("pixtral|mistral-small", lambda w, h, s: pixtral(w, h)),
    ("llama-3\\.2.*vision", lambda w, h, s: ImageTokens(0, 4 * 1601, 4)),
    ("deepseek-vl2", lambda w, h, s: internvl(w, h, s.max_slices or 9, 384, 196)),
    ("deepseek-vl|janus", lambda w, h, s: ImageTokens(576, 576)),
    ("yi-vl", lambda w, h, s: fixed(448, 14)),
    ("llava|vicuna|vip-llava|bunny|mobilevlm", lambda w, h, s: fixed(336, 14)),
)
_COMPILED = tuple((re2.compile(pattern), rule) for pattern, rule in _RULES)


def image_tokens(model: str, width: int, height: int, settings: ImageSettings | None = None) -> ImageTokens | None:
    """Positions of one image of `width` x `height` pixels for the model of that name, None for a family without a rule."""
    name = model.lower()
    for pattern, rule in _COMPILED:
        if pattern.search(name):
            return rule(width, height, settings or ImageSettings())
    return None
