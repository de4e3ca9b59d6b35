"""The manifest: what the code calls and hears is what the app asks for, and no more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

import bots.slack
from advisor.errors import InputError
from bots.slack.listeners.commands.vram import COMMAND
from bots.slack.listeners.shortcuts import diagnose, form
from bots.slack.manifest import load, manifest
from bots.slack.settings import SCOPES

FOLDER = Path(bots.slack.__file__).parent
NEEDED = {
    # https://docs.slack.dev/reference/methods/<method>: the scope of a bot token; None: none.
    "auth_test": None,
    "chat_postMessage": "chat:write",
    "chat_postEphemeral": "chat:write",
    "chat_update": "chat:write",
    "conversations_history": "channels:history",
    "conversations_open": "im:write",
    "conversations_replies": "channels:history",
    "files_info": "files:read",
    "files_upload_v2": "files:write",
    "oauth_v2_access": None,
    "users_info": "users:read",
    "views_open": None,
    "views_publish": None,
    "views_update": None,
}
HEARD = {"app_mention": "app_mentions:read", "file_shared": "files:read", "message": "im:history"}
FOR_HISTORY = {"groups:history", "im:history"}
"""conversations.replies asks for the one of the kind of channel."""


def _calls() -> set[str]:
    """Methods of Slack's API that the bot's code calls."""
    found = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr.split("_")[0] in (
                "auth",
                "chat",
                "conversations",
                "files",
                "users",
                "views",
            ):
                found.add(node.attr)
    return {name for name in found if name in NEEDED or (name.split("_", 1)[1:] and hasattr(_client(), name))}


def _client() -> type:
    from slack_sdk import WebClient

    return WebClient


def _events() -> set[str]:
    found = set()
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "event"
                and node.args
            ):
                argument = node.args[0]
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                    found.add(argument.value)
    return found


def test_each_scope_is_needed_and_each_need_has_its_scope() -> None:
    unknown = _calls() - set(NEEDED)
    assert unknown == set()
    wanted = {scope for name in _calls() if (scope := NEEDED[name])} | {
        HEARD[name] for name in _events() if name in HEARD
    }
    wanted |= {"commands", "chat:write", *FOR_HISTORY}
    assert set(load()["oauth_config"]["scopes"]["bot"]) == wanted


def test_the_installation_asks_for_the_same_scopes() -> None:
    assert sorted(SCOPES) == sorted(load()["oauth_config"]["scopes"]["bot"])


def test_each_event_that_is_heard_is_subscribed_to() -> None:
    subscribed = {name.split(".")[0] for name in load()["settings"]["event_subscriptions"]["bot_events"]}
    assert subscribed == _events()


def test_commands_and_shortcuts_are_those_of_the_listeners() -> None:
    features = load()["features"]
    assert [command["command"] for command in features["slash_commands"]] == [COMMAND]
    assert {each["callback_id"] for each in features["shortcuts"]} == {diagnose.CALLBACK, form.CALLBACK}
    assert features["shortcuts"][0]["name"] == "Diagnose this OOM"


def test_lengths_are_those_that_slack_takes() -> None:
    data = load()
    assert len(data["display_information"]["name"]) <= 35
    assert len(data["display_information"]["description"]) <= 140
    for shortcut in data["features"]["shortcuts"]:
        assert len(shortcut["name"]) <= 24
        assert len(shortcut["description"]) <= 150
    for command in data["features"]["slash_commands"]:
        assert len(command["description"]) <= 2000
        assert len(command["usage_hint"]) <= 1000


def test_with_an_address_it_is_for_http() -> None:
    data = yaml.safe_load(manifest("https://advisor.example.com/"))
    address = "https://advisor.example.com/slack/events"
    assert data["settings"]["socket_mode_enabled"] is False
    assert data["settings"]["event_subscriptions"]["request_url"] == address
    assert data["settings"]["interactivity"]["request_url"] == address
    assert data["settings"]["interactivity"]["message_menu_options_url"] == address
    assert data["features"]["slash_commands"][0]["url"] == address
    assert data["oauth_config"]["redirect_urls"] == ["https://advisor.example.com/slack/oauth_redirect"]
    assert yaml.safe_load(manifest())["settings"]["socket_mode_enabled"] is True


@pytest.mark.parametrize("url", ["http://advisor.example.com", "https://a b", "advisor.example.com"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(InputError, match="https"):
        manifest(url)
    with pytest.raises(InputError, match="public address"):
        manifest("", socket=False)
