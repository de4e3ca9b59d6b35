"""What the person prefers decides which plan is recommended, and notebooks are told from leaks."""

from __future__ import annotations

import pytest

from advisor.diagnosis import Preferences, diagnose, examine
from advisor.facts import Lang
from advisor.plan.outcome import Prefer
from advisor.render.html import render_html
from advisor.render.markdown import render_markdown
from advisor.render.slack.answer import render_slack
from advisor.render.text import render_text
from advisor.wording import word

RUN = "Full fine-tuning Qwen2.5-1.5B on a 3090, batch size 4, seq 2048. CUDA out of memory. Tried to allocate 1.00 GiB"


@pytest.mark.parametrize(("prefer", "name"), [("quality", "keep-quality"), ("speed", "keep-speed")])
def test_the_preferred_plan_is_the_recommended_one(prefer: Prefer, name: str) -> None:
    plain, wanted = examine(RUN), examine(RUN, preferences=Preferences(prefer))
    assert plain.outcome.plans[0].name == "cheapest"
    first = wanted.outcome.plans[0]
    assert first.name == name
    assert first.fits
    if prefer == "quality":
        assert all(step.remedy.quality_risk == "none" for step in first.steps)
    else:
        assert all(step.remedy.time.factor <= 1.1 for step in first.steps)


def test_the_other_plans_are_named() -> None:
    text = render_text(diagnose(RUN, preferences=Preferences("quality"), lang="en"))
    assert "plan.cheapest" not in text
    assert "cheapest: QLoRA" in text


def test_a_cell_that_is_run_again_holds_the_old_model() -> None:
    again = "the first run of the cell works, but when I run the cell a second time: CUDA out of memory. Tried to allocate 500.00 MiB."
    notebook = diagnose(f"In my Jupyter notebook {again} Qwen2.5-7B inference on RTX 3090.")
    assert notebook.causes[0].id == "stale_model_in_notebook"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_only_a_plan_that_is_proven_is_called_the_smallest(lang: Lang, monkeypatch: pytest.MonkeyPatch) -> None:
    smallest, found = word("heading.plan", lang), word("heading.plan_found", lang)
    proven = diagnose(RUN, lang=lang)
    assert proven.plan is not None
    assert proven.plan.proven
    assert smallest in render_text(proven)
    monkeypatch.setattr("advisor.plan.BUDGET", 0)
    stopped = diagnose(RUN, lang=lang)
    assert stopped.plan is not None
    assert stopped.plan.fits
    assert not stopped.plan.proven
    for text in (
        render_text(stopped),
        render_markdown(stopped),
        str(render_slack(stopped).blocks),
        render_html(stopped),
    ):
        assert found in text
        assert smallest not in text
