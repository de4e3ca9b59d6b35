"""Forward chaining with durable-rules: facts in, causes and arguments for remedies out, with the trace. The only importer.

The engine of durable-rules 2.0.28 is driven through its C extension. Its Python layer starts polling threads that never
end, swallows what an action raises, and adds 18 ms of import; here no action runs any code at all.

What is kept away from it, each guarded below and by a test: numbers with an exponent; values of mixed type (`"2" < 3`
fires, `True == 1` fires); negation and joins over facts; a message that satisfies more than 64 alternatives (nothing
fires, and repeats corrupt the heap), hence rule sets of at most 48 rules; 512 distinct values under one attribute (the
compilation hangs); more than 255 properties; facts that match no rule or come twice (both raise); states that are
never deleted (memory grows); first use from several threads; chaining without an end.
"""

from __future__ import annotations

import itertools
import json
import math
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import durable_rules_engine
import re2
from msgspec import Struct, field

from advisor.errors import EngineError
from advisor.rule import COMPARISONS, STRATA, Condition, Rule, as_word

MAX_RULES = 48  # of the 64 alternatives that one message may satisfy
MAX_ALTERNATIVES = 60
MAX_VALUES = 400  # distinct values under one attribute; the engine hangs at 512
MAX_PROPERTIES = 250
MAX_PASSES = 12  # passes to the fixpoint of one stratum
MAX_TEXT = 500

_ruleset_numbers = itertools.count()
_case_numbers = itertools.count()


class Firing(Struct, frozen=True):
    """A rule that fired, with the fields it tested and their values at that moment."""

    rule: Rule
    tested: dict[str, Any]


class Trace(Struct):
    """What the rules concluded: flags, causes and arguments, and the firings in order.

    Empty containers mean that no rule fired. `for_remedy` and `against_remedy` map a remedy to the firings that argue so.
    """

    facts: dict[str, Any]
    firings: list[Firing] = field(default_factory=list)
    derived: set[str] = field(default_factory=set)
    causes: dict[str, float] = field(default_factory=dict)
    cause_rules: dict[str, list[Firing]] = field(default_factory=dict)
    for_remedy: dict[str, list[tuple[float, Firing]]] = field(default_factory=dict)
    against_remedy: dict[str, list[tuple[float, Firing]]] = field(default_factory=dict)

    def record(self, firing: Firing) -> list[str]:
        """Takes a firing's conclusions in; the fields that became true by it are returned."""
        self.firings.append(firing)
        new = []
        for conclusion in firing.rule.then:
            if conclusion.kind == "derive":
                if conclusion.id not in self.derived:
                    self.derived.add(conclusion.id)
                    new.append(f"derived.{conclusion.id}")
            elif conclusion.kind == "cause":
                if conclusion.id not in self.causes:
                    new.append(f"cause.{conclusion.id}")
                # Independent grounds for one cause: 1 - product of what each leaves in doubt.
                doubt = (1 - self.causes.get(conclusion.id, 0.0)) * (1 - conclusion.weight)
                self.causes[conclusion.id] = 1 - doubt
                self.cause_rules.setdefault(conclusion.id, []).append(firing)
            else:
                side = self.for_remedy if conclusion.kind == "remedy" else self.against_remedy
                side.setdefault(conclusion.id, []).append((conclusion.weight, firing))
        return new


class _Ruleset:
    """At most MAX_RULES rules compiled together, with the fields that they test."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = {f"r{index}": rule for index, rule in enumerate(rules)}
        conditions = [condition for rule in rules for condition in rule.conditions()]
        words = sorted({c.field for c in conditions if c.op in ("is", "in", "not_in")})
        numbers = sorted({c.field for c in conditions if c.op in COMPARISONS})
        patterns = sorted({(c.field, str(c.value)) for c in conditions if c.op == "matches"})
        self.fields = {c.field for c in conditions}
        # Fields with the names of their properties in a message.
        self._words = [(name, _word_key(name)) for name in words]
        self._numbers = [(name, _number_key(name), _known_key(name)) for name in numbers]
        self._pattern_keys = {pattern: f"x{index}" for index, pattern in enumerate(patterns)}
        definition: dict[str, Any] = {
            name: {"all": [{"m": self._expression(rule)}]} for name, rule in self.rules.items()
        }
        definition["sink"] = {"all": [{"m": {"case": "1"}}]}  # a message that no rule matches would raise
        name = f"advisor{next(_ruleset_numbers)}"
        try:
            self._handle = durable_rules_engine.create_ruleset(name, json.dumps(definition, ensure_ascii=False))
        except Exception as error:
            raise EngineError(f"the rule engine refused {', '.join(rule.id for rule in rules)}: {error}") from error

    def _expression(self, rule: Rule) -> dict[str, Any]:
        parts = [self._atom(condition) for condition in rule.when]
        if rule.any:
            branches = [self._joined("$and", [self._atom(c) for c in branch]) for branch in rule.any]
            parts.append(self._joined("$or", branches))
        parts.append({"case": "1"})
        return self._joined("$and", parts)

    @staticmethod
    def _joined(operator: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
        return parts[0] if len(parts) == 1 else {operator: parts}

    def _atom(self, condition: Condition) -> dict[str, Any]:
        if condition.op in COMPARISONS:
            key = _number_key(condition.field)
            return {
                "$and": [{_known_key(condition.field): "1"}, {f"${condition.op}": {key: plain_number(condition.value)}}]
            }
        if condition.op == "matches":
            return {self._pattern_keys[condition.field, str(condition.value)]: "1"}
        key = _word_key(condition.field)
        if condition.op == "is":
            return {key: as_word(condition.value)}
        values = condition.value if isinstance(condition.value, list) else [condition.value]
        if condition.op == "in":
            return self._joined("$or", [{key: as_word(value)} for value in values])
        return self._joined("$and", [{"$neq": {key: as_word(value)}} for value in values])

    def _message(self, facts: Mapping[str, Any], sid: str) -> str:
        message: dict[str, Any] = {"sid": sid, "case": "1"}
        for name, key in self._words:
            message[key] = as_word(facts.get(name), name)[:MAX_TEXT]
        for name, key, known in self._numbers:
            value = facts.get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            message[key] = plain_number(value)
            message[known] = "1"
        for (name, pattern), key in self._pattern_keys.items():
            value = facts.get(name)
            found = value is not None and re2.search(pattern, str(value)[:MAX_TEXT]) is not None
            message[key] = "1" if found else "0"
        return json.dumps(message, ensure_ascii=False)

    def fire(self, facts: Mapping[str, Any]) -> list[Rule]:
        """The rules that fire on these facts, in the order of the engine."""
        sid = f"c{next(_case_numbers)}"
        fired = []
        try:
            result, state = durable_rules_engine.assert_fact(self._handle, self._message(facts, sid))
            if result in (1, 2):
                raise EngineError("the rule engine lost a case")
            started = durable_rules_engine.start_action_for_state(self._handle, state)
            action = started[1] if started else None
            while action:
                name = next(iter(json.loads(action)))
                if name in self.rules:
                    fired.append(self.rules[name])
                action = durable_rules_engine.complete_and_start_action(self._handle, state)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"the rule engine failed on a case: {error}") from error
        finally:
            durable_rules_engine.delete_state(self._handle, sid)
        return fired


def _word_key(name: str) -> str:
    return "w_" + "".join(char if char.isalnum() else "_" for char in name)


def _number_key(name: str) -> str:
    return "n_" + "".join(char if char.isalnum() else "_" for char in name)


def _known_key(name: str) -> str:
    return "k_" + "".join(char if char.isalnum() else "_" for char in name)


def plain_number(value: object) -> int | float:
    """A number that the engine can read: finite, and written without an exponent (four decimals, below 1e15).

    Raises:
        EngineError: NaN, infinite, or no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise EngineError(f"the rule engine can't compare {value!r}")
    bounded = max(-1e15, min(1e15, value))
    if float(bounded).is_integer():
        return int(bounded)
    return round(bounded, 4)


class _Load:
    """What a group of rules asks of the engine, kept up as rules join it."""

    def __init__(self) -> None:
        self.rules = 0
        self.alternatives = 0
        self.values: dict[str, set[str]] = {}

    def takes(self, rule: Rule) -> bool:
        """Adds the rule if the group stays within the limits."""
        # An `in` is met by one value; of the branches of an `any` one message may satisfy each.
        alternatives = self.alternatives + max(1, len(rule.any))
        if self.rules + 1 > MAX_RULES or alternatives > MAX_ALTERNATIVES:
            return False
        grown: dict[str, set[str]] = {}
        for condition in rule.conditions():
            if condition.op in ("is", "in", "not_in"):
                items = condition.value if isinstance(condition.value, list) else [condition.value]
                name, words = condition.field, {as_word(item) for item in items}
            else:
                name, words = f"#{condition.field}", {str(condition.value)}
            grown[name] = grown.get(name, self.values.get(name, set())) | words
        properties = 2 * len(self.values.keys() | grown.keys()) + 2
        if properties > MAX_PROPERTIES or any(len(words) > MAX_VALUES for words in grown.values()):
            return False
        self.rules += 1
        self.alternatives = alternatives
        self.values |= grown
        return True


def partition(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Rules in groups that the engine can hold: MAX_RULES rules, few enough alternatives, values and properties.

    Raises:
        EngineError: one rule alone is over a limit.
    """
    groups: list[list[Rule]] = []
    load = _Load()
    for rule in rules:
        if not groups or not load.takes(rule):
            load = _Load()
            if not load.takes(rule):
                hint = "Split its alternatives into several rules."
                raise EngineError(f"rule {rule.id} is too large for the engine", hint=hint)
            groups.append([])
        groups[-1].append(rule)
    return groups


_GATES = ("signal.", "derived.", "cause.", "tried.")


def gate_of(rule: Rule) -> str:
    """A flag without which the rule can't fire: the first that it demands; empty where it demands none."""
    for condition in rule.when:
        if condition.op == "is" and condition.value is True and condition.field.startswith(_GATES):
            return condition.field
    return ""


class _Stratum:
    """The rules of one stratum, in groups behind the flag that they demand; a group is compiled when a case first opens it.

    Nine rules of ten wait for a flag that most cases never raise.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        behind: dict[str, list[Rule]] = {}
        for rule in rules:
            behind.setdefault(gate_of(rule), []).append(rule)
        self._groups = {gate: partition(group) for gate, group in behind.items()}
        self._compiled: dict[str, list[_Ruleset]] = {}

    def behind(self, gate: str) -> Sequence[_Ruleset]:
        """The rule sets behind a flag, or behind none (`""`)."""
        known = self._compiled.get(gate)
        if known is None:
            known = self._compiled[gate] = [_Ruleset(group) for group in self._groups.get(gate, ())]
        return known

    def compile(self) -> None:
        for gate in self._groups:
            self.behind(gate)

    def open(self, facts: Mapping[str, Any]) -> list[_Ruleset]:
        """The rule sets of which a rule may fire on these facts."""
        gates = [gate for gate in self._groups if not gate or facts.get(gate) is True]
        return [ruleset for gate in gates for ruleset in self.behind(gate)]


# The engine's first use and its compilations are not safe from several threads.
_lock = threading.Lock()


class Engine:
    """A rule base, compiled as far as the cases need; `run` may be called from any thread, one case at a time."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Takes the rules (deprecated ones are left out).

        Raises:
            EngineError: the engine can't hold a rule.
        """
        active = [rule for rule in rules if rule.status != "deprecated"]
        self._place = {rule.id: place for place, rule in enumerate(active)}
        self._strata = [_Stratum([rule for rule in active if rule.stratum == index]) for index in range(len(STRATA))]

    def compile(self) -> None:
        """Compiles every group now, which a case does as it needs them.

        Raises:
            EngineError: the engine refuses a rule.
        """
        with _lock:
            for stratum in self._strata:
                stratum.compile()

    def run(self, facts: Mapping[str, Any]) -> Trace:
        """Chains the rules over one case: each stratum to its fixpoint, each rule at most once.

        Args:
            facts: fields by name (facts, `kind`, `signal.x`, `tried.x`, `memory.x`); absent means unknown.

        Raises:
            EngineError: the engine refuses a rule, a value can't be compared, or the chaining does not end.
        """
        with _lock:
            trace = Trace(dict(facts))
            for stratum in self._strata:
                self._to_fixpoint(stratum, trace)
            return trace

    def _to_fixpoint(self, stratum: _Stratum, trace: Trace) -> None:
        fired: set[str] = set()
        pending = stratum.open(trace.facts)
        for _ in range(MAX_PASSES):
            found = {rule.id: rule for ruleset in pending for rule in ruleset.fire(trace.facts) if rule.id not in fired}
            fired.update(found)
            new: set[str] = set()
            for rule in sorted(found.values(), key=lambda rule: self._place[rule.id]):
                tested = {c.field: trace.facts[c.field] for c in rule.conditions() if c.field in trace.facts}
                new.update(trace.record(Firing(rule, tested)))
            if not new:
                return
            trace.facts.update(dict.fromkeys(new, True))
            pending = [ruleset for ruleset in stratum.open(trace.facts) if ruleset.fields & new]
        raise EngineError(
            f"the rules still chain after {MAX_PASSES} passes", hint="Look for rules that derive each other."
        )
