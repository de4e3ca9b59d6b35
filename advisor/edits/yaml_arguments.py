r"""Options of a program in the lists of a YAML file that starts a container: found as settings, changed and added in the list's own form.

>>> text = 'command:\n  - --max-model-len\n  - "32768"\n'
>>> [(item.path, item.value) for item in argument_entries(text)]
[('command.max_model_len', '32768')]
>>> print(added_argument(text, "max-num-seqs", 16, argument_entries(text)[0]), end="")
command:
  - --max-model-len
  - "32768"
  - --max-num-seqs
  - "16"
"""

from __future__ import annotations

from advisor.edits.entry import Entry, Value, line_end, line_start, normalised, number
from advisor.readers.runs.arguments import arguments_of

_PARENT = "command"


def argument_entries(text: str) -> list[Entry]:
    """The options and variables of all lists, each as a setting below `command`."""
    if "- " not in text and "[" not in text and "--" not in text:
        return []
    return [
        Entry(
            f"{_PARENT}.{normalised(item.name)}", item.name, item.value, item.start, item.end, item.at, item.to,
            is_variable=not item.name.startswith("-"),
        )
        for item in arguments_of(text)
    ]  # fmt: skip


def is_argument(entry: Entry) -> bool:
    """Whether a setting is an option of a list."""
    return entry.path.startswith(f"{_PARENT}.") and entry.name.startswith("-")


def added_argument(text: str, name: str, value: Value, near: Entry) -> str:
    """The text with a further option after `near`, written as `near` is."""
    option = f"--{name.lstrip('-')}"
    word = "" if value is True else _word(value)
    first = line_start(text, near.start)
    lead = text[first : near.start]
    if lead.strip() != "-":  # on one line: in brackets, or in one string
        quote = text[near.start] if text[near.start] in "\"'" else ""
        if "[" not in lead:
            piece = f" {option} {word}".rstrip()
        else:
            mark = quote or '"'
            piece = "".join(f", {mark}{part}{mark}" for part in (option, word) if part)
        return text[: near.end] + piece + text[near.end :]
    at = line_end(text, near.end)
    written = text[near.start : near.end]
    if not near.is_bare and "\n" not in written:  # `- --name=value`
        quote = written[0] if written[0] in "\"'" else ""
        rows = [f"{quote}{option}={word}{quote}" if word else f"{quote}{option}{quote}"]
    else:
        rows = [option, f'"{word}"'] if word else [option]
    return text[:at] + "".join(f"\n{lead}{row}" for row in rows) + text[at:]


def _word(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return number(value) if isinstance(value, int | float) else str(value)
