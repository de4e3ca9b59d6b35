"""The engine: what it concludes, and a guard for every way in which durable-rules fails."""

from __future__ import annotations

import gc
import json
import math
import subprocess
import sys
import threading
from typing import Any

import durable_rules_engine
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor import engine as engine_module
from advisor.engine import MAX_RULES, Engine, partition, plain_number
from advisor.errors import EngineError
from advisor.rule import Conclusion, Condition, Rule
from tests.oracle import chain


def rule(
    name: str, *conditions: Condition, then: tuple[Conclusion, ...] = (), any_of: Any = (), status: Any = "stable"
) -> Rule:
    conclusions = then or (Conclusion("remedy", "lora", 0.5),)
    return Rule(name, status, tuple(conditions), tuple(any_of), conclusions, {}, {}, (), ())


def fired(rules: list[Rule], facts: dict[str, Any]) -> list[str]:
    return sorted(firing.rule.id for firing in Engine(rules).run(facts).firings)


C = Condition


def test_chains_from_facts_to_causes_to_remedies() -> None:
    rules = [
        rule("remedy", C("cause.activations_too_large", "is", True), then=(Conclusion("remedy", "lora", 0.6),)),
        rule("cause", C("derived.deep", "is", True), then=(Conclusion("cause", "activations_too_large", 0.8),)),
        rule("deep", C("derived.shallow", "is", True), then=(Conclusion("derive", "deep"),)),
        rule("shallow", C("batch_size", "gte", 4), then=(Conclusion("derive", "shallow"),)),
    ]
    trace = Engine(rules).run({"batch_size": 8})
    assert [firing.rule.id for firing in trace.firings] == ["shallow", "deep", "cause", "remedy"]
    assert trace.causes == {"activations_too_large": 0.8}
    assert trace.derived == {"deep", "shallow"}
    assert [weight for weight, _ in trace.for_remedy["lora"]] == [0.6]
    assert fired(rules, {"batch_size": 2}) == []


def test_two_grounds_make_a_cause_surer() -> None:
    one = rule("one", C("task", "is", "train"), then=(Conclusion("cause", "fragmentation", 0.5),))
    two = rule("two", C("kind", "is", "vram_oom"), then=(Conclusion("cause", "fragmentation", 0.6),))
    assert Engine([one, two]).run({"task": "train", "kind": "vram_oom"}).causes["fragmentation"] == pytest.approx(0.8)


def test_the_firing_remembers_what_it_tested() -> None:
    firing = Engine([rule("r", C("batch_size", "gt", 1))]).run({"batch_size": 3, "seq_len": 8}).firings[0]
    assert firing.tested == {"batch_size": 3}


def test_unknown_is_a_value_and_an_absent_flag_is_false() -> None:
    rules = [
        rule("maybe-off", C("gradient_checkpointing", "in", [False, "unknown"])),
        rule("on", C("gradient_checkpointing", "is", True)),
        rule("no-signal", C("signal.notebook", "is", False)),
        rule("not-vllm", C("framework", "not_in", ["vllm", "sglang"])),
    ]
    assert fired(rules, {}) == ["maybe-off", "no-signal", "not-vllm"]
    assert fired(rules, {"gradient_checkpointing": True, "signal.notebook": True, "framework": "vllm"}) == ["on"]


def test_an_alternative_needs_one_branch() -> None:
    rules = [
        rule(
            "r",
            C("task", "is", "train"),
            any_of=((C("batch_size", "gt", 8),), (C("seq_len", "gt", 100), C("method", "is", "full"))),
        )
    ]
    assert fired(rules, {"task": "train", "batch_size": 9}) == ["r"]
    assert fired(rules, {"task": "train", "seq_len": 200, "method": "full"}) == ["r"]
    assert fired(rules, {"task": "train", "seq_len": 200, "method": "lora"}) == []
    assert fired(rules, {"batch_size": 9}) == []


def test_patterns_match_in_linear_time() -> None:
    rules = [rule("r", C("model", "matches", "(a+)+$"))]
    assert fired(rules, {"model": "a" * 400}) == ["r"]
    assert fired(rules, {"model": "a" * 400 + "!"}) == []


def test_deprecated_rules_stay_silent() -> None:
    assert fired([rule("old", C("task", "is", "train"), status="deprecated")], {"task": "train"}) == []


# --- the traps of durable-rules -------------------------------------------------------------------------------------


def test_a_number_with_an_exponent_is_refused_by_the_engine_and_written_plainly_by_us() -> None:
    handle = durable_rules_engine.create_ruleset("exponent", json.dumps({"r": {"all": [{"m": {"$gt": {"n": 0}}}]}}))
    with pytest.raises(Exception, match="204"):
        durable_rules_engine.assert_fact(handle, '{"sid": "1", "n": 1e-05}')
    small = [rule("r", C("memory.request_share", "lt", 0.5))]
    assert fired(small, {"memory.request_share": 1e-9}) == ["r"]
    assert fired(small, {"memory.request_share": 3e20}) == []
    assert "e" not in json.dumps(plain_number(2e-5)) + json.dumps(plain_number(3e20))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "2", True])
def test_what_is_no_finite_number_is_no_threshold(value: Any) -> None:
    with pytest.raises(EngineError):
        plain_number(value)


def test_text_never_compares_as_a_number_and_true_is_not_one() -> None:
    rules = [rule("small", C("batch_size", "lt", 3)), rule("one", C("batch_size", "is", 1))]
    assert fired(rules, {"batch_size": "2"}) == []
    assert fired(rules, {"batch_size": True}) == []
    assert fired(rules, {"batch_size": 1}) == ["one", "small"]


def test_more_rules_than_the_engine_can_match_at_once_all_fire() -> None:
    rules = [rule(f"r{i}", C("task", "is", "train")) for i in range(200)]
    engine = Engine(rules)
    for _ in range(50):  # repeats corrupt the heap when the limit is passed
        assert len(engine.run({"task": "train"}).firings) == 200
    assert all(len(group) <= MAX_RULES for group in partition(rules))


def test_many_values_under_one_attribute_are_spread_over_rule_sets() -> None:
    rules = [rule(f"r{i}", C("model", "in", [f"m{i}-{j}" for j in range(30)])) for i in range(40)]  # 1200 values
    assert len(partition(rules)) >= 3
    assert fired(rules, {"model": "m17-3"}) == ["r17"]


def test_a_rule_over_the_limits_is_refused_instead_of_hanging() -> None:
    with pytest.raises(EngineError, match="too large"):
        Engine([rule("huge", C("model", "in", [f"m{i}" for i in range(600)]))])


def test_a_rule_behind_a_flag_fires_when_the_flag_comes_late_or_goes_to_another_branch() -> None:
    rules = [
        rule("start", C("task", "is", "train"), then=(Conclusion("derive", "a"),)),
        rule("behind", C("derived.a", "is", True), C("batch_size", "gt", 1), then=(Conclusion("derive", "b"),)),
        rule("both", C("signal.resume", "is", True), C("derived.b", "is", True)),
        rule("absent", C("signal.resume", "is", False)),
    ]
    engine = Engine(rules)
    engine.compile()
    assert fired(rules, {"task": "train", "batch_size": 2, "signal.resume": True}) == ["behind", "both", "start"]
    assert fired(rules, {"task": "train", "batch_size": 2, "signal.resume": False}) == ["absent", "behind", "start"]
    assert [item.rule.id for item in engine.run({"task": "train", "batch_size": 1}).firings] == ["start", "absent"]


def test_a_case_that_matches_no_rule_and_a_case_that_comes_twice_are_fine() -> None:
    engine = Engine([rule("r", C("task", "is", "train"))])
    for _ in range(3):
        assert engine.run({"task": "inference"}).firings == []
        assert len(engine.run({"task": "train"}).firings) == 1


def test_the_names_that_hang_the_engine_can_be_tested() -> None:
    assert fired([rule("r", C("sid", "is", "x"), C("id", "is", "y"))], {"sid": "x", "id": "y"}) == ["r"]


def test_chaining_ends() -> None:
    rules = [
        rule(f"step{i}", C(f"derived.f{i}", "is", True), then=(Conclusion("derive", f"f{i + 1}"),))
        for i in range(engine_module.MAX_PASSES + 2)
    ]
    rules.append(rule("start", C("task", "is", "train"), then=(Conclusion("derive", "f0"),)))
    with pytest.raises(EngineError, match="still chain"):
        Engine(rules).run({"task": "train"})
    circle = [
        rule("start", C("task", "is", "train"), then=(Conclusion("derive", "a"),)),
        rule("ab", C("derived.a", "is", True), then=(Conclusion("derive", "b"),)),
        rule("ba", C("derived.b", "is", True), then=(Conclusion("derive", "a"),)),
    ]
    assert fired(circle, {"task": "train"}) == ["ab", "ba", "start"]


def test_long_and_foreign_text_passes() -> None:
    rules = [rule("zh", C("model", "is", "千问-7B")), rule("long", C("framework", "is", "x" * 500))]
    assert fired(rules, {"model": "千问-7B", "framework": "x" * 100_000}) == ["long", "zh"]


def test_no_thread_is_left_and_no_toolkit_of_the_engine_is_loaded() -> None:
    code = (
        "import sys, threading; from advisor.engine import Engine; from advisor.rule import *;"
        "Engine([Rule('r','stable',(Condition('task','is','train'),),(),(Conclusion('remedy','lora'),),{},{},(),())]).run({});"
        "print(threading.active_count(), 'durable.engine' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.split() == ["1", "False"]


def test_memory_does_not_grow_over_cases() -> None:
    resource = pytest.importorskip("resource")
    rules = [rule(f"r{i}", C("task", "is", "train"), C("batch_size", "gt", i)) for i in range(40)]
    engine = Engine(rules)

    def run(count: int) -> int:
        for index in range(count):
            engine.run({"task": "train", "batch_size": index % 50})
        gc.collect()
        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    before = run(500)
    assert run(3000) - before < 8 * 1024  # KiB; without deleting a case's state it is hundreds of MiB


def test_several_threads_share_an_engine() -> None:
    engine = Engine([rule(f"r{i}", C("batch_size", "gt", i)) for i in range(60)])
    wrong: list[int] = []

    def work(number: int) -> None:
        for _ in range(100):
            if len(engine.run({"batch_size": number}).firings) != number:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in (3, 17, 42, 60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# --- the oracle ---------------------------------------------------------------------------------------------------

_fields = st.sampled_from(
    ["task", "framework", "batch_size", "memory.activations_share", "signal.a", "derived.a", "derived.b", "cause.x"]
)
_words = st.sampled_from(["train", "inference", "unknown", True, False, 1, 2])
_numbers = st.one_of(st.integers(-3, 5), st.floats(-2, 6, allow_nan=False).map(lambda value: round(value, 3)))


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    op = draw(st.sampled_from(["is", "in", "not_in", "gt", "gte", "lt", "lte"]))
    if op in ("gt", "gte", "lt", "lte"):
        return Condition(draw(st.sampled_from(["batch_size", "memory.activations_share"])), op, draw(_numbers))
    field = draw(_fields)
    if field.startswith(("derived.", "cause.")):
        return Condition(field, "is", True)  # negation inside a stratum is refused by the linter
    value = draw(_words) if op == "is" else draw(st.lists(_words, min_size=1, max_size=3))
    return Condition(field, op, value)


_conclusions = st.one_of(
    st.sampled_from(["a", "b", "c"]).map(lambda name: Conclusion("derive", name)),
    st.sampled_from(["x", "y"]).map(lambda name: Conclusion("cause", name, 0.5)),
    st.sampled_from(["lora", "zero3"]).map(lambda name: Conclusion("remedy", name, 0.5)),
)
_facts = st.dictionaries(
    st.sampled_from(["task", "framework", "batch_size", "memory.activations_share", "signal.a"]),
    st.one_of(_words, _numbers),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(_conditions(), min_size=1, max_size=3),
            st.lists(st.lists(_conditions(), min_size=1, max_size=2), max_size=2),
            _conclusions,
        ),
        min_size=1,
        max_size=8,
    ),
    _facts,
)
def test_the_engine_and_a_plain_chainer_fire_the_same_rules(packs: list[Any], facts: dict[str, Any]) -> None:
    rules = [
        rule(f"r{i}", *when, any_of=tuple(tuple(branch) for branch in branches), then=(then,))
        for i, (when, branches, then) in enumerate(packs)
    ]
    assert fired(rules, facts) == chain(rules, facts)
