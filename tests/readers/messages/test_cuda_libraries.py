# ruff: noqa: E501 - messages stand as they are printed
"""cuBLAS, cuDNN, NCCL, the CUDA driver's calls, bitsandbytes, and devices that are not CUDA."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

CASES: list[tuple[str, str, str, dict[str, object]]] = [
    ("cublas alloc", "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "vram_oom", {"runtime": "pytorch"}),
    ("cublas init", "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`", "vram_oom", {"runtime": "pytorch"}),
    ("cublas mxnet", "Check failed: err == CUBLAS_STATUS_SUCCESS (1 vs. 0) : Create cublas handle failed", "vram_oom", {"runtime": "mxnet"}),
    ("cudnn alloc", "RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "vram_oom", {"runtime": "pytorch"}),
    ("cudnn internal", "RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", "other_error", {"runtime": "pytorch"}),
    ("torch7", "/home/u/torch/install/bin/luajit: cudnn/init.lua:60: Error in CuDNN: CUDNN_STATUS_ALLOC_FAILED (cudnnCreate)", "vram_oom",
     {"runtime": "torch7"}),
    ("nccl", "gpu7:811:902 [3] include/alloc.h:178 NCCL WARN Cuda failure 'out of memory'", "vram_oom", {"runtime": "nccl", "gpu_index": 3}),
    ("nccl bytes", "gpu7:811:902 [1] NCCL WARN Failed to CUDA calloc async 16777216 bytes", "vram_oom", {"tried_to_allocate_gib": 0.015625}),
    ("nccl last error", "torch.distributed.DistBackendError: NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled cuda error, NCCL version 2.20.5\n"
     "ncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nFailed to CUDA calloc async 608 bytes", "vram_oom", {"runtime": "nccl"}),
    ("nccl timeout", "[rank2]:[E101 02:03:04.567 ProcessGroupNCCL.cpp:607] [Rank 2] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=88, "
     "OpType=ALLREDUCE, NumelIn=1, NumelOut=1, Timeout(ms)=600000) ran for 600044 milliseconds before timing out.", "other_error",
     {"runtime": "nccl"}),
    ("numba", "numba.cuda.cudadrv.driver.CudaAPIError: [2] Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY", "vram_oom", {"runtime": "numba"}),
    ("pycuda", "pycuda._driver.MemoryError: cuMemAlloc failed: out of memory", "vram_oom", {"runtime": "pycuda"}),
    ("keops", "[KeOps] error: cuMemAlloc(&p_data, sizeof(float) * n) failed with error CUDA_ERROR_OUT_OF_MEMORY", "vram_oom", {"runtime": "cuda"}),
    ("result code", "[torch_memory_saver.cpp] CUresult error  result=2 file=csrc/a.cpp func=cu_mem_create line=99", "vram_oom", {"runtime": "cuda"}),
    (".net", "ManagedCuda.CudaException: ErrorOutOfMemory: The API call failed because it was unable to allocate enough memory.", "vram_oom",
     {"runtime": "managedcuda"}),
    ("java", "jcuda.CudaException: CUDA_ERROR_OUT_OF_MEMORY\n  at jcuda.driver.JCudaDriver.cuCtxCreate(JCudaDriver.java:1)", "vram_oom",
     {"runtime": "jcuda", "phase": "init"}),
    ("bitsandbytes", "Error out of memory at line 74 in file /src/csrc/ops.cu", "vram_oom", {"runtime": "bitsandbytes"}),
    ("mps", "RuntimeError: MPS backend out of memory (MPS allocated: 5.50 GB, other allocations: 1.25 GB, max allowed: 6.77 GB). Tried to allocate "
     "256.00 MB on private pool.", "vram_oom", {"runtime": "mps", "torch_allocated_gib": 5.5, "gpu_capacity_gib": 6.77, "tried_to_allocate_gib": 0.25}),
    ("mps 2025", "RuntimeError: MPS backend out of memory (MPS allocated: 30.50 GiB, other allocations: 5.75 GiB, max allowed: 36.27 GiB). Tried to "
     "allocate 512 bytes on shared pool.", "vram_oom", {"torch_allocated_gib": 30.5, "tried_to_allocate_gib": 512 / 2**30}),
    ("level zero", "RuntimeError: level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)", "vram_oom", {"runtime": "xpu"}),
    ("sycl", "RuntimeError: Native API failed. Native API returns: -5 (PI_ERROR_OUT_OF_RESOURCES)", "vram_oom", {"runtime": "xpu"}),
    ("device lost", "RuntimeError: Native API failed. Native API returns: 20 (UR_RESULT_ERROR_DEVICE_LOST)", "other_error", {"runtime": "xpu"}),
    ("ascend", "EL0004: [PID: 881] Failed to allocate memory. rtMalloc failed, size:1073741824", "vram_oom",
     {"runtime": "ascend", "tried_to_allocate_gib": 1.0}),
    ("hip", "RuntimeError: HIP error: out of memory", "vram_oom", {"runtime": "rocm"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "facts"), CASES, ids=[case[0] for case in CASES])
def test_wording(check: Check, name: str, text: str, kind: str, facts: dict[str, object]) -> None:
    check(text, kind, **facts)  # type: ignore[arg-type]


def test_one_ranks_shortage_stands_above_the_others_timeout(check: Check) -> None:
    timeout = "[rank{0}]:[E ProcessGroupNCCL.cpp:607] [Rank {0}] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=ALLREDUCE)"
    text = "\n".join(
        [
            *(timeout.format(rank) for rank in (0, 1, 3)),
            "[rank2]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB. GPU 2 has a total capacity of 39.39 GiB of which "
            "500.00 MiB is free.",
        ]
    )
    check(text, "vram_oom", runtime="pytorch", gpu_index=2)


def test_an_assertion_explains_the_handle(see: See) -> None:
    text = (
        "../aten/src/ATen/native/cuda/Indexing.cu:1146: indexSelectLargeIndex: block: [1,0,0] Assertion `srcIndex < srcSelectDimSize` failed.\n"
        "RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"
    )
    assert see(text).failure[0] == "other_error"
