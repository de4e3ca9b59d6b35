# ruff: noqa: E501 - tables stand as they are printed
"""nvidia-smi in its layouts, gpustat, and the figures that people copy out of them."""

from __future__ import annotations

from tests.readers.messages.conftest import Check

HEAD = "| NVIDIA-SMI 535.104.05             Driver Version: 535.104.05   CUDA Version: 12.2     |\n"
NEW = (
    "|   0  NVIDIA A100-SXM4-80GB          On  | 00000000:07:00.0 Off |                    0 |\n"
    "| N/A   31C    P0              62W / 400W |  61440MiB / 81920MiB |      0%      Default |\n"
    "|   1  NVIDIA A100-SXM4-80GB          On  | 00000000:0F:00.0 Off |                    0 |\n"
    "| N/A   30C    P0              60W / 400W |      4MiB / 81920MiB |      0%      Default |\n"
)


def test_two_cards(check: Check) -> None:
    check(HEAD + NEW, gpu_index=0, gpu_capacity_gib=80.0, gpu_count=2, process_in_use_gib=60.0)


def test_old_layout(check: Check) -> None:
    text = (
        "| NVIDIA-SMI 440.33.01    Driver Version: 440.33.01    CUDA Version: 10.2     |\n"
        "|   0  Tesla T4            Off  | 00000000:00:1E.0 Off |                    0 |\n"
        "| N/A   50C    P0    28W /  70W |   8192MiB / 15109MiB |     12%      Default |\n"
    )
    check(text, gpu_index=0, gpu_capacity_gib=14.755, process_in_use_gib=8.0, gpu_count=None)


def test_gpustat(check: Check) -> None:
    check(
        "[3] NVIDIA GeForce RTX 3090 | 44'C,  98 % | 20480 / 24576 MB | user(20000M)",
        gpu_index=3,
        gpu_capacity_gib=24.0,
    )


def test_the_message_beats_the_table(check: Check) -> None:
    text = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity of 79.15 GiB of which 1.00 GiB is free."
    check(text + "\n" + HEAD + NEW, "vram_oom", gpu_index=1, gpu_capacity_gib=79.15, gpu_free_gib=1.0)


def test_a_table_alone_is_no_failure(check: Check) -> None:
    check(HEAD + NEW, "none")
