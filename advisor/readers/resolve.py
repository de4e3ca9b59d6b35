"""From all that the readers saw to one value a fact: conflicts settled by a stated order, the losers kept as evidence.

The order:

1. The higher rank wins (100 an option, 90 the error message, 80 configuration printed by the program, 70 a command line,
   60 a configuration file, 55 code, 40 prose, 20 a name).
2. Of the same rank below 90 the last wins: people correct themselves further down.
3. Numbers of error messages (rank 90 and more) belong together. The observations of one reader form messages; a fact that
   repeats starts the next one. The first message of the text speaks, since later ones are other ranks, other attempts or an outer
   wrapper; a later message only adds what the first one lacks, and only where it contradicts it in nothing.
4. `runtime` and `phase` follow the failure: of the same rank, the word of the reader whose `failure_kind` won.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from advisor.errors import FactError
from advisor.facts import PSEUDO_FACTS, FactValue, Observation, check_fact
from advisor.readers import failure

MESSAGE_RANK = 90
_SETTING = 55  # in code, a file or a command
_FOLLOWS_FAILURE = frozenset({"runtime", "phase"})


class Resolution(Struct, frozen=True):
    """What a text says once its conflicts are settled.

    Attributes:
        facts: one value a fact.
        evidence: every observation that was considered, the winning ones first, both halves in the order of the lines.
        source: the observation behind each fact.
        signals: the named signals seen.
        tried: remedies that the text says are on already, or were tried without success.
        wishes: what the person rules out or insists on, in the order of the lines: ids of knowledge/wishes.yaml.
        largest: the facts whose largest value is asked for, in the order of the lines.
        failure: the failure's kind and the confidence in it; ("none", 0.0) where no reader saw one.
        failed: the observation that decided the failure's kind.
    """

    facts: dict[str, FactValue]
    evidence: list[Observation]
    source: dict[str, Observation] = {}
    signals: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()
    wishes: tuple[Observation, ...] = ()
    largest: tuple[str, ...] = ()
    failure: tuple[str, float] = ("none", 0.0)
    failed: Observation | None = None


def resolve(observations: Sequence[Observation]) -> Resolution:
    """One value a fact. Observations whose value can't be that fact's (a counter that wrapped around) are dropped.

    >>> seen = [Observation("batch_size", 4, 3, "--batch 4", rank=70), Observation("batch_size", 8, 9, "batch 8", rank=40)]
    >>> resolve(seen).facts
    {'batch_size': 4}
    """
    failed, confidence = failure.choose(observations)
    checked = list(_checked(observations))
    messages = [item for item in checked if item.rank >= MESSAGE_RANK and item.fact not in _FOLLOWS_FAILURE]
    source = _from_messages(messages)
    for item in checked:
        if item.rank >= MESSAGE_RANK and item.fact not in _FOLLOWS_FAILURE:
            continue
        rival = source.get(item.fact)
        if rival is None or _stronger(item, rival, failed):
            source[item.fact] = item
    _derive(source)
    _under_autocast(source, checked)
    _share(source, observations)
    signals = frozenset(str(item.value) for item in observations if item.fact == "signal")
    tried = frozenset(str(item.value) for item in observations if item.fact == "tried")
    winners = sorted(source.values(), key=lambda item: item.line)
    if failed is not None:
        winners.insert(0, failed)
    chosen = {id(item) for item in winners}
    losers = sorted((item for item in checked if id(item) not in chosen), key=lambda item: item.line)
    return Resolution(
        facts={item.fact: item.value for item in source.values()},
        evidence=[*winners, *losers],
        source=source,
        signals=signals,
        tried=tried,
        wishes=tuple(item for item in observations if item.fact == "wish"),
        largest=tuple(dict.fromkeys(str(item.value) for item in observations if item.fact == "largest")),
        failure=(str(failed.value), confidence) if failed is not None else ("none", 0.0),
        failed=failed,
    )


def _derive(source: dict[str, Observation]) -> None:
    """What follows from the facts: a server plans for sequences of its greatest length, a rank of adapters means LoRA,
    LoRA on a base of 4 bits is QLoRA."""
    rank, method, bits = source.get("lora_rank"), source.get("method"), source.get("quantization")
    four = bits is not None and bits.value in ("4bit", "nf4", "int4", "fp4")
    if method is None and rank is not None:
        source["method"] = replace(rank, fact="method", value="qlora" if four else "lora", origin="derived")
    elif (
        method is None
        and four
        and bits is not None
        and (task := source.get("task")) is not None
        and task.value == "train"
    ):
        source["method"] = replace(
            bits, fact="method", value="qlora", origin="derived"
        )  # 4 bits can't be trained themselves
    elif method is not None and method.value == "lora" and four:
        source["method"] = replace(method, value="qlora", origin="derived")
    longest = source.get("max_model_len")
    if longest is not None and "seq_len" not in source:
        source["seq_len"] = replace(longest, fact="seq_len", origin="derived")


def _under_autocast(source: dict[str, Observation], seen: Sequence[Observation]) -> None:
    """A flag for autocast keeps fp32 weights where all of them are trained on one device and no other type is stated: under adapters
    the base is loaded in the smaller type, and a sharding optimizer keeps the masters itself."""
    flag, precision = source.pop("autocast", None), source.get("precision")
    if flag is None or not (precision is None or precision.line == flag.line or precision.value == "fp32"):
        return
    flags = Counter(item.line for item in seen if item.fact == "autocast")
    types = Counter(
        item.line
        for item in seen
        if item.fact == "precision" and item.value in ("bf16", "fp16") and item.rank >= _SETTING
    )
    if any(count > flags[line] for line, count in types.items()):
        return  # beside the flag stands the type in which the weights are loaded
    values = {fact: source[fact].value for fact in ("method", "quantization", "zero_stage", "fsdp") if fact in source}
    whole = (
        values.get("method", "full") in ("full", "head")
        and values.get("quantization", "none") == "none"
        and not values.get("zero_stage", 0)
        and not values.get("fsdp", False)
    )
    kept = precision is not None and precision.value == "fp32"
    source["precision"] = replace(flag, fact="precision", value=f"amp-{flag.value}" if whole or kept else flag.value)


def _share(source: dict[str, Observation], observations: Sequence[Observation]) -> None:
    """One device's part of the batch of all devices, where nobody states it: total / (devices x accumulation)."""
    total = next((item for item in observations if item.fact == "total_batch"), None)
    devices, steps = source.get("gpu_count"), source.get("grad_accum")
    if total is None or devices is None or steps is None or "batch_size" in source:
        return
    if not (isinstance(total.value, int) and isinstance(devices.value, int) and isinstance(steps.value, int)):
        return
    share, rest = divmod(total.value, devices.value * steps.value)
    if share > 0 and rest == 0:
        source["batch_size"] = replace(total, fact="batch_size", value=share, origin="derived")


def _checked(observations: Iterable[Observation]) -> Iterable[Observation]:
    for item in observations:
        if item.fact in PSEUDO_FACTS:
            continue
        try:
            value = check_fact(item.fact, item.value)
        except FactError:
            continue
        if value == item.value and type(value) is type(item.value):
            yield item
        else:
            yield Observation(
                item.fact, value, item.line, item.quote, item.rank, item.confidence, item.origin, item.reader
            )


def _from_messages(items: Sequence[Observation]) -> dict[str, Observation]:
    """Rule 3: the first message speaks, later ones fill its gaps where they agree with it."""
    groups: list[dict[str, Observation]] = []
    current: dict[str, dict[str, Observation]] = {}  # by reader
    for item in items:
        group = current.get(item.reader)
        if group is None or item.fact in group:
            group = {}
            current[item.reader] = group
            groups.append(group)
        group[item.fact] = item
    groups.sort(key=_strength)
    settled: dict[str, Observation] = {}
    for group in groups:
        if all(_agree(item.value, settled[fact].value) for fact, item in group.items() if fact in settled):
            for fact, item in group.items():
                settled.setdefault(fact, item)
    return settled


def _strength(group: dict[str, Observation]) -> tuple[int, int]:
    return -max(item.rank for item in group.values()), min(item.line for item in group.values())


def _agree(one: FactValue, other: FactValue) -> bool:
    if isinstance(one, float | int) and isinstance(other, float | int):
        return abs(one - other) <= 0.01 * max(abs(one), abs(other), 0.01)
    return one == other


def _stronger(item: Observation, rival: Observation, failed: Observation | None) -> bool:
    """Whether `item`, seen later than `rival`, takes its place (rules 1, 2 and 4)."""
    if item.rank != rival.rank:
        return item.rank > rival.rank
    if item.fact in _FOLLOWS_FAILURE:
        of_failure = failed.reader if failed is not None else ""
        if (item.reader == of_failure) != (rival.reader == of_failure):
            return item.reader == of_failure
        if failed is not None and item.rank >= MESSAGE_RANK:
            return abs(item.line - failed.line) < abs(rival.line - failed.line)
    return item.rank < MESSAGE_RANK
