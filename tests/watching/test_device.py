"""The device's part with a stand-in for PyTorch: which counters are read, what becomes of them, and what is never touched."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

import advisor
from advisor.diagnosis import default_library
from advisor.live.device import device_facts
from advisor.watching import ranks

GIB = 2**30
BARE = "CUDA out of memory. Tried to allocate 2.00 GiB."


def stand_in(name: str = "NVIDIA GeForce RTX 4090", total: float = 23.64, **more: Any) -> Any:
    """What the advisor may ask of `torch`; any other question is an error."""
    statistics = {"allocated_bytes.all.current": 20 * GIB, "reserved_bytes.all.current": 22 * GIB}
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        current_device=lambda: 0,
        device_count=lambda: 2,
        get_device_properties=lambda index: SimpleNamespace(name=name, total_memory=int(total * GIB)),
        mem_get_info=lambda index: (GIB // 2, int(total * GIB)),
        memory_stats=lambda index: statistics,
    )
    return SimpleNamespace(__version__="2.6.0+cu124", cuda=cuda, **more)


def facts(torch: Any, text: str = BARE) -> dict[str, Any]:
    return {item.fact: item.value for item in device_facts(torch, text, default_library())}


def test_the_counters_become_facts() -> None:
    found = facts(stand_in())
    assert found["gpu_name"] == "RTX 4090"
    assert found["gpu_capacity_gib"] == pytest.approx(23.64)
    assert found["gpu_free_gib"] == 0.5
    assert found["torch_allocated_gib"] == 20.0
    assert found["torch_reserved_unallocated_gib"] == 2.0
    assert found["torch_version"] == "2.6.0+cu124"
    assert found["gpu_index"] == 0


def test_the_device_of_the_message_is_looked_at() -> None:
    assert (
        facts(stand_in(), "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 1 has a total capacity")["gpu_index"]
        == 1
    )
    assert facts(stand_in(), "CUDA out of memory. GPU 7 has a total capacity")["gpu_index"] == 0, (
        "there is no such device"
    )


def test_a_card_of_several_sizes_is_told_by_its_memory() -> None:
    assert facts(stand_in("NVIDIA A100-SXM4-80GB", 79.15))["gpu_name"] == "A100-80GB"
    assert facts(stand_in("NVIDIA Unheard-of 9000", 47.0))["gpu_name"] == "NVIDIA Unheard-of 9000"


def test_a_device_that_is_not_initialised_is_left_alone() -> None:
    torch = stand_in()
    torch.cuda.is_initialized = lambda: False
    for name in ("current_device", "get_device_properties", "mem_get_info", "memory_stats"):
        setattr(torch.cuda, name, None)
    assert set(facts(torch)) == {"torch_version"}


def test_the_allocator_s_setting_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:128,expandable_segments:True")
    assert facts(stand_in())["signal"] == "expandable_segments_set"


def test_numbers_that_the_message_lacks_come_from_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    module = type(sys)("torch")
    for name, value in vars(stand_in()).items():
        setattr(module, name, value)
    for name in ("Tensor", "nn", "optim"):
        setattr(module, name, type(name, (), {"Module": type("M", (), {}), "Optimizer": type("O", (), {})}))
    monkeypatch.setitem(sys.modules, "torch", module)
    with pytest.raises(RuntimeError), advisor.watch(file=io.StringIO()) as seen:
        raise RuntimeError(BARE)
    assert seen.diagnosis is not None
    assert seen.diagnosis.facts["gpu_name"] == "RTX 4090"
    assert seen.diagnosis.facts["torch_allocated_gib"] == 20.0
    assert {item.origin for item in seen.diagnosis.evidence if item.fact == "gpu_capacity_gib"} == {"measured"}


def test_one_rank_tells_and_the_others_say_so() -> None:
    code = f"import advisor\ntry:\n  with advisor.watch(): raise RuntimeError({BARE!r})\nexcept RuntimeError: pass"
    environment = {**os.environ, "WORLD_SIZE": "3", "MASTER_PORT": str(os.getpid())}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment | {"LOCAL_RANK": str(rank), "RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(3)
    ]
    said = "".join(process.communicate(timeout=120)[1] for process in running)
    assert said.count("What I read") == 1
    assert said.count("ran out of memory as well; one rank tells why") == 2


def test_a_failure_long_ago_silences_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setattr(ranks.tempfile, "gettempdir", lambda: str(tmp_path))
    job = {"LOCAL_RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "../../etc/x"}
    assert ranks.first_to_tell(job)
    assert not ranks.first_to_tell(job)
    (mark,) = tmp_path.iterdir()
    os.utime(mark, (1, 1))
    assert ranks.first_to_tell(job)
    assert ranks.first_to_tell({})
    assert ranks.first_to_tell({"LOCAL_RANK": "0", "WORLD_SIZE": "1"})


def jax_stand_in(monkeypatch: pytest.MonkeyPatch, backend: str) -> Exception:
    card = SimpleNamespace(device_kind="NVIDIA A100-SXM4-80GB")
    jax = SimpleNamespace(default_backend=lambda: backend, local_devices=lambda: [card], device_count=lambda: 8)
    monkeypatch.setitem(sys.modules, "jax", jax)
    kind = type("JaxRuntimeError", (RuntimeError,), {"__module__": "jax.errors"})
    return kind("RESOURCE_EXHAUSTED: Out of memory allocating 70368744177664 bytes.")  # type: ignore[no-any-return]


@pytest.mark.parametrize(("backend", "kind"), [("cpu", "host_oom"), ("gpu", "vram_oom")])
def test_jax_on_the_cpu_runs_out_of_ram(monkeypatch: pytest.MonkeyPatch, backend: str, kind: str) -> None:
    error = jax_stand_in(monkeypatch, backend)
    with pytest.raises(RuntimeError), advisor.watch(file=io.StringIO()) as seen:
        raise error
    assert seen.diagnosis is not None
    assert seen.diagnosis.failure.kind == kind
    assert seen.diagnosis.facts.get("gpu_name") == ("A100-80GB" if backend == "gpu" else None)


def test_a_real_failure_of_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    jax: Any = pytest.importorskip("jax", reason="JAX is not installed; `make test-live` runs this test")
    if jax.default_backend() != "cpu":
        pytest.skip("needs JAX on the CPU")
    with pytest.raises(Exception, match="RESOURCE_EXHAUSTED"), advisor.watch(file=io.StringIO()) as seen:
        jax.numpy.zeros((2**22, 2**22)).block_until_ready()
    assert seen.diagnosis is not None
    assert seen.diagnosis.failure.kind == "host_oom"
