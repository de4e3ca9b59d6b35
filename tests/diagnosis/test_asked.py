"""The diagnosis says which tensor a failed allocation was for, where its size tells."""

from __future__ import annotations

import pytest

from advisor.diagnosis import diagnose, examine

_RUN = (
    "Full fine-tuning of Qwen2.5-7B, per_device_train_batch_size 4, {more}, out of memory:\n{frame}\n"
    "CUDA out of memory. Tried to allocate {size}."
)
_LOSS = '  File "/env/site-packages/transformers/loss/loss_utils.py", line 36, in fixed_cross_entropy'


@pytest.mark.parametrize(
    ("more", "frame", "size", "tensor"),
    [
        ("seq length 2048", _LOSS, "4.64 GiB", "logits"),  # 4 x 2048 x 152064 x 4 bytes
        ("seq length 2048", "in gate_proj", "296.00 MiB", "mlp_activation"),  # 4 x 2048 x 18944 x 2 bytes
        ("seq length 8192", "in softmax", "14.00 GiB", "attention_scores"),  # 4 x 28 x 8192^2 x 2 bytes
    ],
)
def test_the_tensor_is_named(more: str, frame: str, size: str, tensor: str) -> None:
    case = examine(_RUN.format(more=more, frame=frame, size=size))
    assert case.asked is not None
    assert case.asked.tensor.id == tensor
    assert f"signal.asked_for_{tensor}" in case.fields()


def test_it_is_said_in_the_language_of_the_text() -> None:
    english = diagnose(_RUN.format(more="seq length 2048", frame=_LOSS, size="4.64 GiB")).verdict
    assert "4.6 GiB are the logits (batch x seq x vocab x 4 bytes)" in english
    text = f"全参微调 Qwen2.5-7B,batch size 4,序列长度 2048,爆显存\n{_LOSS}\nCUDA out of memory. Tried to allocate 4.64 GiB."
    assert "正是logits" in diagnose(text).verdict


def test_an_unknown_length_is_solved_for() -> None:
    verdict = diagnose(_RUN.format(more="A100 80G", frame=_LOSS, size="4.64 GiB")).verdict
    assert "With seq_len=2048, the 4.6 GiB would be the logits" in verdict


@pytest.mark.parametrize("size", ["20.00 MiB", "7.13 GiB", "777.00 MiB"])
def test_what_fits_nothing_is_left_alone(size: str) -> None:
    case = examine(_RUN.format(more="seq length 2048", frame="in forward", size=size))
    assert case.asked is None


def test_other_failures_and_models_without_a_vocabulary_are_left_alone() -> None:
    assert examine("Qwen2.5-7B: Tried to allocate 4.64 GiB of host memory; killed, exit code 137").asked is None
    assert examine("SDXL at 1024x1024, batch size 4: CUDA out of memory. Tried to allocate 4.64 GiB.").asked is None
