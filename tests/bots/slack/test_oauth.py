"""Installations: through the emulator's own pages; states that are checked; tokens sealed, rotated, revoked; one row each."""

from __future__ import annotations

import io
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from slack_sdk.oauth.installation_store import Bot, Installation

from advisor.diagnosis import default_library
from bots.slack.app import build_app
from bots.slack.front import enqueuer
from bots.slack.needs import Needs
from bots.slack.settings import Settings
from bots.slack.store import Case, Store, StoreError
from bots.slack.store.installations import Installations, States
from bots.slack.store.seal import Seal
from bots.slack.web import Health, Site
from bots.slack.work.errors import SlackRefused
from bots.slack.work.queue import Queue
from bots.slack.workspaces import Workspaces
from tests.bots.slack.double import SlackDouble
from tests.bots.slack.emulator import Emulator, emulator
from tests.bots.slack.signing import SECRET, command, signed

__all__ = ["emulator"]
KEY = Fernet.generate_key().decode()
PUBLIC = "http://127.0.0.1:3100"


class Door:
    """The bot for many workspaces, called as a browser and as Slack call it."""

    def __init__(self, store: Store, api_url: str, **more: Any) -> None:
        self.store = store
        self.settings = Settings(
            mode="http", client_id="111.222", client_secret="s3cret", signing_secret=SECRET, api_url=api_url,
            public_url=PUBLIC, encryption_key=KEY, scopes=("commands", "chat:write"), **more,
        )  # fmt: skip
        self.queue = Queue(store.database)
        self.workspaces = Workspaces(self.settings, store)
        needs = Needs(enqueue=enqueuer(self.queue, lambda: None), store=store, library=default_library())
        app = build_app(self.settings, self.workspaces, needs)
        self.site = Site(app, SECRET, Health(self.queue), store.once, store.forget_mark)

    def get(self, url: str, cookie: str = "") -> tuple[int, dict[str, str], str]:
        path, _, query = url.partition("?")
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": query, "HTTP_COOKIE": cookie}
        return self._call(environ, b"")

    def post(self, body: str) -> tuple[int, dict[str, str], str]:
        headers = {"HTTP_" + name.upper().replace("-", "_"): value for name, value in signed(body).items()}
        environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/slack/events", "CONTENT_LENGTH": str(len(body.encode()))}
        return self._call(environ | headers, body.encode())

    def _call(self, environ: dict[str, str], body: bytes) -> tuple[int, dict[str, str], str]:
        said: list[Any] = []
        whole: Any = environ | {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(body)}
        answer = b"".join(self.site(whole, lambda *parts: said.append(parts)))  # type: ignore[arg-type]
        return int(said[-1][0][:3]), {name.lower(): value for name, value in said[-1][1]}, answer.decode()


def _install(door: Door, emulator: Emulator) -> tuple[int, str]:
    """Through /slack/install and the emulator's page, as somebody does it in a browser; the last status and page."""
    status, headers, page = door.get("/slack/install")
    assert status == 200
    cookie = headers["set-cookie"].split(";")[0]
    authorize = re.search(r'href="([^"]+/oauth/v2/authorize[^"]+)"', page)
    assert authorize is not None
    back = _consent(authorize.group(1).replace("&amp;", "&"), emulator)
    return _back(door, back, cookie)


def _consent(authorize: str, emulator: Emulator) -> str:
    """Presses the button of the emulator's page; where it sends the browser."""
    with urllib.request.urlopen(authorize, timeout=10) as answer:
        page = answer.read().decode()
    form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', page, re.S)
    assert form is not None
    fields = dict(re.findall(r'name="([^"]+)"\s+value="([^"]*)"', form.group(2)))
    request = urllib.request.Request(
        urllib.parse.urljoin(authorize, form.group(1)),
        urllib.parse.urlencode({key: value.replace("&amp;", "&") for key, value in fields.items()}).encode(),
    )

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: Any) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(request, timeout=10)
    except urllib.error.HTTPError as redirect:
        return redirect.headers["Location"]
    raise AssertionError("the emulator did not send the browser back")


def _back(door: Door, location: str, cookie: str) -> tuple[int, str]:
    assert location.startswith(PUBLIC)
    status, _, page = door.get(location.removeprefix(PUBLIC), cookie)
    return status, page


def _rows(store: Store, table: str) -> list[Any]:
    with store.database.read() as connection:
        return list(connection.execute(sa.text(f"SELECT * FROM {table}")).mappings())


def test_an_installation_and_then_a_command(store: Store, emulator: Emulator) -> None:
    door = Door(store, emulator.url)
    for _ in range(3):
        status, _page = _install(door, emulator)
        assert status == 200
    [row] = _rows(store, "slack_installations")  # former ones are pruned
    [bot] = _rows(store, "slack_bots")
    assert row["bot_token"].startswith("sealed:")
    assert bot["bot_token"].startswith("sealed:")
    body = command("CUDA out of memory", trigger="1.1", team_id=row["team_id"])
    assert door.post(body)[0] == 200
    assert door.queue.depth().ready == 1
    assert door.workspaces.client(row["team_id"]).auth_test()["ok"]


def test_a_workspace_without_an_installation_is_told_and_gets_no_work(
    store: Store, emulator: Emulator, slack: SlackDouble
) -> None:
    door = Door(store, emulator.url)
    url = slack.response_url("stranger")
    body = command("CUDA out of memory", trigger="1.1", team_id="TSTRANGER", response_url=url)
    assert door.post(body)[0] == 200
    [told] = slack.responses["stranger"]
    assert "installation" in told["text"]
    assert door.queue.depth().ready == 0
    with pytest.raises(SlackRefused, match="not_installed"):
        door.workspaces.client("TSTRANGER")


@pytest.mark.parametrize("case", ["no cookie", "another state", "state used twice"])
def test_a_state_that_is_not_ours_installs_nothing(store: Store, emulator: Emulator, case: str) -> None:
    door = Door(store, emulator.url)
    _, headers, page = door.get("/slack/install")
    cookie = headers["set-cookie"].split(";")[0]
    authorize = re.search(r'href="([^"]+/oauth/v2/authorize[^"]+)"', page)
    assert authorize is not None
    back = _consent(authorize.group(1).replace("&amp;", "&"), emulator)
    if case == "no cookie":
        cookie = ""
    elif case == "another state":
        back = re.sub(r"state=[^&]+", "state=guessed", back)
    else:
        States(store.database).consume(urllib.parse.parse_qs(urllib.parse.urlsplit(back).query)["state"][0])
    status, _page = _back(door, back, cookie)
    assert status in (400, 401)
    assert _rows(store, "slack_installations") == []


def test_a_state_is_taken_once_and_expires(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    states = States(store.database)
    state = states.issue()
    assert states.consume(state)
    assert not states.consume(state)
    states.expiration_seconds = -1
    assert not states.consume(states.issue())
    assert _rows(store, "slack_oauth_states") == []


class Rotator:
    """What Slack does for a refresh token: once."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def perform_bot_token_rotation(self, *, bot: Bot, minutes_before_expiration: int) -> Bot:
        assert bot.bot_refresh_token not in self.used
        self.used.append(str(bot.bot_refresh_token))
        fresh = Bot(**bot.to_dict_for_copying())
        fresh.bot_token, fresh.bot_refresh_token = "xoxe.xoxb-2", "xoxe-2"
        fresh.bot_token_expires_at = int(time.time()) + 43_200
        return fresh


def test_a_token_is_rotated_once_by_many_replicas(store: Store, emulator: Emulator) -> None:
    door = Door(store, emulator.url)
    assert door.workspaces.installations is not None
    door.workspaces.installations.save(
        Installation(
            app_id="A1", team_id="T1", user_id="U1", bot_token="xoxe.xoxb-1", bot_refresh_token="xoxe-1", bot_id="B1",
            bot_user_id="UB", bot_token_expires_at=int(time.time()) + 600, installed_at=time.time() - 3600,
        )
    )  # fmt: skip
    rotator = Rotator()
    replicas = [Workspaces(door.settings, store, rotator=rotator) for _ in range(3)]  # type: ignore[arg-type]
    assert replicas[0].client("T1").token == "xoxe.xoxb-2"
    assert {replica.client("T1").token for replica in replicas[1:]} == {"xoxe.xoxb-2"}
    assert rotator.used == ["xoxe-1"]
    [row] = _rows(store, "slack_bots")
    assert row["bot_refresh_token"].startswith("sealed:")


def test_who_takes_the_bot_away_takes_the_data_along(store: Store, emulator: Emulator) -> None:
    door = Door(store, emulator.url)
    assert door.workspaces.installations is not None
    for team in ("T1", "T2"):
        door.workspaces.installations.save(
            Installation(app_id="A1", team_id=team, user_id="U1", bot_token="xoxb-1", bot_id="B1", bot_user_id="UB")
        )
        store.add_case(Case(team=team, user="U1", text="OOM"))
    event = '{"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": {"type": "app_uninstalled"}}'
    assert door.post(event)[0] == 200
    assert [row["team_id"] for row in _rows(store, "slack_installations")] == ["T2"]
    assert [row["team"] for row in _rows(store, "cases")] == ["T2"]
    event = '{"type": "event_callback", "team_id": "T2", "event_id": "Ev2", "event": {"type": "tokens_revoked", "tokens": {"bot": ["UB"]}}}'
    assert door.post(event)[0] == 200
    assert _rows(store, "slack_bots") == []
    with pytest.raises(SlackRefused):
        door.workspaces.client("T2")


def test_sealed_tokens_open_with_a_former_key_and_not_without(tmp_path: Path) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = Seal(old).close("xoxb-1")
    assert sealed is not None
    assert "xoxb" not in sealed
    assert Seal(f"{new},{old}").open(sealed) == "xoxb-1"
    assert Seal(new).open("xoxb-plain") == "xoxb-plain"
    assert Seal().close("xoxb-1") == "xoxb-1"
    for keys in ("", new):
        with pytest.raises(StoreError, match="ADVISOR_SLACK_ENCRYPTION_KEY"):
            Seal(keys).open(sealed)
    with pytest.raises(StoreError, match="not a key"):
        Seal("short")


def test_an_organisation_wide_installation_serves_its_workspaces(store: Store) -> None:
    settings = Settings(client_id="1.2", client_secret="s", mode="http")
    workspaces = Workspaces(settings, store)
    assert isinstance(workspaces.installations, Installations)
    workspaces.installations.save(
        Installation(
            app_id="A1", enterprise_id="E1", team_id=None, user_id="U1", bot_token="xoxb-org", bot_id="B1",
            bot_user_id="UB", is_enterprise_install=True,
        )
    )  # fmt: skip
    assert workspaces.client("T9", "E1").token == "xoxb-org"
