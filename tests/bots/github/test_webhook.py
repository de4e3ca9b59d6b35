"""The webhook: signatures, replays, what is accepted and what is not; and the server as a whole, with GitHub's emulator delivering."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from advisor.errors import InputError
from bots.github.app.serve import secrets_of
from bots.github.app.store import Store
from bots.github.app.webhook import Webhook
from bots.github.event import Event
from tests.bots.github.conftest import OOM, OTHER, WEBHOOK_SECRET, World, free_port

pytest.importorskip("gidgethub", reason="needs gidgethub")
SECRET = "the webhook's secret"


class NoWorkers:
    """Takes note of what the webhook hands on."""

    def __init__(self) -> None:
        self.alive, self.stopping = True, False
        self.woken: list[str] = []

    def wake(self, delivery: str, event: Event) -> None:
        self.woken.append(delivery)


class Client:
    """Posts to the WSGI application as GitHub does."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.pool, self.store = NoWorkers(), Store(path / "db", clock=clock, most=3)
        self.app = Webhook([SECRET, "the one before"], self.store, self.pool, login="vram-advisor[bot]", clock=clock)

    def send(
        self, payload: Any, *, delivery: str = "d-1", secret: str = SECRET, **changes: Any
    ) -> tuple[int, dict[str, Any]]:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        environ = {
            "REQUEST_METHOD": "POST", "PATH_INFO": "/webhook", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_HUB_SIGNATURE_256": signature, "HTTP_X_GITHUB_DELIVERY": delivery, "HTTP_X_GITHUB_EVENT": "issues",
            "wsgi.input": io.BytesIO(body),
        } | changes  # fmt: skip
        return self.ask({name: value for name, value in environ.items() if value is not None})

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return self.ask({"REQUEST_METHOD": "GET", "PATH_INFO": path})

    def ask(self, environ: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        said: list[str] = []
        data = b"".join(self.app(environ, lambda status, headers, *_: said.append(status)))  # type: ignore[arg-type,return-value]
        return int(said[0].split()[0]), json.loads(data)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    client = Client(tmp_path)
    yield client
    client.store.close()


def payload(action: str = "opened", number: int = 1, **more: Any) -> dict[str, Any]:
    user = {"login": "reporter", "type": "User"}
    issue = {"number": number, "title": "OOM", "body": OOM, "user": user, "state": "open"}
    return {
        "action": action, "issue": issue, "sender": user, "repository": {"full_name": "lab/trainer"}, "installation": {"id": 7},
    } | more  # fmt: skip


def test_a_signed_delivery_is_queued_once(client: Client) -> None:
    assert client.send(payload()) == (202, {"status": "queued"})
    assert client.send(payload()) == (202, {"status": "duplicate"})
    assert client.pool.woken == ["d-1"]
    job = client.store.take()
    assert job is not None
    assert (job.repository, job.issue, job.installation, job.action) == ("lab/trainer", 1, 7, "opened")
    assert client.store.take() is None


def test_a_replay_under_another_id_is_seen_by_its_body(client: Client) -> None:
    assert client.send(payload())[1] == {"status": "queued"}
    assert client.send(payload(), delivery="d-2")[1] == {"status": "duplicate"}
    assert client.send(payload(number=2), delivery="d-3")[1] == {"status": "queued"}


def test_the_same_delivery_at_the_same_moment_is_queued_once(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: client.send(payload(), delivery=f"d-{n % 2}")[1]["status"], range(16)))
    assert sorted(answers) == ["duplicate"] * 15 + ["queued"]


def test_replays_are_known_after_a_restart_and_too_old_ones_refused(tmp_path: Path) -> None:
    now = [1_800_000_000.0]
    stamp = {
        "updated_at": "2027-01-15T08:00:00Z",
        "number": 1,
        "title": "OOM",
        "body": OOM,
        "user": {"login": "reporter"},
    }
    data = payload() | {"issue": stamp}
    client = Client(tmp_path, lambda: now[0])
    assert client.send(data)[1] == {"status": "queued"}
    client.store.close()
    client = Client(tmp_path, lambda: now[0])
    assert client.send(data, delivery="d-2")[1] == {"status": "duplicate"}
    now[0] += 8 * 86_400
    assert client.store.forget() == 1
    answer = client.send(data, delivery="d-3")[1]
    assert (answer["status"], answer["why"]) == ("noted", "the change is too old")
    client.store.close()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"HTTP_X_HUB_SIGNATURE_256": None}, 401),
        ({"HTTP_X_HUB_SIGNATURE_256": ""}, 401),
        ({"HTTP_X_HUB_SIGNATURE_256": "sha256=" + "0" * 64}, 401),
        ({"HTTP_X_HUB_SIGNATURE_256": "sha256=é"}, 401),
        ({"CONTENT_TYPE": "application/x-www-form-urlencoded"}, 415),
        ({"CONTENT_LENGTH": None}, 411),
        ({"CONTENT_LENGTH": "-5"}, 413),
        ({"CONTENT_LENGTH": "999999999"}, 413),
        ({"CONTENT_LENGTH": "99999"}, 400),
        ({"HTTP_X_GITHUB_DELIVERY": None}, 400),
        ({"HTTP_X_GITHUB_DELIVERY": "a b'; --"}, 400),
        ({"REQUEST_METHOD": "GET"}, 405),
        ({"PATH_INFO": "/elsewhere"}, 404),
    ],
)
def test_what_is_refused_leaves_no_trace(client: Client, changes: dict[str, Any], status: int) -> None:
    assert client.send(payload(), **changes)[0] == status
    assert client.store.counts()["waiting"] == 0
    assert client.send(payload())[0] == 202


def test_signatures_of_other_secrets_bodies_and_hashes_are_refused(client: Client) -> None:
    assert client.send(payload(), secret="another")[0] == 401
    body = json.dumps(payload()).encode()
    sha1 = "sha1=" + hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    assert client.send(body, HTTP_X_HUB_SIGNATURE_256=sha1)[0] == 401
    assert client.send(body, HTTP_X_HUB_SIGNATURE_256=None, HTTP_X_HUB_SIGNATURE=sha1)[0] == 401
    right = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    assert client.send(body + b" ", HTTP_X_HUB_SIGNATURE_256=right)[0] == 401
    assert client.send(payload(), secret="the one before")[0] == 202


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"issue": {}}', b'{"issue": {"number": 1}}']
)
def test_signed_nonsense_is_refused_politely(client: Client, body: bytes) -> None:
    status, answer = client.send(body)
    assert status == 400
    assert answer["error"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (payload(sender={"login": "vram-advisor[bot]", "type": "Bot"}), "our own"),
        (payload(sender={"login": "some-bot", "type": "Bot"}), "bot"),
        (payload(action="assigned"), "assigned"),
        (payload(action="labeled", label={"name": "bug"}) | {"installation": None}, "installation"),
        (payload(comment={"id": 1, "body": OOM, "user": {"login": "x[bot]"}}, action="created"), "bot"),
        ({"action": "opened", "pull_request": {}}, "no issue"),
    ],
)
def test_what_is_not_for_us_is_noted_and_not_queued(client: Client, data: dict[str, Any], why: str) -> None:
    name = "issue_comment" if "comment" in data else "issues"
    status, answer = client.send(data, HTTP_X_GITHUB_EVENT=name)
    assert (status, answer["status"]) == (202, "noted")
    assert why in answer["why"]


def test_a_full_queue_and_a_stopping_server_ask_for_redelivery(client: Client) -> None:
    for number in range(3):
        assert client.send(payload(number=number + 1), delivery=f"d-{number}")[0] == 202
    assert client.send(payload(number=9), delivery="d-9")[0] == 503
    assert client.get("/readyz")[0] == 200
    client.pool.stopping = True
    assert client.send(payload(number=10), delivery="d-10")[0] == 503
    assert client.get("/readyz")[0] == 503
    assert client.get("/healthz") == (200, {"status": "alive"})
    client.pool.stopping = False
    for _ in range(3):
        job = client.store.take()
        assert job is not None
        client.store.done(job)
    assert client.send(payload(number=9), delivery="d-9")[0] == 202


def test_nobodys_text_is_written_to_the_database(client: Client, tmp_path: Path) -> None:
    client.send(payload())
    client.store.close()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"lab/trainer" in written
    for text in (b"Qwen", b"out of memory", b"reporter"):
        assert text not in written
    client.store = Store(tmp_path / "db")


def test_the_environment_is_checked(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ADVISOR_GITHUB_WEBHOOK_SECRET"):
        secrets_of(
            {"ADVISOR_GITHUB_APP_ID": "1", "ADVISOR_GITHUB_PRIVATE_KEY": "k", "ADVISOR_GITHUB_WEBHOOK_SECRET_OLD": "x"}
        )
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN\n")
    key.chmod(0o644)
    environ = {
        "ADVISOR_GITHUB_APP_ID": "1", "ADVISOR_GITHUB_PRIVATE_KEY_FILE": str(key), "ADVISOR_GITHUB_WEBHOOK_SECRET": "s",
    }  # fmt: skip
    with pytest.raises(InputError, match="everybody"):
        secrets_of(environ)
    key.chmod(0o600)
    assert secrets_of(environ) == ("1", "-----BEGIN", ("s",))


class Server:
    """`advisor github serve` as a process."""

    def __init__(self, world: World, folder: Path, port: int) -> None:
        self.url, self.log = f"http://127.0.0.1:{port}", folder / "server.log"
        environ = os.environ | {
            "ADVISOR_GITHUB_APP_ID": "4711", "ADVISOR_GITHUB_PRIVATE_KEY": world.emulator.key,
            "ADVISOR_GITHUB_WEBHOOK_SECRET": WEBHOOK_SECRET, "GITHUB_API_URL": world.proxy.url,
        }  # fmt: skip
        command = [
            sys.executable,
            "-m",
            "advisor",
            "github",
            "serve",
            "--port",
            str(port),
            "--database",
            str(folder / "db"),
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        self.until(lambda: self.get("/readyz") == 200, 30)

    def get(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def until(self, check: Callable[[], object], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < end, self.log.read_text(errors="replace")
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            time.sleep(0.05)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(40)


def test_an_app_answers_from_webhook_to_comment(world: World, tmp_path: Path) -> None:
    """Deliveries by the emulator, signed by it; then a lost answer, a second start, and a graceful end."""
    login = "vram-advisor[bot]"
    server = Server(world, tmp_path, world.emulator.webhook_port)
    try:
        silent = world.open("Wrong progress bar", OTHER)
        number = world.open("OOM", OOM)
        server.until(lambda: world.ours(number, login) and "oom" in world.labels(number))
        world.edit(number, body=OOM.replace("batch size 4", "batch size 16"))
        server.until(lambda: "| `batch_size` | `16` |" in world.ours(number, login)[0])
        world.proxy.fail("POST", r"/issues/\d+/comments", drop="after")
        lost = world.open("OOM again", OOM)
        server.until(lambda: world.ours(lost, login))
        command = world.say(number, "/advisor ignore")
        assert command
        server.until(lambda: not world.ours(number, login))
        server.until(lambda: server.events() and not _waiting(server))
        assert world.ours(silent, login) == []
        assert len(world.ours(lost, login)) == 1
    finally:
        assert server.stop() == 0
    events = server.events()
    assert [event for event in events if event["level"] == "error"] == []
    assert {event["result"] for event in events if event["event"] == "done" and event["issue"] == lost} == {"commented"}
    assert any(event.get("why") == "it is our own doing" for event in events)
    log = server.log.read_text()
    for text in ("Qwen", "out of memory", "reporter", WEBHOOK_SECRET, "PRIVATE KEY"):
        assert text not in log


def _waiting(server: Server) -> int:
    with urllib.request.urlopen(server.url + "/readyz", timeout=5) as response:
        jobs = json.loads(response.read())["jobs"]
    return int(jobs["waiting"]) + int(jobs["running"])


def test_what_was_accepted_before_a_kill_is_done_after_the_next_start(world: World, tmp_path: Path) -> None:
    port = free_port()
    number = world.open("OOM", OOM)
    body = json.dumps(world.payload(number) | {"installation": {"id": 100}}).encode()
    signature = "sha256=" + hmac.new(WEBHOOK_SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json", "X-GitHub-Event": "issues", "X-GitHub-Delivery": "d-1", "X-Hub-Signature-256": signature,
    }  # fmt: skip

    def deliver() -> dict[str, Any]:
        request = urllib.request.Request(f"http://127.0.0.1:{port}/webhook", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 202
            answer: dict[str, Any] = json.loads(response.read())
        return answer

    world.proxy.fail("GET", r"/issues/\d+$", times=1, delay=3.0)
    server = Server(world, tmp_path, port)
    assert deliver() == {"status": "queued"}
    server.until(lambda: world.proxy.count("GET", r"/issues/\d+$"))
    children = _children(server.process.pid)
    server.stop(signal.SIGKILL)
    for child in children:
        os.kill(child, signal.SIGKILL)
    assert world.ours(number, "vram-advisor[bot]") == []
    server = Server(world, tmp_path, port)
    try:
        server.until(lambda: world.ours(number, "vram-advisor[bot]"))
        assert deliver() == {"status": "duplicate"}
        assert any(event["event"] == "recovered" for event in server.events())
    finally:
        assert server.stop() == 0
    assert len(world.ours(number, "vram-advisor[bot]")) == 1


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
