"""Memory of convolutional networks and detectors: training and inference over images of any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2
from msgspec import Struct

from advisor.estimate import interval
from advisor.estimate.footprint import Footprint
from advisor.estimate.process import CONVOLUTION_WORKSPACE


class ConvNet(Struct, frozen=True):
    """A network by what its convolutions put out.

    Attributes:
        outputs: elements that the convolutions put out for one image of `side` x `side` pixels. kept: how many times that training keeps.
    """

    name: str
    params: float
    outputs: float
    side: int
    kept: float
    known: bool = True

    def elements(self, width: int, height: int) -> float:
        """Convolution outputs of an image: outputs * area / side**2."""
        return self.outputs * width * height / (self.side * self.side)


def conv_net(name: str, params_b: float, table: Mapping[str, Any]) -> ConvNet:
    """The network of that name (knowledge/convnets.yaml).

    One that isn't listed is taken for a ResNet of its size: outputs grow with the square root of the weights, as within the families.
    """
    plain = name.lower().replace("_", "-").replace(" ", "-")
    rows = table.get("networks", ())
    for row in rows:
        if re2.search(str(row["match"]), plain):
            params = 1e9 * (params_b or float(row["params_b"]))
            return ConvNet(name, params, 1e6 * float(row["macts"]), int(row["size"]), float(table["kept"][row["act"]]))
    params = 1e9 * (params_b or 0.0256)
    outputs = 11.11e6 * max(0.2, (params / 25.56e6) ** 0.5)
    return ConvNet(name, params, outputs, 224, float(table["kept"]["relu"]) if rows else 2.3, known=False)


def training(
    net: ConvNet,
    batch: int,
    width: int,
    height: int,
    element: float,
    state_bytes: float,
    weight_bytes: float = 4.0,
    autocast: bool = False,
) -> Footprint:
    """A training step: weights and states, and the larger of element * kept * outputs * batch, all there when the backward pass begins,
    and of the gradients with the temporaries of the optimizer's step (the root of all second moments at once), which come as those go.

    Args:
        element: bytes of an activation. state_bytes: optimizer bytes a weight. autocast: the graph keeps a cast of each weight.
    """
    made = Footprint(phase="backward", doubts=interval.causes("blocks" if net.known else "unknown_architecture"))
    made.add("weights", weight_bytes * net.params, "bytes * params", params=net.params)
    made.add("optimizer", state_bytes * net.params, "state bytes * params", bytes=state_bytes)
    made.add("input", 4.0 * 3 * width * height * batch, "4 bytes * 3 channels * pixels * batch")
    held = made.allocated
    casts = 2.0 * net.params if autocast else 0.0
    kept = casts + element * net.kept * net.elements(width, height) * batch
    step = (2.0 if state_bytes >= 2 * weight_bytes else 1.0) * weight_bytes * net.params
    if kept >= step:
        made.add("casts", casts, "2 bytes * params")
        made.add(
            "activations", kept - casts, "bytes * times kept * convolution outputs * batch", kept=net.kept, batch=batch
        )
    else:
        made.phase = "optimizer_step"
        made.add("gradients", step, "bytes * params")
    made.outside = CONVOLUTION_WORKSPACE
    made.phases = {"load": weight_bytes * net.params, "backward": held + kept, "optimizer_step": held + step}
    return made


def inference(net: ConvNet, batch: int, width: int, height: int, element: float) -> Footprint:
    """A forward pass without gradients: weights and a tenth of the outputs, the widest layers' inputs and outputs."""
    made = Footprint(phase="forward", doubts=interval.causes("sizes_of_layers"))
    made.add("weights", element * net.params, "bytes * params", params=net.params)
    made.add(
        "activations",
        0.25 * element * net.elements(width, height) * batch,
        "the widest layers' inputs and outputs",
        batch=batch,
    )
    made.outside = CONVOLUTION_WORKSPACE / 2
    made.phases = {"load": element * net.params, "forward": made.allocated}
    return made
