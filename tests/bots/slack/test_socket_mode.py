"""Socket Mode against a double of Slack's WebSocket server: acknowledged when durable, reconnects, redelivered once answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from slack_bolt.adapter.socket_mode import SocketModeHandler

from advisor.diagnosis import default_library
from bots.slack.app import build_app
from bots.slack.front import connect, enqueuer
from bots.slack.needs import Needs
from bots.slack.settings import Settings
from bots.slack.store import Store
from bots.slack.work.queue import Queue
from bots.slack.workspaces import Workspaces, web_client
from tests.bots.slack.double import SlackDouble


class Line:
    """The bot's side of the WebSocket."""

    def __init__(self, store: Store, slack: SlackDouble) -> None:
        settings = Settings(bot_token="xoxb-1", app_token="xapp-1", api_url=slack.api_url)
        self.queue = Queue(store.database)
        needs = Needs(enqueue=enqueuer(self.queue, lambda: None), store=store, library=default_library())
        app = build_app(settings, Workspaces(settings, store), needs)
        self.handler = SocketModeHandler(app, "xapp-1", web_client=web_client(settings), ping_interval=0.5)
        self.stop = threading.Event()


@pytest.fixture
def line(tmp_path: Any, slack: SlackDouble) -> Iterator[Line]:
    made = Line(Store.open(f"sqlite:///{tmp_path / 'bot.db'}"), slack)
    connect(made.handler, made.stop)
    yield made
    made.stop.set()
    made.handler.close()  # type: ignore[no-untyped-call]


def _command(envelope: str, trigger: str, text: str = "CUDA out of memory") -> dict[str, Any]:
    return {
        "type": "slash_commands", "envelope_id": envelope, "accepts_response_payload": True,
        "payload": {
            "team_id": "T1", "channel_id": "C1", "user_id": "U1", "command": "/vram", "text": text, "trigger_id": trigger,
            "response_url": "https://hooks.slack.com/commands/1", "api_app_id": "A1",
        },
    }  # fmt: skip


def _wait(holds: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_command_is_acknowledged_and_in_the_queue(line: Line, slack: SlackDouble) -> None:
    _wait(lambda: slack.sockets)
    slack.send(_command("e1", "1.1"))
    _wait(lambda: slack.acks == ["e1"])
    [job] = line.queue.claim("me", 2, 30)
    assert "CUDA out of memory" in job.payload["text"]


def test_after_a_broken_connection_it_comes_back_and_a_redelivery_is_no_second_work(
    line: Line, slack: SlackDouble
) -> None:
    _wait(lambda: slack.sockets)
    slack.send(_command("e1", "1.1"))
    _wait(lambda: slack.acks == ["e1"])
    slack.hang_up()
    _wait(lambda: slack.connections == 2)
    time.sleep(0.2)
    slack.send(_command("e1", "1.1"))  # Slack did not get the acknowledgement
    slack.send(_command("e2", "1.2"))
    _wait(lambda: sorted(slack.acks) == ["e1", "e1", "e2"])
    assert line.queue.depth().ready == 2


def test_slack_asks_to_reconnect_and_nothing_is_lost(line: Line, slack: SlackDouble) -> None:
    _wait(lambda: slack.sockets)
    slack.send({"type": "disconnect", "reason": "refresh_requested", "debug_info": {}})
    _wait(lambda: slack.connections == 2)
    time.sleep(0.2)
    slack.send(_command("e1", "1.1"))
    _wait(lambda: slack.acks == ["e1"])
    assert line.queue.depth().ready == 1


def test_what_could_not_be_written_is_not_acknowledged(
    line: Line, slack: SlackDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    _wait(lambda: slack.sockets)
    with monkeypatch.context() as broken:
        broken.setattr(Queue, "put", lambda *_: 1 / 0)
        slack.send(_command("e1", "1.1"))
        time.sleep(0.5)
    assert slack.acks == []
    slack.send(_command("e1", "1.1"))
    _wait(lambda: slack.acks == ["e1"])
    assert line.queue.depth().ready == 1


def test_it_waits_for_slack_to_come_up(slack: SlackDouble) -> None:
    tried: list[int] = []

    class Handler:
        def connect(self) -> None:
            tried.append(1)
            if len(tried) < 2:
                raise OSError("no route")

    connect(Handler(), threading.Event())
    assert len(tried) == 2
