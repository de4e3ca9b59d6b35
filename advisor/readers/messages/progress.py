r"""What a program printed of its progress before it failed: loading, generating, reading data.

>>> log = '''Loading checkpoint shards:  50%|█████     | 2/4 [00:20<00:20, 10.2s/it]'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('phase', 'load')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "loading",
    "failed to load",
    "加载模型",
    "completing request",
    "pin_memory",
    ".to(device",
    "initializing",
    "running on ",
    "public link",
    "gradio",
    "streamlit",
    "synchronizing",
    "total progress",
)


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"(?i)stable diffusion model failed to load", hints=(("phase", "load"), ("task", "inference"), ("framework", "stable-diffusion-webui"))),
        Form(r"(?i)failed to load (?:the )?model|error loading model|正在加载模型|加载模型时?(?:失败|报错|出错)|[Ll]oading model weights\W", hints=(("phase", "load"),)),
        Form(r"(?i)stable diffusion model failed to load|failed to load model|正在加载模型", hints=(("task", "inference"),)),
        Form(r"Loading checkpoint shards: +[0-9]{1,2}%", hints=(("phase", "load"),)),
        Form(r"Error completing request|Total progress: [0-9]+%", hints=(("phase", "generate"), ("task", "inference"))),
        Form(r"Running on (?:local|public) URL|create a public link, set `?share|gradio[/\\](?:queueing|routes|route_utils|blocks)\.py|streamlit[/\\]\w+", hints=(("task", "inference"),)),
        Form(r"initializing (?:(?:model|tensor|pipeline) (?:model )?parallel|ddp|pipeline) with size|[Ss]ynchronizing model states from rank", hints=(("phase", "load"),)),
        Form(r"(?i)(?:^|[.,;:!\n]|\b(?:it|this|that|which|what|problem|issue|error|crash|and|i|we|have|finally)) ?(?:was |is |got |gets |can be |has been |could be )?(?:solved|fixed|works?|resolved|helps|helped)\b[^\n]{0,40}\bpin_memory ?= ?False", "host_oom", 0.95, says=(("signal", "pinned_memory"),)),
        Form(r"(?i)\bpin_memory ?= ?False|set(?:ting)? pin_memory", hints=(("phase", "data"), ("task", "train"))),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """Hints of the phase and the task; anything that a message says overrules them."""
    yield from seen(doc, _forms())
