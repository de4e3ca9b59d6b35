"""Servers' arguments and printed engine configurations; what trainers print of themselves."""

from __future__ import annotations

import pytest

from .conftest import See
from .test_command_lines import ABSENT, Expected

CASES: list[tuple[str, str, Expected]] = [
    (
        "vllm serve",
        "vllm serve Qwen/Qwen2.5-72B-Instruct --tensor-parallel-size 4 --max-model-len 16384 --gpu-memory-utilization 0.95 "
        "--max-num-seqs 64 --dtype bfloat16 --port 8000",
        {"framework": "vllm", "model": "Qwen/Qwen2.5-72B-Instruct", "gpu_count": 4, "max_model_len": 16384, "params_b": 72,
         "gpu_memory_utilization": 0.95, "concurrency": 64, "precision": "bf16", "task": "inference"},
    ),
    (
        "the OpenAI server of vLLM",
        "python -m vllm.entrypoints.openai.api_server --model /data/models/Llama-3-70B-Instruct-GPTQ --quantization gptq "
        "--max-model-len 4096 -tp 2",
        {"framework": "vllm", "model": "Llama-3-70B-Instruct-GPTQ", "quantization": "gptq", "max_model_len": 4096,
         "task": "inference", "params_b": 70},
    ),
    (
        "vLLM's own print",
        "INFO 05-06 10:00:00 llm_engine.py:237] Initializing an LLM engine (v0.6.3) with config: model='google/gemma-2-27b-it', "
        "speculative_config=None, tokenizer='google/gemma-2-27b-it', dtype=torch.float16, max_seq_len=8192, download_dir=None, "
        "load_format=auto, tensor_parallel_size=2, pipeline_parallel_size=1, quantization=None, enforce_eager=False, seed=0)",
        {"framework": "vllm", "model": "google/gemma-2-27b-it", "precision": "fp16", "max_model_len": 8192, "gpu_count": 2,
         "params_b": 27, "quantization": "none", "task": "inference"},
    ),
    (
        "vLLM in Docker Compose",
        """services:
  vllm:
    image: vllm/vllm-openai:v0.8.5
    command: --model mistralai/Mistral-Small-24B-Instruct-2501 --max-model-len 32768 --gpu-memory-utilization 0.85""",
        {"framework": "vllm", "model": "mistralai/Mistral-Small-24B-Instruct-2501", "max_model_len": 32768,
         "gpu_memory_utilization": 0.85},
    ),
    (
        "SGLang",
        "python3 -m sglang.launch_server --model-path deepseek-ai/DeepSeek-V2-Lite --tp 2 --mem-fraction-static 0.8 "
        "--context-length 32768 --max-running-requests 128",
        {"framework": "sglang", "model": "deepseek-ai/DeepSeek-V2-Lite", "gpu_count": 2, "gpu_memory_utilization": 0.8,
         "max_model_len": 32768, "concurrency": 128, "task": "inference"},
    ),
    (
        "SGLang's print",
        "server_args=ServerArgs(model_path='/models/Qwen2.5-7B-Instruct', tokenizer_path='/models/Qwen2.5-7B-Instruct', "
        "dtype='auto', quantization=None, context_length=None, mem_fraction_static=0.88, max_running_requests=None, tp_size=1)",
        {"framework": "sglang", "model": "Qwen2.5-7B-Instruct", "gpu_memory_utilization": 0.88, "gpu_count": 1},
    ),
    (
        "llama.cpp",
        "./llama-server -m models/Meta-Llama-3.1-8B-Instruct-Q5_K_M.gguf -ngl 33 -c 16384 -np 4 -fa",
        {"framework": "llama.cpp", "max_model_len": 16384, "gpu_layers": 33, "concurrency": 4, "task": "inference", "params_b": 8},
    ),
    (
        "llama.cpp's print",
        "llama_context: n_seq_max     = 2\nllama_context: n_ctx         = 40960\nllama_context: n_batch       = 2048\n"
        "load_tensors: offloaded 49/49 layers to GPU",
        {"framework": "llama.cpp", "max_model_len": 40960, "gpu_layers": 49},
    ),
    (
        "llama-cpp-python",
        'llm = Llama(model_path="./mistral-7b-instruct-v0.2.Q4_K_M.gguf", n_gpu_layers=-1, n_ctx=8192)\n'
        'File "/x/site-packages/llama_cpp/llama.py", line 300',
        {"framework": "llama.cpp", "max_model_len": 8192, "params_b": 7},
    ),
    (
        "TGI",
        "text-generation-launcher --model-id bigscience/bloom-7b1 --num-shard 2 --max-input-length 2048 --max-total-tokens 4096 "
        "--max-batch-prefill-tokens 4096 --quantize bitsandbytes-nf4",
        {"framework": "tgi", "model": "bigscience/bloom-7b1", "gpu_count": 2, "quantization": "nf4", "task": "inference"},
    ),
    (
        "Ollama",
        "ollama run qwen2.5:14b\nError: model requires more system memory (9.1 GiB) than is available (7.9 GiB)",
        {"framework": "ollama", "model": "qwen2.5:14b", "params_b": 14, "task": "inference"},
    ),
    (
        "Ollama's Modelfile",
        "FROM llama3.1:8b\nPARAMETER num_ctx 32768\nPARAMETER num_gpu 20\nollama create long -f Modelfile",
        {"framework": "ollama", "max_model_len": 32768, "gpu_layers": 20},
    ),
    (
        "lmdeploy",
        "lmdeploy serve api_server internlm/internlm2_5-7b-chat --tp 2 --cache-max-entry-count 0.5 --session-len 32768",
        {"framework": "lmdeploy", "model": "internlm/internlm2_5-7b-chat", "gpu_count": 2, "max_model_len": 32768, "task": "inference"},
    ),
    (
        "text-generation-webui",
        "python server.py --model TheBloke_Llama-2-13B-GPTQ --loader exllama --listen\n"
        'File "/home/u/text-generation-webui/modules/models.py", line 79, in load_model',
        {"framework": "text-generation-webui", "model": "TheBloke_Llama-2-13B-GPTQ", "params_b": 13, "task": "inference"},
    ),
    (
        "the trainer's banner",
        """***** Running training *****
  Num examples = 52,002
  Num Epochs = 3
  Instantaneous batch size per device = 4
  Total train batch size (w. parallel, distributed & accumulation) = 128
  Gradient Accumulation steps = 8
  Total optimization steps = 1,218
  Number of trainable parameters = 6,738,415,616""",
        {"batch_size": 4, "grad_accum": 8, "trainable_params": 6738415616, "task": "train", "framework": "transformers",
         "gpu_count": 4},
    ),
    (
        "the banner with a logger's prefix",
        "[INFO|trainer.py:2128] 2024-05-01 11:22:33,444 >> ***** Running training *****\n"
        "[INFO|trainer.py:2130] 2024-05-01 11:22:33,444 >>   Num examples = 1,000\n"
        "[INFO|trainer.py:2132] 2024-05-01 11:22:33,444 >>   Instantaneous batch size per device = 2\n"
        "[INFO|trainer.py:2135] 2024-05-01 11:22:33,444 >>   Total train batch size (w. parallel, distributed & accumulation) = 2\n"
        "[INFO|trainer.py:2136] 2024-05-01 11:22:33,444 >>   Gradient Accumulation steps = 1",
        {"batch_size": 2, "grad_accum": 1, "task": "train", "gpu_count": 1},
    ),
    (
        "printed TrainingArguments",
        """TrainingArguments(
_n_gpu=1,
adafactor=False,
bf16=True,
fp16=False,
deepspeed=None,
fsdp=[],
gradient_accumulation_steps=2,
gradient_checkpointing=False,
optim=OptimizerNames.ADAMW_TORCH,
per_device_eval_batch_size=8,
per_device_train_batch_size=8,
)""",
        {"batch_size": 8, "grad_accum": 2, "gradient_checkpointing": False, "precision": "amp-bf16", "optimizer": "adamw",
         "fsdp": ABSENT, "framework": "transformers", "task": "train"},
    ),
    (
        "printed namespace",
        "Namespace(model_name_or_path='facebook/opt-1.3b', per_device_train_batch_size=4, max_seq_len=512, zero_stage=2, "
        "offload=False, gradient_checkpointing=True, lora_dim=0, gradient_accumulation_steps=1, local_rank=0)",
        {"model": "facebook/opt-1.3b", "batch_size": 4, "seq_len": 512, "zero_stage": 2, "gradient_checkpointing": True,
         "params_b": 1.3},
    ),
    (
        "PEFT's count",
        "trainable params: 4,194,304 || all params: 6,742,609,920 || trainable%: 0.0622",
        {"trainable_params": 4194304, "task": "train"},
    ),
    (
        "all parameters trained",
        "trainable params: 1,543,714,304 || all params: 1,543,714,304 || trainable%: 100.0",
        {"trainable_params": 1543714304, "params_b": ABSENT, "method": ABSENT},
    ),
    (
        "DeepSpeed's own print",
        "[2024-01-01 10:00:00,000] [INFO] [config.py:1003:print]   train_micro_batch_size_per_gpu  2\n"
        "[2024-01-01 10:00:00,000] [INFO] [config.py:1003:print]   gradient_accumulation_steps .. 4\n"
        "[2024-01-01 10:00:00,000] [INFO] [config.py:1003:print]   zero_optimization_stage ...... 3",
        {"batch_size": 2, "grad_accum": 4, "zero_stage": 3},
    ),
    (
        "Megatron's print",
        "  micro_batch_size ................................ 4\n  seq_length ...................................... 2048\n"
        "  bf16 ............................................ True\n  tensor_model_parallel_size ...................... 2\n"
        'File "/opt/megatron/training/training.py", line 900, in train',
        {"framework": "megatron", "batch_size": 4, "seq_len": 2048, "precision": "bf16"},
    ),
    (
        "a table of arguments",
        "| per_device_train_batch_size | 4 |\n| gradient_accumulation_steps | 2 |\n| max_seq_length | 1024 |",
        {"batch_size": 4, "grad_accum": 2, "seq_len": 1024},
    ),
    (
        "Unsloth's banner",
        r"""==((====))==  Unsloth - 2x faster free finetuning | Num GPUs = 2
   \\   /|    Num examples = 500 | Num Epochs = 1
O^O/ \_/ \    Batch size per device = 8 | Gradient Accumulation steps = 2
\        /    Total batch size = 16 | Total steps = 31
 "-____-"     Number of trainable parameters = 41,943,040""",
        {"framework": "unsloth", "batch_size": 8, "grad_accum": 2, "gpu_count": 2, "task": "train"},
    ),
    (
        "NeMo's dictionary",
        "[NeMo I 2024-02-02 10:00:00 exp_manager:397] trainer:\n  devices: 8\n  num_nodes: 2\n  precision: bf16\n"
        "model:\n  micro_batch_size: 1\n  global_batch_size: 128\n  encoder_seq_length: 4096",
        {"framework": "nemo", "batch_size": 1, "gpu_count": 16, "precision": "amp-bf16"},
    ),
    (
        "DeepSpeed's log of its set-up",
        "[INFO] [logging.py:96:log_dist] [Rank 0] Creating torch.float16 ZeRO stage 1 optimizer\n"
        "[INFO] [stage_1_and_2.py:148:__init__] CPU Offload: False",
        {"zero_stage": 1, "precision": "fp16", "offload": ABSENT},
    ),
    (
        "a source file's name is no stage",
        '  File "/x/site-packages/deepspeed/runtime/zero/stage_1_and_2.py", line 1868, in step',
        {"zero_stage": ABSENT},
    ),
    (
        "a model's own configuration says little of the run's precision",
        'loading configuration file /models/Yi-6B/config.json\nModel config LlamaConfig {\n'
        '  "architectures": [\n    "LlamaForCausalLM"\n  ],\n'
        '  "torch_dtype": "bfloat16"\n}\ntorchrun t.py --per_device_train_batch_size 1 --fp16 True',
        {"model": "Yi-6B", "params_b": 6, "precision": "amp-fp16"},
    ),
    (
        "YOLO's epoch line",
        "     Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
        "      1/100      5.31G      1.223      2.104      1.312         37        896:  14%|#4        | 20/141",
        {"image_resolution": "896", "task": "train"},
    ),
    (
        "a picture's parameters",
        "Steps: 28, Sampler: DPM++ 2M, CFG scale: 6, Seed: 7, Size: 960x1344, Model hash: 00aa",
        {"image_resolution": "960x1344"},
    ),
    (
        "a log line of several settings",
        "[10:00:00] INFO  max_length: 768   batch_size: 3   epoch: 2   fp16: True",
        {"batch_size": 3, "seq_len": 768, "precision": "amp-fp16"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_servers_and_prints(see: See, name: str, text: str, expected: Expected) -> None:
    facts = see(text)
    for fact, value in expected.items():
        if value is ABSENT:
            assert fact not in facts, f"{fact} = {facts[fact]!r}"
        else:
            assert facts.get(fact) == value, f"{fact}: {facts.get(fact)!r}"
