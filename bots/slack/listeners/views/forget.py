"""That a workspace's data are to be deleted, as it was confirmed; whether the person may is asked when it is done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bots.slack.forms import FORGET
from bots.slack.incoming import origin
from bots.slack.needs import Needs

if TYPE_CHECKING:
    from slack_bolt import Ack, App


def register(app: App, needs: Needs) -> None:
    @app.view(FORGET)
    def view_submission(ack: Ack, body: dict[str, Any], view: dict[str, Any]) -> None:
        confirmed(ack, body, view, needs)


def confirmed(ack: Ack, body: Mapping[str, Any], view: Mapping[str, Any], needs: Needs) -> None:
    """Queues the deletion, once however often the button is pressed."""
    place: Mapping[str, Any] = json.loads(view.get("private_metadata") or "{}")
    words = {"lang": str(place.get("lang") or "en"), "response_url": str(place.get("response_url") or "")}
    needs.enqueue("forget_team", f"view:{view['id']}", {**origin(body), **words})
    ack()
