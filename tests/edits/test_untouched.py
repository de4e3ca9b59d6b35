"""A change touches what its remedy sets and nothing else: over all remedies and all programs, in one's own configuration or command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pytest

from advisor.diagnosis.changes import changes_for
from advisor.edits import Editor, Wish
from advisor.edits.meaning import same
from advisor.facts import FactValue
from advisor.library import load_library
from advisor.plan.edit import applicable, changes_of, settings
from advisor.readers import read_all
from advisor.readers.document import Document
from advisor.readers.resolve import resolve
from advisor.report import Change

LIBRARY = load_library()
# Values that no remedy has.
OWN: Mapping[str, int | float] = {
    "batch_size": 22, "grad_accum": 3, "seq_len": 5000, "lora_rank": 56, "num_generations": 14, "max_model_len": 12345,
    "concurrency": 77, "gpu_memory_utilization": 0.87,
}  # fmt: skip
# Numbers that go with a change and state no fact.
BESIDE = {
    "lora_alpha": 99,
    "network_alpha": 99,
    "actor_rollout_ref.model.lora_alpha": 99,
    "ds.lora.alpha": 99,
    "learning_rate": 3e-5,
}
FOLLOW = {"method", "seq_len", "runtime", "phase", "framework", "task"}


def _keys(framework: str) -> dict[str, int | float]:
    """The program's own spelling of each size, with a value."""
    found: dict[str, int | float] = {}
    for fact, value in OWN.items():
        for name in LIBRARY.lineage(framework):
            known = LIBRARY.frameworks.get(name)
            spelled = known.keys.get(fact, []) if known else []
            if spelled:
                found.setdefault(spelled[0], value)
                break
    return found


def _texts(framework: str) -> Iterator[str]:
    keys = {**_keys(framework), **BESIDE}
    config = LIBRARY.frameworks[framework].config
    marker = LIBRARY.frameworks[framework].markers[:1]
    head = f"# {marker[0]}\n" if marker else ""
    if config == "yaml":
        yield head + "".join(f"{key}: {value}\n" for key, value in keys.items() if "." not in key)
    elif config == "toml":
        yield head + "".join(f"{key} = {value}\n" for key, value in keys.items() if "." not in key)
    flags = " ".join(f"{'' if '.' in key else '--'}{key}={value}" for key, value in keys.items())
    yield f"python train.py {flags}"


def _facts(text: str) -> dict[str, FactValue]:
    return resolve(read_all(Document.of(text), LIBRARY)).facts


def _wish(remedy: str, facts: Mapping[str, FactValue]) -> Iterator[Wish]:
    known = LIBRARY.remedies[remedy]
    for edit in list(settings(known, facts))[:3]:
        changed = changes_of(edit, facts)

        def changes(framework: str, changed: Mapping[str, FactValue] = changed) -> Sequence[Change]:
            return changes_for(known, {**facts, **changed, "framework": framework}, LIBRARY, "en")

        yield Wish(remedy, remedy, changed, changes)


@pytest.mark.parametrize("framework", sorted(LIBRARY.frameworks))
def test_nothing_else_is_touched(framework: str) -> None:
    for before in _texts(framework):
        facts = {**_facts(before), "framework": framework, "gpu_count": 4}
        for remedy in LIBRARY.remedies.values():
            if not remedy.edit or not applicable(remedy, facts):
                continue
            for wish in _wish(remedy.id, facts):
                result = Editor(before.split("\n"), [framework], LIBRARY).apply([wish])
                if remedy.id not in result.written:
                    continue
                rows = before.split("\n")
                for piece in reversed(result.pieces):
                    rows[piece.first : piece.first + len(piece.before)] = piece.after
                after = "\n".join(rows)
                for key, number in BESIDE.items():
                    if f"{key}" in before:
                        assert (
                            f"{key}: {number}" in after or f"{key} = {number}" in after or f"{key}={number}" in after
                        ), after
                again = _facts(after)
                for fact, value in _facts(before).items():
                    if fact not in wish.facts and fact not in FOLLOW:
                        assert fact in again, f"{remedy.id} takes {fact} out of:\n{after}"
                        assert same(again[fact], value), (
                            f"{remedy.id}: {fact} is {again[fact]!r}, not {value!r}:\n{after}"
                        )


def test_the_own_rank_and_alpha_stay_where_the_base_is_quantised() -> None:
    before = "finetuning_type: lora\nlora_rank: 64\nlora_alpha: 128\nlora_target: q_proj,v_proj\nper_device_train_batch_size: 4"
    facts = {**_facts(before), "framework": "llama-factory"}
    (wish,) = _wish("qlora", facts)
    assert "lora_rank" not in wish.facts
    result = Editor(before.split("\n"), ["llama-factory"], LIBRARY).apply([wish])
    after = result.pieces[0].text
    assert all(line in after for line in before.split("\n"))
    assert "quantization_bit: 4" in after
    assert "lora_rank: 16" not in after
