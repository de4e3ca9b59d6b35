"""The store keeps cases, feedback and settings, forgets them on request, and keeps counts of nobody."""

from __future__ import annotations

import threading

import pytest

from bots.slack.store import Case, Stats, Store, StoreError, Tally


def _case(store: Store, **fields: object) -> str:
    return store.add_case(Case(**({"team": "T1", "user": "U1", "text": "OOM", "kind": "vram_oom"} | fields)))  # type: ignore[arg-type]


def test_a_case_comes_back_as_it_was_kept(store: Store) -> None:
    kept = Case(
        team="T1", user="U1", text="显存不足\x00 \ud83d", channel="C1", thread_ts="1.2", lang="zh", stated={"batch_size": 4},
        tried=["lora"], applied=("offload",), kind="vram_oom", model="Qwen2.5-7B", gpu="RTX 4090", framework="trl",
    )  # fmt: skip
    found = store.case(store.add_case(kept))
    assert found is not None
    assert found.text == "显存不足\ufffd ?"
    assert (found.lang, found.stated, found.tried, found.applied) == ("zh", {"batch_size": 4}, ["lora"], ["offload"])
    assert (found.model, found.gpu, found.framework, found.shared) == ("Qwen2.5-7B", "RTX 4090", "trl", False)
    assert found.created_at > 1_700_000_000


def test_ids_are_not_to_be_guessed_and_the_first_case_of_an_id_stays(store: Store) -> None:
    first, second = _case(store), _case(store)
    assert first != second
    assert len(first) >= 20
    _case(store, id=first, text="another")
    found = store.case(first)
    assert found is not None
    assert found.text == "OOM"
    assert store.case("absent") is None


def test_fields_of_a_case_change_but_not_whose_it_is(store: Store) -> None:
    case = _case(store)
    assert store.change_case(case, applied=["lora"], shared=True, stated={"batch_size": 1})
    found = store.case(case)
    assert found is not None
    assert (found.applied, found.shared, found.stated) == (["lora"], True, {"batch_size": 1})
    assert not store.change_case("absent", shared=True)
    with pytest.raises(StoreError, match="team"):
        store.change_case(case, team="T2")


def test_a_text_too_long_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="longer"):
        _case(store, text="x" * 2_000_001)


def test_a_share_is_claimed_once_by_many(store: Store) -> None:
    case = _case(store)
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(store.claim(case, "shared"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert not store.claim("absent", "shared")


def test_a_mark_holds_for_its_time(store: Store) -> None:
    assert store.once("sweep", 60)
    assert not store.once("sweep", 60)
    assert store.once("short", -1)
    assert store.once("short", 60)
    store.forget_mark("short")
    assert store.once("short", 60)


def test_of_the_same_answer_the_last_counts_and_worked_excludes_did_not(store: Store) -> None:
    case = _case(store)
    store.add_feedback(case, "T1", "U1", "did_not", ["lora"])
    store.add_feedback(case, "T1", "U1", "tried", ["offload"])
    store.add_feedback(case, "T1", "U1", "worked", ["lora", "qlora", "lora"])
    store.add_feedback(case, "T1", "U2", "worked")
    assert store.feedback(case) == {"U1": {"tried": ["offload"], "worked": ["lora", "qlora"]}, "U2": {"worked": []}}
    assert store.stats().tallies == (
        Tally("vram_oom", "", "worked", 1),
        Tally("vram_oom", "lora", "worked", 1),
        Tally("vram_oom", "offload", "tried", 1),
        Tally("vram_oom", "qlora", "worked", 1),
    )


def test_feedback_to_no_case_or_to_another_workspaces_case_is_not_kept(store: Store) -> None:
    assert not store.add_feedback("absent", "T1", "U1", "worked")
    assert not store.add_feedback(_case(store), "T2", "U1", "worked")
    with pytest.raises(StoreError, match="perhaps"):
        store.add_feedback(_case(store), "T1", "U1", "perhaps")  # type: ignore[arg-type]


def test_settings_start_with_defaults_and_change_one_by_one(store: Store) -> None:
    assert store.settings("T1").lang == "auto"
    store.change_settings("T1", lang="zh", retention_days=7)
    changed = store.change_settings("T1", gpu="RTX 4090", emails=True)
    assert (changed.lang, changed.retention_days, changed.gpu, changed.emails) == ("zh", 7, "RTX 4090", True)
    assert store.settings("T2").lang == "auto"
    for wrong in ({"lang": "fr"}, {"retention_days": 0}, {"colour": "red"}, {"react": "all"}):
        with pytest.raises(StoreError):
            store.change_settings("T1", **wrong)


def test_a_person_is_forgotten_and_only_counts_remain(store: Store) -> None:
    mine, other = _case(store), _case(store, user="U2")
    store.add_feedback(mine, "T1", "U2", "worked", ["lora"])
    store.add_feedback(other, "T1", "U1", "did_not", ["qlora"])
    before = store.stats()
    assert store.forget_user("T1", "U1") == 1
    assert store.case(mine) is None
    assert store.case(other) is not None
    assert store.feedback(other) == {}
    assert store.stats() == before
    assert store.stats("T1") == Stats(cases={"vram_oom": 1}, tallies=())


def test_a_workspace_is_forgotten_with_its_settings_and_no_other(store: Store) -> None:
    _case(store)
    kept = _case(store, team="T2")
    store.change_settings("T1", lang="zh")
    assert store.forget_team("T1") == 1
    assert store.settings("T1").lang == "auto"
    assert store.case(kept) is not None
    assert store.stats().cases == {"vram_oom": 2}


def test_a_sweep_deletes_by_the_workspaces_retention_else_by_the_default(store: Store) -> None:
    day = 86_400.0
    now = store.case(_case(store))
    assert now is not None
    store.change_settings("T2", retention_days=100)
    old = _case(store, created_at=now.created_at - 31 * day)
    theirs = _case(store, team="T2", created_at=now.created_at - 31 * day)
    assert store.sweep(None) == 0
    assert store.sweep(30) == 1
    assert store.case(old) is None
    assert store.case(theirs) is not None
    store.change_settings("T2", retention_days=30)
    assert store.sweep(None) == 1
