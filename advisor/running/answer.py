"""Where a diagnosis of a running or watched command goes: stderr or a file, as text, JSON or Markdown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TextIO

from msgspec import Struct, field

from advisor.diagnosis import Preferences, diagnose
from advisor.errors import InputError
from advisor.facts import VRAM_KINDS, FactValue, Lang
from advisor.library import Library
from advisor.readers.document import Document
from advisor.report import Diagnosis

Form = Literal["text", "json", "markdown"]
# Failures that are worth a word when nobody has asked: memory of any sort. Others the command has told itself.
WORTH_SAYING = (VRAM_KINDS | {"host_oom", "shm", "kernel_resources"}) - {"question"}


class Answering(Struct, frozen=True):
    """How to answer.

    Attributes:
        form: text, json or markdown.
        lang: `auto` takes Chinese where the locale is Chinese, else the language of the log.
        output: the file for the answer; stderr without one.
        stdout: it is what was asked for, so it goes to standard output.
        append: answers are added to the file; otherwise each replaces what was there.
        stated: facts that override what the log says.
    """

    library: Library
    form: Form = "text"
    lang: Literal["auto", "en", "zh"] = "auto"
    output: str = ""
    append: bool = False
    stdout: bool = False
    stated: Mapping[str, FactValue] = field(default_factory=dict)
    preferences: Preferences = field(default_factory=Preferences)
    explain: bool = False
    everything: bool = False

    def diagnosed(self, document: Document) -> Diagnosis:
        """The diagnosis of a document with these options."""
        return diagnose(
            document, stated=self.stated, library=self.library, preferences=self.preferences, lang=self.language()
        )

    def language(self) -> Literal["auto", "en", "zh"]:
        """The language that was asked for, by option or by the locale."""
        if self.lang != "auto":
            return self.lang
        locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
        return "zh" if locale.lower().startswith("zh") else "auto"

    def put(self, diagnosis: Diagnosis, notes: Sequence[str], extra: Mapping[str, Any] | None = None) -> None:
        """Writes the diagnosis, with notes before it (in JSON: with `extra`).

        Raises:
            InputError: the file can't be written.
        """
        if not self.output:
            stream = sys.stdout if self.stdout else sys.stderr
            self._write(diagnosis, notes, extra or {}, stream)
            stream.flush()
            return
        try:
            with open(self.output, "a" if self.append else "w", encoding="utf-8") as file:
                self._write(diagnosis, notes, extra or {}, file)
        except OSError as error:
            raise InputError(f"can't be written: {error.strerror or error}", place=self.output) from None

    def _write(self, diagnosis: Diagnosis, notes: Sequence[str], extra: Mapping[str, Any], file: TextIO) -> None:
        if self.form == "json":
            data = {**diagnosis.as_json(explain=self.explain), **extra}
            print(json.dumps(data, ensure_ascii=False), file=file)
        elif self.form == "markdown":
            from advisor.render.markdown import escape, render_markdown

            head = "\n\n".join(escape(note) for note in notes)
            body = render_markdown(diagnosis, explain=self.explain, everything=self.everything)
            print(f"{head}\n\n{body}", file=file)
        else:
            from advisor.render.text import render_text

            print("".join(f"\nadvisor: {note}" for note in notes) + "\n", file=file)
            render_text(diagnosis, explain=self.explain, everything=self.everything, file=file)


def lang_of(diagnosis: Diagnosis | None, answering: Answering) -> Lang:
    """The language of the notes around a diagnosis."""
    if diagnosis is not None:
        return diagnosis.lang
    return "zh" if answering.language() == "zh" else "en"
