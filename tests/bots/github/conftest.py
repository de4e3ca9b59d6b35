"""A GitHub that the project did not write: the emulator, with users, an organisation, a repository and an app; and a faulty proxy."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.diagnosis import default_library
from bots.github.config import Config
from bots.github.event import Event, event_of
from bots.github.triage import Outcome, Triage
from tests.bots.github.proxy import Proxy

ROOT = Path(__file__).resolve().parents[3]
EMULATOR = ROOT / "build/emulators/node_modules/emulate/dist/index.js"
REPOSITORY = "lab/trainer"
WEBHOOK_SECRET = "a secret of the tests"
OOM = (
    "I fine-tune Qwen2.5-7B with LoRA on one RTX 3090, batch size 4.\n\n```\n"
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB. GPU 0 has a total capacity of 23.69 GiB "
    "of which 412.19 MiB is free.\n"
    "```\n"
)
OTHER = "The progress bar shows the wrong number of steps when I resume.\n"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@dataclass
class Emulator:
    """The emulator's address, what an app needs, and requests as a user."""

    url: str
    key: str
    webhook_port: int

    def ask(self, verb: str, path: str, token: str, data: Any = None) -> Any:
        request = urllib.request.Request(
            self.url + path, method=verb, data=None if data is None else json.dumps(data).encode(),
            headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=20) as response:
            text = response.read()
        return json.loads(text) if text else None


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    pytest.importorskip("github", reason="needs PyGithub")
    node = shutil.which("node")
    if node is None or not EMULATOR.exists():
        pytest.skip("needs Node.js and `make emulators`")
    folder = tmp_path_factory.mktemp("github")
    port, webhook_port, key = free_port(), free_port(), private_key()
    people = ("reporter", "passer-by", "maintainer", "advisor-bot")
    seed = {
        "tokens": {f"token-{name}": {"login": name, "scopes": ["repo"]} for name in people},
        "github": {
            "users": [{"login": name, "email": f"{name}@example.com"} for name in people],
            "orgs": [{"login": "lab", "members": [{"login": "maintainer", "role": "admin"}]}],
            "repos": [{"owner": "lab", "name": "trainer", "auto_init": True}],
            "apps": [
                {
                    "app_id": 4711, "slug": "vram-advisor", "name": "vram-advisor",
                    "permissions": {"issues": "write", "metadata": "read"}, "events": ["issues", "issue_comment"],
                    "private_key": key, "webhook_url": f"http://127.0.0.1:{webhook_port}/webhook", "webhook_secret": WEBHOOK_SECRET,
                    "installations": [{"installation_id": 100, "account": "lab", "repository_selection": "all"}],
                }
            ],
        },
    }  # fmt: skip
    (folder / "seed.yaml").write_text(yaml.safe_dump(seed), encoding="utf-8")
    command = [
        node, str(EMULATOR), "start", "--service", "github", "--port", str(port), "--seed", str(folder / "seed.yaml"),
    ]  # fmt: skip
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            world = Emulator(f"http://127.0.0.1:{port}", key, webhook_port)
            _wait(lambda: world.ask("GET", f"/repos/{REPOSITORY}", "token-maintainer"), folder / "log")
            yield world
        finally:
            process.terminate()
            process.wait(10)


def _wait(check: Callable[[], object], log: Path, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            check()
            return
        except OSError:
            if time.monotonic() > end:
                raise RuntimeError(log.read_text(errors="replace")) from None
            time.sleep(0.05)


@dataclass
class World:
    """An issue tracker with people in it, our account beside them, and the proxy between it and us."""

    emulator: Emulator
    proxy: Proxy
    slept: list[float] = field(default_factory=list)
    repository: str = REPOSITORY

    def open(self, title: str, body: str, who: str = "reporter") -> int:
        data = {"title": title, "body": body}
        return int(self._ask("POST", "/issues", who, data)["number"])

    def edit(self, number: int, who: str = "reporter", **data: Any) -> None:
        self._ask("PATCH", f"/issues/{number}", who, data)

    def say(self, number: int, body: str, who: str = "reporter") -> int:
        return int(self._ask("POST", f"/issues/{number}/comments", who, {"body": body})["id"])

    def comments(self, number: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._ask("GET", f"/issues/{number}/comments?per_page=100", "maintainer")
        return found

    def ours(self, number: int, login: str = "advisor-bot") -> list[str]:
        return [item["body"] for item in self.comments(number) if item["user"]["login"] == login]

    def labels(self, number: int) -> set[str]:
        return {label["name"] for label in self._ask("GET", f"/issues/{number}/labels", "maintainer")}

    def payload(
        self, number: int, action: str = "opened", comment: int = 0, sender: str = "reporter"
    ) -> dict[str, Any]:
        data = {
            "action": action, "issue": self._ask("GET", f"/issues/{number}", "maintainer"), "sender": {"login": sender, "type": "User"},
            "repository": {"full_name": self.repository},
        }  # fmt: skip
        if comment:
            data["comment"] = self._ask("GET", f"/issues/comments/{comment}", "maintainer")
        return data

    def event(self, number: int, action: str = "opened", comment: int = 0) -> Event:
        event = event_of(self.payload(number, action, comment))
        assert event is not None
        return event

    def api(self, login: str = "advisor-bot", timeout: int = 5) -> Any:
        from github import Auth

        from bots.github.api import GitHub
        from bots.github.calls import Caller, Patience, requester_of

        patience = Patience(first_wait=0.01, timeout=timeout)
        requester = requester_of(Auth.Token(f"token-{login}"), self.proxy.url, patience)
        return GitHub(Caller(requester, patience=patience, sleep=self.sleep), self.repository)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(min(seconds, 0.02))

    def triage(self, event: Event, config: Config | None = None, timeout: int = 5) -> Triage:
        return Triage(self.api(timeout=timeout), event, config or Config(), default_library(), settle=0.02)

    def run(self, number: int, action: str = "opened", comment: int = 0, config: Config | None = None) -> Outcome:
        return self.triage(self.event(number, action, comment), config).run()

    def _ask(self, verb: str, path: str, who: str, data: Any = None) -> Any:
        return self.emulator.ask(verb, f"/repos/{self.repository}{path}", f"token-{who}", data)


@pytest.fixture
def world(emulator: Emulator) -> Iterator[World]:
    proxy = Proxy(emulator.url)
    try:
        yield World(emulator, proxy)
    finally:
        proxy.close()


@pytest.fixture
def today() -> datetime:
    return datetime.now(UTC)
