# ruff: noqa: E501 - messages stand as they are printed
"""Caffe, ComfyUI, TPUs, lists of cards, and programs beside the run."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

CAFFE = "F0301 08:00:01.000001 777 syncedmem.cpp:64] Check failed: error == cudaSuccess ({} vs. 0)  {}\n*** Check failure stack trace: ***\n"


@pytest.mark.parametrize(
    ("text", "kind", "facts"),
    [
        (CAFFE.format(2, "out of memory"), "vram_oom", {"runtime": "caffe", "task": None}),
        (
            CAFFE.format(2, "out of memory")
            + "    @ 0x7f caffe::PoolingLayer<>::Forward_gpu()\n    @ 0x7e caffe::Solver<>::Step()",
            "vram_oom",
            {"phase": "forward", "task": "train"},
        ),
        (
            CAFFE.format(2, "out of memory")
            + "    @ 0x7f caffe::PoolingLayer<>::Forward_gpu()\n    @ 0x7e caffe::Solver<>::Test()",
            "vram_oom",
            {"phase": "eval", "task": "train"},
        ),
        (CAFFE.format(77, "an illegal memory access was encountered"), "other_error", {"runtime": "caffe"}),
        (CAFFE.format(8, "invalid device function"), "other_error", {}),
        ("Check failed: status == CUBLAS_STATUS_SUCCESS (13 vs. 0)  CUBLAS_STATUS_EXECUTION_FAILED", "other_error", {}),
    ],
)
def test_caffe(check: Check, text: str, kind: str, facts: dict[str, object]) -> None:
    check(text, kind, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "phase"),
    [("UNETLoader", "load"), ("LoadLTXVModel", "load"), ("KSamplerAdvanced", "generate"), ("VAEEncodeForInpaint", "generate"),
     ("ImageUpscaleWithModel", "generate"), ("FaceDetailer", "generate"), ("SaveImage", None)],
)  # fmt: skip
def test_the_kind_of_a_node_tells_the_phase(check: Check, node: str, phase: str | None) -> None:
    check(f"Error occurred when executing {node}:\n\nAllocation on device", "vram_oom", phase=phase, task="inference")
    check(
        f"## Error Details\n- **Node ID:** 4\n- **Node Type:** {node}\n- **Exception Message:** Allocation on device",
        "vram_oom",
        phase=phase,
    )


def test_tpus(check: Check) -> None:
    text = "RESOURCE_EXHAUSTED: Attempting to reserve 2.50G at the bottom of memory. That was not possible. There are 1.25G free, 0B reserved, and 1.00G reservable."
    check(text, "vram_oom", tried_to_allocate_gib=2.5, gpu_free_gib=1.25)
    check(
        "Resource exhausted: Attempting to allocate 512.00M. That was not possible. There are 100.00M free.",
        "vram_oom",
        tried_to_allocate_gib=0.5,
    )


@pytest.mark.parametrize(
    ("text", "name", "size", "count"),
    [
        ("  Device 0: Tesla P40, compute capability 6.1, VMM: yes\n  Device 1: Tesla P40, compute capability 6.1, VMM: yes", "Tesla P40", None, 2),
        ("Total VRAM 16380 MB, total RAM 32560 MB", None, 15.996, None),
        ("Ultralytics 8.3.1 Python-3.11 torch-2.4.0 CUDA:0 (NVIDIA GeForce RTX 4080, 16376MiB)", "RTX 4080", 15.99, None),
        ("    GPU: NVIDIA L4. Max memory: 22.168 GB. Platform: Linux.", "L4", 22.168, None),
        ('msg="inference compute" id=0 library=cuda variant=v12 name="NVIDIA GeForce RTX 4070" total="11.6 GiB" available="10.4 GiB"', "RTX 4070", 11.6, None),
        ("name, memory.total [MiB]\nNVIDIA L40S, 46068 MiB", "L40S", 44.988, None),
        ("GPU 0: NVIDIA H200 (UUID: GPU-1)\nGPU 1: NVIDIA H200 (UUID: GPU-2)\nGPU 2: NVIDIA H200 (UUID: GPU-3)", "H200", None, 3),
    ],
)  # fmt: skip
def test_cards_that_programs_list(
    check: Check, text: str, name: str | None, size: float | None, count: int | None
) -> None:
    seen = check(text, gpu_name=name, gpu_count=count)
    if size is not None:
        check(text, gpu_memory_gib=size)
    assert seen.failure[0] == "none"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("cc1plus: out of memory allocating 131072 bytes after a total of 2147483648 bytes", "host_oom"),
        ("x86_64-linux-gnu-g++: fatal error: Killed signal terminated program cc1plus", "host_oom"),
        ("virtual memory exhausted: Cannot allocate memory", "host_oom"),
        ("bash: fork: Cannot allocate memory", "host_oom"),
        ("2025-02-03 4:05:06 [ERROR] mysqld: Out of memory (Needed 1677720 bytes)", "host_oom"),
        ("# Out Of Memory allocating 20480 bytes!", "host_oom"),
        ("PHP Fatal error:  Out of memory (allocated 2097152) (tried to allocate 16384 bytes) in /srv/a.php on line 3", "host_oom"),
        ("ERROR:  out of memory\nDETAIL:  Failed on request of size 8192.", "host_oom"),
        ("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 8589934592 bytes.", "vram_oom"),
        ("<--- Last few GCs --->\nFATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory", "host_oom"),
        ("torch.multiprocessing.spawn.ProcessExitedException: process 3 terminated with signal SIGKILL", "host_oom"),
        ("RuntimeError: unable to mmap 4096 bytes from file </torch_11_22>: Cannot allocate memory (12)", "shm"),
        ("OSError: [Errno 28] No space left on device: '/dev/shm/psm_1'", "shm"),
        ("OSError: [Errno 28] No space left on device: '/data/ckpt'", "other_error"),
        ("slurmstepd: error: *** JOB 77 ON n1 CANCELLED AT 2025-02-03T04:05:06 DUE TO TIME LIMIT ***", "other_error"),
        ("slurmstepd: error: *** JOB 77 ON n1 CANCELLED AT 2025-02-03T04:05:06 DUE TO MEMORY LIMIT ***\nExceeded job memory limit", "host_oom"),
        ("NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.", "other_error"),
        ("RuntimeError: The size of tensor a (77) must match the size of tensor b (154) at non-singleton dimension 1", "other_error"),
        ("(EngineCore pid=9) ERROR 01-02 03:04:05 [core.py:99] AssertionError", "other_error"),
        ("torch._dynamo.exc.BackendCompilerFailed: backend='inductor' raised:", "other_error"),
        ("ptxas fatal   : Unresolved extern function 'f'", "other_error"),
        ("Could not load library libcudnn_cnn_train.so.8", "other_error"),
        ("CUDA_ERROR_ILLEGAL_INSTRUCTION: an illegal instruction was encountered", "other_error"),
        ("W bfc_allocator.cc: Compute status: Resource exhausted: OOM when allocating tensor with shape", "vram_oom"),
        ("UnknownError: Failed to get convolution algorithm. This is probably because cuDNN failed to initialize", "vram_oom"),
    ],
)  # fmt: skip
def test_the_right_name(check: Check, text: str, kind: str) -> None:
    check(text, kind)


def test_what_pinned_memory_solved_and_what_not(see: See) -> None:
    assert see("CUDA error: out of memory. It was solved by pin_memory=False").failure[0] == "host_oom"
    assert see("CUDA error: out of memory. It does not help to set pin_memory=False").failure[0] == "vram_oom"


def test_paddle_operators(check: Check) -> None:
    check(
        "W0101 01:01:01.1 2 operator.cc:9] matmul_grad raises an exception paddle::memory::allocation::BadAlloc",
        "vram_oom",
        phase="backward",
    )
    check(
        "W0101 01:01:01.1 2 operator.cc:9] matmul raises an exception paddle::memory::allocation::BadAlloc",
        "vram_oom",
        phase="forward",
    )


def test_sizes_of_xgboost_in_bytes_and_with_units(check: Check) -> None:
    text = "Memory allocation error on worker 0: std::bad_alloc: cudaErrorMemoryAllocation: out of memory\n- Free memory: {}\n- Requested memory: {}"
    check(text.format("1073741824", "2147483648"), "vram_oom", gpu_free_gib=1.0, tried_to_allocate_gib=2.0)
    check(text.format("1.5GB", "2GB"), "vram_oom", gpu_free_gib=1.5, tried_to_allocate_gib=2.0)


def test_why_a_graph_capture_failed(check: Check) -> None:
    check(
        "Exception: Capture cuda graph failed: CUDA out of memory. Tried to allocate 1.00 GiB.",
        "vram_oom",
        runtime="sglang",
        phase="init",
    )
    check(
        "Exception: Capture cuda graph failed: [pair.cc:534] Connection closed by peer", "other_error", runtime="sglang"
    )


def test_an_engine_that_wakes_up_inside_of_a_trainer(check: Check) -> None:
    text = '(main_task pid=1)   File "verl/workers/fsdp_workers.py", line 463, in generate_sequences\n(main_task pid=1) RuntimeError: CUDA Error: out of memory at /workspace/csrc/cumem_allocator.cpp:62'
    check(text, "vram_oom", runtime="vllm", task="train", phase="generate")
