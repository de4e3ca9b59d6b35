"""A session whose case is made up: pictures of it only change when the screen does, never with a rule or an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

from advisor.diagnosis import Case
from advisor.diagnosis.rewrite import Pasted
from advisor.estimate import Estimate
from advisor.estimate.result import Component
from advisor.facts import FactValue, Lang
from advisor.plan import Plan, Step
from advisor.records import Change as ChangeRecord
from advisor.records import Edit, Framework, Remedy, TimeCost
from advisor.report import (
    Cause,
    Change,
    Diagnosis,
    EstimateReport,
    Evidence,
    Failure,
    PlanReport,
    Question,
    RemedyReport,
    Saving,
    SourceReport,
)
from advisor.report import Step as TraceStep
from advisor.tui.session import Session

TEXT = """$ train --model Toy-7B --batch_size 4 --seq_len 2048 --bf16
step 1 of 500
CUDA out of memory. Tried to allocate 296.00 MiB."""
WORDS: dict[str, FactValue] = {
    "model": "Toy-7B",
    "batch_size": 4,
    "seq_len": 2048,
    "gradient_checkpointing": False,
    "method": "lora",
}
FACTS: dict[str, FactValue] = {**WORDS, "gpu_name": "RTX 4090", "framework": "trl", "tried_to_allocate_gib": 0.289}
ASSUMED: dict[str, FactValue] = {"optimizer": "adamw", "precision": "bf16"}
CAPACITY = 23.64


def _remedy(name: str, en: str, zh: str, change: str, edit: list[Edit], **more: Any) -> Remedy:
    return Remedy(
        id=name,
        title={"en": en, "zh": zh},
        what={
            "en": f"{en}: what it does in a sentence that is long enough to be wrapped.",
            "zh": f"{zh}:用一句足够长的话说明它的作用。",
        },
        sources=["manual"],
        changes={"pytorch": [ChangeRecord(change)]},
        edit=edit,
        **more,
    )


REMEDIES = (
    _remedy("recompute", "Recompute activations", "重算激活值", "--gradient_checkpointing true",
            [Edit(set={"gradient_checkpointing": True})], time=TimeCost(1.27)),
    _remedy("smaller_batch", "Lower the batch size", "减小 batch size", "--batch_size {batch_size}",
            [Edit(halve=["batch_size"], until_fits=True)], quality_risk="low"),
    _remedy("shorter", "Shorten the sequences", "缩短序列", "--seq_len {seq_len}",
            [Edit(halve=["seq_len"], floor=256, until_fits=True)], quality_risk="medium"),
    _remedy("quantise", "Quantise the base weights", "量化基座权重", "--load_in_4bit",
            [Edit(set={"method": "qlora"})], time=TimeCost(1.4), quality_risk="low", excludes=["recompute"]),
)  # fmt: skip


def estimated(words: Mapping[str, FactValue]) -> Estimate:
    """An estimate by a few plain products."""
    tokens = float(cast(int, words["batch_size"])) * float(cast(int, words["seq_len"])) / 2048
    weights = 5.2 if words["method"] == "qlora" else 14.2
    activations = tokens * (0.35 if words["gradient_checkpointing"] else 3.0)
    parts = {
        "weights": weights,
        "optimizer": 0.3,
        "activations": activations,
        "logits": 0.9 * tokens,
        "workspace": 0.02,
    }
    total = sum(parts.values())
    return Estimate(
        total, total * 1.03, total * 1.03 + 0.5, total * 0.92, total * 1.09, CAPACITY, None, ASSUMED,
        tuple(Component(name, gib) for name, gib in parts.items()), "backward",
        {"load": weights, "forward": total - 0.4 * tokens, "backward": total, "optimizer_step": weights + 0.6},
    )  # fmt: skip


def _case(lang: Lang) -> Case:
    library = SimpleNamespace(
        remedies={remedy.id: remedy for remedy in REMEDIES},
        settings={},
        lineage=lambda framework: [framework, "pytorch"],
        gpus={"RTX 4090": None, "A100-80GB": None},
        models={},
        frameworks={"trl": Framework("trl", ["TRL"])},
    )
    both = Edit(set={"batch_size": 2})
    steps = (Step(REMEDIES[0], REMEDIES[0].edit[0], REMEDIES[0].edit[0].set), Step(REMEDIES[1], both, both.set))
    plan = Plan("cheapest", steps, {**WORDS, "gradient_checkpointing": True, "batch_size": 2}, 17.0, 19.0, True, 0.5)
    case = SimpleNamespace(
        library=library, lang=lang, facts=FACTS, kind="vram_oom", capacity_gib=CAPACITY, estimated=estimated, estimate=estimated(WORDS),
        specification=SimpleNamespace(words=WORDS, assumed={}), outcome=SimpleNamespace(plans=(plan,), ranked=()),
    )  # fmt: skip
    return cast(Case, case)


def _report(lang: Lang) -> Diagnosis:
    zh = lang == "zh"
    found = estimated(WORDS)
    because = "激活值约占 12.0 GiB,且没有重算。" if zh else "Activations hold about 12.0 GiB and nothing is recomputed."
    remedies = tuple(
        RemedyReport(
            rank=rank, id=remedy.id, title=remedy.title[lang], what=remedy.what[lang], because=because,
            changes=(Change("trl", remedy.changes["pytorch"][0].text, note="默认关闭。" if zh else "Off by default."),),
            time_cost=remedy.time.factor, quality_risk=remedy.quality_risk, effort=remedy.effort, rules=("activations-not-recomputed",),
            sources=("manual",), saves=Saving(9.0, 10.6, 12.0),
        )
        for rank, remedy in enumerate(REMEDIES, 1)
    )  # fmt: skip
    estimate = EstimateReport(
        found.allocated_gib,
        found.reserved_gib,
        found.process_gib,
        found.low_gib,
        found.high_gib,
        30.6,
        28.0,
        33.2,
        (),
        ASSUMED,
        CAPACITY,
    )
    verdict = (
        "GPU 显存不足(反向传播时):该任务约需 30.6 GiB,而 RTX 4090 只有 23.6 GiB。"
        if zh
        else "The GPU ran out of memory in the backward pass: the run needs about 30.6 GiB and RTX 4090 has 23.6 GiB."
    )
    return Diagnosis(
        lang=lang,
        failure=Failure("vram_oom", "backward", 0.95),
        verdict=verdict,
        facts=FACTS,
        evidence=(
            Evidence("model", "Toy-7B", 1, TEXT.split("\n")[0]),
            Evidence("batch_size", 4, 1, TEXT.split("\n")[0]),
            Evidence("tried_to_allocate_gib", 0.289, 3, TEXT.split("\n")[2]),
        ),
        causes=(
            Cause(
                "activations_too_large",
                "激活值过大" if zh else "activations",
                0.8,
                because,
                "activations-not-recomputed",
            ),
        ),
        estimate=estimate,
        remedies=remedies,
        plan=PlanReport("cheapest", ("recompute", "smaller_batch"), (), 17.0, True),
        questions=(Question("optimizer", "?", "会使估计变化 2 GiB" if zh else "changes the estimate by 2 GiB"),),
        trace=(
            TraceStep(
                "activations-not-recomputed", "cause", because, ("batch_size > 1", "model = Toy-7B"), (), ("manual",)
            ),
        ),
        sources=(SourceReport("manual", "The manual", "https://example.org/manual"),),
    )


class FixedSession(Session):
    """Reads nothing: every text is the same made-up case."""

    def examined(self) -> tuple[Case, Diagnosis]:
        case = _case(self.forced_lang or "en")
        return case, _report(case.lang)

    def composed(self) -> Diagnosis | None:
        return None if self.case is None else _report(self.case.lang)

    def pasted(self, case: Case) -> Pasted:
        return cast(Pasted, SimpleNamespace(settings=lambda *_: None))  # there is no text to change
