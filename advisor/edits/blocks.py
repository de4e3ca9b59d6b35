r"""The commands and configurations that a text shows, each with its lines: what can be given back changed.

>>> text = "it dies:\n$ torchrun train.py \\\n    --bf16 True\nTraceback (most recent call last):\n"
>>> [(block.kind, block.first, block.last, block.text) for block in blocks_of(text.split("\n"), lambda key: True)]
[('command', 1, 2, 'torchrun train.py \\\n    --bf16 True')]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import re2
from msgspec import Struct

from advisor.edits.command import COMMAND, is_option, tokens_of
from advisor.edits.entry import Entry, Notation
from advisor.edits.json_text import JSON
from advisor.edits.modelfile_text import MODELFILE
from advisor.edits.python_text import PYTHON
from advisor.edits.toml_text import TOML
from advisor.edits.yaml_text import YAML

Kind: TypeAlias = Literal["command", "yaml", "json", "toml", "python", "modelfile"]
NOTATIONS: dict[str, Notation] = {
    "command": COMMAND, "yaml": YAML, "json": JSON, "toml": TOML, "python": PYTHON, "modelfile": MODELFILE,
}  # fmt: skip

MAX_LINES = 5_000  # of the text, from each end
MAX_BLOCK = 400  # lines
MAX_LINE = 4_000  # characters
MAX_BLOCKS = 200
MAX_PARSED = 200_000  # characters tried as blocks, in all; Python, which is parsed, counts four times
MAX_LOOKS = 200_000  # at lines, in all: text that keeps beginning blocks that never end is left alone
LAUNCHERS = frozenset({
    "python", "python3", "torchrun", "accelerate", "deepspeed", "trl", "swift", "llamafactory-cli", "vllm", "srun", "tune", "axolotl",
    "lmdeploy", "xtuner", "litgpt", "lerobot-train", "llama-server", "llama-cli", "llama-bench", "bash", "sh", "uv", "ray", "megatron",
    "yolo", "docker", "text-generation-launcher", "sglang", "ollama", "nnUNetv2_train", "whisper", "trtllm-build", "trtllm-serve",
    "paddle", "invokeai", "mpirun", "poetry", "export", "set",
})  # fmt: skip
_BEFORE = frozenset({"nohup", "sudo", "env", "time", "exec"})
_LOGGED = ("md", "ommand", "unning", "xecuting", "aunching")  # words of the pattern `logged`


class Block(Struct, frozen=True):
    """A command or a configuration of the text.

    Attributes:
        first, last: its lines, as indexes into the lines of the text.
        lead: what stands before it on its first line (a prompt) and is no part of it.
        quote: what every line begins with that is no part of it (`> `).
        text: the block itself.
        entries: its settings.
    """

    kind: Kind
    first: int
    last: int
    lead: str
    quote: str
    text: str
    entries: tuple[Entry, ...]

    @property
    def notation(self) -> Notation:
        return NOTATIONS[self.kind]

    def lines(self, text: str) -> list[str]:
        """The lines of the whole text that `text` in the block's place would have."""
        rows = text.split("\n")
        return [f"{self.quote}{self.lead}{rows[0]}", *(f"{self.quote}{row}" for row in rows[1:])]


@cache
def _patterns() -> dict[str, Any]:
    return {
        "prompt": re2.compile(r"^\s*(?:\([\w.-]+\)\s*)?(?:[\w.@~:/\[\] -]*?[$#>%❯]\s+|!|\+ )?"),
        "logged": re2.compile(r"^[^\n]{0,200}?\b(?:[Cc]md|[Cc]ommand|[Rr]unning|[Ee]xecuting|[Ll]aunching)(?: command)?\s*[:=]\s+"),
        "quote": re2.compile(r"^(?:> ?)+"),
        "variable": re2.compile(r"^[A-Z][A-Z0-9_]*=\S*$"),
        "yaml": re2.compile(r"^\s*(?:- +)*(?:\"[A-Za-z_][^\"\n]*\"|'[A-Za-z_][^'\n]*'|[A-Za-z_][\w./-]*)\s*:(?:\s+\S.*|\s*)$"),
        "item": re2.compile(r"^\s*- \S"),
        "prose": re2.compile(r"^\s*(?:- +)*[\w./-]+\s*:\s+\S+(?:\s+[A-Za-z]{2,}){2,}"),
        "json": re2.compile(r"^\s*(?:\"[^\"\n]+\"\s*:|[{}\[\]],?\s*$|\{\s*\"|\"[^\"\n]*\",?\s*$)"),
        "toml": re2.compile(r"^\s*(?:\[+[\w.\" -]+\]+|[A-Za-z_][\w.-]*\s*=\s*(?:true|false|-?[0-9][\w.]*|\".*\"|'.*'|\[.*\]))\s*(?:#.*)?$"),
        "python": re2.compile(
            r"^\s*(?:[A-Za-z_]\w*\s*(?::\s*[\w.\[\], |]+)?=\s*[^=\s]|[A-Za-z_][\w.]*\(|return [\w.]+\(|(?:from|import) |"
            r"@|class |def |with |if |for )"
        ),
        "modelfile": re2.compile(r"(?i)^\s*(?:FROM\s+\S+|PARAMETER\s+[a-z_]+\s+\S+)\s*$"),
        "section": re2.compile(r"^\s*\[[A-Za-z_][\w. -]*\]\s*$"),
        "toml_switch": re2.compile(r"=\s*(?:true|false)\s*(?:#.*)?$"),
    }  # fmt: skip


def blocks_of(lines: Sequence[str], known: Callable[[str], bool], *, is_toml: bool = False) -> list[Block]:
    """The blocks of a text in their order.

    Args:
        lines: of the text as it was pasted.
        known: whether a key may be a setting of some program; what has none is no block (a command always is one).
        is_toml: the text is of a program whose configuration is TOML.
    """
    chosen = range(len(lines))
    if len(lines) > 2 * MAX_LINES:
        chosen = range(len(lines) - MAX_LINES, len(lines))
    found: list[Block] = []
    index = chosen.start
    looks = _Looks()
    while index < chosen.stop and len(found) < MAX_BLOCKS and looks.made < MAX_LOOKS and looks.parsed < MAX_PARSED:
        block = None
        if 0 < len(lines[index]) < MAX_LINE and not lines[index].isspace():
            block = next(_at(lines, index, looks, is_toml=is_toml), None)
        if block is None:
            index += 1
            continue
        if block.kind == "command" or any(known(entry.path) for entry in block.entries):
            found.append(block)
        index = block.last + 1
    return found


class _Looks:
    """How many lines have been looked at, and how many characters tried as blocks."""

    def __init__(self) -> None:
        self.made = 0
        self.parsed = 0


def _at(lines: Sequence[str], index: int, looks: _Looks, *, is_toml: bool) -> Iterator[Block]:
    """The block that begins on a line, tried in every notation."""
    match = _patterns()["quote"].match(lines[index])
    quote = match.group(0) if match else ""
    rows = _Rows(lines, quote, looks)
    for reader in (_command, _modelfile, _json, _config, _python) if not is_toml else (_command, _json, _config):
        block = reader(rows, index, is_toml)
        if block is not None:
            yield block


class _Rows:
    """The lines of a text without the quotation marks of mail."""

    def __init__(self, lines: Sequence[str], quote: str, looks: _Looks) -> None:
        self._lines = lines
        self.quote = quote
        self.looks = looks

    def __getitem__(self, index: int) -> str:
        """The line, or a line that belongs to nothing where the text ends or the quotation does."""
        self.looks.made += 1
        if index >= len(self._lines):
            return "\0"
        line = self._lines[index]
        if not line.startswith(self.quote):
            return "" if line == self.quote.rstrip() else "\0"
        return line[len(self.quote) :]


def _block(kind: Kind, rows: _Rows, first: int, last: int, lead: str = "") -> Block | None:
    text = "\n".join(rows[index] for index in range(first, last + 1))[len(lead) :]
    rows.looks.parsed += len(text) * (4 if kind == "python" else 1)
    entries = tuple(NOTATIONS[kind].entries(text))
    return Block(kind, first, last, lead, rows.quote, text, entries) if entries else None


def _command(rows: _Rows, first: int, is_toml: bool) -> Block | None:
    row = rows[first]
    match = _patterns()["prompt"].match(row)
    lead = match.group(0) if match else ""
    starts = _starts(row[len(lead) :])
    if not starts and any(word in row for word in _LOGGED):
        logged = _patterns()["logged"].match(row)
        if logged is not None:
            lead = logged.group(0)
            starts = _starts(row[len(lead) :])
    if not starts:
        lead = row[: len(row) - len(row.lstrip())]
        words = row.split()
        is_options = (
            bool(words) and words[0].startswith("--") and is_option(words[0].partition("=")[0]) and len(words) <= 8
        )
        if not is_options and not _starts(row[len(lead) :]):
            return None
        lead = "" if is_options else lead
    last = first
    while last - first < MAX_BLOCK:
        row, following = rows[last].rstrip(), rows[last + 1].strip()
        goes_on = row.endswith(("\\", " `", " ^")) or (row.lstrip().startswith("#") and last > first)
        if not following or following == "\0" or not (goes_on or is_option(following.split()[0].partition("=")[0])):
            break
        last += 1
    while last > first and rows[last].lstrip().startswith("#"):
        last -= 1
    return _block("command", rows, first, last, lead)


def _starts(line: str) -> bool:
    words = line.split()
    while words and (words[0] in _BEFORE or ("=" in words[0] and _patterns()["variable"].match(words[0]))):
        words = words[1:]
    if len(words) < 2 or words[0].endswith((":", ",")):
        return False
    program = words[0].rsplit("/", 1)[-1]
    if program in ("export", "set"):
        return "=" in words[1]
    if program not in LAUNCHERS and not (words[0].startswith("./") or words[0].endswith((".py", ".sh"))):
        return False
    return any(is_option(token.text) or "=" in token.text for token in tokens_of(line)) or line.rstrip().endswith("\\")


def _modelfile(rows: _Rows, first: int, is_toml: bool) -> Block | None:
    """Instructions of a Modelfile with comments and blank lines between them; a Dockerfile has no PARAMETER."""
    pattern = _patterns()["modelfile"]
    if not pattern.match(rows[first]):
        return None
    last, index, has_parameter = first, first, False
    while index - first < MAX_BLOCK and rows[index] != "\0":
        row = rows[index].strip()
        if pattern.match(row):
            last = index
            has_parameter |= row[:9].upper() == "PARAMETER"
        elif row and not row.startswith("#"):
            break
        index += 1
    return _block("modelfile", rows, first, last) if has_parameter else None


def _json(rows: _Rows, first: int, is_toml: bool) -> Block | None:
    if not _patterns()["json"].match(rows[first]) or rows[first].strip()[:1] in "}]":
        return None
    depth = 0
    last, index = -1, first
    while index - first < MAX_BLOCK and rows[index] != "\0":
        row = rows[index]
        if not row.strip() and depth <= 0:
            break
        depth += row.count("{") + row.count("[") - row.count("}") - row.count("]")
        if depth < 0 or (
            depth == 0 and not _patterns()["json"].match(row) and not row.rstrip().endswith(("}", "},", "]", "],"))
        ):
            break
        last = index
        if depth == 0 and row.strip()[:1] in "}" and not rows[index + 1].strip().startswith('"'):
            break
        index += 1
    if last < 0 or depth > 0:
        return None
    block = _block("json", rows, first, last)
    return block if block is not None and '"' in block.text and ":" in block.text else None


def _config(rows: _Rows, first: int, is_toml: bool) -> Block | None:
    """YAML or TOML: lines of key and value, with comments, lists and single blank lines between them."""
    for kind in ("toml", "yaml"):
        pattern = _patterns()[kind]
        if not pattern.match(rows[first]) or (kind == "yaml" and not _is_yaml(rows[first])):
            continue
        last, index, settings = first, first, 0
        while index - first < MAX_BLOCK and rows[index] != "\0":
            row = rows[index]
            fits = pattern.match(row) and (kind == "toml" or _is_yaml(row))
            if fits:
                settings += 1
                last = index
            elif kind == "yaml" and _patterns()["item"].match(row) and not _patterns()["prose"].match(row):
                last = index
            elif (row.strip() and not row.lstrip().startswith(("#", "---"))) or (
                not row.strip() and not rows[index + 1].strip()
            ):
                break
            index += 1
        block = _block("yaml" if kind == "yaml" else "toml", rows, first, last)
        if block is None or (kind == "toml" and not is_toml and not _is_toml(block.text)):
            continue
        return block
    return None


def _is_yaml(row: str) -> bool:
    stripped = row.strip()
    return (
        not _patterns()["prose"].match(row)
        and not stripped.startswith(("http:", "https:", "File ", "Traceback"))
        and not stripped.split(":")[0].endswith(("Error", "Exception", "Warning", "INFO", "ERROR", "WARNING"))
    )


def _is_toml(text: str) -> bool:
    lines = text.split("\n")
    return any(_patterns()["section"].match(line) or _patterns()["toml_switch"].search(line) for line in lines)


def _python(rows: _Rows, first: int, is_toml: bool) -> Block | None:
    """Statements one below the other, each with its brackets closed; as many as can be parsed together."""
    if not _patterns()["python"].match(rows[first]):
        return None
    last, index, depth = -1, first, 0
    while index - first < MAX_BLOCK and rows[index] != "\0":
        row = rows[index]
        code = row.split(" #")[0]
        blank = not row.strip() or row.lstrip().startswith("#")
        if depth == 0 and not blank and not _patterns()["python"].match(row):
            break
        if depth == 0 and not row.strip() and not rows[index + 1].strip():
            break
        if depth > 0 and row.startswith(("Traceback", "  File ")):
            return None
        if not row.lstrip().startswith("#"):
            depth += sum(code.count(char) for char in "([{") - sum(code.count(char) for char in ")]}")
        if depth < 0:
            return None
        if depth == 0 and not blank:
            last = index
        index += 1
    while last >= first:
        block = _block("python", rows, first, last)
        if block is not None:
            return block
        last = _shorter(rows, first, last)
    return None


def _shorter(rows: _Rows, first: int, last: int) -> int:
    """The end of the first statement, where all together can't be parsed; before `first` where that was tried."""
    depth = 0
    for index in range(first, last):
        code = rows[index].split(" #")[0]
        depth += sum(code.count(char) for char in "([{") - sum(code.count(char) for char in ")]}")
        if depth <= 0:
            return index
    return first - 1
