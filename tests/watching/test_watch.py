"""`watch` without any framework: which exceptions it tells of, what it prints, and that it never gets in the way."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import advisor
from advisor.errors import FactError
from advisor.watching import telling
from advisor.watching.caught import is_memory_failure
from tests.watching.conftest import MESSAGE


def raised_by(name: str, module: str, text: str, base: type[Exception] = RuntimeError) -> Exception:
    """An exception of a runtime that is not installed: what counts is its class's name and its words."""
    return type(name, (base,), {"__module__": module})(text)


RUNTIMES = [
    raised_by("OutOfMemoryError", "torch", MESSAGE),
    raised_by("OutOfMemoryError", "torch.cuda", MESSAGE),
    RuntimeError(
        "CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 7.79 GiB total capacity; 6.10 GiB already allocated)"
    ),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError(
        "MPS backend out of memory (MPS allocated: 16.10 GB, other allocations: 1.20 GB, max allowed: 18.13 GB). Tried to allocate 1 GB"
    ),
    RuntimeError(
        "NPU out of memory. Tried to allocate 2.00 GiB (NPU 0; 60.97 GiB total capacity; 58.10 GiB already allocated)"
    ),
    raised_by(
        "XlaRuntimeError",
        "jaxlib.xla_extension",
        "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4294967296 bytes.",
    ),
    raised_by("JaxRuntimeError", "jax.errors", "RESOURCE_EXHAUSTED: Out of memory allocating 2147483648 bytes."),
    raised_by(
        "ResourceExhaustedError",
        "tensorflow.python.framework.errors_impl",
        "OOM when allocating tensor with shape[64,512,28,28] and type float on /job:localhost/device:GPU:0 by allocator GPU_0_bfc",
    ),
    raised_by(
        "OutOfMemoryError",
        "cupy.cuda.memory",
        "Out of memory allocating 8,589,934,592 bytes (allocated so far: 512 bytes).",
    ),
    raised_by(
        "MemoryError",
        "builtins",
        "std::bad_alloc: out_of_memory: CUDA error at: rmm/mr/device/x.hpp",
        MemoryError,
    ),
    RuntimeError(
        "ResourceExhaustedError: \n\nOut of memory error on GPU 0. Cannot allocate 1.500000GB memory on GPU 0"
    ),
]


@pytest.mark.parametrize("error", RUNTIMES, ids=lambda error: f"{type(error).__module__}.{type(error).__name__}")
def test_exceptions_of_memory_are_told_and_go_on(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(error)) as caught, advisor.watch() as seen:
        raise error
    assert caught.value is error
    assert seen.diagnosis is not None
    assert seen.diagnosis.failure.kind in ("vram_oom", "host_oom")
    printed = capsys.readouterr()
    assert seen.diagnosis.verdict[:30] in printed.err
    assert printed.out == ""


@pytest.mark.parametrize(
    "error",
    [
        ValueError("batch_size must be positive"),
        KeyError("input_ids"),
        RuntimeError("The size of tensor a (64) must match the size of tensor b (32)"),
        KeyboardInterrupt(),
        SystemExit(3),
        StopAsyncIteration(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_other_exceptions_pass_in_silence(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(type(error)), advisor.watch() as seen:
        raise error
    assert seen.diagnosis is None
    assert capsys.readouterr() == ("", "")


def test_an_exception_whose_text_fails_passes_in_silence(capsys: pytest.CaptureFixture[str]) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    with pytest.raises(Odd), advisor.watch():
        raise Odd
    assert capsys.readouterr().err == ""


def test_causes_contexts_and_groups_are_looked_into() -> None:
    oom = RuntimeError(MESSAGE)
    wrapped = ValueError("training failed")
    wrapped.__cause__ = oom
    assert is_memory_failure(wrapped)
    assert is_memory_failure(ExceptionGroup("workers", [ValueError("x"), oom]))
    circle = ValueError("a")
    circle.__context__ = ValueError("b")
    circle.__context__.__context__ = circle
    assert not is_memory_failure(circle)
    with pytest.raises(ValueError, match="training failed"), advisor.watch(file=io.StringIO()) as seen:
        raise wrapped from oom
    assert seen.diagnosis is not None


def test_a_failure_of_ours_never_masks_the_exception(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for fault in (RuntimeError("bug"), KeyboardInterrupt(), SystemExit(1), MemoryError()):

        def broken(*args: Any, fault: BaseException = fault, **kwargs: Any) -> None:
            raise fault

        monkeypatch.setattr(telling, "diagnosis_of", broken)
        error = RuntimeError(MESSAGE)
        with pytest.raises(RuntimeError) as caught, advisor.watch():
            raise error
        assert caught.value is error
        assert f"advisor: no diagnosis ({type(fault).__name__}" in capsys.readouterr().err


def test_a_closed_stderr_is_no_new_error(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    with pytest.raises(RuntimeError, match="out of memory"), advisor.watch():
        raise RuntimeError(MESSAGE)


def test_nested_watches_tell_once(capsys: pytest.CaptureFixture[str]) -> None:
    @advisor.watch
    def train() -> None:
        with advisor.watch():
            raise RuntimeError(MESSAGE)

    with pytest.raises(RuntimeError):
        train()
    assert capsys.readouterr().err.count("What I read") == 1


def test_every_sort_of_function_can_be_decorated(capsys: pytest.CaptureFixture[str]) -> None:
    @advisor.watch
    def plain(value: int) -> int:
        """Adds one."""
        return value + 1

    @advisor.watch(gpu_name="RTX 4090")
    def steps() -> Iterator[int]:
        received = yield 1
        assert received == 5
        raise RuntimeError(MESSAGE)

    @advisor.watch
    async def later() -> None:
        raise RuntimeError(MESSAGE)

    @advisor.watch
    async def stream() -> AsyncIterator[int]:
        yield 1
        raise RuntimeError(MESSAGE)

    assert plain(1) == 2
    assert (plain.__name__, plain.__doc__) == ("plain", "Adds one.")
    running: Any = steps()
    assert next(running) == 1
    with pytest.raises(RuntimeError):
        running.send(5)

    async def consume() -> None:
        async for _ in stream():
            pass

    for run in (later, consume):
        with pytest.raises(RuntimeError):
            asyncio.run(run())
    assert capsys.readouterr().err.count("What I read") == 3


def test_stated_facts_are_checked_at_once_and_used() -> None:
    with pytest.raises(FactError, match="batch_size"):
        advisor.watch(batch_size=0)
    for wrong in (3, dict):
        with pytest.raises(TypeError, match="takes a function"):
            advisor.watch(wrong)  # type: ignore[type-var]
    with pytest.raises(RuntimeError), advisor.watch(batch_size=7, lang="zh", file=io.StringIO()) as seen:
        raise RuntimeError(MESSAGE)
    assert seen.diagnosis is not None
    assert seen.diagnosis.facts["batch_size"] == 7
    assert seen.diagnosis.lang == "zh"


def test_frames_above_the_watch_and_below_it_tell_the_phase() -> None:
    def backward() -> None:
        raise RuntimeError(MESSAGE)

    def train_step() -> None:
        with advisor.watch(file=io.StringIO()) as seen:
            watches.append(seen)
            loss_backward = backward
            loss_backward()

    watches: list[Any] = []
    with pytest.raises(RuntimeError):
        train_step()
    found = watches[0].diagnosis
    assert found.failure.phase == "backward"
    assert found.facts["task"] == "train"
    assert all("advisor/watching" not in item.quote for item in found.evidence)


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_no_framework_is_imported_and_a_healthy_run_loads_nothing() -> None:
    done = run(
        "import sys, advisor\n"
        "with advisor.watch(): pass\n"
        "@advisor.watch\ndef f(): raise ValueError('x')\n"
        "try: f()\nexcept ValueError: pass\n"
        "print([m for m in ('msgspec', 'advisor.engine', 'advisor.library', 'rich') if m in sys.modules])\n"
        f"try:\n  with advisor.watch(): raise RuntimeError({MESSAGE!r})\nexcept RuntimeError: pass\n"
        "print([m for m in ('torch', 'jax', 'tensorflow', 'IPython', 'transformers') if m in sys.modules])\n"
    )
    assert done.stdout.splitlines() == ["[]", "[]"], done.stderr
    assert "What I read" in done.stderr


def test_the_hook_tells_of_uncaught_exceptions_after_their_traceback_and_takes_itself_off() -> None:
    code = (
        "import sys, threading\nfrom advisor.watching.hook import Hook\n"
        "before = sys.excepthook, threading.excepthook\n"
        "hook = Hook(lambda: []); hook.install(); hook.install(); hook.remove()\n"
        "assert (sys.excepthook, threading.excepthook) == before\n"
        "hook.install()\n"
        f"def fail(): raise RuntimeError({MESSAGE!r})\n"
        "worker = threading.Thread(target=fail); worker.start(); worker.join(); fail()"
    )
    done = run(code)
    assert done.returncode == 1
    assert done.stderr.count("What I read") == 2
    assert done.stderr.count("Traceback") == 2
    assert done.stderr.index("RuntimeError: CUDA") < done.stderr.index("What I read")
