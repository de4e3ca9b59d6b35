# ruff: noqa: E501 - texts stand as they are written
"""What people say of a failure that is not this one: elsewhere, in other software, perhaps, or only in code; and the machine in their words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.readers.messages.conftest import Check

# The text, the failure, facts that it states; None for facts that it must not be taken to state.
CASES: list[tuple[str, str, dict[str, Any]]] = [
    # A class that is missing, or that code is prepared for, is no shortage.
    ("evaluate.py ends with AttributeError: module 'torch' has no attribute 'OutOfMemoryError'", "other_error", {"runtime": "pytorch"}),
    ("fix: retry on old releases\n\n## Summary\n- catch `torch.cuda.OutOfMemoryError` and a RuntimeError alike\n\n## Test plan\n- [ ] run it", "none", {}),
    ("    try:\n        step()\n    except torch.cuda.OutOfMemoryError as error:\n        shrink()", "none", {}),
    ("torch.cuda.OutOfMemoryError after my second epoch", "vram_oom", {"runtime": "pytorch"}),
    # The host's memory in other words.
    ("Loading checkpoint shards:  40%|####      | 2/5 [00:03<00:05,  1.7s/it]已杀死", "host_oom", {"phase": "load"}),
    ("./run.sh: Zeile 3: 4711 Getötet                python3 train.py", "host_oom", {}),
    ("converting the corpus got killed because of insufficient memory, the PC has 32G memory", "host_oom", {"gpu_memory_gib": None}),
    ("the loader eats all the RAM, and when there is no ram left the box hangs", "host_oom", {}),
    ("ram out of memory on colab around epoch 12", "host_oom", {"task": "train"}),
    ("about 300 MB of RAM memory keep accumulating with each sample of the inference", "host_oom", {"task": "inference"}),
    ("command terminated: my pod leaves with exit code 137 whenever the job starts", "host_oom", {"runtime": "k8s"}),
    ("PHP Fatal error:  Allowed memory size of 268435456 bytes exhausted (tried to allocate 32768 bytes) in /srv/a.php on line 9", "host_oom", {"runtime": "php"}),
    ("The message broker goes out of memory every night", "host_oom", {}),
    ("Since the update our java service is OOM after two days, the heap looks fine", "host_oom", {}),
    ("When I start the training my colab session always crashes", "host_oom", {"task": "train"}),
    ("the RAM consumption is increasing with each request of the load test", "host_oom", {}),
    ("after the loading I got \"Killed\". My box: RTX 3090, 64GB Ram", "host_oom", {"gpu_name": "RTX 3090", "gpu_memory_gib": None, "host_ram_gib": 64}),
    ("The experts are loaded into RAM by the CPU build, causing OOM. 32GB DDR5", "host_oom", {"host_ram_gib": 32}),
    ("24GB of GPU in RAM terms, and training is OOM", "vram_oom", {}),
    # A card that is not busy is slow, not short of memory.
    ("GPU memory is full but its utilization is very low, training is slow", "none", {"task": "train"}),
    ("High GPU memory usage but low volatile gpu-util, did I miss something?", "none", {}),
    ("训练很慢，GPU利用率低，显存占用很大", "none", {"task": "train"}),
    # Nothing has failed yet.
    ("The optimizer keeps two moments for each weight, potentially causing OOM (out of memory) when training. Please let it live on the CPU.", "question", {"task": "train"}),
    ("The paper reports that the dense variant runs out of memory when trained on a 24GB card.", "question", {}),
    ("[Fix] batch size of the example: the old value may lead to OOM while fine-tuning", "question", {"task": "train"}),
    ("The paper says that 24GB is enough, but I run out of memory when training", "vram_oom", {}),
    ("with batch 8 it would run out of memory after ten steps of training", "vram_oom", {}),
    ("On the branch `12-cuda-out-of-memory-in-eval` I see another error:\nRuntimeError: shape mismatch: value tensor of shape [3] cannot be broadcast", "other_error", {"runtime": "pytorch"}),
    ("RuntimeError: Sizes of tensors must match except in dimension 1. Got 7 and 8 in dimension 0", "other_error", {"runtime": "pytorch"}),
    ("frame #1: c10d::ProcessGroupNCCL::WorkNCCL::checkTimeout(std::optional<std::chrono::duration<long> >) + 0x1d2", "other_error", {"runtime": "nccl"}),
    # Who asks and shows an error has a failure; who only asks has none.
    ("Is 48GB enough for training this? The job dies within seconds:\nException in thread Thread-2 (results_loop):\nTraceback (most recent call last):", "other_error", {}),
    ("Is 48GB enough for training this?", "question", {}),
    # Where it struck.
    ("The validation fails with a CUDA out of memory error, the training works", "vram_oom", {"phase": "eval"}),
    ("out of memory after a few iterations of validation", "vram_oom", {"phase": "eval"}),
    ("Validating:  20%|##        | 7/35 [00:11<00:44,  1.5s/it]\nCUDA error: out of memory", "vram_oom", {"phase": "eval"}),
    ("It is out of memory during validation. Before:\n```\n    images = images.cuda()\n    y = model(images)\n```", "vram_oom", {"phase": "eval"}),
    # The machine.
    ("my graphics card configuration is 3090, batch_size 4, and training is OOM", "vram_oom", {"gpu_name": "RTX 3090"}),
    ("微调时会瞬间占满另一张卡的20G显存，然后CUDA out of memory", "vram_oom", {"gpu_memory_gib": None}),
    ("my specs: 3060 12gb,16gb ram, and it is CUDA OOM", "vram_oom", {"gpu_memory_gib": 12, "host_ram_gib": 16}),
    ("OOM with two machines, each has 12G GPU memory", "vram_oom", {"gpu_memory_gib": 12, "gpu_count": None}),
    ("It dies with CUDA OOM while trying to load the encoder", "vram_oom", {"phase": "load"}),
    ("kernel 0a1b2c3d-4e5f-613b-8a9b-0123456789ab restarted, then CUDA out of memory", "vram_oom", {"model": None, "params_b": None}),
    ("device: NVIDIA GeForce RTX 4070 (1) (sm_90) (8, 9)\nCUDA error: out of memory", "vram_oom", {"gpu_name": "RTX 4070"}),
    ("| 0         | Device Name: Intel(R) Arc(TM) Pro B70 Graphics            |\nXPU out of memory.", "vram_oom", {"gpu_name": "Arc Pro B70"}),
    ("VK Error Code: ERROR_OUT_OF_DEVICE_MEMORY", "vram_oom", {"runtime": "vulkan"}),
    ("Is 2x 3090 or 1x 4090 better for fine-tuning a 7B?", "question", {"gpu_name": None, "gpu_count": None}),
    ("On Windows 11 24GB GPU, CUDA out of memory", "vram_oom", {"gpu_count": None, "gpu_memory_gib": 24}),
    ("I used to train it on an old laptop with a 3060 6GB. On the new 5060 Ti with 16gb VRAM it is OOM", "vram_oom", {"gpu_name": "RTX 5060 Ti-16GB", "gpu_memory_gib": 16}),
    ("公司用的是V10032G显卡，训练时CUDA out of memory", "vram_oom", {"gpu_name": "V100-32GB"}),
    ("本地运行Foo-1.3B模型，4090的24G显存不足", "vram_oom", {"gpu_name": "RTX 4090", "task": "inference"}),
    ("CUDA out of memory with 10gb of RAM RTX 3080", "vram_oom", {"gpu_memory_gib": 10, "host_ram_gib": None}),
    ("My library was unsloth so far; testing torchtune now, training is OOM", "vram_oom", {"framework": "torchtune"}),
    ("render.py always get killed on the new box", "host_oom", {}),
    ("两块4090微调还是报现存不足", "vram_oom", {"gpu_name": "RTX 4090", "gpu_count": 2}),
    ("gpu现存不足怎么办", "vram_oom", {}),
    ("When using 1060-3g inference, the GPU memory is not enough", "vram_oom", {"gpu_name": "GTX 1060-3GB", "task": "inference"}),
    ("win10+16G内存+1080ti11G 推理报显存不足", "vram_oom", {"gpu_name": "GTX 1080 Ti", "host_ram_gib": 16}),
    ("I0000 StreamExecutor device (0): NVIDIA GeForce RTX 2070, Compute Capability 7.5\nCUDA_ERROR_OUT_OF_MEMORY", "vram_oom", {"gpu_name": "RTX 2070"}),
    ("解决加载foo模型爆显存的问题", "vram_oom", {"phase": "load"}),
    ("ValueError: Loaded weights leave no GPU memory for the KV cache under --mem-fraction-static=0.8.", "kv_cache", {"runtime": "sglang"}),
    # A flag for autocast keeps fp32 weights, unless they are loaded in another type, are an adapter's base, or are sharded.
    ("python run_clm.py --per_device_train_batch_size 1 --fp16 True\nCUDA error: out of memory", "vram_oom", {"precision": "amp-fp16", "autocast": None}),
    ("python run_clm.py --bf16 True --torch_dtype bfloat16\nCUDA error: out of memory", "vram_oom", {"precision": "bf16"}),
    ("python run_clm.py --use_peft True --lora_r 8 --bf16 True\nCUDA error: out of memory", "vram_oom", {"precision": "bf16", "method": "lora"}),
    ("deepspeed run_clm.py --bf16 True --deepspeed zero2.json\nCUDA error: out of memory", "vram_oom", {"precision": "bf16", "zero_stage": 2}),
    # Servers and frameworks.
    ("[trainer] GRPO with FSDP: the rollout of the actor is OOM", "vram_oom", {"task": "train"}),
    ("--xformers --opt-split-attention --no-half-vae\nRuntimeError: CUDA error: out of memory", "vram_oom", {"framework": "stable-diffusion-webui", "task": "inference"}),
    ("ValueError: The model's max seq len (16384) is larger than the maximum number of tokens that can be stored in KV cache (\n2048). Try increasing", "kv_cache", {"kv_cache_tokens": 2048}),
    ("E0101 10:11:12.131415 77 gpu_cudamallocasync_allocator.cc:361] gpu_async_0 cuMemAllocAsync failed to allocate 8589934592 bytes: RESOURCE_EXHAUSTED: : "
     "CUDA_ERROR_OUT_OF_MEMORY: out of memory\n Reported by CUDA: Free memory/Total memory: 2147483648/25769803776", "vram_oom",
     {"runtime": "jax", "tried_to_allocate_gib": 8.0, "gpu_free_gib": 2.0, "gpu_capacity_gib": 24.0}),
    ("Resource exhausted error after an hour, tensorflow 2.4", "vram_oom", {"runtime": "tensorflow"}),
    ("jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 1073741824 bytes.", "vram_oom", {"task": None}),
    ("    target: pytorch_lightning.strategies.DDPStrategy\nCUDA out of memory while training", "vram_oom", {"framework": "lightning"}),
    # The machine's memory, in more spellings; a card has no more than it can have.
    ("RTX4090 with 64GB RAM, CUDA out of memory", "vram_oom", {"gpu_name": "RTX 4090", "gpu_memory_gib": None, "host_ram_gib": 64}),
    ("CUDA OOM with a 3090 that has 24GB of RAM", "vram_oom", {"gpu_memory_gib": 24, "host_ram_gib": None}),
    ("CUDA OOM.\nDDR4 3200 32GB\nRTX 3060 12GB", "vram_oom", {"gpu_memory_gib": 12, "host_ram_gib": 32}),
    ("Two A100 and 300GB+ CPU RAM, still CUDA OOM", "vram_oom", {"host_ram_gib": 300}),
    ("一张4090，512G CPU memory，exitcode -9", "host_oom", {"host_ram_gib": 512}),
    ("CUDA OOM on this box with 31,5GB RAM", "vram_oom", {"host_ram_gib": 31.5}),
    ("It takes like 20gb of VRAM, then CUDA out of memory", "vram_oom", {"gpu_memory_gib": None}),
    ("I had a 3060 12GB for years. Then I upgraded to an RTX 4060 Ti 16GB and it is CUDA OOM", "vram_oom", {"gpu_name": "RTX 4060 Ti-16GB", "gpu_memory_gib": 16}),
    ("I upgraded from an RTX 2060 6GB to an RTX 3060 12GB, still CUDA OOM", "vram_oom", {"gpu_name": "RTX 3060", "gpu_memory_gib": 12}),
    ("my ram gets 100% within a minute and the UI dies, is that normal?", "host_oom", {}),
    ("It just crashes unless the page file is huge, why?", "host_oom", {}),
    # Whose it is, and what was done.
    ("双卡3090-24G加载官方7B模型微调，CUDA out of memory", "vram_oom", {"gpu_name": "RTX 3090", "gpu_count": 2, "gpu_memory_gib": 24}),
    ("官方文档要求80G显存，微调时显存不足", "vram_oom", {"gpu_memory_gib": None}),
    ("打算全参数微调，我使用了zero-2，序列长度是256，为啥显存还不够？", "vram_oom", {"zero_stage": 2, "seq_len": 256, "method": "full"}),
    ("full tuning on four cards is out of memory", "vram_oom", {"method": "full", "task": "train"}),
    ("CUDA out of memory. WARNING The model was not trained with masks", "vram_oom", {"task": None}),
    # An index may be wrong in any run, a class only where there is a loss.
    ("srcIndex < srcSelectDimSize\nRuntimeError: CUDA error: device-side assert triggered", "other_error", {"task": None}),
    ("nll_loss2d_forward_kernel: block: [0,0,0] Assertion `t >= 0 && t < n_classes` failed.\nRuntimeError: CUDA error: device-side assert triggered", "other_error", {"task": "train"}),
    # Memory of the machine that fills up, and who kills what.
    ("RAM used by the loader keeps growing during training", "host_oom", {"task": "train"}),
    ("评测的时候RAM一直在涨，怎么办？", "host_oom", {}),
    ("After some hours it uses lots of RAM. Is that a leak?", "host_oom", {}),
    ("memory grows and in the end the system killed my training process", "host_oom", {"task": "train"}),
    ("the training job is often killed", "host_oom", {}),
    # A question, or a failure inside one.
    ("Does it need a lot of GPU memory to run the demo?", "question", {}),
    ("And how about the VRAM?", "question", {}),
    ("I wonder if 16GB is enough for inference", "question", {"gpu_memory_gib": 16}),
    ("What is the minimum? I tried 4 GPUs with 16GBs for inference, but the memories still ran out.", "vram_oom", {"gpu_count": 4, "gpu_memory_gib": 16}),
    ("三块显存8G显卡，显存报错", "vram_oom", {"gpu_count": 3, "gpu_memory_gib": 8}),
    ("out of memory in a tiny example with 16GB memory.", "vram_oom", {"gpu_memory_gib": 16}),
    ('How much is needed? An error occurred: "Allocator (GPU_0_bfc) ran out of memory trying to allocate 1.50GiB."', "vram_oom", {"runtime": "tensorflow", "tried_to_allocate_gib": 1.5}),
    # What is used is no card's size; a model that was trained is used.
    ("开始时占用的显存只有3000M，后来显存溢出", "vram_oom", {"gpu_memory_gib": None}),
    ("用训练合并之后的模型启动api服务，对话几次就显存溢出", "vram_oom", {"task": "inference"}),
    ("Saving a small model in a notebook fails: [Errno 28] No space left on device", "other_error", {"phase": "checkpoint_save"}),
    ("the larger batch leads to OOM when validating", "vram_oom", {"phase": "eval"}),
    ("batch size 32 causes the graphics memory to exceed the limit", "vram_oom", {"batch_size": 32}),
    ("RuntimeError: cuda runtime error (77) : an illegal memory access was encountered at /pytorch/aten/src/THC/x.c:1", "other_error", {"runtime": "pytorch"}),
    # A mention at the start of a line is no decorator; who trains around a server trains.
    ("@some-maintainer is there a way? I get a CUDA OOM on an RTX 4080 while training", "vram_oom", {"gpu_name": "RTX 4080"}),
    ("CUDA OOM when the actor is rolling out in GRPO", "vram_oom", {"phase": "generate", "task": "train"}),
    ('File "/x/site-packages/trl/trainer/grpo_trainer.py", line 4, in __init__\nFile "/x/site-packages/vllm/entrypoints/llm.py", line 2, in __init__\n'
     'File "/x/site-packages/vllm/engine/llm_engine.py", line 7, in __init__\ntorch.OutOfMemoryError: CUDA out of memory.', "vram_oom", {"framework": "trl", "task": "train"}),
    ("python3 -m verl.trainer.main_ppo actor_rollout_ref.actor.fsdp_config.param_offload=True actor_rollout_ref.actor.fsdp_config.optimizer_offload=True\nCUDA OOM", "vram_oom", {"offload": "both"}),
    ("python3 -m verl.trainer.main_ppo actor_rollout_ref.actor.fsdp_config.param_offload=False actor_rollout_ref.actor.fsdp_config.optimizer_offload=False\nCUDA OOM", "vram_oom", {"offload": "none"}),
    ("gpu_memory_utilization: 0.8\nblock_size: 16\nmax_model_len: 8000\nvLLM is CUDA OOM", "vram_oom", {"seq_len": 8000, "max_model_len": 8000}),
    ("MPS backend out of memory on Mac OS (M2), 16gb RAM", "vram_oom", {"gpu_name": "Apple M2"}),
    # A busy card is asked for, not a bigger one.
    ("gpu-util is always 0 and training is slow. What can I do to make my gpu busy?", "none", {"task": "train"}),
    ("I have no room for the whole model. Can I quantize it when VRAM is not enough?", "question", {}),
    ("Is it possible to lower the VRAM requirements? (I personally have 16GB)", "question", {"gpu_memory_gib": 16}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "facts"), CASES, ids=[case[0][:40] for case in CASES])
def test_what_is_said(check: Check, text: str, kind: str, facts: dict[str, Any]) -> None:
    check(text, kind, **facts)
