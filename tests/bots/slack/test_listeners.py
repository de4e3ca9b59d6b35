"""Listeners as plain calls: what they acknowledge, open and queue, without Slack."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from advisor.diagnosis import default_library
from bots.slack.listeners.actions.press import press
from bots.slack.listeners.commands.vram import vram
from bots.slack.listeners.events.direct import direct
from bots.slack.listeners.events.file import shared
from bots.slack.listeners.events.home import opened
from bots.slack.listeners.events.mention import mention
from bots.slack.listeners.shortcuts.diagnose import diagnose
from bots.slack.listeners.views.forget import confirmed
from bots.slack.listeners.views.form import submitted
from bots.slack.listeners.views.options import matching, offer
from bots.slack.needs import Needs, QueueFull
from bots.slack.store import Store
from tests.bots.slack.desk import words_of

COMMAND = {
    "team_id": "T1",
    "user_id": "U1",
    "channel_id": "C1",
    "response_url": "https://hooks.slack.com/x",
    "trigger_id": "1.2",
}


class Client:
    """Keeps the views that it was given."""

    def __init__(self) -> None:
        self.views: list[dict[str, Any]] = []

    def views_open(self, **arguments: Any) -> dict[str, Any]:
        self.views.append(arguments["view"])
        return {"view": {"id": "V1"}}

    views_publish = views_open


class Ack:
    """Keeps what was acknowledged."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []

    def __call__(self, **words: Any) -> None:
        self.said.append(words)


class Jobs(list[tuple[str, str, dict[str, Any]]]):
    """A queue that keeps new jobs and knows their keys."""

    full = False

    def __call__(self, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        if self.full:
            raise QueueFull("too many")
        if key in {each[1] for each in self}:
            return False
        self.append((kind, key, dict(payload)))
        return True


@pytest.fixture
def jobs() -> Jobs:
    return Jobs()


@pytest.fixture
def needs(jobs: Jobs) -> Needs:
    return Needs(enqueue=jobs, store=Store.open("sqlite://"), library=default_library())


def _vram(text: str, needs: Needs) -> tuple[Ack, Client]:
    ack, client = Ack(), Client()
    vram(ack, {**COMMAND, "text": text}, client, needs)  # type: ignore[arg-type]
    assert len(ack.said) == 1
    return ack, client


def test_a_text_is_queued_with_its_place(needs: Needs, jobs: Jobs) -> None:
    ack, client = _vram("CUDA out of memory", needs)
    assert ack.said == [{}]
    assert client.views == []
    kind, key, payload = jobs[0]
    assert (kind, key) == ("diagnose", "1.2")
    assert payload["text"] == "CUDA out of memory"
    assert (payload["team"], payload["user"], payload["channel"], payload["where"]) == ("T1", "U1", "C1", "private")


@pytest.mark.parametrize(
    ("text", "kind", "rest"),
    [
        ("estimate LoRA on Qwen2.5-7B", "estimate", "LoRA on Qwen2.5-7B"),
        ("估计 单卡 4090 微调 Qwen2.5-7B", "estimate", "单卡 4090 微调 Qwen2.5-7B"),
        ("fit Qwen2.5-7B on T4", "fit", "Qwen2.5-7B on T4"),
        ("forget", "forget", ""),
        ("forget about it: CUDA out of memory", "diagnose", "forget about it: CUDA out of memory"),
        ("fit", "diagnose", "fit"),
    ],
)
def test_the_first_word_chooses_the_work(needs: Needs, jobs: Jobs, text: str, kind: str, rest: str) -> None:
    _vram(text, needs)
    assert (jobs[0][0], jobs[0][2]["text"]) == (kind, rest)


def test_secrets_never_reach_the_queue(needs: Needs, jobs: Jobs) -> None:
    _vram("OOM with ghp_" + "a1B2" * 9, needs)
    assert "ghp_a1B2" not in str(jobs)
    assert jobs[0][2]["hidden"] == 1


def test_nothing_opens_the_form_and_settings_their_own(needs: Needs, jobs: Jobs) -> None:
    assert _vram("", needs)[1].views[0]["callback_id"] == "vram_form"
    assert _vram("settings", needs)[1].views[0]["callback_id"] == "vram_settings"
    assert jobs == []


@pytest.mark.parametrize(("text", "shown"), [("help", "How to ask"), ("help zh", "怎么提问"), ("gpus h100", "H100")])
def test_pages_are_the_acknowledgement(needs: Needs, jobs: Jobs, text: str, shown: str) -> None:
    ack, _ = _vram(text, needs)
    assert shown in words_of(ack.said[0]["blocks"])
    assert jobs == []


def test_a_full_queue_is_said_at_once(needs: Needs, jobs: Jobs) -> None:
    jobs.full = True
    ack, _ = _vram("CUDA out of memory", needs)
    assert "Too many questions" in ack.said[0]["text"]


def test_a_shortcut_takes_text_and_files_from_its_payload(needs: Needs, jobs: Jobs) -> None:
    shortcut = {
        "team": {"id": "T1"}, "user": {"id": "U1"}, "channel": {"id": "C1"}, "trigger_id": "9.9", "response_url": "https://hooks.slack.com/x",
        "message": {
            "text": "see &lt;log&gt; <https://a.example.com|a>", "ts": "5.5", "files": [{"id": "F1", "url_private": "u", "secret": 1}],
        },
    }  # fmt: skip
    diagnose(Ack(), shortcut, lambda **_: None, needs)  # type: ignore[arg-type]
    _, _, payload = jobs[0]
    assert payload["text"] == "see <log> a"
    assert payload["thread_ts"] == "5.5"
    assert payload["files"] == [{"id": "F1", "url_private": "u"}]


def test_events_delivered_again_have_the_same_key(needs: Needs, jobs: Jobs) -> None:
    body = {"team_id": "T1", "event_id": "Ev1", "event": {}}
    event = {"text": "<@B> OOM", "user": "U1", "channel": "C1", "ts": "1.1", "files": [{"id": "F1"}]}
    for _ in range(2):
        mention(body, event, needs)
    assert [(kind, key) for kind, key, _ in jobs] == [("seen", "file:C1:F1"), ("diagnose", "Ev1")]
    upload = {"file_id": "F1", "channel_id": "C1", "user_id": "U1"}
    shared({**body, "event_id": "Ev2"}, upload, "UBOT", needs)
    assert len(jobs) == 2  # the mention answers for its file
    assert jobs[1][2]["behind"] == []


@pytest.mark.parametrize(
    ("text", "thread", "behind"), [("<@B> ", "", ["file:C1:F1"]), ("<@B> it has 24 GB", "", []), ("<@B>", "1.0", [])]
)
def test_a_mention_whose_file_came_first_marks_it_as_asked_about(
    needs: Needs, jobs: Jobs, text: str, thread: str, behind: list[str]
) -> None:
    body = {"team_id": "T1", "event_id": "Ev1", "event": {}}
    shared({**body, "event_id": "Ev2"}, {"file_id": "F1", "channel_id": "C1", "user_id": "U1"}, "UBOT", needs)
    event = {"text": text, "user": "U1", "channel": "C1", "ts": "1.1", "files": [{"id": "F1"}], "thread_ts": thread}
    mention(body, event, needs)
    assert [kind for kind, _, _ in jobs] == ["file", "diagnose"]
    assert needs.store.marked("asked:file:C1:F1")
    assert jobs[1][2]["behind"] == behind


def test_deleting_a_workspace_asks_first(needs: Needs, jobs: Jobs) -> None:
    client = Client()
    for text in ("forget workspace", "forget 工作区", "删除工作区数据"):
        vram(Ack(), {**COMMAND, "text": text}, client, needs)  # type: ignore[arg-type]
    assert jobs == []
    assert [json.loads(view["private_metadata"])["lang"] for view in client.views] == ["en", "zh", "zh"]
    view = {**client.views[0], "id": "V1"}
    for _ in range(2):
        confirmed(Ack(), {"team": {"id": "T1"}, "user": {"id": "U1"}}, view, needs)  # type: ignore[arg-type]
    assert [(kind, key) for kind, key, _ in jobs] == [("forget_team", "view:V1")]
    assert jobs[0][2]["response_url"] == "https://hooks.slack.com/x"


@pytest.mark.parametrize(
    "event", [{"bot_id": "B1"}, {"subtype": "message_changed"}, {"channel_type": "channel"}, {"text": " "}]
)
def test_what_is_no_question_is_not_queued(needs: Needs, jobs: Jobs, event: dict[str, Any]) -> None:
    message = {"channel_type": "im", "text": "OOM", "user": "U1", "channel": "D1", "ts": "1.1"}
    direct({"event_id": "Ev1"}, {**message, **event}, needs)
    assert jobs == []
    direct({"event_id": "Ev1"}, message, needs)
    assert len(jobs) == 1


@pytest.mark.parametrize("event", [{"user_id": "UBOT"}, {"channel_id": "D1"}, {"file_id": ""}])
def test_files_of_the_bot_and_of_direct_messages_are_not_queued(
    needs: Needs, jobs: Jobs, event: dict[str, Any]
) -> None:
    shared({"team_id": "T1"}, {"file_id": "F1", "channel_id": "C1", "user_id": "U1", **event}, "UBOT", needs)
    assert jobs == []


def test_a_press_without_a_case_is_acknowledged_and_dropped(needs: Needs, jobs: Jobs) -> None:
    ack = Ack()
    press(ack, {"trigger_id": "1"}, {"action_id": "vram_worked", "block_id": "else"}, needs)  # type: ignore[arg-type]
    press(ack, {"trigger_id": "1"}, {"action_id": "vram_other", "block_id": "case:a:say"}, needs)  # type: ignore[arg-type]
    assert len(ack.said) == 2
    assert jobs == []


def test_sharing_twice_is_one_job(needs: Needs, jobs: Jobs) -> None:
    for trigger in ("1", "2"):
        body = {"trigger_id": trigger, "team": {"id": "T1"}, "user": {"id": "U1"}}
        press(Ack(), body, {"action_id": "vram_share", "block_id": "case:a:say", "type": "button"}, needs)  # type: ignore[arg-type]
    assert [key for _, key, _ in jobs] == ["vram_share:a"]


def test_an_empty_form_is_sent_back(needs: Needs, jobs: Jobs) -> None:
    ack = Ack()
    submitted(
        ack, {"team": {"id": "T1"}, "user": {"id": "U1"}}, {"id": "V1", "private_metadata": '{"lang": "zh"}'}, needs
    )  # type: ignore[arg-type]
    assert "请填写" in ack.said[0]["errors"]["description"]
    assert jobs == []


def test_lists_offer_at_most_a_hundred_names(needs: Needs) -> None:
    ack = Ack()
    offer(ack, {"action_id": "vram_model", "value": "a"}, needs)  # type: ignore[arg-type]
    assert len(ack.said[0]["options"]) == 100
    assert matching("rtx 4090", "vram_gpu", needs.library)[0] == ("RTX 4090", "RTX 4090")
    assert matching("", "vram_framework", needs.library)


def test_the_home_tab_is_published_when_it_is_opened(needs: Needs) -> None:
    client = Client()
    opened({"team_id": "T1"}, {"tab": "messages", "user": "U1"}, client, needs)  # type: ignore[arg-type]
    assert client.views == []
    opened({"team_id": "T1"}, {"tab": "home", "user": "U1"}, client, needs)  # type: ignore[arg-type]
    assert client.views[0]["type"] == "home"
