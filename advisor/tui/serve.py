"""The screen in a browser on this machine: loopback only, and only for who knows the address with its key."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
from textual_serve.server import Server

HOST = "127.0.0.1"
COOKIE = "advisor_key"
TEMPLATES = Path(__file__).with_name("templates")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalServer(Server):
    """textual-serve's server behind a door.

    The screen opens and writes files, so neither other people on the machine nor pages of other sites in the same browser may
    reach it: the address printed at the start carries a random key, which the first request turns into a cookie of this port.
    Requests for another host name (DNS rebinding) or from another origin are refused.
    """

    def __init__(self, command: str, port: int) -> None:
        super().__init__(command, host=HOST, port=port, title="advisor", templates_path=str(TEMPLATES))
        self.key = secrets.token_urlsafe(24)
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}
        self._cookie = f"{COOKIE}_{port}"

    @property
    def address(self) -> str:
        """What to open in the browser."""
        return f"http://{HOST}:{self.port}/?key={self.key}"

    async def _make_app(self) -> web.Application:
        app: web.Application = await super()._make_app()
        app.middlewares.append(self.door)
        return app

    @web.middleware
    async def door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Lets through who has the key, from this origin."""
        origin = request.headers.get("Origin")
        if request.host not in self._hosts or (
            origin is not None and origin.removeprefix("http://") not in self._hosts
        ):
            raise web.HTTPForbidden(text="This address only answers to its own page.")
        given = request.query.get("key") or request.cookies.get(self._cookie) or ""
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise web.HTTPForbidden(text="Open the address that `advisor tui --serve` printed, with its key.")
        response = await handler(request)
        if "key" in request.query and not response.prepared:
            response.set_cookie(self._cookie, self.key, httponly=True, samesite="Strict")
        return response

    async def on_startup(self, app: web.Application) -> None:
        self.console.print(f"Open {self.address}", highlight=False, markup=False, soft_wrap=True)
        self.console.print("Ctrl+C ends it.")

    def initialize_logging(self) -> None:
        """Nothing is logged: requests carry the key."""


def serve(command: str, port: int, **options: Any) -> None:
    """Serves a command that runs the app until Ctrl+C."""
    LocalServer(command, port, **options).serve()
