"""`advisor github`: the webhook server of a GitHub App."""

from __future__ import annotations

import os
from pathlib import Path

import click

from advisor.cli._packs import pack_options


@click.group("github")
def command() -> None:
    """Answer issues on GitHub as an app; for a workflow, see `advisor triage --github-event`."""


@command.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True, help="Port to listen on.")
@click.option(
    "--database", type=click.Path(dir_okay=False), default="advisor-github.db", show_default=True, metavar="FILE",
    help="What was delivered and is to be done; made if absent. It holds no text of anybody.",
)  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Issues at a time.")
@click.option(
    "--api-url", envvar="GITHUB_API_URL", default="https://api.github.com", metavar="URL", help="GitHub's API."
)
@pack_options
def serve_command(
    host: str, port: int, database: str, workers: int, api_url: str, rules: tuple[str, ...], knowledge: tuple[str, ...]
) -> None:  # fmt: skip
    """Take GitHub's webhooks on /webhook and answer the issues; /healthz and /readyz for whoever watches.

    \b
    ADVISOR_GITHUB_APP_ID            the app's number
    ADVISOR_GITHUB_PRIVATE_KEY_FILE  its private key (or the key itself in ADVISOR_GITHUB_PRIVATE_KEY)
    ADVISOR_GITHUB_WEBHOOK_SECRET    the webhook's secret (the one before in ..._OLD while it is changed)
    """
    from bots.github.app.serve import Settings, secrets_of, serve

    app_id, key, secrets = secrets_of(os.environ)
    settings = Settings(
        app_id, key, secrets, Path(database), host, port, workers, api_url, rules=rules, knowledge=knowledge
    )  # fmt: skip
    serve(settings)
