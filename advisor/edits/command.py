r"""Command lines: options in both spellings, `key=value` overrides, environment variables in front, continuation lines.

>>> line = "torchrun --nproc_per_node 2 train.py --per-device-train-batch-size 4 \\\n    --bf16 True"
>>> [(item.path, item.value) for item in COMMAND.entries(line)]
[('nproc_per_node', '2'), ('per_device_train_batch_size', '4'), ('bf16', 'True')]
>>> print(COMMAND.added(line, ["gradient_checkpointing"], True, None))
torchrun --nproc_per_node 2 train.py --per-device-train-batch-size 4 \
    --bf16 True \
    --gradient-checkpointing True
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from advisor.edits.entry import Entry, Raw, Value, indent_of, line_end, line_start, normalised, number, switch, unquoted

_OPERATORS = ("|", ">", "<", "&", ";", "2>", "1>")
_TRUE_OR_FALSE = frozenset({"true", "false", "yes", "no", "on", "off"})
# Programs whose own options stand before the script that they start.
_LAUNCHERS = {"accelerate": "launch", "torchrun": "", "deepspeed": ""}
_CONTINUATIONS = ("\\", "`", "^")


class Token(Struct, frozen=True):
    """A word of a command, its quotes included."""

    text: str
    start: int
    end: int


def tokens_of(text: str) -> list[Token]:
    """The words of a command; line breaks, continuations and comments are between them."""
    found: list[Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace() or (char in _CONTINUATIONS and _ends_line(text, at)):
            at += 1
        elif char == "#" and (at == 0 or text[at - 1].isspace()):
            at = line_end(text, at)
        else:
            end = _word_end(text, at)
            found.append(Token(text[at:end], at, end))
            at = end
    return found


def _ends_line(text: str, at: int) -> bool:
    return not text[at + 1 : line_end(text, at)].strip()


def _word_end(text: str, at: int) -> int:
    while at < len(text) and not text[at].isspace():
        if text[at] in "\"'":
            closing = text.find(text[at], at + 1)
            at = len(text) if closing < 0 else closing + 1
        elif text[at] in _CONTINUATIONS and _ends_line(text, at):
            return at
        else:
            at += 2 if text[at] == "\\" else 1
    return min(at, len(text))


def is_option(word: str) -> bool:
    """Whether a word is the name of an option: `--x`, `-ngl`; not a negative number."""
    return word.startswith("-") and len(word) > 1 and (word[1].isalpha() or (word.startswith("--") and len(word) > 2))


def _is_operator(word: str) -> bool:
    return word.startswith(_OPERATORS)


def _is_override(word: str) -> bool:
    name, sign, _ = word.partition("=")
    name = name.lstrip("+~")
    return bool(sign) and name[:1].isalpha() and name.replace(".", "").replace("_", "").replace("-", "").isalnum()


def _is_number(word: str) -> bool:
    return unquoted(word).replace(".", "", 1).replace(",", "").lstrip("-").isdigit()


class _Command:
    """The notation of command lines."""

    def entries(self, text: str) -> list[Entry]:
        tokens = tokens_of(text)
        found: list[Entry] = []
        index = 0
        started = False
        while index < len(tokens):
            token = tokens[index]
            index += 1
            if _is_operator(token.text):
                break
            if is_option(token.text):
                started = True
                name, sign, value = token.text.partition("=")
                if sign:
                    at = token.start + len(name) + 1
                    found.append(_entry(name, value, token.start, at, token.end))
                    continue
                values = _values(tokens, index)
                index += len(values)
                if values:
                    written = text[values[0].start : values[-1].end]
                    found.append(_entry(name, written, token.start, values[0].start, values[-1].end))
                else:
                    found.append(_entry(name, "", token.start, token.end, token.end))
            elif _is_override(token.text):
                name, _, value = token.text.partition("=")
                variable = not started and name.isupper()
                found.append(_entry(name, value, token.start, token.start + len(name) + 1, token.end, variable))
            else:
                started = token.text not in ("export", "set", "env", "sudo", "nohup", "time")
        return found

    def changed(self, text: str, entry: Entry, value: Value) -> str:
        if entry.is_bare:
            if value is True:
                return text
            if value is False:
                return self.removed(text, entry)
            return f"{text[: entry.end]} {_written(value, '', text)}{text[entry.end :]}"
        old = text[entry.at : entry.to]
        return text[: entry.at] + _written(value, old, text) + text[entry.to :]

    def added(self, text: str, path: Sequence[str], value: Value, near: Entry | None) -> str:
        name = ".".join(path)
        if name.startswith("-") or not self._is_hydra(text):
            word = name if name.startswith("-") else f"--{name}"
            written = self._option(text, word, value)
        else:
            written = f"{name}={_written(value, '', text)}"
        return self.put(text, written)

    def _is_hydra(self, text: str) -> bool:
        tokens = [token.text for token in tokens_of(text)]
        overrides = sum(_is_override(word) and not word.split("=")[0].isupper() for word in tokens)
        return overrides > sum(is_option(word) for word in tokens)

    def _option(self, text: str, name: str, value: Value) -> str:
        """An option in the manner of the others: hyphens or underscores, a blank or `=`, `true` or `True`."""
        words = [token.text for token in tokens_of(text)]
        script = max((index for index, word in enumerate(words) if word.endswith(".py")), default=0)
        others = [word for word in words[script:] if word.startswith("--")]
        inner = [word.split("=")[0].strip("-") for word in others]
        if name.startswith("--") and "." not in name and _count("-", inner) > _count("_", inner):
            name = "--" + name[2:].replace("_", "-")
        if value is True and self._has_bare_switches(text):
            return name
        sign = "=" if sum("=" in word for word in others) * 2 > len(others) else " "
        if value == "":
            return name
        return f"{name}{sign}{_written(value, '', text)}"

    def switch_name(self, text: str, name: str) -> str:
        """A switch that stands alone, in the manner of the other options."""
        return self._option(text, f"--{name}", "")

    def _has_bare_switches(self, text: str) -> bool:
        """Whether switches stand alone here; `--bf16 True` says that they do not."""
        entries = self.entries(text)
        valued = any(unquoted(entry.value).lower() in _TRUE_OR_FALSE for entry in entries)
        return not valued and any(entry.is_bare for entry in entries)

    def put(self, text: str, words: str) -> str:
        """The command with further words at the end of its options, on a line of their own where the options have lines."""
        tokens = tokens_of(text)
        last = 0
        for token in tokens:
            if _is_operator(token.text):
                break
            last = token.end
        first_line = line_end(text, 0)
        if last <= first_line:
            return f"{text[:last]} {words}{text[last:]}".lstrip(" ") if last else words
        stop = line_end(text, last)
        rest = text[last:stop]
        indent = indent_of(text, last)
        if not text[line_start(text, last) : last].strip().startswith(("-", "+")) and not _is_override(
            text[line_start(text, last) : last].strip().split(" ")[0]
        ):
            indent = indent or "    "
        mark = next((line.rstrip()[-1:] for line in text.split("\n") if line.rstrip()[-1:] in _CONTINUATIONS), "")
        if rest.strip() in ("", mark):
            before = f" {mark}" if mark else ""
            return f"{text[:last]}{before}\n{indent}{words}{rest if rest.strip() else ''}{text[stop:]}"
        return f"{text[:last]} {words}{text[last:]}"

    def put_before_script(self, text: str, words: str) -> str | None:
        """The command with words for its launcher, which stand before the script; None where it has no launcher that takes any."""
        tokens = tokens_of(text)
        for index, token in enumerate(tokens):
            program = token.text.rsplit("/", 1)[-1]
            if program in _LAUNCHERS:
                after = _LAUNCHERS[program]
                if after and (index + 1 >= len(tokens) or tokens[index + 1].text != after):
                    return None
                end = tokens[index + 1].end if after else token.end
                return f"{text[:end]} {words}{text[end:]}"
        return None

    def put_variable(self, text: str, name: str, value: str) -> str:
        """The command with an environment variable in front of it."""
        return f"{name}={value} {text}"

    def removed(self, text: str, entry: Entry) -> str:
        first, stop = line_start(text, entry.start), line_end(text, entry.end)
        before, after = text[first : entry.start], text[entry.end : stop]
        if not before.strip() and after.strip() in ("", *_CONTINUATIONS) and first > 0:
            if after.strip() or stop < len(text):  # a line of its own between others
                return text[:first] + text[stop + 1 :]
            kept = text[: first - 1].rstrip()
            return kept[:-1].rstrip() if kept.endswith(_CONTINUATIONS) else kept
        start = entry.start
        while start > first and text[start - 1] in " \t":
            start -= 1
        return text[:start] + text[entry.end :]


def _count(char: str, words: Sequence[str]) -> int:
    return sum(char in word for word in words)


def _entry(name: str, value: str, start: int, at: int, to: int, variable: bool = False) -> Entry:
    return Entry(normalised(name), name, unquoted(value), start, max(to, at), at, to, is_variable=variable)


def _values(tokens: list[Token], index: int) -> list[Token]:
    """The words that belong to an option: numbers together, or plain words together; a switch has none."""
    found: list[Token] = []
    for token in tokens[index:]:
        word = token.text
        if is_option(word) or _is_operator(word):
            break
        if not found:
            if word.endswith((".py", ".sh")) or (_is_override(word) and "." in word.split("=")[0]):
                break
            found.append(token)
            if unquoted(word).lower() in _TRUE_OR_FALSE:
                break
            continue
        first = found[0].text
        alike = _is_number(word) if _is_number(first) else (word.replace("_", "").isalpha() and "_" in word)
        if not alike:
            break
        found.append(token)
    return found


def _written(value: Value, old: str, text: str) -> str:
    if isinstance(value, bool):
        lower = " true" in text or "=true" in text or " false" in text or "=false" in text
        return switch(value, old, "true" if lower else "True")
    if isinstance(value, int | float):
        word = number(value)
    else:
        word = value
    if old[:1] in ("'", '"') and old[-1:] == old[:1] and len(old) > 1:
        return f"{old[0]}{word}{old[0]}"
    if isinstance(value, Raw):
        return value
    if any(char in word for char in " |&;<>*?") and word[:1] not in "\"'":
        return f'"{word}"'
    return word


COMMAND = _Command()
