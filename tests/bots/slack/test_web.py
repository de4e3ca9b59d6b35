"""The HTTP side: only Slack is heard, once; nothing of what it says stands in the logs; health, readiness, metrics."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.diagnosis import default_library
from bots.slack.app import build_app
from bots.slack.front import enqueuer
from bots.slack.logs import JsonLines
from bots.slack.needs import Needs
from bots.slack.settings import Settings
from bots.slack.store import Store
from bots.slack.store.together import Together
from bots.slack.web import BODY_LIMIT, EVENTS_PATH, Health, Site, form
from bots.slack.work.queue import Queue
from bots.slack.workspaces import Workspaces
from tests.bots.slack.double import SlackDouble
from tests.bots.slack.signing import SECRET, command, signed

OOM = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB, payload=7"


class Served:
    """The site on a store, called as a WSGI server calls it."""

    def __init__(self, store: Store, slack: SlackDouble, beats: Any = ()) -> None:
        self.queue = Queue(store.database, together=Together(store.database))
        settings = Settings(mode="http", bot_token="xoxb-1", signing_secret=SECRET, api_url=slack.api_url)
        needs = Needs(enqueue=enqueuer(self.queue, lambda: None), store=store, library=default_library())
        app = build_app(settings, Workspaces(settings, store), needs)
        self.site = Site(app, SECRET, Health(self.queue, beats), store.once, store.forget_mark)

    def request(
        self,
        path: str = EVENTS_PATH,
        body: str | bytes = "",
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
    ) -> tuple[int, str]:
        data = body.encode() if isinstance(body, str) else body
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1",
            "CONTENT_LENGTH": str(len(data)), "wsgi.input": io.BytesIO(data),
        }  # fmt: skip
        for name, value in (headers or {}).items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        said: list[str] = []
        answer = b"".join(self.site(environ, lambda status, headers, *rest: said.append(status)))  # type: ignore[arg-type,func-returns-value,return-value]
        return int(said[-1][:3]), answer.decode()

    @property
    def work(self) -> int:
        return self.queue.depth().ready


@pytest.fixture
def served(store: Store, slack: SlackDouble) -> Served:
    return Served(store, slack)


def test_a_signed_command_is_acknowledged_and_in_the_queue(served: Served) -> None:
    body = command(OOM, trigger="1.1")
    assert served.request(body=body, headers=signed(body)) == (200, "")
    [job] = served.queue.claim("me", 2, 30)
    assert "CUDA out of memory" in job.payload["text"]  # a text with the word "payload" is a text


def test_a_wrong_secret_gets_401_and_no_work(served: Served) -> None:
    body = command(OOM, trigger="1.1")
    status, _ = served.request(body=body, headers=signed(body, secret="another"))
    assert (status, served.work) == (401, 0)


def test_another_body_under_a_good_signature_gets_401_and_no_work(served: Served) -> None:
    body = command(OOM, trigger="1.1")
    status, _ = served.request(body=body + "&more=1", headers=signed(body))
    assert (status, served.work) == (401, 0)


@pytest.mark.parametrize("late", [-301, 301])
def test_an_old_or_future_request_gets_401_and_no_work(served: Served, late: int) -> None:
    body = command(OOM, trigger="1.1")
    status, _ = served.request(body=body, headers=signed(body, at=time.time() + late))
    assert (status, served.work) == (401, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": "now", "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": "٣٣٣", "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": "9" * 400, "X-Slack-Signature": "v0=0"},
        {"X-Slack-Request-Timestamp": str(int(time.time())), "X-Slack-Signature": "v0=é"},
    ],
)
def test_malformed_headers_get_401_and_no_work(served: Served, headers: dict[str, str]) -> None:
    status, _ = served.request(body=command(OOM, trigger="1.1"), headers=headers)
    assert (status, served.work) == (401, 0)


def test_a_replayed_request_gets_401_and_no_work(served: Served) -> None:
    body = command(OOM, trigger="1.1")
    headers = signed(body)
    assert served.request(body=body, headers=headers)[0] == 200
    assert served.request(body=body, headers=headers)[0] == 401
    assert served.work == 1


def test_a_delivery_that_slack_repeats_is_acknowledged_and_no_second_work(served: Served) -> None:
    body = command(OOM, trigger="1.1")
    assert served.request(body=body, headers=signed(body, at=time.time() - 2))[0] == 200
    again = signed(body) | {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    assert served.request(body=body, headers=again)[0] == 200
    assert served.work == 1


def test_a_request_that_failed_may_come_again_as_it_is(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    body = command(OOM, trigger="1.1")
    headers = signed(body)
    with monkeypatch.context() as broken:
        broken.setattr(Queue, "put", lambda *_: 1 / 0)
        assert served.request(body=body, headers=headers)[0] >= 500
    assert served.request(body=body, headers=headers)[0] == 200
    assert served.work == 1


def test_a_body_too_large_or_no_text_is_refused(served: Served) -> None:
    big = b"x" * (BODY_LIMIT + 1)
    assert served.request(body=big)[0] == 413
    assert (
        served.request(body=b"\xff\xfe", headers={"X-Slack-Request-Timestamp": "1", "X-Slack-Signature": "v0=0"})[0]
        == 401
    )
    assert served.request("/elsewhere")[0] == 404
    assert served.request(method="PUT")[0] == 405


def test_the_url_verification_of_slack_is_answered(served: Served) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc", "token": "x"})
    status, answer = served.request(body=body, headers=signed(body))
    assert (status, "abc" in answer) == (200, True)


def test_nothing_that_people_wrote_stands_in_the_logs(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret_word = "Zaubersteckling"
    body = command(f"{OOM} {secret_word}", trigger="1.1")
    served.request(body=body, headers=signed(body))
    served.request(body=body, headers=signed(body, secret="another"))
    event = urlencode({"payload": json.dumps({"type": "unheard_of", "text": secret_word, "team": {"id": "T1"}})})
    served.request(body=event, headers=signed(event))
    assert caplog.records
    lines = [JsonLines().format(record) for record in caplog.records if record.levelno >= logging.WARNING]
    assert any("refused" in line for line in lines)
    assert not any(secret_word in line for line in lines)


def test_exceptions_are_logged_by_type_and_place_only() -> None:
    try:
        raise ValueError("Zaubersteckling")
    except ValueError as error:
        record = logging.LogRecord(
            "bots.slack.x", logging.ERROR, "x.py", 1, "failed", None, (type(error), error, error.__traceback__)
        )
    line = json.loads(JsonLines().format(record))
    assert line["error"]["type"] == "ValueError"
    assert line["error"]["frames"][0].startswith("test_web.py:")
    assert "Zaubersteckling" not in json.dumps(line)


def test_health_and_readiness(store: Store, slack: SlackDouble) -> None:
    beats = [time.monotonic(), 0.0]
    served = Served(store, slack, beats)
    assert served.request("/healthz", method="GET") == (200, '{"alive": true}')
    status, answer = served.request("/readyz", method="GET")
    assert (status, json.loads(answer)) == (503, {"database": "ok", "front": "ok", "workers": 0})
    beats[1] = time.monotonic()
    assert served.request("/readyz", method="GET")[0] == 200
    beats[0] = time.monotonic() - 120
    assert served.request("/readyz", method="GET")[0] == 503


def test_readiness_sees_a_database_that_is_gone(slack: SlackDouble, tmp_path: Any) -> None:
    store = Store.open(f"sqlite:///{tmp_path / 'bot.db'}")
    served = Served(store, slack)
    store.close()
    (tmp_path / "bot.db").rename(tmp_path / "gone.db")
    (tmp_path / "bot.db").mkdir()
    assert served.request("/readyz", method="GET")[0] == 503
    body = command(OOM, trigger="1.1")
    assert served.request(body=body, headers=signed(body))[0] == 503


def test_metrics_count_requests_and_show_the_queue(served: Served) -> None:
    body = command(OOM, trigger="1.1")
    served.request(body=body, headers=signed(body))
    status, page = served.request("/metrics", method="GET")
    assert status == 200
    assert 'advisor_slack_queue_jobs{state="ready"} 1.0' in page
    assert 'advisor_slack_requests_total{status="200"}' in page
    assert "advisor_slack_ack_seconds_bucket" in page


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=1))
def test_forms_are_read_as_urllib_reads_them(fields: dict[str, str]) -> None:
    body = urlencode(fields, errors="replace")
    assert form(body.encode()) == dict(parse_qsl(body, keep_blank_values=True))
