"""What the bot itself says, in English and Chinese; what an answer says comes from the renderer."""

from __future__ import annotations

from advisor.facts import Lang

# key: (English, Chinese)
WORDS: dict[str, tuple[str, str]] = {
    "form.title": ("VRAM advisor", "显存顾问"),
    "form.submit": ("Diagnose", "分析"),
    "form.close": ("Cancel", "取消"),
    "form.description": ("What do you run?", "你在运行什么?"),
    "form.description_hint": (
        "For example: LoRA on Qwen2.5-7B with one RTX 4090, batch size 4, 2048 tokens",
        "例如:单卡 RTX 4090 用 LoRA 微调 Qwen2.5-7B,batch size 4,长度 2048",
    ),
    "form.log": ("The log, from the error on", "日志(从报错处开始)"),
    "form.log_more": ("More of the log, the command or the configuration", "更多日志、启动命令或配置"),
    "form.log_hint": (
        "Up to 3000 characters; for more, use the next field or a file.",
        "最多 3000 字符,更长请用下一个框或上传文件。",
    ),
    "form.file": ("Log or configuration files", "日志或配置文件"),
    "form.gpu": ("GPU", "显卡"),
    "form.model": ("Model", "模型"),
    "form.framework": ("Framework", "框架"),
    "form.search": ("Type to search", "输入以搜索"),
    "form.lang": ("Language of the answer", "回答的语言"),
    "form.lang.auto": ("as my text", "跟随文本"),
    "form.lang.en": ("English", "English"),
    "form.lang.zh": ("中文", "中文"),
    "form.empty": ("Describe the run, paste a log, or add a file.", "请填写描述、粘贴日志或上传文件。"),
    "questions.title": ("A few more facts", "补充信息"),
    "questions.submit": ("Estimate again", "重新估计"),
    "questions.unknown": ("I don't know", "不清楚"),
    "questions.bad": ("This can't be its value: {error}", "无法使用这个值:{error}"),
    "why.title": ("Why", "原因"),
    "why.loading": ("One moment …", "请稍候 …"),
    "settings.title": ("Workspace settings", "工作区设置"),
    "settings.submit": ("Save", "保存"),
    "settings.lang": ("Language of answers", "回答的语言"),
    "settings.react": ("When somebody uploads a log in a channel with me", "有人在我所在的频道上传日志时"),
    "settings.react.files": ("Answer in its thread if it shows that GPU memory ran out", "若日志显示显存不足,在其消息串中回答"),
    "settings.react.off": ("Stay silent", "不回应"),
    "settings.gpu": ("The GPU that people here use, when they don't say", "未说明时默认的显卡"),
    "settings.emails": ("E-mail addresses in logs", "日志中的邮箱地址"),
    "settings.emails.hide": ("Hide them like secrets", "像密钥一样隐藏"),
    "settings.emails.keep": ("Leave them", "保留"),
    "settings.days": ("Days after which questions and logs are deleted", "问题和日志的保留天数"),
    "settings.saved": ("Settings saved.", "设置已保存。"),
    "settings.admins": ("Only admins of the workspace can change these settings.", "只有工作区管理员可以更改设置。"),
    "settings.number": ("A number of days from 1 to 3650", "请填写 1 到 3650 之间的天数"),
    "forget.done": (
        "Deleted: {count} of your questions, with their logs and answers. Messages that were posted in channels stay there; "
        "delete them in Slack.",
        "已删除你的 {count} 个问题及其日志和回答。已发到频道的消息仍在,可在 Slack 中删除。",
    ),
    "forget.title": ("Delete everything?", "删除全部数据?"),
    "forget.submit": ("Delete", "删除"),
    "forget.sure": (
        "This deletes everything I keep of this workspace: everybody's questions with their logs and answers, what people said "
        "about them, requests that wait, and the settings. It can't be undone. I stay installed, and messages in channels stay "
        "there. Only admins can do it. To delete your own questions alone, type /vram forget.",
        "将删除我保存的本工作区的全部数据:所有人的问题及其日志和回答、大家的反馈、等待中的请求,以及设置。此操作无法撤销。"
        "应用仍保持安装,频道里的消息也会保留。只有管理员可以执行。若只想删除你自己的问题,请输入 /vram forget。",
    ),
    "forget.team": (
        "Deleted: all {count} questions of this workspace, with their logs and answers, and its settings. Messages that were "
        "posted in channels stay there.",
        "已删除本工作区的全部 {count} 个问题及其日志、回答和设置。已发到频道的消息仍在。",
    ),
    "forget.admins": (
        "Only admins of the workspace can delete all of its data. /vram forget deletes your own.",
        "只有工作区管理员可以删除全部数据。/vram forget 可删除你自己的数据。",
    ),
    "fit.title": ("The largest that fits {card} ({capacity})", "{card}({capacity})能放下的最大值"),
    "fit.needs": ("needs {need}", "需要 {need}"),
    "fit.none": ("nothing fits", "都放不下"),
    "fit.which": (
        "Which card? For example: /vram fit LoRA on Llama-3.1-8B with an RTX 4090",
        "哪张显卡?例如:/vram fit 单卡 RTX 4090 用 LoRA 微调 Llama-3.1-8B",
    ),
    "fit.unknown": (
        "Too little is known to estimate it; I need: {missing}.",
        "信息不足,无法估计,还需要:{missing}。",
    ),
    "gpus.none": ("I know no such card. Near it: {near}.", "没有找到这张卡。相近的有:{near}。"),
    "gpus.none_near": ("I know no such card.", "没有找到这张卡。"),
    "gpus.more": ("{count} more; add words to narrow the list.", "还有 {count} 张,可加关键词缩小范围。"),
    "gpus.title": ("Memory as sold, and what the runtime can use", "标称显存与实际可用显存"),
    "nothing": (
        "I found nothing to read here. Mention me with an error message or a description of the run, in a thread that has a log, "
        "or use /vram.",
        "这里没有可以分析的内容。请在提到我时附上报错或任务描述,或在有日志的消息串里提到我,也可以使用 /vram。",
    ),
    "not_yours": (
        "This answer is somebody else's and was not shared. Ask with /vram for your own.",
        "这是别人的回答,且未被分享。请用 /vram 自己提问。",
    ),
    "gone": (
        "This question was deleted (by its owner or by the retention period). Ask again with /vram.",
        "这个问题已被删除(由提问者删除或超过保留期)。请用 /vram 重新提问。",
    ),
    "tick_first": ("Tick what you have tried, then press this again.", "请先勾选已试过的改动,再点此按钮。"),
    "owner_only": ("Only the person who asked can change this.", "只有提问者可以更改。"),
    "report_sent": ("The full report is in your messages with me.", "完整报告已发到与你的私信中。"),
    "report_for": ("The full report you asked for:", "你要的完整报告:"),
    "busy": ("Too many questions at once. Please ask again in a minute.", "请求太多,请稍后再试。"),
    "conflict": ("Not together: {reason}", "不能同时使用:{reason}"),
    "no_effect": ("“{title}” changes nothing that the estimate knows.", "“{title}”不影响估计。"),
    "file.archive": (
        "{name} is an archive or a binary file. Upload the log itself as text.",
        "{name} 是压缩包或二进制文件,请直接上传文本日志。",
    ),
    "file.large": (
        "{name} is larger than {limit} MiB. Upload the part around the error.",
        "{name} 超过 {limit} MiB,请只上传报错附近的部分。",
    ),
    "file.unreadable": ("I could not read {name} ({reason}).", "无法读取 {name}({reason})。"),
    "file.host": ("it is not stored at Slack", "文件不在 Slack 上"),
    "help.title": ("VRAM advisor", "显存顾问"),
    "help.intro": (
        "Says why a run ran out of GPU memory, what to change first, what each change saves and costs, and which smallest set fits. "
        "Rules and formulas, no language model; English and Chinese.",
        "告诉你显存为什么不够、先改什么、每项改动省多少和代价多大,以及能放下的最小改动方案。基于规则和公式,不用大模型;支持中英文。",
    ),
    "help.ways": ("How to ask", "怎么提问"),
    "help.way.text": (
        "an error message or a description; only you see the answer, until you share it",
        "报错或描述;回答只有你能看到,可再分享",
    ),
    "help.way.form": ("a form for longer logs, files, and the names of card and model", "打开表单,适合长日志、文件、选择显卡和模型"),
    "help.way.fit": ("the largest batch, length or number of cards that fits", "能放下的最大 batch、长度或卡数"),
    "help.way.estimate": ("the memory that a run would need", "估计任务所需显存"),
    "help.way.gpus": ("cards with their usable memory", "显卡及其可用显存"),
    "help.way.forget": ("delete what I keep of you", "删除我保存的你的数据"),
    "help.way.forget_team": (
        "for admins: delete what I keep of this whole workspace",
        "管理员:删除我保存的整个工作区的数据",
    ),
    "help.way.settings": ("language, reactions and retention for this workspace", "本工作区的语言、回应方式和保留期"),
    "help.way.shortcut": (
        "Message menu › Diagnose this OOM: answers in the thread of a message with a log or a file",
        "消息菜单 › Diagnose this OOM:在该消息的消息串中回答",
    ),
    "help.way.mention": ("Mention me in a thread: I read the thread and its files", "在消息串里提到我:我会读该串和其中的文件"),
    "help.way.upload": (
        "Upload a log where I am a member: I answer only if it shows that GPU memory ran out",
        "在我所在的频道上传日志:只有显存不足时我才回答",
    ),
    "help.way.dm": ("Write to me directly, with or without files", "直接给我发私信,可带文件"),
    "help.privacy": (
        "Secrets are hidden before anything is stored or posted. Nobody else can open your questions unless you share them.",
        "敏感信息在存储和发送前就会隐藏。除非你分享,别人打不开你的问题。",
    ),
    "home.button": ("Diagnose a log", "分析日志"),
}  # fmt: skip


def say(key: str, lang: Lang, **values: object) -> str:
    """The bot's sentence of that key with values filled in."""
    text = WORDS[key][lang == "zh"]
    return text.format(**values) if values else text


def lang_of(choice: str) -> Lang:
    """zh for Chinese, English for everything else."""
    return "zh" if choice == "zh" else "en"
