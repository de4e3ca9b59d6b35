"""An inference run as a footprint: weights, cache, activations of the prompt, and what the engine does with its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

from advisor.estimate import inference, interval, kv_cache, process
from advisor.estimate.decoder import Parts, decoder_of
from advisor.estimate.footprint import Footprint
from advisor.estimate.image_tokens import ImageTokens
from advisor.estimate.spec import RunSpec
from advisor.estimate.towers import images_of, int_of, sequence_of
from advisor.estimate.weight_formats import PLAIN_BYTES, StoredWeights, WeightFormat, stored_weights
from advisor.facts import FactValue

_NEW_TOKENS = 2048
"""Where a length is stated as one number, up to so many of its tokens are generated and the rest is the prompt."""
SERVERS = frozenset({"vllm", "sglang", "tgi", "lmdeploy", "tensorrt", "tensorrt-llm"})
LLAMA_CPP = frozenset({"llama.cpp", "ollama", "koboldcpp", "lmstudio", "llama-cpp-python"})
# Models of 2023, whose published figures are of Transformers before 4.36, and of the first three quarters of 2024, before 4.45.
_TUPLE_ERA = re2.compile(
    r"(?i)(^|/)(llama-?(2|[0-9]+b)|llama-2|codellama|vicuna|alpaca|qwen-(vl|1[._]8b|7b|14b|72b)|baichuan|falcon|mpt|bloom|opt-|gpt-?(2|j|neo)"
    r"|pythia|dolly|chatglm|internlm-|stablelm-(base|tuned)-alpha|mistral-7b-v0\.1|mistral-7b-instruct-v0\.[12]|yi-(6|34)b|xgen|redpajama)"
)
_DYNAMIC_ERA = re2.compile(
    r"(?i)(^|/)(qwen1\.5|qwen2-|gemma-(2b|7b|2-)|meta-llama-3-|llama-3-|phi-(2|3)|mistral-7b|mixtral|deepseek-v2|internlm2|glm-4|cogvlm2"
    r"|minicpm|starcoder2|olmo-|stablelm-2|yi-1\.5|command-r)"
)


# How far a server's weights, and its activations and context, may be off; what they take more, the cache has less.
_UNSURE_WEIGHTS, _UNSURE_REST = 0.01, 0.3


def engine_of(run: RunSpec, fmt: WeightFormat | None) -> tuple[inference.Engine, str]:
    """The engine's habits, from the versions stated, else from the time of the model; and what was assumed."""
    if run.workload == "prefill+decode" and fmt is not None and fmt.name == "awq4":
        return inference.FUSED_AWQ, ""
    version = re2.search(r"(\d+)\.(\d+)", str(run.words.get("framework_version", "")))
    if version and run.framework in ("transformers", "peft", "trl", ""):
        number = (int(version.group(1)), int(version.group(2)))
        return (
            inference.MODERN
            if number >= (4, 45)
            else inference.DYNAMIC_CACHE
            if number >= (4, 36)
            else inference.TUPLE_CACHE
        ), ""
    if run.framework in LLAMA_CPP or run.framework in SERVERS:
        return inference.Engine(static_cache=True), ""
    name = run.hf_id or run.model.replace(" ", "-")
    if _TUPLE_ERA.search(name):
        return inference.TUPLE_CACHE, "transformers before 4.36"
    if _DYNAMIC_ERA.search(name):
        return inference.DYNAMIC_CACHE, "transformers 4.36 to 4.44"
    return inference.MODERN, ""


def split_lengths(run: RunSpec) -> tuple[int, int]:
    """Tokens of the prompt and generated tokens."""
    total = max(1, run.seq_len)
    if run.workload in ("prefill", "forward"):
        return max(1, total - (1 if run.workload == "prefill" else 0)), 1
    if run.workload == "prefill+decode":
        return max(1, total // 2), max(1, total // 2)
    new = min(_NEW_TOKENS, total - 1) if total > 1 else 1
    return max(1, total - new), new


def _loaded(run: RunSpec, parts: Parts, fmt: WeightFormat | None, largest: float) -> StoredWeights:
    plain = PLAIN_BYTES.get(run.precision, 2.0)
    if run.precision.startswith("amp"):
        plain = 2.0
    return stored_weights(parts.linear, parts.head, parts.rest, plain, fmt, largest)


_WEIGHTS = "params * bytes on average"


def _each(parts: Parts, stored: StoredWeights, share: float) -> dict[str, FactValue]:
    """What stands for the symbols of the weights' formula."""
    each: dict[str, FactValue] = {
        "params": parts.total,
        "bytes": round(stored.total / parts.total, 4) if parts.total else 0.0,
    }
    return each if share == 1.0 else {**each, "share": round(share, 4)}


def serve(
    run: RunSpec,
    config: Mapping[str, Any],
    params_b: float,
    fmt: WeightFormat | None,
    capacity: float | None,
    arch: str,
    share: float = 1.0,
    kind: str = "",
) -> Footprint:
    """The footprint of an inference run on one device.

    Args:
        config: of the model, in Hugging Face terms. params_b: its weights in billions, 0 when the configuration counts.
        capacity: of the card in bytes, where known. arch: the card's architecture.
        share: of weights and cache on this device (tensor parallel, device map). kind: the model's.
    """
    decoder, parts = decoder_of(config, params_b)
    largest = max(decoder.largest_linear, parts.head if fmt is not None and fmt.covers != "linear" else 0.0)
    stored = _loaded(run, parts, fmt, largest)
    element = 4.0 if run.precision == "fp32" else 2.0
    cache_type = str(run.words.get("kv_cache_dtype") or "auto").lower()
    cache_element = kv_cache.CACHE_BYTES.get(cache_type, 2.0) if cache_type != "auto" else element
    made = Footprint(doubts=interval.causes("engine"))
    engine, era = engine_of(run, fmt)
    if era:
        made.assumed["framework_version"] = era
        made.doubts |= interval.causes("framework_version")
    if run.framework in SERVERS and capacity:
        made.formulas["weights"] = _WEIGHTS, _each(parts, stored, share)
        return _served(run, made, decoder, stored.total * share, capacity, arch, cache_element, share)
    made.add("weights", stored.total * share, _WEIGHTS, **_each(parts, stored, share))
    made.add("workspace", process.cublas_bytes(arch), "cuBLAS workspace")
    load_peak = (stored.total + stored.loading) * share
    if engine is inference.FUSED_AWQ and fmt is not None:
        load_peak += fmt.bytes_per_weight * decoder.qkv_weights * share
    made.phases = {"load": load_peak}
    if run.workload == "load":
        made.unused = ("batch_size", "seq_len")
        _raise_to(made, load_peak, "load")
        return made
    images = images_of(run, config)
    length, _ = sequence_of(run, kind, images, config)
    prompt, new = split_lengths(run.changed(seq_len=length))
    if images is not None:
        prompt = max(prompt, images.text)
    if kind == "encoder" or (run.workload == "forward" and kind in ("encoder", "vision")):
        made.add(
            "activations", inference.mlp_bytes(decoder, run.batch_size * length, element), "the feed-forward of a layer"
        )
        made.phase = "forward"
        made.phases["forward"] = made.allocated
        return made
    if run.framework in LLAMA_CPP:
        return _llama_cpp(run, made, decoder, stored.total, cache_element)
    if engine.static_cache and run.workload == "prefill+decode":
        cached = kv_cache.cache_bytes(decoder.cache, new, run.batch_size, cache_element)
        acts = inference.prefill_bytes(decoder, engine, run.batch_size, prompt, element)
        phase = "prefill"
    else:
        made_by = inference.generation_bytes(decoder, engine, run.batch_size, prompt, new, element, cache_element)
        phase, acts, cached = made_by.peak
        made.phases |= {
            "prefill": stored.total * share + sum(made_by.prefill),
            "decode": stored.total * share + sum(made_by.decode),
        }
    made.phase = phase
    made.add("kv_cache", cached * share, "sequences * tokens * bytes that a token takes in all layers",
             sequences=run.batch_size, tokens=prompt + new,
             bytes=round(cached * share / max(1, run.batch_size * (prompt + new))))  # fmt: skip
    acts = max(acts, tower_bytes(config, images, run.batch_size, element))
    made.add("activations", acts, "the largest moment of a layer, of the head, or of the tower", prompt=prompt)
    if fmt is not None:
        made.add(
            "dequantised",
            inference.dequantised_layer(fmt.name, decoder.largest_linear),
            "2 bytes * the largest linear layer",
        )
    if run.image_tokens or parts.tower:
        made.doubts |= interval.causes("images")
    if made.allocated < load_peak:
        _raise_to(made, load_peak, "load")
    made.cached = process.CACHED_INFERENCE
    return made


def tower_bytes(config: Mapping[str, Any], images: ImageTokens | None, batch: int, element: float) -> float:
    """A layer of the vision tower over all tiles of the batch: e * positions * (4 h + 2 f)."""
    tower = config.get("vision_config")
    if images is None or not isinstance(tower, Mapping):
        return 0.0
    hidden = int_of(tower, "hidden_size", "embed_dim", default=1024)
    wide = int_of(tower, "intermediate_size", default=4 * hidden)
    return element * batch * images.tower * (4 * hidden + 2 * wide)


def _raise_to(made: Footprint, peak: float, phase: str) -> None:
    weights = made.parts.get("weights", 0.0)
    made.parts = {name: count for name, count in made.parts.items() if name in ("weights", "workspace")}
    made.add("loading", peak - weights, "the largest layer in 16 bits, twice, while it is quantised; fused copies")
    made.phase = phase


def _served(
    run: RunSpec,
    made: Footprint,
    decoder: inference.Decoder,
    weights: float,
    capacity: float,
    arch: str,
    element: float,
    share: float,
) -> Footprint:
    """A server fills its share of the card, whatever the requests."""
    stated = run.words.get("gpu_memory_utilization")
    fraction = (
        float(stated) if isinstance(stated, int | float) and stated else kv_cache.SERVER_SHARE.get(run.framework, 0.9)
    )
    if not stated:
        made.assumed["gpu_memory_utilization"] = fraction
    tokens = 8192.0
    acts = inference.mlp_bytes(decoder, tokens, 2.0) * 0.5 + inference.logits_bytes(decoder, 256, 1, 2.0, False)
    graphs = kv_cache.cuda_graph_bytes(decoder.layers, decoder.hidden, 256)
    context = process.context_bytes(arch, run.framework)
    per_token = kv_cache.cache_bytes(decoder.cache, 1, 1, element) * share
    served = kv_cache.server_memory(run.framework, fraction, capacity, weights, acts, graphs, context, per_token)
    made.add("weights", weights)
    made.add("activations", acts, "a full batch of 8192 tokens and its logits")
    made.add("cuda_graphs", graphs, "captured batch sizes * kernel nodes")
    made.add(
        "kv_cache",
        served.cache,
        "share * capacity - weights - activations - context",
        share=fraction,
        capacity=round(capacity / 2**30, 2),
        context=round(context / 2**30, 2),
        tokens=round(served.tokens),
        bytes_per_token=round(per_token),
    )
    made.phase = "serve"
    if served.cache > 0:  # whatever the parts are, the cache takes the rest of the share
        made.doubts = interval.causes("server_share")
    made.unused = ("batch_size", "seq_len")
    made.held = served.held
    made.cached = 0.0
    needed = float(run.words.get("max_model_len") or run.seq_len)
    stated = run.words.get("kv_cache_tokens")
    enough = isinstance(stated, int | float) and needed <= stated  # the server itself said so
    missing = (needed - served.tokens) * per_token
    if missing > 0 and not enough:
        made.warnings.append(
            f"the cache holds {served.tokens:.0f} tokens, fewer than the longest sequence of {needed:.0f}"
        )
        made.add("kv_cache", missing, "share * capacity - weights - activations - context, and what one sequence lacks")
        made.held = max(served.held, capacity * 1.0001 + missing)
    elif enough or -missing > _UNSURE_WEIGHTS * weights + _UNSURE_REST * (acts + context):
        made.ceiling = made.allocated  # what the estimate is off by, the cache takes or gives
    return made


def _llama_cpp(run: RunSpec, made: Footprint, decoder: inference.Decoder, weights: float, element: float) -> Footprint:
    """llama.cpp: layers on the card, their cache for the whole context, which all slots share, and a compute buffer for 512 tokens.

    https://github.com/ggml-org/llama.cpp/blob/master/src/llama-context.cpp (graph reserve)
    """
    layers = run.words.get("gpu_layers")
    on_card = min(1.0, float(layers) / (decoder.layers + 1)) if isinstance(layers, int | float) and layers >= 0 else 1.0
    context = float(run.words.get("max_model_len") or run.seq_len)
    made.parts.clear()
    made.add("weights", weights * on_card)
    if on_card != 1.0:
        formula, inputs = made.formulas["weights"]
        made.formulas["weights"] = (
            f"{formula} * share of the layers on the card",
            {**inputs, "share": round(on_card, 3)},
        )
    made.add("kv_cache", kv_cache.cache_bytes(decoder.cache, context, 1, element) * on_card,
             "context * bytes that a token takes in all layers", context=context,
             bytes=kv_cache.cache_bytes(decoder.cache, 1, 1, element) * on_card)  # fmt: skip
    made.add("activations", 512 * 4.0 * (decoder.vocab + 4 * decoder.hidden + 2 * decoder.ffn),
             "4 bytes * 512 tokens * (v + 4 h + 2 f)", v=decoder.vocab, h=decoder.hidden, f=decoder.ffn)  # fmt: skip
    made.phase = "generate"
    made.unused = ("batch_size", "precision") if run.quantization else ("batch_size",)
    made.cached = 0.0
    if run.words.get("max_model_len"):
        made.unused = (*made.unused, "seq_len")
    return made
