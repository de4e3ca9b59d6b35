"""A long file looked through by several processes is read as the same file streamed through one."""

from __future__ import annotations

import io
import os
import random
import sys
import threading
from pathlib import Path

import pytest

from advisor.readers import intake, shared_scan
from advisor.readers.document import Document

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are only shared on Linux")
_SIGN = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
_WORKERS = 3


@pytest.fixture
def several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_scan, "workers_for", lambda size: _WORKERS)


def _log(seed: int, signs: int, chunks: float) -> bytes:
    """Lines of changing length with signs at random places, across the cuts of chunks and stretches too."""
    chance = random.Random(seed)
    size = int(chunks * intake.WHOLE_BYTES)
    line = b"".join(b"step %06d loss %s\n" % (number, b"1" * chance.randrange(1, 90)) for number in range(2000))
    data = bytearray((line * (size // len(line) + 1))[:size])
    for number in range(signs):
        at = chance.randrange(size)
        if number % 2:  # over a cut
            at = chance.randrange(1, int(chunks) + 1) * intake.WHOLE_BYTES - chance.randrange(len(_SIGN))
        data[at : at + len(_SIGN)] = _SIGN
    return bytes(data)


def _lines(document: Document) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in document.lines]


@pytest.mark.usefixtures("several")
@pytest.mark.parametrize(("signs", "chunks"), [(0, 2.5), (1, 3.0), (3, 4.01), (12, 5.3), (60, 7.7), (2, 8.0)])
def test_the_same_is_kept(tmp_path: Path, signs: int, chunks: float) -> None:
    data = _log(signs, signs, chunks)
    path = tmp_path / "train.log"
    path.write_bytes(data)
    streamed = intake.read_document(io.BytesIO(data))
    with path.open("rb") as file:
        shared = intake.read_document(file)
    assert _lines(shared) == _lines(streamed)


@pytest.mark.usefixtures("several")
def test_a_worker_that_dies_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = _log(7, 9, 6.2)
    path = tmp_path / "train.log"
    path.write_bytes(data)
    monkeypatch.setattr(shared_scan.os, "write", lambda descriptor, answer: os._exit(9))
    with path.open("rb") as file:
        shared = intake.read_document(file)
    assert _lines(shared) == _lines(intake.read_document(io.BytesIO(data)))


@pytest.mark.usefixtures("several")
def test_without_processes_it_is_read_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left() -> int:
        raise BlockingIOError("no process left")

    data = _log(3, 4, 4.5)
    path = tmp_path / "train.log"
    path.write_bytes(data)
    monkeypatch.setattr(shared_scan.os, "fork", none_left)
    with path.open("rb") as file:
        assert _lines(intake.read_document(file)) == _lines(intake.read_document(io.BytesIO(data)))


def test_short_files_and_threads_stream() -> None:
    assert shared_scan.workers_for(shared_scan.SMALLEST - 1) == 1
    asked: list[int] = []
    thread = threading.Thread(target=lambda: asked.append(shared_scan.workers_for(2 * shared_scan.SMALLEST)))
    thread.start()
    thread.join()
    assert asked == [1]


@pytest.mark.usefixtures("several")
def test_a_file_that_is_read_from_its_middle_streams(tmp_path: Path) -> None:
    data = _log(5, 2, 4.5)
    path = tmp_path / "train.log"
    path.write_bytes(data)
    with path.open("rb") as file:
        file.seek(1000)
        document = intake.read_document(file)
    assert _lines(document) == _lines(intake.read_document(io.BytesIO(data[1000:])))
