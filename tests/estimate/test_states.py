"""Weights, optimizer states and the allocator's blocks against sums by hand."""

from __future__ import annotations

import random

import pytest

from advisor.estimate.allocator import unsplit_bytes
from advisor.estimate.states import Weights, optimizer_cost, totals

MIB = 2.0**20


def weights(count: float, rows: float, columns: float, item: float = 2.0, trainable: bool = True) -> Weights:
    numel = rows * columns
    return Weights("w", "text.1", (rows, columns), numel, item, count, trainable, numel * item)


def test_adamw_keeps_two_states_and_foreach_one_more_for_the_step() -> None:
    t = totals((weights(10, 4096, 4096),))
    one = 10 * 4096 * 4096 * 2.0
    assert optimizer_cost("adamw", "foreach", t).states == 2 * one
    assert optimizer_cost("adamw", "foreach", t).temporaries == one
    assert optimizer_cost("adamw", "fused", t).temporaries == 0.0
    assert optimizer_cost("adamw", "loop", t).temporaries == 2 * one / 10


def test_other_optimizers() -> None:
    t = totals((weights(10, 4096, 1024, 4.0), weights(1, 4096, 1, 4.0)))
    assert optimizer_cost("sgd", "foreach", t).states == 0.0
    assert optimizer_cost("sgd_momentum", "foreach", t).states == t.trained
    assert optimizer_cost("adafactor", "", t).states == 4 * (10 * (4096 + 1024) + 4096)
    assert optimizer_cost("adamw_8bit", "", t).states == pytest.approx(2 * t.trained_params * (1 + 4 / 256))
    assert optimizer_cost("paged_adamw_8bit", "", t).states == 0.0


def test_frozen_weights_count_as_weights_only() -> None:
    t = totals((weights(4, 1024, 1024), weights(4, 1024, 1024, trainable=False)))
    assert t.weights == 2 * t.trained
    assert t.trained_params == 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("sizes", "waste"),
    [
        ([(0.5 * MIB, 100)], 0.0),  # small blocks are always split
        ([(16 * MIB, 10)], 0.0),  # a multiple of 2 MiB fills its segment
        ([(11 * MIB, 1)], 1 * MIB),  # rounded up to 12 MiB, and 1 MiB is not split off
        ([(10.5 * MIB, 1)], 0.0),  # rounded up to 12 MiB, and 1.5 MiB is split off
        ([(6.5 * MIB, 3)], 0.5 * MIB),  # three fill a 20 MiB buffer but for half a MiB
        ([(4.5 * MIB, 4)], 0.0),  # four leave 2 MiB, which is split off and waits
    ],
)
def test_blocks_that_are_not_split(sizes: list[tuple[float, float]], waste: float) -> None:
    assert unsplit_bytes([([size], int(count)) for size, count in sizes]) == waste


def test_equal_layers_are_counted_like_layers_one_by_one() -> None:
    """Any layers: those that find the same free blocks are not walked again."""
    chance = random.Random(7)
    for _ in range(200):
        layer = [chance.choice([0.3, 1.5, 3.0, 9.9, 11.0, 14.2, 33.3]) * MIB + chance.randrange(512) for _ in range(5)]
        count = chance.choice([1, 2, 3, 17, 40])
        around = [([2.5 * MIB, 21.7 * MIB], 1)]
        assert unsplit_bytes([*around, (layer, count), *around]) == unsplit_bytes(
            [*around, (layer * count, 1), *around]
        )
