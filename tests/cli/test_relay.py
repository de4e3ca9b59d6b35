"""The parts of `advisor run`: what a tap keeps, and relays through the kernel and through memory."""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

import pytest

from advisor.running import relay as relays
from advisor.running.pipes import pipe
from advisor.running.relay import Relay
from advisor.running.tap import BURST_BYTES, BYTES_PER_SECOND, NEWEST_BYTES, WHOLE_BYTES, Tap

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
OOM = b"torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"
STEP = b"{'loss': 2.1}\n"


def write_without_end(mouth: int) -> None:
    while True:
        os.write(mouth, b"x" * 4096)


def text_of(tap: Tap) -> str:
    return tap.intake().document().text


def test_a_short_stream_is_kept_as_it_is() -> None:
    tap = Tap()
    for piece in (b"a\nCUDA out of me", b"mory\n", b"b"):
        tap.add(piece)
    assert tap.may_fail
    assert text_of(tap) == "a\nCUDA out of memory\nb"


def test_a_long_stream_keeps_its_beginning_its_failure_and_its_end() -> None:
    tap = Tap(clock=lambda: 0.0)
    tap.add(b"python train.py --batch-size 4\n")
    block = STEP * 5000
    for number in range(2 * WHOLE_BYTES // len(block)):
        tap.add(block if number != 300 else OOM + block)
    tap.add(b"the end\n")
    assert tap.may_fail
    text = text_of(tap)
    assert text.startswith("python train.py")
    assert "CUDA out of memory" in text
    assert text.endswith("the end")
    assert len(text) < 4 * 2**20


def test_what_comes_too_fast_for_long_is_left_out_but_for_its_newest_part() -> None:
    now = 0.0
    tap = Tap(clock=lambda: now)
    block = STEP * 5000
    count = 3 * BURST_BYTES // len(block)
    for _ in range(count):
        tap.offer(block)
    tap.offer(OOM)
    tap.close()
    kept = len("".join(text_of(tap)))
    assert kept <= BURST_BYTES + NEWEST_BYTES + 2 * len(block)
    assert tap.may_fail
    now += 10 * BURST_BYTES / BYTES_PER_SECOND
    assert tap.may_read, "the allowance comes back with time, up to a burst"


@pytest.mark.parametrize("through", ["kernel", "memory"])
@pytest.mark.parametrize("target", ["pipe", "file", "append"])
def test_bytes_are_passed_on_unchanged_and_kept(
    through: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if through == "kernel" and not hasattr(os, "splice"):
        pytest.skip("splice and tee are Linux's")
    if through == "memory":
        monkeypatch.setattr(relays, "_tee", lambda: None)
    rng = random.Random(3)
    data = b"".join(rng.choice((STEP, OOM, b"\xff\x00", b"x" * 70_000)) for _ in range(300))
    source, mouth = pipe()
    path = tmp_path / "out"
    received: list[bytes] = []
    if target == "pipe":
        reader, end = os.pipe()
        thread = threading.Thread(target=lambda: received.extend(iter(lambda: os.read(reader, 65536), b"")))
        thread.start()
    else:
        end = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_APPEND if target == "append" else 0))
    tap = Tap()
    relay = Relay(source, end, tap, piped=True)
    relay.start()
    place = 0
    while place < len(data):
        size = rng.choice((1, 10, 1000, 100_000))
        place += os.write(mouth, data[place : place + size])
    os.close(mouth)
    relay.finish()
    os.close(end)
    if target == "pipe":
        thread.join()
        os.close(reader)
        assert b"".join(received) == data
    else:
        assert path.read_bytes() == data
    assert relay.ended
    assert b"".join(tap._raw) == data


@pytest.mark.parametrize("through", ["kernel", "memory"])
def test_a_relay_that_nobody_reads_closes_its_source(through: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if through == "memory":
        monkeypatch.setattr(relays, "_tee", lambda: None)
    source, mouth = pipe()
    reader, end = os.pipe()
    relay = Relay(source, end, Tap(), piped=True)
    os.close(reader)
    relay.start()
    with pytest.raises(BrokenPipeError):
        write_without_end(mouth)
    relay.finish()
    assert relay.ended
    assert relay.failure
    os.close(mouth)
    os.close(end)


@pytest.mark.parametrize("through", ["kernel", "memory"])
def test_a_relay_that_is_told_to_stop_passes_on_what_is_there(through: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if through == "memory":
        monkeypatch.setattr(relays, "_tee", lambda: None)
    source, mouth = pipe()
    reader, end = os.pipe()
    os.write(mouth, b"last words")
    relay = Relay(source, end, Tap(), piped=True)
    relay.stop()
    relay.start()
    relay.finish()
    assert not relay.ended, "somebody may still write"
    assert os.read(reader, 100) == b"last words"
    for each in (source, mouth, reader, end):
        os.close(each)
