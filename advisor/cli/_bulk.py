"""`advisor triage` over many texts: engines, progress, results, reports."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import click

from advisor.cli import EXIT_BAD_INPUT, EXIT_INTERRUPTED, EXIT_PARTLY
from advisor.cli._facts import stated_facts
from advisor.facts import Lang


def run_bulk(parameters: dict[str, Any]) -> int:
    """Judges all texts of FILE, and writes what was asked for.

    Raises:
        AdvisorError: the input can't be read, a file can't be written, a fact can't be what was stated.
    """
    from advisor.triage.items import items_of, total_bytes
    from advisor.triage.judge import Setup
    from advisor.triage.results import Results
    from advisor.triage.run import Progress, triage
    from advisor.triage.table import library as parquet_library
    from advisor.triage.tally import Tally

    if parameters["resume"] and parameters["results"] in (None, "-"):
        raise click.UsageError("--resume needs the file that --results FILE wrote")
    if parameters["parquet"]:
        parquet_library()  # before hours of work, not after
    setup = Setup(
        tuple(parameters["rules"]),
        tuple(parameters["knowledge"]),
        stated_facts(parameters),
        parameters["plans"],
    )
    path = parameters["file"]
    stream = sys.stdin.buffer if path == "-" else None
    keeps = _Keeper(parameters)
    tally = Tally()
    progress = Progress()
    interrupted = False
    show, stop = _progress(total_bytes(path))
    with Results(keeps.path, keeps.stream, resume=parameters["resume"], plans=setup.plans) as results:
        try:
            progress = triage(items_of(path, stream), _engine(parameters, setup), results, tally, show)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            stop()
    if interrupted:
        hint = "; go on with --resume" if keeps.is_kept else ""
        click.echo(f"advisor: stopped after {tally.texts + tally.errors} texts{hint}", err=True)
        return EXIT_INTERRUPTED
    _write(parameters, keeps, tally)
    _say_counts(progress, tally)
    if not tally.texts and tally.errors:
        return EXIT_BAD_INPUT
    return EXIT_PARTLY if tally.errors else 0


class _Keeper:
    """Where the results go: the file of --results, standard output, or a temporary file that --parquet is made from."""

    def __init__(self, parameters: dict[str, Any]) -> None:
        wanted = parameters["results"]
        self.stream: BinaryIO | None = sys.stdout.buffer if wanted == "-" else None
        self.path = "" if wanted in (None, "-") else str(wanted)
        self.is_kept = bool(self.path)
        self._temporary: Any = None
        if parameters["parquet"] and not self.path:
            if self.stream is not None:
                raise click.UsageError("--parquet is made from a file: --results FILE instead of -")
            import tempfile

            self._temporary = tempfile.TemporaryDirectory(prefix="advisor-triage-")
            self.path = os.path.join(self._temporary.name, "results.jsonl")


def _engine(parameters: dict[str, Any], setup: Any) -> Callable[[Iterator[Any]], Iterator[list[Any]]]:
    timeout = parameters["timeout"]
    if parameters["engine"] == "ray":
        from advisor.triage.on_ray import judged_by_ray

        return lambda items: judged_by_ray(items, setup, parameters["address"], timeout)
    from advisor.triage.judge import Judge
    from advisor.triage.pool import judged_by_processes

    judge = Judge(setup)
    judge.warm()
    jobs = parameters["jobs"] or _cores()
    return lambda items: judged_by_processes(items, setup, jobs, timeout, judge)


def _cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write(parameters: dict[str, Any], keeps: _Keeper, tally: Any) -> None:
    from advisor.library import load_library
    from advisor.triage.report import markdown, write_reports
    from advisor.triage.table import records_of, write_table

    remedies = load_library(rules=parameters["rules"], knowledge=parameters["knowledge"]).remedies
    lang: Lang = parameters["lang"] if parameters["lang"] != "auto" else _usual(tally)
    write_reports(parameters["reports"], tally, remedies, lang)
    if parameters["parquet"]:
        write_table(parameters["parquet"], records_of(keeps.path))
    if not parameters["reports"] and keeps.stream is None:
        click.echo(markdown(tally, remedies, lang), nl=False)


def _usual(tally: Any) -> Lang:
    """The language of most texts."""
    return "zh" if tally.langs["zh"] > tally.langs["en"] else "en"


def _say_counts(progress: Any, tally: Any) -> None:
    rate = f", {progress.judged / progress.seconds:.0f} a second" if progress.seconds and progress.judged else ""
    before = f", {progress.before} were there" if progress.before else ""
    all_texts, errors = _counted(tally.texts + tally.errors, "text"), _counted(tally.errors, "error")
    click.echo(f"advisor: {all_texts}: {progress.judged} judged{rate}{before}; {errors}", err=True)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _progress(total: int | None) -> tuple[Callable[[Any], None] | None, Callable[[], None]]:
    """A bar on stderr where that is a terminal. It draws when it is told of progress, without a thread: workers are made by fork."""
    if not sys.stderr.isatty():
        return None, lambda: None
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = [TextColumn("{task.fields[count]} texts, {task.fields[errors]} errors, {task.fields[rate]:.0f}/s")]
    if total:
        columns += [BarColumn(), TimeRemainingColumn()]  # type: ignore[list-item]
    bar = Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), auto_refresh=False, transient=True)
    task = bar.add_task("triage", total=total, count=0, errors=0, rate=0.0)
    bar.start()

    def show(progress: Any) -> None:
        rate = progress.judged / progress.seconds if progress.seconds else 0.0
        count = progress.before + progress.judged
        bar.update(task, completed=progress.bytes_read, count=count, errors=progress.errors, rate=rate, refresh=True)

    return show, bar.stop
