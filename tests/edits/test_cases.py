"""What people paste, and what they get back."""

from __future__ import annotations

from advisor.diagnosis import examine
from advisor.diagnosis.rewrite import Pasted, steps_of
from advisor.library import load_library

LIBRARY = load_library()


def changed(text: str, *remedies: str) -> tuple[list[str], list[str]]:
    """The lines that go and the lines that come; what has no place is in `rest` of the report and must be empty."""
    case = examine(text, library=LIBRARY)
    report = Pasted(case).rewrite(steps_of(case, remedies))
    assert not report.rest, report.rest
    rows = report.diff.split("\n")[2:]
    return [row[1:] for row in rows if row[:1] == "-"], [row[1:] for row in rows if row[:1] == "+"]


def test_a_variable_of_the_script_is_changed_where_it_is_set() -> None:
    text = "BS=8\ntorchrun train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size $BS\nCUDA out of memory"
    assert changed(text, "reduce_batch_size") == (["BS=8"], ["BS=4"])


def test_auto_stays_auto_and_the_command_has_the_value() -> None:
    text = (
        "deepspeed train.py --deepspeed ds.json --per_device_train_batch_size 8\n"
        '{\n  "train_micro_batch_size_per_gpu": "auto",\n  "zero_optimization": {"stage": 2}\n}\n'
        "4x 3090, CUDA out of memory"
    )
    gone, come = changed(text, "reduce_batch_size", "zero3")
    assert gone[0].endswith("--per_device_train_batch_size 8")
    assert come[0].endswith("--per_device_train_batch_size 4")
    assert len(come) == 2
    assert come[1].startswith('  "zero_optimization": {"stage": 3')


def test_half_precision_is_switched_not_doubled() -> None:
    gone, come = changed(
        "LLaMA-Factory CUDA out of memory\nfinetuning_type: lora\nfp16: false\nper_device_train_batch_size: 1\n",
        "mixed_precision",
    )
    assert not gone
    assert sorted(come) == ["bf16: true", "pure_bf16: true"]


def test_a_config_and_a_call_side_by_side() -> None:
    text = (
        'peft_config = LoraConfig(r=64, target_modules="all-linear")\n'
        'args = SFTConfig(output_dir="x", per_device_train_batch_size=8, max_length=4096)\n'
        "torch.OutOfMemoryError: CUDA out of memory."
    )
    _, come = changed(text, "smaller_lora_rank", "reduce_batch_size", "8bit_optimizer")
    assert come == [
        'peft_config = LoraConfig(r=32, target_modules="all-linear")',
        'args = SFTConfig(output_dir="x", per_device_train_batch_size=4, max_length=4096, optim="adamw_bnb_8bit")',
    ]


def test_an_environment_variable_stands_in_front() -> None:
    gone, come = changed("$ python train.py --batch_size 4\nCUDA out of memory", "alloc_conf_expandable")
    assert gone == ["$ python train.py --batch_size 4"]
    assert come == ["$ PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True python train.py --batch_size 4"]


def test_a_variable_full_of_options_keeps_them() -> None:
    text = "set COMMANDLINE_ARGS=--xformers\ncall webui.bat\ntorch.cuda.OutOfMemoryError: CUDA out of memory"
    assert changed(text, "cpu_offload")[1] == ["set COMMANDLINE_ARGS=--xformers --medvram"]


def test_a_server_in_python() -> None:
    text = (
        'llm = LLM(model="Qwen/Qwen2.5-14B-Instruct", max_model_len=32768)\ntorch.OutOfMemoryError: CUDA out of memory.'
    )
    assert changed(text, "reduce_max_model_len", "quantize_kv_cache", "enforce_eager")[1] == [
        'llm = LLM(model="Qwen/Qwen2.5-14B-Instruct", max_model_len=16384, kv_cache_dtype="fp8", enforce_eager=True)'
    ]


def test_a_command_in_a_log_line() -> None:
    text = "[12:00] INFO cmd: python train.py --batch-size 64 --amp\nRuntimeError: CUDA out of memory"
    assert changed(text, "reduce_batch_size")[1] == ["[12:00] INFO cmd: python train.py --batch-size 32 --amp"]
