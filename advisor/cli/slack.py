"""`advisor slack`: the Slack bot, and what its operator needs."""

from __future__ import annotations

from typing import Any

import click

from advisor.errors import AdvisorError

NEEDED = ("slack_bolt", "sqlalchemy", "alembic", "prometheus_client", "gunicorn")


@click.group("slack", invoke_without_command=True)
@click.option("--http", is_flag=True, help="Listen for Slack's requests over HTTP instead of Socket Mode.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on.  [127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on.  [3000]")
@click.option(
    "--health-port", type=click.IntRange(1, 65_535), help="Socket Mode: port of /healthz, /readyz and /metrics."
)
@click.option("--processes", type=click.IntRange(1, 64), help="Processes that diagnose.  [cores - 1, at most 4]")
@click.option("--database", metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME.  [a file of the user]")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Run the Slack bot, or look after it.

    \b
    advisor slack                        Socket Mode: SLACK_BOT_TOKEN, SLACK_APP_TOKEN
    advisor slack --http --port 3000     HTTP: SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET
    advisor slack manifest               the app's manifest, to paste at api.slack.com/apps
    advisor slack check                  are the tokens, the database, the address right?

    Secrets are read from the environment, or from the file that NAME_FILE names. docs/slack.md lists them all.
    """
    _installed()
    http = options.pop("http")
    context.obj = options | {"mode": "http" if http else "socket"}
    if context.invoked_subcommand is None:
        from bots.slack.serve import serve
        from bots.slack.settings import Settings

        serve(Settings.of(**context.obj))


@command.command("migrate")
@click.pass_obj
def migrate(options: dict[str, Any]) -> None:
    """Bring the database's tables up to date."""
    from bots.slack.store.database import Database
    from bots.slack.store.migrate import upgrade

    database = Database.open(_settings(options).database)
    before, after = upgrade(database)
    database.close()
    click.echo(f"up to date ({after})" if before == after else f"{before or 'empty'} -> {after}")


@command.command("stats")
@click.option("--team", default="", metavar="ID", help="Of one workspace, without what was deleted.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def stats(options: dict[str, Any], team: str, as_json: bool) -> None:
    """What people asked about, and what helped."""
    from bots.slack.report import stats_json, stats_text
    from bots.slack.store import Store

    store = Store.open(_settings(options).database)
    found = store.stats(team)
    store.close()
    click.echo(stats_json(found) if as_json else stats_text(found))


@command.command("forget", short_help="Delete what is kept of a person or a workspace.")
@click.option("--team", required=True, metavar="ID", help="The workspace, T0123ABC.")
@click.option("--user", default="", metavar="ID", help="Only this person, U0123ABC.")
@click.confirmation_option(prompt="Delete the cases, feedback and waiting requests?", help="Don't ask.")
@click.pass_obj
def forget(options: dict[str, Any], team: str, user: str) -> None:
    """Delete what is kept of a person or of a workspace; counts of what helped remain."""
    from bots.slack.store import Store

    store = Store.open(_settings(options).database)
    count = store.forget_user(team, user) if user else store.forget_team(team)
    store.close()
    click.echo(f"{count} case{'' if count == 1 else 's'} deleted")


@command.command("manifest", short_help="Print the app's manifest.")
@click.option(
    "--url", default="", metavar="URL", help="HTTP: the public address, https://advisor.example.com. Else Socket Mode."
)
@click.option("--many", is_flag=True, help="With --url: for many workspaces, by OAuth.")
def manifest(url: str, many: bool) -> None:
    """Print the app's manifest, to paste at api.slack.com/apps (Create New App, From a manifest)."""
    from bots.slack.manifest import manifest as text

    click.echo(text(url, not url and not many, many=many), nl=False)


@command.command("check", short_help="Try the tokens, the database and the address.")
@click.pass_obj
def check(options: dict[str, Any]) -> int:
    """Try the tokens, the database and the address, and say what is wrong."""
    from bots.slack.report import checks

    good = True
    for name, problem in checks(_settings(options)):
        good = good and not problem
        click.echo(f"{'ok  ' if not problem else 'NO  '}{name}{': ' + problem if problem else ''}")
    return 0 if good else 2


def _settings(options: dict[str, Any]) -> Any:
    from bots.slack.settings import Settings

    return Settings.of(**options)


def _installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise AdvisorError(
            f"the Slack bot needs libraries that are not installed: {', '.join(missing)}",
            hint="pip install 'vram-advisor[slack]'",
        )
