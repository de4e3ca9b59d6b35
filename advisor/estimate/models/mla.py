"""Latent attention of DeepSeek's models: keys and values in one compressed vector, a rotary part beside it (arXiv 2405.04434)."""

from __future__ import annotations

from advisor.estimate.architecture import Tower
from advisor.estimate.models import common
from advisor.estimate.tape import attention, nn, ops
from advisor.estimate.tape.attention import Heads
from advisor.estimate.tape.linear import linear
from advisor.estimate.tape.tensor import Tape, Tensor


def latent(t: Tower) -> bool:
    """Whether the tower's keys and values are compressed."""
    return bool(t.get("kv_lora_rank"))


def _turned(tape: Tape, x: Tensor) -> Tensor:
    """Rotary positions as complex numbers (DeepSeek-V2): an fp32 copy, the product, and a copy in the type of the input."""
    return ops.cast(tape, ops.scale(tape, ops.cast(tape, x, 4)), x.item)


@ops.module
def self_attention(tape: Tape, hidden: Tensor, t: Tower, cos: Tensor, sin: Tensor, mask: Tensor | None) -> Tensor:
    """transformers/models/deepseek_v2 and deepseek_v3, forward of the attention. [BS, hidden] -> [BS, hidden]"""
    heads, rank, rope = float(t.heads), float(t.get("kv_lora_rank")), float(t.get("qk_rope_head_dim"))
    nope, value = float(t.get("qk_nope_head_dim")), float(t.get("v_head_dim"))
    size = nope + rope
    q_rank = float(t.get("q_lora_rank") or 0)
    if q_rank:
        low = nn.rms_norm(tape, linear(tape, hidden, "q_a_proj", t.hidden, q_rank), "q_a_layernorm", q_rank)
        q = linear(tape, low, "q_b_proj", q_rank, heads * size)
        del low
    else:
        q = linear(tape, hidden, "q_proj", t.hidden, heads * size)
    q_nope, q_rot = ops.split(tape, q, nope / size, rope / size)
    compressed = linear(tape, hidden, "kv_a_proj_with_mqa", t.hidden, rank + rope)
    kv, k_rot = ops.split(tape, compressed, rank / (rank + rope), rope / (rank + rope))
    kv = nn.rms_norm(tape, kv, "kv_a_layernorm", rank)
    if t.kind == "deepseek_v2":
        q_rot, k_rot = _turned(tape, q_rot), _turned(tape, k_rot)
    else:
        q_rot, k_rot = common.rotary(tape, q_rot, k_rot, cos, sin)
    q = ops.cat(tape, [q_nope, q_rot])
    del q_nope, q_rot, compressed
    kv = linear(tape, kv, "kv_b_proj", rank, heads * (nope + value))
    k_nope, v = ops.split(tape, kv, nope / (nope + value), value / (nope + value))
    k = ops.cat(tape, [k_nope, k_rot], width=heads * size)
    del k_nope, k_rot, kv
    shape = Heads(heads, heads, size, value_size=value)
    if tape.mode.attention == "eager":
        out = attention.eager(tape, q, k, v, shape, mask, t.attention_dropout)
    else:
        # Keys and values of two sizes: the flash kernel refuses, the efficient one takes them.
        q, k, v = (ops.low(tape, x) for x in (q, k, v))
        bias = None
        if mask is not None:
            bias = mask if mask.item == q.item else tape.new(mask.rows, mask.width, q.item)
        out = attention.kernel(tape, q, k, v, shape, False, bias)
    return linear(tape, out, "o_proj", heads * value, t.hidden)
