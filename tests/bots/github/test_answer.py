"""What should stand under an issue, from the thread alone: age, state, language, framework, replies, and whose words count."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from advisor.diagnosis import default_library
from bots.github.answer import Answer, Thread, answer
from bots.github.config import Config, parse_config
from bots.github.event import Comment, Event, Issue
from bots.github.marker import Marker
from tests.bots.github.conftest import OOM, OTHER, ROOT

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ISSUE = Issue(1, "OOM", OOM, "reporter", created_at=NOW)


def asked(
    issue: Issue = ISSUE, *comments: Comment, action: str = "edited", config: Config | None = None, standing: Marker | None = None,
    **event: Any,
) -> Answer:  # fmt: skip
    happened = Event(action, "lab/trainer", issue, **event)
    thread = Thread(issue, comments)
    return answer(thread, happened, config or Config(), default_library(), standing=standing, now=lambda: NOW)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pull_request": True}, "pull request"),
        ({"author_is_bot": True}, "a bot opened it"),
        ({"open": False}, "closed"),
        ({"locked": True}, "locked"),
        ({"created_at": NOW - timedelta(days=15)}, "15 days old"),
    ],
)
def test_what_is_left_alone(changes: dict[str, Any], why: str) -> None:
    found = asked(replace(ISSUE, **changes))
    assert found.wish == "leave"
    assert why in found.why


def test_old_issues_are_answered_where_somebody_asks_for_it() -> None:
    old = replace(ISSUE, created_at=NOW - timedelta(days=400))
    assert asked(old, config=Config(max_age_days=0)).wish == "say"
    assert asked(old, action="reopened").wish == "say"
    assert asked(old, action="created", commanded=True).wish == "say"
    assert asked(old, standing=Marker("0f")).wish == "say"
    assert asked(replace(old, created_at=NOW - timedelta(days=14))).wish == "say"


def test_the_same_thread_gives_the_same_answer_and_blanks_don_t_count() -> None:
    first = asked()
    assert first == asked()
    assert first.body
    again = asked(replace(ISSUE, body=OOM.replace("\n", " \r\n")), standing=first.marker)
    assert (again.wish, again.body, again.marker) == ("say", "", first.marker)
    assert asked(replace(ISSUE, body=OOM + "8 GPUs"), standing=first.marker).body


def test_settings_that_change_the_words_change_the_digest() -> None:
    digests = {
        asked(config=config).marker.hash
        for config in (Config(), Config(language="zh"), Config(remedies=1), Config(labels=None))
    }
    assert len(digests) == 4
    assert asked(config=Config(max_age_days=99)).marker == asked().marker


def test_languages() -> None:
    chinese = replace(ISSUE, title="训练报错", body="单卡 3090 微调 7B,batch size 4,报 CUDA out of memory,怎么办?")
    assert "显存不足" in asked(chinese).body
    assert "ran out of memory" in asked(chinese, config=Config(language="en")).body
    asking = Comment(2, "/advisor lang=zh", "reporter")
    assert "显存不足" in asked(ISSUE, asking).body


def test_the_project_s_framework_is_assumed_where_the_issue_names_none() -> None:
    body = asked(config=Config(framework="llama-factory")).body
    assert "`llama-factory`" in body
    named = replace(ISSUE, body=OOM + "\nI use axolotl.\n")
    assert "`axolotl`" in asked(named, config=Config(framework="llama-factory")).body


def test_the_plan_is_written_into_the_command_that_was_pasted() -> None:
    command = (
        "```sh\nllamafactory-cli train --stage sft --model_name_or_path Qwen/Qwen2.5-7B-Instruct --finetuning_type lora \\\n"
        "  --per_device_train_batch_size 8 --cutoff_len 4096 --output_dir 'out/@octocat' --bf16 true\n```\n"
    )
    body = asked(replace(ISSUE, body=f"One RTX 4090.\n{command}{OOM}")).body
    [(_, diff)] = re.findall(r"(`{3,})diff\n(.*?)\n\1\n", body, re.DOTALL)
    assert re.search(r"^-.*--per_device_train_batch_size 8", diff, re.MULTILINE)
    assert re.search(r"^\+.*--per_device_train_batch_size [124]\b", diff, re.MULTILINE)
    assert "pasted" not in diff


def test_what_others_say_does_not_change_the_diagnosis_of_the_issue() -> None:
    noise = Comment(2, "I have 8x H100 and batch size 512, also CUDA out of memory.", "another")
    robot = Comment(3, "batch size 77, CUDA out of memory", "some-app[bot]", author_is_bot=True)
    assert asked(ISSUE, noise, robot) == asked()


def test_a_later_remark_of_the_reporter_does_not_turn_it_into_another_failure() -> None:
    later = Comment(
        2, "It also says RuntimeError: mat1 and mat2 shapes cannot be multiplied (4x10 and 8x4)", "reporter"
    )
    assert asked(ISSUE, later).kind == "vram_oom"


def test_comments_by_bots_and_quotes_are_no_reports() -> None:
    quiet = replace(ISSUE, title="Progress bar", body=OTHER)
    robot = Comment(2, OOM, "ci[bot]", author_is_bot=True)
    quoting = Comment(3, "> CUDA out of memory. Tried to allocate 2.00 GiB\n\nThat is another issue.", "another")
    assert asked(quiet, robot, quoting).wish == "nothing"
    assert asked(quiet, robot, quoting, Comment(4, OOM, "another")).wish == "say"
    assert asked(quiet, Comment(4, OOM, "another"), config=Config(comments="nobody")).wish == "nothing"


def test_the_settings_of_the_docs_are_the_defaults() -> None:
    page = (ROOT / "docs/github.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(enabled:.*?)```", page, re.DOTALL)
    assert parse_config(block) == Config(framework="llama-factory")
    assert Path(ROOT / "docs/examples/github-triage.yml").exists()
