"""The tape against sums by hand: what an operator keeps, who owns a gradient, checkpointing, and layers that stand for many."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from advisor.estimate.states import collect, of_rank
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.autograd import backward, checkpoint
from advisor.estimate.tape.linear import NF4_BYTES, Lora, linear
from advisor.estimate.tape.program import Program, fold
from advisor.estimate.tape.tensor import RANK, Mode, Tape, Tensor

TOKENS, WIDTH, WIDE = 1000.0, 64.0, 256.0
SIZES = {"1": 1.0, "B": 2.0, "S": 500.0, "BS": TOKENS, "SS": 250_000.0, "BSS": 500_000.0, "BS^128": 1024.0}


def recorded(mode: Mode, forward: Callable[[Tape, Tensor], Tensor]) -> tuple[Program, Tape]:
    """A step of `forward` from an input that asks for no gradient to a loss."""
    tape = Tape(mode)
    tape.mark("")
    out = forward(tape, tape.new("BS", WIDTH, mode.item, "inputs"))
    loss = nn.cross_entropy(tape, out)
    del out
    tape.phase = "backward"
    tape.mark("head")
    backward(tape, loss)
    events, tape.events = tape.events, []
    return fold(events, tape.marks), tape


def live_after(program: Program, phase: str) -> dict[str, float]:
    parts: dict[str, float] = {}
    for segment in program.segments:
        if segment.phase != phase and phase == "forward":
            break
        for index, amount in segment.net:
            rows, category = program.pairs[index]
            parts[category] = parts.get(category, 0.0) + amount * segment.times * SIZES[rows]
    return parts


def mlp(tape: Tape, x: Tensor) -> Tensor:
    hidden = nn.activation(tape, linear(tape, x, "up", WIDTH, WIDE), "silu")
    return linear(tape, hidden, "down", WIDE, WIDTH)


def test_an_mlp_keeps_its_input_and_both_wide_tensors() -> None:
    # input (2 bytes, made by the batch), the wide product for silu, its result for the second product, log_softmax of the output.
    program, tape = recorded(Mode(item=2), mlp)
    kept = live_after(program, "forward")
    assert kept["inputs"] == 2 * TOKENS * WIDTH
    assert kept["activations"] == pytest.approx(2 * 2 * TOKENS * WIDE + 2 * TOKENS * WIDTH + 2, abs=8)
    assert {p.name: p.numel for p in tape.params.values()} == {"up.weight": WIDTH * WIDE, "down.weight": WIDTH * WIDE}


def test_gradients_are_all_that_stays_after_the_backward_pass() -> None:
    program, _ = recorded(Mode(item=2), mlp)
    left = program.left(program.values(SIZES, {}))
    assert left.pop("gradients") == 2 * 2 * WIDTH * WIDE
    assert sum(left.values()) == pytest.approx(0.0, abs=8)


def test_frozen_weights_have_no_gradient_and_their_layers_keep_nothing() -> None:
    program, _ = recorded(Mode(item=2, frozen=("up",)), mlp)
    left = program.left(program.values(SIZES, {}))
    assert left["gradients"] == 2 * WIDTH * WIDE
    # Without a gradient to pass on, silu's input and the batch need not stay.
    assert live_after(program, "forward")["activations"] == pytest.approx(2 * TOKENS * WIDE + 2 * TOKENS * WIDTH, abs=8)


def test_gradients_of_earlier_micro_batches_are_added_to_in_place() -> None:
    program, _ = recorded(Mode(item=2, accumulated=True), mlp)
    assert program.left(program.values(SIZES, {})).get("gradients", 0.0) == 0.0


def test_autocast_keeps_one_cast_of_each_trained_weight() -> None:
    program, _ = recorded(Mode(item=4, autocast=2), mlp)
    # Only the second weight has to pass a gradient on, and both casts sit in autocast's cache, which this recording never empties.
    assert live_after(program, "forward")["casts"] == 2 * 2 * WIDTH * WIDE


def test_a_4_bit_base_keeps_packed_weights_and_trains_its_adapters() -> None:
    lora = Lora(0.0, 4, "all-linear")
    program, tape = recorded(Mode(item=4, autocast=2, base_frozen=True, lora=lora, quantised="nf4"), mlp)
    base = next(p for p in tape.params.values() if p.name == "up.weight")
    assert base.packed == WIDTH * WIDE * NF4_BYTES
    adapters = sum(p.numel for p in tape.params.values() if p.trainable)
    assert adapters == 2 * (WIDTH + WIDE)  # of rank 1
    ranked = of_rank(collect(tape.params.values()), 8)
    assert sum(w.numel for w in ranked if w.trainable) == 8 * adapters
    sizes = SIZES | {RANK + name: 8 * value for name, value in SIZES.items()}
    assert program.left(program.values(sizes, {}))["gradients"] == 4 * 8 * adapters


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 40])
@pytest.mark.parametrize("kind", ["", "plain", "reentrant"])
def test_a_recorded_middle_layer_stands_for_all_between(layers: int, kind: str) -> None:
    """Three recorded layers give what a recording of every layer gives."""

    def looped(tape: Tape, x: Tensor, whole: bool) -> Tensor:
        hidden = linear(tape, x, "in", WIDTH, WIDTH)
        scopes = range(layers) if whole else tape.layers("text", layers)
        for index in scopes:
            if whole:
                tape.mark(f"text.{index}")
            hidden = checkpoint(tape, lambda h: mlp(tape, h), hidden)
        tape.mark("")
        return hidden

    mode = Mode(item=2, checkpoint=kind)
    short, _ = recorded(mode, lambda tape, x: looped(tape, x, False))
    full, _ = recorded(mode, lambda tape, x: looped(tape, x, True))
    values = short.values(SIZES, {}), full.values(SIZES, {})
    for phase in ("forward", "backward"):
        assert short.peaks(values[0])[phase].total == pytest.approx(full.peaks(values[1])[phase].total)
    assert short.left(values[0])["gradients"] == pytest.approx(full.left(values[1])["gradients"])


def test_checkpointing_keeps_one_tensor_a_layer() -> None:
    def deep(tape: Tape, x: Tensor) -> Tensor:
        hidden = linear(tape, x, "in", WIDTH, WIDTH)
        for _ in tape.layers("text", 10):
            hidden = checkpoint(tape, lambda h: mlp(tape, h), hidden)
        return hidden

    program, _ = recorded(Mode(item=2, checkpoint="plain"), deep)
    # The inputs of ten layers, and log_softmax of the last output.
    assert live_after(program, "forward")["activations"] == pytest.approx(11 * 2 * TOKENS * WIDTH, abs=64)


def test_a_residual_gradient_is_summed_in_place() -> None:
    def residual(tape: Tape, x: Tensor) -> Tensor:
        hidden = linear(tape, x, "in", WIDTH, WIDTH)
        return ops.add(tape, hidden, linear(tape, hidden, "branch", WIDTH, WIDTH))

    program, _ = recorded(Mode(item=2), residual)
    peak = program.peaks(program.values(SIZES, {}))["backward"].total
    tensor = 2 * TOKENS * WIDTH
    # At the loss: input, hidden, log_softmax and two gradients of its size; a third copy would be a sum out of place.
    assert peak <= 5 * tensor + 2 * WIDTH * WIDTH * 2 + 64


def test_a_fused_loss_never_holds_all_logits() -> None:
    vocab = 64_000.0

    def fused(tape: Tape, x: Tensor) -> Tensor:
        hidden = linear(tape, x, "in", WIDTH, WIDTH)
        return nn.fused_linear_cross_entropy(tape, hidden, tape.param("head", vocab, WIDTH), WIDTH, vocab)

    program, _ = recorded(Mode(item=2), fused)
    peak = program.peaks(program.values(SIZES, {}))["forward"].total
    # Batch, hidden states and their gradient, the head's gradient, and a slice of 1/1024 of the logits in 16 bits and in fp32.
    assert peak == pytest.approx(3 * 2 * TOKENS * WIDTH + 2 * vocab * WIDTH + 6 * TOKENS * vocab / 1024, rel=0.01)
    assert program.left(program.values(SIZES, {}))["gradients"] == 2 * (vocab * WIDTH + WIDTH * WIDTH)


@pytest.mark.parametrize(
    ("item", "masked", "groups", "square"),
    [(2, False, 4, False), (2, True, 4, True), (4, False, 1, False), (4, False, 4, True)],
    ids=["flash", "efficient with a mask", "efficient in fp32", "math for grouped queries in fp32"],
)
def test_attention_keeps_a_square_only_where_it_must(item: int, masked: bool, groups: int, square: bool) -> None:
    def attend(tape: Tape, x: Tensor) -> Tensor:
        q = linear(tape, x, "q", WIDTH, WIDTH)
        k = linear(tape, x, "k", WIDTH, WIDTH / groups)
        v = linear(tape, x, "v", WIDTH, WIDTH / groups)
        mask = tape.new("BSS", 1.0, 1) if masked else None
        return attention.sdpa(tape, q, k, v, Heads(8.0, 8.0 / groups, WIDTH / 8), mask)

    program, _ = recorded(Mode(item=item), attend)
    kept = 0.0
    for segment in program.segments:
        if segment.phase == "forward":
            kept += sum(amount for index, amount in segment.net if program.pairs[index][0] == "BSS")
    assert (kept > 0) is square
