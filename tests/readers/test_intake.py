"""The intake: any size, any encoding, every line with its number."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.errors import InputError
from advisor.readers import intake
from advisor.readers.document import Document
from advisor.readers.intake import read_document

STEP = "step {} loss 2.1 lr 1e-5\n"
OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"


class Pipe(io.RawIOBase):
    """A stream that gives at most 1000 bytes a read, like a pipe."""

    def __init__(self, data: bytes) -> None:
        self.inner = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(min(size, 1000) if size >= 0 else 1000)


def long_log(before: int, after: int) -> str:
    steps = [STEP.format(i) for i in range(before + after)]
    return "".join(["python train.py --batch-size 4\n", *steps[:before], OOM, *steps[before:]])


@pytest.mark.parametrize("make", [io.BytesIO, Pipe])
@pytest.mark.parametrize("place", [0, 1, 60_000, 200_000, 399_999, 400_000])
def test_the_failure_is_kept_wherever_it_is(place: int, make: type) -> None:
    text = long_log(place, 400_000 - place)
    document = read_document(make(text.encode()))
    assert len(document.text) < 2**21 < len(text)
    assert document.line_at(document.text.index("OutOfMemoryError")) == place + 2
    assert document.text.startswith("python train.py --batch-size 4")
    last = document.lines[-1] if document.lines[-1].text else document.lines[-2]
    assert last.number == 400_002


def test_many_signs_keep_memory_bounded() -> None:
    document = read_document(io.BytesIO((OOM * 200_000).encode()))
    assert len(document.text) < 2**21
    assert {document.lines[0].number, document.lines[-1].number} == {1, 200_000}


def test_a_line_without_end_keeps_memory_bounded() -> None:
    document = read_document(io.BytesIO(b"x" * 3_000_000 + b"\nCUDA out of memory\n" + b"y" * 3_000_000))
    assert document.line_at(document.text.index("CUDA")) > 1
    assert len(document.text) < 2**21


def test_progress_bars_count_as_lines_like_in_a_short_text() -> None:
    text = "\r".join(f"{i}%" for i in range(400_000)) + "\nCUDA out of memory\n"
    document = read_document(io.BytesIO(text.encode()))
    assert document.line_at(document.text.index("CUDA")) == 400_001


@given(
    st.lists(st.sampled_from(["a\n", "b\r\n", "c\r", "显存\n", "out of memory\n", "d" * 90 + "\n", "e"]), max_size=60)
)
def test_blocks_are_the_text_with_its_numbers(pieces: list[str]) -> None:
    text = "".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "BLOCK_BYTES", 16)
        blocks = list(intake._blocks(b"", io.BytesIO(text.encode())))
    assert b"".join(block.data for block in blocks).decode() == text
    lines = Document.of(text).lines
    for block in blocks:
        first = block.data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")[0]
        assert first in lines[block.first - 1].raw


def test_encodings() -> None:
    assert read_document(io.BytesIO("显存不足".encode("utf-16"))).text == "显存不足"
    assert read_document(io.BytesIO(b"\xef\xbb\xbfCUDA")).text == "CUDA"
    assert "CUDA" in read_document(io.BytesIO(b"\xff\xd0 CUDA")).text


@pytest.mark.parametrize("data", [b"", b" \n\t\n", b"PK\x03\x04\0\0\0", b" \n" * 1_000_000])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read_document(io.BytesIO(data))
