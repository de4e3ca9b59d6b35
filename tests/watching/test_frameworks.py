"""The callbacks of Hugging Face's Trainer and of Lightning, and IPython's extension, with the real programs."""

from __future__ import annotations

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from tests.watching.conftest import MESSAGE

TRAINER = """
import sys, torch
from transformers import Qwen2Config, Qwen2ForCausalLM, Trainer, TrainingArguments
from advisor.integrations.transformers import AdvisorCallback

class Data(torch.utils.data.Dataset):
    def __len__(self): return 16
    def __getitem__(self, index):
        ids = torch.full((24,), 7)
        return {"input_ids": ids, "labels": ids}

def model():
    config = Qwen2Config(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, vocab_size=100,
                         intermediate_size=64)
    made = Qwen2ForCausalLM(config)
    calls = []
    def fail(module, inputs, output):
        calls.append(1)
        if len(calls) > 2:
            raise torch.OutOfMemoryError(MESSAGE)
    made.lm_head.register_forward_hook(fail)
    return made

arguments = TrainingArguments(FOLDER, per_device_train_batch_size=3, gradient_accumulation_steps=2, report_to=[], use_cpu=True,
                              max_steps=4, disable_tqdm=True, save_strategy="no", logging_strategy="no")
"""


def run(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    head = f"MESSAGE = {MESSAGE!r}\nFOLDER = {str(tmp_path)!r}\n"
    return subprocess.run(
        [sys.executable, "-c", head + TRAINER + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture
def transformers() -> Any:
    pytest.importorskip("accelerate", reason="accelerate is not installed")
    return pytest.importorskip("transformers", reason="transformers is not installed")


@pytest.mark.parametrize(
    ("how", "first"),
    [
        ("trainer = Trainer(model(), arguments, train_dataset=Data(), callbacks=[AdvisorCallback()])", "What I read"),
        (
            "trainer = Trainer(model(), arguments, train_dataset=Data())\ntrainer.add_callback(AdvisorCallback(gpu_name='RTX 4090'))",
            "Traceback",
        ),
    ],
    ids=["handed over", "added later"],
)
def test_the_trainer_that_dies_is_diagnosed_once(tmp_path: Path, transformers: Any, how: str, first: str) -> None:
    done = run(tmp_path, f"\n{how}\ntrainer.train()")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("What I read") == 1
    assert done.stderr.count("torch.OutOfMemoryError: CUDA out of memory") == 1
    assert done.stderr.index(first) < max(done.stderr.index("What I read") + 1, done.stderr.index("Traceback"))
    read = done.stderr[done.stderr.index("What I read") :]
    for fact in (
        "framework transformers",
        "batch_size 3",
        "grad_accum 2",
        "seq_len 24",
        "optimizer adamw",
        "task train",
    ):
        assert fact in read.replace("\n  ", "  ").replace("\xa0", " ")


def test_a_healthy_trainer_says_nothing_and_leaves_no_hook(tmp_path: Path, transformers: Any) -> None:
    code = """
    healthy = model()
    healthy.lm_head._forward_hooks.clear()
    trainer = Trainer(healthy, arguments, train_dataset=Data())
    trainer.add_callback(AdvisorCallback())
    before = sys.excepthook
    trainer.train()
    assert sys.excepthook is before
    print("advisor.engine" in sys.modules)
    """
    done = run(tmp_path, code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"
    assert "advisor" not in done.stderr


def test_a_trainer_is_collected_copied_and_caught_as_before(tmp_path: Path, transformers: Any) -> None:
    code = """
    import copy, gc, weakref
    trainer = Trainer(model(), arguments, train_dataset=Data(), callbacks=[AdvisorCallback()])
    assert trainer.train.__name__ == "train" and trainer.train.__doc__ == Trainer.train.__doc__
    twin = copy.copy(trainer.train)
    try:
        twin()
    except torch.OutOfMemoryError as error:
        print("caught", str(error) == MESSAGE)
    seen = weakref.ref(trainer)
    del trainer, twin
    gc.collect()
    print("gone", seen() is None)
    """
    done = run(tmp_path, code)
    assert done.stdout.splitlines() == ["caught True", "gone True"], done.stderr
    assert done.stderr.count("What I read") == 1


def test_wrong_facts_are_refused_at_once(transformers: Any) -> None:
    from advisor.errors import FactError
    from advisor.integrations.transformers import AdvisorCallback

    with pytest.raises(FactError, match="batch_size"):
        AdvisorCallback(batch_size=0)
    assert pickle.loads(pickle.dumps(AdvisorCallback(lang="zh", gpu_name="T4")))._facts == {"gpu_name": "T4"}


def test_lightning_tells_its_callback(tmp_path: Path, torch: Any) -> None:
    pytest.importorskip("lightning", reason="lightning is not installed")
    code = f"""
    import logging, warnings, torch, lightning.pytorch as pl
    warnings.simplefilter("ignore"); logging.getLogger("lightning.pytorch").setLevel("ERROR")
    from advisor.integrations.lightning import AdvisorCallback

    class Net(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 4, 3))
        def training_step(self, batch, index):
            if index == 1:
                raise torch.OutOfMemoryError({MESSAGE!r})
            return self.layers(batch[0]).sum()
        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.001)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(32, 3, 16, 16)), batch_size=8)
    trainer = pl.Trainer(accelerator="cpu", max_epochs=1, accumulate_grad_batches=2, precision="bf16-mixed", logger=False,
                         enable_progress_bar=False, enable_checkpointing=False, enable_model_summary=False, callbacks=[AdvisorCallback()])
    trainer.fit(Net(), data)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.count("What I read") == 1, done.stderr
    read = done.stderr[done.stderr.index("What I read") :].replace("\n  ", "  ").replace("\xa0", " ")
    for fact in (
        "framework lightning",
        "batch_size 8",
        "grad_accum 2",
        "precision amp-bf16",
        "optimizer sgd",
        "image_resolution 16x16",
    ):
        assert fact in read


SHELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "advisor")
shell.run_cell("import sys\\nbatch_size = 4\\nraise RuntimeError(%r)")
print("=====")
shell.run_cell("1/0")
shell.run_line_magic("unload_ext", "advisor")
shell.run_cell("raise RuntimeError(%r)")
"""


def test_the_extension_of_ipython_shows_the_diagnosis_below_the_traceback(tmp_path: Path) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    done = subprocess.run(
        [sys.executable, "-c", SHELL % (MESSAGE, MESSAGE)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.stderr.count("What I read") == 1, done.stdout + done.stderr
    assert "torch" not in done.stderr.split("What I read")[0].lower() or done.stdout
    assert done.stdout.count("out of memory") >= 2
    assert "ZeroDivisionError" in done.stdout


def test_a_callback_that_was_added_late_tells_in_a_notebook_too(tmp_path: Path) -> None:
    pytest.importorskip("IPython", reason="IPython is not installed")
    code = f"""
    from IPython.core.interactiveshell import InteractiveShell
    shell = InteractiveShell.instance()
    shell.run_cell("from advisor.watching.hook import Hook; Hook(lambda: []).install()")
    shell.run_cell("raise RuntimeError({MESSAGE!r})")
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
    )
    assert done.stderr.count("What I read") == 1, done.stdout + done.stderr
