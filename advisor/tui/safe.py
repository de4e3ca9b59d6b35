"""Text from outside made safe to print: nothing in it may drive the terminal."""

from __future__ import annotations

import re2

# Control Pictures for what a terminal would obey; tabs become blanks. U+0080 to U+009F are controls too.
_CONTROLS: dict[int, str] = {code: chr(0x2400 + code) for code in range(0x20)}
_CONTROLS |= {0x09: "    ", 0x7F: "␡"}
_CONTROLS |= dict.fromkeys(
    [*range(0x80, 0xA0), *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2066, 0x206A)], "·"
)
_COLOURS = re2.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")


def printable(line: str) -> str:
    """One line without colours, its other control characters made visible.

    >>> printable("\\x1b[31mred\\x1b[0m \\x1b]52;c;aGk=\\x07")
    'red ␛]52;c;aGk=␇'
    """
    if "\x1b" in line:
        line = str(_COLOURS.sub("", line))
    return line if line.isascii() and line.isprintable() else line.translate(_CONTROLS)


def plain_lines(text: str) -> list[str]:
    """The lines of a text, ended by any of the usual newlines, each printable.

    >>> plain_lines("10%\\r20%\\r\\ndone\\x07")
    ['10%', '20%', 'done␇']
    """
    return [printable(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
