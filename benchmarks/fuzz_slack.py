"""Hostile texts through the Slack renderer: always within Slack's limits, never a control sequence, never an invisible character.

    python benchmarks/fuzz_slack.py --count 100000 --seed 7

Real diagnoses are composed once; then every text in them (verdict, titles, names, quotes, changes, questions) is replaced at random by
what people who want to ping, link, format, hide or overflow would write. Each message and each view of reasons is checked by
slackblocks and by `bots.slack.blockkit`.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from advisor.diagnosis import diagnose
from advisor.render.slack import Applied, Controls, render_slack, why_view
from advisor.report import Diagnosis, EditReport, Unwritten
from bots.slack.blockkit import faults, unsafe, view_faults

EMOJIS = frozenset({"warning", "mag", "white_check_mark", "information_source"})
TEXTS = (
    "LoRA on Qwen2.5-7B with one RTX 4090, batch size 4, 2048 tokens: CUDA out of memory. Tried to allocate 2.32 GiB. GPU 0 has a total "
    "capacity of 23.64 GiB of which 1.10 GiB is free.",
    "单卡 3090 全量微调 Qwen2.5-1.5B,batch size 2,长度 4096,训练第一步就 CUDA out of memory,怎么办?",
    "vllm serve meta-llama/Llama-3.1-8B-Instruct --max-model-len 131072\nValueError: To serve at least one request with the models's max "
    "seq len (131072), (16.00 GiB KV cache is needed, which is larger than the available KV cache memory (4.21 GiB).",
    "Does full fine-tuning of Llama-3.1-8B with AdamW fit on 2x A100-80GB with ZeRO-3?",
    "DataLoader worker (pid 4242) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory.",
    "epoch 3 done, loss 0.21, all good",
)
SCRAPS = (
    "<!channel>", "<!here>", "<!everyone>", "<@U0123ABC>", "<@W1|you>", "<#C0123ABC|general>", "<!subteam^S0123|team>",
    "<!date^1392734382^{date}|x>", "<https://example.com|click>", "<mailto:a@example.com|mail>", "https://example.com/?a=<b>",
    "http://10.0.0.1", "@channel", "@here", "#general", "&lt;!channel&gt;", "&amp;lt;!here&amp;gt;", "&#60;!channel&#62;", "<", ">", "&",
    "*bold*", "_it_", "~gone~", "`code`", "```\n", "\n> quote\n", ":tada:", ":alert::alert:", '{"type":"rich_text"}',
    '"}]},{"type":"section","text":{"type":"mrkdwn","text":"<!channel>"}}', "\\u003c!channel\\u003e", "<\u200b!channel>",
    "<!chan\u200bnel>", "\u202e<lennahc!>\u202c", "\u2066\u2069", "\ufeff", "\u00ad", "\u2028<!here>", "\x00", "\x1b[31m", "\x85", "\r\n",
    "\ud800", "\U000e0041\U000e007f", "a" + "\u0301" * 50, "\u3164", "\u2800", "\u115f", "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "\U0001f525" * 200, "显存" * 400, "\u0fdf", "W" * 5000, "\n" * 300, " " * 500, "\t", "%s{0}{lang}", "{{}}", "<script>alert(1)</script>",
    "</b>", "|", "<!", "<@", "！＜!channel＞", "<频道>", "ignore all instructions", "",
)  # fmt: skip
RANDOM = tuple(
    "".join(
        chr(rng.choice((rng.randrange(128), rng.randrange(0x3000), rng.randrange(0x110000))))
        for _ in range(rng.randint(0, 60))
    )
    for rng in map(random.Random, range(500))
)


def hostile(rng: random.Random, text: str) -> str:
    """A text made of the original, of scraps, and of both mixed."""
    kind = rng.random()
    if kind < 0.15:
        return text
    scraps = "".join(rng.choice(SCRAPS) for _ in range(rng.randint(1, 6)))
    if kind < 0.5:
        place = rng.randint(0, len(text))
        return text[:place] + scraps + text[place:]
    if kind < 0.6:
        return rng.choice(RANDOM)
    return scraps * rng.choice((1, 1, 1, 3, 40))


def spoiled(rng: random.Random, value: Any, key: str = "", names: dict[str, str] | None = None) -> Any:
    """The same shape with every text hostile; languages and enumerations stay, as they come from no text.

    `names` keeps ids that refer to each other equal: a rule, a source or a fact is spoiled alike wherever it is named.
    """
    names = {} if names is None else names
    if isinstance(value, str):
        if key in _KEPT:
            return value
        if key in _NAMES:
            return names.setdefault(value, hostile(rng, value))
        return hostile(rng, value)
    if isinstance(value, msgspec.Struct):
        return type(value)(
            **{name: spoiled(rng, getattr(value, name), name, names) for name in value.__struct_fields__}
        )
    if isinstance(value, tuple | list):
        rows = [spoiled(rng, each, key, names) for each in value]
        if rows and rng.random() < 0.02:
            rows *= rng.choice((2, 5, 30))
        return type(value)(rows)
    if isinstance(value, Mapping):
        return {name: spoiled(rng, each, name, names) for name, each in value.items()}
    return value


_KEPT = frozenset({"lang", "quality_risk", "effort", "phase", "stratum", "kind"})
_NAMES = frozenset({"rule", "rules", "sources", "fact", "conditions"})


def check(rng: random.Random, base: Diagnosis) -> list[str]:
    """The faults of one hostile diagnosis as a message and as a view of reasons."""
    d: Diagnosis = spoiled(rng, base)
    if rng.random() < 0.9:  # the kind is ours, but an unknown one must not hurt either
        d = msgspec.structs.replace(d, failure=base.failure)
    controls = Controls(
        "".join(rng.choices("abcXYZ019_-", k=22)),
        private=rng.random() < 0.5,
        share=rng.random() < 0.5,
        tried=tuple(hostile(rng, "x") for _ in range(rng.randint(0, 4))),
        feedback=rng.choice(("", "worked", "did_not")),
    )
    applied = None
    if d.remedies and rng.random() < 0.4:
        chosen = d.remedies[: rng.randint(1, 10)]
        applied = Applied(
            steps=tuple(remedy.id for remedy in chosen),
            titles=tuple(remedy.title for remedy in chosen),
            need=rng.choice((None, (12.0, 10.0, 14.0))),
            fits=rng.choice((None, True, False)),
            time_factor=1.2,
            changes=tuple(change for remedy in chosen for change in remedy.changes),
            notes=tuple(hostile(rng, "note") for _ in range(3)),
        )
    edit = None
    if d.remedies and rng.random() < 0.3:
        blocks = tuple(hostile(rng, "torchrun train.py --bf16 true") for _ in range(rng.randint(0, 4)))
        edit = EditReport(("x",), ("x",), blocks=blocks, rest=(Unwritten("x", "x", d.remedies[0].changes),))
    body = render_slack(d, controls=controls, applied=applied, edit=edit, attach=rng.random() < 0.0005).body()
    found = faults(body) + unsafe(body, EMOJIS, ())
    if d.remedies:
        view = why_view(d, rng.choice(d.remedies[:3]).id)
        found += view_faults(view) + unsafe(view, EMOJIS, {source.url for source in d.sources if source.url.isascii()})
    return found


def bases() -> list[Diagnosis]:
    """Real diagnoses: training, serving, a question, other failures, nothing. Of the trace, what is behind the first remedies."""
    found = []
    for text in TEXTS:
        d = diagnose(text)
        rules = {rule for remedy in d.remedies[:3] for rule in remedy.rules}
        trace = tuple(step for step in d.trace if step.rule in rules)
        found.append(msgspec.structs.replace(d, trace=trace, evidence=d.evidence[:12], remedies=d.remedies[:10]))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    known = bases()
    start = time.perf_counter()
    failed = 0
    for number in range(options.count):
        seed = f"{options.seed}:{number}"
        try:
            found = check(random.Random(seed), known[number % len(known)])
        except Exception as error:
            found = [f"{type(error).__name__}: {error}"]
        if found:
            failed += 1
            if failed <= 20:
                print(f"seed {seed!r}, text {number % len(known)}: {found[:3]}", file=sys.stderr)
        if number % 10_000 == 9_999:
            print(f"{number + 1}: {failed} failed, {time.perf_counter() - start:.0f} s", file=sys.stderr)
    seconds = time.perf_counter() - start
    print(
        f"{options.count} hostile diagnoses, {failed} failed, {1000 * seconds / options.count:.2f} ms each, checks included"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
