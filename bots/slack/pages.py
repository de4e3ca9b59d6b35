"""Pages without a diagnosis: help, the home tab, cards, the largest that fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from advisor.facts import Lang
from advisor.library import Library
from advisor.names.suggest import suggest_gpus
from advisor.plan.fit import Fit
from advisor.render.slack import SlackMessage
from advisor.render.slack.blocks import (
    Block,
    actions,
    bullets,
    button,
    context,
    header,
    preformatted,
    rich,
    section,
    span,
)
from advisor.render.slack.inert import fallback
from advisor.units import format_gib
from bots.slack.words import say

OPEN_FORM = "vram_open_form"
MAX_CARDS = 25
_COMMANDS = (
    ("/vram CUDA out of memory. Tried to allocate …", "text"),
    ("/vram", "form"),
    ("/vram estimate LoRA on Qwen2.5-7B, batch 4, 2048 tokens, RTX 4090", "estimate"),
    ("/vram fit QLoRA on Llama-3.1-8B with an RTX 4090", "fit"),
    ("/vram gpus a100", "gpus"),
    ("/vram forget", "forget"),
    ("/vram forget workspace", "forget_team"),
    ("/vram settings", "settings"),
)
_WAYS = ("shortcut", "mention", "upload", "dm")


def _help(lang: Lang) -> list[Block]:
    ways = [
        [span(command, 120, mono=True), span(f"  {say(f'help.way.{key}', lang)}", 200)] for command, key in _COMMANDS
    ]
    ways += [[span(say(f"help.way.{key}", lang), 200)] for key in _WAYS]
    return [
        header(say("help.title", lang)),
        rich(section([span(say("help.intro", lang), 400)])),
        rich(section([span(say("help.ways", lang), 60, bold=True)]), bullets(ways)),
        context([say("help.privacy", lang)]),
    ]


def help_page(lang: Lang) -> SlackMessage:
    return SlackMessage(fallback(say("help.intro", lang)), _help(lang))


def home_view(lang: Lang) -> dict[str, Any]:
    blocks = _help(lang)
    form = button(OPEN_FORM, say("home.button", lang), lang, style="primary")
    return {"type": "home", "blocks": [*blocks, actions("home", [form])]}


def sentence(text: str) -> SlackMessage:
    """A message of one sentence."""
    return SlackMessage(fallback(text), [rich(section([span(text, 1500)]))])


def gpus_page(words: Sequence[str], library: Library, lang: Lang) -> SlackMessage:
    """The cards whose names have all the words, with their memory as sold and as the runtime reports it."""
    wanted = [word.lower() for word in words]
    found = [
        gpu
        for gpu in library.gpus.values()
        if all(word in " ".join([gpu.name, gpu.vendor, gpu.arch, *gpu.aliases]).lower() for word in wanted)
    ]
    if not found:
        near = suggest_gpus(" ".join(words)[:100], library, count=5)
        return sentence(say("gpus.none", lang, near=", ".join(near)) if near else say("gpus.none_near", lang))
    rows = [f"{gpu.name:<28} {gpu.memory_gb:>6g} GB  {gpu.usable_gib:>7.2f} GiB" for gpu in found[:MAX_CARDS]]
    title = say("gpus.title", lang)
    blocks = [rich(section([span(title, 100, bold=True)]), preformatted("\n".join(rows), 2400))]
    if len(found) > MAX_CARDS:
        blocks.append(context([say("gpus.more", lang, count=len(found) - MAX_CARDS)]))
    return SlackMessage(fallback(f"{title}: {', '.join(gpu.name for gpu in found[:5])}"), blocks)


def fit_page(rows: Sequence[Fit], facts: str, card: str, capacity_gib: float, lang: Lang) -> SlackMessage:
    """The largest value of each fact with which the run still fits."""
    title = say("fit.title", lang, card=card, capacity=format_gib(capacity_gib))
    lines = []
    for row in rows:
        if row.value is None:
            lines.append(f"{row.fact:<15} {say('fit.none', lang)}")
        else:
            lines.append(
                f"{row.fact:<15} {row.value!s:>8}  {say('fit.needs', lang, need=format_gib(row.need_gib or 0.0))}"
            )
    blocks = [rich(section([span(title, 200, bold=True)]), preformatted("\n".join(lines), 1500))]
    if facts:
        blocks.append(context([facts]))
    return SlackMessage(fallback(f"{title}: {'; '.join(' '.join(line.split()) for line in lines)}"), blocks)
