r"""ComfyUI: the node that failed, in its console, its dialogs and its error reports; the phase follows from the kind of node.

>>> log = '''Error occurred when executing VAEDecodeTiled:
...
... Allocation on device'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('phase', 'generate'), ('task', 'inference'), ('framework', 'comfyui')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "comfy",
    "prompt executed",
    "error occurred when executing",
    "node type",
    "got prompt",
    "exception during processing",
)

_HERE: tuple[tuple[str, FactValue], ...] = (("task", "inference"),)
_NAMED: tuple[tuple[str, FactValue], ...] = (("framework", "comfyui"),)


@cache
def _forms() -> tuple[Compiled, ...]:
    node = r"(?:Error occurred when executing |Node Type:\W*)"
    return compiled([
        # Nodes are named by what they do: loaders load; samplers, coders and upscalers work on a picture.
        Form(rf"{node}\w*(?:Load|load)\w*", says=(("phase", "load"), *_HERE), hints=_NAMED),
        Form(rf"{node}\w*(?:Sampl|VAE|Vae|Decode|Encode|Upscal|Detail|Interpol|Generat|Inpaint|Segment|Caption|Remove|Infer|Predict)\w*", says=(("phase", "generate"), *_HERE), hints=_NAMED),
        Form(rf"{node}\w+", says=_HERE, hints=_NAMED),
        Form(r"(?m)(?:^|\n)(?:CheckpointLoader|UNETLoader|DualCLIPLoader|CLIPLoader|VAELoader)\w*", says=(("phase", "load"), *_HERE)),
        Form(r"(?m)^Prompt executed in [0-9.]+ seconds|!!! Exception during processing|got prompt", hints=_HERE),
        Form(r"(?m)^Prompt executed in [0-9.]+ seconds|retrying with tiled VAE decoding", hints=(("phase", "generate"), *_HERE)),
        Form(r"\bComfyUI\b", hints=_NAMED, once=True),
        Form(r"ComfyUI Error Report|ComfyUI[/\\\\](?:execution|nodes|comfy|main|custom_nodes)|Got an OOM, unloading all loaded models", says=_HERE, hints=_NAMED),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """What ran and where it failed; the failure itself is its allocator's to tell."""
    yield from seen(doc, _forms())
