"""What the tests of the live process share: a message as PyTorch words it, and models small enough for any machine."""

from __future__ import annotations

from typing import Any

import pytest

MESSAGE = (
    "CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.64 GiB of which 312.00 MiB is free. Including "
    "non-PyTorch memory, this process has 23.33 GiB memory in use. Of the allocated memory 22.10 GiB is allocated by PyTorch, and "
    "512.00 MiB is reserved by PyTorch but unallocated."
)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed; `make test-live` runs these tests")


@pytest.fixture
def qwen(torch: Any) -> Any:
    """A language model of transformers with its real architecture and tiny dimensions."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.Qwen2Config(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=1000,
        intermediate_size=128,
    )
    return transformers.Qwen2ForCausalLM(config)
