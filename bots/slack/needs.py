"""What a listener gets: it puts work into the queue and acknowledges; it answers nothing itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from advisor.errors import AdvisorError
from advisor.library import Library
from bots.slack.store import Store


class QueueFull(AdvisorError):
    """Too many requests wait: say so instead of promising an answer."""


class Enqueue(Protocol):
    """Writes a request durably; what it returned for will be answered, by whichever replica lives."""

    def __call__(self, kind: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Puts a request into the queue.

        Args:
            kind: which handler answers it: a key of `bots.slack.answers.HANDLERS`.
            key: the idempotency key: event_id, trigger_id, "share:CASE".
            payload: JSON-able. Read by the queue, where present: `team`, `enterprise`, `user`, `channel`, `thread_ts`,
                `response_url`, `lang` (where a note about a failure goes, and whose job it is when somebody asks to be forgotten).

        Returns: False where the key is known already; then nothing was written.

        Raises:
            QueueFull: too many requests wait.
            StoreError: the payload is larger than `bots.slack.work.queue.PAYLOAD_LIMIT`.
        """


class Needs(Struct, frozen=True):
    """What listeners are registered with."""

    enqueue: Enqueue
    store: Store
    library: Library
