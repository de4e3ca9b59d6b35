"""The files of a message: fetched from Slack alone, bounded, decoded with patience; archives and pictures are refused in words."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from advisor.errors import AdvisorError, InputError
from advisor.facts import Lang
from advisor.readers.intake import read_document
from bots.slack.words import say

MAX_BYTES = 64 * 2**20
TIMEOUT_S = 30.0
HOSTS = ("slack.com", "slack-files.com")
_MAGIC = (
    b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd", b"%PDF", b"\x89PNG", b"\xff\xd8\xff",
    b"GIF8", b"\x7fELF", b"\x93NUMPY", b"GGUF",
)  # fmt: skip
_TYPES = ("image/", "video/", "audio/")


class FileRefused(AdvisorError):
    """A file that can't be read, said in the person's language."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows redirects to allowed hosts only, so that the token goes nowhere else."""

    def __init__(self, extra: Sequence[str]) -> None:
        self.extra = extra

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not allowed(newurl, self.extra):
            raise urllib.error.URLError("redirected away from Slack")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def allowed(url: str, extra: Sequence[str] = ()) -> bool:
    """Whether a token may be sent there: https at a host of Slack, or a host (with its port) named in `extra`.

    >>> allowed("https://files.slack.com/x"), allowed("http://files.slack.com/x"), allowed("https://slack.com.example.org/x")
    (True, False, False)
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if parts.username is not None or parts.password is not None or parts.scheme not in ("http", "https"):
        return False
    if host in extra or f"{host}:{port}" in extra:
        return True
    return (
        parts.scheme == "https"
        and port in (None, 443)
        and any(host == each or host.endswith(f".{each}") for each in HOSTS)
    )


def read_file(file: Mapping[str, Any], token: str, lang: Lang, extra: Sequence[str] = ()) -> str:
    """The text of a file; of a long log, the lines that matter.

    Raises:
        FileRefused: an archive, a picture, too large, not at Slack, or no text; the message says which.
        OSError: the network failed; asking again may help.
    """
    name = str(file.get("name") or file.get("id") or "?")[:80]
    url = str(file.get("url_private_download") or file.get("url_private") or "")
    if not allowed(url, extra):
        raise FileRefused(say("file.unreadable", lang, name=name, reason=say("file.host", lang)))
    if str(file.get("mimetype") or "").startswith(_TYPES):
        raise FileRefused(say("file.archive", lang, name=name))
    if int(file.get("size") or 0) > MAX_BYTES:
        raise FileRefused(say("file.large", lang, name=name, limit=MAX_BYTES // 2**20))
    data = _fetch(url, token, name, lang, extra)
    if data.startswith(_MAGIC):
        raise FileRefused(say("file.archive", lang, name=name))
    try:
        document = read_document(io.BytesIO(data))
    except InputError as error:
        raise FileRefused(say("file.unreadable", lang, name=name, reason=error.message)) from None
    return "\n".join(line.raw for line in document.lines)


def _fetch(url: str, token: str, name: str, lang: Lang, extra: Sequence[str]) -> bytes:
    opener = urllib.request.build_opener(_Stay(extra))
    asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - `allowed` checked the scheme
    try:
        with opener.open(asked, timeout=TIMEOUT_S) as answer:
            return _bounded(answer, name, lang)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 429 or error.code >= 500:
                raise
            raise FileRefused(say("file.unreadable", lang, name=name, reason=f"HTTP {error.code}")) from None


def _bounded(answer: HTTPResponse, name: str, lang: Lang) -> bytes:
    data = answer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise FileRefused(say("file.large", lang, name=name, limit=MAX_BYTES // 2**20))
    kind = answer.headers.get("Content-Type", "")
    if kind.startswith("text/html") and data.lstrip()[:15].lower().startswith(b"<!doctype html"):
        # Without files:read, Slack answers with its sign-in page instead of an error.
        raise FileRefused(say("file.unreadable", lang, name=name, reason="files:read"))
    return data
