# ruff: noqa: E501 - messages stand as they are printed
"""PyTorch's messages in all their wordings, wrapped, cut, interleaved, on every device that prints them."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

NEW = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.50 GiB. GPU 3 has a total capacity of 79.15 GiB of which 1.75 GiB is free. "
    "Including non-PyTorch memory, this process has 77.38 GiB memory in use. Of the allocated memory 70.25 GiB is allocated by PyTorch, and "
    "5.12 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large try setting "
    "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
)
OLD = (
    "RuntimeError: CUDA out of memory. Tried to allocate 640.00 MiB (GPU 1; 10.76 GiB total capacity; 8.91 GiB already allocated; "
    "301.56 MiB free; 9.47 GiB reserved in total by PyTorch)"
)
NEW_FACTS = {
    "tried_to_allocate_gib": 2.5, "gpu_index": 3, "gpu_capacity_gib": 79.15, "gpu_free_gib": 1.75, "process_in_use_gib": 77.38,
    "torch_allocated_gib": 70.25, "torch_reserved_unallocated_gib": 5.12, "torch_reserved_gib": None, "runtime": "pytorch",
}  # fmt: skip
OLD_FACTS = {
    "tried_to_allocate_gib": 0.625, "gpu_index": 1, "gpu_capacity_gib": 10.76, "gpu_free_gib": 0.2945, "torch_allocated_gib": 8.91,
    "torch_reserved_gib": 9.47, "torch_reserved_unallocated_gib": None, "process_in_use_gib": None,
}  # fmt: skip


def wrapped(text: str, width: int) -> str:
    """The text broken every `width` characters, also inside of words and numbers, as a terminal does it."""
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def test_new_wording(check: Check) -> None:
    check(NEW, "vram_oom", **NEW_FACTS)


def test_old_wording(check: Check) -> None:
    check(OLD, "vram_oom", **OLD_FACTS)


@pytest.mark.parametrize("width", [37, 53, 80, 120, 133])
def test_wrapped_anywhere(check: Check, width: int) -> None:
    check(wrapped(NEW, width), "vram_oom", **NEW_FACTS)
    check(wrapped(OLD, width), "vram_oom", **OLD_FACTS)


@pytest.mark.parametrize(
    "prefix", ["> ", "[rank3]: ", "trainer-1  | ", "2024-05-06T07:08:09.123Z ", "[1,3]<stderr>:", "│ ", "gpu-q-4: "]
)
def test_behind_prefixes(check: Check, prefix: str) -> None:
    check(prefix + NEW, "vram_oom", **NEW_FACTS)


def test_colours_as_bytes_and_as_text(check: Check) -> None:
    check("\x1b[31m" + NEW + "\x1b[0m", "vram_oom", **NEW_FACTS)
    check("\\u001b[31m" + NEW + "\\u001b[0m", "vram_oom", **NEW_FACTS)


def test_the_typo_of_2_1(check: Check) -> None:
    check(NEW.replace("capacity", "capacty"), "vram_oom", **NEW_FACTS)


def test_as_a_python_repr(check: Check) -> None:
    check(f"OutOfMemoryError({NEW.split(': ', 1)[1]!r})", "vram_oom", **NEW_FACTS)


def test_cached_is_what_is_reserved_beyond_the_tensors(check: Check) -> None:
    text = (
        "CUDA out of memory. Tried to allocate 512.00 MiB (GPU 0; 7.93 GiB total capacity; 6.50 GiB already allocated; 96.00 MiB free; "
        "256.00 MiB cached)"
    )
    check(text, "vram_oom", torch_reserved_unallocated_gib=0.25, torch_reserved_gib=None, torch_allocated_gib=6.5)


def test_the_advice_of_1_10_changes_nothing(check: Check) -> None:
    advice = " If reserved memory is >> allocated memory try setting max_split_size_mb:128 to avoid fragmentation."
    seen = check(OLD + advice, "vram_oom", **OLD_FACTS)
    assert "fragmentation_likely" not in seen.signals


def test_fragmentation_only_where_the_reserve_covers_the_request(see: See) -> None:
    assert "fragmentation_likely" in see(NEW).signals
    assert "fragmentation_likely" not in see(NEW.replace("5.12 GiB", "1.12 GiB")).signals


def test_zero_bytes(check: Check) -> None:
    text = NEW.replace("1.75 GiB is free", "0 bytes is free").replace("70.25 GiB is", "0 bytes is")
    check(text, "vram_oom", gpu_free_gib=0.0, torch_allocated_gib=0.0)


def test_a_wrapped_counter_is_no_size(check: Check) -> None:
    check(
        NEW.replace("1.75 GiB is free", "17179869184.00 GiB is free"),
        "vram_oom",
        gpu_free_gib=None,
        gpu_capacity_gib=79.15,
    )


def test_free_beyond_the_capacity_is_no_fact(check: Check) -> None:
    check(NEW.replace("1.75 GiB is free", "99.75 GiB is free"), "vram_oom", gpu_free_gib=None)


def test_more_than_an_exabyte_is_no_size(check: Check) -> None:
    check(
        "RuntimeError: CUDA out of memory. Tried to allocate more than 1EB memory.",
        "other_error",
        tried_to_allocate_gib=None,
    )


def test_without_a_head(check: Check) -> None:
    check("torch.cuda.OutOfMemoryError: . " + NEW.split(". ", 1)[1], "vram_oom", **NEW_FACTS)


def test_starting_in_the_middle(check: Check) -> None:
    check(
        "(GPU 1; 10.76 GiB" + OLD.split("10.76 GiB", 1)[1], "vram_oom", **{**OLD_FACTS, "tried_to_allocate_gib": None}
    )


@pytest.mark.parametrize("cut", [75, 90, 100, 125])
def test_cut_off(check: Check, cut: int) -> None:
    check(NEW[:cut], "vram_oom", tried_to_allocate_gib=2.5)


def test_no_bracket_and_several_lines(check: Check) -> None:
    text = "\n".join(OLD.replace("(", "\n").replace(")", "\n").split("; "))
    check(text.replace("\n8.91", ";\n8.91").replace("\n10.76", ";\n10.76"), "vram_oom", tried_to_allocate_gib=0.625)


def test_another_process_on_the_card(check: Check) -> None:
    text = NEW.replace("Including non", "Process 4242 has 9.50 GiB memory in use. Including non")
    seen = check(text, "vram_oom", process_in_use_gib=77.38, other_processes_gib=9.5)
    assert "other_process_on_gpu" in seen.signals


def test_in_a_container_this_process_has_a_foreign_pid(check: Check) -> None:
    text = NEW.replace("Including non-PyTorch memory, this process has", "Process 991 has")
    seen = check(text, "vram_oom", process_in_use_gib=77.38, other_processes_gib=None)
    assert "other_process_on_gpu" not in seen.signals


def test_of_several_processes_the_one_that_holds_the_tensors_is_this_one(check: Check) -> None:
    text = NEW.replace(
        "Including non-PyTorch memory, this process has 77.38 GiB",
        "Process 11 has 1.90 GiB memory in use. Process 12 has 75.48 GiB",
    )
    check(text, "vram_oom", process_in_use_gib=75.48, other_processes_gib=1.9)


def test_private_pools(check: Check) -> None:
    text = NEW.replace(
        "allocated by PyTorch, and",
        "allocated by PyTorch, with 640.00 MiB allocated in private pools (e.g., CUDA Graphs), and",
    )
    check(text, "vram_oom", private_pools_gib=0.625, **NEW_FACTS)


def test_a_limit_in_force(see: See) -> None:
    text = NEW.replace("is free. ", "is free. 8.00 GiB allowed; ")
    assert "memory_fraction_cap" in see(text).signals


def test_the_first_rank_speaks(check: Check) -> None:
    other = NEW.replace("GPU 3", "GPU 5").replace("1.75 GiB", "2.25 GiB").replace("70.25", "69.75")
    check(f"[rank3]: {NEW}\n[rank5]: {other}", "vram_oom", **NEW_FACTS)


def test_a_later_copy_fills_what_the_first_lacks(check: Check) -> None:
    check(f"{NEW[:110]}\n\n  File 'x.py', line 3, in forward\n{NEW}", "vram_oom", **NEW_FACTS)


def test_another_rank_fills_nothing(check: Check) -> None:
    other = NEW.replace("GPU 3", "GPU 5")
    check(f"{NEW.split('Including')[0]}\n{other}", "vram_oom", gpu_index=3, process_in_use_gib=None)


@pytest.mark.parametrize(("device", "runtime"), [("HIP", "rocm"), ("XPU", "xpu"), ("CUDA", "pytorch")])
def test_devices(check: Check, device: str, runtime: str) -> None:
    check(NEW.replace("CUDA out", f"{device} out"), "vram_oom", **{**NEW_FACTS, "runtime": runtime})


def test_npu(check: Check) -> None:
    text = (
        "RuntimeError: NPU out of memory. Tried to allocate 1.50 GiB (NPU 2; 60.96 GiB total capacity; 52.11 GiB already allocated; "
        "52.11 GiB current active; 900.00 MiB free; 58.40 GiB reserved in total by PyTorch)"
    )
    check(
        text,
        "vram_oom",
        runtime="ascend",
        gpu_index=2,
        gpu_free_gib=0.8789,
        torch_reserved_gib=58.4,
        torch_allocated_gib=52.11,
    )


def test_xpu_without_free(check: Check) -> None:
    text = (
        "XPU out of memory. Tried to allocate 2.00 GiB (GPU 0; 15.56 GiB total capacity; 13.20 GiB already allocated; "
        "13.90 GiB reserved in total by PyTorch)"
    )
    check(text, "vram_oom", runtime="xpu", gpu_free_gib=None, torch_reserved_gib=13.9, gpu_capacity_gib=15.56)


def test_words_without_numbers(check: Check) -> None:
    check("torch.cuda.OutOfMemoryError: CUDA out of memory.", "vram_oom", runtime="pytorch", tried_to_allocate_gib=None)
    check("Since the last update it always ends in cuda out of memory", "vram_oom")


def test_comfyui_block_of_numbers(check: Check) -> None:
    text = (
        "Allocation on device 1 would exceed allowed memory. (out of memory)\nCurrently allocated : 9.50 GiB\nRequested : 320.00 MiB\n"
        "Device limit : 11.99 GiB\nFree (according to CUDA): 12.00 MiB\nPyTorch limit (set by user-supplied memory fraction)\n"
        ": 17179869184.00 GiB"
    )
    check(
        text,
        "vram_oom",
        gpu_index=1,
        torch_allocated_gib=9.5,
        tried_to_allocate_gib=0.3125,
        gpu_capacity_gib=11.99,
        gpu_free_gib=0.01172,
    )


@pytest.mark.parametrize(
    "text", ["torch.OutOfMemoryError: Allocation on device \n", "- **Exception Message:** Allocation on device "]
)
def test_comfyui_without_numbers(check: Check, text: str) -> None:
    check(text, "vram_oom", runtime="pytorch", gpu_index=None)


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported at some other API call.",
        "torch.AcceleratorError: CUDA error: out of memory",
        "RuntimeError: cuda runtime error (2) : out of memory at /pytorch/aten/src/THC/THCGeneral.cpp:50",
        "THCudaCheck FAIL file=/pytorch/torch/lib/THC/generic/THCStorage.cu line=66 error=2 : out of memory",
    ],
)
def test_bare(check: Check, text: str) -> None:
    seen = check(text, "vram_oom", runtime="pytorch", tried_to_allocate_gib=None)
    assert "bare_cuda_oom" in seen.signals


def test_summary_table(check: Check) -> None:
    table = (
        "|                  PyTorch CUDA memory summary, device ID 0                 |\n"
        "|            CUDA OOMs: {}            |        cudaMalloc retries: 0         |\n"
        "|        Metric         | Cur Usage  | Peak Usage | Tot Alloc  | Tot Freed  |\n"
        "| Allocated memory      |   6144 MB  |   7168 MB  |  99999 MB  |  93855 MB  |\n"
        "| GPU reserved memory   |   8192 MB  |   8192 MB  |   8192 MB  |      0 B   |\n"
    )
    check(table.format(1), "vram_oom", torch_allocated_gib=6.0, torch_reserved_gib=8.0, gpu_index=0)
    check(table.format(0), "none", torch_allocated_gib=6.0)


def test_an_internal_assertion_is_no_shortage(check: Check) -> None:
    check(
        'RuntimeError: !block->expandable_segment_ INTERNAL ASSERT FAILED at "c10/cuda/CUDACachingAllocator.cpp":2525',
        "other_error",
    )


def test_lines_of_two_ranks_that_alternate(check: Check) -> None:
    text = (
        "[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total capacity of 47.50 GiB of\n"
        "[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 1 has a total capacity of 47.50 GiB of\n"
        "[rank0]: which 1.10 GiB is free. Including non-PyTorch memory, this process has 46.40 GiB memory in use.\n"
        "[rank1]: which 0.70 GiB is free. Including non-PyTorch memory, this process has 46.80 GiB memory in use.\n"
    )
    check(text, "vram_oom", gpu_index=0, tried_to_allocate_gib=3.0, gpu_free_gib=1.1, process_in_use_gib=46.4)


def test_emphasis_inside_and_a_cut_at_the_capacity(check: Check) -> None:
    check(
        "**CUDA out of memory. Tried to allocate** `3.00 GiB` (GPU 2; 8.00 GiB total capac",
        "vram_oom",
        tried_to_allocate_gib=3.0,
        gpu_index=2,
        gpu_capacity_gib=8.0,
    )


def test_messages_that_a_browser_translated(check: Check) -> None:
    check(
        "CUDA内存不足。试图分配3.00 GiB。GPU 1的总容量为8.00 GiB，其中0.50 GiB为空闲。",
        "vram_oom",
        tried_to_allocate_gib=3.0,
        gpu_index=1,
        gpu_capacity_gib=8.0,
    )


@pytest.mark.parametrize(
    "text",
    [
        "The run stops without any CUDA out of memory message.\nFatal Python error: Segmentation fault",
        "It is not a CUDA out of memory.\nIndexError: list index out of range",
    ],
)
def test_a_shortage_that_is_denied_yields_to_another_failure(check: Check, text: str) -> None:
    check(text, "other_error")


def test_an_avoided_shortage_that_struck_after_all(check: Check) -> None:
    check("I tried to avoid it with checkpointing and still get CUDA out of memory", "vram_oom")


@pytest.mark.parametrize(
    "prefix",
    [
        "[1,mpirank:0,algo-1]<stderr>:",
        "rank0: ",
        "[rank0]:[rank0]: ",
        "trainer-1  | 2025-01-02T03:04:05.678Z stderr F ",
    ],
)
def test_prefixes_of_launchers(check: Check, prefix: str) -> None:
    lines = [
        "Traceback (most recent call last):",
        '  File "train.py", line 9, in main',
        "    loss.backward()",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.",
    ]
    check(
        "\n".join(prefix + line for line in lines),
        "vram_oom",
        phase="backward",
        task="train",
        tried_to_allocate_gib=1.0,
    )
