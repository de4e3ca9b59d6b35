"""A change as it would stand in the person's own command."""

from __future__ import annotations

from advisor.diagnosis import diagnose

COMMAND = "swift sft --model Qwen/Qwen2.5-VL-7B-Instruct --train_type lora --per_device_train_batch_size 1 --max_length 8192\n"
LOG = "CUDA out of memory. Tried to allocate 4.2 GiB (GPU 0; 23.6 GiB total capacity)\nThe images are large.\n"


def test_no_change_is_shown_twice() -> None:
    found = diagnose(COMMAND + LOG)
    assert any(len(remedy.changes) > 1 for remedy in found.remedies)
    for remedy in found.remedies:
        texts = [change.text for change in remedy.changes]
        assert len(texts) == len(set(texts)), remedy.id


def test_the_change_for_the_command_comes_first_with_its_own_note() -> None:
    found = diagnose(COMMAND + LOG)
    tokens = next(remedy for remedy in found.remedies if remedy.id == "reduce_image_tokens")
    assert tokens.changes[0].text.startswith("--max_pixels")
    assert "every model" in tokens.changes[0].note
