"""What the store hands out and takes in: plain frozen records, never rows of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from advisor.errors import AdvisorError
from advisor.facts import FactValue

Answer = Literal["worked", "did_not", "tried"]
CASE_TEXT_LIMIT = 2_000_000
"""Characters of one case's text; a caller cuts longer ones before it stores them."""


class StoreError(AdvisorError):
    """The store can't do what was asked: a text too long, a setting out of range, a database too old."""


class Case(Struct, frozen=True, kw_only=True):
    """A question as it is kept: the redacted text and what is needed to build its answer again.

    `text` must be redacted before it comes here. `id` empty: the store makes an unguessable one.
    """

    team: str
    user: str
    text: str
    id: str = ""
    channel: str = ""
    thread_ts: str = ""
    lang: str = "en"
    stated: Mapping[str, FactValue] = {}
    tried: Sequence[str] = ()
    applied: Sequence[str] = ()
    kind: str = ""
    model: str = ""
    gpu: str = ""
    framework: str = ""
    shared: bool = False
    message_ts: str = ""
    created_at: float = 0.0
    """Seconds since 1970 (UTC); 0: the store takes the database's clock."""


class TeamSettings(Struct, frozen=True, kw_only=True):
    """A workspace's wishes; None or "auto" means that the installation's default holds."""

    lang: str = "auto"
    react: str = "files"
    gpu: str = ""
    emails: bool = False
    retention_days: int | None = None


class Tally(Struct, frozen=True):
    """How often one answer was given, for one remedy (empty: the answer named none) in one kind of failure."""

    kind: str
    remedy: str
    answer: str
    count: int


class Stats(Struct, frozen=True):
    """What helped. `cases` counts the failure kinds of all cases ever kept; `tallies` all feedback, deleted people's too."""

    cases: Mapping[str, int]
    tallies: Sequence[Tally]
