"""How often the advisor speaks where it should, and is silent where it should be, on labelled issues.

python benchmarks/triage_silence.py THREADS.jsonl [--show N] [--kinds vram_oom,kv_cache]

One object a line: "text" (the issue; its first line is taken for the title unless there is a "title") and the expected kind under
"expected_kind", "kind" or "failure_kind". Lines without one are counted apart, since nobody knows what is right there.

recall      of the issues whose kind is to be answered, how many get a comment
precision   of the issues that get a comment, how many are of such a kind
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from advisor.diagnosis import default_library
from bots.github.answer import issue_text
from bots.github.config import Config
from bots.github.event import Issue
from bots.github.policy import Verdict, judge

GOALS = {"recall": 0.97, "precision": 0.99}


def rows(path: str) -> Iterator[dict[str, Any]]:
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                data = json.loads(line)
                yield {"id": number, **data}


def expected(row: dict[str, Any]) -> str | None:
    for name in ("expected_kind", "expected kind", "kind", "failure_kind"):
        if isinstance(row.get(name), str):
            return str(row[name])
    return None


def judged(row: dict[str, Any], config: Config) -> Verdict:
    title, text = row.get("title"), str(row["text"])
    if title is None:
        title, _, text = text.partition("\n")
    issue = Issue(1, str(title), text, labels=tuple(row.get("labels") or ()))
    return judge(issue_text(issue), default_library(), config, title=issue.title, labels=issue.labels)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("threads", help="JSON Lines, or - for standard input")
    parser.add_argument("--show", type=int, default=10, metavar="N", help="mistakes to show")
    parser.add_argument("--kinds", default="vram_oom,kv_cache", help="kinds that are to be answered")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there as well")
    options = parser.parse_args()
    kinds = tuple(options.kinds.split(","))
    config = Config(kinds=kinds)
    hits, missed, false, quiet, unlabelled = 0, [], [], 0, Counter[str]()
    for row in rows(options.threads):
        verdict, kind = judged(row, config), expected(row)
        if kind is None:
            unlabelled["spoken" if verdict.speak else "silent"] += 1
        elif kind in kinds:
            hits += verdict.speak
            if not verdict.speak:
                missed.append((row["id"], verdict))
        else:
            quiet += not verdict.speak
            if verdict.speak:
                false.append((row["id"], verdict))
    spoken, wanted = hits + len(false), hits + len(missed)
    figures = {"recall": hits / wanted if wanted else 1.0, "precision": hits / spoken if spoken else 1.0}
    print(f"recall    {figures['recall']:.4f}  ({hits} of {wanted}; goal {GOALS['recall']})")
    print(
        f"precision {figures['precision']:.4f}  ({hits} of {spoken}; goal {GOALS['precision']}; {quiet} others left in silence)"
    )
    print(f"without a label: {dict(unlabelled)}")
    for name, mistakes in (("silent", missed), ("spoken", false)):
        for number, verdict in mistakes[: options.show]:
            print(f"wrongly {name}: {number} ({verdict.kind} {verdict.confidence:.2f}) {verdict.why}")
    if options.json:
        options.json.write_text(
            json.dumps(figures | {"wanted": wanted, "spoken": spoken, "silent": quiet}), encoding="utf-8"
        )
    return 0 if all(figures[name] >= goal for name, goal in GOALS.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
