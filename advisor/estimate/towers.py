"""A model as a chain of towers (vision, audio, text, action head): what each weighs, how many positions it sees, whether it learns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2
from msgspec import Struct

from advisor.estimate.decoder import Parts, decoder_of, text_config
from advisor.estimate.image_tokens import ImageSettings, ImageTokens, image_tokens, parse_size
from advisor.estimate.inference import Decoder
from advisor.estimate.spec import RunSpec

Config = Mapping[str, Any]
_DEFAULT_SIDE = {"qwen": 896, "minicpm": 1344, "internvl": 896}
ADDED = frozenset(
    {"adapter", "adapter_v2", "ia3", "prompt_tuning", "p_tuning", "prefix_tuning", "bitfit", "vera", "oft", "boft"}
)
"""Methods that train small parts added to a frozen model, without low-rank pairs."""
_PROMPT = 64
"""Text tokens around the image of a robot's instruction."""
_ANSWER = 512
"""Text tokens beside the images of a chat sample, where no length is stated."""


class Tower(Struct, frozen=True):
    """Equal layers over `positions` of one sample.

    Attributes:
        params: weights (count). heads: for eager scores. kv: width of keys and of values. gated: SwiGLU or GeGLU.
        trained: all its weights learn. adapted: it carries adapters.
        eager_span: positions that see each other through unfused attention (one tile of an image), 0 where a kernel is fused.
    """

    name: str
    params: float
    hidden: int
    layers: int
    heads: int
    kv: int
    ffn: int
    gated: bool
    positions: float
    trained: bool
    adapted: bool = False
    eager_span: float = 0.0

    @property
    def learns(self) -> bool:
        return self.trained or self.adapted


def int_of(config: Config, *names: str, default: int = 0) -> int:
    """The first of the names that the configuration has a number (or numbers by stage, then the last) for."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value)
        if isinstance(value, list | tuple) and value and isinstance(value[-1], int):
            return int(value[-1])
    return default


def _frozen(run: RunSpec, name: str) -> bool:
    words = {
        "vision": ("vision", "visual", "vit", "vision_tower"), "text": ("text", "llm", "language_model", "backbone"),
        "head": ("head", "action_head", "diffusion_model"), "projector": ("projector", "aligner", "connector"),
    }[name]  # fmt: skip
    return any(word in run.frozen for word in words)


def images_of(run: RunSpec, config: Config) -> ImageTokens | None:
    """The images of one sample by the family's rule, or as the run states them."""
    tower = config.get("vision_config")
    if not isinstance(tower, Mapping):
        return None
    words = " ".join(str(run.words.get(name) or "") for name in ("image_resolution", "image"))
    slices = re2.search(r"max_slice_nums\D{0,3}(\d+)|max_(?:dynamic_patch|num)\D{0,3}(\d+)", words)
    budget = re2.search(r"(?i)max_pixels\D{0,3}(\d+)", words)
    most = next((int(group) for group in slices.groups() if group), 0) if slices else 0
    pixels = int(budget.group(1)) if budget else 0
    settings = ImageSettings(max_slices=most or None, max_pixels=pixels or None)
    # A model from its files may have no name; its type says the family as well.
    name = f"{run.hf_id} {run.model}".strip() or str(config.get("model_type") or "").replace("_", "-")
    family = next((side for word, side in _DEFAULT_SIDE.items() if word in name.lower()), 448)
    size = (int(pixels**0.5), int(pixels**0.5)) if pixels else None if most else parse_size(words)
    wide, tall = size or ((1344, 1344) if most else (family, family))
    found = image_tokens(name, wide, tall, settings)
    if found is None:
        side, patch = int_of(tower, "image_size", default=336), int_of(tower, "patch_size", default=14)
        grid = (side // patch) ** 2
        found = ImageTokens(grid, grid)
    count = images_per_sample(run, config)
    text = run.image_tokens or found.text * count
    seen = run.vision_tokens * count if run.vision_tokens else found.tower * count
    return ImageTokens(text, seen, found.tiles * count)


def seen(run: RunSpec, config: Config) -> RunSpec:
    """The run with its images' positions in the tower and in the language model, where they were not stated."""
    images = images_of(run, config)
    if images is None or run.vision_tokens or run.image_grid or run.image_tokens:
        return run
    count = images_per_sample(run, config)
    run = run.changed(images_per_sample=count)
    tower = config["vision_config"]
    own = (int_of(tower, "image_size", default=336) // int_of(tower, "patch_size", default=14)) ** 2
    if round(images.tower / count) == own:
        return run  # the tower's own size, with its class token
    return run.changed(vision_tokens=round(images.tower / count), image_tokens=round(images.text / count))


def images_per_sample(run: RunSpec, config: Config) -> int:
    """Images of a sample: as stated, else as many as the model always gets (the cameras of a robot), else one."""
    stated = run.images_per_sample if "images_per_sample" in run.words else int_of(config, "num_images", default=1)
    return max(1, stated)


def sequence_of(run: RunSpec, kind: str, images: ImageTokens | None, config: Config) -> tuple[int, bool]:
    """Tokens of a sample's sequence, and whether they are stated; else the images' and the usual text beside them.

    An audio encoder always sees its whole window (Whisper: 30 seconds, 1500 positions), and no model more positions than it has.
    """
    if "seq_len" not in run.assumed:
        return run.seq_len, True
    window = int_of(config, "max_source_positions")
    if kind == "speech" and window:
        return window, True
    if kind == "vla":
        return (images.text if images else 256) + _PROMPT, False
    if images is not None:
        return images.text + _ANSWER, False
    most = int_of(text_config(config), "max_position_embeddings", "n_positions")
    return (min(run.seq_len, most) if most > 1 else run.seq_len), False


def _eager_span(run: RunSpec, vision: Config, images: ImageTokens | None) -> float:
    """Positions of one tile where the tower's own code has no fused kernel but flash attention, and that was not asked for."""
    if images is None or vision.get("_attn_implementation") != "eager" or run.words.get("attention") == "flash":
        return 0.0
    return float(images.tower) / max(1, images.tiles)


def towers_of(run: RunSpec, config: Config, params_b: float, kind: str) -> tuple[list[Tower], Decoder, Parts, int]:
    """The chain of towers in the order of the forward pass, the decoder, the weights by part, and the sequence length."""
    decoder, parts = decoder_of(config, params_b)
    images = images_of(run, config)
    length, _ = sequence_of(run, kind, images, config)
    whole = not run.adapters and run.method not in ADDED
    chain: list[Tower] = []
    head = config.get("action_head_config") or config.get("action_expert_config")
    # An action expert that runs inside of the language model's layers gets adapters as those do, and the tower learns in whole
    # (https://github.com/Physical-Intelligence/openpi/blob/main/src/openpi/models/pi0_config.py, get_freeze_filter).
    beside = run.adapters and isinstance(config.get("action_expert_config"), Mapping)
    vision = config.get("vision_config")
    tower_weights = 0.0
    everywhere = run.adapters and run.lora_targets in ("all-linear", "all")
    if isinstance(vision, Mapping):
        hidden = int_of(vision, "hidden_size", "embed_dim", "width", default=1024)
        layers = int_of(vision, "num_hidden_layers", "depth", "layers", default=24)
        ffn = int_of(vision, "intermediate_size", "mlp_dim", default=int(hidden * float(vision.get("mlp_ratio") or 4)))
        tower_weights = float(layers * (4 * hidden * hidden + 2 * hidden * ffn))
        named = run.words.get("lora_targets")
        learns = whole or beside or (isinstance(named, str) and "vision tower trainable" in named)
        adapted = everywhere and kind == "vla" and not isinstance(head, Mapping)
        chain.append(Tower("vision", tower_weights, hidden, layers, int_of(vision, "num_attention_heads", "num_heads", default=16), hidden,
                           ffn, False, float(images.tower if images else 0),
                           learns and not _frozen(run, "vision"), adapted, _eager_span(run, vision, images)))  # fmt: skip
    inner = text_config(config)
    _, counted = decoder_of(inner, 0.0)
    head_weights = max(0.0, parts.total - counted.total - tower_weights)
    text_weights = counted.total if isinstance(head, Mapping) or tower_weights else parts.total
    kv = decoder.cache.kv_heads * decoder.cache.head_dim if not decoder.cache.latent else decoder.hidden
    adapted_text = not whole and (beside or not isinstance(head, Mapping))
    chain.append(Tower("text", text_weights, decoder.hidden, decoder.layers, decoder.heads, kv, decoder.ffn, decoder.gated,
                       float(length), whole and not _frozen(run, "text"), adapted_text))  # fmt: skip
    if isinstance(head, Mapping):
        width = int_of(head, "hidden_size", default=1024)
        inner_width = int_of(head, "num_attention_heads", default=8) * int_of(
            head, "attention_head_dim", default=width // 8
        )
        layers = int_of(head, "num_layers", "num_hidden_layers", default=16)
        steps = float(int_of(head, "action_horizon", default=int_of(config, "chunk_size", default=16)) + 1)
        chain.append(Tower("head", head_weights, max(width, inner_width), layers, int_of(head, "num_attention_heads", default=8),
                           max(width, inner_width), int_of(head, "intermediate_size", default=4 * inner_width), False, steps,
                           whole and not _frozen(run, "head"), run.adapters))  # fmt: skip
    elif head_weights > 0 and tower_weights:
        chain.insert(1, Tower("projector", head_weights, decoder.hidden, 0, 1, decoder.hidden, decoder.hidden, False,
                              float(images.text if images else 0), whole and not _frozen(run, "projector")))  # fmt: skip
    return chain, decoder, parts, length


def trained_weights(chain: list[Tower]) -> float:
    """Weights of the towers that learn in whole."""
    return sum(tower.params for tower in chain if tower.trained)


def adapter_inputs(run: RunSpec, gated: bool) -> tuple[int, int]:
    """How many inputs of h and of f elements the adapters of one layer have: q, k, v, o, gate, up take h, down takes f."""
    if not run.adapters:
        return 0, 0
    targets = run.lora_targets if isinstance(run.lora_targets, str) else ",".join(run.lora_targets)
    words = targets.lower().replace(" ", "")
    if words in ("q,v", "qv", "query,value", "q_proj,v_proj"):
        return 2, 0
    if words in ("c_attn", "w_pack", "qkv", "query_key_value", "linear_qkv"):
        return 1, 0
    if "attn" in words or words in ("attention", "q,k,v,o", "linear_qkvlinear_proj"):
        return 4, 0
    return (6 if gated else 5), 1


def adapter_weights(run: RunSpec, chain: list[Tower]) -> float:
    """Weights of low-rank adapters: rank * (in + out) of each layer that carries one."""
    targets = run.lora_targets if isinstance(run.lora_targets, str) else ",".join(run.lora_targets)
    words = targets.lower().replace(" ", "")
    if run.method in ADDED:
        return sum(tower.params for tower in chain if tower.adapted) * 0.0006
    total = 0.0
    for tower in chain:
        if not tower.adapted:
            continue
        h, f, kv = tower.hidden, tower.ffn, tower.kv
        if words in ("q,v", "qv", "query,value", "q_proj,v_proj"):
            width = 2 * h + (h + kv)
        elif words in ("c_attn", "w_pack", "attention", "qkv", "query_key_value", "linear_qkv"):
            width = h + (h + 2 * kv)
        elif "attn" in words or "q,k,v,o" in words or words == "linear_qkvlinear_proj":
            width = 2 * h + 2 * (h + kv) + 2 * h
        else:
            width = 2 * h + 2 * (h + kv) + 2 * h + (3 if tower.gated else 2) * (h + f)
        total += run.lora_rank * tower.layers * width
    return total


def saved_modules(run: RunSpec, decoder: Decoder) -> float:
    """Weights trained in whole beside adapters (PEFT's modules_to_save): embeddings and head where the targets name them."""
    targets = run.lora_targets if isinstance(run.lora_targets, str) else ",".join(run.lora_targets)
    words = targets.lower()
    if not run.adapters or ("save" not in words and "trainable" not in words):
        return 0.0
    named = sum(any(word in words for word in each) for each in (("wte", "embed"), ("lm_head", "output_layer")))
    return float(named * decoder.vocab * decoder.hidden)
