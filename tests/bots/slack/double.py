"""A double of Slack for what the emulator lacks: faults, rate limits, response_urls, Socket Mode, killed senders. It counts all posts."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

Fault = Callable[[web.Request], Any]


class SlackDouble:
    """`with SlackDouble() as slack:` serves `slack.api_url` and `slack.response_url(name)` from a thread.

    posts: channel -> messages; responses: name -> bodies posted to that response_url; acks: envelope ids in order.
    faults: method (or "respond") -> what happens to the next requests: a status, ("status", headers), "hang", "drop", "swallow".
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.posts: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.responses: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.times: dict[str, float] = {}
        self.calls: list[str] = []
        self.acks: list[str] = []
        self.faults: dict[str, deque[Any]] = defaultdict(deque)
        self.delay = 0.0
        self.readable = True
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._count = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def api_url(self) -> str:
        return f"http://{self.host}/api/"

    def response_url(self, name: str) -> str:
        return f"http://{self.host}/respond/{name}"

    def __enter__(self) -> SlackDouble:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def send(self, envelope: dict[str, Any]) -> None:
        """An envelope to the newest WebSocket."""
        asyncio.run_coroutine_threadsafe(self.sockets[-1].send_str(json.dumps(envelope)), self._loop).result(5)

    def hang_up(self) -> None:
        """Closes the newest WebSocket without a word."""
        asyncio.run_coroutine_threadsafe(self.sockets[-1].close(), self._loop).result(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(self._runner.cleanup())
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application(client_max_size=10_000_000)
        app.router.add_post("/api/{method}", self._api)
        app.router.add_post("/respond/{name:.+}", self._respond)
        app.router.add_get("/socket", self._socket)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def _fault(self, name: str, request: web.Request, take: Callable[[], Any]) -> web.StreamResponse | None:
        if not self.faults[name]:
            return None
        fault = self.faults[name].popleft()
        if fault == "hang":
            await asyncio.sleep(60)
        if fault == "swallow":  # taken, and the answer is lost
            take()
        if fault in ("drop", "swallow"):
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        status, headers = fault if isinstance(fault, tuple) else (fault, {})
        return web.Response(status=status, headers=headers, text="fault")

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        name, body = request.match_info["name"], await request.json()

        def take() -> None:
            self.responses[name].append(body)
            self.times.setdefault(name, time.monotonic())

        fault = await self._fault("respond", request, take)
        if fault is not None:
            return fault
        await asyncio.sleep(self.delay)
        take()
        return web.Response(text="ok")

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        self.calls.append(method)
        body: dict[str, Any]
        if request.content_type == "application/json":
            body = await request.json()
        else:
            body = dict(await request.post())
        fault = await self._fault(method, request, lambda: self._answer(method, body))
        return fault if fault is not None else web.json_response(self._answer(method, body))

    def _answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "auth.test":
            return {"ok": True, "team_id": "T1", "user_id": "UBOT", "bot_id": "B1", "team": "Team", "user": "advisor"}
        if method == "apps.connections.open":
            return {"ok": True, "url": f"ws://{self.host}/socket"}
        if method in ("chat.postMessage", "chat.postEphemeral"):
            self._count += 1
            ts = f"{time.time():.6f}"
            self.posts[body["channel"]].append(dict(body) | {"ts": ts})
            return {"ok": True, "ts": ts, "message_ts": ts, "channel": body["channel"]}
        if method in ("conversations.history", "conversations.replies"):
            if not self.readable:
                return {"ok": False, "error": "missing_scope"}
            return {"ok": True, "messages": list(reversed(self.posts[body["channel"]]))}
        return {"ok": True}

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.append(socket)
        self.connections += 1
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1}))
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                self.acks.append(json.loads(message.data).get("envelope_id", ""))
        return socket
