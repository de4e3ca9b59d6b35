"""The fixed words of a triage report, in English and Chinese."""

from __future__ import annotations

from advisor.facts import Lang

WORDS: dict[str, tuple[str, str]] = {
    "title": ("GPU memory failures in {texts} texts", "{texts} 份文本中的显存故障"),
    "texts": ("texts judged", "已判断的文本"),
    "failures": ("failures of GPU memory", "显存故障"),
    "share": ("of all", "占比"),
    "of_texts": ("{count} ({share} of all)", "{count}(占 {share})"),
    "errors": ("texts that could not be judged", "无法判断的文本"),
    "redactions": ("secrets hidden", "隐去的密钥"),
    "none": ("None of the texts tells of a failure of GPU memory.", "没有文本报告显存故障。"),
    "help": ("What would have helped most", "最有帮助的改动"),
    "help.note": (
        "Over the failures of GPU memory. `first`: it ranks first; `among three`: among the first three.",
        "针对显存故障。“首选”:排名第一;“前三”:排名前三。",
    ),
    "help.planned": (
        "`in the plan`: it belongs to the smallest set of changes with which the run fits; `alone`: it is that set.",
        "“方案内”:属于能放下的最小改动方案;“单独”:该方案只有它一项。",
    ),
    "plans": (
        "A set of changes was searched for {count} failures; {fits} of them fit their card with it.",
        "为 {count} 个故障搜索了改动方案,其中 {fits} 个可在原卡上放下。",
    ),
    "remedy": ("change", "改动"),
    "first": ("first", "首选"),
    "among": ("among three", "前三"),
    "planned": ("in the plan", "方案内"),
    "alone": ("alone", "单独"),
    "saves": ("saves (median)", "节省(中位数)"),
    "kinds": ("What the texts tell of", "文本内容"),
    "kind.vram_oom": ("GPU memory ran out", "显存不足"),
    "kind.kv_cache": ("KV cache does not fit", "KV cache 放不下"),
    "kind.host_oom": ("RAM ran out", "主机内存不足"),
    "kind.shm": ("shared memory ran out", "共享内存不足"),
    "kind.kernel_resources": ("a kernel's on-chip memory", "内核片上资源不足"),
    "kind.question": ("a question, no failure", "提问(无故障)"),
    "kind.other_error": ("another error", "其他错误"),
    "kind.none": ("no failure", "无故障"),
    "causes": ("Causes", "原因"),
    "phases": ("Where in the run", "故障阶段"),
    "model": ("Models", "模型"),
    "gpu_name": ("Cards", "显卡"),
    "framework": ("Frameworks", "框架"),
    "method": ("What is trained", "训练方式"),
    "runtime": ("Reported by", "报错的运行时"),
    "cross": ("Models on cards", "模型与显卡"),
    "over": ("How far runs exceed their card", "超出显卡容量的程度"),
    "over.note": ("What the run needs by the estimate, over what the card has.", "估计所需显存与显卡容量之比。"),
    "over.under": ("fits by the estimate", "按估计可放下"),
    "over.up_to": ("up to {high} times", "不超过 {high} 倍"),
    "over.more": ("more than {low} times", "超过 {low} 倍"),
    "reasons": ("Why texts could not be judged", "无法判断的原因"),
    "name": ("name", "名称"),
    "count": ("count", "数量"),
    "and_others": ("and {count} others", "另有 {count} 项"),
    "other names": ("other names", "其他名称"),
}  # fmt: skip


def say(key: str, lang: Lang, **values: object) -> str:
    """The wording of `key` in `lang`, with `values` filled in; an unknown key is shown in plain words."""
    pair = WORDS.get(key)
    text = pair[lang == "zh"] if pair else key.rsplit(".", 1)[-1].replace("_", " ")
    return text.format(**values) if values else text
