r"""Caffe and its forks: failed checks of CUDA, cuBLAS and cuDNN calls, with the phase from the C++ frames below them.

>>> log = '''F0412 09:10:11.481220  2231 syncedmem.cpp:71] Check failed: error == cudaSuccess (2 vs. 0)  out of memory
... *** Check failure stack trace: ***
...     @     0x7f11a3c0b296  caffe::ConvolutionLayer<>::Backward_gpu()
...     @     0x7f11a3ba6eca  caffe::Solver<>::Step()'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'vram_oom'), ('runtime', 'caffe'), ('phase', 'backward'), ('task', 'train'), ('framework', 'caffe')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = ("cudasuccess", "caffe", "cublas_status_success", "cudnn_status_success")


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        # https://github.com/BVLC/caffe/blob/master/include/caffe/util/device_alternate.hpp: CUDA_CHECK prints the code of the error.
        Form(r"cudaSuccess \(2 vs\. 0\)(?: out of memory)?", "vram_oom", 0.96, "caffe"),
        Form(r"cudaSuccess \((?:74|77|4|29|30|8|9|10|35|38|46|48|59|63|98|209|700|701|710|716|719) vs\. 0\)", "other_error", 0.96, "caffe"),
        Form(r"status == CUBLAS_STATUS_SUCCESS \((?:1|3) vs\. 0\)|status == CUDNN_STATUS_SUCCESS \((?:1|2) vs\. 0\)", "vram_oom", 0.7, "caffe"),
        Form(r"status == (?:CUBLAS|CUDNN)_STATUS_SUCCESS \((?:[4-9]|1[0-9]) vs\. 0\)", "other_error", 0.8, "caffe"),
        Form(r"caffe::Solver<>?[^\n]{0,40}::Test|Testing net \(#[0-9]+\)\s+F[0-9]{4} ", hints=(("phase", "eval"),)),
        Form(r"caffe::\w+<\w*>::Backward_gpu|caffe::Net<\w*>::Backward", hints=(("phase", "backward"),)),
        Form(r"caffe::\w+<\w*>::Forward_gpu|caffe::Net<\w*>::Forward", hints=(("phase", "forward"),)),
        Form(r"caffe::Solver<|caffe\.cpp:[0-9]+\] Starting Optimization|\bcaffe train\b", hints=(("task", "train"), ("framework", "caffe"))),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure by its number; a test pass inside of training outweighs the layers below it."""
    phase_seen = False
    for item in seen(doc, _forms()):
        if item.fact == "phase":
            if phase_seen:
                continue
            phase_seen = True
        yield item
