# ruff: noqa: E501 - messages stand as they are printed
"""JAX, TensorFlow, Paddle, MindSpore, CuPy, RAPIDS, ONNX Runtime, OpenCV and others: wordings, numbers, near misses."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

TF = "2022-02-03 04:05:06.789012: W tensorflow/core/common_runtime/bfc_allocator.cc:457] "
CASES: list[tuple[str, str, str, dict[str, object]]] = [
    ("jax while trying", "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 5368709120 bytes.",
     "vram_oom", {"runtime": "jax", "tried_to_allocate_gib": 5.0}),
    ("jax new class", "jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 2147483648 bytes.", "vram_oom",
     {"runtime": "jax", "tried_to_allocate_gib": 2.0}),
    ("jax request", "XlaRuntimeError: RESOURCE_EXHAUSTED: Failed to allocate request for 3.25GiB (3489660928B) on device ordinal 2: BufferAssignment "
     "OOM Debugging.", "vram_oom", {"runtime": "jax", "tried_to_allocate_gib": 3.25, "gpu_index": 2}),
    ("jax old", "RuntimeError: Resource exhausted: Out of memory while trying to allocate 1048576 bytes.", "vram_oom", {"runtime": "jax"}),
    ("tpu hbm", "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space hbm. "
     "Used 20.50G of 15.75G hbm. Exceeded hbm capacity by 4.75G.", "vram_oom",
     {"runtime": "jax", "phase": "init", "gpu_capacity_gib": 15.75, "tried_to_allocate_gib": 20.5}),
    ("tpu vmem", "RESOURCE_EXHAUSTED: XLA:TPU compile permanent error. Ran out of memory in memory space vmem. Used 20.1M of 16.0M vmem.",
     "kernel_resources", {"runtime": "xla_tpu"}),
    ("tf shape", "ResourceExhaustedError (see above for traceback): OOM when allocating tensor with shape[32,64,512,512] and type float on "
     "/job:localhost/replica:0/task:0/device:GPU:2 by allocator GPU_2_bfc", "vram_oom", {"runtime": "tensorflow", "gpu_index": 2}),
    ("tf of shape", "ResourceExhaustedError: OOM when allocating tensor of shape [250000,300] and type float", "vram_oom", {"runtime": "tensorflow"}),
    ("tf root errors", "ResourceExhaustedError: 2 root error(s) found.\n  (0) Resource exhausted: OOM when allocating tensor with shape[16,512,28,28] "
     "and type float on /job:localhost/replica:0/task:0/device:GPU:0 by allocator GPU_0_bfc\n\t [[{{node conv4/convolution}}]]", "vram_oom",
     {"runtime": "tensorflow", "gpu_index": 0}),
    ("tf on the host", "OOM when allocating tensor with shape[900000,4096] and type float on /job:localhost/replica:0/task:0/device:CPU:0 by "
     "allocator cpu", "host_oom", {"runtime": "tensorflow"}),
    ("tf driver", TF + "failed to allocate 9.50G (10200547328 bytes) from device: CUDA_ERROR_OUT_OF_MEMORY: out of memory", "vram_oom",
     {"runtime": "tensorflow", "tried_to_allocate_gib": 9.5}),
    ("tf dump", TF + "Stats: \nLimit:                 10737418240\nInUse:                 10200547328\nMaxInUse:  10700000000\nNumAllocs:  1234\n"
     "MaxAllocSize:  536870912\n" + TF + "*****___", "vram_oom",
     {"runtime": "tensorflow", "gpu_capacity_gib": 10.0, "torch_allocated_gib": 9.5}),
    ("tf warning", TF + "Allocator (GPU_0_bfc) ran out of memory trying to allocate 2.25GiB with freed_by_count=0. The caller indicates that this is "
     "not a failure, but may mean that there could be performance gains if more memory were available.", "none",
     {"runtime": "tensorflow", "tried_to_allocate_gib": 2.25, "gpu_index": 0}),
    ("tf system memory", "tensorflow/core/framework/cpu_allocator_impl.cc:81] Allocation of 1073741824 exceeds 10% of free system memory.", "none",
     {"runtime": "tensorflow", "tried_to_allocate_gib": 1.0}),
    ("tf pinned", "E tensorflow/stream_executor/cuda/cuda_driver.cc:893] failed to alloc 4294967296 bytes on host: CUDA_ERROR_OUT_OF_MEMORY: out of "
     "memory\nW ./tensorflow/core/common_runtime/gpu/gpu_host_allocator.h:44] could not allocate pinned host memory of size: 4294967296", "host_oom",
     {"runtime": "tensorflow"}),
    ("tf blas", "InternalError: Blas GEMM launch failed : a.shape=(128, 784), b.shape=(784, 512), m=128, n=512, k=784", "vram_oom",
     {"runtime": "tensorflow"}),
    ("tf handle", "E tensorflow/stream_executor/cuda/cuda_dnn.cc:359] Could not create cudnn handle: CUDNN_STATUS_ALLOC_FAILED", "vram_oom",
     {"runtime": "tensorflow"}),
    ("tf disk", "ResourceExhaustedError: Resource exhausted: /data/run7/model.ckpt-900.data-00000-of-00001.tempstate77; No space left on device",
     "other_error", {"phase": "checkpoint_save"}),
    ("paddle", "ResourceExhaustedError: \n\nOut of memory error on GPU 1. Cannot allocate 256.125000MB memory on GPU 1, 15.500000GB memory has been "
     "allocated and available memory is only 64.250000MB.", "vram_oom",
     {"runtime": "paddle", "gpu_index": 1, "tried_to_allocate_gib": 0.25012, "torch_allocated_gib": 15.5, "gpu_free_gib": 0.062744}),
    ("paddle without allocated", "Out of memory error on GPU 0. Cannot allocate 2.125000GB memory on GPU 0, available memory is only \n"
     "          910.500000MB.", "vram_oom", {"tried_to_allocate_gib": 2.125, "gpu_free_gib": 0.88916, "torch_allocated_gib": None}),
    ("paddle full", "Out of memory error on GPU 0. Cannot allocate 10.000000MB memory on GPU 0, 7.5GB memory has been allocated and available memory "
     "is only 0.000000B.", "vram_oom", {"gpu_free_gib": 0.0}),
    ("paddle translated", "GPU 2上出现内存不足错误。无法在GPU 2上分配80.000000MB内存，已分配9.500000 GB内存，可用内存仅为12.000000MB。", "vram_oom",
     {"runtime": "paddle", "gpu_index": 2, "tried_to_allocate_gib": 0.078125, "torch_allocated_gib": 9.5}),
    ("paddle host", "ResourceExhaustedError: Fail to alloc memory of 2147483648 size, error code is 12.\n  [Hint: Expected error == 0, but received "
     "error:12 != 0:0.] (at /paddle/paddle/fluid/memory/detail/system_allocator.cc:66)", "host_oom",
     {"runtime": "paddle", "tried_to_allocate_gib": 2.0}),
    ("mindspore", "[mindspore/ccsrc/backend/common/mem_reuse/mem_dynamic_allocator.cc:392] AddMemBlockAndMemBufByEagerFree] TotalUsedMemStatistics : "
     "21474836480 plus TotalUsedByEventMemStatistics : 0 and plus alloc size : 2147483648 is more than total mem size : 22548578304.", "vram_oom",
     {"runtime": "mindspore", "tried_to_allocate_gib": 2.0, "gpu_capacity_gib": 21.0, "torch_allocated_gib": 20.0}),
    ("mindspore pinned", "[ERROR] DEVICE(77,7f,python) [mindspore/ccsrc/runtime/device/gpu/cuda_driver.cc:44] AllocHostPinnedMem] cudaHostAlloc failed, "
     "ret[2], out of memory", "host_oom", {"runtime": "mindspore"}),
    ("cupy 6", "cupy.cuda.memory.OutOfMemoryError: out of memory to allocate 536870912 bytes (total 8589934592 bytes)", "vram_oom",
     {"runtime": "cupy", "tried_to_allocate_gib": 0.5}),
    ("cupy 12", "cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 3,221,225,472 bytes (allocated so far: 1,073,741,824 bytes, limit set to: "
     "4,294,967,296 bytes).", "vram_oom", {"runtime": "cupy", "tried_to_allocate_gib": 3.0}),
    ("rmm", "MemoryError: std::bad_alloc: CUDA error at: /home/u/miniconda3/include/rmm/mr/device/cuda_memory_resource.hpp:69: "
     "cudaErrorMemoryAllocation out of memory", "vram_oom", {"runtime": "rapids"}),
    ("rmm pool", "MemoryError: std::bad_alloc: out_of_memory: RMM failure at:/opt/include/rmm/mr/device/pool_memory_resource.hpp:257: Maximum pool size "
     "exceeded", "vram_oom", {"runtime": "rapids"}),
    ("rmm under spark", "java.lang.OutOfMemoryError: Could not allocate native memory: std::bad_alloc: RMM failure at: arena.hpp:382: Maximum pool size "
     "exceeded\n\tat ai.rapids.cudf.Table.concatenate(Native Method)", "vram_oom", {"runtime": "rapids"}),
    ("onnxruntime", "[E:onnxruntime:, sequential_executor.cc:514 ExecuteKernel] Non-zero status code returned while running MatMul node. Name:'MatMul_3' "
     "Status Message: bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate memory for requested buffer of "
     "size 3221225472", "vram_oom", {"runtime": "onnxruntime", "tried_to_allocate_gib": 3.0, "phase": "forward", "task": "inference"}),
    ("onnxruntime limit", "onnxruntime::BFCArena::AllocateRawInternal Available memory of 1073741824 is smaller than requested bytes of 2147483648",
     "vram_oom", {"gpu_free_gib": 1.0, "tried_to_allocate_gib": 2.0}),
    ("onnxruntime cuda", "CUDA failure 2: out of memory ; GPU=1 ; hostname=box ; expr=cudaMalloc((void**)&p, size);\nonnxruntime::CudaCall", "vram_oom",
     {"runtime": "onnxruntime", "gpu_index": 1}),
    ("onnxruntime on the host", "[E:onnxruntime:, sequential_executor.cc:339] Non-zero status code returned while running Conv node. Name:'88_nchwc' "
     "Status Message: bfc_arena.cc:330 Failed to allocate memory for requested buffer of size 268435456", "host_oom", {"runtime": "onnxruntime"}),
    ("onnxruntime driver", "onnxruntime::CudaCall CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1999999999 ;",
     "other_error", {"runtime": "onnxruntime", "gpu_index": None}),
    ("opencv host", "cv2.error: OpenCV(4.8.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1073741824 bytes in function "
     "'cv::OutOfMemoryError'", "host_oom", {"runtime": "opencv", "tried_to_allocate_gib": 1.0}),
    ("opencv cuda", "cv2.error: OpenCV(4.5.4) gpu_mat.cu:121: error: (-217:Gpu API call) out of memory in function 'allocate'", "vram_oom",
     {"runtime": "opencv"}),
    ("mxnet", "MXNetError: src/storage/./pooled_storage_manager.h:161: cudaMalloc failed: out of memory", "vram_oom", {"runtime": "mxnet"}),
    ("mxnet unknown", "src/storage/./pooled_storage_manager.h:161: cudaMalloc failed: unknown error", "other_error", {"runtime": "mxnet"}),
    ("thrust", "terminate called after throwing an instance of 'thrust::system::system_error'\n  what():  parallel_for failed: out of memory",
     "vram_oom", {}),
    ("xgboost", "XGBoostError: Memory allocation error on worker 0: std::bad_alloc: cudaErrorMemoryAllocation: out of memory\n- Free memory: 1073741824\n"
     "- Requested memory: 2147483648", "vram_oom", {"runtime": "xgboost", "gpu_free_gib": 1.0, "tried_to_allocate_gib": 2.0}),
    ("lightgbm", "lightgbm.basic.LightGBMError: Memory Object Allocation Failure", "vram_oom", {"runtime": "opencl"}),
    ("sophgo", "[bmlib_memory][error] bm_alloc_gmem failed, dev_id = 1, size = 0x40000000", "vram_oom",
     {"runtime": "sophgo", "gpu_index": 1, "tried_to_allocate_gib": 1.0}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "facts"), CASES, ids=[case[0] for case in CASES])
def test_wording(check: Check, name: str, text: str, kind: str, facts: dict[str, object]) -> None:
    check(text, kind, **facts)  # type: ignore[arg-type]


def test_start_up_state_of_tensorflow(check: Check) -> None:
    text = "Found device 0 with properties: \nname: GeForce GTX 1070\ntotalMemory: 7.92GiB freeMemory: 310.25MiB"
    check(text, gpu_capacity_gib=7.92, gpu_free_gib=0.30298, runtime="tensorflow")


def test_preallocation_switched_off_already(see: See) -> None:
    text = 'os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"\nXlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 1024 bytes.'
    assert "xla_preallocate_off" in see(text).tried


def test_the_device_that_failed_beats_those_listed_at_the_start(check: Check) -> None:
    start = "".join(
        f"Found device {n} with properties: \nname: Tesla V100-SXM2-16GB\ntotalMemory: 15.78GiB freeMemory: 15.37GiB\n"
        for n in range(4)
    )
    text = (
        start
        + "ResourceExhaustedError: OOM when allocating tensor with shape[64,8192] and type float on /job:w/task:0/device:GPU:2 by allocator GPU_2_bfc"
    )
    check(text, "vram_oom", gpu_index=2, gpu_capacity_gib=15.78)
