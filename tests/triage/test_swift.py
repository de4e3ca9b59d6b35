"""The quick layer over google-re2 gives what the plain one gives, for any pattern and any text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_every_method_gives_the_same() -> None:
    probe = Path(__file__).with_name("swift_probe.py")
    done = subprocess.run([sys.executable, str(probe)], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 200, "enough patterns to prove something"
