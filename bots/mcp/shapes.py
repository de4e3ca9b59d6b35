"""The shapes of the tools' answers: what an agent may rely on, as the output schema that its client shows it."""

from __future__ import annotations

from typing import Annotated, Any, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

Gib = Annotated[float, Field(description="GiB (2**30 bytes)")]
Facts = dict[str, Any]


class FailureShape(TypedDict):
    kind: Annotated[
        str,
        Field(description="vram_oom, kv_cache, host_oom, shm, kernel_resources, question, other_error or none"),
    ]
    phase: NotRequired[str]
    confidence: float


class EvidenceShape(TypedDict):
    fact: str
    line: Annotated[int, Field(description="line of the text; 0 when stated beside it")]
    quote: str
    origin: str


class CauseShape(TypedDict):
    id: str
    confidence: float
    because: str
    rule: str


class ComponentShape(TypedDict):
    id: str
    gib: Gib


class EstimateShape(TypedDict):
    allocated_gib: Annotated[float, Field(description="torch.cuda.max_memory_allocated, GiB")]
    reserved_gib: Annotated[float, Field(description="torch.cuda.max_memory_reserved, GiB")]
    process_gib: Annotated[float, Field(description="what nvidia-smi shows, GiB")]
    low_gib: Annotated[float, Field(description="low end of the 90 % interval for allocated_gib")]
    high_gib: Annotated[float, Field(description="high end of the 90 % interval for allocated_gib")]
    capacity_gib: NotRequired[Gib]
    fits: NotRequired[bool]
    assumed: Annotated[Facts, Field(description="facts that nobody stated, with the value taken")]
    components: list[ComponentShape]
    phase: NotRequired[str]
    phases: NotRequired[dict[str, float]]
    warnings: NotRequired[list[str]]


class ChangeShape(TypedDict):
    framework: str
    text: Annotated[str, Field(description="the exact flag, configuration line or code")]


class SavingShape(TypedDict):
    low: Gib
    expected: Gib
    high: Gib


class RemedyShape(TypedDict):
    rank: int
    id: str
    title: str
    because: str
    changes: list[ChangeShape]
    saves_gib: NotRequired[SavingShape]
    peak_after_gib: NotRequired[Gib]
    fits: NotRequired[bool]
    time_cost: Annotated[float, Field(description="factor on the time of a step; 1.0 costs nothing")]
    quality_risk: str
    effort: str
    rules: list[str]
    sources: list[str]


class PlanShape(TypedDict):
    steps: Annotated[list[str], Field(description="ids of remedies to apply together")]
    peak_gib: Gib
    fits: bool


class QuestionShape(TypedDict):
    fact: Annotated[str, Field(description="state it in `facts` and call again")]
    text: str
    why: str


class DiagnosisShape(TypedDict):
    lang: str
    verdict: str
    failure: FailureShape
    facts: Facts
    evidence: list[EvidenceShape]
    causes: list[CauseShape]
    estimate: NotRequired[EstimateShape]
    remedies: list[RemedyShape]
    plan: NotRequired[PlanShape]
    questions: list[QuestionShape]
    redactions: int


class StepShape(TypedDict):
    rule: str
    stratum: str
    because: str
    conditions: list[str]
    concluded: list[str]
    sources: list[str]


class SourceShape(TypedDict):
    id: str
    title: str
    url: str


class ExplanationShape(TypedDict):
    headline: str
    lines: NotRequired[list[str]]
    rank: NotRequired[Annotated[int, Field(description="the remedy's rank, where it is advised")]]
    failed: NotRequired[Annotated[dict[str, list[str]], Field(description="rule to the conditions that did not hold")]]
    trace: NotRequired[list[StepShape]]
    evidence: NotRequired[list[EvidenceShape]]
    sources: NotRequired[list[SourceShape]]


class FitRowShape(TypedDict):
    value: Annotated[int | None, Field(description="the best value; null where none fits")]
    need_gib: Annotated[float | None, Field(description="what the card must have with it, for sure")]
    over: NotRequired[Any]


class FitShape(TypedDict):
    fact: str
    capacity_gib: Gib
    over: NotRequired[str]
    rows: list[FitRowShape]


class GpuShape(TypedDict):
    name: str
    vendor: str
    arch: str
    memory_gb: float
    usable_gib: Annotated[float, Field(description="what the runtime reports, GiB")]
    source: str


class GpusShape(TypedDict):
    gpus: list[GpuShape]
    left_out: Annotated[int, Field(description="further matches that `limit` cut off")]


class ModelShape(TypedDict):
    name: str
    hf_id: str
    kind: str
    params_b: float
    source: str


class ModelsShape(TypedDict):
    models: list[ModelShape]
    left_out: Annotated[int, Field(description="further matches that `limit` cut off")]
