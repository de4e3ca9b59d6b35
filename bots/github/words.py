"""The fixed words of a comment on GitHub, in English and Chinese."""

from __future__ import annotations

from advisor.facts import Lang

_WORDS: dict[str, tuple[str, str]] = {
    "about_comment": ("About the log in the comment of {who}:", "针对 {who} 评论中的日志:"),
    "changes": ("Exact changes", "具体改动"),
    "changes_for": ("Exact changes for {framework}", "具体改动({framework})"),
    "plan": ("Smallest set of changes that fits", "能放下的最小改动组合"),
    "plan_nearest": ("Nearest to fitting (still too much)", "最接近能放下的组合(仍放不下)"),
    "plan_line": ("{steps}: about {peak}", "{steps}:约 {peak}"),
    "plan_of": ("{steps}: about {peak} of {capacity}", "{steps}:约 {peak} / {capacity}"),
    "edited": ("Written into what was pasted:", "写入所贴的命令或配置:"),
    "question": ("One question", "一个问题"),
    "answer_with": ("Answer with a line such as {example}.", "请用这样一行回复:{example}。"),
    "details": ("Why, where the memory goes, what was read", "原因、显存去向、读到的信息"),
    "fact": ("Fact", "信息"),
    "value": ("Value", "值"),
    "read_from": ("Read from", "出处"),
    "by_command": ("a command in this thread", "本帖中的命令"),
    "sure": ("How sure it is that this is the failure: {sure}", "判断为该故障的把握:{sure}"),
    "not_understood": ("Not understood", "未能识别"),
    "footer": (
        "Written by rules (vram-advisor {version}), not by a language model; figures are estimates. Something wrong or missing? "
        "The reporter or a maintainer can write {example} to correct it, {recheck} to ask again, or {ignore} to have this comment removed.",
        "本回复由规则生成(vram-advisor {version}),不是语言模型;数字为估计值。信息有误或缺失?"
        "提问者或维护者可回复 {example} 更正,{recheck} 重新分析,{ignore} 删除本回复。",
    ),
    "gone": (
        "~~An answer about a run out of memory stood here.~~ The text above no longer tells of one.",
        "~~此处曾有关于显存不足的回复。~~ 上文已不再包含该问题。",
    ),
    "gone_ignored": (
        "~~An answer about a run out of memory stood here.~~ It was removed on request; {recheck} brings it back.",
        "~~此处曾有关于显存不足的回复。~~ 已按要求移除;回复 {recheck} 可恢复。",
    ),
    "label.oom": ("A run ran out of GPU memory", "显存不足"),
}  # fmt: skip

# What an answer to a question looks like, for the facts that are asked.
EXAMPLES = {
    "model": "Qwen2.5-7B", "params_b": "7", "gpu_name": "RTX 3090", "gpu_count": "2", "gpu_memory_gib": "24", "task": "train",
    "method": "lora", "batch_size": "4", "seq_len": "2048", "framework": "transformers", "precision": "bf16", "optimizer": "adamw",
    "gradient_checkpointing": "true", "image_resolution": "1024x1024", "phase": "backward",
}  # fmt: skip


def say(key: str, lang: Lang, **values: object) -> str:
    """The words of `key` with `values` filled in. Raises KeyError for a key that has none."""
    return _WORDS[key][lang == "zh"].format(**values)
