"""Diffusion models: tokens of a sample, what blocks keep, parts on the card."""

from typing import Any

import pytest

from advisor.estimate import Estimate, estimate
from advisor.estimate.diffusion import GenerationRun, TrainingRun, activations, generation, lora_weights, training
from advisor.estimate.diffusion_arch import DiffusionModel, Shape, diffusion_model, shape_of
from advisor.library import load_library

LIBRARY = load_library()
TABLE = LIBRARY.settings["diffusion_blocks"]


def model(name: str) -> DiffusionModel:
    row = LIBRARY.models[name]
    return diffusion_model(row.name, row.params_b, row.config, TABLE)


@pytest.mark.parametrize(
    ("name", "shape", "tokens"),
    [
        ("FLUX.1-dev", Shape(1024, 1024), 64 * 64),
        ("Stable-Diffusion-3-Medium", Shape(1024, 1024), 64 * 64),
        ("Wan2.1-T2V-1.3B", Shape(832, 480, 81), 21 * 30 * 52),
        ("LTX-Video-2B", Shape(768, 512, 49), 7 * 16 * 24),
        ("CogVideoX1.5-5B", Shape(1360, 768, 81), 11 * 48 * 85),
        ("Sana-1.6B", Shape(1024, 1024), 32 * 32),
    ],
)
def test_tokens_of_a_sample(name: str, shape: Shape, tokens: int) -> None:
    assert model(name).tokens(shape) == tokens


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        ("512x512", Shape(512, 512)),
        ("Resolution: 832x480, 81f.", Shape(832, 480, 81)),
        ("49x480x720", Shape(720, 480, 49)),
        ("512 px square; validated at 1024x1024", Shape(512, 512)),
        ("480 pixel buckets, 48 frames", Shape(480, 480, 48)),
    ],
)
def test_sizes_in_words(words: str, shape: Shape) -> None:
    assert shape_of(words, 1024) == (shape, True)


def test_without_a_size_the_model_s_own_is_taken() -> None:
    assert shape_of("", "832x480", 81) == (Shape(832, 480, 81), False)
    assert shape_of("", 1024) == (Shape(1024, 1024), False)


def test_checkpoints_keep_one_vector_a_block_and_one_whole_block() -> None:
    pixart = model("PixArt-Sigma")
    run = TrainingRun(2, Shape(1024, 1024), "lora", 16, checkpointed=True)
    unit = 2.0 * 2 * 4096 * 1152
    found = activations(pixart, run)
    assert found.kept == pytest.approx((28 + 3.0) * unit)
    assert found.block == pytest.approx((18.3 + 7.9) * unit)


def test_without_checkpoints_every_block_keeps_all() -> None:
    pixart = model("PixArt-Sigma")
    run = TrainingRun(1, Shape(1024, 1024), "lora", 16, checkpointed=False)
    assert activations(pixart, run).kept == pytest.approx((28 * 18.3 + 3.0) * 2 * 4096 * 1152)


def test_adapters_on_four_projections_of_a_joint_block() -> None:
    assert lora_weights(model("Stable-Diffusion-3-Medium"), 16) == 24 * 4 * 2 * 16 * 1536


def test_offloaded_activations_leave_the_recomputed_block() -> None:
    run = TrainingRun(1, Shape(1024, 1024), "lora", 16, True, offload="activations")
    kept = activations(model("PixArt-Sigma"), run).kept
    assert kept == pytest.approx(3.0 * 2 * 4096 * 1152)


def test_generation_peaks_in_the_decoder_of_a_large_picture() -> None:
    made = generation(model("Stable-Diffusion-1.5"), GenerationRun(1, Shape(1024, 1024)))
    assert made.phase == "decode"
    # Of 16 bits a pixel at the widest upsampling: its input and its output, and both once more while the convolution turns them.
    assert made.parts["activations"] == 1216 * 2 * 1024 * 1024
    assert made.parts["weights"] == pytest.approx(2 * 0.8595e9)


def test_offload_leaves_the_part_at_work() -> None:
    flux = model("FLUX.1-dev")
    whole = generation(flux, GenerationRun(1, Shape(1024, 1024)))
    moved = generation(flux, GenerationRun(1, Shape(1024, 1024), offload="cpu"))
    assert moved.allocated < 0.8 * whole.allocated


def test_full_training_holds_gradients_and_states() -> None:
    made = training(model("PixArt-Sigma"), TrainingRun(1, Shape(256, 256), "", 16, True))
    assert made.parts["weights"] == pytest.approx(4 * 0.6113e9)
    assert made.parts["optimizer"] == pytest.approx(8 * 0.6113e9)
    assert made.parts["gradients"] == pytest.approx(4 * 0.6113e9)


@pytest.mark.parametrize(
    "words", [{"model": "an unheard of diffusion model", "params_b": 3.0}, {"model": "FLUX.1-dev"}]
)
def test_few_words_still_get_an_answer_that_says_what_was_taken(words: dict[str, Any]) -> None:
    made = estimate({"model_kind": "diffusion", "task": "train", "method": "lora", **words}, LIBRARY)
    assert made.allocated_gib > 0
    assert "image_resolution" in made.assumed


def test_embeddings_of_text_encoders_are_not_quantised() -> None:
    # UMT5-XXL: 5.681e9 weights, 256384 * 4096 of them in its embedding; 8 bits for the rest.
    words = {"model": "Wan 2.1 T2V 14B", "task": "inference", "quantization": "int8wo"}
    parts = {part.id: part.gib * 2**30 for part in estimate(words, LIBRARY).components}
    table = 256384 * 4096
    assert parts["text_encoder"] == pytest.approx(5.681e9 - table + 2 * table, rel=1e-3)


def test_trainers_of_diffusion_models_keep_what_they_train_in_fp32() -> None:
    words = {
        "model": "Stable-Diffusion-1.5",
        "task": "train",
        "method": "full",
        "batch_size": 4,
        "image_resolution": "512x512",
    }
    parts = {
        part.id: part.gib * 2**30
        for part in estimate({**words, "framework": "diffusers", "precision": "bf16"}, LIBRARY).components
    }
    assert parts["weights"] == pytest.approx(4 * 0.8595e9)
    assert parts["optimizer"] == pytest.approx(8 * 0.8595e9)
    pure = {part.id: part.gib * 2**30 for part in estimate({**words, "precision": "bf16"}, LIBRARY).components}
    assert pure["weights"] == pytest.approx(2 * 0.8595e9)


def test_a_long_video_is_decoded_in_chunks() -> None:
    vae = model("HunyuanVideo").vae
    assert (vae.frames(9), vae.frames(129)) == (9, 17)
    wan = model("Wan2.1-T2V-1.3B").vae
    assert wan.frames(81) == 1  # the table's figure is that of a chunk
    assert wan.per_pixel(1) < wan.per_pixel(81) / 2


def test_gradients_count_once_in_the_optimizer_step() -> None:
    made = training(model("PixArt-Sigma"), TrainingRun(1, Shape(256, 256), "", 16, True))
    assert made.phases["optimizer_step"] == pytest.approx(made.allocated)


def test_a_unet_is_gathered_and_moved_block_by_block() -> None:
    words = {"model": "SDXL", "task": "train", "method": "full", "precision": "bf16", "batch_size": 1, "optimizer": "sgd",
             "gradient_checkpointing": True}  # fmt: skip
    whole = estimate(words, LIBRARY).component("weights")
    moved = estimate({**words, "offload": "params"}, LIBRARY).component("weights")
    assert moved == pytest.approx(whole * 3 / 20)
    sharded = estimate({**words, "parallelism": "zero3", "gpu_count": 8}, LIBRARY)
    assert sharded.component("gathered") == pytest.approx(2 * whole / 20)
    assert sharded.allocated_gib < estimate({**words, "parallelism": "zero2", "gpu_count": 8}, LIBRARY).allocated_gib


def test_a_second_attention_and_normed_queries_make_other_blocks() -> None:
    """Stable Diffusion 3.5 medium norms queries and keys and has a second attention in 13 of 24 layers; 3 medium has neither."""
    words = {"task": "train", "method": "lora", "image_resolution": "1024x1024", "batch_size": 1, "precision": "bf16"}
    plain = estimate({**words, "model": "Stable-Diffusion-3-Medium"}, LIBRARY)
    both = estimate({**words, "model": "Stable-Diffusion-3.5-Medium"}, LIBRARY)

    def kept(made: Estimate) -> float:
        return next(part.gib for part in made.components if part.id == "activations")

    assert kept(both) / kept(plain) == pytest.approx((13 * 34.7 + 11 * 22.0) / (24 * 15.9), rel=0.05)


def test_quantising_a_unet_leaves_its_convolutions() -> None:
    words = {"model": "stable-diffusion-v1-5", "task": "train", "method": "lora", "gradient_checkpointing": True, "lora_rank": 4,
             "image_resolution": "512x512", "precision": "bf16"}  # fmt: skip

    def weights(quantization: str) -> float:
        made = estimate({**words, "quantization": quantization}, LIBRARY)
        return next(part.gib for part in made.components if part.id == "weights")

    assert weights("int8") / weights("none") == pytest.approx(1.0 - 0.31 / 2, rel=0.02)


def test_a_member_that_makes_pictures_has_one_frame() -> None:
    words = {
        "model_kind": "diffusion",
        "task": "train",
        "method": "lora",
        "image_resolution": "512x512",
        "precision": "bf16",
    }
    picture = estimate({**words, "model": "Cosmos-Predict1-7B-Text2Image"}, LIBRARY).allocated_gib
    video = estimate({**words, "model": "Cosmos-Predict1-7B-Text2World"}, LIBRARY).allocated_gib
    assert picture < 0.5 * video


def test_a_named_program_checkpoints_every_block() -> None:
    words = {"model": "FLUX.1-dev", "task": "train", "method": "lora", "gradient_checkpointing": True, "image_resolution": "1024x1024",
             "precision": "bf16", "batch_size": 4}  # fmt: skip

    def width(framework: str) -> float:
        made = estimate({**words, "framework": framework}, LIBRARY)
        return made.high_gib / made.allocated_gib

    assert width("diffusers") < 1.2
    assert width("simpletuner") > 1.5
