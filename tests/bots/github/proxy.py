"""A proxy in front of GitHub's emulator that fails as networks and GitHub do: limits, 5xx, lost answers, slow and stale ones."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Fault:
    """What happens to the next `times` requests that match.

    `answer`: status, headers and body instead of the server's. `drop`: the connection is cut "before" the request reaches the
    server or "after" it was carried out. `delay`: seconds before it is passed on. `stale`: how many of the newest entries a list
    lacks. `gate`: called before the request is passed on.
    """

    verb: str
    path: str
    times: int = 1
    answer: tuple[int, dict[str, str], str] | None = None
    carried_out: bool = False  # whether the server sees the request although `answer` says otherwise
    drop: str = ""
    delay: float = 0.0
    stale: int = 0
    gate: Callable[[], Any] | None = None

    def matches(self, verb: str, path: str) -> bool:
        return self.times > 0 and verb == self.verb and re.search(self.path, path) is not None


@dataclass
class Proxy:
    """Runs until `close`; `faults` may be added at any time, `seen` lists what was asked, in order."""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _any(self) -> None:
                proxy._handle(self)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _any

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, verb: str, path: str, **how: Any) -> Fault:
        fault = Fault(verb, path, **how)
        with self._lock:
            self.faults.append(fault)
        return fault

    def count(self, verb: str, path: str) -> int:
        return sum(1 for seen_verb, seen_path in self.seen if seen_verb == verb and re.search(path, seen_path))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, verb: str, path: str) -> Fault | None:
        with self._lock:
            self.seen.append((verb, path))
            for fault in self.faults:
                if fault.matches(verb, path):
                    fault.times -= 1
                    return fault
        return None

    def _handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        fault = self._take(request.command, request.path)
        if fault is not None and fault.gate is not None:
            fault.gate()
        if fault is not None and fault.delay:
            time.sleep(fault.delay)
        if fault is not None and fault.drop == "before":
            request.close_connection = True
            return
        status, headers, data = 0, {}, b""
        if fault is None or fault.answer is None or fault.carried_out:
            status, headers, data = self._forward(request, body)
        if fault is not None and fault.drop == "after":
            request.close_connection = True
            return
        if fault is not None and fault.answer is not None:
            status, headers, text = fault.answer
            data = text.encode()
        if fault is not None and fault.stale:
            data = json.dumps(json.loads(data)[: -fault.stale]).encode()
        try:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            if status != 204:
                request.wfile.write(data)
        except OSError:
            request.close_connection = True  # the client gave up waiting

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(self.upstream)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
        try:
            headers = {
                name: value for name, value in request.headers.items() if name.lower() not in ("host", "content-length")
            }
            connection.request(request.command, request.path, body or None, headers)
            response = connection.getresponse()
            kept = {
                name: value
                for name, value in response.getheaders()
                if name.lower() in ("content-type", "link", "retry-after")
            }
            return response.status, kept, response.read()
        finally:
            connection.close()
