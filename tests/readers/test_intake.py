"""The intake: any size, any encoding, every line with its number."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import signs
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


def test_a_progress_bar_is_one_line_with_its_last_state() -> None:
    text = "start\n" + "\r".join(f"{i}%|" for i in range(400_000)) + "\nCUDA out of memory\n"
    for shown in (Document.of(text), read_document(io.BytesIO(text.encode()))):
        assert shown.line_at(shown.text.index("CUDA")) == 3
        assert len([line for line in shown.lines if line.number == 2]) < 10


def test_what_is_printed_over_a_progress_bar_stays() -> None:
    document = Document.of(" 10%|# \r 20%|## \rTraceback (most recent call last):\nCUDA out of memory")
    assert document.text == "Traceback (most recent call last):\nCUDA out of memory"
    assert Document.of("loss nan\rCUDA out of memory\n").text.startswith("loss nan\nCUDA out of memory")


def test_lines_inside_of_a_line_keep_its_number() -> None:
    trace = "  File 'a.py', line 1, in forward\n    x = f(x)\n" * 8 + "CUDA out of memory"
    document = Document.of(f"first\n{{'error': {trace!r}}}\nlast")
    assert document.lines[-1].number == 3
    assert document.line_at(document.text.index("CUDA")) == 2
    assert len([line for line in document.lines if line.number == 2]) > 10
    assert Document.of("C:\\new\\nets\\nn.py").text == "C:\\new\\nets\\nn.py"


def test_a_failure_at_the_end_of_a_very_long_line_is_read() -> None:
    document = Document.of("{" + "'loss': 1.0, " * 9_000 + "'error': 'CUDA out of memory'}")
    assert "CUDA out of memory" in document.text
    assert {line.number for line in document.lines} == {1}


@given(
    st.lists(st.sampled_from(["a\n", "b\r\n", "c\r", "显存\n", "out of memory\n", "d" * 90 + "\n", "e"]), max_size=80)
)
def test_parts_are_the_text_with_its_numbers(pieces: list[str]) -> None:
    text = "".join(pieces)
    whole = {line.number: line.raw for line in Document.of(text + "\n.").lines}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intake, "PART_BYTES", 16)
        patch.setattr(intake, "WHOLE_BYTES", 64)
        chunks = [text.encode()[at : at + 64] for at in range(0, len(text.encode()), 64)]
        keeper = intake._Keeper()
        for chunk in chunks:
            keeper.push(chunk)
        kept = keeper.finish()
        for part, (number, data) in kept.items():
            assert data == text.encode()[part * 16 : part * 16 + 16]
            assert number == 1 + text.encode()[: part * 16].count(b"\n")
        for number, data in intake._runs(kept):
            rows = data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
            for row, raw in enumerate(rows[1:-1], number + 1):
                assert raw.split("\r")[-1] in whole[row] or not raw
    last = -(-len(text.encode()) // 16)
    assert set(range(max(0, last - intake.TAIL_PARTS), last)) <= set(kept)


@settings(max_examples=15)
@given(st.lists(st.integers(1, 200_000), max_size=40))
def test_bytes_that_come_in_pieces_of_any_size_make_the_same_document(sizes: list[int]) -> None:
    text = long_log(40_000, 60_000).encode()
    taken = intake.Intake()
    start = 0
    for size in [*sizes, len(text)]:
        taken.feed(text[start : start + size])
        start += size
    whole = read_document(io.BytesIO(text))
    assert taken.may_fail
    assert [(line.number, line.raw) for line in taken.document().lines] == [
        (line.number, line.raw) for line in whole.lines
    ]


def test_the_first_and_the_last_signs_are_kept() -> None:
    lines = [f"step {i}: loss 2.1, 3.2 GB of memory\n" for i in range(300_000)]
    for place in range(10_000, 290_000, 10_000):
        lines[place] = f"worker {place}: out of memory\n"
    document = read_document(io.BytesIO("".join(lines).encode()))
    kept = [line.number - 1 for line in document.lines if line.text.startswith("worker")]
    assert {10_000, 20_000, 280_000} <= set(kept)
    assert len(document.text) < 2**20


@pytest.mark.parametrize("module", ["ahocorasick_rs", "stringzilla"])
def test_without_the_fast_searches_the_answer_is_the_same(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = long_log(150_000, 250_000).encode()
    fast = read_document(io.BytesIO(text))
    monkeypatch.setitem(sys.modules, module, None)
    for function in (signs.finder, signs.line_counter):
        function.cache_clear()
    slow = read_document(io.BytesIO(text))
    assert slow.lines == fast.lines
    for function in (signs.finder, signs.line_counter):
        function.cache_clear()


def test_encodings() -> None:
    assert read_document(io.BytesIO("显存不足".encode("utf-16"))).text == "显存不足"
    assert read_document(io.BytesIO(b"\xef\xbb\xbfCUDA")).text == "CUDA"
    assert "CUDA" in read_document(io.BytesIO(b"\xff\xd0 CUDA")).text
    assert read_document(io.BytesIO("训练报错:显存不足".encode("gb18030"))).text == "训练报错:显存不足"
    assert "CUDA out of memory" in read_document(io.BytesIO("CUDA out of memory\r\n".encode("utf-16-le"))).text
    assert read_document(io.BytesIO(b"\0" * 5000 + b"CUDA out of memory\n")).text.strip() == "CUDA out of memory"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_long_logs_in_utf16_stream_too(encoding: str) -> None:
    text = long_log(100_000, 100_000)
    document = read_document(io.BytesIO(text.encode(encoding)))
    assert document.line_at(document.text.index("OutOfMemoryError")) == 100_002
    assert len(document.text) < 2**20


@pytest.mark.parametrize(
    "data", [b"", b" \n\t\n", b"PK\x03\x04\0\0\0", b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 20, b" \n" * 1_000_000]
)
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(InputError):
        read_document(io.BytesIO(data))
