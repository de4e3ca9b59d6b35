"""The hidden first line of a comment by which it is found again: the digest of what it answers, and the labels set with it."""

from __future__ import annotations

from urllib.parse import quote, unquote

import re2
from msgspec import Struct

_MARKER = re2.compile(r"^<!-- advisor:v1 hash=([0-9a-z]{1,64})(?: labels=([\w.%,~-]*))? -->")


class Marker(Struct, frozen=True):
    """What a comment of ours says about itself. `labels` are those that were set with it, so that no other is ever taken off."""

    hash: str
    labels: tuple[str, ...] = ()

    def __str__(self) -> str:
        labels = ",".join(quote(label, safe="").replace("_", "%5F") for label in self.labels)
        return f"<!-- advisor:v1 hash={self.hash}{' labels=' + labels if labels else ''} -->"


def marker_of(body: str) -> Marker | None:
    """The marker at the very beginning of a comment, or None. Who wrote the comment must be checked beside it: anybody can paste one.

    >>> marker_of(str(Marker("1f", ("oom", "oom/long sequence")))).labels
    ('oom', 'oom/long sequence')
    """
    found = _MARKER.match(body)
    if not found:
        return None
    labels = tuple(unquote(label) for label in (found.group(2) or "").split(",") if label)
    return Marker(str(found.group(1)), labels)
