"""The app's manifest: as it stands for Socket Mode, or with the addresses of a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from advisor.errors import InputError

PATH = Path(__file__).with_name("manifest.yaml")
EVENTS_PATH = "/slack/events"
REDIRECT_PATH = "/slack/oauth_redirect"


def manifest(url: str = "", socket: bool = True, *, many: bool = False) -> str:
    """The manifest as YAML.

    Args:
        url: the server's public address, such as `https://advisor.example.com`; empty for Socket Mode.
        socket: False refuses an empty `url`.
        many: for many workspaces, by OAuth: tokens end after twelve hours, and the bot exchanges them. A token that is
            copied from the app's page must not end.

    Raises:
        InputError: the address is not https, or there is none where one is needed.
    """
    if not url:
        if not socket:
            raise InputError("HTTP needs the server's public address", hint="For example https://advisor.example.com")
        return PATH.read_text(encoding="utf-8")
    if not url.startswith("https://") or " " in url:
        raise InputError("Slack calls https addresses only", place=url, hint="For example https://advisor.example.com")
    data = load()
    address = url.rstrip("/")
    for command in data["features"]["slash_commands"]:
        command["url"] = address + EVENTS_PATH
    data["oauth_config"]["redirect_urls"] = [address + REDIRECT_PATH]
    settings = data["settings"]
    settings["event_subscriptions"]["request_url"] = address + EVENTS_PATH
    settings["interactivity"] |= {
        "request_url": address + EVENTS_PATH,
        "message_menu_options_url": address + EVENTS_PATH,
    }
    settings["socket_mode_enabled"] = False
    settings["token_rotation_enabled"] = many
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def load() -> dict[str, Any]:
    """The manifest as data."""
    data: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
    return data
