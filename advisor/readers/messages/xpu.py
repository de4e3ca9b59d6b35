r"""Intel GPUs (torch.xpu, IPEX, SYCL): codes of Level Zero and of the unified runtime.

>>> log = '''RuntimeError: UR backend failed. UR backend returns:40 (UR_RESULT_ERROR_OUT_OF_RESOURCES)'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'xpu'), ('failure_kind', 'other_error')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("ur_result", "pi_error", "native api", "level_zero", "level zero", "ze_result")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?:UR_RESULT_ERROR|ZE_RESULT_ERROR|PI_ERROR)_OUT_OF_DEVICE_MEMORY", "vram_oom", 0.95, "xpu"),
        Form(r"(?:UR_RESULT_ERROR|PI_ERROR)_OUT_OF_RESOURCES", "vram_oom", 0.8, "xpu"),
        Form(r"(?:UR_RESULT_ERROR|PI_ERROR|ZE_RESULT_ERROR)_OUT_OF_HOST_MEMORY", "host_oom", 0.85, "xpu"),
        Form(r"(?:UR_RESULT_ERROR|PI_ERROR|ZE_RESULT_ERROR)_DEVICE_LOST", "other_error", 0.6, "xpu", says=(("signal", "device_lost"),)),
        Form(r"UR backend failed|level_zero backend failed|Native API (?:failed|returns)", "other_error", 0.4, "xpu"),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its code; 40 (out of resources) is not always memory."""
    yield from seen(doc, _forms())
