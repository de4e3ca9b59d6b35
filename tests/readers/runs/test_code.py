"""Python code and Python configurations, read as text: calls, assignments, methods; and what is not a setting of the run."""

from __future__ import annotations

import pytest

from .conftest import See
from .test_command_lines import ABSENT, Expected

CASES: list[tuple[str, str, Expected]] = [
    (
        "TrainingArguments",
        """training_args = TrainingArguments(
    output_dir="out",
    per_device_train_batch_size=4,
    per_device_eval_batch_size=16,
    gradient_accumulation_steps=8,
    gradient_checkpointing=True,
    fp16=True,
    optim="adafactor",
)""",
        {"batch_size": 4, "grad_accum": 8, "gradient_checkpointing": True, "precision": "amp-fp16", "optimizer": "adafactor",
         "framework": "transformers", "task": "train"},
    ),
    (
        "QLoRA with bitsandbytes",
        """bnb_config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16)
model = AutoModelForCausalLM.from_pretrained("tiiuae/falcon-7b", quantization_config=bnb_config, device_map="auto")
model = prepare_model_for_kbit_training(model)
config = LoraConfig(r=16, lora_alpha=32, target_modules=["query_key_value"], lora_dropout=0.05, task_type="CAUSAL_LM")
model = get_peft_model(model, config)""",
        {"quantization": "nf4", "model": "tiiuae/falcon-7b", "params_b": 7, "method": "qlora", "lora_rank": 16, "task": "train"},
    ),
    (
        "LoRA on half-precision weights",
        """model_id = "meta-llama/Llama-2-7b-hf"
model = LlamaForCausalLM.from_pretrained(model_id, torch_dtype=torch.float16)
peft_config = LoraConfig(
    r=8,
    lora_alpha=16,
    target_modules=["q_proj", "v_proj"],
)""",
        {"model": "meta-llama/Llama-2-7b-hf", "precision": "fp16", "method": "lora", "lora_rank": 8,
         "lora_targets": ["q_proj", "v_proj"]},
    ),
    (
        "Unsloth",
        """model, tokenizer = FastLanguageModel.from_pretrained(
    model_name = "unsloth/mistral-7b-bnb-4bit",
    max_seq_length = 4096,
    dtype = None,
    load_in_4bit = True,
)
model = FastLanguageModel.get_peft_model(
    model,
    r = 16,
    use_gradient_checkpointing = "unsloth",
)
trainer = SFTTrainer(model = model, args = SFTConfig(per_device_train_batch_size = 2,
    gradient_accumulation_steps = 4, optim = "adamw_8bit"))""",
        {"framework": "unsloth", "model": "unsloth/mistral-7b-bnb-4bit", "seq_len": 4096, "method": "qlora", "lora_rank": 16,
         "gradient_checkpointing": True, "batch_size": 2, "grad_accum": 4, "optimizer": "adamw_8bit", "task": "train"},
    ),
    (
        "GRPOConfig",
        """training_args = GRPOConfig(
    per_device_train_batch_size=2,
    num_generations=4,
    max_prompt_length=256,
    max_completion_length=512,
    bf16=True,
    use_vllm=True,
    vllm_gpu_memory_utilization=0.3,
)
trainer = GRPOTrainer(model="Qwen/Qwen2-0.5B-Instruct", reward_funcs=f, args=training_args)""",
        {"framework": "trl", "batch_size": 2, "num_generations": 4, "precision": "amp-bf16", "gpu_memory_utilization": 0.3,
         "model": "Qwen/Qwen2-0.5B-Instruct", "params_b": 0.5, "task": "train"},
    ),
    (
        "a plain loop",
        """batch_size = 8
loader = DataLoader(train_set, batch_size=batch_size, shuffle=True, num_workers=4)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
for x, y in loader:
    with torch.cuda.amp.autocast():
        loss = model(x, y)
    loss.backward()
    optimizer.step()""",
        {"batch_size": 8, "optimizer": "adamw", "precision": "amp-fp16", "task": "train"},
    ),
    (
        "autocast in bf16",
        "with torch.autocast(device_type='cuda', dtype=torch.bfloat16):\n    out = net(x)\nloss.backward()",
        {"precision": "amp-bf16"},
    ),
    (
        "8-bit Adam and half weights",
        "model = model.half().cuda()\nopt = bnb.optim.Adam8bit(model.parameters(), lr=1e-5)\nloader = DataLoader(ds, batch_size=2)",
        {"precision": "fp16", "optimizer": "adamw_8bit", "batch_size": 2},
    ),
    (
        "checkpointing by method",
        'model = AutoModelForCausalLM.from_pretrained("gpt2-xl")\nmodel.gradient_checkpointing_enable()\ntrainer.train()',
        {"model": "gpt2-xl", "gradient_checkpointing": True, "task": "train"},
    ),
    (
        "checkpointing switched off by method",
        "model.gradient_checkpointing_disable()\ntrainer.train()",
        {"gradient_checkpointing": False},
    ),
    (
        "comments are not code",
        """train(
    batch_size=4,
    # gradient_accumulation_steps=8,
    lr=1e-4,  # fp16=True
)""",
        {"batch_size": 4, "grad_accum": ABSENT, "precision": ABSENT},
    ),
    (
        "XTuner",
        """# Model
pretrained_model_name_or_path = 'internlm/internlm2-chat-7b'
max_length = 2048
batch_size = 1  # per_device
accumulative_counts = 16
dataloader_num_workers = 0
optim_type = AdamW
llm=dict(
    type=AutoModelForCausalLM.from_pretrained,
    pretrained_model_name_or_path=pretrained_model_name_or_path,
    torch_dtype=torch.float16,
    quantization_config=dict(
        type=BitsAndBytesConfig,
        load_in_4bit=True,
        load_in_8bit=False)),
lora=dict(
    type=LoraConfig,
    r=64,
    lora_alpha=16)
from xtuner.engine.hooks import DatasetInfoHook""",
        {"framework": "xtuner", "model": "internlm/internlm2-chat-7b", "seq_len": 2048, "batch_size": 1, "grad_accum": 16,
         "method": "qlora", "lora_rank": 64, "optimizer": "adamw", "params_b": 7},
    ),
    (
        "diffusers inference",
        """pipe = StableDiffusionXLPipeline.from_pretrained("stabilityai/stable-diffusion-xl-base-1.0", torch_dtype=torch.float16)
pipe.to("cuda")
image = pipe(prompt, height=1024, width=768, num_inference_steps=30).images[0]""",
        {"model": "stabilityai/stable-diffusion-xl-base-1.0", "precision": "fp16", "image_resolution": "768x1024", "task": "inference",
         "framework": "diffusers"},
    ),
    (
        "transformers generation",
        """model = AutoModelForCausalLM.from_pretrained("mistralai/Mixtral-8x7B-Instruct-v0.1", torch_dtype=torch.bfloat16,
    device_map="auto", attn_implementation="flash_attention_2")
outputs = model.generate(**inputs, max_new_tokens=512)""",
        {"model": "mistralai/Mixtral-8x7B-Instruct-v0.1", "precision": "bf16", "flash_attention": True, "task": "inference"},
    ),
    (
        "load in 8 bit",
        'model = AutoModel.from_pretrained("THUDM/chatglm2-6b", load_in_8bit=True, trust_remote_code=True)\nmodel.chat(tok, "hi")',
        {"quantization": "8bit", "model": "THUDM/chatglm2-6b", "params_b": 6},
    ),
    (
        "Keras",
        "model.compile(optimizer='adam', loss='mse')\nmodel.fit(x_train, y_train, batch_size=64, epochs=10)",
        {"batch_size": 64, "optimizer": "adamw", "task": "train"},
    ),
    (
        "Lightning",
        'trainer = pl.Trainer(accelerator="gpu", devices=2, strategy="ddp", precision=16, '
        'accumulate_grad_batches=4)\ntrainer.fit(model, dm)',
        {"framework": "lightning", "gpu_count": 2, "grad_accum": 4, "task": "train", "precision": "amp-fp16"},
    ),
    (
        "Lightning with DeepSpeed",
        'trainer = Trainer(devices=8, strategy="deepspeed_stage_3_offload", precision="bf16-mixed")',
        {"zero_stage": 3, "offload": "both", "precision": "amp-bf16", "gpu_count": 8},
    ),
    (
        "ultralytics",
        'model = YOLO("yolov8n-seg.pt")\nmodel.train(data="a.yaml", epochs=10, imgsz=1024, batch=4)',
        {"framework": "ultralytics", "batch_size": 4, "image_resolution": "1024", "task": "train", "model": "yolov8n-seg"},
    ),
    (
        "a map over a data set has no training batch",
        "ds = ds.map(tokenize, batched=True, batch_size=1000)\ntrainer.train()",
        {"batch_size": ABSENT},
    ),
    (
        "vLLM in code",
        'llm = LLM(model="Qwen/Qwen2.5-32B-Instruct-AWQ", tensor_parallel_size=2, '
        'gpu_memory_utilization=0.92, max_model_len=8192, quantization="awq")',
        {"framework": "vllm", "model": "Qwen/Qwen2.5-32B-Instruct-AWQ", "gpu_count": 2, "gpu_memory_utilization": 0.92,
         "max_model_len": 8192, "quantization": "awq", "task": "inference", "params_b": 32},
    ),
    (
        "faster-whisper",
        'from faster_whisper import WhisperModel\nmodel = WhisperModel("large-v3", device="cuda", compute_type="float16")',
        {"framework": "faster-whisper", "task": "inference"},
    ),
    (
        "lines of a notebook's traceback are numbered",
        '----> 3 model.train(data="x.yaml", imgsz=640, batch=2)\nFile ~/.venv/lib/python3.10/site-packages/ultralytics/engine/model.py:800',
        {"batch_size": 2, "image_resolution": "640"},
    ),
    (
        "a signature with defaults is no setting",
        'def train(model, batch_size=32, lr=1e-3, max_length=512):\n    """Train."""',
        {"batch_size": ABSENT, "seq_len": ABSENT},
    ),
    (
        "argparse's defaults are no command line",
        'parser.add_argument("--batch_size", type=int, default=32, help="batch size")',
        {"batch_size": ABSENT},
    ),
    (
        "a model named by a variable",
        'name = "google/flan-t5-xl"\ntok = AutoTokenizer.from_pretrained(name)\n'
        'm = T5ForConditionalGeneration.from_pretrained(name, load_in_8bit=True)',
        {"model": "google/flan-t5-xl", "quantization": "8bit"},
    ),
    (
        "a product that is written out",
        "gradient_accumulation_steps = 4 * 6 # of all devices\nblock_size = 1024",
        {"grad_accum": 24, "seq_len": 1024},
    ),
    (
        "fields of a configuration class",
        "class TrainConfig:\n    batch_size: int = 6\n    gradient_accumulation_steps: int = 2",
        {"batch_size": 6, "grad_accum": 2},
    ),
    (
        "generation's length is not the training's",
        "out = model.generate(ids, max_length=4096)\nloss.backward()",
        {"seq_len": ABSENT, "task": "train"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), CASES, ids=[case[0] for case in CASES])
def test_code(see: See, name: str, text: str, expected: Expected) -> None:
    facts = see(text)
    for fact, value in expected.items():
        if value is ABSENT:
            assert fact not in facts, f"{fact} = {facts[fact]!r}"
        else:
            assert facts.get(fact) == value, f"{fact}: {facts.get(fact)!r}"
