"""`advisor mcp`: the tools for coding agents, over the Model Context Protocol."""

from __future__ import annotations

import os
import signal
from typing import Any

import click

from advisor.cli import EXIT_INTERRUPTED
from advisor.cli._packs import load, pack_options
from advisor.errors import AdvisorError


@click.command("mcp")
@pack_options
def command(**parameters: Any) -> int:
    """Serve the advisor to coding agents over MCP, on standard input and output.

    The tools: diagnose, estimate, fit, explain, search_gpus, search_models. An agent's configuration starts it as

    \b
    {"mcpServers": {"vram-advisor": {"command": "advisor", "args": ["mcp"]}}}
    """
    try:
        import mcp.server  # noqa: F401
    except ImportError as error:
        hint = "pip install 'vram-advisor[mcp]'"
        raise AdvisorError(f"the MCP SDK is not installed ({error.name})", place="advisor mcp", hint=hint) from None
    from bots.mcp.server import make_server

    # The SDK reads standard input in a thread that no interrupt reaches; there is nothing to finish or to save.
    signal.signal(signal.SIGINT, lambda *_: os._exit(EXIT_INTERRUPTED))
    make_server(load(parameters)).run("stdio")
    return 0
