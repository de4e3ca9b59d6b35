r"""PyTorch's caching allocator: "... out of memory. Tried to allocate ..." in its wordings since 1.0, for CUDA, HIP, XPU and NPU devices.

The message is matched without white space, so it may be wrapped anywhere, and it may lack its head or its tail.

>>> log = '''torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.64 GiB of
... which 1.02 GiB is free. Including non-PyTorch memory, this process has 22.61 GiB memory in use. Of the allocated memory 21.50 GiB
... is allocated by PyTorch, and 612.35 MiB is reserved by PyTorch but unallocated.'''
>>> for item in read(Document.of(log)):
...     print(item.fact, round(item.value, 3) if isinstance(item.value, float) else item.value)
failure_kind vram_oom
runtime pytorch
tried_to_allocate_gib 1.16
gpu_index 0
gpu_capacity_gib 23.64
gpu_free_gib 1.02
process_in_use_gib 22.61
torch_allocated_gib 21.5
torch_reserved_unallocated_gib 0.598
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from msgspec.structs import replace

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.literals import Named
from advisor.units import parse_size

TRIGGERS = (
    "of memory",
    "of_memory",
    "npu oom",
    "npu_oom",
    "of mem",
    "of mom",
    "tried to",
    "allocate",
    "outofmemory",
    "total capac",
    "already alloc",
    "memoryerror",
    "尝试分配",
    "试图分配",
)

_RUNTIMES = {"hip": "rocm", "xpu": "xpu", "npu": "ascend", "opencl": "opencl"}
_SIZE = r"([0-9][0-9,]*(?:\.[0-9]*)?(?:bytes|[KMGTP]i?B))"
_SPAN = 1500  # characters of a message, without its blanks
_MAX_MESSAGES = 16
# A message that stands in a log is sure; the bare words may be somebody's talk.
_SURE, _SAID = 0.97, 0.93
_BARE_RANK, _TALK_RANK = 60, 89
_DENIED = 0.29  # below any other failure, above a question


@cache
def _patterns() -> dict[str, Any]:
    s = _SIZE
    sources = {
        # A whole message, or one that starts in its middle.
        "head": r"(?i)(?:triedtoallocate|尝试分配|试图分配|\(?(?:GPU|NPU|XPU)[0-9]{1,4};[0-9.,]+[KMGT]i?Btotalcap|GPU[0-9]{0,4}hasatotalcapac)",
        "device": r"(?i)(CUDA|HIP|XPU|NPU|MUSA|OpenCL)outofmemory\W{0,3}$",
        "said": r"(?i)(CUDA|HIP|XPU|NPU)[\s_]+out[\s_-]+of[\s_-]+(?:memory|memmory|memeory|memroy|memery|momery)\b|(npu)[ _-]oom\b|(CUDA)OutOfMemory",
        # Talk of a failure that isn't there, or isn't there any more.
        "denied": r"(?i)(?:\bno|\bnot|\bnever (?:got|get|had|saw)|\bwithout(?: any)?|\bavoid(?:s|ed|ing)?|\bprevent(?:s|ed|ing)?|"
        r"\b(?:fix|solv|resolv)(?:e|es|ed|ing)|\binstead of|\brather than)(?: (?:a|an|any|the|my|this|that|more))?\W{0,3}$",
        # The class in code that is prepared for it, or that lacks it.
        # A branch, a link: "12-fix-cuda-out-of-memory-in-eval".
        "code": r"[\w/]-$|\b(?:except|isinstance|raises|import)\b[^\n]{0,32}$|\b(?:catch|detect|handl)(?:e|es|ing)?(?: for| a| the)*\W{0,3}$|"
        r"attribute\W{0,3}$",
        "class": r"torch\.(?:cuda\.)?OutOfMemoryError|(?m)^\W{0,3}OutOfMemoryError\b(?:\s+Traceback)?",
        "npu": r"(?i)\(?NPU[0-9]{1,4}(?:;|has)",
        "request": rf"(?i)^(?:triedtoallocate|尝试分配|试图分配)\W{{0,4}}{s}",
        # What launchers put before the lines of each process.
        "rank": r"^\W{0,3}((?:rank|Rank |RANK |default|worker-)[0-9]+\]|[0-9]+,[0-9]+\]<std(?:out|err)>|\w{0,24} ?(?:rank=[0-9]+ ?)?pid=[0-9]+|[0-9]{1,3}: )",
        "old": rf"(?i)(?:GPU|NPU|XPU)([0-9]{{1,4}});(?:{s}total(?:capac|$))?",
        "old_device": rf"(?i)\(Device[^;]{{1,60}};{s}totalcapacity",
        # Translated by a browser.
        "zh": rf"GPU([0-9]{{1,4}})[^0-9]{{0,8}}总容量[^0-9]{{0,3}}{s}",
        "old_allocated": rf"(?i){s}alreadyallocated",
        "old_free": rf"(?i)(?:allocated|active);{s}free",
        "old_reserved": rf"(?i){s}reservedintotal",
        "old_cached": rf"(?i){s}cached",
        "new": rf"(?i)(?:GPU|NPU|XPU)([0-9]{{0,4}})hasatotalcapaci?tyof(?:{s})?",
        "new_free": rf"(?i)ofwhich{s}isfree",
        "mine": rf"(?i)thisprocesshas{s}memoryinuse",
        "others": rf"(?i)Process[0-9]+has{s}memoryinuse",
        "allocated": rf"(?i)Oftheallocatedmemory{s}isallocatedby",
        "pools": rf"(?i)with{s}allocatedinprivatepools",
        "unallocated": rf"(?i){s}isreservedbyPyTorchbutunallocated",
        "corrupt": r"(?i)^(?:triedtoallocate)\W{0,4}morethan1EB",
        "allowed": rf"(?i){s}allowed[;.]",
    }
    return Named(sources)


def read(doc: Document) -> Iterator[Observation]:
    """One group of observations for each message; a message without numbers yields only the kind and the runtime.

    Where the lines of several processes alternate, those of the process that fails first are read.
    """
    patterns = _patterns()
    heads = _heads(doc.squeezed.text, patterns["head"])
    alone = _lines_of_the_first(doc, heads[0]) if heads else None
    if alone is not None:
        doc, heads = alone, _heads(alone.squeezed.text, patterns["head"])
    squeezed = doc.squeezed.text
    for number, start in enumerate(heads):
        end = min(start + _SPAN, heads[number + 1] if number + 1 < len(heads) else len(squeezed))
        before = squeezed[max(0, start - 40) : start]
        device = patterns["device"].search(before)
        runtime = _RUNTIMES.get(device.group(1).lower(), "pytorch") if device is not None else "pytorch"
        message = _Message(doc, start, squeezed[start:end])
        if device is None and message.has("npu"):
            runtime = "ascend"
        if message.has("corrupt"):
            # A size that wrapped around asks for no memory: a bug, or weights and states that were read wrongly.
            yield message.seen("failure_kind", "other_error", 0, confidence=_SURE)
            yield message.seen("runtime", runtime, 0)
            continue
        numbers = list(message.numbers())
        if device is None and [item.fact for item in numbers] == ["tried_to_allocate_gib"]:
            # "It tried to allocate 20 GB": somebody's words for the message of another runtime, perhaps.
            yield message.seen("failure_kind", "vram_oom", 0, confidence=_SAID)
            yield replace(message.seen("runtime", runtime, 0), rank=_BARE_RANK)
            yield replace(numbers[0], rank=_TALK_RANK)
            continue
        yield message.seen("failure_kind", "vram_oom", 0, confidence=_SURE)
        yield message.seen("runtime", runtime, 0)
        yield from numbers
    if not heads:
        yield from _bare(doc)


def _lines_of_the_first(doc: Document, head: int) -> Document | None:
    """The lines of the process whose message starts at `head`; None where the lines of others don't stand between them."""
    number = doc.line_at(doc.squeezed.origin(head))
    index = next(index for index, line in enumerate(doc.lines) if line.number == number)
    rank = _patterns()["rank"]
    following = [rank.match(line.raw) for line in doc.lines[index : index + 3]]
    if following[0] is None or all(match is None or match.group(1) == following[0].group(1) for match in following):
        return None
    ranks = [rank.match(line.raw) for line in doc.lines]
    own = following[0].group(1)
    return Document(
        [line for line, match in zip(doc.lines, ranks, strict=True) if match is None or match.group(1) == own]
    )


def _bare(doc: Document) -> Iterator[Observation]:
    """The words alone, without numbers."""
    for name, confidence in (("class", _SURE), ("said", _SAID)):
        found = [match for match, _ in zip(_patterns()[name].finditer(doc.text), range(_MAX_MESSAGES), strict=False)]
        found = [match for match in found if not _before(doc.text, match.start(), "code")]
        if not found:
            continue
        meant = [match for match in found if not _before(doc.text, match.start(), "denied")]
        match = (meant or found)[0]
        confidence = confidence if meant else _DENIED
        device = next((group for group in match.groups() if group), "").lower() if name == "said" else ""
        line, quote = doc.line_at(match.start()), doc.quote(match.start())
        yield Observation("failure_kind", "vram_oom", line, quote, rank=90, confidence=confidence)
        yield Observation(
            "runtime", _RUNTIMES.get(device, "pytorch"), line, quote, rank=90 if name == "class" else _BARE_RANK
        )


def _before(text: str, place: int, name: str) -> bool:
    """Whether the words of a pattern stand right before a place."""
    return _patterns()[name].search(text[max(0, place - 40) : place]) is not None


def _heads(squeezed: str, pattern: Any) -> list[int]:
    """Where messages start. "you tried to allocate" is the CPU's allocator; MPS has a reader of its own."""
    heads: list[int] = []
    numbers_of = -1  # end of the stretch in which a head's own numbers are expected
    for match in pattern.finditer(squeezed):
        start = match.start()
        if squeezed[start : start + 5].lower() == "tried":
            before = squeezed[max(0, start - 160) : start].lower()
            if before.endswith(("you", "bytesexhausted(")) or "mpsbackend" in before or "maxallowed" in before:
                continue
            numbers_of = start + 140
        elif start <= numbers_of:
            numbers_of = -1
            continue
        heads.append(start)
        if len(heads) == _MAX_MESSAGES:
            break
    return heads


class _Message:
    """One message: its squeezed text, and how its offsets lead back to lines."""

    def __init__(self, doc: Document, start: int, text: str) -> None:
        self.doc, self.start, self.text = doc, start, text
        self.patterns = _patterns()

    def has(self, name: str) -> bool:
        return self.patterns[name].search(self.text) is not None

    def seen(self, fact: str, value: FactValue, offset: int, confidence: float = 1.0) -> Observation:
        place = self.doc.squeezed.origin(self.start + offset)
        line, quote = self.doc.line_at(place), self.doc.quote(place)
        return Observation(fact, value, line, quote, rank=90, confidence=confidence)

    def size(self, name: str, group: int = 1) -> tuple[float | None, int]:
        """The size that a pattern finds, and where; None where it is absent or a counter that wrapped around."""
        match = self.patterns[name].search(self.text)
        return (None, 0) if match is None else (parse_size(match.group(group)), match.start(group))

    def numbers(self) -> Iterator[Observation]:
        request, place = self.size("request")
        if request is not None:
            yield self.seen("tried_to_allocate_gib", request, place)
        old = self.patterns["old"].search(self.text)
        new = self.patterns["new"].search(self.text)
        if old is None and new is None:
            old_device, place = self.size("old_device")
            if old_device is not None:
                yield self.seen("gpu_capacity_gib", old_device, place)
        first = old or new or self.patterns["zh"].search(self.text)
        capacity = None
        if first is not None:
            capacity = parse_size(first.group(2)) if first.group(2) else None  # cut off before its unit
            if first.group(1):
                yield self.seen("gpu_index", int(first.group(1)), first.start(1))
            if capacity is not None:
                yield self.seen("gpu_capacity_gib", capacity, first.start(2))
        is_old = new is None
        free, place = self.size("old_free" if is_old else "new_free")
        if free is not None and (capacity is None or free <= capacity * 1.01):
            yield self.seen("gpu_free_gib", free, place)
        yield from (self._old() if is_old else self._new())
        yield from self._signals(request, capacity, free)

    def _old(self) -> Iterator[Observation]:
        for name, fact in (
            ("old_allocated", "torch_allocated_gib"),
            ("old_reserved", "torch_reserved_gib"),
            (
                "old_cached",
                "torch_reserved_unallocated_gib",
            ),  # 1.0 to 1.3: cached is what is reserved beyond the tensors
        ):
            value, place = self.size(name)
            if value is not None:
                yield self.seen(fact, value, place)

    def _new(self) -> Iterator[Observation]:
        mine, place = self.size("mine")
        others = [(parse_size(m.group(1)) or 0.0, m.start(1)) for m in self.patterns["others"].finditer(self.text)]
        allocated, allocated_at = self.size("allocated")
        unallocated, unallocated_at = self.size("unallocated")
        if mine is None and others:
            # In a container the pids are the host's, and this process may be one of those named: the one that holds what PyTorch says.
            held = (allocated or 0.0) + (unallocated or 0.0)
            mine, place = min(
                others, key=lambda item: (item[0] + 0.05 < held, abs(item[0] - held) if len(others) > 1 else 0)
            )
            others.remove((mine, place))
        if mine is not None:
            yield self.seen("process_in_use_gib", mine, place)
        strangers = sum(value for value, _ in others)
        if strangers > 0:
            yield self.seen("other_processes_gib", strangers, others[0][1])
        if strangers > 0.5:
            yield self.seen("signal", "other_process_on_gpu", others[0][1])
        if allocated is not None:
            yield self.seen("torch_allocated_gib", allocated, allocated_at)
        pools, place = self.size("pools")
        if pools is not None:
            yield self.seen("private_pools_gib", pools, place)
        if unallocated is not None:
            yield self.seen("torch_reserved_unallocated_gib", unallocated, unallocated_at)

    def _signals(self, request: float | None, capacity: float | None, free: float | None) -> Iterator[Observation]:
        """What the numbers show when they are compared: never the advice sentence, which is always printed."""
        allocated = self.size("allocated")[0] if self.has("new") else self.size("old_allocated")[0]
        reserved = self.size("old_reserved")[0]
        spare = self.size("unallocated")[0] if self.has("new") else self.size("old_cached")[0]
        if spare is None and reserved is not None and allocated is not None:
            spare = reserved - allocated
        allowed, place = self.size("allowed")
        if allowed is not None:
            yield self.seen("signal", "memory_fraction_cap", place)
        if request is None:
            return
        if spare is not None and spare >= request:
            yield self.seen("signal", "fragmentation_likely", 0)
        if capacity is not None and request > capacity:
            yield self.seen("signal", "request_exceeds_card", 0)
        if free is not None and free > 2 * request and free > request + 0.5 and allowed is None:
            yield self.seen("signal", "free_exceeds_request", 0)
        if capacity is not None and allocated is not None:
            if allocated > capacity:
                yield self.seen("signal", "spills_to_host", 0)
            held = allocated + max(0.0, spare or 0.0)
            if free is not None and held + 0.3 * capacity < capacity - free:
                yield self.seen("signal", "held_outside_pytorch", 0)
