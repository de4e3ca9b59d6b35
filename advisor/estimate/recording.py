"""One training step of a model recorded on the tape, once for each architecture and mode, and folded into a program."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from msgspec import Struct

from advisor.estimate.architecture import Architecture
from advisor.estimate.models import bart, classic, deberta, decoder, encoder, gemma3, modernbert, qwen3_vl, t5, vit, vlm
from advisor.estimate.models.common import Outputs
from advisor.estimate.states import Totals, Weights, collect, of_rank, totals
from advisor.estimate.tape import ops
from advisor.estimate.tape.autograd import backward
from advisor.estimate.tape.program import Program, fold
from advisor.estimate.tape.tensor import Mode, Tape

FORWARD: dict[str, Callable[[Tape, Architecture], Outputs]] = {
    "decoder": decoder.causal_lm, "gpt2": classic.gpt2, "gpt_neox": classic.gpt_neox, "opt": classic.opt, "phi": classic.phi,
    "falcon": classic.falcon, "bloom": classic.bloom,
    "bert": encoder.bert, "deberta": deberta.deberta, "t5": t5.t5, "bart": bart.bart,
    "whisper": bart.whisper, "vit": vit.image_classifier, "clip": vit.pair, "llava": vlm.llava, "paligemma": vlm.paligemma,
    "idefics": vlm.idefics, "nano_vlm": vlm.nano_vlm, "qwen_vl": vlm.qwen_vl,
    "modernbert": modernbert.modernbert, "qwen3_vl": qwen3_vl.qwen3_vl, "gemma3": gemma3.gemma3,
}  # fmt: skip


_STAND_INS = frozenset({"gpt_neo", "gptj", "codegen", "beit", "electra"})


def own_code(arch: Architecture) -> bool:
    """Whether the recorder runs the family's own code; else that of a family built much like it."""
    if FORWARD.get(arch.family, decoder.causal_lm) is decoder.causal_lm:
        return decoder.own_code(arch.text)
    return arch.text.kind not in _STAND_INS


class Recording(Struct, frozen=True, eq=False):
    """A step's program and the parameters it runs over."""

    program: Program
    weights: tuple[Weights, ...]
    totals: Totals


@lru_cache(maxsize=4096)
def record(arch: Architecture, mode: Mode, rank: int = 1) -> Recording:
    """Forward, loss and backward of one micro-batch on the tape; `rank` of the adapters, if there are any."""
    program, weights = _recorded(arch, mode)
    ranked = of_rank(weights, rank)
    return Recording(program, ranked, totals(ranked))


@lru_cache(maxsize=4096)
def _recorded(arch: Architecture, mode: Mode) -> tuple[Program, tuple[Weights, ...]]:
    forward = FORWARD.get(arch.family, decoder.causal_lm)
    tape = Tape(mode)
    tape.mark("")
    outputs = forward(tape, arch)
    tape.casts = {}  # autocast's cache goes when its context ends
    if mode.upcast_outputs:
        # accelerate's convert_to_fp32: the returned tensors are copied, the originals go when it returns.
        outputs.kept = [ops.cast(tape, x, 4) for x in outputs.kept]
    loss = outputs.loss
    if not mode.keep_outputs:
        outputs.kept = []
    tape.phase = "backward"
    tape.mark("head")
    backward(tape, loss)
    events, tape.events = tape.events, []
    weights = collect(tape.params.values())
    program = fold(events, tape.marks)
    tape.events = []
    return program, weights
