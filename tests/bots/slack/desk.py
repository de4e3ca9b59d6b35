"""A person at a desk: sends what Slack would send, signed, over HTTP, to the bot as it is served; reads what the bot posted.

Between the bot and the emulator stands a recorder: it passes calls on, keeps them, answers the response_urls itself, and checks
every message and view against Slack's limits and for what could ping, link or format.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from advisor.diagnosis import default_library, engine_of
from bots.slack.answers import HANDLERS
from bots.slack.app import build_app
from bots.slack.blockkit import faults, unsafe, view_faults
from bots.slack.front import enqueuer
from bots.slack.needs import Needs
from bots.slack.settings import Settings
from bots.slack.store import Store
from bots.slack.web import Health, Site
from bots.slack.work.hands import Workshop
from bots.slack.work.journal import Journal
from bots.slack.work.queue import Queue
from bots.slack.work.worker import Worker
from bots.slack.workspaces import Workspaces
from tests.bots.slack.emulator import PEOPLE_TOKEN, SECRET, TOKEN, Emulator
from tests.bots.slack.signing import signed

EMOJIS = frozenset({"warning", "mag", "white_check_mark", "information_source"})
PATIENCE_S = 20.0


class Recorder:
    """Passes API calls on to the emulator and keeps method and arguments; keeps what is posted to response_urls."""

    def __init__(self, emulator: Emulator) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.responses: dict[str, list[dict[str, Any]]] = {}
        self.refuse: dict[str, str] = {}  # method -> error word instead of the emulator's answer
        self.links: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.startswith("/respond/"):
                    outer.responses.setdefault(self.path.rsplit("/", 1)[1], []).append(json.loads(body))
                    self._say(200, b"ok", "text/plain")
                    return
                method = self.path.rsplit("/", 1)[1]
                outer.calls.append((method, _arguments(body, self.headers.get("Content-Type") or "")))
                if method in outer.refuse:
                    self._say(200, json.dumps({"ok": False, "error": outer.refuse[method]}).encode())
                    return
                kept = ("Authorization", "Content-Type")
                headers = {name: self.headers[name] for name in kept if self.headers.get(name)}
                request = urllib.request.Request(f"http://{emulator.host}{self.path}", body, headers, method="POST")
                with urllib.request.urlopen(request, timeout=10) as answer:
                    self._say(answer.status, answer.read())

            do_GET = do_POST

            def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *parts: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self) -> list[dict[str, Any]]:
        """Every message that was posted, updated or sent to a response_url."""
        posted = [
            args
            for method, args in list(self.calls)
            if method in ("chat.postMessage", "chat.update", "chat.postEphemeral")
        ]
        return [*posted, *(body for bodies in self.responses.values() for body in bodies)]

    def views(self, method: str = "views.") -> list[dict[str, Any]]:
        """Every view that was opened, updated or published, in order."""
        return [args["view"] for name, args in list(self.calls) if name.startswith(method) and "view" in args]


def _arguments(body: bytes, kind: str) -> dict[str, Any]:
    if kind.startswith("application/json"):
        return dict(json.loads(body))
    found: dict[str, Any] = dict(urllib.parse.parse_qsl(body.decode("utf-8", "replace")))
    for key in ("blocks", "view", "metadata", "files"):
        if key in found:
            found[key] = json.loads(found[key])
    return found


class Desk:
    """The bot, served, with its worker; and the person who uses it."""

    def __init__(self, emulator: Emulator, database: str) -> None:
        self.emulator = emulator
        self.recorder = Recorder(emulator)
        self.settings = Settings(
            mode="http", database=database, bot_token=TOKEN, signing_secret=SECRET, threads=2,
            api_url=f"http://{self.recorder.host}/api/", extra_hosts=(f"localhost:{emulator.host.split(':')[1]}",),
        )  # fmt: skip
        library = default_library()
        engine_of(library)
        self.store = Store.open(database, migrate=True)
        self.queue = Queue(self.store.database)
        workspaces = Workspaces(self.settings, self.store)
        workspaces.introduce()
        bell = threading.Semaphore(0)
        self.needs = Needs(enqueue=enqueuer(self.queue, bell.release), store=self.store, library=library)
        app = build_app(self.settings, workspaces, self.needs)
        site = Site(app, SECRET, Health(self.queue), self.store.once, self.store.forget_mark)
        shop = Workshop(
            store=self.store, library=library, journal=Journal(self.store.database), client_of=workspaces.client,
            files_hosts=self.settings.hosts, response_hosts=self.settings.hosts,
        )  # fmt: skip
        self.worker = Worker(self.queue, shop, HANDLERS, owner="desk", threads=2, bell=bell)
        self._work = threading.Thread(target=self.worker.run, daemon=True)
        self._work.start()
        self.server = make_server("127.0.0.1", 0, site, _Threaded, _Silent)  # type: ignore[arg-type]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/slack/events"
        self.numbers = itertools.count(int(time.time() * 1000))

    def close(self) -> None:
        self.worker.stop()
        self._work.join(20)
        self.server.shutdown()
        self.recorder.server.shutdown()
        self.server.server_close()
        self.recorder.server.server_close()
        self.store.close()

    # --- what Slack sends ---------------------------------------------------------------------------------------

    def send(self, body: str, kind: str = "application/x-www-form-urlencoded", **headers: str) -> tuple[int, Any]:
        """Status and JSON (or text) of the bot's acknowledgement, which must come within Slack's three seconds."""
        request = urllib.request.Request(
            self.url, body.encode(), {**signed(body, secret=SECRET), "Content-Type": kind, **headers}
        )
        with urllib.request.urlopen(request, timeout=3) as answer:
            text = answer.read().decode()
        try:
            return answer.status, json.loads(text) if text else ""
        except ValueError:
            return answer.status, text

    def trigger(self, user: str = "ann") -> str:
        return str(self.emulator.call("views.generateTriggerId", user_id=self.emulator.users[user])["trigger_id"])

    def response_url(self, name: str) -> str:
        return f"http://{self.recorder.host}/respond/{name}"

    def command(self, text: str, *, name: str = "", user: str = "ann", channel: str = "training") -> Any:
        """`/vram TEXT`; what the acknowledgement says."""
        fields = {
            "command": "/vram", "text": text, "team_id": self.emulator.team, "user_id": self.emulator.users[user],
            "channel_id": self.emulator.channels[channel], "response_url": self.response_url(name or "command"),
            "trigger_id": self.trigger(user), "api_app_id": "A000000001", "is_enterprise_install": "false",
        }  # fmt: skip
        status, said = self.send(urllib.parse.urlencode(fields))
        assert status == 200
        return said

    def interaction(self, kind: str, user: str = "ann", **more: Any) -> Any:
        payload = {
            "type": kind, "team": {"id": self.emulator.team}, "user": {"id": self.emulator.users[user]}, "api_app_id": "A000000001",
            "trigger_id": self.trigger(user), "token": "x", **more,
        }  # fmt: skip
        status, said = self.send(urllib.parse.urlencode({"payload": json.dumps(payload)}))
        assert status == 200
        return said

    def press(
        self,
        message: dict[str, Any],
        action: dict[str, Any],
        *,
        user: str = "ann",
        name: str = "press",
        channel: str = "training",
    ) -> Any:
        """A press on an element of `message`; one without a ts is ephemeral."""
        place = {
            "type": "message", "message_ts": message.get("ts", ""), "channel_id": self.emulator.channels.get(channel, channel),
            "is_ephemeral": "ts" not in message,
        }  # fmt: skip
        if message.get("thread_ts"):
            place["thread_ts"] = message["thread_ts"]
        return self.interaction(
            "block_actions", user, container=place, channel={"id": place["channel_id"]}, message=message, actions=[action],
            response_url=self.response_url(name),
        )  # fmt: skip

    def event(self, event: dict[str, Any], event_id: str = "", **headers: str) -> tuple[int, Any]:
        body = {
            "type": "event_callback", "team_id": self.emulator.team, "api_app_id": "A000000001", "event": event, "token": "x",
            "event_id": event_id or f"Ev{next(self.numbers)}", "event_time": int(time.time()), "event_context": str(next(self.numbers)),
            "authorizations": [{"team_id": self.emulator.team, "user_id": "UBOT", "is_bot": True}],
        }  # fmt: skip
        return self.send(json.dumps(body), "application/json", **headers)

    def say(self, text: str, channel: str = "training", **more: Any) -> dict[str, Any]:
        """A message of a person in a channel."""
        where = self.emulator.channels[channel]
        said = self.emulator.call("chat.postMessage", token=PEOPLE_TOKEN, channel=where, text=text, **more)
        return dict(said["message"])

    # --- what the bot did ---------------------------------------------------------------------------------------

    def wait(self, found: Callable[[], Any]) -> Any:
        """What `found` returns, once it is true."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            result = found()
            if result:
                return result
            time.sleep(0.02)
        raise AssertionError(
            f"nothing came; calls: {[method for method, _ in self.recorder.calls]}; jobs: {self.queue.depth()}"
        )

    def answer(self, name: str, count: int = 1) -> dict[str, Any]:
        """The `count`th body posted to a response_url."""
        return dict(self.wait(lambda: self.recorder.responses.get(name, [])[count - 1 : count])[0])

    def settle(self) -> None:
        """Waits until every job is done."""
        self.wait(lambda: not (self.queue.depth().ready or self.queue.depth().leased))

    def check(self, links: frozenset[str] = frozenset()) -> None:
        """Every message and view so far is one that Slack takes, and nothing in it takes effect."""
        for body in self.recorder.bodies():
            assert faults(body) == [], body
            assert unsafe(body, EMOJIS, links) == [], body
        for view in self.recorder.views():
            assert view_faults(view) == [], view


def element(body: dict[str, Any], action_id: str) -> dict[str, Any]:
    """A button, list or group of boxes of a message, with its block's id, as Slack sends it back."""
    for block in body["blocks"]:
        for each in block.get("elements", ()):
            if each.get("action_id") == action_id:
                return {**each, "block_id": block["block_id"]}
    raise AssertionError(f"no {action_id} in {[block['type'] for block in body['blocks']]}")


def pressed(body: dict[str, Any], action_id: str, *values: str) -> dict[str, Any]:
    """The action that a press makes: a button, boxes that are ticked now, or a list's option (by value)."""
    made = element(body, action_id)
    if made["type"] == "button":
        return made
    options = [option for option in made["options"] if option["value"] in values]
    assert len(options) == len(values), made["options"]
    chosen = {"selected_options": options} if made["type"] == "checkboxes" else {"selected_option": options[0]}
    return {key: made[key] for key in ("type", "action_id", "block_id")} | chosen


def words_of(value: Any) -> str:
    """All texts of blocks, one after the other."""
    if isinstance(value, dict):
        own = value.get("text") if isinstance(value.get("text"), str) else ""
        return " ".join([str(own), *(words_of(each) for each in value.values() if isinstance(each, dict | list))])
    if isinstance(value, list):
        return " ".join(map(words_of, value))
    return ""


class _Threaded(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Silent(WSGIRequestHandler):
    def log_message(self, *parts: Any) -> None:
        """Quiet."""
