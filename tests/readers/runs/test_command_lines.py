"""Command lines of many programs: both spellings, launchers, overrides, variables, comments, broken continuations."""

from __future__ import annotations

import pytest

from advisor.facts import FactValue

from .conftest import Observe, See

ABSENT = object()
Expected = dict[str, FactValue | object]

CASES: list[tuple[str, str, Expected]] = [
    (
        "torchrun with HF arguments in both spellings",
        """torchrun --nproc_per_node=4 --master_port 29501 train.py \\
  --model_name_or_path mistralai/Mistral-7B-v0.1 \\
  --per_device_train_batch_size=2 --gradient_accumulation_steps 16 \\
  --bf16 True --fp16 False --tf32 True \\
  --gradient_checkpointing True --model_max_length 4096 \\
  --optim adamw_bnb_8bit --deepspeed configs/zero2_offload.json""",
        {
            "gpu_count": 4, "model": "mistralai/Mistral-7B-v0.1", "params_b": 7, "batch_size": 2, "grad_accum": 16,
            "precision": "bf16", "gradient_checkpointing": True, "seq_len": 4096, "optimizer": "adamw_8bit",
            "zero_stage": 2, "offload": "optimizer", "task": "train",
        },
    ),
    (
        "bf16 off and fp16 on",
        "python finetune.py --per_device_train_batch_size 1 --bf16 False --fp16 True --gradient_checkpointing False",
        {"precision": "amp-fp16", "gradient_checkpointing": False, "batch_size": 1},
    ),
    (
        "flags that stand alone",
        "python train.py --per_device_train_batch_size 3 --bf16 --gradient_checkpointing --use_lora --output_dir out",
        {"precision": "bf16", "gradient_checkpointing": True, "method": "lora", "batch_size": 3},
    ),
    (
        "accelerate launch with its own flags before the script's",
        "accelerate launch --num_processes 2 --mixed_precision fp16 train_text_to_image_lora.py "
        '--pretrained_model_name_or_path="runwayml/stable-diffusion-v1-5" --resolution=768 --train_batch_size=4 '
        "--gradient_accumulation_steps=2 --rank=16 --use_8bit_adam",
        {
            "gpu_count": 2, "precision": "fp16", "model": "runwayml/stable-diffusion-v1-5", "batch_size": 4,
            "image_resolution": "768", "grad_accum": 2, "lora_rank": 16, "optimizer": "adamw_8bit", "method": "lora",
        },
    ),
    (
        "adapters on several modules, continued on the next line",
        "trl sft --model_name_or_path org/Tiny-1B --use_peft --lora_r 8 --lora_target_modules q_proj v_proj o_proj \\\n"
        "  --per_device_train_batch_size 4",
        {"lora_rank": 8, "lora_targets": ["q_proj", "v_proj", "o_proj"], "batch_size": 4},
    ),
    (
        "a server over a number of cards that is no power of two",
        "vllm serve org/Tiny-1B --tensor-parallel-size 3 --max-model-len 8192",
        {"gpu_count": 3, "parallelism": "tp3", "max_model_len": 8192},
    ),
    (
        "one card is no split",
        "vllm serve org/Tiny-1B --tensor-parallel-size 1",
        {"gpu_count": 1, "parallelism": ABSENT},
    ),
    (
        "deepspeed launcher with --num_gpus",
        "deepspeed --num_gpus 8 --master_port 60000 train_sft.py --deepspeed ds_zero3.json "
        "--per_device_train_batch_size 1 --max_seq_length 8192",
        {"gpu_count": 8, "zero_stage": 3, "batch_size": 1, "seq_len": 8192},
    ),
    (
        "deepspeed launcher with --include",
        "deepspeed --include localhost:0,1,2 finetune.py --deepspeed conf/zero3_offload.json",
        {"gpu_count": 3, "zero_stage": 3, "offload": "both"},
    ),
    (
        "visible devices count",
        "CUDA_VISIBLE_DEVICES=2,3,6,7 python main.py --batch-size 24 --img-size 640",
        {"gpu_count": 4, "batch_size": 24},
    ),
    (
        "visible devices in quotes, exported",
        'export CUDA_VISIBLE_DEVICES="0,1"\npython -m torch.distributed.launch --nproc_per_node 2 train.py --bs 6',
        {"gpu_count": 2, "batch_size": 6},
    ),
    (
        "a variable of the script is resolved",
        "BS=6\nACC=4\npython run_sft.py --per_device_train_batch_size $BS --gradient_accumulation_steps ${ACC} --bf16 true",
        {"batch_size": 6, "grad_accum": 4, "precision": "amp-bf16"},
    ),
    (
        "an unresolved variable is no fact",
        "torchrun train.py --per_device_train_batch_size ${BATCH_PER_DEVICE} --max_seq_length $MAXLEN --bf16",
        {"batch_size": ABSENT, "seq_len": ABSENT, "precision": "amp-bf16"},
    ),
    (
        "a commented flag is no fact",
        """python finetune.py \\
    --per_device_train_batch_size 4 \\
    # --gradient_checkpointing True \\
    --learning_rate 2e-5""",
        {"batch_size": 4, "gradient_checkpointing": ABSENT},
    ),
    (
        "continuations pasted on one line",
        r"torchrun --nproc_per_node=2 \ train.py --lora_r 32 \ --per_device_train_batch_size 2 \ --fp16 \ --max_length 1024",
        {"gpu_count": 2, "lora_rank": 32, "batch_size": 2, "precision": "fp16", "seq_len": 1024},
    ),
    (
        "ms-swift",
        "NPROC_PER_NODE=2 MAX_PIXELS=1003520 swift sft --model Qwen/Qwen2.5-VL-7B-Instruct --train_type lora "
        "--torch_dtype bfloat16 --lora_rank 16 --target_modules all-linear --per_device_train_batch_size 1 "
        "--gradient_accumulation_steps 8 --max_length 4096 --attn_impl flash_attn --deepspeed zero2 --freeze_vit true",
        {
            "framework": "ms-swift", "gpu_count": 2, "model": "Qwen/Qwen2.5-VL-7B-Instruct", "method": "lora",
            "precision": "bf16", "lora_rank": 16, "lora_targets": "all-linear", "batch_size": 1, "grad_accum": 8,
            "seq_len": 4096, "flash_attention": True, "zero_stage": 2, "task": "train", "params_b": 7,
        },
    ),
    (
        "ms-swift of the second generation is recognised by its flags",
        "--sft_type lora --model_id_or_path qwen/Qwen-7B-Chat --dtype bf16 --batch_size 2 --max_length 2048 "
        "--use_flash_attn false --gradient_checkpointing true",
        {"framework": "ms-swift", "method": "lora", "batch_size": 2, "seq_len": 2048, "precision": "bf16"},
    ),
    (
        "ms-swift full parameters",
        "swift sft --model_type qwen2_5 --model Qwen/Qwen2.5-14B --train_type full --torch_dtype bfloat16",
        {"method": "full", "params_b": 14, "precision": "bf16"},
    ),
    (
        "LLaMA-Factory on the command line",
        "llamafactory-cli train --stage sft --do_train True --model_name_or_path meta-llama/Meta-Llama-3-8B "
        "--finetuning_type lora --quantization_bit 4 --cutoff_len 2048 --per_device_train_batch_size 2 "
        "--gradient_accumulation_steps 8 --lora_rank 8 --lora_target all --optim adamw_torch --bf16 True --flash_attn fa2",
        {
            "framework": "llama-factory", "method": "qlora", "quantization": "4bit", "seq_len": 2048, "batch_size": 2,
            "grad_accum": 8, "lora_rank": 8, "optimizer": "adamw", "precision": "bf16", "flash_attention": True,
            "params_b": 8, "task": "train",
        },
    ),
    (
        "verl overrides",
        "python3 -m verl.trainer.main_ppo algorithm.adv_estimator=grpo data.train_batch_size=512 "
        "data.max_prompt_length=1024 data.max_response_length=3072 actor_rollout_ref.model.path=Qwen/Qwen2.5-7B-Instruct "
        "actor_rollout_ref.actor.ppo_mini_batch_size=128 actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=4 "
        "actor_rollout_ref.model.enable_gradient_checkpointing=True actor_rollout_ref.rollout.n=8 "
        "actor_rollout_ref.rollout.gpu_memory_utilization=0.6 actor_rollout_ref.actor.fsdp_config.param_offload=True "
        "actor_rollout_ref.rollout.tensor_model_parallel_size=2 trainer.n_gpus_per_node=8 trainer.nnodes=2",
        {
            "framework": "verl", "batch_size": 4, "num_generations": 8, "gradient_checkpointing": True, "gpu_count": 16,
            "gpu_memory_utilization": 0.6, "model": "Qwen/Qwen2.5-7B-Instruct", "params_b": 7, "task": "train",
            "fsdp": True, "offload": "params",
        },
    ),
    (
        "OpenRLHF",
        "deepspeed --module openrlhf.cli.train_sft --max_len 4096 --dataset Open-Orca/OpenOrca --train_batch_size 256 "
        "--micro_train_batch_size 2 --pretrain meta-llama/Llama-2-13b-hf --zero_stage 3 --bf16 --flash_attn "
        "--adam_offload --gradient_checkpointing",
        {
            "framework": "openrlhf", "seq_len": 4096, "batch_size": 2, "zero_stage": 3, "precision": "bf16",
            "flash_attention": True, "offload": "optimizer", "gradient_checkpointing": True, "params_b": 13,
        },
    ),
    (
        "a launcher's log with the command as a Python list",
        "[2025-02-03 10:11:12,001] [INFO] [launch.py:256:main] process 4242 spawned with command: ['/usr/bin/python3', "
        "'-u', 'train.py', '--local_rank=0', '--model_name_or_path', 'google/gemma-2-9b', '--per_device_train_batch_size', "
        "'4', '--deepspeed', 'zero1.json', '--bf16', 'True', '--gradient_checkpointing', 'True']",
        {"batch_size": 4, "zero_stage": 1, "precision": "bf16", "gradient_checkpointing": True, "params_b": 9},
    ),
    (
        "kohya",
        'accelerate launch --num_cpu_threads_per_process=2 "./sdxl_train_network.py" --resolution="1024,768" '
        '--network_module=networks.lora --network_dim=64 --train_batch_size="2" --mixed_precision="bf16" '
        '--optimizer_type="AdamW8bit" --gradient_checkpointing --xformers',
        {
            "framework": "kohya", "image_resolution": "1024x768", "method": "lora", "lora_rank": 64, "batch_size": 2,
            "precision": "bf16", "optimizer": "adamw_8bit", "gradient_checkpointing": True, "task": "train",
        },
    ),
    (
        "XTuner",
        "NPROC_PER_NODE=4 xtuner train llava_vicuna_7b_v15_qlora_clip_vit_large_p14_336_lora_e1_gpu8_finetune --deepspeed deepspeed_zero2",
        {"framework": "xtuner", "gpu_count": 4, "zero_stage": 2, "method": "qlora", "task": "train"},
    ),
    (
        "torchtune overrides",
        "tune run --nproc_per_node 2 full_finetune_distributed --config llama3_1/8B_full batch_size=1 "
        "gradient_accumulation_steps=8 enable_activation_checkpointing=True tokenizer.max_seq_len=2048",
        {
            "framework": "torchtune", "gpu_count": 2, "batch_size": 1, "grad_accum": 8, "gradient_checkpointing": True,
            "seq_len": 2048, "task": "train", "params_b": 8, "method": "full",
        },
    ),
    (
        "ultralytics",
        "yolo detect train data=coco128.yaml model=yolov8x.pt epochs=50 imgsz=1280 batch=16 workers=8",
        {"framework": "ultralytics", "image_resolution": "1280", "batch_size": 16, "task": "train", "model": "yolov8x"},
    ),
    (
        "yolov5",
        "python train.py --img 640 --batch 32 --epochs 100 --data custom.yaml --weights yolov5l.pt\n"
        'File "/home/u/yolov5/train.py", line 320, in train',
        {"framework": "ultralytics", "batch_size": 32, "image_resolution": "640", "task": "train"},
    ),
    (
        "an evaluation batch is not the training batch",
        "python run_glue.py --model_name_or_path bert-large-uncased --do_eval --per_device_eval_batch_size 64",
        {"batch_size": ABSENT, "model": "bert-large-uncased"},
    ),
    (
        "nodes multiply the processes of one node",
        "torchrun --nnodes 2 --nproc_per_node 8 --node_rank 0 train.py --per_device_train_batch_size 1",
        {"gpu_count": 16, "batch_size": 1},
    ),
    (
        "Megatron",
        "torchrun --nproc_per_node 8 pretrain_gpt.py --tensor-model-parallel-size 2 --pipeline-model-parallel-size 1 "
        "--num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 4096 --micro-batch-size 2 "
        "--global-batch-size 256 --bf16 --recompute-activations --use-flash-attn",
        {"framework": "megatron", "seq_len": 4096, "batch_size": 2, "precision": "bf16", "flash_attention": True, "gpu_count": 8},
    ),
    (
        "GR00T",
        "python scripts/gr00t_finetune.py --dataset-path ./demo_data --num-gpus 2 --batch-size 16 --lora_rank 64 "
        "--no-tune_diffusion_model",
        {"framework": "gr00t", "gpu_count": 2, "batch_size": 16, "lora_rank": 64, "task": "train"},
    ),
    (
        "nnU-Net and a trailing number are no batch",
        "nnUNetv2_train 500 3d_fullres 0 --npz",
        {"framework": "nnunet", "batch_size": ABSENT, "task": "train"},
    ),
    (
        "expandable segments set by the user",
        "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True python train.py --batch-size 2",
        {"batch_size": 2},
    ),
    (
        "a rank of GaLore is not LoRA's",
        "torchrun train.py --optim galore_adamw --per_device_train_batch_size 1 --bf16",
        {"optimizer": "galore", "batch_size": 1, "method": ABSENT},
    ),
    (
        "short flags of a known program",
        "python examples/train.py -b 4 -j 8 --image-size 224,224",
        {"image_resolution": "224x224"},
    ),
    (
        "DiffSynth",
        "accelerate launch examples/wanvideo/model_training/train.py --height 480 --width 832 --num_frames 49 "
        "--lora_rank 32 --use_gradient_checkpointing_offload --task sft --model_id_with_origin_paths Wan-AI/Wan2.1-T2V-14B:x",
        {"lora_rank": 32, "num_frames": 49, "image_resolution": "832x480", "gradient_checkpointing": True},
    ),
    (
        "a flag that a sentence refuses",
        "python t.py runs without --fp16 and I don't pass --gradient_checkpointing",
        {"precision": ABSENT, "gradient_checkpointing": ABSENT},
    ),
    (
        "a question about a flag",
        "Do I need `--gradient_checkpointing` here?",
        {"gradient_checkpointing": ABSENT},
    ),
    (
        "a usage message",
        "usage: train.py [-h] [--batch_size BATCH_SIZE] [--fp16] [--gradient_checkpointing]",
        {"batch_size": ABSENT, "precision": ABSENT, "gradient_checkpointing": ABSENT},
    ),
    (
        "a path of Windows",
        "python train_network.py --pretrained_model_name_or_path D:\\models\\Llama-2-7b-hf --train_batch_size 2",
        {"model": "Llama-2-7b-hf", "params_b": 7, "batch_size": 2},
    ),
    (
        "a model among plain arguments",
        "python finetune.py data/ /models/Qwen1.5-4B-Chat conf/lora.yaml",
        {"model": "Qwen1.5-4B-Chat", "params_b": 4, "task": "train", "method": "lora"},
    ),
    (
        "a default of a shell variable",
        "python t.py --per_device_train_batch_size ${BS:-6} --max_seq_length ${LEN}",
        {"batch_size": 6, "seq_len": ABSENT},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_command_line(see: See, name: str, text: str, expected: Expected) -> None:
    facts = see(text)
    for fact, value in expected.items():
        if value is ABSENT:
            assert fact not in facts, f"{fact} = {facts[fact]!r}"
        else:
            assert facts.get(fact) == value, f"{fact}: {facts.get(fact)!r}"


def test_expandable_segments_are_a_signal(observe: Observe) -> None:
    seen = observe("PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True python train.py")
    assert "alloc_conf_expandable_set" in {item.value for item in seen if item.fact == "signal"}


def test_the_runtimes_own_advice_is_no_signal(observe: Observe) -> None:
    seen = observe(
        "If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
    )
    assert not [item for item in seen if item.fact in ("signal", "tried")]


def test_lines_are_those_of_the_paste(observe: Observe) -> None:
    seen = observe("hello\nworld\npython t.py \\\n  --per_device_train_batch_size 8")
    places = {item.fact: item.line for item in seen}
    assert places["batch_size"] == 4
