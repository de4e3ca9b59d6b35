"""The live process with real modules and a real optimizer: which facts are taken, and that nothing is kept alive or disturbed."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import advisor
from advisor.api import Diagnosis
from tests.watching.conftest import MESSAGE

# What frameworks deprecate among themselves is not the subject here.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


def died(run: Callable[[], Any], **given: Any) -> Diagnosis:
    """The diagnosis of a run that must die of memory; in a thread, so that the names of tests are not among its frames."""
    errors: list[BaseException] = []
    watched = advisor.watch(file=io.StringIO(), **given)

    def inside() -> None:
        try:
            watched(run)()
        except RuntimeError as error:
            errors.append(error)

    worker = threading.Thread(target=inside)
    worker.start()
    worker.join()
    assert errors
    assert watched.diagnosis is not None
    return watched.diagnosis


def out_of_memory(torch: Any) -> Callable[..., None]:
    def raise_it(*_: Any) -> None:
        raise torch.OutOfMemoryError(MESSAGE)

    return raise_it


def held(found: Diagnosis) -> dict[str, float]:
    return {part.id: part.gib for part in found.held.components} if found.held else {}


def test_a_training_loop_of_transformers(torch: Any, qwen: Any) -> None:
    optimizer = torch.optim.AdamW(qwen.parameters(), foreach=True)

    def train(fail_at: int) -> None:
        for step in range(fail_at + 1):
            ids = torch.randint(0, 1000, (4, 32))
            batch = {"input_ids": ids, "labels": ids}
            if step == fail_at:
                qwen.lm_head.register_forward_hook(out_of_memory(torch))
            loss = qwen(**batch).loss
            loss.backward()
            optimizer.step()

    diagnosis = died(lambda: train(fail_at=2))
    facts = diagnosis.facts
    assert facts["batch_size"] == 4
    assert facts["seq_len"] == 32
    assert facts["optimizer"] == "adamw"
    assert facts["precision"] == "fp32"
    assert facts["method"] == "full"
    assert facts["task"] == "train"
    assert facts["gradient_checkpointing"] is False
    assert facts["params_b"] == pytest.approx(sum(p.numel() for p in qwen.parameters()) / 1e9)
    assert facts["torch_allocated_gib"] == 22.1, "the message's own number, not a later one"
    assert diagnosis.failure.phase == "forward"
    weights = sum(p.numel() for p in qwen.parameters()) * 4 / 2**30
    parts = held(diagnosis)
    assert parts["weights"] == pytest.approx(weights, rel=0.02)
    assert parts["gradients"] == pytest.approx(weights, rel=0.02)
    assert parts["optimizer"] == pytest.approx(2 * weights, rel=0.02)
    assert sum(parts.values()) == pytest.approx(22.1)
    quotes = {item.fact: item.quote for item in diagnosis.evidence if item.origin == "measured"}
    assert quotes["batch_size"].endswith(".shape = (4, 32)")


def test_phases_of_backward_and_of_the_optimizer_step(torch: Any, qwen: Any) -> None:
    ids = torch.randint(0, 1000, (2, 16))
    optimizer = torch.optim.SGD(qwen.parameters(), lr=0.1, momentum=0.9)

    def step() -> None:
        loss = qwen(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()

    failing = qwen.model.norm.weight.register_hook(out_of_memory(torch))
    found = died(step)
    assert found.failure.phase == "backward"
    assert found.facts["optimizer"] == "sgd_momentum"
    failing.remove()
    optimizer.register_step_pre_hook(out_of_memory(torch))
    assert died(step).failure.phase == "optimizer_step"


def test_autocast_checkpointing_and_generation(torch: Any, qwen: Any) -> None:
    ids = torch.randint(0, 1000, (2, 16))
    optimizer = torch.optim.AdamW(qwen.parameters())
    qwen.train()
    qwen.gradient_checkpointing_enable()
    failing = qwen.model.layers[1].mlp.down_proj.register_forward_hook(out_of_memory(torch))

    def forward() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            qwen(input_ids=ids, labels=ids)

    found = died(forward)
    assert found.facts["gradient_checkpointing"] is True
    assert found.facts["precision"] == "amp-bf16"
    failing.remove()
    del optimizer
    gc.collect()

    qwen.eval()
    qwen.lm_head.register_forward_hook(out_of_memory(torch))
    found = died(lambda: qwen.generate(ids, max_new_tokens=4), model=qwen)
    assert found.facts["task"] == "inference"
    assert found.failure.phase == "generate"
    assert "gradients" not in held(found)


def test_adapters_and_their_base(torch: Any, qwen: Any) -> None:
    peft = pytest.importorskip("peft", reason="peft is not installed")
    model = peft.get_peft_model(
        qwen.to(torch.bfloat16), peft.LoraConfig(r=8, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    )
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])

    def step() -> None:
        ids = torch.randint(0, 1000, (1, 16))
        model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        out_of_memory(torch)()

    found = died(step)
    facts = found.facts
    assert (facts["method"], facts["lora_rank"], facts["lora_targets"]) == ("lora", 8, ["q_proj", "v_proj"])
    assert facts["precision"] == "bf16"
    assert facts["trainable_params"] == sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert held(found)["optimizer"] < held(found)["weights"]


def test_a_frozen_backbone_of_images(torch: Any) -> None:
    nn = torch.nn
    backbone = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = nn.Sequential(backbone, nn.Linear(8, 10))
    backbone.requires_grad_(False)
    optimizer = torch.optim.Adam(model[1].parameters())

    def step(images: Any, labels: Any) -> None:
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        out_of_memory(torch)()

    facts = died(lambda: step(torch.zeros(16, 3, 48, 64), torch.zeros(16, dtype=torch.long))).facts
    assert (facts["model_kind"], facts["method"], facts["batch_size"]) == ("vision", "freeze", 16)
    assert facts["image_resolution"] == "64x48"


def test_the_batch_in_a_function_goes_before_a_data_set_of_the_module(torch: Any) -> None:
    code = (
        "images = torch.zeros(1000, 3, 8, 8)\n"
        "def run():\n"
        "    images = torch.zeros(4, 3, 8, 8)\n"
        "    out_of_memory()\n"
        "run()"
    )
    fail = out_of_memory(torch)
    script = {"torch": torch, "out_of_memory": fail, "__name__": "script"}
    assert died(lambda: exec(code, {**script})).facts["batch_size"] == 4
    alone = "images = torch.zeros(8, 3, 8, 8)\nout_of_memory()"
    assert died(lambda: exec(alone, {**script})).facts["batch_size"] == 8


def test_a_pipeline_of_diffusers_is_named(torch: Any) -> None:
    class DiffusionPipeline:
        pass

    class StableDiffusionXLPipeline(DiffusionPipeline):
        def __init__(self) -> None:
            self._internal_dict = {"_name_or_path": "stabilityai/stable-diffusion-xl-base-1.0"}
            self.unet = torch.nn.Linear(64, 64)

        def __call__(self) -> None:
            out_of_memory(torch)()

    facts = died(StableDiffusionXLPipeline()).facts
    assert facts["model"] == "stabilityai/stable-diffusion-xl-base-1.0"
    assert facts["model_kind"] == "diffusion"
    assert facts["framework"] == "diffusers"


def test_a_model_without_configuration_is_not_taken_for_a_language_model(torch: Any) -> None:
    model = torch.nn.Linear(4000, 4000)

    def forward() -> None:
        model(torch.zeros(2, 4000))
        out_of_memory(torch)()

    found = died(forward, model=model)
    assert "params_b" not in found.facts
    assert found.estimate is None
    assert held(found)["weights"] == pytest.approx(4000 * 4001 * 4 / 2**30, rel=0.01)


def test_the_failure_of_the_cpu_allocator_is_one_of_host_memory(torch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError) as caught, advisor.watch() as seen:
        torch.empty(2**46, dtype=torch.uint8)
    assert "DefaultCPUAllocator" in str(caught.value)
    assert seen.diagnosis is not None
    assert seen.diagnosis.failure.kind == "host_oom"
    assert seen.diagnosis.verdict[:20] in capsys.readouterr().err


def test_nothing_is_kept_alive(torch: Any) -> None:
    class Net(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(8, 8)

        def forward(self, x: Any) -> Any:
            hidden = self.inner(x)
            watched.append(weakref.ref(hidden))
            out_of_memory(torch)()
            return hidden

    watched: list[Any] = []

    def run() -> None:
        model = Net()
        optimizer = torch.optim.AdamW(model.parameters())
        batch = torch.zeros(4, 8)
        watched.extend(map(weakref.ref, (model, optimizer, batch, model.inner.weight)))
        with advisor.watch(file=io.StringIO(), model=model, optimizer=optimizer) as seen:
            model(batch)
        assert seen

    gc.collect()
    gc.disable()
    try:
        with pytest.raises(torch.OutOfMemoryError):
            run()
        # What is left is held by the exception's own traceback, which pytest.raises lets go of here.
        gc.collect()
        assert [reference() for reference in watched] == [None] * 5
    finally:
        gc.enable()


def test_a_frame_that_goes_on_can_drop_its_variables(torch: Any) -> None:
    def attempt(batch: Any) -> None:
        with advisor.watch(file=io.StringIO()):
            raise torch.OutOfMemoryError(MESSAGE)

    def loop() -> None:
        batch = torch.zeros(64)
        seen = weakref.ref(batch)
        with suppress(torch.OutOfMemoryError):
            attempt(batch)
        del batch
        gc.collect()
        assert seen() is None, "the frame's own copy of its variables kept the tensor"

    loop()


def test_the_frames_of_other_threads_and_odd_objects_do_no_harm(torch: Any, qwen: Any) -> None:
    class Odd:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("don't touch")

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("don't compare")

        __hash__ = None  # type: ignore[assignment]

    def forward() -> None:
        odd, model = Odd(), qwen
        assert type(odd) is Odd
        model(torch.zeros(1, 8, dtype=torch.long))
        out_of_memory(torch)()

    assert died(forward).facts["params_b"] > 0


def test_no_device_context_is_created(torch: Any) -> None:
    code = (
        "import torch, advisor, io\n"
        "for name in ('mem_get_info', 'memory_stats', 'get_device_properties', 'current_device', '_lazy_init'):\n"
        "    def refuse(*a, name=name, **k): raise SystemExit('touched ' + name)\n"
        "    setattr(torch.cuda, name, refuse)\n"
        "model = torch.nn.Linear(4, 4)\n"
        "try:\n"
        "    with advisor.watch(file=io.StringIO()) as seen: raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 1 GiB')\n"
        "except torch.OutOfMemoryError: print(seen.diagnosis.failure.kind)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip() == "vram_oom", done.stderr
