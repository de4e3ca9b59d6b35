"""The situation in people's words: training or inference, the kind of failure, and where in the run it struck.

>>> doc = Document.of("微调的时候显存够用,但是一进入 eval 阶段就 OOM")
>>> for o in read(doc): print(o.fact, o.value)
task train
phase eval
failure_kind vram_oom
>>> [o.value for o in read(Document.of("How much VRAM do I need to fine-tune a 7B model?"))]
['train', 'question']
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.prose.failure_words import kinds
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, RANK, adapter_is_used, denied, observe, works
from advisor.readers.prose.patterns import Patterns, Test

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_TRAIN = re2.compile(
    r"(?:^|[^a-z-])(?:train(?:s|ed|ing|er|able|ning|nings)?|fine[ -]?tu(?:n|i)\w*|finetun\w*|"
    r"(?:full|prompt|prefix|instruction)[ -]tuning|pre-?training|"
    r"(?:sft|dpo|grpo|ppo)(?:_\w*|trainer|config|s|ing|-?train\w*)?|rlhf|kto|orpo|epochs?|backward|backprop\w*|"
    r"optimi[sz]er|gradient\w*|q?lora|dreambooth|post[ -]training|loss|fsdp|deepspeed|zero[ _-]?[123])(?:[^a-z-]|$)|"
    r"训练|微调|预训练|反向传播|精调|续训|强化学习"
)
_TRAIN_STRONG = Test(r"train(?:s|ed|ing|er)?$|tun|sft|dpo|grpo|ppo|训练|微调|精调")
# What a policy that is trained generates for itself is no inference.
_REINFORCES = Test(r"\b(?:grpo|ppo|dapo|rloo|rlhf|actor_rollout|fsdp)\b")
_NOT_TRAIN = Test(r"(?:pre-?|already |un|well-?|the |a |was |(?:was|were) not )$")
_TRAINED = Test(r"^练?(?:好|完|过|出来?|合并|之后|后)[^\n，。,]{0,5}的")
_LOST = Test(r"(?:accuracy|precision|quality|information|data|packet|performance|detail|memory)\W$")
_INFER = re2.compile(
    r"(?:^|[^\w-])(?:inference|infer(?:ring)?|generat(?:e|es|ing)|image generation|text generation|serv(?:e|es|ing)|"
    r"deploy\w*|predict(?:s|ed|ing|ions?)?|rollouts?|txt2img|img2img|transcri(?:be|bing|pti)\w*|"
    r"webui|chatbot|api server|evaluation script|upscal\w+|decoded?|[it]2v)(?:[^\w-]|$)|推理|部署|预测|对话|问答|转写|转录|出图|跑图|"
    r"(?:本地|怎么|如何|能否|单卡)运行[^\n。]{0,24}模型|生成[^成\n。]{0,14}(?:图|视频|文本|回复|答案)|生图|生成图"
)
_RUNTIME_WORDS = re2.compile(r"vllm|ollama|llama\.cpp|llama-server|comfyui|tensorrt")

_PHASES = Patterns(
    (
        (
            "init",
            r"(?:at|on|during|in) (?:the )?(?:model |engine |server )?(?:start-?up|initiali[sz]ation|warm-?up)|"
            r"at the (?:very )?(?:beginning|start)(?:$|[^ \w]| [^o]| of (?:the )?(?:program|script|train|run|job|"
            r"process|fine|code))|right (?:at|from) the start|before (?:the )?training (?:even )?(?:starts|begins)|"
            r"(?:启动|初始化|预热)(?:的)?(?:时候?|阶段|就)",
        ),
        (
            "resume",
            (
                r"\bresum(?:e|es|ed|ing)\b|from (?:a |the |my |last |saved |an? unfinished )*(?:state )?checkpoint|"
                r"断点续训|"
                r"恢复训练|继续训练|续训"
            ),
        ),
        (
            "checkpoint_save",
            r"\bsav(?:e|es|ing) (?:the |a |my |as )?(?:final |mode |full |\w+ )?(?:model|checkpoint|ckpt|weights?|state|"
            r"gguf|adapter)|(?:when|while|during|on|but|by|after|at) sav(?:ing|e)\b|"
            r"error on saving|merg(?:e|es|ing) (?:the )?(?:model|weights?|lora|adapter)s?|"
            r"save_pretrained\w*|保存(?:最终|最后)?(?:的)?(?:模型|权重|检查点|checkpoint|ckpt)|(?:模型|权重)?保存(?:的)?(?:时|就|过程)|"
            r"合并(?:权重|模型|lora)",
        ),
        (
            "eval",
            r"(?:during|in|at|into|enter\w*|with|on|of|to be|the|each|every|after) (?:the |each |every |a |"
            r"an )?(?:first )?(?:eval(?:uation)?|validation)\b(?: step| phase| stage| loop| batch| set)?|"
            r"(?:eval(?:uation)?|validation)[ _](?:step|phase|stage|loop|batch|fails?\b|crash|ooms?\b|runs? out|out of memory)|"
            r"\b(?:ooms?|out of memory)(?: \w+)? (?:when|while|during|in|at) (?:the )?(?:validating|evaluating)\b|"
            r"eval_step|(?:验证|评估|eval|"
            r"validation|val) ?(?:时|阶段|就|的时候|过程|步)|evaluation script|到验证",
        ),
        ("optimizer_step", r"optimi[sz]er[. _]step|优化器(?:更新|步)|更新参数时"),
        (
            "backward",
            (
                r"(?:during|in|at|on|while|when|by|the) (?:the )?(?:loss\.)?backward|backward pass|loss\.backward|backprop\w*|"
                r"反向传播(?:时|阶段|的时候)?|反传"
            ),
        ),
        (
            "forward",
            r"(?:first )?forward pass|(?:during|in|at|on) (?:the )?forward\b|前向(?:传播|计算)?(?:时|阶段|的时候)",
        ),
        (
            "load",
            r"(?:when|while|during|at|after|for|by|on) (?:the )?(?:model )?(?:loading|load)\b|\btrying to load\b|(?:when|while|during|"
            r"cannot|can't|fails? to|unable to|failed to) (?:it )?load(?:ing)? (?:the |a |my )?(?:\w+ )?(?:model|"
            r"weights|checkpoint)|"
            r"(?:try|tried|trying|want|wanted|attempt\w*) to load\b|when i load\b|"
            r"loading (?:the )?(?:model|weights|checkpoint|shards)|(?:加载|载入)[^\n。，,]{1,12}模型|"
            r"(?:加载|载入|读取)(?:模型|权重|checkpoint)?(?:时|的时候|就|"
            r"阶段|过程)|模型加载(?:时|就|阶段)|(?:加载|载入)[^\n，。,]{1,16}(?:爆显存|显存不足|显存溢出|oom)",
        ),
        (
            "generate",
            (
                r"(?:when|while|during|at) (?:the |doing |a )?(?:generating|generation|sampling|decoding|roll(?:out|ing out)\b)|"
                r"is rolling out\b|"
                r"(?:generating|"
                r"generate) (?:an? |the |my )?(?:images?|videos?|text|pictures?)|decoded by vae|vae decod\w+|生成(?:阶段|时|"
                r"的时候|图)|采样(?:阶段|时)|出图"
            ),
        ),
    )
)
_LATER = re2.compile(
    r"\b(?:after|once|when) (?:the )?(?:training|train\w*) (?:is|has|was) (?:done|finished|complete\w*)|训练(?:结束|完成|"
    r"完)(?:之?后|时)"
)


def _task(prose: Prose) -> tuple[str, int, int] | None:
    scores = {"train": 0, "inference": 0}
    place = {"train": 0, "inference": 0}
    title_end = prose.text.find("\n", len(prose.text) - len(prose.text.lstrip()))
    title_end = len(prose.text) if title_end < 0 else title_end
    for task, pattern in (("train", _TRAIN), ("inference", _INFER)):
        for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
            word = match.group().strip(" ,.;:()\n'\"`_/")
            if word in ("trained", "train") and _NOT_TRAIN(prose.lower[max(0, match.start() - 9) : match.start() + 1]):
                continue
            if word == "训练" and _TRAINED(prose.lower[match.end() - 1 : match.end() + 8]):
                continue
            if word == "loss" and _LOST(prose.lower[max(0, match.start() - 16) : match.start() + 1]):
                continue
            if "lora" in word and adapter_is_used(prose.lower):
                continue
            if "rollout" in word and _REINFORCES(prose.lower):
                continue
            weight = 2 if task == "inference" or _TRAIN_STRONG(word) else 1
            if match.start() < title_end:
                weight += 1
            if not scores[task]:
                place[task] = match.start()
            scores[task] += weight
    if scores["train"] == 0 and scores["inference"] == 0:
        runtime = _RUNTIME_WORDS.search(prose.lower)
        return ("inference", runtime.start(), RANK // 2) if runtime is not None else None
    if scores["train"] == scores["inference"] and scores["train"] < 3:
        return None
    # Training evaluates and generates too; serving does not train.
    task = "train" if scores["train"] >= 0.8 * scores["inference"] else "inference"
    return task, place[task], RANK


def _fails(prose: Prose, first: int, last: int) -> bool:
    text = prose.lower[first:last]
    return bool(_FAIL_WORDS(text))


_FAIL_WORDS = Test(
    r"\boom|out[ -]of|crash|fail|kill|error|problem|issue|cannot|can't|unable|exceed|goes up|increas|grow|climb|stops|"
    r"until nothing|narrowed|source|accumul|caus|crashes|shows|throws|gives|gave|took|takes|memory|爆|不足|溢出|报错|失败|崩|涨"
)


def _phase(prose: Prose) -> tuple[str, int] | None:
    found: list[tuple[int, int, str]] = []
    for phase, pattern in _PHASES.present(prose.lower):
        for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
            start, end = match.start(), match.end()
            first, last = prose.sentence(start)
            last = max(last, end)
            if denied(prose, start, end) or not _fails(prose, first, last):
                continue
            sentence = prose.lower[first:last]
            if works(sentence) and not _strong_failure(sentence):
                continue
            before = prose.lower[max(first, start - 24) : start]
            if _AFTERWARDS(before) and phase in ("load", "resume", "eval"):
                continue
            strength = 2 if _strong_failure(sentence) else 1
            found.append((strength, start, phase))
    if not found:
        return None
    top = max(item[0] for item in found)
    strongest = sorted(item for item in found if item[0] == top)
    # A pass that is named outright is where it struck; a resume, a load or an evaluation before it only sets the scene.
    explicit = [item for item in strongest if item[2] in ("forward", "backward", "optimizer_step")]
    if explicit:
        return explicit[-1][2], explicit[-1][1]
    return strongest[0][2], strongest[0][1]


_AFTERWARDS = Test(r"(?:after|once|when) (?:the )?$|\bafter (?:the )?(?:model |checkpoint )?(?:is |was )?$")
_STRONG = Test(
    r"\boom|out[ -]of[ -](?:gpu |cuda )?memory|crash|killed|memory[^\n.;]{0,40}(?:goes up|increas|grow|climb)|爆显?存|"
    r"显存不足|溢出|爆oom|fails|(?:this|the|an|same) error"
)


def _strong_failure(sentence: str) -> bool:
    return bool(_STRONG(sentence))


def read(doc: Document) -> Iterator[Observation]:
    """Task, phase and failure kind; explicit error messages outweigh all of it."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    task = _task(prose)
    if task is not None:
        yield observe(doc, "task", task[0], task[1], task[2])
    phase = _phase(prose)
    if phase is not None:
        yield observe(doc, "phase", phase[0], phase[1])
    for kind, offset, confidence in kinds(prose):
        yield observe(doc, "failure_kind", kind, offset, confidence=confidence)
