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
from typing import Any

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, RANK, adapter_is_used, denied, observe, works
from advisor.readers.prose.patterns import Patterns, Test

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_TRAIN = re2.compile(
    r"(?:^|[^a-z-])(?:train(?:s|ed|ing|er|able|ning|nings)?|fine[ -]?tu(?:n|i)\w*|finetun\w*|pre-?training|"
    r"(?:sft|dpo|grpo|ppo)(?:_\w*|trainer|config|s|ing|-?train\w*)?|rlhf|kto|orpo|epochs?|backward|backprop\w*|"
    r"optimi[sz]er|gradient\w*|q?lora|dreambooth|post[ -]training|loss|fsdp|deepspeed|zero[ _-]?[123])(?:[^a-z-]|$)|"
    r"训练|微调|预训练|反向传播|精调|续训|强化学习"
)
_TRAIN_STRONG = Test(r"train(?:s|ed|ing|er)?$|tun|sft|dpo|grpo|ppo|训练|微调|精调")
_NOT_TRAIN = Test(r"(?:pre-?|already |un|well-?|the |a )$")
_INFER = re2.compile(
    r"(?:^|[^\w-])(?:inference|infer(?:ring)?|generat(?:e|es|ing)|image generation|text generation|serv(?:e|es|ing)|"
    r"deploy\w*|predict(?:s|ed|ing|ions?)?|rollouts?|txt2img|img2img|transcri(?:be|bing|pti)\w*|"
    r"webui|chatbot|api server|evaluation script|upscal\w+|decoded?)(?:[^\w-]|$)|推理|部署|预测|对话|问答|转写|转录|出图|跑图|"
    r"生成[^成\n。]{0,14}(?:图|视频|文本|回复|答案)|生图|生成图"
)
_RUNTIME_WORDS = re2.compile(r"vllm|ollama|llama\.cpp|llama-server|comfyui|tensorrt")

_PHASES = Patterns(
    (
        (
            "init",
            r"(?:at|on|during) (?:the )?(?:start-?up|initiali[sz]ation|warm-?up)|(?:启动|初始化|预热)(?:的)?(?:时候?|阶段|就)",
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
            r"\bsav(?:e|es|ing) (?:the |a |my |as )?(?:final |mode |full )?(?:model|checkpoint|ckpt|weights?|state|"
            r"gguf|adapter)|(?:when|while|during|on|but|by|after|at) sav(?:ing|e)\b|"
            r"error on saving|merg(?:e|es|ing) (?:the )?(?:model|weights?|lora|adapter)s?|"
            r"save_pretrained\w*|保存(?:最终|最后)?(?:的)?(?:模型|权重|检查点|checkpoint|ckpt)|(?:模型|权重)?保存(?:的)?(?:时|就|过程)|"
            r"合并(?:权重|模型|lora)",
        ),
        (
            "eval",
            r"(?:during|in|at|into|enter\w*|with|on|to be|the|each|every|after) (?:the |each |every |a |"
            r"an )?(?:first )?(?:eval(?:uation)?|validation)\b(?: step| phase| stage| loop| batch| set)?|"
            r"(?:eval(?:uation)?|validation)[ _](?:step|phase|stage|loop|batch)|eval_step|(?:验证|评估|eval|"
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
            r"(?:when|while|during|at|after|for|by|on) (?:the )?(?:model )?(?:loading|load)\b|(?:when|while|during|"
            r"cannot|can't|fails? to|unable to|failed to) (?:it )?load(?:ing)? (?:the |a |my )?(?:\w+ )?(?:model|"
            r"weights|checkpoint)|"
            r"loading (?:the )?(?:model|weights|checkpoint|shards)|(?:加载|载入|读取)(?:模型|权重|checkpoint)?(?:时|的时候|就|"
            r"阶段|过程)|模型加载(?:时|就|阶段)",
        ),
        (
            "generate",
            (
                r"(?:when|while|during|at) (?:the )?(?:generating|generation|sampling|decoding)|(?:generating|"
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

_VRAM = re2.compile(
    r"cuda[ :_]*(?:error[: ]*)?(?:oom\b|out[ _-]?of[ _-]?(?:memory|memmory|memeory|memroy|memery|momery))|"
    r"\b(?:oom|out of memory)(?:s|ed|ing)? (?:error )?(?:on|with|at) (?:an? |my |the )?\d+ ?gb? (?:of )?(?:vram|gpu)|"
    r"\boom cuda|gpu (?:is |runs? |ran |went |goes )?(?:oom\b|"
    r"out[ -]of[ -](?:gpu )?memory)|out of (?:gpu|cuda|video|graphics|device|vram)\b|out of cuda memory|"
    r"\d ?gb?,? (?:it )?(?:is|are|was) still not enough|"
    r"vram (?:usage )?[^\n.]{0,60}\b(?:above|over|exceed\w*|beyond)\b[^\n.]{0,16}\b(?:capacity|limit)|"
    r"vram (?:is )?(?:full|insufficient|not enough|runs? out|ran out|overflow)|(?:not enough|insufficient|lack of|"
    r"too little|exceed\w*(?: the)?|run(?:s|ning)? out of|ran out of|low on) (?:my |the |available )?(?:vram|"
    r"gpu (?:memory|ram)|video memory|graphics memory)|"
    r"爆(?:了)?显?存|显存(?:直接|突然|都|就|会|老是|还是)?(?:不足|溢出|不够|"
    r"爆|超|炸|暴涨)|超(?:出)?显存|爆卡|gpu ?内存(?:不足|不够|溢出)|炸显存"
)
_PLAIN = re2.compile(
    r"(?:^|[^\w])(?:oom(?:s|ed|ing)?|out[ -]of[ -]memory|insufficient memory|memory (?:is |was )?exceeded|"
    r"memory error)(?:[^\w]|$)|内存溢出|内存不足|不足内存"
)
_HOST = re2.compile(
    r"(?:out of|runs? out of|running out of|ran out of|not enough|insufficient|run out) (?:system |cpu |host |main |"
    r"physical )?(?:ram|cpu memory|host memory|system memory)\b|"
    r"\b(?:cpu|system|host|main) (?:ram|memory|oom)\b[^\n.]{0,40}?(?:full|fills?|keeps?|increas\w*|grow\w*|out of|"
    r"exhaust\w*|runs? out|\boom|not enough|gone|peak|leak|skyrocket\w*|explod\w*|ris(?:es|ing)|climb\w*|accumulat\w*)|"
    r"\bray (?:would |will |also )?(?:oom\b|report\w* an? (?:out[- ]of[- ]memory|oom)|out[- ]of[- ]memory)|"
    r"^cannot allocate memory$|[^\w]cannot allocate memory(?:[.,;:!()\s]|$)|"
    r"内存[^。\n]{0,12}(?:占满|耗尽|增大|越来越大)|占满内存|\bcpu oom\b|cpu out of memory|"
    r"\bram (?:usage )?(?:goes up|rises|climbs|leaks?|keeps?|fills?|is full|increas\w*|grow\w*|runs? out|exhaust\w*|is gone)|"
    r"\ball of my \d+ ?g\w* (?:of )?ram|minimum (?:cpu|host|system) (?:ram|memory)|"
    r"pin(?:ned)?_memory ?= ?false|kernel (?:keeps? |has |appears to have )?(?:dying|dies|died|crash\w*)|"
    r"\b\d(?:\.\d)?\s?tb? of (?:memory|ram)|(?:using|used) all (?:of the |the )?(?:available )?ram\b|"
    r"session (?:is )?crash\w*|crash\w* (?:the |my )?session|"
    r"(?:process|training|job|it|script)(?:'s| is| was| gets?| got| being| been| will be) (?:randomly )?killed|"
    r"being killed|\b(?:python(?:'s)? )?memoryerrors?\b|"
    r"killed (?:by the )?(?:system|kernel|os|oom)|\boom[- ]?killed\b|\b(?:slurm|cgroup|kubernetes|k8s|pod|lsf|pbs)\b[^\n.,;]{0,40}?"
    r"(?:out[- ]of[- ]memory|\boom\b)|"
    r"(?:主机|系统|cpu|机器|服务器|物理)内存(?:不足|不够|溢出|爆|一直)|内存(?:会|就|"
    r"也)?(?:一直|不断|持续)(?:增加|增长|上涨|上升|涨)|内存(?:占用)?(?:爆|耗尽|满了|"
    r"泄[漏露])|被(?:系统)?(?:kill|杀)|爆内存"
)
_BARE_RAM = Test(r"^(?:out of|runs? out of|running out of|ran out of|not enough|insufficient) ram\b")
# "内存" is said of the card's memory too, where nothing but cards is spoken of.
_EITHER_MEMORY, _OF_CARDS = Test(r"^(?:爆)?内存|^占满内存"), Test(r"gpu|显存|显卡|cuda|爆卡")
_GPU_MEMORY = Test(r"(?:gpu|显卡|显|cuda|video|device|vram)[ ]?(?:的)?$")
_KV = re2.compile(
    r"(?:kv[ _-]?cache|cache blocks?)[^\n.]{0,40}?(?:too small|not enough|insufficient|no (?:available )?memory|"
    r"does ?n[o']t fit|can'?t (?:fit|hold|allocate)|不足|不够|放不下)|(?:no available|"
    r"not enough) memory for (?:the )?(?:kv[ -]?)?cache"
)
_SHM = re2.compile(
    r"(?:out of|insufficient|not enough|limited) shared memory|shm(?:-size)? (?:is )?too small|共享内存不足|\bbus error\b|"
    r"--shm-size|/dev/shm"
)
_ASKS = re2.compile(
    r"how (?:much|many|big|large)[^\n?.]{0,40}(?:vram|gpus?|memory|ram|cards?)|how many [^\n?.]{0,24}\b(?:[abhlv]\d{2,3}|rtx|"
    r"[2-5]0[5-9]0)s?\b|(?:what|which) (?:is the |"
    r"are the )?(?:\w+ )?(?:gpus?|hardware|vram|memory|requirements?)|(?:vram|gpu|memory|hardware) (?:requirements?|"
    r"needs\b|expectations?)|(?:vram|gpu memory|memory) (?:is |are )?(?:needed|required) (?:for|to)\b|"
    r"expected (?:vram|gpu|memory) usage|"
    r"(?:can|could) (?:i|we|it|a|an|you|one|the|this)\b[^\n?]{0,80}(?:gpus?|vram|\d ?gb?\b|card|train|fine-?tun|run|fit)|"
    r"is (?:\S+ ){1,6}(?:possible|enough|sufficient|feasible)|will (?:it|this|a|"
    r"the)\b[^\n?]{0,40}(?:fit|run|work)|"
    r"would (?:it|this|an?|one|my|the)\b[^\n?]{0,40}(?:fit|run|be enough)|right gpu|recommended (?:gpu|hardware)|"
    r"minimum (?:gpu|"
    r"hardware|vram|requirement)|"
    r"多[大少](?:的)?(?:的)?(?:显存|内存|gpu|卡|显卡)|多[大少]显存|(?:显存|"
    r"配置|硬件|资源)(?:要求|需求)|需要(?:什么|几张|多少|怎样|多大)|能(?:跑|训|微调|"
    r"部署)[^\n。]{0,12}[吗么?？]|够(?:不够|吗|用吗)|最低(?:配置|显存|要求)|"
    r"跑得动|(?:可以|能否|能不能|是否)[^\n。?？]{0,30}(?:微调|训练|部署|跑|"
    r"推理)[^\n。]{0,12}[吗么?？]"
)
_AVOID = Test(
    r"(?:avoid|without|prevent|no|not|never|fix|against|addressing|troubleshooting|handling|debugging|避免|防止|不会|没有?|"
    r"未出现|no longer (?:gets?|ha(?:ve|s)|sees?|hits?|throws?|gives?|runs? into)|"
    r"used to (?:be|get|go|run|have|hit|run into))\s?(?:any |an |the |cuda |getting |出现)*[\"'`“]?$"
)
_AVOIDED = Test(
    r"^\W?(?:oom|out[ -]of[ -]memory)(?: killer| errors?| issues?| events?)?\W? (?:is|are|was|were) (?:now |then )?"
    r"(?:avoided|prevented|handled)"
)
# What a change to a program says of itself, where nobody tells of a run.
_CHANGE = Test(
    r"\bth(?:is|e) (?:pr|pull request|patch)\b|\bthis change was introduced|^#{1,3} ?(?:changelog|release notes|bug ?fix(?:es)? v?\d)"
)
_TELLS = Test(r"(?:^|[^\w])(?:i|i'm|i've|my|me)[^\w]|我|\?|？")


def _task(prose: Prose) -> tuple[str, int, int] | None:
    scores = {"train": 0, "inference": 0}
    place = {"train": 0, "inference": 0}
    title_end = prose.text.find("\n", len(prose.text) - len(prose.text.lstrip()))
    title_end = len(prose.text) if title_end < 0 else title_end
    for task, pattern in (("train", _TRAIN), ("inference", _INFER)):
        for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
            word = match.group().strip(" ,.;:()\n'\"`_/")
            if word in ("trained", "train") and _NOT_TRAIN(prose.lower[max(0, match.start() - 8) : match.start() + 1]):
                continue
            if "lora" in word and adapter_is_used(prose.lower):
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


def _first(pattern: Any, prose: Prose) -> int | None:
    for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
        start = match.start()
        avoided = _AVOID(prose.lower[max(0, start - 32) : start + 1].rstrip()) or _AVOIDED(
            prose.lower[start : match.end() + 32]
        )
        if not avoided:
            return int(start)
    return None


def _kinds(prose: Prose) -> Iterator[tuple[str, int, float]]:
    if _CHANGE(prose.lower.lstrip()) and not _TELLS(prose.lower):
        return
    vram, host = _first(_VRAM, prose), _first(_HOST, prose)
    plain = _first(_PLAIN, prose)
    if host is not None and _GPU_MEMORY(prose.lower[max(0, host - 6) : host]):
        host = None
    cache, shm = _first(_KV, prose), _first(_SHM, prose)
    if cache is not None:
        yield "kv_cache", cache, 0.7
    if shm is not None:
        yield "shm", shm, 0.6
    if vram is not None:
        yield "vram_oom", vram, 0.75 if host is None else 0.7
    if host is not None:
        # "RAM" alone beside a word for the card's memory is the card's.
        bare = vram is not None and _BARE_RAM(prose.lower[host : host + 32])
        either = _EITHER_MEMORY(prose.lower[host : host + 8]) and _OF_CARDS(prose.lower)
        yield "host_oom", host, 0.6 if bare else 0.5 if either else 0.72
        if either and plain is not None and vram is None:
            yield "vram_oom", plain, 0.6
    elif plain is not None and vram is None:
        yield "vram_oom", plain, 0.6
    question = _ASKS.search(prose.lower)
    if question is not None:
        alone = vram is None and host is None and plain is None and cache is None
        yield "question", question.start(), 0.55 if alone else 0.3


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
    for kind, offset, confidence in _kinds(prose):
        yield observe(doc, "failure_kind", kind, offset, confidence=confidence)
