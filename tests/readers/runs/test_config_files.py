"""Configuration files of many programs, whole and in fragments, and what looks like one."""

from __future__ import annotations

import pytest

from .conftest import See
from .test_command_lines import ABSENT, Expected

CASES: list[tuple[str, str, Expected]] = [
    (
        "LLaMA-Factory YAML",
        """### model
model_name_or_path: Qwen/Qwen2.5-7B-Instruct
### method
stage: sft
do_train: true
finetuning_type: full
deepspeed: examples/deepspeed/ds_z3_offload_config.json
### dataset
cutoff_len: 16384
### train
per_device_train_batch_size: 1
gradient_accumulation_steps: 2
optim: paged_adamw_8bit
bf16: true
### eval
per_device_eval_batch_size: 4""",
        {
            "framework": "llama-factory", "model": "Qwen/Qwen2.5-7B-Instruct", "method": "full", "zero_stage": 3,
            "offload": "both", "seq_len": 16384, "batch_size": 1, "grad_accum": 2, "optimizer": "paged_adamw_8bit",
            "precision": "bf16", "task": "train", "params_b": 7,
        },
    ),
    (
        "axolotl YAML",
        """base_model: NousResearch/Llama-2-13b-hf
load_in_8bit: false
load_in_4bit: true
adapter: qlora
sequence_len: 4096
sample_packing: true
lora_r: 32
lora_target_linear: true
gradient_accumulation_steps: 4
micro_batch_size: 2
optimizer: paged_adamw_32bit
bf16: auto
fp16:
gradient_checkpointing: true
flash_attention: true
deepspeed:""",
        {
            "framework": "axolotl", "model": "NousResearch/Llama-2-13b-hf", "method": "qlora", "quantization": "4bit",
            "seq_len": 4096, "lora_rank": 32, "grad_accum": 4, "batch_size": 2, "gradient_checkpointing": True,
            "flash_attention": True, "zero_stage": ABSENT, "precision": ABSENT, "task": "train", "optimizer": "paged_adamw",
        },
    ),
    (
        "DeepSpeed JSON",
        """{
  "train_batch_size": 64,
  "train_micro_batch_size_per_gpu": 2,
  "gradient_accumulation_steps": 4,
  "fp16": {"enabled": false},
  "bf16": {"enabled": true},
  "zero_optimization": {
    "stage": 2,
    "offload_optimizer": {"device": "cpu", "pin_memory": true},
    "overlap_comm": true
  },
  "optimizer": {"type": "AdamW", "params": {"lr": 1e-5}}
}""",
        {
            "batch_size": 2, "grad_accum": 4, "precision": "bf16", "zero_stage": 2, "offload": "optimizer", "optimizer": "adamw",
        },
    ),
    (
        "DeepSpeed JSON in one line with auto values",
        '{"fp16": {"enabled": "auto"}, "bf16": {"enabled": "auto"}, "zero_optimization": {"stage": 3, "offload_optimizer": '
        '{"device": "none"}, "offload_param": {"device": "cpu"}}, "train_micro_batch_size_per_gpu": "auto"}',
        {"zero_stage": 3, "offload": "params", "batch_size": ABSENT, "precision": ABSENT},
    ),
    (
        "DeepSpeed without offload",
        """"zero_optimization": {
        "stage": 1,
        "offload_optimizer": {
            "device": "none",
            "pin_memory": true
        }
    }""",
        {"zero_stage": 1, "offload": "none"},
    ),
    (
        "accelerate configuration with DeepSpeed",
        """compute_environment: LOCAL_MACHINE
deepspeed_config:
  gradient_accumulation_steps: 8
  offload_optimizer_device: cpu
  offload_param_device: cpu
  zero3_init_flag: true
  zero_stage: 3
distributed_type: DEEPSPEED
mixed_precision: bf16
num_machines: 1
num_processes: 4""",
        {"framework": "accelerate", "grad_accum": 8, "offload": "both", "zero_stage": 3, "precision": "amp-bf16", "gpu_count": 4},
    ),
    (
        "accelerate configuration with FSDP",
        """distributed_type: FSDP
fsdp_config:
  fsdp_auto_wrap_policy: TRANSFORMER_BASED_WRAP
  fsdp_offload_params: false
  fsdp_sharding_strategy: FULL_SHARD
  fsdp_activation_checkpointing: true
mixed_precision: 'no'
num_processes: 2
machine_rank: 0""",
        {"fsdp": True, "gradient_checkpointing": True, "gpu_count": 2, "precision": "fp32", "offload": ABSENT},
    ),
    (
        "torchtune YAML",
        """model:
  _component_: torchtune.models.llama3_1.qlora_llama3_1_8b
  lora_attn_modules: ['q_proj', 'v_proj']
  lora_rank: 16
tokenizer:
  max_seq_len: 8192
batch_size: 2
optimizer:
  _component_: bitsandbytes.optim.PagedAdamW8bit
  lr: 2e-5
gradient_accumulation_steps: 16
enable_activation_checkpointing: False
dtype: bf16""",
        {
            "framework": "torchtune", "method": "qlora", "lora_rank": 16, "seq_len": 8192, "batch_size": 2,
            "optimizer": "paged_adamw_8bit", "grad_accum": 16, "gradient_checkpointing": False, "precision": "bf16",
        },
    ),
    (
        "kohya TOML",
        """pretrained_model_name_or_path = "/models/sd_xl_base_1.0.safetensors"
resolution = "1024,1024"
train_batch_size = 3
gradient_accumulation_steps = 1
mixed_precision = "fp16"
optimizer_type = "Adafactor"
network_module = "networks.lora"
network_dim = 32
# gradient_checkpointing = true
cache_latents = true""",
        {
            "framework": "kohya", "batch_size": 3, "grad_accum": 1, "precision": "fp16", "optimizer": "adafactor",
            "method": "lora", "lora_rank": 32, "image_resolution": "1024x1024", "gradient_checkpointing": ABSENT,
            "model": "sd_xl_base_1.0",
        },
    ),
    (
        "musubi-tuner data set TOML",
        """[general]
resolution = [960, 544]
batch_size = 2
enable_bucket = true
[[datasets]]
video_directory = "/data/clips"
target_frames = [1, 25, 45]

accelerate launch src/musubi_tuner/hv_train_network.py --network_module networks.lora --fp8_base""",
        {"framework": "musubi-tuner", "image_resolution": "960x544", "batch_size": 2, "method": "lora"},
    ),
    (
        "TOML with arithmetic values of the wrong type",
        'batch_size = "lots"\nlora_rank = -3\ngradient_accumulation_steps = none\nper_device_train_batch_size = 0',
        {"batch_size": ABSENT, "lora_rank": ABSENT, "grad_accum": ABSENT},
    ),
    (
        "TRL YAML",
        """# GRPO
model_name_or_path: deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B
torch_dtype: bfloat16
attn_implementation: flash_attention_2
bf16: true
use_vllm: true
vllm_gpu_memory_utilization: 0.7
gradient_accumulation_steps: 4
gradient_checkpointing: true
max_prompt_length: 512
max_completion_length: 2048
num_generations: 16
per_device_train_batch_size: 16""",
        {
            "model": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B", "params_b": 1.5, "precision": "bf16", "flash_attention": True,
            "gpu_memory_utilization": 0.7, "grad_accum": 4, "gradient_checkpointing": True, "num_generations": 16,
            "batch_size": 16, "task": "train",
        },
    ),
    (
        "Lightning CLI YAML",
        """trainer:
  devices: 4
  strategy: deepspeed_stage_2_offload
  precision: bf16-mixed
  accumulate_grad_batches: 2
data:
  batch_size: 12""",
        {"gpu_count": 4, "zero_stage": 2, "offload": "optimizer", "precision": "amp-bf16", "grad_accum": 2, "batch_size": 12},
    ),
    (
        "a plain training YAML of no known program",
        """pretrained_path: /models/Something/
batch_size: 6
grad_accum_steps: 3
num_workers: 8
learning_rate: 1e-4
max_steps: 5000
lora:
  r: 16
  alpha: 32
  dropout: 0.0""",
        {"batch_size": 6, "grad_accum": 3},
    ),
    (
        "ESPnet YAML",
        """batch_type: numel
batch_bins: 4000000
batch_size: 20
accum_grad: 8
max_epoch: 50
optim: adamw
use_amp: true""",
        {"batch_size": 20, "grad_accum": 8, "optimizer": "adamw"},
    ),
    (
        "ultralytics args",
        "engine/trainer: task=segment, mode=train, model=yolo11m-seg.pt, data=d.yaml, epochs=100, patience=50, batch=8, "
        "imgsz=960, save=True, cache=False, device=0, workers=8, optimizer=auto, amp=True",
        {"framework": "ultralytics", "batch_size": 8, "image_resolution": "960", "precision": "amp-fp16", "model": "yolo11m-seg",
         "task": "train", "optimizer": ABSENT},
    ),
    (
        "MMDetection Python configuration",
        "data = dict(\n    samples_per_gpu=2,\n    workers_per_gpu=2,\n    train=dict(type='CocoDataset'))\n"
        "optimizer = dict(type='SGD', lr=0.02, momentum=0.9)\nfp16 = dict(loss_scale=512.)\nimg_scale=(1333, 800)",
        {"batch_size": 2, "optimizer": "sgd"},
    ),
    (
        "a diff keeps the new values",
        "--- a/conf.yaml\n+++ b/conf.yaml\n@@ -1,4 +1,4 @@\n-micro_batch_size: 8\n+micro_batch_size: 2\n gradient_accumulation_steps: 4",
        {"batch_size": 2, "grad_accum": 4},
    ),
    (
        "values of several lines of quoting",
        "> per_device_train_batch_size: 2\n> gradient_checkpointing: false\n> bf16: yes",
        {"batch_size": 2, "gradient_checkpointing": False, "precision": "amp-bf16"},
    ),
    (
        "JSON with escaped newlines stays harmless",
        '{"text": "batch_size: 4\\nfoo", "per_device_train_batch_size": 2}',
        {"batch_size": 2},
    ),
    (
        "prose with a colon is no configuration",
        "Model: works fine now\nnote: the optimizer: I have no idea, batch: whatever",
        {"model": ABSENT, "optimizer": ABSENT, "batch_size": ABSENT},
    ),
    (
        "detectron2 YAML",
        'SOLVER:\n  IMS_PER_BATCH: 16\n  BASE_LR: 0.02\nMODEL:\n  WEIGHTS: "detectron2://ImageNetPretrained/MSRA/R-50.pkl"\n'
        "INPUT:\n  MIN_SIZE_TRAIN: (800,)",
        {"batch_size": ABSENT},
    ),
    (
        "two configurations: the later one is in force",
        "first I had\nper_device_train_batch_size: 8\nthen\nper_device_train_batch_size: 2\nand it still fails",
        {"batch_size": 2},
    ),
    (
        "verl YAML",
        """actor_rollout_ref:
  model:
    path: Qwen/Qwen2.5-3B
    enable_gradient_checkpointing: True
  actor:
    ppo_micro_batch_size_per_gpu: 2
    fsdp_config:
      optimizer_offload: True
  rollout:
    n: 5
    gpu_memory_utilization: 0.4
trainer:
  n_gpus_per_node: 4""",
        {"framework": "verl", "model": "Qwen/Qwen2.5-3B", "gradient_checkpointing": True, "batch_size": 2, "num_generations": 5,
         "gpu_memory_utilization": 0.4, "gpu_count": 4, "offload": "optimizer", "fsdp": True},
    ),
    (
        "a config.json of a model says nothing of the run",
        '{"architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "num_hidden_layers": 32, "max_position_embeddings": 8192, '
        '"torch_dtype": "bfloat16", "vocab_size": 128256}',
        {"batch_size": ABSENT, "seq_len": ABSENT},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_configuration_file(see: See, name: str, text: str, expected: Expected) -> None:
    facts = see(text)
    for fact, value in expected.items():
        if value is ABSENT:
            assert fact not in facts, f"{fact} = {facts[fact]!r}"
        else:
            assert facts.get(fact) == value, f"{fact}: {facts.get(fact)!r}"
