"""Several runs at once over a bad network, with edits between: whatever happens, one comment stands at the end, and it is the right one."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bots.github.errors import GitHubError
from bots.github.marker import marker_of
from tests.bots.github.conftest import OOM, World

COMMENTS = r"/issues/\d+/comments"
WAIT = {"Retry-After": "1"}
FAULTS: list[dict[str, Any]] = [
    {"drop": "before"},
    {"drop": "after"},
    {"answer": (502, {}, "")},
    {"answer": (500, {}, "{}"), "carried_out": True},
    {"answer": (429, WAIT, "{}")},
    {"answer": (403, WAIT, '{"message": "You have exceeded a secondary rate limit"}')},
    {"delay": 0.2},
    {"delay": 0.05},
]


@pytest.mark.parametrize("seed", range(6))
def test_one_comment_stands_at_the_end(world: World, seed: int) -> None:
    rng = random.Random(seed)
    number = world.open("OOM", OOM)
    for _ in range(12):
        verb = rng.choice(["GET", "GET", "POST", "POST", "PATCH"])
        path = COMMENTS if verb == "POST" else ""
        how = rng.choice(FAULTS)
        world.proxy.fail(verb, path, **how)
    for _ in range(3):
        world.proxy.fail("GET", COMMENTS, times=1, stale=1)

    def one(turn: int) -> None:
        if turn % 3 == 2:
            world.edit(number, body=OOM.replace("batch size 4", f"batch size {turn + 5}"))
        try:
            world.run(number, "edited" if turn else "opened")
        except GitHubError:
            return  # another run goes on from there

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(one, range(6)))
    world.proxy.faults.clear()
    world.run(number, "edited")
    [body] = world.ours(number)
    wanted = world.triage(world.event(number)).preview()
    standing = marker_of(body)
    assert standing is not None
    assert standing.hash == wanted.marker.hash
    assert world.run(number, "edited").result == "unchanged"
