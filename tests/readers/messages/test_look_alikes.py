# ruff: noqa: E501 - messages stand as they are printed
"""Failures of other kinds, warnings and healthy logs get their right names."""

from __future__ import annotations

import pytest

from tests.readers.messages.conftest import Check, See

CASES: list[tuple[str, str, str, dict[str, object]]] = [
    ("triton", "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 180224, Hardware limit: 101376. Reducing block sizes "
     "may help.", "kernel_resources", {"runtime": "triton"}),
    ("triton 2021", "triton.code_gen.OutOfResources: out of resource: shared memoryRequired: 131072Hardware limit: 101376", "kernel_resources",
     {"runtime": "triton"}),
    ("ptxas", "ptxas error   : Entry function 'kernel' uses too much shared data (0x14000 bytes, 0xc000 max)", "kernel_resources", {}),
    ("launch", "RuntimeError: CUDA error: too many resources requested for launch", "kernel_resources", {}),
    ("assert", "RuntimeError: CUDA error: device-side assert triggered\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.", "other_error",
     {"runtime": "pytorch"}),
    ("illegal", "RuntimeError: CUDA error: an illegal memory access was encountered\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1.",
     "other_error", {"runtime": "pytorch"}),
    ("illegal thrust", "RuntimeError: merge_sort: failed to synchronize: cudaErrorIllegalAddress: an illegal memory access was encountered",
     "other_error", {}),
    ("driver", "RuntimeError: CUDA error: CUDA driver version is insufficient for CUDA runtime version", "other_error", {"runtime": "pytorch"}),
    ("cpu build", "AssertionError: Torch not compiled with CUDA enabled", "other_error", {"runtime": "pytorch", "phase": "init"}),
    ("ordinal", "RuntimeError: CUDA error: invalid device ordinal", "other_error", {"runtime": "pytorch"}),
    ("kernel image", "RuntimeError: CUDA error: no kernel image is available for execution on the device", "other_error", {}),
    ("busy", "RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable", "other_error", {}),
    ("disk", "OSError: [Errno 28] No space left on device", "other_error", {"runtime": "linux"}),
    ("quota", "OSError: [Errno 122] Disk quota exceeded", "other_error", {}),
    ("rust", 'IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })', "other_error", {}),
    ("writer", "RuntimeError: [enforce fail at inline_container.cc:337] . unexpected pos 11520 vs 11414\nPytorchStreamWriter failed writing file data/3",
     "other_error", {"phase": "checkpoint_save", "runtime": "pytorch"}),
    ("dtype", "RuntimeError: expected scalar type Half but found Float", "other_error", {"runtime": "pytorch"}),
    ("segfault", "Segmentation fault (core dumped)", "other_error", {"runtime": "linux"}),
    ("exit 139", "Process finished with exit code 139 (interrupted by signal 11: SIGSEGV)", "other_error", {}),
    ("index", "IndexError: index out of range in self", "other_error", {"runtime": "pytorch"}),
    ("tokens", "Token indices sequence length is longer than the specified maximum sequence length for this model (900 > 512). Running this sequence "
     "through the model will result in indexing errors", "none", {"max_model_len": None}),
    ("download", 'RuntimeError: invalid hash value (expected "abc", got "def")', "other_error", {}),
    ("header", "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge", "other_error", {}),
    ("nan", "modules.devices.NansException: A tensor with all NaNs was produced in Unet.", "other_error", {}),
    ("overflow", "Gradient overflow.  Skipping step, loss scaler 0 reducing loss scale to 16384.0", "none", {}),
    ("trainer log", "{'loss': 1.9342, 'grad_norm': 0.4, 'learning_rate': 1e-05, 'epoch': 0.5}", "none", {"task": "train"}),
    ("yolo log", "     Epoch   gpu_mem       box       obj       cls\n    12/299     9.87G   0.05     0.03     0.01", "none", {"tried_to_allocate_gib": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "kind", "facts"), CASES, ids=[case[0] for case in CASES])
def test_wording(check: Check, name: str, text: str, kind: str, facts: dict[str, object]) -> None:
    check(text, kind, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "DataLoader(dataset, batch_size=4, pin_memory=True, num_workers=8)",
        "df -h\nFilesystem  Size  Used Avail Use% Mounted on\n/dev/sda1  100G  99G  1.0G  99% /\ntmpfs  16G  1.2G  15G  8% /dev/shm",
        "docker run --gpus all --shm-size=1024m -m 32g image python train.py",
        "nothing is wrong, the peak was 12.3 GiB",
    ],
)
def test_words_of_memory_without_a_failure(see: See, text: str) -> None:
    seen = see(text)
    assert seen.failure[0] not in ("vram_oom", "kv_cache", "host_oom")
    assert "tried_to_allocate_gib" not in seen.facts
    assert "gpu_capacity_gib" not in seen.facts
