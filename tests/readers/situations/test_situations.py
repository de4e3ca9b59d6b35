"""Situations: each signal on a text that shows it, silence on advice and on healthy text."""

from __future__ import annotations

import pytest

from advisor.library import load_library
from advisor.readers.document import Document
from advisor.readers.situations import look_alikes, memory_talk, serving, stack

SHOWN = {
    look_alikes: {
        "device_side_assert": "RuntimeError: CUDA error: device-side assert triggered",
        "illegal_memory_access": "an illegal memory access was encountered",
        "invalid_device_ordinal": "RuntimeError: CUDA error: invalid device ordinal",
        "driver_too_old": "The NVIDIA driver on your system is too old (found version 11040)",
        "no_kernel_image": "no kernel image is available for execution on the device",
        "cpu_only_build": "AssertionError: Torch not compiled with CUDA enabled",
        "device_lost": "UR_RESULT_ERROR_DEVICE_LOST",
        "disk_full": "OSError: [Errno 28] No space left on device: 'checkpoint-400'",
        "segmentation_fault": "Segmentation fault (core dumped)",
        "nccl_failure": "Watchdog caught collective operation timeout",
        "index_out_of_range": "IndexError: index out of range in self",
        "length_warning": "Token indices sequence length is longer than the specified maximum (900 > 512)",
        "java_heap": "java.lang.OutOfMemoryError: Java heap space",
        "cublas_handle": "CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cudnn_handle": "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "on_chip_memory": "OutOfResources: out of resource: shared memory, Required: 147456",
        "allocator_warning_only": "The caller indicates that this is not a failure, but there could be performance gains",
        "dataloader_workers": "DataLoader worker (pid 12) is killed by signal: Bus error",
        "pinned_memory": "loader = DataLoader(data, pin_memory=True)",
        "container_limit": "slurmstepd: error: Detected 1 oom_kill event in StepId=1.0",
        "paging_file": "[WinError 1455] The paging file is too small for this operation",
        "hosted_notebook_crash": "Your session crashed after using all available RAM",
        "single_buffer_limit": "ggml_vulkan: Device memory allocation of size 4294967296 failed.",
        "install_mismatch": "ImportError: libcudart.so.11.0: cannot open shared object file",
    },
    stack: {
        "loss_in_trace": "    loss = F.cross_entropy(shift_logits, labels)",
        "attention_in_trace": "    attn_weights = torch.matmul(query, key.transpose(2, 3))",
        "optimizer_in_trace": '    state["exp_avg_sq"] = torch.zeros_like(p)',
        "ddp_in_trace": 'File "torch/nn/parallel/distributed.py", line 795, in __init__',
        "zero_in_trace": 'File "deepspeed/runtime/zero/stage_1_and_2.py", line 561',
        "loading_in_trace": "Loading checkpoint shards:  33%",
        "resume_in_trace": "python train.py --resume last.pt",
        "eval_in_trace": "    output = eval_loop(...)  # evaluation_loop",
        "gather_in_trace": "    self._zero3_consolidated_16bit_state_dict()  # consolidated_16bit",
        "vae_in_trace": "    image = self.vae.decode(latents)",
        "matching_in_trace": "    overlaps = bbox_overlaps(gt, anchors)",
        "compile_in_trace": 'File "torch/_inductor/compile_fx.py", line 12',
        "graph_kept": "total += loss",
        "cudnn_benchmark_set": "torch.backends.cudnn.benchmark = True",
        "expandable_segments_set": "export PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True",
        "split_given": "--gpu-split 20,23",
        "dreambooth_run": "accelerate launch sdxl_train.py --resolution 1024",
        "volumes": "nnUNet_train 3d_fullres",
        "rollout_engine": "vllm_gpu_memory_utilization: 0.7",
        "policy_optimisation": "GRPO on 4 cards",
        "several_models_in_command": "--reward_pretrain out/rm --critic_learning_rate 9e-6",
        "more_with_zero": "ZeRO-2 uses more memory than ZeRO-1",
        "fine_tunes": "微调 7B",
        "runs_on_jax": "jaxlib.xla_extension.XlaRuntimeError",
    },
    serving: {
        "no_cache_blocks": "ValueError: No available memory for the cache blocks.",
        "length_exceeds_cache": "The model's max seq len (40960) is larger than the maximum number of tokens in KV cache (21232)",
        "free_below_share": "Free memory on device (2.1/23.6 GiB) on startup is less than desired GPU memory utilization (0.9)",
        "graph_capture": "Capturing CUDA graphs (mixed prefill-decode):  12%  cache",
        "warm_up_requests": "out of memory occurred when warming up sampler with 1024 dummy requests",
        "static_fraction": "--mem-fraction-static 0.9",
        "batch_total_tokens": "--max-batch-total-tokens 64000  cache",
        "kv_fraction": "kv_cache_free_gpu_mem_fraction=0.95",
    },
}
CASES = [(reader, signal, text) for reader, table in SHOWN.items() for signal, text in table.items()]


@pytest.mark.parametrize(("reader", "signal", "text"), CASES, ids=[signal for _, signal, _ in CASES])
def test_signal(reader: object, signal: str, text: str) -> None:
    seen = list(reader.read(Document.of(f"first line\n{text}\n")))  # type: ignore[attr-defined]
    assert signal in [item.value for item in seen]
    assert {item.line for item in seen if item.value == signal} == {2}


@pytest.mark.parametrize("reader", [look_alikes, stack, serving])
def test_every_signal_is_described(reader: object) -> None:
    known = load_library().signals
    assert {signal for signal, _ in reader._PATTERNS} <= set(known)  # type: ignore[attr-defined]


def test_advice_of_a_message_is_no_evidence() -> None:
    hint = "If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid"
    assert "expandable_segments_set" not in [item.value for item in stack.read(Document.of(hint))]


@pytest.mark.parametrize(
    "text",
    [
        "Excessive memory usage of the rollout: the weights stay in fp32.",
        "训练时显存占用过高,有没有办法优化?",
        "A low memory version of cross entropy for large vocabularies",
    ],
)
def test_talk_of_memory_is_a_weak_question(text: str) -> None:
    (seen,) = memory_talk.read(Document.of(text))
    assert seen.value == "question"
    assert seen.confidence < 0.5


@pytest.mark.parametrize(
    "text", ["GPU peak memory allocation: 15.21 GiB", "memory: 18221  loss: 1.33", "显卡显存 24GB"]
)
def test_figures_are_no_talk(text: str) -> None:
    assert list(memory_talk.read(Document.of(text))) == []
