"""Mutated messages through every reader: no exception, valid lines, and no time that grows faster than the text.

    python benchmarks/fuzz_readers.py --count 1000000 --seed 7

The seeds are the inputs that the readers' own docstrings show, so a new format is fuzzed as soon as it is documented.
"""

from __future__ import annotations

import argparse
import doctest
import importlib
import random
import sys
import time
from collections.abc import Callable, Iterator

from advisor.facts import Observation
from advisor.library import load_library
from advisor.readers import Reader, readers
from advisor.readers.document import Document
from advisor.readers.resolve import resolve

SCRAPS = (
    "\n", "\r\n", " ", "\t", "\x1b[31m", "│", "0", "9" * 30, "1,234", "1900,00 MiB", "GiB", "-1", "17179869184.00 GiB", "(", ")", "[", "]",
    "'", '"', "`", "**", "\\n", "\\", "…", "\u200b", "\ud800", "İ", "ﬀ", "显存不足", "爆显存", "out of memory", "Killed", "%|",
    "Traceback (most recent call last)", '  File "a.py", line 1, in forward', "GPU 0", "--batch_size 4", "key: value", "{", "}",
    "x" * 2000, "\x00",
)  # fmt: skip
MAX_TEXT = 4000
# A text this many times longer may take so many times longer: linear, with room for the noise of a busy machine.
GROWTH, ALLOWED = 16, 60.0
# Below this a measured time is noise.
MIN_SECONDS = 0.02


def seeds() -> list[str]:
    """Every text that a reader's docstring holds."""
    texts = []
    for reader in readers():
        module = importlib.import_module(f"advisor.readers.{reader.name}")
        for example in doctest.DocTestParser().get_examples(module.__doc__ or ""):
            texts.append(example.source.replace("'''", "\n"))
    return texts


def mutate(text: str, others: list[str], chance: random.Random) -> str:
    """The text with up to eight pieces cut, doubled, swapped, broken or replaced."""
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(text))
        to = min(len(text), at + chance.randint(0, 40))
        what = chance.randint(0, 7)
        if what == 0:
            text = text[:at] + text[to:]
        elif what == 1:
            text = text[:to] + text[at:to] * chance.randint(1, 3) + text[to:]
        elif what == 2:
            text = text[:at] + chance.choice(SCRAPS) + text[at:]
        elif what == 3:
            text = text[:at] + chance.choice(others) + text[to:]
        elif what == 4:
            text = text[:at] if chance.random() < 0.5 else text[at:]
        elif what == 5:
            text = text[:at] + chr(chance.choice((chance.randint(1, 127), chance.randint(128, 0x2FFF)))) + text[to:]
        elif what == 6:
            text = text[:at] + text[at:to].swapcase() + text[to:]
        else:
            text = "\n".join(text[i : i + 60] for i in range(0, len(text), 60))
        text = text[:MAX_TEXT]
    return text


def faults(doc: Document, run: list[tuple[Reader, Callable[[Document], Iterator[Observation]]]]) -> Iterator[str]:
    """What is wrong with the readers' answers about one document."""
    numbers = {line.number for line in doc.lines}
    everything = []
    for reader, read in run:
        if reader.triggers and not any(trigger in doc.lower for trigger in reader.triggers):
            continue
        for item in read(doc):
            everything.append(item)
            if item.line not in numbers:
                yield f"{reader.name}: line {item.line} is not in the text"
    resolve(everything)


def growth(seed: str, run: list[tuple[Reader, Callable[[Document], Iterator[Observation]]]]) -> Iterator[str]:
    """Readers whose time grows faster than the text."""
    # Two lengths, so that start-up costs cancel; each the best of two.
    short, long = Document.of(seed * 40), Document.of(seed * 40 * GROWTH)
    for doc in (short, long):
        _ = doc.lower, doc.squeezed
    for reader, read in run:
        times = []
        for doc in (short, long):
            best = min(_timed(read, doc) for _ in range(2))
            times.append(max(best, MIN_SECONDS))
        if times[1] / times[0] > ALLOWED:
            yield f"{reader.name}: {times[0]:.3f} s, {GROWTH} times the text {times[1]:.3f} s"


def _timed(read: Callable[[Document], Iterator[Observation]], doc: Document) -> float:
    start = time.perf_counter()
    for _ in read(doc):
        pass
    return time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20_000, help="texts to try")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", default="", help="only those whose name contains this")
    parser.add_argument("--no-growth", action="store_true", help="leave out the measurement of time")
    options = parser.parse_args()
    library = load_library()
    run: list[tuple[Reader, Callable[[Document], Iterator[Observation]]]] = [
        (reader, (lambda doc, read=reader.read: read(doc, library)) if reader.needs_library else reader.read)
        for reader in readers()
        if options.readers in reader.name
    ]
    texts = seeds()
    chance = random.Random(options.seed)
    found = 0
    start = time.perf_counter()
    for number in range(options.count):
        text = mutate(chance.choice(texts), texts, chance)
        try:
            for fault in faults(Document.of(text), run):
                found += 1
                print(f"{fault}\n  {text!r}")
        except Exception as error:
            found += 1
            print(f"{type(error).__name__}: {error}\n  {text!r}")
        if found >= 20:
            break
        if number and number % 50_000 == 0:
            print(
                f"{number} texts, {number / (time.perf_counter() - start):.0f} a second, {found} faults",
                file=sys.stderr,
            )
    if not options.no_growth:
        for seed in [
            *chance.sample(texts, min(12, len(texts))),
            "a ",
            "Killed ",
            "1" * 50,
            "\n",
            "(((",
            "GPU 0; 1.00 GiB total capacity; ",
        ]:
            for fault in growth(seed, run):
                found += 1
                print(fault)
    print(f"{options.count} texts through {len(run)} readers in {time.perf_counter() - start:.0f} s: {found} faults")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
