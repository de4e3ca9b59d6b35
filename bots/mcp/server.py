"""The MCP server: the tools with their descriptions, through the official SDK; standard input and output by default."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import Field

from advisor.errors import AdvisorError
from advisor.library import Library
from advisor.plan.fit import VARIABLES
from advisor.plan.outcome import Preferences
from advisor.version import __version__
from advisor.vocabulary import DESCRIBABLE, VOCABULARY
from bots.mcp.answers import Desk
from bots.mcp.shapes import DiagnosisShape, EstimateShape, ExplanationShape, FitShape, GpusShape, ModelsShape

INSTRUCTIONS = """\
GPU out-of-memory failures of training and inference: why, what to change, how much each change saves, and which smallest set of changes \
fits. Nothing runs and no GPU is needed.
- A run died or will not fit: `diagnose` with the log (command line, configuration, traceback), or a sentence that describes the run. \
State what you know beside it in `facts`; if the answer asks questions, look them up (config files, nvidia-smi) and call again with them.
- Before starting a run: `estimate` for its peak, `fit` for the largest batch or length, or the fewest cards.
- Before passing advice on: `explain` for the reasons and sources, or why a remedy is not advised.
Figures are GiB. `fits` is true only if the high end of the 90 % interval is within the card. Failures that are not of GPU memory \
(host RAM, shared memory, other errors) are named as such and get no GPU advice."""

_READ_ONLY = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)
_EXAMPLE = '{"gpu_name": "RTX 4090", "model": "Qwen/Qwen2.5-7B", "method": "lora", "batch_size": 4, "seq_len": 2048}'


def _choices(name: str) -> str:
    spec = VOCABULARY[name]
    return f"{name} ({'|'.join(spec.choices)})" if spec.choices else name


FACTS_HELP = (
    f"What is known of the run, by fact; facts override the text. For example {_EXAMPLE}. Facts: "
    f"{', '.join(map(_choices, DESCRIBABLE))}."
)
SPEC_HELP = (
    f"The run, by fact. For example {_EXAMPLE}. A model that is not known can be stated by params_b, or by `arch`: an object in the "
    f"terms of Hugging Face's config.json. Facts: {', '.join(map(_choices, DESCRIBABLE))}."
)

Text = Annotated[
    str,
    Field(
        description="The log as printed: command line, configuration, traceback; or a description in English or Chinese. "
        "Don't shorten the error message: its numbers count. Secrets are redacted from the answer."
    ),
]
Facts = Annotated[dict[str, Any] | None, Field(description=FACTS_HELP)]
Spec = Annotated[dict[str, Any], Field(description=SPEC_HELP)]
Lang = Annotated[Literal["auto", "en", "zh"], Field(description="Language of the answer; auto takes the text's.")]


def make_server(library: Library) -> MCPServer:
    """The server with its tools, over one library."""
    server = MCPServer(
        "vram-advisor", title="VRAM advisor", instructions=INSTRUCTIONS, version=__version__, log_level="WARNING"
    )
    desk = Desk(library)

    def tool(title: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        return lambda function: server.tool(title=title, annotations=_READ_ONLY, structured_output=True)(
            _told(function)
        )

    @tool("Diagnose an out-of-memory failure")
    def diagnose(
        text: Text,
        facts: Facts = None,
        lang: Lang = "auto",
        prefer: Annotated[
            Literal["balanced", "speed", "quality", "least-effort"],
            Field(description="What matters most in the ranking."),
        ] = "balanced",
        keep: Annotated[
            list[str] | None, Field(description="Facts that must stay as they are, for example batch_size.")
        ] = None,
        forbid: Annotated[
            list[str] | None, Field(description="Ids of remedies that must not be advised, for example lora.")
        ] = None,
        max_remedies: Annotated[int, Field(ge=1, le=50, description="How many remedies to list.")] = 6,
    ) -> Annotated[CallToolResult, DiagnosisShape]:
        """Say why a run ran out of GPU memory and what to change, best first.

        Use it on any log or issue that speaks of CUDA out of memory, OOM, a KV cache that does not fit, exit code 137, or on the
        question whether a run will fit. Each remedy comes with the exact flag or code for the framework, GiB saved, the peak after
        it, and its cost; `plan` is the smallest set that fits together. `questions` says which facts would make the answer surer:
        look them up and call again. `failure.kind` other than vram_oom, kv_cache, question means that GPU memory is not the problem.
        """
        preferences = Preferences("" if prefer == "balanced" else prefer, tuple(keep or ()), tuple(forbid or ()))
        return _answer(*desk.diagnose(text, facts or {}, lang, preferences, max_remedies))

    @tool("Estimate the memory of a run")
    def estimate(
        facts: Spec, lang: Annotated[Literal["en", "zh"], Field(description="Language of the text.")] = "en"
    ) -> Annotated[CallToolResult, EstimateShape]:
        """Estimate the peak GPU memory of a training or inference run, by component, with a 90 % interval.

        Use it before a run is started or a configuration is written. Needs the model (name or Hugging Face id, or params_b, or arch);
        everything else has defaults, which `assumed` lists. For inference state task="inference".
        """
        return _answer(*desk.estimate(facts, lang))

    @tool("Find what fits a card")
    def fit(
        facts: Spec,
        vary: Annotated[
            str,
            Field(description=f"The fact to make as large as fits: {', '.join(VARIABLES)} (gpu_count: the fewest)."),
        ] = "batch_size",
        over: Annotated[str, Field(description="A second fact, for one row for each of `values`.")] = "",
        values: Annotated[
            list[Any] | None, Field(description="Values of `over`, for example [512, 1024, 2048].")
        ] = None,
    ) -> Annotated[CallToolResult, FitShape]:
        """Find the largest batch size, sequence length, LoRA rank ... with which a run fits its card, or the fewest cards.

        Needs the model and the card (gpu_name, or gpu_memory_gib) in `facts`. It fits when the high end of the interval does.
        """
        return _answer(*desk.fit(facts, vary, over, values or []))

    @tool("Explain the advice")
    def explain(
        text: Text,
        facts: Facts = None,
        remedy: Annotated[
            str,
            Field(
                description="Id of a remedy, for example zero3: why it is advised, or why not. Empty: the whole chain."
            ),
        ] = "",
        lang: Lang = "auto",
    ) -> Annotated[CallToolResult, ExplanationShape]:
        """Say how the advice was concluded: rules with the conditions that held, facts with their lines, documents behind them.

        With `remedy`: the rules that argue for it, or the conditions that kept it from being advised. Give the same text and facts
        as to `diagnose`.
        """
        return _answer(*desk.explain(text, facts or {}, remedy, lang))

    @tool("Look up a GPU")
    def search_gpus(
        query: Annotated[str, Field(description="Words of the name, vendor or architecture; empty lists all.")] = "",
        min_memory_gib: Annotated[
            float, Field(ge=0, description="Only cards with at least this much usable memory.")
        ] = 0.0,
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> Annotated[CallToolResult, GpusShape]:
        """Look up cards and accelerators: canonical names for gpu_name, and the memory that the runtime reports."""
        return _answer(*desk.gpus(query, min_memory_gib, limit))

    @tool("Look up a model")
    def search_models(
        query: Annotated[str, Field(description="Words of the name, Hugging Face id or family; empty lists all.")] = "",
        kind: Annotated[
            Literal["", "llm", "vlm", "vla", "encoder", "seq2seq", "speech", "vision", "diffusion"],
            Field(description="Only models of this kind."),
        ] = "",
        limit: Annotated[int, Field(ge=1, le=200)] = 20,
    ) -> Annotated[CallToolResult, ModelsShape]:
        """Look up models whose architecture is known: names for `model`, parameters in billions."""
        return _answer(*desk.models(query, kind, limit))

    return server


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The tool, with the advisor's errors as messages for the agent: what is wrong, where, the next step."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except AdvisorError as error:
            raise ToolError(str(error)) from error

    return made


def _answer(text: str, data: dict[str, Any]) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=data)
