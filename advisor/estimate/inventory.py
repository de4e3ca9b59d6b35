"""What a recorded step keeps for the backward pass, layer by layer: how many tensors of which width and type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from advisor.estimate.architecture import Architecture
from advisor.estimate.parallel import axes_of
from advisor.estimate.recorded import prepared, supported
from advisor.estimate.recording import FORWARD
from advisor.estimate.routes import described, is_convolutional, is_diffusion, plan_of, run_of
from advisor.estimate.spec import RunSpec
from advisor.estimate.tape.autograd import Holder
from advisor.estimate.tape.tensor import RANK, Node, Storage, Tape, Tensor
from advisor.estimate.towers import seen, towers_of
from advisor.estimate.training import lengths, mode_of
from advisor.facts import FactValue
from advisor.library import Library

_UNITS: Mapping[str, str] = {
    "1": "", "B": "samples", "S": "positions", "BS": "tokens", "BSS": "pairs of tokens", "SS": "pairs of positions", "BT": "decoder tokens",
    "BTT": "pairs of decoder tokens", "BTS": "pairs across", "I": "images", "IN": "image positions", "INN": "pairs of image positions",
    "IM": "image tokens", "BW": "text tokens", "BB": "pairs of samples",
}  # fmt: skip
MIB = 2**20


class Kept(Struct, frozen=True):
    """Tensors that `layers` equal layers keep each.

    Attributes:
        scope: the part of the model. rows: how many rows the tensors have, `unit` what one row stands for.
        tensors: (how many, elements a row, bytes an element), the largest first.
    """

    scope: str
    layers: float
    rows: float
    unit: str
    tensors: tuple[tuple[int, float, float], ...]

    @property
    def per_row(self) -> float:
        """Bytes that one layer keeps of one row."""
        return sum(count * width * item for count, width, item in self.tensors)

    @property
    def total(self) -> float:
        return self.layers * self.rows * self.per_row

    def line(self) -> str:
        """`text: 32 layers * 8192 tokens * (4 * 14336 * 2 B + ...) = 12.3 GiB`."""
        sizes = " + ".join(f"{count} * {width:.6g} * {item:g} B" for count, width, item in self.tensors)
        layers = f"{self.layers:g} layers" if self.layers > 1 else ""
        rows = f"{self.rows:.10g} {self.unit}" if self.unit else ""
        size = self.total / 2**30
        whole = f"{size:.2f} GiB" if size >= 0.1 else f"{self.total / MIB:.1f} MiB"
        product = " * ".join(part for part in (layers, rows, f"({sizes})") if part)
        return f"{self.scope}: {product} = {whole}"


def kept(run: RunSpec, arch: Architecture) -> list[Kept]:
    """What the forward pass leaves for the backward pass, by part of the model and kind of row.

    The layers are recorded anew, and the graph is walked from the loss: what its nodes keep is what lives between the passes.
    `run`, `arch`: as `recorded.prepared` gives them.
    """
    tape = Tape(mode_of(run, arch))
    tape.mark("")
    loss = FORWARD[arch.family](tape, arch).loss
    groups: dict[tuple[str, float, str], dict[tuple[float, float], int]] = {}
    seen: set[int] = set()
    for node in _nodes(loss):
        for storage, item in _stored(node):
            if id(storage) in seen:
                continue
            seen.add(id(storage))
            name, _, index = node.scope.rpartition(".")
            repeats = tape.repeats.get(node.scope, 1.0)
            if name and index in ("0", "2") and f"{name}.1" in tape.repeats and tape.repeats[f"{name}.1"] > 1:
                continue  # the first and the last layer are like those between
            layers = repeats + 2 if repeats > 1 else 1.0
            ranked = storage.rows.startswith(RANK)
            sizes = groups.setdefault((name or node.scope or "model", layers, storage.rows.removeprefix(RANK)), {})
            key = storage.nbytes / item * (run.lora_rank if ranked else 1), float(item)
            sizes[key] = sizes.get(key, 0) + 1
    known = lengths(run, arch)
    made = [
        Kept(scope, layers, known.get(rows, 1.0), _UNITS.get(rows, rows), _ordered(sizes))
        for (scope, layers, rows), sizes in groups.items()
        if not rows.startswith("#")
    ]
    return sorted((row for row in made if row.total >= MIB), key=lambda row: -row.total)


def _ordered(sizes: Mapping[tuple[float, float], int]) -> tuple[tuple[int, float, float], ...]:
    rows = [(count, width, item) for (width, item), count in sizes.items()]
    return tuple(sorted(rows, key=lambda row: -row[0] * row[1] * row[2]))


def _nodes(loss: Tensor) -> Iterator[Node]:
    """The nodes of the graph behind the loss, each once."""
    todo, seen = [loss.fn], set[int]()
    while todo:
        node = todo.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        todo.extend(edge[0] for edge in node.edges if edge is not None and isinstance(edge[0], Node))


def _stored(node: Node) -> Iterator[tuple[Storage, int]]:
    """What a node keeps; of a checkpointed call its inputs."""
    for saved in node.saved:
        there = saved.frame.args if isinstance(saved, Holder) and saved.frame is not None else (saved,)
        for tensor in there:
            if isinstance(tensor, Tensor) and tensor.storage is not None:
                yield tensor.storage, tensor.item


def inventory(spec: Mapping[str, FactValue], library: Library) -> list[Kept]:
    """What the run of `spec` keeps between its passes; empty where no recorded model fits it.

    Raises:
        TooLittleKnown: as `estimate` does.
    """
    run = run_of(spec, library)
    model, config, params_b = described(run, library)
    kind = run.model_kind or (model.kind if model else "")
    if (
        run.task == "inference"
        or not config
        or is_diffusion(run, model, config)
        or is_convolutional(run, model, config)
    ):
        return []
    *_, length = towers_of(run, config, params_b, kind)
    quantised = "nf4" if run.four_bits else "int8" if run.eight_bits else run.quantization
    if not supported(run, config, quantised):
        return []
    axes = axes_of(run.parallelism, run.gpu_count, run.zero_stage, run.fsdp)
    return kept(*prepared(seen(run.changed(seq_len=length), config), config, axes, quantised, plan_of(run).sequences))
