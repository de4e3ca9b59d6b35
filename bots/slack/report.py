"""What the operator reads: what helped, and whether the settings work."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import sqlalchemy as sa
from slack_sdk.errors import SlackApiError

from advisor.errors import AdvisorError
from bots.slack.settings import Settings
from bots.slack.store import Stats, Store
from bots.slack.store.database import Database
from bots.slack.workspaces import installations, web_client

WHOLE = "(the answer as a whole)"
SAYS = {"worked": "worked", "did_not": "did not", "tried": "tried before"}


def stats_text(stats: Stats) -> str:
    """Two tables: cases by kind of failure; remedies by what people said of them, the most often successful first.

    >>> print(stats_text(Stats(cases={"vram_oom": 2}, tallies=())))
    cases  failure
        2  vram_oom
    <BLANKLINE>
    No feedback yet.
    """
    if not stats.cases:
        return "No cases yet."
    lines = ["cases  failure", *(f"{count:5}  {kind or '(none found)'}" for kind, count in stats.cases.items()), ""]
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for tally in stats.tallies:
        rows.setdefault((tally.remedy or WHOLE, tally.kind), {})[tally.answer] = tally.count
    if not rows:
        return "\n".join([*lines, "No feedback yet."])
    width = max(len(remedy) for remedy, _ in rows)
    lines.append("  ".join([f"{head:>12}" for head in SAYS.values()] + [f"{'remedy':{width}}", "failure"]))
    order = sorted(rows.items(), key=lambda row: (-row[1].get("worked", 0), row[1].get("did_not", 0), row[0]))
    for (remedy, kind), counts in order:
        lines.append("  ".join([f"{counts.get(name, 0):12}" for name in SAYS] + [f"{remedy:{width}}", kind]).rstrip())
    return "\n".join(lines)


def stats_json(stats: Stats) -> str:
    """The same for programs."""
    feedback = [
        {"failure": tally.kind, "remedy": tally.remedy or None, "answer": tally.answer, "count": tally.count}
        for tally in stats.tallies
    ]
    return json.dumps({"cases": dict(stats.cases), "feedback": feedback}, indent=1)


def checks(settings: Settings) -> Iterator[tuple[str, str]]:
    """What was tried and what is wrong with it (empty: nothing), one after the other."""
    yield "settings", _problem(settings.checked)
    yield "database", _problem(lambda: Store.open(settings.database).close())
    if settings.many:
        if settings.encryption_key:
            yield "key for the tokens", _problem(lambda: installations(settings, _database(settings)))
        yield (
            "address",
            "" if settings.public_url.startswith("https://") else "ADVISOR_SLACK_PUBLIC_URL is not https://...",
        )
    elif settings.bot_token:
        client = web_client(settings, settings.bot_token)
        yield "bot token", _problem(client.auth_test)
    if settings.mode == "socket" and settings.app_token:
        yield "app token", _problem(lambda: web_client(settings).apps_connections_open(app_token=settings.app_token))


def _database(settings: Settings) -> Database:
    return Store.open(settings.database).database


def _problem(trial: Callable[[], object]) -> str:
    try:
        trial()
    except SlackApiError as error:
        return f"Slack says {error.response.get('error')}"
    except AdvisorError as error:
        head = f"{error.place} {error.message}" if error.place else error.message
        return f"{head} ({error.hint})" if error.hint else head
    except sa.exc.SQLAlchemyError as error:
        return f"the database says {type(error).__name__}"
    except OSError as error:
        return f"Slack can't be reached ({type(error).__name__})"
    return ""
