"""What stands in the text is not advised."""

from __future__ import annotations

from advisor.diagnosis import examine

LOG = (
    "{0}uv run scripts/train.py pi0_libero --exp-name=mine on one RTX 4090\n"
    "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 25769803776 bytes."
)


def advised(text: str) -> set[str]:
    return {item.remedy.id for item in examine(text).outcome.ranked}


def test_a_setting_that_is_made_already() -> None:
    assert "fix_config" in advised(LOG.format(""))
    assert "fix_config" not in advised(LOG.format("XLA_PYTHON_CLIENT_MEM_FRACTION=0.9 "))
