r"""CUDA: drivers that are too old, builds without CUDA, cards that do not exist, are busy, or are not supported.

>>> log = '''RuntimeError: CUDA error: no kernel image is available for execution on the device'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'other_error'), ('phase', 'init'), ('signal', 'no_kernel_image'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "driver",
    "not compiled with cuda",
    "device ordinal",
    "kernel image",
    "invalid device function",
    "could not load library",
    "busy or unavailable",
    "returned 35",
    "fallen off the bus",
    "nvrm: xid",
    "libcuda",
    "nvidia gpu",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"driver version is insufficient|NVIDIA driver on your system is too old|no NVIDIA driver|Found no NVIDIA driver|returned 35\b", "other_error", 0.96, says=(("phase", "init"), ("signal", "driver_too_old"))),
        Form(r"Torch not compiled with CUDA enabled", "other_error", 0.96, "pytorch", says=(("phase", "init"), ("signal", "cpu_only_build"))),
        Form(r"invalid device ordinal", "other_error", 0.96, says=(("phase", "init"), ("signal", "invalid_device_ordinal"))),
        Form(r"no kernel image is available|invalid device function|is not compatible with the current PyTorch installation", "other_error", 0.96, says=(("phase", "init"), ("signal", "no_kernel_image"))),
        Form(r"fallen off the bus|NVRM: Xid", "other_error", 0.9, says=(("signal", "device_lost"),)),
        Form(r"Could not load library libcu\w+", "other_error", 0.8, says=(("signal", "install_mismatch"),)),
        Form(r"CUDA-capable device\(s\) is/are busy or unavailable|devices are busy or unavailable", "other_error", 0.93, says=(("phase", "init"), ("signal", "device_busy"))),
        Form(r"no CUDA-capable device is detected|No CUDA GPUs are available|CUDA unknown error", "other_error", 0.95, says=(("phase", "init"),)),
        Form(r"(?:RuntimeError|AcceleratorError|AssertionError)\W{1,3}(?:CUDA error|CUDA driver|The NVIDIA driver|Torch not|Found no|No CUDA GPUs)|torch[/\\]cuda[/\\]__init__\.py", runtime="pytorch"),
        Form(r"CUDA error at [^\n]{0,200}code=[0-9]+\(|cudaGetDeviceProperties returned", hints=(("runtime", "cuda"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its right name."""
    yield from seen(doc, _forms())
