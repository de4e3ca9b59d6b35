"""Servers that tests start and end: PostgreSQL in a folder of its own, the bot itself."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_missing() -> str:
    """Why PostgreSQL can't be started here; empty: it can."""
    if not BINARIES and shutil.which("initdb") is None:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        return "PostgreSQL refuses to run as root, and runuser is not installed"
    return ""


@contextlib.contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """A PostgreSQL server with an empty folder; yields the address of its database `postgres`. `durable`: it waits for the disk."""
    folder = Path(tempfile.mkdtemp(prefix="advisor-pg-"))
    binaries = BINARIES[-1] if BINARIES else Path(str(shutil.which("initdb"))).parent
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    initdb = [*as_user, str(binaries / "initdb"), "-D", str(folder / "data"), "-U", "advisor", "-A", "trust", "-N"]
    subprocess.run(initdb, check=True, **quiet)  # type: ignore[call-overload]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c max_connections=200"
    options += "" if durable else " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-w"]
    subprocess.run([*control, "-o", options, "start"], check=True, **quiet)  # type: ignore[call-overload]
    try:
        yield f"postgresql://advisor@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, **quiet)  # type: ignore[call-overload]
        shutil.rmtree(folder, ignore_errors=True)


class Bot:
    """`advisor slack` in a process group of its own."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from advisor.cli import main; main()", "slack", *arguments],
                env=os.environ | environment,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def wait_ready(self, url: str, seconds: float = 30.0) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
            with contextlib.suppress(OSError, urllib.error.HTTPError), urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.log.read_text(encoding='utf-8')}")

    def kill(self) -> None:
        """SIGKILL to every process of the replica at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self, seconds: float = 60.0) -> int:
        """SIGTERM, as an operator does it; the exit status."""
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()
