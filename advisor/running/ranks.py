"""The logs that a launcher's workers wrote beside the terminal: found by the command's options, its variables and what it printed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import re2
from msgspec import Struct

from advisor.library import Library

MAX_FILES = 256
MAX_ENTRIES = 20_000
MAX_DEPTH = 7
_SLACK_SECONDS = 2.0  # file systems keep times coarsely


class WorkerLog(Struct, frozen=True):
    """A file with what one worker said: its rank (-1: the path does not tell), and when it was last written."""

    path: Path
    rank: int
    written: float
    is_error: bool


def worker_logs(
    command: Sequence[str], printed: str, since: float, library: Library, environment: Mapping[str, str] | None = None
) -> list[WorkerLog]:
    """The files that workers of this command wrote since it began, the earliest last written first.

    Args:
        command: the command line.
        printed: what the command printed; launchers name error files there.
        since: when the command began, seconds since the epoch.
        environment: the command's environment; this process's when absent.
    """
    words: Mapping[str, Any] = library.settings["launchers"]
    variables = os.environ if environment is None else environment
    found: dict[Path, WorkerLog] = {}
    for path in _candidates(command, printed, since, words, variables):
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_mtime + _SLACK_SECONDS >= since and status.st_size:
            is_error = path.name in words["error_names"] or path.suffix == ".json"
            found.setdefault(path, WorkerLog(path, rank_of(str(path), words["rank"]), status.st_mtime, is_error))
        if len(found) == MAX_FILES:
            break
    return sorted(found.values(), key=lambda log: (log.written, log.rank, log.path))


def _candidates(
    command: Sequence[str], printed: str, since: float, words: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[Path]:
    for match in _error_files().finditer(printed[-200_000:]):
        yield Path(match.group(1))
    yield from (Path(variables[item["name"]]) for item in words["error_files"] if item["name"] in variables)
    for folder in folders(command, since, words, variables):
        yield from _files(folder, words)


def folders(
    command: Sequence[str], since: float, words: Mapping[str, Any], variables: Mapping[str, str]
) -> Iterator[Path]:
    """The folders that hold the workers' logs, by the command line and the environment."""
    named = {item["option"] for item in words["folders"]}
    given = list(_options(command))
    chosen = [Path(value).expanduser() for name, value in given if name in named and value]
    chosen += [Path(variables[item["name"]]) for item in words["variables"] if variables.get(item["name"])]
    yield from chosen
    line = " ".join(command)
    redirects = words["redirects"]
    if chosen:
        return
    is_redirected = any(name in redirects["options"] for name, _ in given)
    if is_redirected and any(program in line for program in redirects["programs"]):
        yield from _new_temporary(redirects["prefix"], since)
    yield from (Path(item["folder"]) for item in words["defaults"] if item["program"] in line)


def _options(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Options with their values: `--log-dir x`, `--log_dir=x`, `-r 3`; names without dashes, with underscores."""
    for place, word in enumerate(command):
        if not word.startswith("-") or word == "--":
            continue
        name, sign, value = word.lstrip("-").partition("=")
        if not sign:
            value = command[place + 1] if place + 1 < len(command) else ""
        yield name.replace("-", "_"), value


def _new_temporary(prefix: str, since: float) -> Iterator[Path]:
    try:
        with os.scandir(tempfile.gettempdir()) as entries:
            for entry in entries:
                if entry.name.startswith(prefix) and entry.stat().st_mtime + _SLACK_SECONDS >= since:
                    yield Path(entry.path)
    except OSError:
        return


def _files(folder: Path, words: Mapping[str, Any]) -> Iterator[Path]:
    endings, names = tuple(words["endings"]), set(words["error_names"])
    stack, looked = [(folder, 0)], 0
    while stack:
        place, depth = stack.pop()
        try:
            with os.scandir(place) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in inside:
            looked += 1
            if looked > MAX_ENTRIES:
                return
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH:
                    stack.append((Path(entry.path), depth + 1))
            elif entry.name.endswith(endings) or entry.name in names:
                yield Path(entry.path)


@cache
def _error_files() -> Any:
    return re2.compile(r"error_file: *([^\s<>'\"]+\.json)")


@cache
def _rank(pattern: str) -> Any:
    return re2.compile(pattern)


def rank_of(path: str, pattern: str) -> int:
    """The worker's rank by its path, -1 where that does not tell.

    >>> rank_of("/logs/none_ab/attempt_0/3/stderr.log", "rank[._-]?([0-9]+)|attempt_[0-9]+/([0-9]+)/")
    3
    """
    found = None
    for match in _rank(pattern).finditer(path):
        found = match
    return int(next(group for group in found.groups() if group)) if found is not None else -1


def error_text(data: bytes) -> str:
    """What an error file of torch.distributed.elastic says: the worker's traceback, else its message; empty for other JSON.

    >>> error_text(b'{"message": {"message": "RuntimeError: x", "extraInfo": {"py_callstack": "Traceback ..."}}}')
    'Traceback ...'
    """
    try:
        message = json.loads(data)["message"]
        if isinstance(message, str):
            return message
        return str(message.get("extraInfo", {}).get("py_callstack") or message.get("message") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
