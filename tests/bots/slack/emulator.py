"""Slack as the tests see it: an emulator of its API that nobody here wrote, started once a session on a free port."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).parents[3] / "build" / "emulators" / "node_modules" / "emulate" / "dist" / "index.js"
TOKEN, SECRET = "xoxb-emulated-1", "emulated-signing-secret"
PEOPLE_TOKEN = "xoxp-emulated-2"
SCOPES = ["app_mentions:read", "channels:history", "channels:read", "chat:write", "commands", "files:read", "files:write", "groups:history",
          "im:history", "im:write", "im:read", "users:read"]  # fmt: skip
SEED = {
    "slack": {
        "team": {"name": "Lab", "domain": "lab"},
        "users": [
            {"name": "ann", "real_name": "Ann", "email": "ann@example.com", "is_admin": True},
            {"name": "bob", "real_name": "Bob", "email": "bob@example.com"},
            {"name": "advisor", "real_name": "VRAM advisor", "email": "advisor@example.com"},
        ],
        "channels": [{"name": "general"}, {"name": "training"}],
        "oauth_apps": [
            {
                "client_id": "111.222", "client_secret": "s3cret", "app_id": "A000000001", "name": "Advisor",
                "redirect_uris": ["http://127.0.0.1:3100/slack/oauth_redirect"], "scopes": SCOPES, "bot_name": "advisor",
            }
        ],
        "tokens": [
            {"token": TOKEN, "user": "advisor", "scopes": SCOPES, "app_id": "A000000001"},
            {"token": PEOPLE_TOKEN, "user": "ann", "scopes": [*SCOPES, "channels:write"]},
        ],
        "strict_scopes": True,
        "signing_secret": SECRET,
    }
}  # fmt: skip


class Emulator:
    """A running emulator; `url` is the base for `WebClient(base_url=...)`."""

    def __init__(self, port: int, seed: Any) -> None:
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}/api/"
        self.seed = seed
        self.team = ""
        self.users: dict[str, str] = {}
        self.channels: dict[str, str] = {}

    def call(self, method: str, token: str = TOKEN, **arguments: Any) -> dict[str, Any]:
        """One call of the API; whatever it answers."""
        data = {key: json.dumps(value) if isinstance(value, dict | list) else value for key, value in arguments.items()}
        request = urllib.request.Request(
            self.url + method, urllib.parse.urlencode(data).encode(), {"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            made: dict[str, Any] = json.load(answer)
            return made

    def learn(self) -> None:
        """The ids of the team, the people and the channels."""
        self.team = str(self.call("auth.test")["team_id"])
        self.users = {user["name"]: user["id"] for user in self.call("users.list")["members"]}
        listed = self.call("conversations.list", token=PEOPLE_TOKEN)
        self.channels = {channel["name"]: channel["id"] for channel in listed["channels"]}

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """All messages of a channel with those in threads, oldest first."""
        found = {}
        for message in self.call("conversations.history", channel=channel, limit=200)["messages"]:
            found[message["ts"]] = message
            for reply in self.call("conversations.replies", channel=channel, ts=message["ts"])["messages"]:
                found[reply["ts"]] = reply
        return [found[ts] for ts in sorted(found)]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(folder: Path, seed: Any = SEED) -> tuple[subprocess.Popen[bytes], Emulator]:
    """A process of the emulator and its address, once it answers; skips where Node or the emulator is absent."""
    node = shutil.which("node")
    if node is None or not PROGRAM.exists():
        pytest.skip("the Slack emulator needs Node 20 and `make emulators`")
    file = folder / "seed.json"
    file.write_text(json.dumps(seed))
    port = free_port()
    process = subprocess.Popen(
        [node, str(PROGRAM), "start", "--service", "slack", "--port", str(port), "--seed", str(file)],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    made = Emulator(port, seed)
    for _ in range(200):
        try:
            made.learn()
        except OSError:
            time.sleep(0.05)
        else:
            return process, made
    process.kill()
    raise RuntimeError("the Slack emulator did not start")


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    process, made = started(tmp_path_factory.mktemp("emulator"))
    yield made
    process.terminate()
    process.wait(timeout=10)
