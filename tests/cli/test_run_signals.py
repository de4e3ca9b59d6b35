"""`advisor run` under signals, broken pipes, left-behind processes and terminals: the command's fate is the same as alone."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import Screen, advisor, alive, eventually, script, started

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

TELLS = """
import os, signal, sys, time
def tell(number, frame):
    with open(sys.argv[1], "a") as out:
        out.write(f"{number}\\n")
    if number == signal.SIGTERM:
        sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT):
    signal.signal(number, tell)
with open(sys.argv[1], "a") as out:
    out.write(f"pid {os.getpid()}\\n")
while True:
    time.sleep(0.05)
"""


def lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1] if path.exists() else []


def test_signals_reach_the_command_once_each_and_its_status_comes_back(tmp_path: Path) -> None:
    told = tmp_path / "told"
    running = started("run", "--", sys.executable, script(tmp_path, "train.py", TELLS), str(told))
    eventually(lambda: lines(told))
    sent = [signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT, signal.SIGINT, signal.SIGTERM]
    for count, number in enumerate(sent, 2):
        running.send_signal(number)
        eventually(lambda count=count: len(lines(told)) >= count)  # type: ignore[misc]
    running.communicate(timeout=60)
    assert running.returncode == 7
    assert lines(told)[1:] == [str(int(number)) for number in sent]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_a_signal_ends_shows_it_in_the_status(number: signal.Signals, status: int) -> None:
    running = started("run", "--", "sh", "-c", "echo ready; exec sleep 100")
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (status, b"", b"")


def test_a_signal_to_the_whole_group_reaches_grandchildren_too() -> None:
    running = started("run", "--", "sh", "-c", "sleep 100 & echo $!; wait")
    assert running.stdout is not None
    grandchild = int(running.stdout.readline())
    os.killpg(running.pid, signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == 143
    eventually(lambda: not alive(grandchild))


def test_ignored_signals_stay_ignored() -> None:
    line = f"trap '' HUP; exec {sys.executable} -m advisor run -- sh -c 'echo ready; sleep 1; echo done'"
    running = subprocess.Popen(
        ["sh", "-c", line], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"ready\n"
    os.killpg(running.pid, signal.SIGHUP)
    out, _ = running.communicate(timeout=60)
    assert (running.returncode, out) == (0, b"done\n")


@pytest.mark.skipif(not Path("/proc").exists(), reason="a death signal needs Linux")
def test_the_command_does_not_outlive_an_advisor_that_is_killed() -> None:
    running = started("run", "--", "sh", "-c", "echo $$; exec sleep 100", stdout=subprocess.PIPE)
    assert running.stdout is not None
    child = int(running.stdout.readline())
    running.kill()
    running.communicate(timeout=60)
    eventually(lambda: not alive(child))


def test_stopping_and_going_on() -> None:
    running = started("run", "--", "sh", "-c", "echo $$; exec sleep 100")
    assert running.stdout is not None
    child = int(running.stdout.readline())

    def state(pid: int) -> str:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]

    if not Path("/proc").exists():
        pytest.skip("states of processes are read from /proc")
    running.send_signal(signal.SIGTSTP)
    eventually(lambda: state(child) == "T" and state(running.pid) == "T")
    running.send_signal(signal.SIGCONT)
    eventually(lambda: state(child) == "S" and state(running.pid) == "S")
    running.terminate()
    running.communicate(timeout=60)
    assert running.returncode == 143


def test_a_reader_that_goes_away_ends_the_command_as_it_would_alone() -> None:
    line = f"set -o pipefail; {sys.executable} -m advisor run -- yes | head -n 2; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "y\ny\n141\n"
    assert "Traceback" not in done.stderr
    assert "advisor" not in done.stderr


def test_a_command_that_minds_no_broken_pipe_goes_on(tmp_path: Path) -> None:
    job = script(
        tmp_path,
        "job.sh",
        f"""
trap "" PIPE
for i in 1 2 3 4 5 6 7 8; do sleep 0.1; echo $i; done 2>/dev/null
echo end > {tmp_path}/end
exit 4
""",
    )
    line = f"{sys.executable} -m advisor run -- sh {job} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout == "1\n4\n"
    assert (tmp_path / "end").read_text() == "end\n"


def test_a_process_that_is_left_behind_does_not_hold_the_advisor_and_keeps_its_output(tmp_path: Path) -> None:
    go = tmp_path / "go"
    running = started("run", "--", "sh", "-c", f"(while [ ! -e {go} ]; do sleep 0.05; done; echo late) & echo early")
    assert running.wait(60) == 0, "it does not wait for what was left behind"
    go.write_text("")
    assert running.communicate(timeout=60)[0] == b"early\nlate\n"


def test_a_slow_reader_of_one_stream_does_not_hold_the_other() -> None:
    running = started(
        "run", "--", "sh", "-c", "echo first >&2; head -c 8000000 /dev/zero & sleep 0.5; echo second >&2; wait"
    )
    assert running.stderr is not None
    assert running.stdout is not None
    assert running.stderr.readline() == b"first\n"
    assert running.stderr.readline() == b"second\n"
    assert len(running.communicate(timeout=60)[0]) == 8_000_000
    assert running.returncode == 0


SIZES = "import os, sys; print([os.isatty(n) for n in (0, 1, 2)], *os.get_terminal_size(1), flush=True)"


def test_on_a_terminal_the_command_has_a_terminal_of_the_same_size() -> None:
    screen = Screen("run", "--", sys.executable, "-c", SIZES)
    assert screen.status() == 0
    assert screen.text == b"[True, True, True] 97 31\r\n"


def test_a_changed_size_is_followed() -> None:
    import fcntl
    import struct
    import termios

    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('now', *os.get_terminal_size(1), flush=True))\n"
        "print('ready', flush=True)\nwhile True: time.sleep(0.05)"
    )
    screen = Screen("run", "--", sys.executable, "-c", code)
    screen.until(b"ready")
    fcntl.ioctl(screen.ends, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 123, 0, 0))
    screen.until(b"now 123 40")
    screen.type(b"\x03")
    assert screen.status() in (1, 130)


def test_ctrl_c_reaches_the_command_once() -> None:
    code = (
        "import select, signal\ncount = [0]\n"
        "def hit(*_):\n    count[0] += 1\n    print('hit', count[0], flush=True)\n"
        "signal.signal(signal.SIGINT, hit)\nprint('ready', flush=True)\n"
        "while not select.select([0], [], [], 0.05)[0]: pass"
    )
    screen = Screen("run", "--", sys.executable, "-c", code)
    screen.until(b"ready")
    screen.type(b"\x03")
    screen.until(b"hit 1")
    screen.type(b"\n")
    assert screen.status() == 0
    assert b"hit 2" not in screen.text


def test_what_is_typed_reaches_the_command_and_progress_bars_stay() -> None:
    code = "import sys; print(input('name? '), end='\\r50%\\r100%\\n')"
    screen = Screen("run", "--", sys.executable, "-c", code)
    screen.until(b"name? ")
    screen.type(b"ana\n")
    assert screen.status() == 0
    assert screen.text.endswith(b"ana\r50%\r100%\r\n")


def test_the_diagnosis_comes_on_the_terminal_after_the_output() -> None:
    screen = Screen("run", "--", "sh", "-c", "echo step 7; kill -9 $$")
    assert screen.status() == 137
    assert screen.text.index(b"step 7") < screen.text.index(b"ran out of RAM")


def test_only_one_stream_on_a_terminal() -> None:
    write = "sys.stdout.write(str([os.isatty(n) for n in (1, 2)]) + chr(10))"  # in one piece: stderr is another stream
    code = f"import os, sys; {write}; sys.stderr.write(chr(10))"
    line = f"{sys.executable} -m advisor run -- {sys.executable} -c '{code}' | cat"
    pid, ends = pty.fork()
    if not pid:
        os.execvp("sh", ["sh", "-c", line])
    text = b""
    while True:
        try:
            data = os.read(ends, 1024)
        except OSError:
            break
        if not data:
            break
        text += data
    os.waitpid(pid, 0)
    os.close(ends)
    assert b"[False, True]\r\n" in text


def test_the_quick_way_imports_neither_click_nor_the_rules() -> None:
    code = (
        "import sys; sys.argv = ['advisor', 'run', '--', 'true']\nimport os\n"
        "os._exit = lambda status: print(sorted(m for m in sys.modules if m in ('click', 'msgspec', 're2', 'typing', 'rich')), status)\n"
        "import advisor.cli\ntry:\n    advisor.cli._run_at_once(['true'])\nfinally:\n    sys.stdout.flush()"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.endswith("[] 0\n"), done
    assert advisor("run", "--", "true").returncode == 0
