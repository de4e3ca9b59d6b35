"""The program as it is run: it answers what it accepted before it stops; of two replicas one is killed, and nothing is lost or doubled."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from bots.slack.store import Store
from bots.slack.work.queue import Queue
from tests.bots.slack.conftest import new_database
from tests.bots.slack.double import SlackDouble
from tests.bots.slack.servers import Bot, free_port
from tests.bots.slack.signing import SECRET, command, signed

OOM = (
    "python train.py --model_name_or_path Qwen/Qwen2.5-7B --bf16 --per_device_train_batch_size 4\n"
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB. GPU 0 has a total capacity of 79.25 GiB"
)


def _environment(slack: SlackDouble, database: str) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_SIGNING_SECRET": SECRET, "SLACK_CLIENT_ID": "",
        "SLACK_API_URL": slack.api_url, "ADVISOR_SLACK_DATABASE": database, "ADVISOR_SLACK_LEASE": "2",
        "ADVISOR_SLACK_PROCESSES": "1",
    }  # fmt: skip


def _http(slack: SlackDouble, database: str, log: Path) -> tuple[Bot, str]:
    port = free_port()
    bot = Bot(["--http", "--port", str(port)], _environment(slack, database), log)
    bot.wait_ready(f"http://127.0.0.1:{port}/readyz", 60)
    return bot, f"http://127.0.0.1:{port}"


def _ask(url: str, slack: SlackDouble, name: str) -> None:
    body = command(OOM, trigger=name, response_url=slack.response_url(name))
    request = urllib.request.Request(url + "/slack/events", body.encode(), signed(body))
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def _wait(holds: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def _page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def _lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def test_it_answers_what_it_accepted_before_it_stops(slack: SlackDouble, tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    bot, url = _http(slack, f"sqlite:///{tmp_path / 'bot.db'}", log)
    try:
        names = [f"k{number}" for number in range(8)]
        for name in names:
            _ask(url, slack, name)
        assert 'advisor_slack_enqueued_total{kind="diagnose",outcome="new"} 8.0' in _page(url + "/metrics")
    finally:
        status = bot.stop()
    assert status == 0
    assert [len(slack.responses[name]) for name in names] == [1] * 8
    assert slack.responses["k0"][0]["response_type"] == "ephemeral"
    assert all("Qwen" not in json.dumps(line) for line in _lines(log))


def test_one_of_two_replicas_is_killed(slack: SlackDouble, tmp_path: Path, postgres_server: str) -> None:
    slack.delay = 0.05
    with new_database(postgres_server) as database:
        Store.open(database, migrate=True).close()
        victim, first = _http(slack, database, tmp_path / "victim.log")
        survivor, second = _http(slack, database, tmp_path / "survivor.log")
        try:
            names = [f"k{number}" for number in range(16)]
            for number, name in enumerate(names):
                _ask((first, second)[number % 2], slack, name)
            _wait(lambda: sum(len(slack.responses[name]) for name in names) >= 3)
            victim.kill()
            _wait(lambda: all(slack.responses[name] for name in names))
            time.sleep(3.0)  # longer than a lease: whatever would be doubled has come by now
            store = Store.open(database)
            depth = Queue(store.database).depth()
            store.close()
        finally:
            victim.kill()
            survivor.stop()
    assert [len(slack.responses[name]) for name in names] == [1] * 16
    assert (depth.ready, depth.leased) == (0, 0)


def test_socket_mode_as_it_is_run(slack: SlackDouble, tmp_path: Path) -> None:
    port = free_port()
    environment = _environment(slack, f"sqlite:///{tmp_path / 'bot.db'}")
    bot = Bot(["--health-port", str(port)], environment, tmp_path / "bot.log")
    try:
        bot.wait_ready(f"http://127.0.0.1:{port}/readyz", 60)
        payload = {
            "team_id": "T1", "channel_id": "C1", "user_id": "U1", "command": "/vram", "text": OOM, "trigger_id": "1.1",
            "response_url": slack.response_url("k"),
        }  # fmt: skip
        slack.send({"type": "slash_commands", "envelope_id": "e1", "payload": payload})
        _wait(lambda: len(slack.responses["k"]) == 1)
        assert slack.acks == ["e1"]
        done = 'advisor_slack_jobs_total{kind="diagnose",outcome="done"} 1.0'
        _wait(lambda: done in _page(f"http://127.0.0.1:{port}/metrics"))
    finally:
        assert bot.stop() == 0


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--http"], {"SLACK_SIGNING_SECRET": ""}, "SLACK_SIGNING_SECRET: is missing"),
        ([], {"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN: is missing"),
        ([], {"SLACK_BOT_TOKEN": "secret"}, "SLACK_BOT_TOKEN: does not start with xox"),
        ([], {"ADVISOR_SLACK_DATABASE": "postgresql://a@127.0.0.1:1/x"}, "can't be opened"),
    ],
)
def test_what_is_missing_is_said_before_anything_starts(
    slack: SlackDouble, tmp_path: Path, arguments: list[str], environment: dict[str, str], says: str
) -> None:
    log = tmp_path / "bot.log"
    bot = Bot(arguments, _environment(slack, f"sqlite:///{tmp_path / 'bot.db'}") | environment, log)
    assert bot.process.wait(60) == 2
    assert says in log.read_text(encoding="utf-8")


def test_a_port_that_is_taken_is_said(slack: SlackDouble, tmp_path: Path) -> None:
    environment = _environment(slack, f"sqlite:///{tmp_path / 'bot.db'}")
    bot = Bot(["--http", "--port", str(slack.port)], environment, tmp_path / "bot.log")
    assert bot.process.wait(60) == 2
    assert f"127.0.0.1:{slack.port} can't be opened" in (tmp_path / "bot.log").read_text(encoding="utf-8")


def test_the_programs_own_commands(slack: SlackDouble, tmp_path: Path) -> None:
    environment = _environment(slack, f"sqlite:///{tmp_path / 'bot.db'}")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from advisor.cli import main; main()", "slack", *arguments],
            env=environment | {"PATH": "/usr/bin"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return done.stdout

    assert run("migrate").startswith("empty -> ")
    assert run("migrate").startswith("up to date")
    assert run("stats") == "No cases yet.\n"
    assert run("check").count("ok  ") == 4
    assert run("forget", "--team", "T1", "--yes") == "0 cases deleted\n"
