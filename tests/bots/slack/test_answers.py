"""Handlers as plain calls with tools that keep what they were told: run again, refused, without permission."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from advisor.diagnosis import default_library
from bots.slack.answers import HANDLERS
from bots.slack.answers.deliver import png
from bots.slack.answers.diagnose import diagnose
from bots.slack.answers.forget import forget, forget_team
from bots.slack.answers.press import press
from bots.slack.answers.upload import upload
from bots.slack.incoming import hidden, plain_text
from bots.slack.store import Case, Store
from bots.slack.work.errors import Again, SlackRefused
from tests.bots.slack.desk import words_of

OOM = "LoRA on Qwen2.5-7B with one RTX 4090, batch size 4, 2048 tokens: CUDA out of memory. Tried to allocate 2.32 GiB."
ASKED = {
    "team": "T1",
    "user": "U1",
    "channel": "C1",
    "text": OOM,
    "response_url": "https://hooks.slack.com/x",
    "where": "private",
    "lang": "auto",
}


class Client:
    """A client whose every call is kept and answered with ok."""

    token = "xoxb-1"

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        def call(**arguments: Any) -> dict[str, Any]:
            self.calls.append((name, arguments))
            return {"ok": True, "channel": {"id": "D1"}}

        return call


class Tools:
    """The tools of one job; `steps` are those that it did, also when it is run again."""

    files_hosts: tuple[str, ...] = ()

    def __init__(self, token: str = "job-1") -> None:
        self.store = Store.open("sqlite://")
        self.library = default_library()
        self.token = token
        self.steps: set[str] = set()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.refuse: dict[str, str] = {}
        self.api = Client()

    def client(self, team: str, enterprise: str = "") -> Any:
        return self.api

    def once(self, step: str) -> bool:
        new = step not in self.steps
        self.steps.add(step)
        return new

    def respond(self, response_url: str, body: Mapping[str, Any], step: str = "answer", lang: str = "en") -> None:
        if self.once(f"respond {step}"):
            self.said.append((response_url, dict(body)))

    def post(
        self,
        team: str,
        body: Mapping[str, Any],
        step: str = "answer",
        *,
        enterprise: str = "",
        method: str = "chat.postMessage",
    ) -> str:
        if step in self.refuse:
            raise SlackRefused(self.refuse[step], method)
        if self.once(f"post {step}"):
            self.said.append((str(body["channel"]), dict(body)))
        return "1.1"


@pytest.fixture
def tools() -> Tools:
    return Tools()


def _press(tools: Tools, what: str, **more: Any) -> None:
    press({**ASKED, "case": "job-1", "what": what, "values": [], "ephemeral": True, **more}, tools)  # type: ignore[arg-type]


def test_every_kind_that_listeners_queue_has_a_handler() -> None:
    assert set(HANDLERS) == {
        "diagnose",
        "estimate",
        "fit",
        "file",
        "seen",
        "press",
        "why",
        "settings",
        "forget",
        "forget_team",
    }


def test_a_job_run_again_keeps_one_case_and_says_it_once(tools: Tools) -> None:
    for _ in range(3):
        diagnose(ASKED, tools)  # type: ignore[arg-type]
    assert len(tools.said) == 1
    kept = tools.store.case("job-1")
    assert kept is not None
    assert (kept.kind, kept.gpu, kept.shared, kept.lang) == ("vram_oom", "RTX 4090", False, "en")


def test_a_no_that_is_run_again_blames_no_further_advice(tools: Tools) -> None:
    diagnose(ASKED, tools)  # type: ignore[arg-type]
    for _ in range(3):
        _press(tools, "did_not")
    kept = tools.store.case("job-1")
    assert kept is not None
    assert len(kept.tried) == 2


def test_refused_blocks_are_sent_as_plain_text(tools: Tools) -> None:
    tools.refuse["answer"] = "invalid_blocks"
    diagnose({**ASKED, "where": "thread", "thread_ts": "1.0"}, tools)  # type: ignore[arg-type]
    channel, body = tools.said[0]
    assert channel == "C1"
    assert "RTX 4090" in words_of(body["blocks"])
    assert len(body["blocks"]) == 1


def test_other_refusals_are_told(tools: Tools) -> None:
    tools.refuse["answer"] = "account_inactive"
    with pytest.raises(SlackRefused, match="account_inactive"):
        diagnose({**ASKED, "where": "thread", "thread_ts": "1.0"}, tools)  # type: ignore[arg-type]


def test_a_thread_where_the_bot_is_no_member_is_answered_in_private(tools: Tools) -> None:
    tools.refuse["answer"] = "not_in_channel"
    diagnose({**ASKED, "where": "thread", "thread_ts": "1.0"}, tools)  # type: ignore[arg-type]
    place, body = tools.said[0]
    assert place == ASKED["response_url"]
    assert body["response_type"] == "ephemeral"
    assert "Only you see this" in words_of(body["blocks"])
    assert "Share with the channel" in words_of(body["blocks"])
    kept = tools.store.case("job-1")
    assert kept is not None
    assert not kept.shared


def test_another_workspace_opens_nothing(tools: Tools) -> None:
    diagnose({**ASKED, "where": "thread", "thread_ts": "1.0"}, tools)  # type: ignore[arg-type]
    assert tools.store.case("job-1").shared  # type: ignore[union-attr]
    _press(tools, "apply", team="T2", values=["qlora"])
    assert "somebody else" in tools.said[-1][1]["text"]
    assert "Qwen" not in str(tools.said[-1])


def test_only_known_remedies_are_kept(tools: Tools) -> None:
    diagnose(ASKED, tools)  # type: ignore[arg-type]
    _press(tools, "apply", values=["qlora", "<!channel>", "no_such_remedy"])
    kept = tools.store.case("job-1")
    assert kept is not None
    assert list(kept.applied) == ["qlora"]


def test_the_workspaces_card_is_taken_where_none_is_named(tools: Tools) -> None:
    diagnose({**ASKED, "text": "LoRA on Qwen2.5-7B, batch size 4: CUDA out of memory", "gpu": "RTX 3090"}, tools)  # type: ignore[arg-type]
    assert "RTX 3090" in words_of(tools.said[0][1]["blocks"])
    diagnose({**ASKED, "gpu": "RTX 3090"}, other := Tools("job-2"))  # type: ignore[arg-type]
    assert "RTX 3090" not in words_of(other.said[0][1]["blocks"])


def test_forget_leaves_others_alone(tools: Tools) -> None:
    tools.store.add_case(Case(team="T1", user="U2", text="x", id="theirs"))
    diagnose(ASKED, tools)  # type: ignore[arg-type]
    forget(ASKED, tools)  # type: ignore[arg-type]
    assert tools.store.case("job-1") is None
    assert tools.store.case("theirs") is not None
    assert "Deleted: 1" in tools.said[-1][1]["text"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U1> a <#C1|general> <!channel> b", " a #general  b"),
        ("<https://example.com/a|train.py> &lt;module&gt; &amp;amp;", "train.py <module> &amp;"),
        ('File "a.py", line 1, in <module>', 'File "a.py", line 1, in <module>'),
        ("<https://example.com>", "https://example.com"),
        ("a < b > c <", "a < b > c <"),
        ("<!subteam^S1|@team> <mailto:a@example.com|a@example.com>", " a@example.com"),
    ],
)
def test_messages_become_what_people_see(text: str, shown: str) -> None:
    assert plain_text(text) == shown


def test_of_a_long_text_the_beginning_and_the_end_are_kept() -> None:
    text = "python train.py --batch 4\n" + "step\n" * 100_000 + "CUDA out of memory"
    kept, _ = hidden(text, default_library(), limit=10_000)
    assert len(kept) <= 10_001
    assert kept.startswith("python train.py")
    assert kept.endswith("CUDA out of memory")


def test_the_picture_is_a_png(tools: Tools) -> None:
    pytest.importorskip("cairosvg")
    from advisor.diagnosis import diagnose as answer

    assert png(answer(OOM)).startswith(b"\x89PNG")
    assert png(answer("all good")) == b""


@pytest.mark.parametrize("role", ["is_admin", "is_owner", ""])
def test_only_admins_delete_a_workspace(tools: Tools, role: str) -> None:
    diagnose(ASKED, tools)  # type: ignore[arg-type]
    tools.store.change_settings("T1", lang="zh")
    tools.api.users_info = lambda **_: {"user": {role: True}}  # type: ignore[attr-defined]
    forget_team({**ASKED, "user": "U9", "lang": "en"}, tools)  # type: ignore[arg-type]
    said = str(tools.said[-1][1]["text"])
    if role:
        assert "Deleted: all 1 questions" in said
        assert tools.store.case("job-1") is None
        assert tools.store.settings("T1").lang == "auto"
    else:
        assert "Only admins" in said
        assert tools.store.case("job-1") is not None
        assert tools.store.settings("T1").lang == "zh"


FILE = {"team": "T1", "user": "U1", "channel": "C1", "file": "F1"}
KEY = "file:C1:F1"


def _upload(tools: Tools) -> None:
    """The job of an uploaded file: it waits once for a mention that may follow."""
    with pytest.raises(Again):
        upload(FILE, tools)  # type: ignore[arg-type]
    upload(FILE, tools)  # type: ignore[arg-type]


@pytest.fixture
def log(tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["bots.slack.answers.upload"]  # the package has a function of that name
    monkeypatch.setattr(module, "read_file", lambda *_: OOM)
    tools.api.files_info = lambda **_: {"file": {"name": "run.log"}}  # type: ignore[attr-defined]


def test_a_file_is_left_to_the_mention_that_came_after_it(tools: Tools, log: None) -> None:
    tools.store.once(f"asked:{KEY}", 60)
    _upload(tools)
    assert tools.said == []
    diagnose({**ASKED, "behind": [KEY]}, tools)  # type: ignore[arg-type]
    assert len(tools.said) == 1


def test_a_mention_that_adds_nothing_leaves_an_answered_file_alone(tools: Tools, log: None) -> None:
    _upload(tools)
    assert len(tools.said) == 1
    tools.store.once(f"asked:{KEY}", 60)
    upload(FILE, tools)  # type: ignore[arg-type] # run again after a crash: it had begun to answer, so it goes on
    diagnose({**ASKED, "where": "thread", "behind": [KEY]}, tools)  # type: ignore[arg-type]
    assert len(tools.said) == 1
    diagnose({**ASKED, "behind": []}, tools)  # type: ignore[arg-type] # says more: it is a question of its own
    assert len(tools.said) == 2
