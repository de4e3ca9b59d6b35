"""The pool of an app: tokens, limits and outages, one job an issue at a time, what is given up and taken up again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from advisor.diagnosis import default_library
from advisor.errors import InputError
from bots.github.app.installations import Installations
from bots.github.app.store import Job, Store
from bots.github.app.workers import MOST_ATTEMPTS, Workers
from bots.github.calls import Patience
from bots.github.errors import Busy, GitHubError
from tests.bots.github.conftest import OOM, World, private_key

LOGIN = "vram-advisor[bot]"
HASTY = Patience(attempts=2, first_wait=0.01, longest_wait=0.5, budget=2.0, timeout=5)


def job(issue: int, action: str = "opened", delivery: str = "d-1", repository: str = "lab/trainer", **more: Any) -> Job:
    return Job(0, delivery, 100, repository, issue, action, **more)


class Clock:
    """A time that the tests move on."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = Store(tmp_path / "db", clock=clock)
    yield store
    store.close()


@pytest.fixture
def app(world: World) -> Installations:
    return Installations("4711", world.emulator.key, api_url=world.proxy.url, patience=HASTY)


def worked(store: Store, app: Any, jobs: int = 1) -> None:
    """Takes that many jobs, one after the other, as a worker does."""
    workers = Workers(store, app, default_library(), settle=0.02)
    for _ in range(jobs):
        taken = store.take()
        assert taken is not None
        workers._do(taken)


def test_who_the_app_is_and_one_token_for_many_requests(world: World, app: Installations) -> None:
    assert app.login() == LOGIN
    for _ in range(3):
        assert app.client(100, world.repository).who_am_i() == LOGIN
    assert world.proxy.count("POST", "access_tokens") == 1
    app.renew(100)
    app.client(100, world.repository)
    assert world.proxy.count("POST", "access_tokens") == 2


def test_a_token_is_renewed_before_it_expires(world: World) -> None:
    clock = Clock()
    app = Installations("4711", world.emulator.key, api_url=world.proxy.url, patience=HASTY, clock=clock)
    app.client(100, world.repository)
    clock.now += 3_000
    app.client(100, world.repository)
    assert world.proxy.count("POST", "access_tokens") == 1
    clock.now += 400
    app.client(100, world.repository)
    assert world.proxy.count("POST", "access_tokens") == 2


def test_a_wrong_key_is_said(world: World) -> None:
    with pytest.raises(GitHubError, match="JSON web token") as caught:
        Installations("4711", private_key(), api_url=world.proxy.url, patience=HASTY).login()
    assert "ADVISOR_GITHUB_APP_ID" in caught.value.hint
    with pytest.raises(InputError, match="no RSA key in PEM"):
        Installations("4711", "no key", api_url=world.proxy.url, patience=HASTY).login()


def test_outages_and_limits_put_a_job_back_until_it_is_done(
    world: World, store: Store, app: Installations, clock: Clock
) -> None:
    number = world.open("OOM", OOM)
    store.receive("d-1", b"1", job(number))
    world.proxy.fail("POST", "access_tokens", times=2, answer=(503, {}, ""))
    worked(store, app)
    assert store.counts() == {"waiting": 1, "running": 0, "failed": 0}
    assert store.take() is None
    clock.now += 5
    world.proxy.fail("GET", "comments", answer=(429, {"Retry-After": "30"}, "{}"))
    worked(store, app)
    clock.now += 20
    assert store.take() is None
    clock.now += 60
    worked(store, app)
    assert store.counts() == {"waiting": 0, "running": 0, "failed": 0}
    assert len(world.ours(number, LOGIN)) == 1


def test_a_token_that_was_taken_back_is_replaced(world: World, store: Store, app: Installations, clock: Clock) -> None:
    number = world.open("OOM", OOM)
    store.receive("d-1", b"1", job(number))
    world.proxy.fail("GET", r"/issues/\d+$", answer=(401, {}, '{"message": "Bad credentials"}'))
    worked(store, app)
    clock.now += 5
    worked(store, app)
    assert len(world.ours(number, LOGIN)) == 1
    assert world.proxy.count("POST", "access_tokens") == 2


def test_what_fails_for_good_is_taken_up_again_by_a_redelivery(
    world: World, store: Store, app: Installations, clock: Clock
) -> None:
    number = world.open("OOM", OOM)
    store.receive("d-1", b"1", job(number))
    world.proxy.fail("GET", r"/issues/\d+$", times=1000, answer=(503, {}, ""))
    for _ in range(MOST_ATTEMPTS):
        clock.now += 10_000
        worked(store, app)
    assert store.counts() == {"waiting": 0, "running": 0, "failed": 1}
    world.proxy.faults.clear()
    assert store.receive("d-1", b"1", job(number)) == "queued"
    worked(store, app)
    assert len(world.ours(number, LOGIN)) == 1


def test_a_refusal_is_given_up_at_once(world: World, store: Store, app: Installations) -> None:
    number = world.open("OOM", OOM)
    store.receive("d-1", b"1", job(number))
    refusal = (403, {}, '{"message": "Resource not accessible by integration"}')
    world.proxy.fail("GET", r"/issues/\d+$", answer=refusal)
    worked(store, app)
    assert store.counts()["failed"] == 1


def test_faulty_settings_end_the_job_and_nothing_is_written(world: World, store: Store, app: Installations) -> None:
    number = world.open("OOM", OOM)
    store.receive("d-1", b"1", job(number))
    answer = json.dumps({"encoding": "base64", "content": "ZW5hYmxlZDogbWF5YmU="})
    world.proxy.fail("GET", "/contents/", answer=(200, {}, answer))
    worked(store, app)
    assert store.counts()["failed"] == 1
    assert world.ours(number, LOGIN) == []


def test_jobs_of_one_issue_are_done_as_one_and_never_at_once(store: Store, clock: Clock) -> None:
    store.receive("d-1", b"1", job(1, "edited"))
    store.receive("d-2", b"2", job(1, "opened"))
    store.receive("d-3", b"3", job(1, "created", again=True, commanded=True))
    store.receive("d-4", b"4", job(2))
    first = store.take()
    assert first is not None
    assert (first.issue, first.action, first.again, first.commanded, len(first.merged)) == (1, "opened", True, True, 2)
    store.receive("d-5", b"5", job(1, "edited"))
    second = store.take()
    assert second is not None
    assert second.issue == 2
    assert store.take() is None
    store.done(first)
    third = store.take()
    assert third is not None
    assert third.delivery == "d-5"


def test_every_job_is_taken_by_one_of_many_threads(tmp_path: Path) -> None:
    store = Store(tmp_path / "db")
    for number in range(60):
        store.receive(f"d-{number}", str(number).encode(), job(number + 1))
    taken: list[int] = []

    def work() -> None:
        while (item := store.take()) is not None:
            taken.append(item.issue)
            store.done(item)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    store.close()
    assert sorted(taken) == list(range(1, 61))


def test_stopping_lets_a_running_job_end_and_leaves_the_others(world: World, store: Store, app: Installations) -> None:
    one, two = world.open("OOM", OOM), world.open("OOM too", OOM)
    workers = Workers(store, app, default_library(), size=1, settle=0.02, poll=0.05)
    reached = threading.Event()
    world.proxy.fail("GET", r"/issues/\d+$", gate=reached.set, delay=0.3)
    store.receive("d-1", b"1", job(one))
    store.receive("d-2", b"2", job(two, delivery="d-2"))
    workers.start()
    assert reached.wait(20)
    assert workers.alive
    assert workers.stop(30)
    assert not workers.alive
    assert len(world.ours(one, LOGIN)) == 1
    assert world.ours(two, LOGIN) == []
    assert store.counts() == {"waiting": 1, "running": 0, "failed": 0}


def test_an_unforeseen_error_is_tried_again_and_its_text_kept_out_of_the_logs(
    store: Store, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def client(self, installation: int, repository: str) -> Any:
            raise RuntimeError("somebody's text")

        def renew(self, installation: int) -> None:
            raise AssertionError

    store.receive("d-1", b"1", job(1))
    for _ in range(3):
        worked(store, Broken())
        clock.now += 100
    assert store.counts()["failed"] == 1
    assert "somebody" not in caplog.text + str([record.__dict__ for record in caplog.records])


def test_a_limit_is_never_waited_for_by_a_worker(world: World, app: Installations) -> None:
    client = app.client(100, world.repository)
    world.proxy.fail("GET", r"/issues/1$", answer=(429, {"Retry-After": "60"}, "{}"))
    started = time.monotonic()
    with pytest.raises(Busy):
        client.issue(1)
    assert time.monotonic() - started < 10
