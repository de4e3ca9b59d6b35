"""Settings: from variables and from files they name, checked, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from bots.slack.report import stats_json, stats_text
from bots.slack.settings import SLACK_API, Settings, SettingsError
from bots.slack.store import Stats, Tally

ONE = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "ADVISOR_SLACK_DATABASE": "sqlite://"}


def test_secrets_come_from_variables_or_from_files(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("xoxb-2\n", encoding="utf-8")
    settings = Settings.of(ONE | {"SLACK_BOT_TOKEN_FILE": str(secret)})
    assert settings.bot_token == "xoxb-2"
    assert "xoxb" not in repr(settings)
    assert Settings.of(ONE).bot_token == "xoxb-1"
    with pytest.raises(SettingsError, match="SLACK_BOT_TOKEN_FILE"):
        Settings.of(ONE | {"SLACK_BOT_TOKEN_FILE": str(tmp_path / "absent")})


def test_options_override_variables() -> None:
    settings = Settings.of(ONE | {"ADVISOR_SLACK_PORT": "4000"}, port=5000, host=None, mode="http")
    assert (settings.port, settings.host, settings.mode) == (5000, "127.0.0.1", "http")


@pytest.mark.parametrize("value", ["many", "0", "70000", "-1"])
def test_a_number_out_of_range_names_its_variable(value: str) -> None:
    with pytest.raises(SettingsError, match="ADVISOR_SLACK_PORT: is not a whole number from 1 to 65535"):
        Settings.of(ONE | {"ADVISOR_SLACK_PORT": value})


def test_only_slack_and_another_api_are_written_to() -> None:
    assert Settings.of(ONE).api_url == SLACK_API
    assert Settings.of(ONE).hosts == ()
    other = Settings.of(
        ONE | {"SLACK_API_URL": "http://127.0.0.1:4003/api", "ADVISOR_SLACK_EXTRA_HOSTS": "Files.local:1"}
    )
    assert other.api_url == "http://127.0.0.1:4003/api/"
    assert other.hosts == ("files.local:1", "127.0.0.1:4003")


@pytest.mark.parametrize(
    ("change", "mode", "place"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "socket", "SLACK_BOT_TOKEN"),
        ({"SLACK_APP_TOKEN": "xoxb-1"}, "socket", "SLACK_APP_TOKEN"),
        ({}, "http", "SLACK_SIGNING_SECRET"),
        ({"SLACK_CLIENT_ID": "1.2"}, "http", "SLACK_CLIENT_SECRET"),
        ({"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "s"}, "http", "SLACK_BOT_TOKEN"),
        ({"SLACK_CLIENT_ID": "1.2", "SLACK_CLIENT_SECRET": "s", "SLACK_BOT_TOKEN": ""}, "socket", "SLACK_CLIENT_ID"),
    ],
)
def test_what_is_missing_or_does_not_go_together_is_named(change: dict[str, str], mode: str, place: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.of(ONE | change, mode=mode).checked()
    assert caught.value.place == place


def test_no_retention_is_zero_days() -> None:
    assert Settings.of(ONE).retention_days == 90
    assert Settings.of(ONE | {"ADVISOR_SLACK_RETENTION_DAYS": "0"}).retention_days is None


def test_what_helped_comes_first() -> None:
    stats = Stats(
        cases={"vram_oom": 3, "": 1},
        tallies=(
            Tally("vram_oom", "lora", "did_not", 2),
            Tally("vram_oom", "gradient_checkpointing", "worked", 2),
            Tally("vram_oom", "", "worked", 1),
        ),
    )
    assert stats_text(stats).splitlines() == [
        "cases  failure",
        "    3  vram_oom",
        "    1  (none found)",
        "",
        "      worked       did not  tried before  remedy                   failure",
        "           2             0             0  gradient_checkpointing   vram_oom",
        "           1             0             0  (the answer as a whole)  vram_oom",
        "           0             2             0  lora                     vram_oom",
    ]
    assert '"remedy": null' in stats_json(stats)
