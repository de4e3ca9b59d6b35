"""When to speak: issues as people write them, settings that change it, and what forms and quotes add."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from advisor.diagnosis import default_library
from bots.github.answer import issue_text
from bots.github.config import Config
from bots.github.event import Issue
from bots.github.policy import Verdict, judge
from tests.bots.github.conftest import OOM

THREADS = yaml.safe_load((Path(__file__).parent / "threads.yaml").read_text(encoding="utf-8"))


def about(thread: str, config: Config | None = None, labels: tuple[str, ...] = ()) -> Verdict:
    title, _, body = thread.partition("|")
    issue = Issue(1, title.strip(), body.strip(), labels=labels)
    return judge(issue_text(issue), default_library(), config or Config(), title=issue.title, labels=issue.labels)


@pytest.mark.parametrize("thread", THREADS["quiet"])
def test_silence(thread: str) -> None:
    verdict = about(thread)
    assert not verdict.speak, verdict
    assert verdict.why


@pytest.mark.parametrize("thread", THREADS["answer"])
def test_an_answer(thread: str) -> None:
    verdict = about(thread)
    assert verdict.speak, verdict


def test_labels_and_tags_of_requests_silence_even_a_quoted_message() -> None:
    thread = f"Clearer message | One sees this and does not know what to do:\n\n{OOM}"
    assert about(thread).speak
    for label in ("enhancement", "type: feature request", "kind/feature", "Documentation"):
        assert not about(thread, labels=(label,)).speak
    assert about(thread, labels=("bug", "needs-triage")).speak
    assert not about(f"[Feature] {thread}").speak


def test_other_kinds_are_answered_when_a_project_wants_them() -> None:
    killed = next(thread for thread in THREADS["quiet"] if "kernel kills it" in thread)
    assert not about(killed).speak
    assert about(killed, Config(kinds=("host_oom",))).speak
    question = "Will it fit? | How much VRAM do I need to fine-tune a 7B model with LoRA?"
    assert not about(question).speak
    assert about(question, Config(kinds=("vram_oom", "question"))).speak


def test_the_confidence_that_is_asked_for_counts() -> None:
    thread = "OOM | It goes OOM."
    sure = about(thread).confidence
    assert about(thread, Config(confidence=sure)).speak
    assert not about(thread, Config(confidence=min(1.0, sure + 0.01))).speak


def test_a_form_with_words_about_memory_is_no_report() -> None:
    form = (
        "Wrong colours | ### Checklist\n\n- [x] I have read the FAQ on CUDA out of memory errors\n- [ ] torch.OutOfMemoryError\n\n"
        "<!-- If you get CUDA out of memory. Tried to allocate 2.00 GiB, lower the batch size first. -->\n\n### Log\n\n_No response_\n"
    )
    assert not about(form).speak
