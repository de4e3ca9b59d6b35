"""How a run is spread over devices: the share of each kind of memory that one device keeps."""

from __future__ import annotations

from msgspec import Struct


class Layout(Struct, frozen=True):
    """Shares (0 to 1) of what a single device would hold; the default is one device that holds everything.

    Attributes:
        weights, gradients, optimizer: shares of the states kept on the device.
        activations: share of the activations kept on the device (sequence parallel, pipeline, offload).
        layers: share of the layers that run on this device (pipeline parallel).
        extra_gib: buffers that the spreading itself needs (gather buffers, DDP buckets), by component id.
        step: bytes of the temporaries in the optimizer's step, None = those of the optimizer over its share of the states.
        note: what was assumed about it, for a warning; empty when nothing was.
    """

    weights: float = 1.0
    gradients: float = 1.0
    optimizer: float = 1.0
    activations: float = 1.0
    layers: float = 1.0
    extra_gib: tuple[tuple[str, float, str], ...] = ()
    step: float | None = None
    note: str = ""

    @property
    def single(self) -> bool:
        return self == _SINGLE


_SINGLE = Layout()
