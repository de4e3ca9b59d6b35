"""Runs of every kind get an estimate, with what was assumed; cards, servers and processes count as they should."""

import sys
from typing import Any

import pytest
from msgspec import structs

from advisor.errors import TooLittleKnown
from advisor.estimate import estimate, process, rl, vision
from advisor.estimate.catalogue import find_model, size_of_name
from advisor.estimate.closed_form import Step, layer_kept
from advisor.estimate.decoder import decoder_of
from advisor.estimate.towers import Tower
from advisor.library import load_library

LIBRARY = load_library()
LLAMA = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32,
         "intermediate_size": 11008, "vocab_size": 32000}  # fmt: skip


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ({"hf_id": "meta-llama/Llama-2-7b-hf"}, "Llama-2-7B"),
        ({"model": "llama-2-7b lora"}, "Llama-2-7B"),
        ({"hf_id": "Qwen/Qwen2.5-7B-Instruct-GPTQ-Int4"}, "Qwen2.5-7B"),
        ({"model": "qwen2.5 7b instruct"}, "Qwen2.5-7B"),
        ({"model": "MiniCPM-Llama3-V-2_5"}, "MiniCPM-Llama3-V-2.5"),
        ({"model": "zebra"}, None),
    ],
)
def test_a_model_is_found_in_any_spelling(words: dict[str, Any], name: str | None) -> None:
    found = find_model(words, LIBRARY)
    assert (found.name if found else None) == name


def test_weights_by_part_of_a_llama() -> None:
    decoder, parts = decoder_of(LLAMA, 6.738)
    assert decoder.gated
    assert parts.linear == pytest.approx(32 * (4 * 4096 * 4096 + 3 * 4096 * 11008), rel=1e-4)
    assert parts.head == 32000 * 4096
    assert parts.total == pytest.approx(6.738e9)


def test_what_the_configuration_leaves_open_follows_from_the_count() -> None:
    falcon = {"hidden_size": 4544, "num_hidden_layers": 32, "num_attention_heads": 71, "num_key_value_heads": 1,
              "intermediate_size": 18176, "vocab_size": 65024}  # fmt: skip
    decoder, parts = decoder_of(falcon, 7.217)
    assert not decoder.gated
    assert parts.head == 65024 * 4544
    assert decoder_of(falcon, 6.922)[1].head == 0


def test_nothing_known_is_an_error_that_names_what_would_help() -> None:
    with pytest.raises(TooLittleKnown) as caught:
        estimate({"task": "train", "batch_size": 4}, LIBRARY)
    assert caught.value.missing[0] == "model"


@pytest.mark.parametrize(
    "words",
    [
        {"params_b": 7}, {"arch": LLAMA}, {"model": "Qwen2.5-VL-7B", "task": "train"}, {"model": "OpenVLA-7B", "task": "train"},
        {"model": "Whisper-large-v3", "task": "train"}, {"model": "ResNet-50", "task": "train"}, {"model": "ViT-B/16", "task": "train"},
        {"model": "SDXL", "task": "inference"}, {"model": "Qwen3-30B-A3B", "task": "inference", "workload": "generate"},
        {"model": "YOLOv8m", "task": "train"}, {"model": "DeepSeek-V2-Lite", "task": "inference"},
        {"params_b": 0.3, "model_kind": "vision"},
    ],
)  # fmt: skip
def test_few_words_get_an_answer(words: dict[str, Any]) -> None:
    made = estimate(words, LIBRARY)
    assert 0 < made.low_gib < made.allocated_gib < made.high_gib
    assert made.allocated_gib <= made.reserved_gib < made.process_gib
    assert made.assumed
    assert sum(part.gib for part in made.components) == pytest.approx(made.allocated_gib)
    assert made.phase


def test_a_7b_in_bf16_generates_in_weights_and_cache() -> None:
    made = estimate(
        {"model": "Qwen2.5-7B", "workload": "generate", "seq_len": 2049, "batch_size": 1, "precision": "bf16"}, LIBRARY
    )
    assert made.component("weights") == pytest.approx(7.616 * 2 / 1.073741824, rel=0.001)
    assert made.component("kv_cache") == pytest.approx(2 * 2 * 4 * 128 * 28 * 2049 / 2**30)
    assert made.phase == "decode"


def test_vllm_takes_its_share_of_the_card_whatever_the_requests() -> None:
    words = {"framework": "vllm", "model": "Qwen2.5-7B", "gpu_name": "A100-80GB", "task": "inference"}
    usual, less = estimate(words, LIBRARY), estimate({**words, "gpu_memory_utilization": 0.5}, LIBRARY)
    assert usual.process_gib == pytest.approx(0.9 * 79.15, rel=0.03)
    assert less.process_gib == pytest.approx(0.5 * 79.15, rel=0.03)


def test_vllm_warns_where_the_cache_is_too_small_for_a_sequence() -> None:
    words = {
        "framework": "vllm",
        "model": "Llama-3.1-8B",
        "gpu_name": "RTX 4090",
        "max_model_len": 131072,
        "task": "inference",
    }
    made = estimate(words, LIBRARY)
    assert made.warnings
    assert made.fits is False


def test_llama_cpp_holds_the_layers_on_the_card() -> None:
    words = {
        "framework": "llama.cpp",
        "model": "Llama-3.1-8B",
        "quantization": "q4_k_m",
        "task": "inference",
        "seq_len": 8192,
    }
    whole, half = estimate(words, LIBRARY), estimate({**words, "gpu_layers": 16}, LIBRARY)
    assert whole.component("weights") == pytest.approx(8.03e9 * 4.8944 / 8 / 2**30, rel=0.001)
    assert half.component("weights") == pytest.approx(16 / 33 * whole.component("weights"))


def test_a_context_grows_with_the_card_and_the_server() -> None:
    assert process.context_bytes("turing") < process.context_bytes("hopper")
    assert process.context_bytes("ampere") < process.context_bytes("ampere", "vllm")


def test_varying_lengths_leave_blocks_behind() -> None:
    phases, moving = {"backward": 100e9, "optimizer_step": 90e9}, {"backward": 20e9}
    steady = process.reserved_of(phases, moving, process.CACHED_STEADY)
    varying = process.reserved_of(phases, moving, process.CACHED_VARYING)
    assert varying - steady == pytest.approx((process.CACHED_VARYING - process.CACHED_STEADY) * 20e9, abs=4e6)


def test_a_convolutional_network_keeps_its_outputs() -> None:
    net = vision.conv_net("resnet50", 0.02556, LIBRARY.settings["convnets"])
    made = vision.training(net, 32, 224, 224, 4.0, 8.0)
    assert made.parts["activations"] == pytest.approx(4 * 2.0 * 11.11e6 * 32)
    assert "gradients" not in made.parts  # they come as the outputs go
    assert net.elements(448, 448) == 4 * net.outputs
    few = vision.training(net, 1, 224, 224, 4.0, 8.0)
    assert few.phase == "optimizer_step"
    assert few.parts["gradients"] == pytest.approx(2 * 4 * 25.56e6, rel=0.01)


def test_a_network_in_stages_is_no_plain_transformer() -> None:
    words = {
        "model": "swin-base",
        "model_kind": "vision",
        "task": "train",
        "batch_size": 32,
        "precision": "amp-bf16",
        "loop": "trainer",
    }
    arch = {
        "model_type": "swin",
        "embed_dim": 128,
        "depths": [2, 2, 18, 2],
        "num_hidden_layers": 4,
        "num_attention_heads": [4, 8, 16, 32],
    }
    made = estimate({**words, "arch": arch, "params_b": 0.0878}, LIBRARY)
    assert 5.0 < made.allocated_gib < 6.5


def test_algorithms_add_their_models_and_sequences() -> None:
    assert rl.rl_plan("dpo", "trl", False, 1, 4).sequences == 2
    assert rl.rl_plan("dpo", "trl", False, 1, 4).frozen_models == 1
    assert rl.rl_plan("dpo", "trl", True, 1, 4).frozen_models == 0
    assert rl.rl_plan("ppo", "trl", False, 1, 4).frozen_models == 2
    assert rl.rl_plan("ppo", "trl", False, 1, 4).trained_models == 1
    assert rl.rl_plan("grpo", "vlm-r1", False, 8, 1).sequences == 8
    assert rl.rl_plan("grpo", "trl", False, 8, 8).sequences == 1
    assert rl.rl_plan("grpo", "trl", False, 8, 8, colocated=True, utilization=0.4).rollout_share == 0.4


@pytest.mark.parametrize(
    ("method", "model", "words", "name"),
    [
        ("grpo", "", {}, "grpo"),
        ("full", "Qwen3-4B rlhf_type=dpo", {}, "dpo"),
        ("full", "Llama", {"num_generations": 4}, "grpo"),
        ("full", "Llama", {}, ""),
    ],
)
def test_the_algorithm_is_read_from_method_model_or_words(
    method: str, model: str, words: dict[str, Any], name: str
) -> None:
    assert rl.algorithm_of(method, model, words) == name


def test_ppo_takes_more_than_grpo_and_grpo_more_than_plain_training() -> None:
    words = {"model": "Qwen2.5-1.5B", "task": "train", "batch_size": 4, "seq_len": 512, "precision": "bf16"}
    plain, grpo, ppo = (estimate({**words, "method": method}, LIBRARY) for method in ("full", "grpo", "ppo"))
    assert plain.component("reference_models") == 0
    assert (
        plain.component("weights") < grpo.component("weights") + grpo.component("reference_models") < ppo.allocated_gib
    )
    assert ppo.component("value_model") > 0


def test_a_colocated_server_takes_its_share_beside_the_training() -> None:
    words = {"model": "Qwen2.5-1.5B", "method": "grpo", "batch_size": 4, "seq_len": 512, "gpu_name": "A100-80GB"}
    alone, colocated = estimate(words, LIBRARY), estimate({**words, "gpu_memory_utilization": 0.3}, LIBRARY)
    assert colocated.process_gib - alone.process_gib == pytest.approx(0.3 * 79.15, rel=0.02)


def test_megatron_keeps_gradients_and_a_rank_s_part_of_the_logits() -> None:
    qwen = {
        "task": "train", "method": "full", "precision": "amp-bf16", "model": "Qwen2.5-7B", "batch_size": 1, "seq_len": 32768,
        "gradient_checkpointing": True, "optimizer": "adamw", "gpu_count": 4, "parallelism": "megatron tp4", "fused_ce": True,
    }  # fmt: skip
    made = estimate(qwen, LIBRARY)
    parts = {part.id: part.gib * 2**30 for part in made.components}
    weights = 7.616e9 / 4
    assert made.phase == "forward"
    assert parts["gradients"] == pytest.approx(4 * weights, rel=0.03)
    # 16-bit product and fp32 copy: 6 bytes * 32768 tokens * a fourth of 152064 entries.
    assert parts["logits"] == pytest.approx(6 * 32768 * 152064 / 4, rel=0.01)


def test_a_tower_without_a_fused_kernel_keeps_its_scores() -> None:
    tower = Tower("vision", 4e8, 1152, 27, 16, 1152, 4304, False, 10240.0, trained=True)
    plain = layer_kept(tower, Step(1.0))
    scores = layer_kept(structs.replace(tower, eager_span=1024.0), Step(1.0)) - plain
    assert scores == (2 * 2 + 4) * 16 * 1024  # of one tile, not of all ten


def test_adapters_keep_a_cast_input_each() -> None:
    # q, k, v, o, gate and up take h elements, down takes f.
    tower = Tower("text", 7e9, 4096, 32, 32, 4096, 11008, True, 1.0, trained=False, adapted=True)
    bare = layer_kept(tower, Step(1.0))
    assert layer_kept(tower, Step(1.0, adapter_inputs=(6, 1))) - bare == 2 * (6 * 4096 + 11008)


def test_the_closed_form_agrees_with_the_recorded_step(monkeypatch: pytest.MonkeyPatch) -> None:
    run = {"model": "Llama-2-7B", "task": "train", "method": "lora", "lora_targets": "all-linear", "precision": "bf16",
           "batch_size": 16, "seq_len": 320}  # fmt: skip
    recorded = estimate(run, LIBRARY)
    monkeypatch.setattr(sys.modules["advisor.estimate.routes"], "recorded_peak", lambda *_: None)
    assert estimate(run, LIBRARY).allocated_gib == pytest.approx(recorded.allocated_gib, rel=0.04)


@pytest.mark.parametrize(
    ("words", "assumed"),
    [
        ({"model": "FLUX.1-dev", "task": "inference", "image_resolution": "1024x1024"}, {"precision", "batch_size"}),
        ({"model": "SDXL", "method": "lora", "optimizer": "adamw", "gradient_checkpointing": True},
         {"precision", "batch_size", "lora_rank", "image_resolution"}),
        ({"model": "ResNet-50", "batch_size": 256, "precision": "fp32"}, {"optimizer", "image_resolution"}),
        ({"model": "ViT-L/16", "batch_size": 64, "precision": "fp32"}, {"optimizer", "gradient_checkpointing"}),
        ({"model": "whisper-small", "batch_size": 8, "precision": "fp32"}, {"optimizer", "gradient_checkpointing"}),
        ({"model": "Llama-3.1-8B", "framework": "vllm", "task": "inference", "max_model_len": 8192, "gpu_name": "A100-80GB"},
         {"precision"}),
        ({"model": "Llama-3.1-8B", "task": "inference", "workload": "load"}, {"precision"}),
        ({"model": "bert-base-uncased", "batch_size": 32, "precision": "fp32", "optimizer": "adamw"},
         {"seq_len", "gradient_checkpointing"}),
    ],
)  # fmt: skip
def test_only_what_has_a_part_in_the_run_is_assumed(words: dict[str, Any], assumed: set[str]) -> None:
    assert set(estimate(words, LIBRARY).assumed) == assumed


def test_no_model_sees_more_positions_than_it_has() -> None:
    assert estimate({"model": "bert-base-uncased", "batch_size": 32}, LIBRARY).assumed["seq_len"] == 512
    stated = {"model": "whisper-small", "batch_size": 8, "precision": "fp32"}
    assert estimate(stated, LIBRARY).allocated_gib == estimate({**stated, "seq_len": 1500}, LIBRARY).allocated_gib


def test_a_quantised_mixture_of_experts_has_its_experts_quantised() -> None:
    made = estimate({"model": "Mixtral-8x7B", "method": "qlora", "kbit_prepare": False}, LIBRARY)
    parts = {part.id: part.gib * 2**30 for part in made.components}
    # 46.7e9 weights, 2 * 32000 * 4096 of them in embeddings and head; half a byte and 4 bytes for every 64.
    outside = 2 * 32000 * 4096
    assert parts["weights"] == pytest.approx((46.7e9 - outside) * (0.5 + 4 / 64) + 2 * outside, rel=0.02)


@pytest.mark.parametrize(
    ("name", "billions"),
    [("some-model-7b", 7), ("org/Thing_13B-chat", 13), ("tiny 350M", 0.35), ("other-8x7B", 0.83 * 56),
     ("big-1.5b-it", 1.5), ("v2", 0), ("gpt4all", 0),
     ("a3bc", 0)],
)  # fmt: skip
def test_a_name_may_tell_its_size(name: str, billions: float) -> None:
    assert size_of_name(name) == pytest.approx(billions)


def test_a_model_that_nobody_knows_is_taken_by_the_size_in_its_name() -> None:
    made = estimate({"model": "zebra-7b", "task": "inference"}, LIBRARY)
    assert made.assumed["params_b"] == 7
    assert made.component("weights") * 2**30 == pytest.approx(2 * 7e9, rel=0.01)
    with pytest.raises(TooLittleKnown, match="no model is known as 'zebra'"):
        estimate({"model": "zebra", "task": "inference"}, LIBRARY)


def test_a_policy_loss_has_no_fp32_copies() -> None:
    words = {"model": "Qwen2.5-7B", "task": "train", "method": "grpo", "framework": "trl", "precision": "bf16", "batch_size": 8,
             "num_generations": 8, "seq_len": 1024, "gradient_checkpointing": True, "lora_rank": 16, "optimizer": "sgd"}  # fmt: skip
    parts = {part.id: part.gib * 2**30 for part in estimate({**words, "method": "lora"}, LIBRARY).components}
    # 8 bytes * 8 * 1024 tokens * 152064 entries
    assert parts["logits"] == pytest.approx(8 * 8 * 1024 * 152064, rel=0.01)


def test_a_robot_s_cameras_are_all_seen() -> None:
    made = estimate({"model": "pi0", "task": "train", "method": "lora", "batch_size": 1}, LIBRARY)
    assert made.assumed["seq_len"] == 3 * 256 + 64
    one = estimate(
        {"model": "pi0", "task": "train", "method": "lora", "batch_size": 1, "images_per_sample": 1}, LIBRARY
    )
    assert one.assumed["seq_len"] == 256 + 64


def test_autocast_of_a_convolutional_network_keeps_16_bits() -> None:
    words = {
        "model": "ResNet-50",
        "task": "train",
        "batch_size": 256,
        "image_resolution": "224x224",
        "optimizer": "sgd",
    }
    full, half = (
        estimate({**words, "precision": name}, LIBRARY).component("activations") for name in ("fp32", "amp-fp16")
    )
    assert half == pytest.approx(full / 2)


@pytest.mark.parametrize("name", ["t5-base", "gpt2", "bart-base", "whisper-small", "pythia-1b"])
def test_reentrant_checkpoints_of_every_family(name: str) -> None:
    words = {"model": name, "batch_size": 2, "gradient_checkpointing": True, "precision": "bf16", "optimizer": "adamw"}
    plain = estimate(words, LIBRARY)
    assert estimate({**words, "checkpoint_reentrant": True}, LIBRARY).allocated_gib == pytest.approx(
        plain.allocated_gib, rel=0.3
    )


def test_an_algorithm_trains_adapters_where_a_rank_is_stated() -> None:
    words = {"model": "Qwen2.5-7B", "task": "train", "framework": "trl", "method": "dpo", "precision": "bf16", "batch_size": 1,
             "seq_len": 1024, "gradient_checkpointing": True, "optimizer": "adamw"}  # fmt: skip
    full = estimate(words, LIBRARY)
    adapters = estimate({**words, "lora_rank": 16}, LIBRARY)
    assert full.component("reference_models") > 14  # a second copy
    assert adapters.component("reference_models") == 0  # the base with its adapters off
    assert adapters.component("optimizer") < 0.02 * full.component("optimizer")


@pytest.mark.parametrize(
    ("words", "second"),
    [
        ({"framework": "trl", "method": "grpo"}, False),
        ({"framework": "trl", "method": "grpo", "framework_version": "0.17.0"}, True),
        ({"framework": "trl", "method": "grpo", "framework_version": "0.24"}, False),
        ({"framework": "trl", "method": "rloo"}, True),
        ({"framework": "trl", "method": "dpo"}, True),
        ({"framework": "axolotl", "method": "grpo"}, False),
        ({"framework": "ms-swift", "method": "grpo"}, True),
    ],
)
def test_a_reference_model_where_the_framework_s_default_has_one(words: dict[str, Any], second: bool) -> None:
    """TRL's GRPOConfig.beta: 0.04 up to 0.18, 0 from 0.19 on, read in the released packages."""
    run = {"model": "Qwen2.5-1.5B", "task": "train", "batch_size": 2, "seq_len": 512, "precision": "bf16", **words}
    assert (estimate(run, LIBRARY).component("reference_models") > 2) is second


def test_full_training_drops_a_framework_s_default_quantisation() -> None:
    words = {"model": "Qwen2.5-7B", "task": "train", "batch_size": 1, "seq_len": 1024, "framework": "unsloth"}
    full = estimate({**words, "method": "full"}, LIBRARY)
    assert full.component("weights") == pytest.approx(7.616e9 * 2 / 2**30, rel=0.01)
    assert estimate({**words, "method": "lora"}, LIBRARY).component("weights") < 6
