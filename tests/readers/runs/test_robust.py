"""No text makes a reader fail or run long; what it says is always a legal fact."""

from __future__ import annotations

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from advisor.facts import PSEUDO_FACTS, check_fact
from advisor.library import Library
from advisor.readers import readers
from advisor.readers.document import Document

_PIECES = (
    "--per_device_train_batch_size", "batch_size", "=", ": ", " 4", "\n", "  ", "{", "}", "[", "]", "(", ")", "'", '"', "#",
    "\\\n", ",", "-", "+",
    "LoraConfig(", "r=", "model", "Qwen/Qwen2-7B", "$BS", "BS=4", "zero_optimization", "stage", "torchrun", "--nproc_per_node",
    "CUDA_VISIBLE_DEVICES=",
    "0,1", "def f(", "trainer", "|", "....", ":print]", "梯度", "：", "None", "1e-4", "9" * 30, "from_pretrained(",
    "PARAMETER num_ctx ", "vllm serve ",
    "height", "width", "\t", "\r", "\x00", "\ud800", "//", "http://x:80/", "Namespace(", "dict(type=", "@", "%", "1_000",
    "NNODES=$nnodes",
)  # fmt: skip
_TEXTS = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(_PIECES), max_size=60).map("".join))


def _seen(text: str, library: Library) -> list[tuple[str, object]]:
    doc = Document.of(text)
    found: list[tuple[str, object]] = []
    for reader in readers():
        if reader.name.startswith("runs."):
            items = reader.read(doc, library) if reader.needs_library else reader.read(doc)
            found.extend((item.fact, item.value) for item in items)
    return found


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=_TEXTS)
@example(text="a=" * 500)
@example(text="(" * 3000 + ")" * 3000)
@example(text="--a=" * 2000)
@example(text="x: " * 1000 + "\n" + "  y:\n" * 1000)
def test_any_text_gives_legal_facts(library: Library, text: str) -> None:
    for fact, value in _seen(text, library):
        if fact not in PSEUDO_FACTS:
            check_fact(fact, value)
