"""The recorded step against allocator traces of the real model classes: parameters exactly, peaks within two percent, phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from advisor.estimate.architecture import architecture
from advisor.estimate.layout import Layout
from advisor.estimate.spec import run_spec
from advisor.estimate.training import lengths, phases, record_run
from advisor.units import GIB

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("traces.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_recorded_step_matches_its_trace(case: dict[str, Any]) -> None:
    run = run_spec(case["words"])
    arch = architecture(run.arch)
    recording = record_run(run, arch)
    found, _ = phases(run, recording, lengths(run, arch), Layout())
    assert run.warnings == ()
    assert recording.totals.params == pytest.approx(case["parameters"], rel=1e-6)
    assert max(found.peaks.values()) / GIB == pytest.approx(case["allocated_gib"], rel=0.02)
    assert sum(found.parts.values()) == pytest.approx(max(found.peaks.values()), rel=1e-9)
    assert found.phase == case["phase"]
    assert found.peaks["forward"] / GIB == pytest.approx(case["phases_gib"]["forward"], rel=0.03)
    assert found.peaks["backward"] / GIB == pytest.approx(case["phases_gib"]["backward"], rel=0.03)
