"""What stands behind an estimate, as text: the tensors that layers keep, and why the interval is as wide as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TextIO

from advisor.facts import Lang

# cause: (English, Chinese); words of the vocabulary stand for themselves.
_CAUSES: Mapping[str, tuple[str, str]] = {
    "unsplit_blocks": ("blocks that the allocator does not split", "分配器不切分的块"),
    "releases": ("releases of PyTorch and Transformers", "PyTorch 与 Transformers 的版本差异"),
    "program": ("the program was not named", "未说明所用框架"),
    "closed_form": (
        "this model's code is not recorded, the usual layer was taken",
        "没有该模型的逐层记录,按常见结构估算",
    ),
    "family": ("a family's code that was taken for a like one's", "该模型族按结构相近的模型族估算"),
    "sharding": ("buffers of the sharding", "分片的通信缓冲"),
    "quantised_kernels": ("kernels of the quantisation", "量化内核"),
    "server_share": ("what a server takes beside its share", "服务在设定份额之外的占用"),
    "engine": ("habits of the engine", "推理引擎的实现"),
    "images": ("images", "图像"),
    "blocks": ("how a block's code departs from the traced one", "各模块实现与记录的差异"),
    "converted_inputs": ("copies of inputs and weights in the quantised kernels", "量化内核保留的输入与权重副本"),
    "bypass_adapters": ("what these adapters keep of each layer", "适配器在各层保留的张量"),
    "sizes_of_layers": ("sizes of the layers", "各层尺寸"),
    "size_alone": ("only the number of weights is known", "只知道参数量"),
    "unknown_architecture": ("the architecture is not known", "模型结构未知"),
    "precision_of_training": ("precision was assumed", "精度为假定值"),
    "precision_of_adapters": ("precision was assumed", "精度为假定值"),
    "precision_of_inference": ("precision was assumed", "精度为假定值"),
}
_KEPT = ("Kept for the backward pass, by part and row:", "为反向传播保留的张量(按部分与行):")
_WHY = ("The interval's width comes from: {list}", "区间宽度来自:{list}")
_NOT_STATED = ("not stated: {list}", "未说明:{list}")
_LEAST = 0.01
"""Causes of less than that share are not worth a reader's time."""


class _Kept(Protocol):
    def line(self) -> str: ...


def causes(doubts: Mapping[str, float], lang: Lang) -> list[str]:
    """The causes of doubt in words with their shares, the largest first; words that were not stated together at the end."""
    place = 1 if lang == "zh" else 0
    ranked = sorted(((name, share) for name, share in doubts.items() if share >= _LEAST), key=lambda item: -item[1])
    parts = [f"{_CAUSES[name][place]} {100 * share:.0f} %" for name, share in ranked if name in _CAUSES]
    absent = [f"{name} {100 * share:.0f} %" for name, share in ranked if name not in _CAUSES]
    return [*parts, _NOT_STATED[place].format(list=", ".join(absent))] if absent else parts


def render_explanation(kept: Sequence[_Kept], doubts: Mapping[str, float], *, lang: Lang, file: TextIO) -> None:
    """Prints the tensors that layers keep and the causes of doubt, the largest first.

    Args:
        kept: rows of an inventory. doubts: standard deviation by cause, as a share of the peak.
    """
    place = 1 if lang == "zh" else 0
    if kept:
        print(_KEPT[place], file=file)
        for row in kept:
            print(f"  {row.line()}", file=file)
    if parts := causes(doubts, lang):
        print(_WHY[place].format(list="; ".join(parts)), file=file)
