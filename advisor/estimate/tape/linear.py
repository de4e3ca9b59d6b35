"""Linear layers: plain, with a 4-bit base, and with low-rank adapters as PEFT adds them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from advisor.estimate.tape import ops
from advisor.estimate.tape.tensor import ONE, RANK, Node, Tape, Tensor

# 4-bit weights: half a byte, one absmax byte per 64, and a float per 256 of those (double quantisation, the QLoRA paper, section 3).
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
# LLM.int8: one byte, and a float per output row (neglected).
INT8_BYTES = 1.0


class Lora(Struct, frozen=True):
    """Adapters of any rank: dropout before them, bytes of their weights, and which linear layers get one (by full name)."""

    dropout: float
    item: int
    targets: str | tuple[str, ...]

    def hits(self, scope: str, name: str) -> bool:
        """Whether the linear layer `name` of `scope` gets an adapter."""
        if self.targets == "all-linear":
            return True
        if self.targets == "lm-all-linear":
            return scope.startswith("text") and name.rpartition(".")[2] in _LANGUAGE
        return name.rpartition(".")[2] in self.targets


_LANGUAGE = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"})


@ops.module
def linear(tape: Tape, x: Tensor, name: str, inputs: float, outputs: float, bias: bool = False) -> Tensor:
    """nn.Linear `name` of the current scope, with its adapter where it is a target. [rows, inputs] -> [rows, outputs]"""
    lora = tape.mode.lora
    if isinstance(lora, Lora) and lora.hits(tape.scope, name):
        return _with_adapter(tape, lora, x, name, inputs, outputs, bias)
    return _base(tape, x, name, inputs, outputs, bias)


@ops.module
def _base(tape: Tape, x: Tensor, name: str, inputs: float, outputs: float, bias: bool) -> Tensor:
    if tape.mode.quantised == "nf4":
        return _four_bits(tape, x, name, inputs, outputs, bias)
    weight = tape.param(f"{name}.weight", outputs, inputs)
    return ops.matmul_weight(tape, x, weight, outputs, tape.param(f"{name}.bias", outputs) if bias else None)


def head(tape: Tape, x: Tensor, weight: Tensor, outputs: float, bias: Tensor | None = None) -> Tensor:
    """The output layer: never quantised; its weight may be the embedding table."""
    if weight.item == 4 and x.item == 2 and not tape.amp:
        x = ops.cast(tape, x, 4)
    return ops.matmul_weight(tape, x, weight, outputs, bias)


@ops.module
def _module_linear(tape: Tape, x: Tensor, weight: Tensor, rows: str, outputs: float) -> Tensor:
    return ops.matmul_weight(tape, x, weight, outputs, rows=rows)


def _delta(tape: Tape, lora: Lora, x: Tensor, down: Tensor, up: Tensor, outputs: float) -> Tensor:
    """B(A(dropout(x))) * scaling"""
    return ops.scale(
        tape,
        _module_linear(
            tape,
            _module_linear(tape, _module_dropout(tape, x, lora.dropout), down, RANK + x.rows, 1.0),
            up,
            x.rows,
            outputs,
        ),
    )


@ops.module
def _module_dropout(tape: Tape, x: Tensor, p: float) -> Tensor:
    return ops.dropout(tape, x, p)


def _with_adapter(tape: Tape, lora: Lora, x: Tensor, name: str, inputs: float, outputs: float, bias: bool) -> Tensor:
    """PEFT's lora.Linear: base(x) + B(A(dropout(x))) * scaling (peft/tuners/lora/layer.py, bnb.py for a quantised base)."""
    result = _base(tape, x, name, inputs, outputs, bias)
    item = result.item
    down = tape.param(f"{name}.lora_A", 1.0, inputs, item=lora.item, trainable=True, low_rank=True)
    up = tape.param(f"{name}.lora_B", outputs, 1.0, item=lora.item, trainable=True, low_rank=True)
    if tape.mode.quantised:
        result = ops.copy(tape, result)
        convert = not tape.amp
        if convert:
            x = ops.cast(tape, x, lora.item)
        delta = _delta(tape, lora, x, down, up, outputs)
        return ops.add(tape, result, ops.cast(tape, delta, item) if convert else delta)
    x = ops.cast(tape, x, lora.item)
    result = ops.add(tape, result, _delta(tape, lora, x, down, up, outputs))
    return ops.cast(tape, result, item)


def _four_bits_backward(
    tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]
) -> list[Tensor | None]:
    shape, numel = node.info
    weight = _dequantise(tape, numel)
    out = tape.like(shape)
    del weight
    return [out]


def _dequantise(tape: Tape, numel: float) -> Tensor:
    scales = tape.new(ONE, numel / 64, 4, "dequantised")
    weight = tape.new(ONE, numel, 2, "dequantised")
    del scales
    return weight


def _four_bits(tape: Tape, x: Tensor, name: str, inputs: float, outputs: float, bias: bool) -> Tensor:
    """bitsandbytes' Linear4bit: the weight is rebuilt in bf16 for each product and again in the backward pass."""
    stored = tape.param(f"{name}.weight", outputs, inputs, trainable=False)
    if stored.param is not None:
        stored.param.packed = stored.param.numel * NF4_BYTES
    if bias:
        ops.cast(tape, tape.param(f"{name}.bias", outputs, trainable=False), 2)
    item = x.item
    x = ops.cast(tape, x, 2)
    weight = _dequantise(tape, inputs * outputs)
    out = tape.new(x.rows, outputs, 2)
    if tape.grad and x.needs:
        out.fn = Node(tape, [x], [stored], _four_bits_backward, (x.shape, inputs * outputs))
        out.needs = True
    del weight
    return ops.cast(tape, out, item)
