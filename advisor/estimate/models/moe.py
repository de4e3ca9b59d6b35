"""Mixtures of experts: the router, and the experts' products grouped by expert (transformers/integrations/moe.py)."""

from __future__ import annotations

from collections.abc import Sequence

from advisor.estimate.architecture import Tower
from advisor.estimate.tape import nn, ops
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import ONE, Node, Tape, Tensor


def _grouped_backward(
    tape: Tape, node: Node, grads: Sequence[Tensor | None], saved: list[Tensor]
) -> list[Tensor | None]:
    shape, numel = node.info
    return [
        tape.like(shape) if node.wants[0] else None,
        tape.new(ONE, numel, shape[2]) if node.wants[1] else None,
    ]


def _grouped(tape: Tape, x: Tensor, weight: Tensor, width: float) -> Tensor:
    """A product with each row's own expert. Not known to autocast, so it runs in the dtype of the weights."""
    x = ops.cast(tape, x, weight.item)
    out = tape.new(x.rows, width, x.item)
    if tape.grad and (x.needs or weight.needs):
        saved = ([x] if weight.needs else []) + ([weight] if x.needs else [])
        out.fn = Node(tape, [x, weight], saved, _grouped_backward, (x.shape, weight.width))
        out.needs = True
    return out


_FP32_ROUTERS = frozenset({"deepseek_v2", "deepseek_v3"})


@ops.module
def _router(tape: Tape, hidden: Tensor, t: Tower) -> tuple[Tensor, Tensor]:
    """Scores of the chosen experts, and the expert numbers. Mixtral keeps the scores in fp32."""
    weight = tape.param("gate.weight", t.experts, t.hidden)
    if t.kind in _FP32_ROUTERS:
        hidden, weight = ops.cast(tape, hidden, 4), ops.cast(tape, weight, 4)
    logits = ops.matmul_weight(tape, hidden, weight, t.experts)
    if t.kind == "deepseek_v3":
        probabilities = ops.unary(tape, logits, keep="result")
    else:
        probabilities = ops.softmax(tape, logits, fp32=True)
    top = ops.index(tape, probabilities, t.experts_per_token / t.experts)
    chosen = tape.new(hidden.rows, t.experts_per_token, 8)
    if t.kind == "mixtral" or t.get("norm_topk_prob"):
        total = nn.row_mean(tape, top, t.experts_per_token)
        top = ops.mul(tape, top, total)
    return (top if t.kind == "mixtral" else ops.cast(tape, top, logits.item)), chosen


@ops.module
def _experts(tape: Tape, hidden: Tensor, scores: Tensor, chosen: Tensor, t: Tower) -> Tensor:
    k, f = float(t.experts_per_token), float(t.expert_ffn)
    up_weight = tape.param("experts.gate_up_proj", t.experts * 2 * f, t.hidden)
    down_weight = tape.param("experts.down_proj", t.experts * f, t.hidden)
    ids, order = tape.new(hidden.rows, k, 8), tape.new(hidden.rows, k, 8)
    selected = ops.index(tape, hidden, k)
    sorted_scores = ops.index(tape, scores, 1.0)
    selected = ops.scale_(tape, selected)
    projected = _grouped(tape, selected, up_weight, 2 * f * k)
    projected = ops.scale(tape, projected)
    gate, up = ops.split(tape, projected, 0.5, 0.5)
    projected = ops.mul(tape, nn.activation(tape, gate, t.act), up)
    del gate, up
    projected = _grouped(tape, projected, down_weight, t.hidden * k)
    projected = ops.scale(tape, projected)
    weighted = ops.mul(tape, projected, sorted_scores)
    weighted = ops.index(tape, weighted, 1.0)
    final = ops.sum_over(tape, weighted, k)
    del ids, order
    return ops.cast(tape, final, hidden.item)


@ops.module
def _shared(tape: Tape, x: Tensor, t: Tower, name: str, ffn: float) -> Tensor:
    """Experts that every token passes, as one gated MLP."""
    return linear(
        tape,
        ops.mul(
            tape,
            nn.activation(tape, linear(tape, x, f"{name}.gate_proj", t.hidden, ffn), t.act),
            linear(tape, x, f"{name}.up_proj", t.hidden, ffn),
        ),
        f"{name}.down_proj",
        ffn,
        t.hidden,
    )


@ops.module
def block(tape: Tape, hidden: Tensor, t: Tower) -> Tensor:
    """Router, experts, and shared experts where the family has them. [BS, hidden] -> [BS, hidden]"""
    scores, chosen = _router(tape, hidden, t)
    out = _experts(tape, hidden, scores, chosen, t)
    shared = (
        float(t.get("shared_expert_intermediate_size") or 0) or float(t.get("n_shared_experts") or 0) * t.expert_ffn
    )
    if shared:
        beside = _shared(tape, hidden, t, "shared_experts", shared)
        if t.get("shared_expert_intermediate_size"):
            gate = ops.unary(tape, linear(tape, hidden, "shared_expert_gate", t.hidden, 1.0), keep="result")
            beside = ops.mul(tape, gate, beside)
        out = ops.add(tape, out, beside)
    return out
