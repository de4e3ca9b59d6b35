"""What to say after a command: one diagnosis from its command line, its output and its workers' logs, or nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from advisor.errors import AdvisorError, InputError
from advisor.facts import Lang
from advisor.readers.document import Document
from advisor.readers.intake import read_document
from advisor.report import Diagnosis
from advisor.running.answer import WORTH_SAYING, Answering, lang_of
from advisor.running.command import Ran, Source, file_of
from advisor.running.ranks import WorkerLog, error_text, worker_logs
from advisor.running.words import listed, say
from advisor.signs import may_fail

KILLED = 137
# Files that are named on a command line and say how it runs; larger ones are data.
_SETTINGS = (".yaml", ".yml", ".toml", ".sh", ".bash")
_NAMED_SETTINGS = ("config", "deepspeed", "yaml", "args")
_MAX_SETTINGS = 64 * 1024
_MAX_FILES = 4


class Read(Struct):
    """What a failure is read from: the rows of the document and the places that they come from."""

    rows: list[tuple[int, str]]
    places: list[str]
    ranks: list[int]


def explain(command: Sequence[str], ran: Ran, answering: Answering) -> bool:
    """Adds the diagnosis of a command that failed of memory; says nothing of others. Whether something was said.

    Raises:
        InputError: the file for the answer can't be written.
    """
    lang: Lang = lang_of(None, answering)
    read = _read(command, ran, answering, lang)
    diagnosis = answering.diagnosed(Document.numbered(read.rows))
    if ran.status == KILLED and diagnosis.failure.kind not in WORTH_SAYING:
        read.rows.append((0, "exit code: -9 (SIGKILL)"))
        diagnosis = answering.diagnosed(Document.numbered(read.rows))
    if diagnosis.failure.kind not in WORTH_SAYING:
        return False
    answering.put(diagnosis, _notes(read, ran, diagnosis), _extra(read, ran))
    return True


def _notes(read: Read, ran: Ran, diagnosis: Diagnosis) -> list[str]:
    lang = diagnosis.lang
    places = [say(place, lang) if not place.isdigit() else say("logs", lang, count=place) for place in read.places]
    notes = [say("failed" if ran.status else "went_on", lang, status=ran.status, sources=listed(places, lang))]
    if len(read.ranks) > 1:
        notes.append(say("ranks", lang, ranks=listed([str(rank) for rank in read.ranks], lang)))
    if ran.status == KILLED and diagnosis.failure.kind == "host_oom" and ran.memory_kills is not None:
        key = "killed_counted" if ran.memory_kills else "killed_not_counted"
        notes.append(say(key, lang, count=ran.memory_kills))
    return notes


def _extra(read: Read, ran: Ran) -> dict[str, object]:
    extra: dict[str, object] = {"exit_status": ran.status}
    if read.ranks:
        extra["ranks"] = read.ranks
    return extra


def _read(command: Sequence[str], ran: Ran, answering: Answering, lang: Lang) -> Read:
    """The command line first, then the files that it names, then its output, then the workers that failed, the first one first."""
    read = Read([(0, shlex.join(command))], ["command"], [])
    settings = list(_settings(command))
    read.rows += [(0, line) for text in settings for line in text.split("\n")]
    read.places += ["files"] if settings else []
    printed = []
    for source in ran.sources:
        document = _document(source)
        if document is not None:
            read.places += source.names
            read.rows += [(line.number, line.raw) for line in document.lines]
            printed.append(document.text)
    logs = worker_logs(command, "\n".join(printed), ran.began, answering.library)
    if logs:
        _read_workers(logs, read)
    return read


def _document(source: Source) -> Document | None:
    try:
        if source.tap is not None:
            return source.tap.intake().document()
        found = file_of(source)
        if found is None:
            return None
        stream, _ = found
        return read_document(stream)
    except (InputError, OSError):
        return None  # it said nothing, or wrote bytes that are no text


def _read_workers(logs: Sequence[WorkerLog], read: Read) -> None:
    """Adds what the first worker that failed wrote, and rank 0, which prints the settings; the others' failures are only counted."""
    documents = [(log, document) for log in logs if (document := _worker_document(log)) is not None]
    failed = [log for log, document in documents if may_fail(document.text.encode("utf-8", "replace"))]
    if not failed:
        return
    first = failed[0]
    wanted = [log for log, _ in documents if log.rank == first.rank >= 0] or [first]
    if first.rank > 0:
        wanted += [log for log, _ in documents if log.rank == 0]
    for log, document in documents:
        if log in wanted:
            read.rows += [(line.number, line.raw) for line in document.lines]
    read.places.append(str(len({log.rank if log.rank >= 0 else log.path for log in failed})))
    read.ranks = sorted({log.rank for log in failed if log.rank >= 0})


def _worker_document(log: WorkerLog) -> Document | None:
    try:
        if log.is_error:
            with log.path.open("rb") as file:
                return Document.of(error_text(file.read(_MAX_SETTINGS * 16)))
        with log.path.open("rb") as file:
            return read_document(file)
    except (AdvisorError, OSError):
        return None


def _settings(command: Sequence[str]) -> Iterator[str]:
    """The texts of the files that say how the command runs: scripts, and configurations that an option or a position names."""
    taken = 0
    for place, word in enumerate(command):
        option, sign, value = word.partition("=")
        name = option if sign and option.startswith("-") else command[place - 1] if place else ""
        path = Path(value if sign else word)
        named = name.startswith("-") and any(part in name for part in _NAMED_SETTINGS)
        if path.suffix not in _SETTINGS and not (path.suffix == ".json" and named):
            continue
        if name.startswith("-") and not named and path.suffix not in (".sh", ".bash"):
            continue
        try:
            if path.is_file() and path.stat().st_size <= _MAX_SETTINGS:
                yield path.read_text("utf-8", "replace")
                taken += 1
        except OSError:
            continue
        if taken == _MAX_FILES:
            return
