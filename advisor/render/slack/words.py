"""The fixed words of the Slack messages, in English and Chinese."""

from __future__ import annotations

from advisor.facts import Lang
from advisor.wording import word

# key: (English, Chinese)
WORDS: dict[str, tuple[str, str]] = {
    "needed": ("needed", "需要"),
    "after": ("with the changes", "改后"),
    "usable": ("{card}, usable", "{card} 可用"),
    "assumed": ("Assumed: {list}", "假定:{list}"),
    "saves": ("saves {gib}", "节省 {gib}"),
    "peak": ("then {gib}", "改后 {gib}"),
    "fits": ("fits by itself", "单独即可放下"),
    "fits_not": ("not enough alone", "单独不够"),
    "slower": ("{percent} % slower", "慢 {percent}%"),
    "faster": ("{percent} % faster", "快 {percent}%"),
    "risk.low": ("low risk to quality", "对效果影响小"),
    "risk.medium": ("some risk to quality", "对效果有一定影响"),
    "risk.high": ("high risk to quality", "对效果影响大"),
    "effort.code": ("a change of code", "需改代码"),
    "effort.hardware": ("other hardware", "需换硬件"),
    "first_change": ("To begin with: {title}", "先试:{title}"),
    "more_remedies": ("{count} more in the full report", "完整报告中还有 {count} 项"),
    "together": ("Together: about {peak}", "合起来:约 {peak}"),
    "of_card": (" of {capacity}", "(共 {capacity})"),
    "it_fits": (", it fits ✓", ",放得下 ✓"),
    "it_fits_not": (", does not fit ✗", ",放不下 ✗"),
    "applied": ("With what is ticked: {before} → {after}", "按勾选的改动:{before} → {after}"),
    "applied_unknown": ("Chosen: too little is known to estimate it again", "已选择:信息不足,无法重新估计"),
    "time_factor": ("step time x{factor}", "单步耗时 x{factor}"),
    "tried": ("Tried already, left out: {list}", "已试过,不再建议:{list}"),
    "exact": ("Your own command or configuration, changed:", "改好的命令或配置:"),
    "shortened": ("Shortened here; all of it is in the full report.", "此处有删节,全文见完整报告。"),
    "shortened_file": ("Shortened here; all of it is in the file below.", "此处有删节,全文见下方文件。"),
    "file_title": ("The whole report", "完整报告"),
    "picture_title": ("Where the memory goes", "显存去向"),
    "apply": (
        "Tick changes to estimate again with them, or those that you have tried:",
        "勾选改动以重新估计,或勾选已试过的改动:",
    ),
    "tick": ("Tick what you have tried:", "勾选已试过的改动:"),
    "why": ("Why …?", "为什么 …?"),
    "already_tried": ("Already tried", "已经试过"),
    "worked": ("It worked", "有用"),
    "did_not": ("It did not", "没用"),
    "answer": ("Answer the questions", "补充信息"),
    "report": ("Full report", "完整报告"),
    "share": ("Share with the channel", "分享到频道"),
    "share_title": ("Share with the channel?", "分享到频道?"),
    "share_text": (
        "Everybody in the channel will see this answer and can open its reasons, which quote lines of your text (secrets hidden).",
        "频道里的所有人都能看到这个回答,也能打开其中的依据,依据会引用你文本中的行(敏感信息已隐藏)。",
    ),
    "share_yes": ("Share", "分享"),
    "share_no": ("Keep it to me", "不分享"),
    "only_you": ("Only you see this.", "只有你能看到。"),
    "thanks_worked": ("Thanks, noted that it worked.", "感谢反馈,已记录“有用”。"),
    "thanks_did_not": ("Thanks, noted that it did not help.", "感谢反馈,已记录“没用”。"),
    "why_title": ("Why", "原因"),
    "why_rule": ("Rule {rule}", "规则 {rule}"),
    "why_lines": ("Read from", "信息出处"),
    "why_sources": ("Sources", "依据"),
    "why_none": ("Nothing in the text argues for it by itself; the plan needs it.", "文本中没有单独支持它的依据,是方案需要它。"),
    "why_change": ("The exact change", "具体改法"),
    "close": ("Close", "关闭"),
    "alt": (
        "Bar of GPU memory: {parts}. Needed {need}{capacity}.",
        "显存条形图:{parts}。需要 {need}{capacity}。",
    ),
    "alt_capacity": (", the card has {capacity}", ",显卡有 {capacity}"),
}  # fmt: skip


def w(key: str, lang: Lang, **values: object) -> str:
    """The wording of a Slack key; what Slack has no wording for comes from `advisor.wording`."""
    pair = WORDS.get(key)
    if pair is None:
        return word(key, lang, **values)
    text = pair[lang == "zh"]
    return text.format(**values) if values else text
