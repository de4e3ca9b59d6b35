# ruff: noqa: E501 - tables stand as they are printed
"""nvidia-smi in its layouts, gpustat, and the figures that people copy out of them."""

from __future__ import annotations

from tests.readers.messages.conftest import Check, See

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


def test_nvitop(check: Check) -> None:
    text = "NVITOP 1.3.2      Driver Version: 535.54\n│   0  GeForce RTX 3090    On   │ 00000000:01:00.0 Off │  N/A │\n│ 45%   60C    P2   300W / 350W │  12.00GiB / 24.00GiB │     98% │"
    check(text, gpu_capacity_gib=24.0, process_in_use_gib=12.0)


def test_pairs_of_gib_elsewhere_are_not_the_gpu(check: Check) -> None:
    check("CONTAINER   MEM USAGE / LIMIT\ntrainer     5.2GiB / 7.8GiB", gpu_capacity_gib=None)


def test_two_processes_on_one_card(see: See) -> None:
    rows = "|    {}   N/A  N/A     {}      C   python                          10240MiB |\n"
    assert "other_process_on_gpu" in see(HEAD + NEW + rows.format(0, 1111) + rows.format(0, 2222)).signals
    assert "other_process_on_gpu" not in see(HEAD + NEW + rows.format(0, 1111) + rows.format(1, 2222)).signals


def test_rocm_smi(check: Check) -> None:
    text = "GPU[0]\t\t: VRAM Total Memory (B): 68702699520\nGPU[0]\t\t: VRAM Total Used Memory (B): 1073741824"
    check(text, gpu_index=0, gpu_capacity_gib=63.98, process_in_use_gib=1.0)


def test_npu_smi(check: Check) -> None:
    text = (
        "| npu-smi 23.0.3     Version: 23.0.3 |\n| 0     910B4               | OK            | 90.1        42                0    / 0             |\n"
        "| 0                         | 0000:C1:00.0  | 0           0    / 0          3072 / 32768         |\n"
    )
    check(text, gpu_index=0, gpu_capacity_gib=32.0, process_in_use_gib=3.0, gpu_count=None)
