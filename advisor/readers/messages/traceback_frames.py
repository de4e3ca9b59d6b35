r"""Where a failure struck, from the frames and progress lines around it: loading, forward, backward, optimizer step, evaluation ...

>>> log = '''Traceback (most recent call last):
...   File "train.py", line 80, in main
...     accelerator.backward(loss)
...   File "site-packages/torch/_tensor.py", line 525, in backward
...     torch.autograd.backward(
... torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.00 GiB.'''
>>> [(o.fact, o.value) for o in read(Document.of(log))]
[('phase', 'backward'), ('task', 'train'), ('runtime', 'pytorch')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.literals import Named

TRIGGERS = (
    "file \"", "line ", "in forward", "traceback", "%|", "loading", "ksampler", "backward", "optimizer", "generate", ".py", "checkpoint",
    "exception", "completing request", "->", "error", "out of memory", "killed",
)  # fmt: skip

RANK, TASK_RANK, RUNTIME_RANK = 60, 35, 30
CODE_RANK = 38  # of a line that stands in no frame: what a person says of the phase weighs more
SERVER_RANK = 92  # a server whose frames surround the failure speaks for the library that raised it
_ABOVE, _BELOW = 80, 40

# What a frame or its line of code belongs to. The innermost match decides, forward only where nothing else matches.
_PHASES = {
    "checkpoint_save": r"\bin \w*save_\w*(?:ckpt|checkpoint|state|model|weights)\w*|\.\w*save_\w*(?:ckpt|checkpoint|state)\w*\(|pre_state_dict_hook|post_state_dict_hook|after returning from state_dict\(\)|save_pretrained|save_checkpoint\b|_save_checkpoint|save_model\b|zero_gather_16bit|_zero3_consolidated|consolidat\w*state_dict|in save\b|torch\.save\(|torch[/\\]serialization\.py\W+line \d+, in _?save|zip_file\.write_record|_save_to_state_dict|full_state_dict|push_to_hub_gguf|saving model checkpoint|_merge_lora\(",
    "resume": r"torch\.load\([^\n]{1,60}resume|_load_optimizer_and_scheduler|in load_optimizer|in load_checkpoint\b|_load_from_checkpoint|in resume\b|in _?resume_checkpoint",
    "optimizer_step": r"optimizer\.step\(|in optimi[sz]er_step|torch[/\\]optim[/\\]|in _init_group|_single_tensor_adam|_multi_tensor_adam|exp_avg|in unscale_|clip_grad_norm|scaler\.step\(|\bopt\.step\(|bitsandbytes[/\\]optim",
    "backward": r"\.backward\(|in backward\b|in backward_step|backward_step\(|run_backward|autograd[/\\]__init__\.py|torch[/\\]autograd[/\\]function\.py|reduce_ipg|reduce_independent_p_g|allreduce_params|gradienttape|in allreduce_gradients",
    "eval": r"validating(?: dataloader \d+)?:? +\d+%|\bvalid(?:ation)?\)?:? +\d+%|in evaluate\b|evaluation_loop|prediction_step|in validation_step|in validate\b|in (?:run_|do_|_)?(?:val|valid|validation|eval|evaluation)(?:_epoch|_loop|_one_epoch|_model)?\b|in (?:val|eval|test|validate|evaluate)_\w+|(?:= ?|^\s*|self\.|trainer\.|runner\.|worker\.)(?:val|validate|validation|evaluate|eval_\w+|val_\w+|validate_\w+|evaluate_\w+)\(|in eval_step|\bval_loop|\.evaluate\(|nested_concat|in do_eval|in compute_metrics|\.validate\(|in run_validation|in _evaluate\b",
    # Tensors of a module that are moved: loading, unless a frame says what for.
    "moved": r"in _apply\b|self\._apply\(convert\)|in convert\b|return t\.(?:to|cuda)\(|lambda t: t\.\w+\(",
    "load": r"\b(?:\w*model\w*|\w*net|unet\w*|vae|pipe\w*|transformer\w*|text_encoder\w*|encoder|decoder|backbone|generator|discriminator)(?:\.module)?\.(?:to|cuda)\(|\.half\(\)\.cuda\(|, in <module>\n\s+[\w.]+\.cuda\(\)|torch\.load\(|torch[/\\]serialization\.py\W+line \d+, in (?:load|_load|_legacy_load|restore_location|persistent_load|load_tensor|_cuda_deserialize)\b|from_pretrained|load_state_dict|in load_model|load_model\(|_load_pretrained|load_checkpoint_and_dispatch|in load_weights|loader\.py\"?, line|in load_shard|model_loader|checkpointloader|load_model_from_config|unetloader|in load_tensors|load_torch_file|load_checkpoint_guess|_load_from_file|load_pipeline|in load_pretrained|set_module_tensor_to_device|in load_quantized|loading checkpoint shards: +\d+%|fullyshardeddataparallel\(|in _auto_wrap|_init_param_handle|safe_open\(|fsdp[/\\]_init_utils|in model_load\b|in load_models?_gpu|in partially_load|model_use_more_vram|patch_weight_to_device",
    "init": r"in _?dummy_run\b|initialize_optimizer_states|init_process_group|profile_run|determine_num_available_blocks|determine_available_memory|initialize_cache|initialize_kv_cache|set_device\(|in set_device|_lazy_init|_initialize_kv_caches|in warmup\b|capture_model|deepspeed[/\\]__init__\.py\"?, line \d+, in initialize|_configure_distributed_model|in _broadcast_model|broadcast_coalesced|ncclcomm|get_model_parallel|init_cuda_graphs|raise_if_cache_size_invalid|check_enough_kv_cache|_sync_module_states|cucctxcreate|cuctxcreate|in init_device",
    "generate": r"in generate_sequences|\.generate\(|in generate\b|in _sample\b|in sample\b|generation[/\\]utils|generation_utils|in _?beam_search|greedy_search|ksampler|vaedecode|in decode_latents|in decode_first_stage|in txt2img|in img2img|in transcribe\b|transcribe\.py|do_inference|in _prefill|stream_generate|generate_with_fallback|in \w+_generate\b|_generate\(|in process_images|pipeline_\w+\.py|in infer\b|in predict\b|error completing request|in _generate_and_score|in rollout|in chat\b",
    "data": r"(?:images?|inputs?|batch|data|labels?|targets?|samples?|imgs?|input_ids|features?|videos?|audios?)\w*(?:\[[^\n\]]{1,20}\])? ?= ?[^\n=]{0,60}\.(?:to|cuda)\(|in send_to_device|in move_data_to_device|in transfer_batch_to_device|in _prepare_inputs?\b|in collate|collate_fn|in __getitem__|pin_memory_loop|in _next_data|in _worker_loop|in pin_memory|pin_memory\(|in __next__\b|dataloader\.py\"?, line|in _process_data|in _try_get_data",
    "forward": r"in _?forward_\w+|in \w*attention_fn\b|attention_scores = |_forward_\w+\(|in compute_log_prob|in \w*logprobs?_from_logits|in entropy_from_logits|in forward\b|in _call_impl|in _wrapped_call_impl|in compute_loss|in training_step|in train_step|in forward_train|in loss\b|in get_targets|in loss_by_feat|in assign\b|nn[/\\]functional\.py|\.forward\(|in _forward\b|in forward_step|in prepare_for_extend|\.softmax\(|nn\.module\)|convert_to_fp32|in conv2d|outputs? = model\(|(?:logits|pred\w*|output\w*|loss\w*) = (?:self\.)?(?:model|net)\(",
}  # fmt: skip
_STRONG_TRAIN = r"loss\.backward|accelerator\.backward|optimizer\.step|trainer\.train|in training_step|in train_step|in training_loop|in train_epoch|train_one_epoch|_inner_training_loop|in do_train|\.backward\(|run_sft|run_clm|trainer_train|in backward_step|loss_accum|_maybe_log_save_evaluate|\w_trainer\.py|update_actor|compute_log_prob|main_ppo|fsdp_workers|total_loss \+="
_TRAIN = (
    r"in train\b|train\.py|finetune\.py|trainer\.py|in fit\b|\.fit\(|[/\\]trainer[/\\]|train_\w+\.py|finetun|\.train\("
)
_INFER = r"_generate\(|[/\\]infer[/\\]|predictor\.run\(|\.encode\(|extract_\w+\.py|\.generate\(|in generate\b|transcribe|inference|text-generation-webui|stable-diffusion-webui|ksampler|comfyui[/\\](?:execution|nodes|main|comfy|custom_nodes)|in predict\b|txt2img|img2img|pipeline_\w+\.py|api_server|llm_engine|in chat\b|demo\.py|in infer\b|generate\.py|cli_demo|web_demo|sample\.py|server\.py|model_worker|error completing request|webui\.py|forward_step\(\)|modelrpc|launch\.py"
_FAILURE = r"out of memory|out_of_memory|outofmemory|resource_?exhausted|alloc_failed|not_initialized|allocation on device|\bkilled\b|sigkill|bus error|exitcode|failed to allocate|cannot allocate|can't allocate|not enough memory|unable to allocate|no available memory|failed writing|no space left|cuda error|error:"
_FRAME = r"(?m)^.{0,40}?(?:(?:file|文件) ?\"?[^\n\"]{1,300}\"?[,:] ?(?:line )?\d+|file \S+\.py:\d+|^\S+\.py(?:\]\(\S+\))? in \w+\(|<ipython-input|ipykernel_\d+|/\S+\.py:\d+: )[^\n]*(?:\n[^\n]*)?|(?m)^\s*-{1,6}> ?\d+ [^\n]*"
_SERVERS = {
    "vllm": r"[/\\]vllm[/\\](?:v1|engine|worker|executor|model_executor|entrypoints|attention)[/\\]",
    "sglang": r"[/\\]sglang[/\\]srt[/\\]",
    "tgi": r"text_generation_server[/\\]",
    "tensorrt": r"tensorrt_llm[/\\]",
}
_TORCH = r"(?:site|dist)-packages[/\\]torch[/\\]|import torch\b|torch\.(?:cuda|nn|utils|distributed)\.|\btorchrun\b|\btorch ?== ?[0-9]|lib[/\\]python[0-9.]+[/\\][^\n]{0,60}torch[/\\]|pytorch version|torch\.\w*error|caught runtimeerror in"


@cache
def _patterns() -> dict[str, Any]:
    tables = {**_PHASES, **{f"server.{name}": source for name, source in _SERVERS.items()}}
    others = {
        "strong": _STRONG_TRAIN, "train": _TRAIN, "infer": _INFER, "failure": _FAILURE, "frame": _FRAME, "torch": _TORCH,
        "flags": r"(?:^|\s)--[a-z]|^\s*[\w./-]+\s*:\s*\S*$|^\s*export ",
    }  # fmt: skip
    return Named({**tables, **others})


def read(doc: Document) -> Iterator[Observation]:
    """The phase of the traceback around the first failure, and from its frames the task, a server, PyTorch as the runtime."""
    patterns = _patterns()
    spans = _evidence(doc, patterns)

    def seen(fact: str, value: str, place: int, rank: int) -> Observation:
        return Observation(fact, value, doc.line_at(place), doc.quote(place), rank=rank)

    phase, place = _phase(doc, spans, patterns)
    if phase:
        framed = any(start <= place < end for start, end in spans) and patterns["frame"].search(doc.lower) is not None
        yield seen("phase", phase, place, RANK if framed else CODE_RANK)
    strong, train, infer = (_first(doc, spans, patterns[name]) for name in ("strong", "train", "infer"))
    if strong is not None:
        yield seen("task", "train", strong, TASK_RANK)
    elif (train is None) != (infer is None):
        yield seen("task", "inference" if train is None else "train", train if infer is None else infer, TASK_RANK)  # type: ignore[arg-type]
    for name in _SERVERS:
        place_of = _first(doc, spans, patterns[f"server.{name}"])
        if place_of is not None:
            yield seen("runtime", name, place_of, SERVER_RANK)
    match = patterns["torch"].search(doc.lower)
    if match is not None:
        yield seen("runtime", "pytorch", match.start(), RUNTIME_RANK)


def _phase(doc: Document, spans: list[tuple[int, int]], patterns: dict[str, Any]) -> tuple[str, int]:
    """The phase whose frame stands innermost (last); evaluation keeps its generation, forward is the last resort."""
    last: dict[str, int] = {}
    for start, end in spans:
        text = doc.lower[start:end]
        for phase in _PHASES:
            for match in patterns[phase].finditer(text):
                last[phase] = start + match.start()
    forward, moved = last.pop("forward", None), last.pop("moved", None)
    if not last and forward is None and moved is not None:
        return "load", moved
    if not last:
        return ("", 0) if forward is None else ("forward", forward)
    if "eval" in last:
        last.pop("generate", None)
    phase = max(last, key=lambda name: last[name])
    return phase, last[phase]


def _first(doc: Document, spans: list[tuple[int, int]], pattern: Any) -> int | None:
    for start, end in spans:
        match = pattern.search(doc.lower[start:end])
        if match is not None:
            return start + int(match.start())
    return None


def _evidence(doc: Document, patterns: dict[str, Any]) -> list[tuple[int, int]]:
    """The stretches of text that tell: the frames around the first failure, or without frames its neighbouring lines but no flags."""
    start, end = _around(doc, patterns["failure"])
    window = doc.lower[start:end]
    spans = [(start + match.start(), start + match.end()) for match in patterns["frame"].finditer(window)]
    plain = []
    at = start
    for line in window.split("\n"):
        if patterns["flags"].search(line) is None:
            plain.append((at, at + len(line)))
        at += len(line) + 1
    return spans if len(spans) > 1 else plain


def _around(doc: Document, failure: Any) -> tuple[int, int]:
    """The offsets of the lines around the first failure: its traceback above, or below where the message stands first."""
    above_all = doc.lower.find("traceback (most recent call last)")
    match = failure.search(doc.lower)
    if match is None:
        # A traceback whose last line was cut off.
        return (above_all, len(doc.lower)) if above_all >= 0 else (0, len(doc.lower) if ".py" in doc.lower else 0)
    at = match.start()
    above = doc.lower.rfind("traceback (most recent call last)", 0, at)
    start, end = _back(doc.lower, at, _ABOVE), _forth(doc.lower, at, _BELOW)
    if above >= start and doc.lower.count("\n", above, at) > 1:
        start = above
        line_end = doc.lower.find("\n", at)
        end = line_end if line_end >= 0 else len(doc.lower)
    return start, end


def _back(text: str, at: int, lines: int) -> int:
    for _ in range(lines):
        at = text.rfind("\n", 0, at)
        if at < 0:
            return 0
    return at


def _forth(text: str, at: int, lines: int) -> int:
    for _ in range(lines):
        following = text.find("\n", at + 1)
        if following < 0:
            return len(text)
        at = following
    return at
