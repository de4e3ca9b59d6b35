"""The MCP server through the official SDK's client: over standard input and output as an agent starts it, and in process."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

mcp = pytest.importorskip("mcp", reason="the MCP SDK is not installed (extra: mcp)")

from advisor.diagnosis import default_library, diagnose  # noqa: E402
from advisor.plan.fit import VARIABLES  # noqa: E402
from advisor.vocabulary import DESCRIBABLE  # noqa: E402
from bots.mcp.server import make_server  # noqa: E402

LOG = """\
torchrun train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size 8 --bf16
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.64 GiB of which 312.00 MiB is free.
"""
RUN = {"model": "Qwen2.5-7B", "method": "qlora", "gpu_name": "RTX 4090"}
TOOLS = {"diagnose", "estimate", "fit", "explain", "search_gpus", "search_models"}


async def _session(server: Any, act: Callable[[Any], Any]) -> Any:
    async with mcp.Client(server) as client:
        return await act(client)


def in_process(name: str, arguments: dict[str, Any]) -> Any:
    """The result of one call of a tool."""
    return asyncio.run(_session(make_server(default_library()), lambda client: client.call_tool(name, arguments)))


def said(result: Any) -> str:
    return "\n".join(part.text for part in result.content)


def test_an_agent_starts_it_and_talks_over_standard_input_and_output() -> None:
    server = mcp.StdioServerParameters(command=sys.executable, args=["-m", "advisor", "mcp"])

    async def act(client: Any) -> Any:
        tools = await client.list_tools()
        good = await client.call_tool("diagnose", {"text": LOG, "facts": {"method": "lora", "gpu_name": "RTX 4090"}})
        bad = await client.call_tool("diagnose", {"text": LOG, "facts": {"batch_size": 0}})
        huge = await client.call_tool("diagnose", {"text": LOG + "step\n" * 800_000})
        again = await client.call_tool("estimate", {"facts": RUN})
        return tools.tools, good, bad, huge, again, client.instructions

    tools, good, bad, huge, again, instructions = asyncio.run(_session(server, act))
    assert {tool.name for tool in tools} == TOOLS
    assert "out-of-memory" in instructions
    expected = diagnose(LOG, stated={"method": "lora", "gpu_name": "RTX 4090"}).as_json()
    expected["remedies"] = expected["remedies"][:6]
    assert good.structured_content == json.loads(json.dumps(expected))
    assert good.structured_content["verdict"][:40] in said(good)
    assert bad.is_error
    assert "batch_size: 0 is outside 1" in said(bad)
    assert not huge.is_error
    assert huge.structured_content["failure"]["kind"] == "vram_oom"
    assert not again.is_error, "a wrong call must not end the session"


def test_the_tools_describe_themselves() -> None:
    async def act(client: Any) -> Any:
        return (await client.list_tools()).tools

    for tool in asyncio.run(_session(make_server(default_library()), act)):
        assert len(tool.description) > 60
        assert tool.title
        assert tool.annotations.read_only_hint
        assert tool.output_schema["type"] == "object"
        for name, parameter in tool.input_schema["properties"].items():
            assert parameter.get("description") or name == "limit", (tool.name, name)
        facts = tool.input_schema["properties"].get("facts")
        if facts:
            assert all(fact in facts["description"] for fact in DESCRIBABLE)
        if tool.name == "fit":
            assert all(fact in tool.input_schema["properties"]["vary"]["description"] for fact in VARIABLES)


def test_what_the_tools_answer() -> None:
    estimated = in_process("estimate", {"facts": RUN}).structured_content
    assert estimated["low_gib"] < estimated["allocated_gib"] < estimated["high_gib"]
    table = in_process("fit", {"facts": RUN, "vary": "seq_len", "over": "batch_size", "values": [1, 2]})
    rows = table.structured_content["rows"]
    assert [row["over"] for row in rows] == [1, 2]
    assert rows[0]["value"] > rows[1]["value"] > 0
    cards = in_process("search_gpus", {"query": "4090", "min_memory_gib": 40}).structured_content
    assert [card["name"] for card in cards["gpus"]] == ["RTX 4090-48GB", "RTX 4090 D-48GB"]
    few = in_process("search_models", {"query": "qwen2.5", "kind": "llm", "limit": 2}).structured_content
    assert len(few["models"]) == 2
    assert few["left_out"] > 0
    chinese = in_process(
        "diagnose", {"text": "单卡 3090 全参微调 7B 显存不够怎么办", "max_remedies": 2}
    ).structured_content
    assert chinese["lang"] == "zh"
    assert len(chinese["remedies"]) == 2


def test_why_and_why_not() -> None:
    whole = in_process("explain", {"text": LOG, "facts": RUN}).structured_content
    assert {"headline", "trace", "evidence", "sources"} <= set(whole)
    assert any(item["line"] == 1 and item["fact"] == "batch_size" for item in whole["evidence"])
    advised = in_process("diagnose", {"text": LOG, "facts": RUN}).structured_content["remedies"][0]["id"]
    assert in_process("explain", {"text": LOG, "facts": RUN, "remedy": advised}).structured_content["rank"] == 1
    absent = in_process("explain", {"text": LOG, "facts": RUN, "remedy": "tiled_vae"}).structured_content
    assert "not advised" in absent["headline"]
    assert absent["failed"]


def test_preferences_are_heeded() -> None:
    free = in_process("diagnose", {"text": LOG, "facts": RUN}).structured_content
    kept = in_process(
        "diagnose", {"text": LOG, "facts": RUN, "keep": ["batch_size"], "forbid": ["gradient_checkpointing"]}
    )
    ids = {remedy["id"] for remedy in kept.structured_content["remedies"]}
    assert "gradient_checkpointing" in {remedy["id"] for remedy in free["remedies"]}
    assert not ids & {"gradient_checkpointing", "reduce_batch_size"}


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("diagnose", {}, "Field required"),
        ("diagnose", {"text": 3}, "valid string"),
        ("diagnose", {"text": "  "}, "the text is empty"),
        ("diagnose", {"text": LOG, "facts": {"library": "x"}}, "there is no fact named 'library'"),
        ("diagnose", {"text": LOG, "facts": {"text": "x"}}, "there is no fact named 'text'"),
        ("diagnose", {"text": LOG, "facts": {"gpu": "T4"}}, "Did you mean gpu_name"),
        ("diagnose", {"text": LOG, "forbid": ["lorra"]}, "Did you mean lora"),
        ("diagnose", {"text": LOG, "keep": ["batchsize"]}, "Did you mean batch_size"),
        ("diagnose", {"text": LOG, "max_remedies": 0}, "greater than or equal to 1"),
        ("estimate", {"facts": {"batch_size": 2}}, "not enough is known for an estimate: model"),
        ("estimate", {"facts": {"model": "Qwen2.5-7B", "arch": 7}}, "arch: expected a mapping"),
        ("fit", {"facts": {"model": "Qwen2.5-7B"}}, "which card?"),
        ("fit", {"facts": RUN, "vary": "precision"}, "can't be varied"),
        ("fit", {"facts": RUN, "over": "seq_len"}, "give both, or neither"),
        ("explain", {"text": LOG, "remedy": "zero33"}, "Did you mean zero3"),
        ("search_gpus", {"query": "RTX 4095"}, "Did you mean RTX 4090"),
        ("search_models", {"query": "no-such-model-at-all"}, "params_b"),
    ],
)
def test_bad_input_is_a_clear_error_of_the_tool(tool: str, arguments: dict[str, Any], message: str) -> None:
    result = in_process(tool, arguments)
    assert result.is_error
    assert message in said(result)
    assert "Traceback" not in said(result)


def test_without_the_sdk_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['mcp'] = None; from advisor.cli import execute; sys.exit(execute(['mcp']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'vram-advisor[mcp]'" in done.stderr


def test_it_ends_with_its_input_and_with_an_interrupt() -> None:
    command = [sys.executable, "-m", "advisor", "mcp"]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, timeout=60, check=False).returncode == 0
    hello = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
    }
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(json.dumps(hello).encode() + b"\n")
        running.stdin.flush()
        assert b"vram-advisor" in running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
