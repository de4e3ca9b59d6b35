python scripts/gr00t_finetune.py --dataset-path demo --num-gpus 1 --batch-size 16 --max-steps 10000 --no-tune-visual
