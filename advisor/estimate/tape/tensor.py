"""Tensors with a size and a lifetime but no values, and the tape that writes down when each is born and freed.

A tensor's element count is `width` times a monomial of the run's lengths (`rows`, such as "BS" = batch * sequence), so one recording
serves every batch and length. Lifetimes are those of the Python objects: the layer code of `advisor.estimate.models` mirrors the
published modelling code statement by statement, and CPython's reference counts free a tensor where they would free PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct, field

ONE = "1"
RANK = "R"
"""Before a monomial: times the rank of the adapters, which is left open like the lengths."""

Event = tuple[str, float, str]
"""(monomial, bytes per unit of it, category); negative bytes when freed. A mark is (MARK, index into `Tape.marks`, "")."""
MARK = "|"


class Storage:
    """Memory of one allocation; views share it."""

    __slots__ = ("born", "category", "nbytes", "rows", "tape", "times")

    def __init__(self, tape: Tape, rows: str, nbytes: float, category: str) -> None:
        self.tape, self.rows, self.nbytes, self.category, self.times = tape, rows, nbytes, category, tape.times
        self.born = len(tape.marks)
        tape.events.append((rows, nbytes, category))

    def __del__(self) -> None:
        tape = self.tape
        tape.events.append((self.rows, -self.nbytes * self.share(), self.category))

    def share(self) -> float:
        """How many of the copies that a repeated layer stands for go now, for each repeat of the present layer.

        What one layer hands to the next is one tensor at a time. What outlives its neighbour was kept by all the layers and goes at once.
        """
        tape = self.tape
        return 1.0 if len(tape.marks) - self.born <= 1 else self.times / tape.times

    def become(self, category: str) -> None:
        """Count the bytes under another category from now on (a result that turns out to be a parameter's gradient)."""
        if category != self.category:
            share = self.nbytes * self.share()
            self.tape.events.append((self.rows, -share, self.category))
            self.tape.events.append((self.rows, share, category))
            self.category = category


class Param(Struct, eq=False):
    """A parameter. `shape` is (rows, columns); `item` bytes per element; `packed` bytes in all where it is quantised.

    `low_rank`: half of an adapter; its side of length 1 stands for the rank.
    """

    name: str
    scope: str
    shape: tuple[float, float]
    item: int
    trainable: bool
    times: float = 1.0
    packed: float = 0.0
    low_rank: bool = False
    grad: Tensor | None = None

    @property
    def numel(self) -> float:
        return self.shape[0] * self.shape[1]


class Tensor:
    """A view of a storage; `item` is bytes per element, `fn` the node that made it (None for a leaf)."""

    __slots__ = ("fn", "index", "item", "needs", "param", "rows", "storage", "width")

    def __init__(
        self,
        storage: Storage | None,
        rows: str,
        width: float,
        item: int,
        fn: Node | None = None,
        index: int = 0,
        param: Param | None = None,
    ) -> None:
        self.storage, self.rows, self.width, self.item = storage, rows, width, item
        self.fn, self.index, self.param = fn, index, param
        self.needs = fn is not None or (param is not None and param.trainable)

    @property
    def nbytes(self) -> float:
        return self.width * self.item

    @property
    def shape(self) -> tuple[str, float, int]:
        return self.rows, self.width, self.item


Backward = Callable[["Tape", "Node", Sequence[Tensor | None], list[Tensor]], Sequence[Tensor | None]]


class Node:
    """A step of the autograd graph: what it keeps for the backward pass and where its gradients go."""

    __slots__ = ("backward", "edges", "info", "outputs", "saved", "scope", "seq", "wants")

    def __init__(
        self,
        tape: Tape,
        inputs: Sequence[Tensor],
        saved: Sequence[Tensor],
        backward: Backward,
        info: Any = None,
        outputs: int = 1,
    ) -> None:
        tape.seq += 1
        self.seq, self.scope, self.backward, self.info, self.outputs = tape.seq, tape.scope, backward, info, outputs
        self.wants = [x.needs for x in inputs]
        self.edges: list[tuple[Node | Param, int] | None] = [
            (x.fn, x.index) if x.fn is not None else (x.param, 0) if x.needs and x.param is not None else None
            for x in inputs
        ]
        self.saved: list[object] = tape.pack(saved)


class Mode(Struct, frozen=True):
    """What decides the course of a step apart from its lengths.

    Attributes:
        item: bytes of an unquantised weight. autocast: bytes of autocast's dtype, 0 without.
        frozen: parts of parameter names that are not trained. `base_frozen`: nothing but adapters is.
        lora: the adapters, None without.
        checkpoint: "", "reentrant" or "plain".
        attention: eager, or anything else for the fused kernels.
        mask: "", "ones" or "padded".
        accumulated: gradients of earlier micro-batches are there when the backward pass starts.
        keep_outputs: the caller holds the outputs of the last step (a plain loop), so the logits stay.
        upcast_outputs: outputs are copied to fp32 (accelerate under autocast).
        fused_ce: the loss works on slices of the logits.
        quantised: nf4, int8 or "" for the base weights. window: sequences reach the sliding window.
    """

    item: int = 2
    autocast: int = 0
    frozen: tuple[str, ...] = ()
    base_frozen: bool = False
    lora: object = None
    checkpoint: str = ""
    attention: str = "sdpa"
    mask: str = ""
    accumulated: bool = False
    keep_outputs: bool = False
    upcast_outputs: bool = False
    fused_ce: bool = False
    quantised: str = ""
    window: bool = False


class Tape(Struct, eq=False):
    """The recording of one training step."""

    mode: Mode
    events: list[Event] = field(default_factory=list)
    marks: list[tuple[str, str, float]] = field(default_factory=list)
    params: dict[tuple[str, str], Param] = field(default_factory=dict)
    seq: int = 0
    scope: str = ""
    phase: str = "forward"
    grad: bool = True
    category: str = "activations"
    repeats: dict[str, float] = field(default_factory=dict)
    hook: Callable[[Sequence[Tensor]], list[object]] | None = None
    casts: dict[Param, Tensor] = field(default_factory=dict)
    autocast_on: bool = True
    times: float = 1.0

    def new(self, rows: str, width: float, item: int, category: str = "") -> Tensor:
        return Tensor(Storage(self, rows, width * item, category or self.category), rows, width, item)

    def like(self, shape: tuple[str, float, int]) -> Tensor:
        rows, width, item = shape
        return Tensor(Storage(self, rows, width * item, self.category), rows, width, item)

    def pack(self, saved: Sequence[Tensor]) -> list[object]:
        return self.hook(saved) if self.hook is not None and saved else list(saved)

    def mark(self, scope: str) -> None:
        """Events from here on belong to `scope` of the current phase."""
        self.scope = scope
        self.times = self.repeats.get(scope, 1.0)
        if scope == "head":
            self.category = "logits"
        else:
            self.category = "activations" if self.phase == "forward" else "workspace"
        self.events.append((MARK, float(len(self.marks)), ""))
        self.marks.append((self.phase, scope, self.times))

    @property
    def amp(self) -> int:
        """Bytes of autocast's dtype where autocast is on, else 0."""
        return self.mode.autocast if self.autocast_on else 0

    def param(
        self,
        name: str,
        rows: float,
        columns: float = 1.0,
        *,
        item: int = 0,
        trainable: bool | None = None,
        low_rank: bool = False,
    ) -> Tensor:
        """The parameter `name` of the current scope, registered at its first use."""
        key = (self.scope, name)
        known = self.params.get(key)
        if known is None:
            full = f"{self.scope}.{name}"
            free = trainable if trainable is not None else not self.mode.base_frozen
            if free and any(part in full for part in self.mode.frozen):
                free = False
            times = self.repeats.get(self.scope, 1.0)
            known = Param(name, self.scope, (rows, columns), item or self.mode.item, free, times, low_rank=low_rank)
            self.params[key] = known
        return Tensor(None, RANK + ONE if low_rank else ONE, known.numel, known.item, param=known)

    def layers(self, name: str, count: int) -> Iterator[int]:
        """Run the loop over `count` equal layers with three: the first, one that stands for all between, and the last.

        Each is recorded under a scope `name.index`; the middle one carries `count - 2` repeats.
        """
        outer = self.scope
        shown = min(count, 3)
        for index in range(shown):
            scope = f"{name}.{index}"
            self.repeats[scope] = float(count - 2) if count > 3 and index == 1 else 1.0
            self.mark(scope)
            yield index
        self.mark(outer)
