"""Changes written into the blocks of a text: where a setting stands it is changed, else it is added where it belongs.

Every change is read again in the words of the programs: what does not come back as it was meant is taken out, and listed in `rest`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from advisor.edits.blocks import blocks_of
from advisor.edits.draft import AUTO, Draft, add, construct_for
from advisor.edits.entry import Entry, Raw, Value
from advisor.edits.meaning import Reader, same
from advisor.edits.pairs import Pair, pairs_of
from advisor.facts import FactValue
from advisor.library import Library
from advisor.readers.runs.keys import known_key
from advisor.report import Change

_MAX_REPAIRS = 4
# Facts that no program has a setting for: they follow from others.
_DERIVED = frozenset({"parallelism", "attention", "effective_batch"})


class Wish(Struct, frozen=True):
    """A remedy to be written in.

    Attributes:
        remedy, title: its id, and its name for people.
        facts: the facts that it changes, with their new values.
        changes: gives its exact changes in the words of a framework, the best first.
    """

    remedy: str
    title: str
    facts: Mapping[str, FactValue]
    changes: Callable[[str], Sequence[Change]]


class Piece(Struct, frozen=True):
    """A changed block: the index of its first line, its lines before and after, and itself without prompt and quotation."""

    first: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    kind: str
    text: str = ""


class Rewritten(Struct, frozen=True):
    """What became of the wishes.

    Attributes:
        pieces: the changed blocks, in the order of the text.
        written: per remedy that was written in, its settings as they stand there now.
        rest: the remedies that could not be written in.
    """

    pieces: tuple[Piece, ...]
    written: Mapping[str, tuple[str, ...]]
    rest: tuple[str, ...]


class Editor:
    """The blocks of one text, found once; each `apply` begins with the text as it was pasted."""

    def __init__(
        self,
        lines: Sequence[str],
        frameworks: Sequence[str],
        library: Library,
        evidence: Mapping[str, int] | None = None,
    ) -> None:
        """
        Args:
            lines: of the text as it was pasted.
            frameworks: the programs of the text, the most specific first.
            evidence: for each fact the index of the line on which the text states it; a block with that line is the one to change.
        """
        self._lines = lines
        self._evidence = evidence or {}
        configs = {library.frameworks[name].config for name in frameworks if name in library.frameworks}
        toml = "toml" in configs or any(".toml" in line for line in lines[:200])
        found = blocks_of(lines, lambda key: known_key(key, library), is_toml=toml)
        self._blocks = [(block, Reader(block, frameworks, library)) for block in found]

    def apply(self, wishes: Sequence[Wish]) -> Rewritten:
        """The blocks with the wishes written in, one after the other."""
        drafts = [Draft(block, reader) for block, reader in self._blocks]
        written: dict[str, tuple[str, ...]] = {}
        rest: list[str] = []
        for wish in wishes:
            touched = _fulfilled(wish, drafts, self._evidence)
            if touched:
                written[wish.remedy] = touched
            else:
                rest.append(wish.remedy)
        pieces = []
        for draft in drafts:
            block = draft.block
            after = block.lines(draft.text)
            before = list(self._lines[block.first : block.last + 1])
            if after != before:
                pieces.append(Piece(block.first, tuple(before), tuple(after), block.kind, draft.text))
        return Rewritten(tuple(pieces), written, tuple(rest))


def _fulfilled(wish: Wish, drafts: list[Draft], evidence: Mapping[str, int]) -> tuple[str, ...]:
    """The settings as written, empty where no block took the wish; `drafts` is changed in place."""
    order = sorted(drafts, key=lambda draft: -_fitness(draft, wish, evidence))
    for draft in order:
        done = _in_one(draft, wish)
        if done is None:
            continue
        shown = _shown(done, draft)
        drafts[drafts.index(draft)] = done
        for other in list(drafts):
            if other is not done and other.block.kind != "command":
                _agree(other, wish)
        return shown
    return ()


def _fitness(draft: Draft, wish: Wish, evidence: Mapping[str, int]) -> float:
    score = 0.1 * min(10, sum(bool(draft.reader.says(entry)) for entry in draft.entries))
    score += 0.5 if draft.block.kind == "command" else 0.0
    for fact in wish.facts:
        stating = [entry for entry, _, _ in draft.stating(fact) if entry.value != AUTO]
        if stating:
            score += 10.0
            line = evidence.get(fact, -1)
            score += 50.0 if draft.block.first <= line <= draft.block.last else 0.0
    return score + draft.block.first * 1e-6


def _agree(draft: Draft, wish: Wish) -> None:
    """Another file that states the same facts must not contradict."""
    trial = draft.copy()
    for fact, value in wish.facts.items():
        for entry, said, direct in trial.stating(fact):
            new = trial.reader.spelled(fact, value, entry) if direct and not same(said, value) else None
            if new is not None and entry.value != AUTO:
                trial.set(entry, new)
                break
    after = trial.reader.facts(trial.entries)
    if all(fact not in after or same(after[fact], value) for fact, value in wish.facts.items()):
        draft.text, draft.touched = trial.text, trial.touched


def _in_one(draft: Draft, wish: Wish) -> Draft | None:
    """The block with the wish in it; None where it can't be written there."""
    tried = set()
    for framework in draft.reader.frameworks or ["pytorch"]:
        for change in wish.changes(framework):
            pairs = pairs_of(change)
            key = tuple((pair.key, str(pair.value)) for pair in pairs)
            if not pairs or key in tried or not all(pair.is_known for pair in pairs):
                continue
            tried.add(key)
            # A change may do more than is wished (offload parameters beside the optimizer): then without what says otherwise.
            milder = [pair for pair in pairs if not _contradicts(draft, pair, wish)]
            for choice in (pairs, milder) if 0 < len(milder) < len(pairs) else (pairs,):
                done = _attempt(draft, wish, choice, change)
                if done is not None:
                    return done
    return _attempt(draft, wish, (), None)


def _contradicts(draft: Draft, pair: Pair, wish: Wish) -> bool:
    said = draft.reader.pair_says(pair)
    return any(item.fact in wish.facts and not same(item.value, wish.facts[item.fact]) for item in said)


def _attempt(draft: Draft, wish: Wish, pairs: Sequence[Pair], change: Change | None) -> Draft | None:
    work = draft.copy()
    handled = _set_facts(work, wish, pairs)
    for pair in pairs:
        said = {item.fact: item.value for item in work.reader.pair_says(pair, construct_for(work, change))}
        if _spoils(work, said, wish):
            return None
        entry = work.find(pair)
        if entry is not None and (entry.value != AUTO or work.block.kind != "json"):
            if not _is(entry, pair) and not _is_own(work, entry, pair, wish, said):
                work.set(entry, _joined(entry, pair, work.text))
            continue
        if said and said.keys() <= handled:
            continue  # it stands there in another spelling
        if (
            said
            and said.keys() <= _CHOICES - wish.facts.keys()
            and not said.keys().isdisjoint(work.reader.facts(work.entries))
        ):
            continue  # another choice stands there in another spelling
        if entry is not None or change is None or not add(work, pair, change):
            return None
    _repair(work, wish)
    if work.text == draft.text or not _holds(work, wish, is_sourced=bool(pairs)):
        return None
    return work


# What a change recommends beside what it does: one's own choice is as good.
_CHOICES = frozenset({"lora_targets", "precision"})


def _is_own(work: Draft, entry: Entry, pair: Pair, wish: Wish, said: Mapping[str, FactValue]) -> bool:
    """Whether a setting that stands there is the person's choice, which the change only recommends: targets of adapters, their alpha."""
    if entry.is_bare or entry.value == AUTO:
        return False
    if said:
        return said.keys() <= _CHOICES - wish.facts.keys()
    return _is_number(pair.value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _spoils(work: Draft, said: Mapping[str, FactValue], wish: Wish) -> bool:
    """Whether a setting would change a size that the remedy has nothing to do with: no such change is written in."""
    sizes = {fact: value for fact, value in said.items() if fact not in wish.facts and _is_number(value)}
    if not sizes:
        return False
    stands = work.reader.facts(work.entries)
    return any(fact in stands and not same(stands[fact], value) for fact, value in sizes.items())


def _joined(entry: Entry, pair: Pair, text: str) -> Value:
    """The value of a pair; a variable that holds options keeps those that it has."""
    if pair.is_variable and str(pair.value).startswith("-") and entry.value.startswith("-"):
        both = f"{entry.value} {pair.value}"
        return Raw(both) if text.startswith("set ") else both  # cmd.exe takes all of the line without quotes
    return pair.value


def _is(entry: Entry, pair: Pair) -> bool:
    if pair.is_variable and str(pair.value).startswith("-"):
        return str(pair.value) in entry.value.split()
    if pair.is_switch:
        return entry.is_bare or entry.value.lower() in ("true", "1", "yes", "on")
    return entry.value.lower() == str(pair.value).strip("\"'").lower()


def _set_facts(work: Draft, wish: Wish, pairs: Sequence[Pair]) -> set[str]:
    """Changes the settings that state the facts of the wish by a key of their own; the facts that stand there now."""
    handled: set[str] = set()
    for fact, value in wish.facts.items():
        for entry, said, direct in work.stating(fact):
            if not direct or entry.value == AUTO:
                continue
            if not same(said, value):
                pair = next(
                    (item for item in pairs if entry.path == item.key or entry.path.endswith(f".{item.key}")), None
                )
                new = pair.value if pair is not None else work.reader.spelled(fact, value, entry)
                if new is None:
                    continue
                work.set(entry, new)
            handled.add(fact)
            break
    return handled


def _repair(work: Draft, wish: Wish) -> None:
    """Takes out what still says otherwise: `fp16: true` beside a new `bf16: true`, `load_in_8bit` beside four bits."""
    for _ in range(_MAX_REPAIRS):
        facts = work.reader.facts(work.entries)
        wrong = [fact for fact, value in wish.facts.items() if fact in facts and not same(facts[fact], value)]
        if not wrong or not any(_repaired(work, fact, wish.facts[fact]) for fact in wrong):
            break
    # Of two switches for one fact only one may be on, even where the reader takes the right one.
    for fact, value in wish.facts.items():
        for entry, said, direct in work.stating(fact):
            if not direct and not same(said, value) and entry.value.lower() in ("true", "1", "yes", "on", ""):
                work.set(entry, False)
                break


def _repaired(work: Draft, fact: str, value: FactValue) -> bool:
    for entry, said, direct in work.stating(fact):
        if same(said, value) or entry.value == AUTO or entry.path in work.added:
            continue
        if direct:
            new = work.reader.spelled(fact, value, entry)
            if new is None:
                continue
            work.set(entry, new)
        elif entry.value.lower() in ("true", "1", "yes", "on", ""):
            work.set(entry, False)
        else:
            continue
        return True
    return False


def _holds(work: Draft, wish: Wish, *, is_sourced: bool) -> bool:
    """Whether the block, read again, says what was wished; facts that have no setting are not looked for."""
    facts = work.reader.facts(work.entries)
    wanted = {fact: value for fact, value in wish.facts.items() if fact not in _DERIVED}
    stated = [fact for fact in wanted if fact in facts]
    if any(not same(facts[fact], wanted[fact]) for fact in stated):
        return False
    if not is_sourced:  # without the words of a program nothing may be missing
        return len(stated) == len(wanted) > 0
    return bool(stated) or bool(work.touched)


def _shown(done: Draft, before: Draft) -> tuple[str, ...]:
    """The settings that were touched, as they are written now."""
    fresh = done.touched[len(before.touched) :]
    entries = done.entries
    shown = []
    for path in dict.fromkeys(fresh):
        entry = next((item for item in reversed(entries) if item.path == path or item.path.endswith(f".{path}")), None)
        if entry is not None:
            outer = entry.path.split(".")[:-1] if done.block.kind not in ("command", "python") else []
            written = done.text[entry.start : entry.end]
            shown.append(f"{'.'.join(outer)}.{written}" if outer and done.block.kind == "yaml" else written)
    return tuple(shown) or ("",)
