swift sft --model Qwen/Qwen2-VL-7B-Instruct --train_type lora --per_device_train_batch_size 1 --gradient_accumulation_steps 16 --max_length 2048 --torch_dtype bfloat16 --deepspeed zero2
