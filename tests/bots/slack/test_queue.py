"""The queue: each key once, each job to one worker, nothing lost with a worker, nothing done by one that lost its lease."""

from __future__ import annotations

import threading
import time

import pytest

from bots.slack.needs import QueueFull
from bots.slack.store import Store, StoreError
from bots.slack.store.database import Database
from bots.slack.store.together import Together
from bots.slack.work.errors import LeaseLost
from bots.slack.work.journal import Journal
from bots.slack.work.queue import Depth, Queue


def test_a_key_is_put_once_even_after_it_is_done(queue: Queue) -> None:
    assert queue.put("diagnose", "k", {"text": "a", "team": "T1", "user": "U1"})
    assert not queue.put("diagnose", "k", {"text": "b"})
    [job] = queue.claim("me", 5, 30)
    assert (job.kind, job.payload["text"], job.attempt, job.takeovers) == ("diagnose", "a", 1, 0)
    queue.end(job)
    assert not queue.put("diagnose", "k", {"text": "c"})
    assert queue.claim("me", 5, 30) == []


def test_many_fronts_put_one_key(queue: Queue, database: Database) -> None:
    together = Queue(database, together=Together(database))
    new: list[bool] = []

    def put(number: int) -> None:
        new.append((together if number % 2 else queue).put("diagnose", "same", {"n": number}))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False] * 11 + [True]


def test_one_bad_write_does_not_spoil_those_that_wait_with_it(database: Database, queue: Queue) -> None:
    together = Together(database)
    many = Queue(database, together=together)
    failed: list[Exception] = []

    def fail() -> None:
        try:
            together(lambda connection: 1 / 0)
        except ZeroDivisionError as error:
            failed.append(error)

    threads = [threading.Thread(target=fail)] + [
        threading.Thread(target=many.put, args=("diagnose", f"k{number}", {})) for number in range(9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failed) == 1
    assert queue.depth().ready == 9


def test_two_workers_share_the_jobs_and_none_gets_one_twice(queue: Queue) -> None:
    for number in range(40):
        queue.put("diagnose", f"k{number}", {"n": number})
    taken: dict[str, list[int]] = {"a": [], "b": []}

    def work(owner: str) -> None:
        while jobs := queue.claim(owner, 3, 30):
            for job in jobs:
                taken[owner].append(job.payload["n"])
                queue.end(job)

    threads = [threading.Thread(target=work, args=(owner,)) for owner in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken["a"] + taken["b"]) == list(range(40))


def test_the_oldest_come_first_and_waiting_ones_when_due(queue: Queue) -> None:
    for name in "abc":
        queue.put("diagnose", name, {"name": name})
    first, second = queue.claim("me", 2, 30)
    assert [first.payload["name"], second.payload["name"]] == ["a", "b"]
    queue.put_back(first, 60)
    queue.put_back(second, -1)
    assert [job.payload["name"] for job in queue.claim("me", 5, 30)] == ["b", "c"]


def test_only_jobs_of_before_are_drained(queue: Queue) -> None:
    queue.put("diagnose", "before", {})
    last = queue.last()
    queue.put("diagnose", "after", {})
    assert [job.key for job in queue.claim("me", 5, 30, up_to=last)] == ["before"]


def test_a_dead_workers_job_goes_to_another_and_the_dead_one_can_do_no_more(queue: Queue, database: Database) -> None:
    queue.put("diagnose", "k", {})
    [lost] = queue.claim("dead", 1, 0.05)
    assert queue.claim("other", 1, 30) == []
    time.sleep(0.1)
    [taken] = queue.claim("other", 1, 30)
    assert (taken.id, taken.token, taken.attempt, taken.takeovers) == (lost.id, lost.token, 2, 1)
    journal = Journal(database)
    for late in (
        lambda: queue.end(lost),
        lambda: queue.put_back(lost, 0),
        lambda: journal.intend(lost, "answer"),
        lambda: journal.once(lost, "file"),
    ):
        with pytest.raises(LeaseLost):
            late()
    with pytest.raises(LeaseLost), journal.sending(lost, "answer"):
        raise AssertionError("nothing may be sent")
    queue.end(taken)


def test_the_same_worker_that_comes_back_too_late_has_lost_it_too(queue: Queue) -> None:
    queue.put("diagnose", "k", {})
    [before] = queue.claim("me", 1, -1)
    [after] = queue.claim("me", 1, 30)
    with pytest.raises(LeaseLost):
        queue.end(before)
    queue.end(after)


def test_a_renewed_lease_holds(queue: Queue) -> None:
    queue.put("diagnose", "k", {})
    [job] = queue.claim("me", 1, 0.2)
    queue.renew("me", [job.id], 30)
    time.sleep(0.3)
    assert queue.claim("other", 1, 30) == []
    queue.end(job)


def test_what_is_handed_back_is_due_at_once_and_counts_as_no_attempt(queue: Queue) -> None:
    queue.put("diagnose", "k", {})
    queue.claim("me", 1, 30)
    assert queue.hand_back("me") == 1
    [job] = queue.claim("other", 1, 30)
    assert (job.attempt, job.takeovers) == (1, 0)


def test_the_queue_has_a_bound(database: Database) -> None:
    small = Queue(database, limit=2)
    small.put("diagnose", "a", {})
    small.put("diagnose", "b", {})
    with pytest.raises(QueueFull):
        small.put("diagnose", "c", {})
    [job] = small.claim("me", 1, 30)
    small.end(job)
    assert small.put("diagnose", "c", {})
    with pytest.raises(StoreError, match="too long"):
        small.put("diagnose", "d", {"text": "x" * 1_000_001})


def test_nothing_of_the_payload_remains_when_done(queue: Queue, database: Database) -> None:
    import sqlalchemy as sa

    queue.put("diagnose", "k", {"text": "a secret of somebody", "team": "T1", "user": "U1"})
    [job] = queue.claim("me", 1, 30)
    Journal(database).once(job, "file")
    queue.end(job)
    with database.read() as connection:
        row = connection.execute(sa.text('SELECT payload, team, "user", state FROM jobs')).one()
        steps = connection.scalar(sa.text("SELECT count(*) FROM steps"))
    assert tuple(row) == ("", "", "", "done")
    assert steps == 0


def test_forgetting_takes_waiting_requests_along_but_not_the_one_that_asks(store: Store, queue: Queue) -> None:
    queue.put("diagnose", "mine", {"team": "T1", "user": "U1"})
    queue.put("diagnose", "other", {"team": "T1", "user": "U2"})
    queue.put("forget", "ask", {"team": "T1", "user": "U1"})
    mine, other, ask = queue.claim("me", 3, 30)
    store.forget_user("T1", "U1", keep=ask.token)
    assert queue.gone(mine)
    assert not queue.gone(other)
    with pytest.raises(LeaseLost):
        queue.end(mine)
    queue.end(ask)
    queue.end(other)


def test_old_keys_are_swept(store: Store, queue: Queue, database: Database) -> None:
    import sqlalchemy as sa

    queue.put("diagnose", "k", {})
    [job] = queue.claim("me", 1, 30)
    queue.end(job)
    store.sweep(None)
    assert not queue.put("diagnose", "k", {})
    with database.write() as connection:
        connection.execute(sa.text("UPDATE jobs SET done_at = done_at - 200000"))
    store.sweep(None)
    assert queue.put("diagnose", "k", {})


def test_depth_tells_what_waits(queue: Queue) -> None:
    assert queue.depth() == Depth(ready=0, leased=0, oldest=0.0)
    for name in "abc":
        queue.put("diagnose", name, {})
    queue.claim("me", 1, 30)
    time.sleep(0.05)
    depth = queue.depth()
    assert (depth.ready, depth.leased) == (2, 1)
    assert 0.03 < depth.oldest < 10
