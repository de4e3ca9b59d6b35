"""Each remedy of an answer has a reason of its own, which speaks of that remedy."""

from __future__ import annotations

import pytest

from advisor.diagnosis import diagnose
from advisor.diagnosis.reasons import first_sentence

TEXTS = (
    "We train a LoRA for SDXL with kohya on a 3070 Ti 8 GB and get CUDA out of memory.",
    "CUDA out of memory while running inference with a 13B model on a 12 GB card",
    "训练时 8 张 V100 32G 全参微调 7B,用 zero2,optimizer.step() 处 CUDA out of memory",
    "DataLoader worker (pid 77) is killed by signal: Killed. The machine has 16 GB of RAM and I train a classifier.",
)


@pytest.mark.parametrize("text", TEXTS)
def test_no_two_remedies_share_a_reason(text: str) -> None:
    remedies = diagnose(text).remedies
    said = [remedy.because for remedy in remedies]
    assert len(remedies) >= 3
    assert all(said)
    assert len(set(said)) == len(said)


def test_a_sentence_of_a_rule_stays_with_the_remedy_that_it_is_about() -> None:
    remedies = {
        remedy.id: remedy for remedy in diagnose("CUDA out of memory when I train my network on a 4 GB card").remedies
    }
    # The rule about unknown networks argues for smaller pictures first, and speaks of them.
    assert "smaller inputs" not in remedies["smaller_model"].because


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Keep numbers: `loss.item()` before it is logged. Then it is freed.", "Keep numbers: `loss.item()` before it is logged."),
        ("About 1.5 times as fast. It needs a flag.", "About 1.5 times as fast."),
        ("只保留数值。其余释放。", "只保留数值。"),
        ("no stop at all", "no stop at all"),
    ],
)  # fmt: skip
def test_the_first_sentence_ends_at_a_full_stop(text: str, first: str) -> None:
    assert first_sentence(text) == first


def test_accumulation_over_one_batch_is_no_advice() -> None:
    text = (
        "espnet asr training: CUDA out of memory on an 11 GB card, reducing the batch size does not make a difference"
    )
    shown = [change.text for remedy in diagnose(text).remedies for change in remedy.changes]
    assert not any("loss / 1)" in change for change in shown)
