"""A rule as data: conditions over named facts, conclusions, explanations in two languages, and its own cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import re2
from msgspec import Struct

Text: TypeAlias = dict[str, str]  # {"en": ..., "zh": ...}
Scalar: TypeAlias = str | bool | int | float
Operator: TypeAlias = Literal["is", "in", "not_in", "gt", "gte", "lt", "lte", "matches"]
ConclusionKind: TypeAlias = Literal["derive", "cause", "remedy", "discourage"]

UNKNOWN = "unknown"
COMPARISONS = frozenset({"gt", "gte", "lt", "lte"})
# Prefixes of the fields that are not facts of the vocabulary.
FLAG_PREFIXES = ("signal.", "derived.", "cause.", "tried.")
# Fields of the failure beside `phase` and `runtime`, which are facts.
FAILURE_FIELDS = frozenset({"kind"})
STRATA: tuple[str, ...] = ("derive", "cause", "remedy")

# Numbers that are computed from the estimate and the message before the rules run; a rule only compares them.
MEMORY_FIELDS: dict[str, str] = {
    "fits": "the estimate's high end is within the card (true, false)",
    "peak_phase": "the phase of the estimated peak: load, forward, backward, optimizer_step ...",
    "estimate_gib": "estimated process memory at the peak",
    "capacity_gib": "usable memory of the card",
    "shortfall_gib": "estimated process memory less capacity; negative when it fits",
    "over_ratio": "estimated process memory / capacity",
    "interval_width": "width of the 90 % interval / estimate: how sure the estimate is",
    "weights_gib": "weights", "weights_share": "weights / estimate",
    "gradients_gib": "gradients", "gradients_share": "gradients / estimate",
    "optimizer_gib": "optimizer states", "optimizer_share": "optimizer states / estimate",
    "activations_gib": "activations", "activations_share": "activations / estimate",
    "logits_gib": "logits and loss", "logits_share": "logits and loss / estimate",
    "kv_cache_gib": "KV cache", "kv_cache_share": "KV cache / estimate",
    "static_gib": "weights, gradients and optimizer states", "static_share": "weights, gradients and optimizer states / capacity",
    "request_gib": "the allocation that failed", "request_share": "the allocation that failed / capacity",
    "request_over_free": "the allocation that failed / free memory",
    "allocated_share": "live PyTorch tensors / capacity",
    "reserved_unallocated_gib": "reserved by PyTorch's allocator but in no tensor",
    "reserved_unallocated_share": "reserved but unallocated / capacity",
    "unallocated_over_request": "reserved but unallocated / the allocation that failed",
    "free_share": "free memory / capacity",
    "outside_torch_gib": "used on the card but not by this process's PyTorch allocator",
    "outside_torch_share": "used on the card but not by this process's PyTorch allocator / capacity",
    "unexplained_gib": "held by this process beyond the estimate; negative when it held less",
    "unexplained_share": "unexplained / capacity",
}  # fmt: skip
MEMORY_WORDS = frozenset({"fits", "peak_phase"})  # the fields of MEMORY_FIELDS that are words, not numbers


class Condition(Struct, frozen=True):
    """`field op value`. An absent fact has the value `unknown`; a comparison with an absent number never holds."""

    field: str
    op: Operator
    value: Scalar | list[Scalar]

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether the condition holds for these facts."""
        got = facts.get(self.field)
        if self.op in COMPARISONS:
            if isinstance(got, bool) or not isinstance(got, int | float) or not isinstance(self.value, int | float):
                return False
            if self.op == "gt":
                return got > self.value
            if self.op == "gte":
                return got >= self.value
            return got < self.value if self.op == "lt" else got <= self.value
        if self.op == "matches":
            return got is not None and re2.search(str(self.value), str(got)) is not None
        word = as_word(got, self.field)
        if self.op == "is":
            return word == as_word(self.value)
        words = {as_word(item) for item in self.value} if isinstance(self.value, list) else set()
        return word in words if self.op == "in" else word not in words

    def __str__(self) -> str:
        symbols = {"is": "=", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤", "not_in": "not in"}
        value = ", ".join(as_word(item) for item in self.value) if isinstance(self.value, list) else as_word(self.value)
        return f"{self.field} {symbols.get(self.op, self.op)} {value}"


def as_word(value: object, field: str = "") -> str:
    """A value as the word that equality compares: booleans in lower case, whole numbers without a point, absent = unknown.

    An absent flag (`signal.x`, `derived.x`, ...) is false: everything that is not concluded does not hold.
    """
    if value is None:
        return "false" if field.startswith(FLAG_PREFIXES) else UNKNOWN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ",".join(str(item) for item in value)
    return str(value)


class Conclusion(Struct, frozen=True):
    """What a rule concludes: a derived flag, a cause, or an argument for or against a remedy; weight is 0 to 1."""

    kind: ConclusionKind
    id: str
    weight: float = 1.0


class RuleCase(Struct, frozen=True):
    """A case that runs as a test: on these facts the rule fires, or does not."""

    name: str
    facts: dict[str, Scalar | list[str]]
    fires: bool


class Rule(Struct, frozen=True):
    """One rule of a pack; `path` and `line` are where it is written."""

    id: str
    status: Literal["experimental", "stable", "deprecated"]
    when: tuple[Condition, ...]
    any: tuple[tuple[Condition, ...], ...]
    then: tuple[Conclusion, ...]
    because: Text
    wrong_when: Text
    sources: tuple[str, ...]
    cases: tuple[RuleCase, ...]
    path: str = ""
    line: int = 0

    @property
    def stratum(self) -> int:
        """Index into STRATA: the earliest kind of conclusion decides, so that what is chained on is concluded in time."""
        kinds = {conclusion.kind for conclusion in self.then}
        return 0 if "derive" in kinds else 1 if "cause" in kinds else 2

    def conditions(self) -> tuple[Condition, ...]:
        """All conditions, those of the alternatives included."""
        return self.when + tuple(condition for branch in self.any for condition in branch)

    def fires(self, facts: Mapping[str, Any]) -> bool:
        """Whether all of `when` and one branch of `any` hold."""
        return not self.failed(facts)

    def failed(self, facts: Mapping[str, Any]) -> tuple[Condition, ...]:
        """The conditions that do not hold; of the alternatives, the branch that comes nearest."""
        missing = [condition for condition in self.when if not condition.holds(facts)]
        if self.any:
            branches = [[condition for condition in branch if not condition.holds(facts)] for branch in self.any]
            nearest: list[Condition] = min(branches, key=len)
            missing += nearest
        return tuple(missing)


def stratum_name(rule: Rule) -> str:
    """`derive`, `cause` or `remedy`."""
    return STRATA[rule.stratum]
