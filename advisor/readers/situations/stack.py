"""Where the stack trace or the code stood: the loss, the attention, the optimizer, a loader, an evaluation loop, a decoder.

>>> doc = Document.of('  File "/site-packages/torch/optim/adamw.py", line 412\\n    state["exp_avg"] = torch.zeros_like(p)')
>>> [o.value for o in read(doc)]
['optimizer_in_trace']
"""

from __future__ import annotations

from collections.abc import Iterator

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.situations._table import compiled, signals_of

TRIGGERS: tuple[str, ...] = ()

_PATTERNS = compiled(
    {
        "loss_in_trace": r"f\.cross_entropy|functional\.cross_entropy|log_softmax|logits\.float\(\)|logits = logits|loss_fct\(|"
        r"\bnll_loss|materiali[sz]es? (?:the |all )?(?:\[[^\n]{0,40})?logits|"
        r"cross[- ]?entropy[^\n]{0,40}(?:memory|logits|vocab)|large[- ]vocab",
        "attention_in_trace": r"ret = input\.softmax|attention_scores = |attn_weights = |torch\.baddbmm|scaled_dot_product|"
        r"attention_probs|"
        r"attn = \(?q ?@|einsum\([^\n]{0,30}(?:qk|bqhd|b i d)|softmax\((?:attn|attention)",
        "optimizer_in_trace": r"torch/optim/\w+\.py|exp_avg(?:_sq)?\b|optimizer\.step\(|_multi_tensor_adam|bitsandbytes/optim",
        "ddp_in_trace": r"nn/parallel/distributed\.py|distributeddataparallel|_sync_module_states|_sync_params_and_buffers",
        "data_parallel_in_trace": r"nn/parallel/(?:data_parallel|replicate|scatter_gather)\.py|nn\.dataparallel\(",
        "zero_in_trace": r"deepspeed/runtime/zero|initialize_optimizer_states|partition_parameters\.py|ipg_bucket|"
        r"reduce_bucket_size|allgather_bucket_size|all_?gather bucket",
        "loading_in_trace": r"torch\.load\(|load_state_dict\(|from_pretrained\(|loading checkpoint shards|"
        r"safetensors[^\n]{0,30}load|_load_state_dict_into",
        "resume_in_trace": r"resume_from_checkpoint|_load_optimizer_and_scheduler|init_from[= ]+['\"]?resume|auto_resume|"
        r"--resume\b|load_checkpoint\(",
        "eval_in_trace": r"evaluation_loop|prediction_step|nested_concat|validation_step|_run_eval|trainer\.evaluate|"
        r"evaluate\(model|preds_host|all_preds",
        "gather_in_trace": r"consolidated_16bit|full_state_dict|_gather_state|gather_16bit_weights|fsdp_state_dict|stage3_gather|"
        r"summon_full_params",
        "vae_in_trace": r"autoencoder_?kl|vae\.decode|vae_?decode|decode_first_stage|decoded by (?:the )?vae|vaedecode|"
        r"tiled_decode|first_stage_model|\bvae (?:decod|encod)|vae[^\n.]{0,12}(?:解码|decoded)",
        "generation_in_trace": r"generation/utils\.py|model\.generate\(|_sample\(|beam_search|greedy_search|num_beams",
        "logprobs_in_trace": r"per_token_logps|compute_log_prob|logprobs_from_logits|_get_batch_logps|concatenated_forward",
        "matching_in_trace": r"bbox_overlaps|box_iou|assigner|\btal\.py|"
        r"(?:many|large number of) (?:\w+ )?(?:instances|objects|boxes|targets)|"
        r"gt_bboxes|gpu_assign_thr|"
        r"hungarian|linear_sum_assignment",
        "compile_in_trace": r"torch/_inductor|torch/_dynamo|triton_heuristics|torch\.compile|compile_fx|cudagraph_trees",
        "convolution_in_trace": r"f\.conv[123]d|_conv_forward|convolution|find convolution",
        "graph_kept": r"retain_graph=true|retains? (?:the )?graph|losses\.append\(loss\)|\+= loss(?:\s|$)|"
        r"history not released|every loss state",
        "cudnn_benchmark_set": r"cudnn\.benchmark\s*=\s*true",
        "expandable_segments_set": r"expandable_segments[:=]\s*true",
        "split_given": r"gpu[_-]split|tensor[_-]split|--max[-_]memory|max_memory\s*=|device[_-]map\s*=\s*\{",
        "dreambooth_run": r"train_db\.py|sdxl_train\.py|dreambooth (?:tab|trainer|training)",
        "volumes": r"3d_fullres|\bnii(?:\.gz)?\b|nifti|pad_crop_shape|patch_size|roi_size|volumetric|\bmri\b|"
        r"\bct (?:scan|modality|volume|image)|3d u-?net|medical",
        "requirement_stated": r"\b(?:readme|docs?|documentation|table|officially?|paper)\b[^\n.]{0,60}\b\d+(?:\.\d+)? ?g(?:b|ib)?\b|"
        r"(?:readme|table|official|paper)[^\n.]{0,40}(?:requirement|vram|memory usage)|"
        r"(?:文档|官方|表格?|说明)[^\n。]{0,30}(?:显存|\d+ ?g|卡)",
        "repeated_calls": r"(?:call(?:ing)?|run(?:ning)?|train(?:ing)?|invok\w+|load(?:ing)?)[^\n.]{0,40}(?:several times|"
        r"multiple times|again and again|repeatedly|in a loop|second time|twice)|多次(?:调用|运行|加载)|反复(?:调用|加载)",
        "rollout_engine": r"vllm_gpu_memory_utilization|use_vllm|vllm_num_engines|colocate|rollout\.gpu_memory|vllm_mode|"
        r"hybrid engine|rollout[^\n]{0,30}vllm|vllm[^\n]{0,30}rollout|grpo[^\n]{0,40}vllm|vllm[^\n]{0,40}grpo",
        "policy_optimisation": r"\b(?:grpo|ppo|rloo|gspo|dapo)(?:\b|_|trainer)|reinforce\+\+",
        "several_models_in_command": r"reward_pretrain|critic_pretrain|critic_learning_rate|ref_num_gpus|reward_model_path|critic\.model|"
        r"--ref_model\b|teacher_model",
        "fine_tunes": r"fine[- _]?tun|微调|精调|\bsft\b",
        "runs_on_jax": r"xla_python_client|\bjax\b|\bjaxlib\b|\bflax\b|\bpi0(?:_|\.5|\b)",
        "more_with_zero": r"zero[- ]?[123][^\n.]{0,40}(?:more|higher|larger|increas)[^\n.]{0,20}(?:memory|vram)|"
        r"oom when (?:turn|enabl|us)\w* (?:on )?(?:deepspeed )?zero|zero[- ]?[123][^\n。]{0,20}(?:更高|更大|反而|"
        r"占用更多)",
        "preference_training": r"\bdpo\b|\bkto\b|\borpo\b|ref_log_probs|precompute_ref|dpotrainer",
        "offload_ignored": r"(?:even (?:when|with|though)|although|despite)[^\n.]{0,60}offload|offload[^\n.]{0,40}(?:ignored|"
        r"no effect|not work|still|unconditionally)",
    }
)  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """A signal for each place that the trace, the code or the description names."""
    yield from signals_of(doc, _PATTERNS)
