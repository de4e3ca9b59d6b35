"""Which program ran: the most specific one that is proved, its version, and what is no proof."""

from __future__ import annotations

import pytest

from .conftest import Observe, See

CASES: list[tuple[str, str | None]] = [
    ('File "/opt/conda/lib/python3.10/site-packages/trl/trainer/grpo_trainer.py", line 1, in x', "trl"),
    (
        'File "/venv/lib/python3.10/site-packages/transformers/trainer.py", line 1\n'
        'File "/venv/lib/python3.10/site-packages/accelerate/x.py"',
        "transformers",
    ),
    (
        'File "/w/LLaMA-Factory/src/llamafactory/train/sft/workflow.py"\nFile "/x/site-packages/peft/peft_model.py"',
        "llama-factory",
    ),
    ('File "D:\\\\ComfyUI_windows\\\\ComfyUI\\\\execution.py", line 317, in execute', "comfyui"),
    (
        'File "/home/u/ComfyUI/.venv/lib/python3.11/site-packages/torch/cuda/__init__.py"\nFile "/x/site-packages/trl/a.py"',
        "trl",
    ),
    (
        'File "/root/miniconda3/envs/llama_factory/lib/python3.10/site-packages/torch/nn/functional.py", line 1',
        "llama-factory",
    ),
    ("GRPOTrainer from an Unsloth notebook dies", "unsloth"),
    ('File "/opt/conda/lib/python3.10/site-packages/torch/nn/modules/module.py", line 1501, in _call_impl', None),
    ("python main.py --epochs 3", None),
    ("deepspeed --num_gpus 4 my_train.py --deepspeed_config ds.json", "deepspeed"),
    ("nnUNetv2_train 001 3d_fullres all", "nnunet"),
]


@pytest.mark.parametrize(("text", "framework"), CASES)
def test_program(see: See, text: str, framework: str | None) -> None:
    assert see(text).get("framework") == framework


def test_versions(see: See) -> None:
    facts = see(
        "llamafactory version: 0.9.1\nPyTorch version: 2.4.0+cu121\ntorch==2.4.0\nllamafactory-cli train x.yaml"
    )
    assert facts["framework"] == "llama-factory"
    assert str(facts["torch_version"]).startswith("2.4.0")
    assert facts["framework_version"] == "0.9.1"


def test_steps_as_signals(observe: Observe) -> None:
    def signals(text: str) -> set[object]:
        return {item.value for item in observe(text) if item.fact == "signal"}

    assert signals(" 12%|█▏        | 120/1000 [10:00<1:13:20,  5.00s/it]") == {"after_many_steps"}
    assert signals("  0%|          | 0/1000 [00:00<?, ?it/s]") == {"at_first_step"}
    assert signals("Map: 100%|██████████| 52002/52002 [00:10<00:00, 5000 examples/s]") == set()
    assert signals("\n".join(f"{{'loss': 1.{n}, 'epoch': 0.{n}}}" for n in range(5))) == {"after_many_steps"}
