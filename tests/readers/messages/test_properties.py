"""What holds of every reader on every text."""

from __future__ import annotations

import doctest
import importlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.facts import PSEUDO_FACTS, check_fact
from advisor.library import load_library
from advisor.readers import read_all, readers
from advisor.readers.document import Document
from advisor.readers.resolve import resolve

LIBRARY = load_library()
WORDS = st.sampled_from(
    [
        *sorted({trigger for reader in readers() for trigger in reader.triggers}),
        "CUDA out of memory. Tried to allocate ", "GPU 0; ", " GiB total capacity; ", "2.50 GiB", "12", "\n", " ", "(", ")",
        "[rank1]: ", "\x1b[0m",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=300), st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=30).map("".join))


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_every_reader_survives_and_quotes_the_text(text: str) -> None:
    doc = Document.of(text)
    lines = {line.number: line.text for line in doc.lines}
    for reader in readers():
        for item in reader.read(doc, LIBRARY) if reader.needs_library else reader.read(doc):
            assert item.line in lines, reader.name
            assert item.quote.strip("…").strip() in lines[item.line], reader.name


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_what_is_resolved_is_of_the_vocabulary(text: str) -> None:
    seen = resolve(read_all(Document.of(text), LIBRARY))
    for fact, value in seen.facts.items():
        assert check_fact(fact, value) == value
    assert all(item.fact not in PSEUDO_FACTS for item in seen.evidence[1:])
    assert 0.0 <= seen.failure[1] <= 1.0


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_the_squeezed_text_leads_back(text: str) -> None:
    doc = Document.of(text)
    squeezed = doc.squeezed
    assert squeezed.text == "".join(doc.text.split())
    for offset, char in enumerate(squeezed.text):
        assert doc.text[squeezed.origin(offset)] == char


@pytest.mark.parametrize(
    "reader", [one for one in readers() if one.name.startswith("messages.")], ids=lambda one: one.name
)
def test_every_message_reader_shows_an_input_that_triggers_it(reader) -> None:  # type: ignore[no-untyped-def]
    module = importlib.import_module(f"advisor.readers.{reader.name}")
    examples = doctest.DocTestParser().get_examples(module.__doc__ or "")
    assert any("read(Document.of" in example.source for example in examples)
    assert reader.triggers
    assert all(trigger == trigger.lower() for trigger in reader.triggers)


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_lines_are_numbered_as_editors_count_them(text: str) -> None:
    numbers = [line.number for line in Document.of(text).lines]
    assert numbers == sorted(numbers)
    plain = text.replace("\r\n", "\n")
    assert set(numbers) == set(range(1, (plain if "\n" in plain else plain.replace("\r", "\n")).count("\n") + 2))
