"""Watches logs and tells of each failure once: the same failure of several ranks is one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from advisor.facts import Lang, spec_of
from advisor.readers.document import Document
from advisor.report import Diagnosis
from advisor.running.answer import WORTH_SAYING, Answering
from advisor.running.burst import Log
from advisor.running.follow import Followed, paths_of
from advisor.running.words import say

QUIET_SECONDS = 1.0
"""A failure is complete when nothing more came for so long."""
TOGETHER_SECONDS = 120.0
"""Ranks that fail alike within this time failed together."""
_LOOK_FOR_FILES_SECONDS = 2.0
# What makes one failure the same as another: what ran and what went wrong; not the numbers of the message, which differ from rank to rank.
_ALIKE = (
    "runtime", "task", "model", "params_b", "gpu_name", "framework", "method", "precision", "quantization", "batch_size", "grad_accum",
    "seq_len", "zero_stage", "gradient_checkpointing", "optimizer", "max_model_len", "concurrency", "image_resolution",
)  # fmt: skip


class Told(Struct):
    """A failure that was told: its kind, the facts by which others are compared with it, when it was, and in which files."""

    kind: str
    facts: dict[str, Any]
    when: float
    paths: list[str]

    def is_like(self, diagnosis: Diagnosis) -> bool:
        """Whether a diagnosis is of the same failure: the same kind, and no fact that contradicts. Most ranks print few facts."""
        facts = diagnosis.facts
        return self.kind == diagnosis.failure.kind and all(
            str(facts[name]) == str(value) for name, value in self.facts.items() if name in facts
        )


class Watch:
    """The logs that are watched. `look` once, or `run` until something ends it."""

    def __init__(
        self,
        patterns: Sequence[str],
        answering: Answering,
        note: Callable[[str], None],
        *,
        only_new: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            patterns: files, patterns of files, folders; they need not be there yet.
            note: told of what happens to the files.
            only_new: failures that are in the files already are passed over.
        """
        self._patterns, self._answering, self._note, self._clock = patterns, answering, note, clock
        self._files: dict[str, tuple[Followed, Log]] = {}
        self._changed: dict[str, float] = {}
        self._told: list[Told] = []
        self._looked = float("-inf")
        self._only_new = only_new
        self._waiting: set[str] = set()
        self.lang: Lang = "zh" if answering.language() == "zh" else "en"
        self.told = 0

    def run(self, interval: float, *, once: bool) -> None:
        """Watches until it is interrupted, or with `once` until the first failure was told."""
        while True:
            moved = self.look()
            if once and self.told:
                return
            if not moved:
                time.sleep(interval)

    def look(self) -> bool:
        """Reads what is new and tells of failures that are complete. Whether anything was new."""
        self._find()
        moved = False
        for path, (followed, log) in self._files.items():
            for piece in followed.pieces():
                moved = True
                self._changed[path] = self._clock()
                if piece.event:
                    self._judge([path])
                    log.begin()
                    self._note(say(piece.event, self.lang, path=path))
                if log.feed(piece.data):
                    self._judge([path])
            self._announce(path, followed)
        pending = [path for path, (_, log) in self._files.items() if log.pending]
        now = self._clock()
        if pending and all(now - self._changed.get(path, now) >= QUIET_SECONDS for path in pending):
            self._judge(pending)
        return moved

    def close(self) -> None:
        for followed, _ in self._files.values():
            followed.close()

    def _find(self) -> None:
        """Files that are there now, and were not before."""
        now = self._clock()
        if now - self._looked < _LOOK_FOR_FILES_SECONDS:
            return
        first, self._looked = self._looked == float("-inf"), now
        for path in paths_of(self._patterns):
            if path not in self._files:
                self._files[path] = (Followed(path), Log())
                if self._only_new and first:
                    self._pass_over(*self._files[path])

    @staticmethod
    def _pass_over(followed: Followed, log: Log) -> None:
        """Reads what is in the file already for its settings and its lines; failures in it are dropped."""
        for piece in followed.pieces(sys.maxsize):
            if log.feed(piece.data):
                log.failure()
                log.judged()
        if log.pending:
            log.failure()
            log.judged()

    def _announce(self, path: str, followed: Followed) -> None:
        if not followed.is_there and path not in self._waiting:
            self._waiting.add(path)
            self._note(say("waiting", self.lang, path=path))

    def _judge(self, paths: Sequence[str]) -> None:
        """Judges the pending failures of these files together; of those that are alike the one that knows most is told."""
        found: list[tuple[str, Diagnosis]] = []
        for path in paths:
            log = self._files[path][1]
            if log.pending:
                diagnosis = self._answering.diagnosed(Document.numbered(log.failure()))
                if diagnosis.failure.kind in WORTH_SAYING:
                    log.judged()
                    found.append((path, diagnosis))
        now = self._clock()
        self._told = [told for told in self._told if now - told.when <= TOGETHER_SECONDS]
        for path, diagnosis in sorted(found, key=lambda item: -len(item[1].facts)):
            known = next((told for told in self._told if told.is_like(diagnosis) and path not in told.paths), None)
            if known is not None:
                known.paths.append(path)
                self._note(say("again", self.lang, path=path))
                continue
            facts = {name: diagnosis.facts[name] for name in _ALIKE if name in diagnosis.facts}
            self._told.append(Told(diagnosis.failure.kind, facts, now, [path]))
            self.told += 1
            line = _line_of(diagnosis)
            note = say("in_file", self.lang, path=path, line=line)
            self._answering.put(diagnosis, [note], {"file": path, "line": line})


def _line_of(diagnosis: Diagnosis) -> int:
    """The line of the failure: where the message's numbers are, else the last line that was evidence."""
    rows = [item for item in diagnosis.evidence if item.line and item.used]
    message = [item.line for item in rows if spec_of(item.fact).group == "message"]
    return max(message or [item.line for item in rows], default=0)
