"""The options of `advisor triage --github-event`, and what they do: one event of an issue, answered or shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from advisor.cli._facts import stated_facts
from advisor.cli._input import opened
from advisor.cli._packs import load
from advisor.errors import InputError

_TOKEN = "GITHUB_TOKEN"  # noqa: S105 - a name


def github_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of `--github-event`; when it is given, call `run_github_event` with the parameters."""
    options = [
        click.option(
            "--github-event", type=click.Path(allow_dash=True), metavar="FILE",
            help="Answer one GitHub event of an issue or a comment ($GITHUB_EVENT_PATH in a workflow). The token comes from GITHUB_TOKEN.",
        ),
        click.option("--repo", metavar="OWNER/NAME", help="The repository, where it is not the event's."),
        click.option(
            "--api-url", envvar="GITHUB_API_URL", default="https://api.github.com", metavar="URL", help="GitHub's API."
        ),
        click.option("--github-config", type=click.Path(dir_okay=False), metavar="FILE",
                     help="Settings from a file here instead of .github/advisor.yml of the repository."),
        click.option("--login", envvar="ADVISOR_GITHUB_LOGIN", default="", metavar="LOGIN",
                     help="Whose comments are ours, where the token can't tell."),
        click.option("--dry-run", is_flag=True, help="Print what would be done; change nothing. Works without a token."),
    ]  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def run_github_event(parameters: dict[str, Any]) -> int:
    """Answers the event of `--github-event`. Prints one line on what was done, or with `--dry-run` all that would be.

    Raises:
        AdvisorError: no such file, no token, faults in the settings, GitHub refuses.
    """
    from bots.github.event import irrelevant, read_event

    path = parameters["github_event"]
    if parameters.get("file"):
        raise click.UsageError("--github-event takes the issue from the event: leave FILE out.")
    with opened(path) as stream:
        event = read_event(stream.read(), path, parameters["repo"] or "")
    why = irrelevant(event, own_login=parameters["login"])
    if why or event is None:
        return _say("silent", why)
    token = os.environ.get(_TOKEN, "").strip()
    if not token and not parameters["dry_run"]:
        hint = f"Set {_TOKEN}, or look at the answer with --dry-run."
        raise InputError("there is no token", place=_TOKEN, hint=hint)
    return _answer(event, token, parameters)


def _answer(event: Any, token: str, parameters: dict[str, Any]) -> int:
    from bots.github.api import connect
    from bots.github.config import Config, parse_config
    from bots.github.event import irrelevant
    from bots.github.triage import Triage, settings

    stated, library = stated_facts(parameters), load(parameters)
    api = connect(token, event.repository, api_url=parameters["api_url"], login=parameters["login"]) if token else None
    if parameters["github_config"]:
        with opened(parameters["github_config"]) as stream:
            config = parse_config(stream.read().decode("utf-8", "replace"), parameters["github_config"])
    else:
        config = settings(api) if api is not None else Config()
    why = irrelevant(event, own_login=parameters["login"], opt_out_label=config.opt_out_label)
    if why or not config.enabled:
        return _say("silent", why or "it is switched off in the settings")
    triage = Triage(api, event, config, library, stated=stated)  # type: ignore[arg-type]
    if parameters["dry_run"]:
        return _show(triage.preview(offline=api is None))
    outcome = triage.run()
    return _say(outcome.result, outcome.why, outcome.kind, outcome.comment_id, outcome.labels)


def _show(answer: Any) -> int:
    if answer.wish != "say":
        click.echo(f"No comment: {answer.why}.")
        return 0
    click.echo(f"Labels: {', '.join(name for name, _, _ in answer.labels) or 'none'}\n")
    click.echo(f"{answer.marker}\n{answer.body}", nl=False)
    return 0


def _say(result: str, why: str = "", kind: str = "", comment_id: int = 0, labels: tuple[str, ...] = ()) -> int:
    """One line for the log, and the outputs of the step where a workflow runs this. None of it holds text of the thread."""
    parts = [result, why and f"({why})", kind, labels and f"labels: {', '.join(labels)}"]
    click.echo(" ".join(str(part) for part in parts if part))
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(f"result={result}\nkind={kind}\ncomment-id={comment_id or ''}\n")
        except OSError as error:
            click.echo(f"advisor: {path}: {error.strerror}", err=True)
    return 0
