"""The diff that `patch` takes, and what is said beside it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from advisor.cli import cli

RUN = """#!/bin/bash
export WANDB_MODE=offline
torchrun --nproc_per_node 1 \\
  train.py \\
  --model_name_or_path meta-llama/Llama-2-7b-hf \\
  --per_device_train_batch_size 8 \\
  --max_seq_length 2048 \\
  --optim adamw_torch \\
  --fp16 True
"""


def _answer(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["diagnose", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs the program patch")
@pytest.mark.parametrize("end", ["", "\n"])
def test_patch_takes_it(tmp_path: Path, end: str) -> None:
    path = tmp_path / "run.sh"
    path.write_text(RUN.rstrip("\n") + end)
    diff = _answer(
        str(path), "--gpu", "RTX 3090", "--apply", "reduce_batch_size,8bit_optimizer,gradient_checkpointing,lora"
    )
    subprocess.run(["patch", "-p0", str(path)], input=diff, text=True, check=True, capture_output=True)
    after = path.read_text()
    assert "--optim adamw_bnb_8bit" in after
    assert "--gradient_checkpointing True" in after
    assert "--per_device_train_batch_size 8" not in after
    assert after.startswith("#!/bin/bash\nexport WANDB_MODE=offline\n")
    assert after.endswith("\n") is (end == "\n")


def test_line_numbers_are_those_of_the_paste(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("step 1\n" * 40 + RUN + "CUDA out of memory\n" * 3)
    diff = _answer(str(path), "--gpu", "RTX 3090", "--format", "diff", "--apply", "reduce_batch_size")
    assert "@@ -43,7 +43,7 @@" in diff


def test_without_anything_pasted_the_changes_come_as_a_snippet(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("full fine-tuning of a 7B model on an RTX 3090 runs out of memory")
    answer = _answer(str(path), "--format", "diff")
    assert answer.startswith("# Nothing in the text can be edited")
    assert "---" not in answer


def test_what_is_no_memory_failure_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text("ModuleNotFoundError: No module named 'flash_attn'")
    assert "There is nothing to change." in _answer(str(path), "--format", "diff")


def test_a_remedy_that_does_not_exist_is_named() -> None:
    result = CliRunner().invoke(cli, ["diagnose", "-", "--apply", "reduce_batch"], input="CUDA out of memory")
    assert result.exit_code != 0


def test_apply_belongs_to_the_diff() -> None:
    result = CliRunner().invoke(
        cli, ["diagnose", "-", "--format", "json", "--apply", "lora"], input="CUDA out of memory"
    )
    assert result.exit_code != 0
