"""Files from Slack: where the token may go, what is refused, what is read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bots.slack import files
from bots.slack.files import FileRefused, allowed, read_file

SECRET = "xoxb-secret"


class Host:
    """Serves bodies by path and keeps the authorization that came with each request."""

    def __init__(self) -> None:
        self.bodies: dict[str, tuple[int, str, bytes]] = {}
        self.seen: list[tuple[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append((self.path, self.headers.get("Authorization") or ""))
                status, kind, body = outer.bodies.get(self.path, (404, "text/plain", b""))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", body.decode())
                    body = b""
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *parts: Any) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.name = f"127.0.0.1:{self.server.server_address[1]}"

    def file(self, path: str, body: bytes, kind: str = "text/plain", status: int = 200) -> dict[str, Any]:
        self.bodies[path] = (status, kind, body)
        return {
            "id": "F1",
            "name": path.strip("/"),
            "url_private_download": f"http://{self.name}{path}",
            "size": len(body),
        }


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://files.slack.com/x",
        "https://files.slack.com.example.org/x",
        "https://evil-slack.com/x",
        "https://slack.com@example.org/x",
        "https://example.org/?slack.com",
        "https://user:pw@files.slack.com/x",
        "https://files.slack.com:8443/x",
        "https://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "//files.slack.com/x",
        "https://[::1]/x",
        "https://files.slack.com:99999999/x",
        "",
    ],
)
def test_the_token_goes_to_slack_alone(url: str) -> None:
    assert not allowed(url)
    with pytest.raises(FileRefused, match="not stored at Slack"):
        read_file({"name": "a.log", "url_private_download": url}, SECRET, "en")


def test_slacks_own_hosts_are_allowed() -> None:
    assert allowed("https://files.slack.com/files-pri/T1-F1/download/a.log")
    assert allowed("https://slack-files.com/T1-F1")
    assert allowed("http://127.0.0.1:4003/x", ("127.0.0.1:4003",))
    assert not allowed("http://127.0.0.1:4004/x", ("127.0.0.1:4003",))


def test_a_file_is_read_with_the_token(host: Host) -> None:
    file = host.file("/a.log", "显存不足\r\nCUDA out of memory".encode())
    assert read_file(file, SECRET, "en", (host.name,)).split() == ["显存不足", "CUDA", "out", "of", "memory"]
    assert host.seen == [("/a.log", f"Bearer {SECRET}")]


def test_other_encodings_are_read(host: Host) -> None:
    file = host.file("/w.log", "CUDA out of memory".encode("utf-16"))
    assert "CUDA out of memory" in read_file(file, SECRET, "en", (host.name,))


def test_a_redirect_elsewhere_does_not_get_the_token(host: Host) -> None:
    other = Host()
    other.file("/steal", b"x")
    file = host.file("/r", f"http://{other.name}/steal".encode(), status=302)
    with pytest.raises(OSError, match="redirected away"):
        read_file(file, SECRET, "en", (host.name,))
    assert other.seen == []
    other.server.shutdown()
    other.server.server_close()


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\x1f\x8b\x08", b"%PDF-1.7", b"\x89PNG\r\n", b"7z\xbc\xaf\x27"])
def test_archives_and_pictures_are_refused_in_words(host: Host, start: bytes) -> None:
    file = host.file("/a.zip", start + b"\x00" * 50)
    with pytest.raises(FileRefused, match="is an archive or a binary file"):
        read_file(file, SECRET, "en", (host.name,))
    with pytest.raises(FileRefused, match="压缩包"):
        read_file(file, SECRET, "zh", (host.name,))


def test_pictures_are_refused_before_they_are_fetched(host: Host) -> None:
    file = host.file("/p.png", b"x") | {"mimetype": "image/png"}
    with pytest.raises(FileRefused, match="archive or a binary"):
        read_file(file, SECRET, "en", (host.name,))
    assert host.seen == []


def test_too_large_is_refused_whatever_the_size_says(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_BYTES", 2**20)
    file = host.file("/big.log", b"x" * (2**20 + 1))
    with pytest.raises(FileRefused, match="larger than 1 MiB"):
        read_file(file, SECRET, "en", (host.name,))
    with pytest.raises(FileRefused, match="larger than 1 MiB"):
        read_file(file | {"size": 3}, SECRET, "en", (host.name,))


def test_errors_say_what_they_are(host: Host) -> None:
    with pytest.raises(FileRefused, match="HTTP 404"):
        read_file(host.file("/gone", b"", status=404), SECRET, "en", (host.name,))
    with pytest.raises(OSError, match="503"):
        read_file(host.file("/down", b"", status=503), SECRET, "en", (host.name,))
    page = host.file("/login", b"<!DOCTYPE html><title>Sign in</title>", "text/html; charset=utf-8")
    with pytest.raises(FileRefused, match="files:read"):
        read_file(page, SECRET, "en", (host.name,))
