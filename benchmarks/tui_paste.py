"""How long the terminal interface's screen stands still while 5 MB are pasted and diagnosed.

    python benchmarks/tui_paste.py [MEGABYTES]

The real command runs in a pseudo terminal and is given a bracketed paste as fast as it takes it. A task in its event loop, which
draws every frame, asks to be woken every 10 ms; by how much it is late is how long no frame could be drawn. Exit status 1 when
it was ever late by more than the limit.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import select
import struct
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

LIMIT_MS = 200.0
TICK = 0.01
LOG = Path(__file__).resolve().parent.parent / "docs" / "examples" / "qwen2.5-7b-lora.log"


def log_of(megabytes: float) -> str:
    """The example log after enough progress lines to fill so many megabytes."""
    line = "{{'loss': {0:.4f}, 'grad_norm': 1.17, 'learning_rate': 1.9e-05, 'epoch': {1:.3f}}}\n"
    tail = LOG.read_text(encoding="utf-8")
    count = int((megabytes * 1e6 - len(tail)) / len(line.format(1.0, 1.0)))
    return "".join(line.format(2.5 - i / count, i / 1000) for i in range(count)) + tail


def child(result: Path) -> None:
    """The app with the task that measures; writes its figures and leaves once it has diagnosed."""
    from advisor.tui.app import AdvisorApp
    from advisor.tui.session import Session

    class Measured(AdvisorApp):
        def on_ready(self) -> None:
            result.with_suffix(".ready").touch()
            self.measuring = asyncio.create_task(measure())

    app = Measured(Session())
    figures: dict[str, float] = {}
    late: list[tuple[float, float]] = []

    async def measure() -> None:
        start = time.perf_counter()
        while app.session.report is None or app.busy:
            before = time.perf_counter()
            await asyncio.sleep(TICK)
            late.append((before - start, time.perf_counter() - before - TICK))
            if app.log_pane.content and "shown_s" not in figures:
                figures["shown_s"] = time.perf_counter() - start
        figures["diagnosed_s"] = time.perf_counter() - start
        figures["characters"] = len(app.session.text) if isinstance(app.session.text, str) else 0
        await asyncio.sleep(0.5)
        worst_at, worst = max(late, key=lambda item: item[1])
        figures.update(worst_ms=worst * 1e3, worst_at_s=worst_at)
        result.write_text(json.dumps(figures), encoding="utf-8")
        app.exit()

    app.run()


def feed(descriptor: int, data: bytes, result: Path, seconds: float = 120.0) -> None:
    """Pastes `data` once the app is ready, and reads what it draws until its figures are there."""
    end = time.monotonic() + seconds
    left = memoryview(b"\x1b[200~" + data + b"\x1b[201~")
    ready = result.with_suffix(".ready")
    while time.monotonic() < end and not result.exists():
        wanted = [descriptor] if left and ready.exists() else []
        readable, writable, _ = select.select([descriptor], wanted, [], 0.05)
        try:
            if readable:
                os.read(descriptor, 65536)
            if writable:
                left = left[os.write(descriptor, left[:4096]) :]
        except OSError:
            return


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        child(Path(sys.argv[2]))
        return 0
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    text = log_of(megabytes)
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "figures.json"
        process, descriptor = pty.fork()
        if process == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [sys.executable, __file__, "--child", str(result)])
        ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        os.set_blocking(descriptor, False)
        feed(descriptor, text.encode(), result)
        time.sleep(0.2)
        os.close(descriptor)
        os.waitpid(process, 0)
        figures = json.loads(result.read_text(encoding="utf-8"))
    print(f"paste of {len(text) / 1e6:.1f} MB in {text.count(chr(10)):,} lines")
    print(f"whole text taken in: {int(figures['characters']) == len(text)}, shown after {figures['shown_s']:.1f} s")
    print(f"diagnosed after {figures['diagnosed_s']:.1f} s")
    print(
        f"longest time without a frame: {figures['worst_ms']:.0f} ms (at {figures['worst_at_s']:.1f} s), limit {LIMIT_MS:.0f}"
    )
    return 0 if figures["worst_ms"] <= LIMIT_MS and int(figures["characters"]) == len(text) else 1


if __name__ == "__main__":
    sys.exit(main())
