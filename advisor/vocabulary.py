"""The words: every fact that the readers report, the rules compare, the estimator reads and a person can state."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

Lang: TypeAlias = Literal["en", "zh"]
Kind: TypeAlias = Literal["int", "float", "gib", "bool", "id", "text", "list"]

PHASES = (
    "load", "data", "forward", "backward", "optimizer_step", "eval", "generate", "checkpoint_save", "resume", "init",
)  # fmt: skip


class FactSpec(Struct, frozen=True):
    """One word of the vocabulary.

    Attributes:
        name: the flat name, with the unit where there is one.
        kind: the type of its value; `gib` is a float in GiB, `id` one word of a closed or open set.
        group: message, run, hardware, model, method, sizes, sharding, serving: how forms and help group it.
        en, zh: one line of description.
        choices: the closed set of an `id`; empty when open.
        low, high: inclusive bounds of a number.
        ask_en, ask_zh: the question to put to a person who has not stated it; empty when there is no use in asking.
    """

    name: str
    kind: Kind
    group: str
    en: str
    zh: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1e12
    ask_en: str = ""
    ask_zh: str = ""

    def describe(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.en

    def ask(self, lang: Lang) -> str:
        return self.ask_zh if lang == "zh" else self.ask_en


_S = FactSpec
_MAX_TOKENS = 1e9

_WORDS = (
    # What the message itself says.
    _S("runtime", "id", "message", "the runtime that reported the failure", "报错的运行时"),
    _S("phase", "id", "message", "where in the run the failure struck", "故障发生的阶段", PHASES,
       ask_en="Where did it fail: while loading, in the forward or backward pass, in the optimizer step, in evaluation, or while saving?",
       ask_zh="在哪个阶段出错:加载、前向、反向、优化器更新、评估,还是保存?"),
    _S("tried_to_allocate_gib", "gib", "message", "size of the allocation that failed", "失败的那次分配的大小"),
    _S("gpu_index", "int", "message", "index of the device that ran out", "显存不足的设备编号", high=65535),
    _S("gpu_capacity_gib", "gib", "message", "usable memory of the device, as the runtime reports it", "运行时报告的设备可用显存"),
    _S("gpu_free_gib", "gib", "message", "memory that was still free on the device", "设备上剩余的显存"),
    _S("process_in_use_gib", "gib", "message", "memory this process held, all of it", "本进程占用的全部显存"),
    _S("torch_allocated_gib", "gib", "message", "memory in live PyTorch tensors", "PyTorch 已分配的显存"),
    _S("torch_reserved_unallocated_gib", "gib", "message", "memory PyTorch's allocator held but no tensor used",
       "PyTorch 已保留但未分配的显存"),
    _S("torch_reserved_gib", "gib", "message", "memory PyTorch's allocator had reserved in total", "PyTorch 保留的显存总量"),
    _S("other_processes_gib", "gib", "message", "memory that other processes held on the device", "同卡其他进程占用的显存"),
    _S("private_pools_gib", "gib", "message", "memory in CUDA graphs' private pools", "CUDA Graph 私有池占用的显存"),
    # The machine.
    _S("gpu_name", "text", "hardware", "the card, such as RTX 4090 or A100-80GB", "显卡型号,如 RTX 4090 或 A100-80GB",
       ask_en="Which GPU is it, and how much memory does it have?", ask_zh="用的是什么显卡,显存多大?"),
    _S("gpu_count", "int", "hardware", "number of GPUs the run uses", "使用的显卡数量", low=1, high=1e6,
       ask_en="How many GPUs does the run use?", ask_zh="用了几张卡?"),
    _S("gpu_memory_gib", "gib", "hardware", "memory of one device", "单卡显存",
       ask_en="How much memory does one GPU have?", ask_zh="单卡显存是多少?"),
    _S("host_ram_gib", "gib", "hardware", "RAM of the machine", "主机内存"),
    # What ran.
    _S("task", "id", "run", "training or inference", "训练还是推理", ("train", "inference"),
       ask_en="Is this training or inference?", ask_zh="是训练还是推理?"),
    _S("framework", "id", "run", "the program that ran, by its package or repository name", "使用的框架或项目",
       ask_en="Which framework or training script runs it?", ask_zh="用的是哪个框架或训练脚本?"),
    _S("framework_version", "text", "run", "version of that program", "框架版本"),
    _S("torch_version", "text", "run", "version of PyTorch", "PyTorch 版本"),
    _S("transformers_version", "text", "run", "version of Transformers below the program", "程序所用的 Transformers 版本"),
    # The model.
    _S("model", "text", "model", "the model's name, as written", "模型名称",
       ask_en="Which model is it (its Hugging Face id is best)?", ask_zh="是什么模型(最好给出 Hugging Face 上的名字)?"),
    _S("hf_id", "text", "model", "the model's id on the Hugging Face Hub", "Hugging Face 模型 id"),
    _S("params_b", "float", "model", "parameters, in billions", "参数量(十亿)", high=1e5,
       ask_en="How many billion parameters does the model have?", ask_zh="模型有多少 B 参数?"),
    _S("model_kind", "id", "model", "what sort of model", "模型类别",
       ("llm", "vlm", "vla", "encoder", "seq2seq", "speech", "vision", "diffusion")),
    # What is trained, and how the numbers are kept.
    _S("method", "id", "method", "what is trained: full, lora, qlora, freeze ...", "训练方式:full、lora、qlora、freeze 等",
       ask_en="Is it full fine-tuning, LoRA or QLoRA?", ask_zh="是全参数微调、LoRA 还是 QLoRA?"),
    _S("lora_rank", "int", "method", "rank of the LoRA adapters", "LoRA 的秩", low=1, high=65536),
    _S("lora_targets", "list", "method", "modules that get adapters: attention, qv, all-linear, or a list", "加 LoRA 的模块"),
    _S("precision", "id", "method", "number format of weights and computation", "精度",
       ("fp32", "fp16", "bf16", "fp8", "amp-fp16", "amp-bf16"),
       ask_en="Which precision: fp32, fp16, bf16, or mixed precision (AMP)?", ask_zh="什么精度:fp32、fp16、bf16,还是混合精度?"),
    _S("quantization", "id", "method", "format of quantised base weights", "基座权重的量化格式"),
    _S("optimizer", "id", "method", "the optimizer", "优化器",
       ask_en="Which optimizer is it?", ask_zh="用的什么优化器?"),
    _S("frozen", "list", "method", "parts that are not trained: vision, projector, text, head, embeddings", "冻结的部分"),
    _S("trainable_params", "float", "method", "number of trained parameters", "可训练参数量"),
    # Sizes.
    _S("batch_size", "int", "sizes", "samples per device in one forward pass", "单卡 batch size", low=1, high=1e7,
       ask_en="What is the per-device batch size?", ask_zh="单卡 batch size 是多少?"),
    _S("grad_accum", "int", "sizes", "gradient accumulation steps", "梯度累积步数", low=1, high=1e6),
    _S("seq_len", "int", "sizes", "tokens of one sample, text and image together", "序列长度(含图像 token)", low=1,
       high=_MAX_TOKENS,
       ask_en="How long are the sequences, in tokens?", ask_zh="序列长度是多少 token?"),
    _S("tgt_seq_len", "int", "sizes", "tokens on the decoder's side", "解码端序列长度", low=1, high=_MAX_TOKENS),
    _S("num_generations", "int", "sizes", "completions sampled per prompt in GRPO-like training", "每个 prompt 的采样数",
       low=1, high=1e5),
    _S("image_resolution", "text", "sizes", "pixels as WxH", "图像分辨率(WxH)",
       ask_en="What image resolution goes in?", ask_zh="输入图像分辨率是多少?"),
    _S("image_tokens", "int", "sizes", "tokens that images take in one sample", "每个样本的图像 token 数", high=_MAX_TOKENS),
    _S("images_per_sample", "int", "sizes", "images in one sample", "每个样本的图像数", high=1e6),
    _S("num_frames", "int", "sizes", "video frames in one sample", "视频帧数", high=1e6),
    _S("num_workers", "int", "sizes", "data-loading worker processes", "DataLoader 进程数", high=1e5),
    # Sharding and saving.
    _S("zero_stage", "int", "sharding", "DeepSpeed ZeRO stage", "ZeRO 阶段", high=3),
    _S("fsdp", "bool", "sharding", "fully sharded data parallel", "是否使用 FSDP"),
    _S("parallelism", "id", "sharding", "ddp, zero1-3, fsdp, tpN, ppN, device_map, joined by +", "并行方式"),
    _S("offload", "id", "sharding", "what is kept in host memory", "卸载到内存的部分",
       ("none", "optimizer", "params", "both", "activations", "optimizer+grads")),
    _S("gradient_checkpointing", "bool", "sharding", "activations are recomputed in the backward pass", "梯度检查点",
       ask_en="Is gradient checkpointing on?", ask_zh="开了梯度检查点吗?"),
    _S("flash_attention", "bool", "sharding", "an attention kernel that never holds the score matrix", "是否使用 FlashAttention"),
    _S("attention", "id", "sharding", "the attention implementation", "注意力实现", ("sdpa", "flash", "eager")),
    _S("fused_ce", "bool", "sharding", "the loss never holds all logits at once", "是否使用融合/分块交叉熵"),
    # Serving.
    _S("gpu_memory_utilization", "float", "serving", "share of the card that the server may take", "服务可用的显存比例", high=1.0),
    _S("kv_cache_tokens", "int", "serving", "tokens that the KV cache can hold", "KV cache 可容纳的 token 数", high=1e12),
    _S("kv_cache_dtype", "id", "serving", "format of the KV cache: fp8, q8_0, int8 ...", "KV cache 的数据格式(fp8、q8_0、int8 等)"),
    _S("max_model_len", "int", "serving", "longest sequence that the server accepts", "服务支持的最大长度", low=1, high=_MAX_TOKENS),
    _S("concurrency", "int", "serving", "sequences served at the same time", "并发序列数", low=1, high=1e7),
    _S("gpu_layers", "int", "serving", "layers put on the GPU (llama.cpp)", "放到 GPU 上的层数", high=1e5),
    # Words of the estimator that logs seldom state.
    _S("workload", "id", "serving", "what an inference does", "推理负载",
       ("load", "prefill", "generate", "prefill+decode", "forward", "serve")),
    _S("image", "text", "sizes", "the image, in words", "图像描述"),
    _S("image_grid", "text", "sizes", "patches of one image as HxW", "图像 patch 网格(HxW)"),
    _S("vision_tokens", "int", "sizes", "positions of one image inside its tower", "视觉塔内的 token 数", high=_MAX_TOKENS),
    _S("checkpoint_reentrant", "bool", "sharding", "the reentrant kind of checkpointing", "是否为 reentrant 检查点"),
    _S("loop", "id", "run", "the training loop: HF Trainer's, or a plain one that keeps its outputs", "训练循环", ("trainer", "plain")),
    _S("mask", "id", "sizes", "the attention mask handed to the model", "注意力掩码", ("none", "ones", "padded")),
    _S("steps", "int", "run", "training steps until the peak", "训练步数", low=1, high=1e9),
    _S("autocast", "id", "method", "dtype of autocast over weights of `precision`", "autocast 精度"),
    _S("optimizer_impl", "id", "method", "how the optimizer step runs", "优化器实现", ("foreach", "fused", "loop")),
    _S("lora_dropout", "float", "method", "dropout before the adapters", "LoRA dropout", high=1.0),
    _S("lora_fp32", "bool", "method", "adapters kept in fp32", "LoRA 权重是否为 fp32"),
    _S("kbit_prepare", "bool", "method", "PEFT's preparation of a quantised base", "是否调用 prepare_model_for_kbit_training"),
)  # fmt: skip

VOCABULARY: dict[str, FactSpec] = {spec.name: spec for spec in _WORDS}
# What a person can say of a run, in the order of forms and help; the numbers of an error message are read, not asked.
DESCRIBABLE: tuple[str, ...] = tuple(spec.name for spec in _WORDS if spec.group != "message" or spec.name == "phase")
