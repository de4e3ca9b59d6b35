"""The door of the browser's screen: only with the key, only from its own page, only on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

pytest.importorskip("textual_serve")

from aiohttp import ClientSession, web

from advisor.tui.serve import HOST, LocalServer

Check = Callable[[LocalServer, ClientSession], Awaitable[None]]


def with_server(check: Check) -> None:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])

    async def run() -> None:
        server = LocalServer("false", port)
        server.console.quiet = True
        runner = web.AppRunner(await server._make_app())
        await runner.setup()
        await web.TCPSite(runner, HOST, port).start()
        try:
            async with ClientSession() as client:
                await check(server, client)
        finally:
            await runner.cleanup()

    asyncio.run(run())


def test_the_page_opens_with_the_key_and_then_by_its_cookie() -> None:
    async def check(server: LocalServer, client: ClientSession) -> None:
        base = f"http://{HOST}:{server.port}"
        for closed in (base, f"{base}/?key=wrong", f"{base}/ws"):
            async with client.get(closed) as answer:
                assert answer.status == 403, closed
        async with client.get(server.address) as answer:
            assert answer.status == 200
            page = await answer.text()
            assert "googleapis" not in page
            assert f"ws://{HOST}:{server.port}/ws" in page
            cookie = answer.cookies[f"advisor_key_{server.port}"]
            assert cookie["httponly"]
            assert cookie["samesite"] == "Strict"
        async with client.get(f"{base}/static/js/textual.js", cookies={cookie.key: cookie.value}) as answer:
            assert answer.status == 200

    with_server(check)


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Host": "evil.example"}])
def test_other_pages_are_refused_even_with_the_key(headers: dict[str, str]) -> None:
    async def check(server: LocalServer, client: ClientSession) -> None:
        async with client.get(server.address, headers=headers) as answer:
            assert answer.status == 403

    with_server(check)
