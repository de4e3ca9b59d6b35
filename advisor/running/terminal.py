"""A terminal for a command whose output goes to one: the same size and settings, so that progress bars and colours stay.

Only output goes through it. Input, Ctrl-C, Ctrl-Z and passwords stay with the real terminal, which the command still has.
"""

from __future__ import annotations

import fcntl
import os
import struct
import termios

_OUTPUT, _LOCAL = 1, 3  # places in what tcgetattr gives


class Terminal:
    """A pair of terminal ends: `ours` to read what the command writes to `theirs`."""

    def __init__(self, real: int) -> None:
        self._real = real
        self.ours, self.theirs = os.openpty()
        settings = termios.tcgetattr(real)
        # The real terminal turns line ends into what it needs; done twice it would not be the same bytes.
        settings[_OUTPUT] &= ~termios.OPOST
        settings[_LOCAL] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
        termios.tcsetattr(self.theirs, termios.TCSANOW, settings)
        self.resize()

    def resize(self) -> None:
        """Gives the command's terminal the size of the real one."""
        try:
            size = fcntl.ioctl(self._real, termios.TIOCGWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
            fcntl.ioctl(self.ours, termios.TIOCSWINSZ, size)
        except OSError:
            pass  # the real one is gone; the relay will see that
