"""Prompt and completion together are what a sequence of reinforcement learning has."""

from __future__ import annotations

import pytest

from advisor.readers.document import Document
from advisor.readers.runs.rl_lengths import read


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("GRPOConfig(max_prompt_length=1024, max_completion_length=2048)", 3072),
        ("  --prompt_max_len 1024 \\\n  --generate_max_len 1024 \\", 2048),
        ("entrypoint 'prompt_max_len', '2048', 'generate_max_len', '8192'", 10240),
        ("data:\n  max_prompt_length: 512\n  max_response_length: 1_536", 2048),
        ("max_completion_length=2048", None),
        ("we set max_completion_length and max_prompt_length", None),
        ("max_prompt_length=1024 max_completion_length=$LEN", None),
    ],
)
def test_lengths(text: str, length: int | None) -> None:
    assert [item.value for item in read(Document.of(text))] == ([] if length is None else [length])
