"""Makes it so: one comment under the issue, true to the thread, whatever else happens at the same time.

A pass reads the thread, works out what should stand there and does the first thing that is missing; then it looks again. It ends when
a pass finds nothing to do. Two runs at once may both see no comment and both write one: each looks again, sees both, and deletes all
but the oldest. A comment just written that is not listed yet is waited for and counted in. A request whose fate is unknown is looked for
before it is sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal, Protocol

from msgspec import Struct
from msgspec.structs import replace

from advisor.facts import FactValue
from advisor.library import Library
from bots.github.answer import Answer, Thread, answer
from bots.github.comment import render_gone
from bots.github.config import PATH, Config, parse_config
from bots.github.errors import Busy, Missing, Refused, Uncertain
from bots.github.event import Comment, Event, Issue
from bots.github.marker import Marker, marker_of

log = logging.getLogger("advisor.github")

_MOST_PASSES = 10
_GONE = "gone"


class Api(Protocol):
    """What is needed of GitHub: `api.GitHub`."""

    def who_am_i(self) -> str: ...
    def issue(self, number: int) -> Issue: ...
    def comments(self, number: int) -> list[Comment]: ...
    def file(self, path: str) -> str | None: ...
    def create_comment(self, number: int, body: str) -> Comment: ...
    def update_comment(self, comment_id: int, body: str) -> None: ...
    def delete_comment(self, comment_id: int) -> None: ...
    def create_label(self, name: str, color: str, description: str) -> None: ...
    def add_labels(self, number: int, names: list[str]) -> None: ...
    def remove_label(self, number: int, name: str) -> None: ...
    def pause(self, seconds: float) -> None: ...


class Outcome(Struct, frozen=True):
    """What a run did: `result` is what became of the comment."""

    result: Literal["commented", "updated", "removed", "unchanged", "silent"]
    why: str = ""
    kind: str = ""
    comment_id: int = 0
    labels: tuple[str, ...] = ()
    body: str = ""


class _Pass(Struct, frozen=True):
    """What one pass saw and what it did: `did` is empty where nothing was left to do."""

    answer: Answer
    did: str = ""
    comment_id: int = 0
    body: str = ""


def settings(api: Api, path: str = PATH) -> Config:
    """The project's settings on its default branch; the defaults where it has none. Raises ConfigError."""
    return parse_config(api.file(path) or "", path)


class Triage:
    """One run for one event.

    Args:
        stated: facts that override what the thread's texts say.
        settle: seconds after which a change is looked for again; a change of another run becomes visible meanwhile.
    """

    def __init__(
        self, api: Api, event: Event, config: Config, library: Library, *, stated: Mapping[str, FactValue] | None = None,
        settle: float = 1.0,
    ) -> None:  # fmt: skip
        self._api = api
        self._event = event
        self._config = config
        self._library = library
        self._settle = settle
        self._stated = stated or {}
        self._number = event.issue.number
        self._force = event.again
        self._made: dict[int, Comment] = {}  # by us in this run, whether listed already or not
        self._deleted: set[int] = set()
        self._labels_done: set[str] = set()
        self._uncertain = False

    def run(self) -> Outcome:
        """Passes until nothing is left to do.

        Raises:
            GitHubError: GitHub refuses or can't be reached; what was done stays done, and another run goes on from there.
        """
        done: list[_Pass] = []
        clean = 0
        for _ in range(_MOST_PASSES):
            try:
                step = self._step()
            except Uncertain as error:
                log.warning("uncertain: %s", error.message)
                self._uncertain = True
                self._api.pause(self._settle)
                continue
            except Missing as error:
                log.warning("%s", error.message)
                return Outcome("silent", "the issue is gone")
            clean = 0 if step.did else clean + 1
            # What another run wrote at the same moment may be listed late: after writing, it takes two looks that find nothing to do.
            if clean >= (2 if self._made or self._uncertain else 1):
                return self._outcome(done, step)
            if step.did:
                done.append(step)
                self._force = False
            self._api.pause(self._settle)
        raise Busy("the thread did not come to rest", place=f"issue {self._number}", retry_after=30)

    def preview(self, *, offline: bool = False) -> Answer:
        """What should stand there, without changing anything; `offline` takes the thread from the event alone."""
        if offline:
            comments = (self._event.comment,) if self._event.comment is not None else ()
            return self._answer(self._event.issue, list(comments), None, force=True)
        issue, others, mine = self._read()
        return self._answer(issue, others, marker_of(mine[0].body) if mine else None, force=True)

    def _answer(self, issue: Issue, others: list[Comment], standing: Marker | None, *, force: bool) -> Answer:
        thread = Thread(issue, tuple(others))
        return answer(
            thread, self._event, self._config, self._library, standing=standing, stated=self._stated, force=force
        )  # fmt: skip

    def _read(self) -> tuple[Issue, list[Comment], list[Comment]]:
        """The issue, the others' comments, and ours that bear the marker, the oldest first."""
        issue = self._api.issue(self._number)
        login = self._api.who_am_i()
        listed = self._api.comments(self._number)
        known = {item.id for item in listed}
        listed += [item for item in self._made.values() if item.id not in known]
        mine = [item for item in listed if item.author == login and marker_of(item.body) is not None]
        ours = {item.id for item in mine} | self._deleted
        others = [item for item in listed if item.id not in ours]
        mine = [item for item in mine if item.id not in self._deleted]
        return issue, others, sorted(mine, key=lambda item: item.id)

    def _step(self) -> _Pass:
        issue, others, mine = self._read()
        for extra in mine[1:]:
            self._delete(extra.id)
        if len(mine) > 1:
            return _Pass(Answer("leave"), did="deduplicated")
        standing = marker_of(mine[0].body) if mine else None
        wanted = self._answer(issue, others, standing, force=self._force)
        if wanted.wish == "leave":
            return _Pass(wanted, comment_id=mine[0].id if mine else 0)
        if wanted.wish == "nothing":
            return self._take_away(wanted, issue, mine[0] if mine else None, standing)
        return self._put(wanted, issue, mine[0] if mine else None, standing)

    def _put(self, wanted: Answer, issue: Issue, mine: Comment | None, standing: Marker | None) -> _Pass:
        if not wanted.body:
            return _Pass(wanted, comment_id=mine.id if mine else 0)
        before = standing.labels if standing is not None else ()
        labels = self._label(wanted, issue, before)
        body = f"{replace(wanted.marker, labels=labels)}\n{wanted.body}"
        if mine is None:
            made = self._api.create_comment(self._number, body)
            self._made[made.id] = replace(made, body=body, author=made.author or self._api.who_am_i())
            return _Pass(wanted, "commented", made.id, body)
        if standing is not None and standing.labels == labels and _same(_unmarked(mine.body), _unmarked(body)):
            return _Pass(wanted, comment_id=mine.id)
        try:
            self._api.update_comment(mine.id, body)
        except Missing:
            self._gone(mine.id)
            return _Pass(wanted, "lost")
        self._keep(mine, body)
        return _Pass(wanted, "updated", mine.id, body)

    def _take_away(self, wanted: Answer, issue: Issue, mine: Comment | None, standing: Marker | None) -> _Pass:
        if mine is None or standing is None:
            return _Pass(wanted)
        if standing.hash == _GONE:
            return _Pass(wanted, comment_id=mine.id)
        for name in standing.labels:
            if name in issue.labels:
                self._quietly(lambda name=name: self._api.remove_label(self._number, name), f"label {name}")
        if self._config.when_gone == "delete":
            self._delete(mine.id)
            return _Pass(wanted, "removed", mine.id)
        body = f"{Marker(_GONE)}\n{render_gone(_lang(mine.body), ignored=wanted.ignored)}"
        try:
            self._api.update_comment(mine.id, body)
        except Missing:
            self._gone(mine.id)
        else:
            self._keep(mine, body)
        return _Pass(wanted, "removed", mine.id, body)

    def _label(self, wanted: Answer, issue: Issue, before: tuple[str, ...]) -> tuple[str, ...]:
        """Sets the labels and takes off those that we had set and that no longer hold; returns those that are ours now.

        A label that we set before and that is off now was taken off by somebody: it stays off.
        """
        names = [name for name, _, _ in wanted.labels]
        for name in before:
            if name not in names and name in issue.labels:
                self._quietly(lambda name=name: self._api.remove_label(self._number, name), f"label {name}")
        new = [item for item in wanted.labels if item[0] not in before and item[0] not in self._labels_done]
        absent = [item for item in new if item[0] not in issue.labels]
        ours = [name for name in names if name in before or name in self._labels_done]
        if absent:
            for name, color, description in absent:
                self._quietly(
                    lambda name=name, color=color, text=description: self._api.create_label(name, color, text),
                    f"label {name}",
                )
            adding = [name for name, _, _ in absent]
            if self._quietly(lambda: self._api.add_labels(self._number, adding), f"labels {', '.join(adding)}"):
                self._labels_done.update(adding)
                ours += adding
        return tuple(name for name in names if name in ours)

    def _quietly(self, change: object, what: str) -> bool:
        """A change of labels: the comment matters more, so a refusal is logged and the run goes on."""
        try:
            change()  # type: ignore[operator]
        except Refused as error:
            log.warning("%s: %s", what, error)
            return False
        return True

    def _delete(self, comment_id: int) -> None:
        self._api.delete_comment(comment_id)
        self._gone(comment_id)

    def _gone(self, comment_id: int) -> None:
        self._deleted.add(comment_id)
        self._made.pop(comment_id, None)

    def _keep(self, mine: Comment, body: str) -> None:
        if mine.id in self._made:
            self._made[mine.id] = replace(mine, body=body)

    def _outcome(self, done: list[_Pass], last: _Pass) -> Outcome:
        did = [step for step in done if step.did in ("commented", "updated", "removed")]
        kind = last.answer.kind
        if not did:
            result: Literal["commented", "unchanged", "silent"] = "silent"
            if last.comment_id:
                result = "commented" if self._uncertain else "unchanged"
            return Outcome(result, last.answer.why, kind, last.comment_id)
        step = did[-1]
        first: Literal["commented", "updated", "removed"] = "commented" if did[0].did == "commented" else step.did  # type: ignore[assignment]
        if last.answer.wish == "nothing":
            first = "removed"
        labels = tuple(name for name, _, _ in step.answer.labels)
        return Outcome(
            first, last.answer.why, kind or step.answer.kind, last.comment_id or step.comment_id, labels, step.body
        )


def _same(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def _unmarked(body: str) -> str:
    return body.replace("\r\n", "\n").partition("\n")[2]


def _lang(body: str) -> Literal["en", "zh"]:
    return "zh" if "本回复由规则生成" in body else "en"
