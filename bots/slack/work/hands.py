"""The tools of one job: Slack's API, the store, and posts that are written into the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any

from msgspec import Struct
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from advisor.library import Library
from bots.slack.store import Store
from bots.slack.work.errors import Again, SlackRefused
from bots.slack.work.journal import Found, Journal
from bots.slack.work.post import NoAnswer, Reply, post
from bots.slack.work.queue import Job

EVENT_TYPE = "vram_advisor_post"
"""The metadata by which a post of ours is found again."""
PASSING = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
UNCLEAR = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"})
SENT_AGAIN = {
    "en": "Sent again: the first time, Slack did not confirm that it arrived.",
    "zh": "重新发送:上一次发送没有得到 Slack 的确认。",
}
MOST_BLOCKS = 50


class Workshop(Struct, frozen=True):
    """What the jobs of one process share.

    `client_of` gives the client of a workspace (team, enterprise); `count` takes (method, outcome) for the metrics.
    """

    store: Store
    library: Library
    journal: Journal
    client_of: Callable[[str, str], WebClient]
    files_hosts: tuple[str, ...] = ()
    response_hosts: tuple[str, ...] = ()
    count: Callable[[str, str], None] = lambda method, outcome: None


class Hands:
    """`bots.slack.tools.Tools`, for one job."""

    def __init__(self, shop: Workshop, job: Job) -> None:
        self._shop = shop
        self._job = job
        self.store = shop.store
        self.library = shop.library
        self.token = job.token
        self.files_hosts = shop.files_hosts

    def client(self, team: str, enterprise: str = "") -> WebClient:
        """Slack's API with the workspace's bot token."""
        return self._shop.client_of(team, enterprise)

    def once(self, step: str) -> bool:
        """True the first time that this job comes here."""
        return self._shop.journal.once(self._job, step)

    def respond(self, response_url: str, body: Mapping[str, Any], step: str = "answer", lang: str = "en") -> None:
        """Posts to a response_url, once. Nobody can look such a post up: one in doubt is sent again, and says so."""
        found = self._shop.journal.intend(self._job, step)
        if found.state in {"sent", "done"}:
            return
        if found.state == "intent":
            body = _marked(body, lang)
        reply = self._send("response_url", response_url, body, step)
        # Slack answers "ok", or {"ok": true}, or {"ok": false, "error": ...} with status 200 or 4xx.
        said = reply.json()
        if reply.status >= 300 or said.get("ok") is False:
            self._refused("response_url", str(said.get("error") or reply.text[:40] or reply.status), step)
        self._shop.count("response_url", "ok")

    def post(
        self,
        team: str,
        body: Mapping[str, Any],
        step: str = "answer",
        *,
        enterprise: str = "",
        method: str = "chat.postMessage",
    ) -> str:
        """Posts a message, once; in doubt, the channel is read to see whether it is there."""
        mark = sha256(f"{self.token}/{step}".encode()).hexdigest()[:32]
        client = self.client(team, enterprise)
        found = self._shop.journal.intend(self._job, step)
        if found.state == "done" or (found.state == "sent" and method != "chat.postMessage"):
            return found.ts
        if found.state in {"intent", "sent"} and method == "chat.postMessage":
            ts = self._looked_up(client, body, mark, found)
            if ts is not None:
                self._shop.journal.confirm(self._job, step, ts)
                return ts
        body = dict(body) | {"metadata": {"event_type": EVENT_TYPE, "event_payload": {"mark": mark}}}
        reply = self._send(method, client.base_url + method, body, step, token=client.token or "")
        said = reply.json()
        error = str(said.get("error") or (reply.status if reply.status != 200 or not said else ""))
        if said.get("ok") is not True:
            if error in PASSING:
                self._shop.journal.undo(self._job, step)
                self._shop.count(method, "rate_limited")
                raise Again("rate_limited", reply.retry_after)
            if error in UNCLEAR:
                self._shop.journal.doubt(self._job, step)
                self._shop.count(method, error)
                raise Again("server_error")
            self._refused(method, error, step)
        self._shop.count(method, "ok")
        ts = str(said.get("ts") or said.get("message_ts") or "")
        self._shop.journal.confirm(self._job, step, ts)
        return ts

    def _send(self, method: str, url: str, body: Mapping[str, Any], step: str, token: str = "") -> Reply:
        """Sends, and settles what holds for every method: rate limits, faults of the server, no answer."""
        journal, job = self._shop.journal, self._job
        try:
            reply = post(url, body, journal.sending(job, step), token=token, hosts=self._shop.response_hosts)
        except (Again, SlackRefused):
            journal.undo(job, step)
            self._shop.count(method, "network")
            raise
        except NoAnswer as error:
            journal.doubt(job, step)
            self._shop.count(method, "timeout")
            raise Again("timeout") from error
        if reply.status == 429:
            journal.undo(job, step)
            self._shop.count(method, "rate_limited")
            raise Again("rate_limited", reply.retry_after)
        if reply.status >= 500:
            if method == "response_url":
                journal.undo(job, step)  # Slack says that it failed; only silence leaves doubt
            else:
                journal.doubt(job, step)  # the channel can be asked
            self._shop.count(method, "server_error")
            raise Again("server_error", reply.retry_after if "retry-after" in reply.headers else None)
        return reply

    def _refused(self, method: str, code: str, step: str) -> None:
        self._shop.journal.undo(self._job, step)
        self._shop.count(method, "refused")
        raise SlackRefused(code, method)

    def _looked_up(self, client: WebClient, body: Mapping[str, Any], mark: str, found: Found) -> str | None:
        """The ts of the post if the channel has it; None: send it; "": it left for Slack, and the bot may not read the channel."""
        where: dict[str, Any] = {
            "channel": body["channel"],
            "oldest": f"{self._job.created_at - 5:.6f}",
            "limit": 100,
            "include_all_metadata": True,
        }
        try:
            if body.get("thread_ts"):
                answer = client.conversations_replies(ts=body["thread_ts"], **where)
            else:
                answer = client.conversations_history(**where)
        except SlackApiError as error:
            if error.response.status_code == 429 or error.response.status_code >= 500:
                raise
            return "" if found.state == "sent" else None
        for message in answer.get("messages") or ():
            with suppress(AttributeError):
                if message.get("metadata", {}).get("event_payload", {}).get("mark") == mark:
                    return str(message["ts"])
        return None


def _marked(body: Mapping[str, Any], lang: str) -> Mapping[str, Any]:
    note = SENT_AGAIN.get(lang, SENT_AGAIN["en"])
    blocks = list(body.get("blocks") or ())
    if not blocks:
        return dict(body) | {"text": f"{body.get('text', '')}\n_{note}_"}
    if len(blocks) >= MOST_BLOCKS:
        return body
    context = {"type": "context", "elements": [{"type": "mrkdwn", "text": f"_{note}_"}]}
    return dict(body) | {"blocks": [*blocks, context]}
