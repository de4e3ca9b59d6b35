"""`advisor triage`: many failures at once, or the one that an event on GitHub tells of."""

from __future__ import annotations

from typing import Any

import click

from advisor.cli._github import github_options, run_github_event


@click.command("triage")
@github_options
def command(**parameters: Any) -> int:
    """Answer an event on GitHub: one comment under the issue, labels, the most valuable question.

    \b
    advisor triage --github-event "$GITHUB_EVENT_PATH"            in a workflow
    advisor triage --github-event event.json --dry-run            look first
    """
    if parameters["github_event"]:
        return run_github_event(parameters)
    raise click.UsageError("Say what to triage: --github-event FILE.")
