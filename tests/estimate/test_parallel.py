"""Shares of a device under each layout, against sums by hand."""

import pytest

from advisor.estimate import estimate
from advisor.estimate.parallel import FLAT_STEP, Axes, Buckets, Bytes, Weights, activation_share, axes_of, states_of
from advisor.estimate.process import reserved_of
from advisor.library import load_library
from advisor.units import GIB

P = 8e9
ALL = Weights(P, P, largest_block=0.2e9, embeddings=1e9)
MIXED = Bytes(weight=2, gradient=2, state=12, step=4)


@pytest.mark.parametrize(
    ("words", "count", "expected"),
    [
        ("none", 1, Axes()),
        ("ddp", 4, Axes(world=4, ddp=True)),
        ("zero3", 8, Axes(world=8, zero=3, shards=8)),
        ("zero3+sp4", 4, Axes(world=4, zero=3, shards=4, sp=4)),
        ("fsdp", 2, Axes(world=2, fsdp=True, shards=2)),
        ("fsdp8", 16, Axes(world=16, fsdp=True, shards=8)),
        ("tp2+pp4", 8, Axes(world=8, tp=2, pp=4)),
        ("megatron tp4 pp1 ep8 cp1", 8, Axes(world=8, tp=4, ep=8, megatron=True)),
        ("device_map", 2, Axes(world=2, device_map=True)),
    ],
)
def test_words_of_parallelism(words: str, count: int, expected: Axes) -> None:
    assert axes_of(words, count) == expected


def test_one_device_holds_everything() -> None:
    held = states_of(Axes(), ALL, MIXED)
    assert (held.weights, held.gradients, held.optimizer, held.buffers) == (2 * P, 2 * P, 12 * P, 0)


def test_ddp_copies_gradients_into_buckets() -> None:
    assert states_of(axes_of("ddp", 4), ALL, MIXED).buffers == 2 * P
    assert states_of(axes_of("ddp", 1), ALL, MIXED).buffers == 0


def test_zero_divides_states_then_gradients_then_weights() -> None:
    first, second, third = (states_of(axes_of(f"zero{stage}", 4), ALL, MIXED) for stage in (1, 2, 3))
    assert (first.weights, first.gradients, first.optimizer) == (2 * P, 2 * P, 3 * P)
    assert (second.weights, second.gradients, second.optimizer) == (2 * P, P / 2, 3 * P)
    assert (third.weights, third.gradients, third.optimizer) == (P / 2, P / 2, 3 * P)
    assert second.buffers == 2 * 5e8 * 2
    assert third.gathered == 2 * (0.2e9 + 2 * 5e7 + 1e9)


def test_a_smaller_bucket_takes_less() -> None:
    assert states_of(axes_of("zero2", 4), ALL, MIXED, buckets=Buckets(reduce=1e8)).buffers == 2 * 1e8 * 2


def test_offload_takes_away_what_it_says() -> None:
    assert states_of(axes_of("zero2", 2), ALL, MIXED, "optimizer").optimizer == 0
    both = states_of(axes_of("zero3", 2), ALL, MIXED, "both")
    assert both.weights == both.optimizer == 0
    assert both.gathered > 0


def test_fsdp_keeps_whole_gradients_while_it_accumulates_without_synchronisation() -> None:
    axes = axes_of("fsdp", 4)
    assert states_of(axes, ALL, MIXED, accumulates=True).gradients == 2 * P
    assert states_of(axes, ALL, MIXED).gradients == 2 * P / 4 + 2 * 0.2e9


def test_megatron_shards_states_over_replicas_and_experts_over_their_group() -> None:
    mix = Weights(10e9, 10e9, experts=8e9)
    held = states_of(axes_of("megatron tp2 pp1 ep4 cp1", 8), mix, Bytes(2, 4, 12, 0))
    dense, experts = 2e9 / 2, 8e9 / 4
    assert held.weights == 2 * (dense + experts)
    assert held.gradients == 4 * (dense + experts)
    assert held.optimizer == 12 * (dense / 4 + experts / 2)


def test_sequences_are_divided_by_tensor_context_and_sequence_parallel() -> None:
    assert activation_share(axes_of("tp2", 2)) == 0.5
    assert activation_share(axes_of("zero3+sp4", 4)) == 0.25


def test_the_step_of_a_partition_flattens_its_gradients_and_copies_them_to_fp32() -> None:
    weights, size = Weights(8e9, 8e9), Bytes(step=FLAT_STEP)
    two = states_of(axes_of("zero2", 4), weights, size)
    assert two.step == pytest.approx(2e9 * (2 + 4))
    # ZeRO-3 updates 1e9 weights at once, however many its partition has.
    three = states_of(axes_of("zero3", 4), weights, size)
    assert three.step == pytest.approx(1e9 * (2 + 4))


def test_flat_steps_come_beside_the_blocks_that_the_activations_left() -> None:
    phases = {"forward": 30.0 * GIB, "backward": 31.0 * GIB, "optimizer_step": 40.0 * GIB}
    moving = {"forward": 4.0 * GIB, "backward": 5.0 * GIB}
    kept = reserved_of(phases, moving, 0.2)
    beside = reserved_of(phases, moving, 0.2, flat_step=True)
    assert kept / GIB == pytest.approx(1.01 * 40.0, abs=0.01)
    assert beside / GIB == pytest.approx(1.01 * 40.0 + 1.2 * 5.0, abs=0.01)


def test_zero2_with_states_in_host_memory_keeps_room_for_the_largest_gradient() -> None:
    weights = Weights(8e9, 8e9, largest_tensor=0.5e9)
    here, away = (states_of(axes_of("zero2", 4), weights, Bytes(), offload) for offload in ("none", "optimizer"))
    assert away.buffers - here.buffers == 2 * 0.5e9
    few = states_of(axes_of("zero2", 4), Weights(8e9, 2e7, largest_tensor=0.5e9), Bytes(), "optimizer")
    assert few.buffers - 2 * 2 * 2e7 == 2 * 2e7  # adapters have no tensor of that size


def test_a_gathered_layer_is_one_of_the_model_s_own_number() -> None:
    """Llama-3.1-70B: 80 layers of 0.8556B weights, two of them gathered, and 2 * 128256 * 8192 of the ends: 2 * (2 * 0.8556 + 2.1013)."""
    words = {"model": "Llama-3.1-70B", "task": "train", "method": "lora", "lora_rank": 16, "gpu_count": 64, "fsdp": True,
             "gradient_checkpointing": True, "batch_size": 1, "seq_len": 4096}  # fmt: skip
    parts = {part.id: part.gib * 2**30 for part in estimate(words, load_library()).components}
    assert parts["gathered"] == pytest.approx(2e9 * (2 * 0.8556 + 2.1013), rel=0.005)


def test_frozen_weights_in_a_flat_block_get_gradients_too() -> None:
    """FullyShardedDataParallel over whole blocks: while gradients accumulate, a block's flat gradient stays whole, frozen part included."""
    size = Bytes(weight=2.0, gradient=4.0)
    apart = states_of(axes_of("fsdp", 4), Weights(8e9, 1e7), size, accumulates=True)
    joined = states_of(axes_of("fsdp", 4), Weights(8e9, 1e7, graded=8e9 - 1e7), size, accumulates=True)
    assert joined.gradients - apart.gradients == pytest.approx(2.0 * (8e9 - 1e7))
    assert joined.weights == apart.weights
    assert joined.optimizer == apart.optimizer
