torchrun --nproc_per_node=8 src/open_r1/grpo_rec.py --deepspeed local_scripts/zero3.json --num_generations 8 --per_device_train_batch_size 1 --gradient_checkpointing true --bf16
