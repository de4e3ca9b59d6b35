"""Techniques in people's words: what is trained, in which precision, sharded and offloaded how, with which attention and optimizer.

>>> doc = Document.of("用 QLoRA 微调,deepspeed zero3 offload,开了梯度检查点,没有开 flash attention,还是爆显存")
>>> for o in read(doc): print(o.fact, o.value)
flash_attention False
gradient_checkpointing True
method qlora
offload both
zero_stage 3
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from itertools import islice
from typing import Any

import re2

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import (
    MAX_MENTIONS,
    Claim,
    Mention,
    adapter_is_used,
    best,
    claim_of,
    observe,
)
from advisor.readers.prose.patterns import Patterns, Test

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_L, _R = r"(?:^|[^\w])", r"(?:[^\w]|$)"

CHECKPOINTING = (
    r"(?:gradient|grad|activation)s?[ _-]?(?:check[ -]?point(?:ing|s)?|ckpt)|activation recomput\w+|"
    r"recomput\w+ (?:of )?(?:the )?activations|梯度检查点|激活(?:值)?检查点|激活(?:值)?重计算|重计算"
)
FLASH = r"flash[ _-]?att(?:n|ention)?s?(?:[ _-]?v?[23])?|\bfa[23]\b|xformers|memory[ -]efficient[ _-]attention"
_BOOLEANS = Patterns(
    (
        ("flash_attention", FLASH),
        ("fsdp", (r"\bfsdp[12]?\b|fully[ -]?sharded[ -]?data[ -]?parallel")),
        (
            "fused_ce",
            (
                r"fused (?:linear )?cross[ -]?entropy|chunked (?:cross[ -]?entropy|loss)|liger(?:[ _-]kernels?)?\b|"
                r"cut cross[ -]?entropy"
            ),
        ),
        ("gradient_checkpointing", CHECKPOINTING),
    )
)
# A word of a closed set: each pattern with its value, the more specific first where they overlap.
_WORDS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "method",
        (
            ("qlora", r"\bq-?lora\b|\bq-?lora_"),
            ("lora", r"\b(?:do)?loras?\b|\blora_r\b"),
            (
                "full",
                r"\bfull[ -]?(?:-?(?:parameters?|params?|model|weights?|scale))?s?[ -]?(?:fine[ -]?t\w{1,3}ing|"
                r"fine[ -]?tuned?|finetune\w*|sft|ft\b)|\bsft full\b|\bfft\b|"
                r"\bfull[ -](?:parameters?[ -]training|(?:parameters?[ -])?tun(?:e|ing)\b)|(?:with|all|of) (?:all |"
                r"the )?(?:full[ -])?parameters? (?:fine|train|tun|unfroz)|with full[ -]parameters?|"
                r"\( ?full[ -]?parameters? ?\)|全参(?:数|"
                r"量)?(?:的)?(?:微调|训练|sft|finetune|调优|更新)?|"
                r"全量(?:参数)?(?:的)?(?:微调|训练|sft|finetune)",
            ),
            ("dreambooth", r"\bdreambooth\b"),
            ("freeze", r"\bfreeze[ -](?:tuning|training|fine-?tuning)|冻结微调|freeze ?微调"),
        ),
    ),
    (
        "precision",
        (
            (
                "amp-bf16",
                (
                    r"(?:bf16|bfloat16)[ -]?(?:mixed|amp)|mixed[ -]precision (?:\(|with |training \(|of )?(?:bf16|"
                    r"bfloat16)|"
                    r"bf16 ?混合精度"
                ),
            ),
            (
                "amp-fp16",
                (
                    r"(?:fp16|float16)[ -]?(?:mixed|amp)|mixed[ -]precision (?:\(|with |training \(|of )?(?:fp16|"
                    r"float16)|"
                    r"fp16 ?混合精度|\bamp\b|native amp|\bapex\b"
                ),
            ),
            ("bf16", r"(?:^|[^\w])(?:bf16|bfloat16|pure_bf16)\b"),
            ("fp16", r"(?:^|[^\w])(?:fp16|float16)\b|half[ -]precision|半精度"),
            (
                "fp32",
                r"mixed[ _-]?precision ?(?:is |was )?(?:set )?(?:to |as |=|: ?)?[\"'`]?(?:no|none|off|false)\b|"
                r"(?:^|[^\w])(?:fp32|float32)\b|full[ -]precision|single[ -]precision|全精度|单精度",
            ),
        ),
    ),
    (
        "quantization",
        (
            ("nf4", r"\bnf4\b"),
            ("gptq", r"\bgptq\b"),
            ("awq", r"\bawq\b"),
            (
                "4bit",
                r"\b(?:4|four)[ -]?bits?\b|\bint4\b|\bload_in_4bit\b|\bload_in_bit ?= ?4\b|\bw4a16\b|\bq4(?:_[k0]\w*)?\b|"
                r"4位量化",
            ),
            ("8bit", r"\b(?:8|eight)[ -]?bits?\b|\bint8\b|\bload_in_8bit\b|\bw8a8\b|8位量化"),
            ("fp8", r"\bfp8\b"),
        ),
    ),
    (
        "optimizer",
        (
            ("paged_adamw_8bit", r"\bpaged[_ -]?adamw?[_ -]?8[ -]?bit\b"),
            ("paged_adamw_32bit", r"\bpaged[_ -]?adamw?(?:[_ -]?32[ -]?bit)?\b"),
            (
                "adamw_8bit",
                (
                    r"\b(?:8[ -]?bit[ _-]?adam(?:w)?|adamw?[_ -]?(?:bnb[_ -])?8[ -]?bit|use_8bit_adam)\b|"
                    r"8[ -]?bit optimi[sz]er|8位优化器"
                ),
            ),
            ("adafactor", r"\badafactor\b"),
            ("adamw", r"\badamw\b"),
            ("adam", r"\badam\b"),
            ("sgd", r"\bsgd\b"),
            ("lion", r"\blion(?: optimi[sz]er)\b"),
            ("galore", r"\bgalore\b"),
            ("muon", r"\bmuon\b"),
            ("prodigy", r"\bprodigy\b"),
            ("lomo", r"\b(?:ada)?lomo\b"),
        ),
    ),
    ("attention", (("sdpa", r"\bsdpa\b"), ("eager", r"\beager attention\b"))),
)
_TABLES = tuple((fact, Patterns(words)) for fact, words in _WORDS)
ZERO = (
    r"(?:deepspeed[ _-]?)?zero[ _-]?(?:stage[ _-]?|optimization stage |=)?([0-3])(?:[^\d.]|\.\D|$)|"
    r"\bds[ _-]?z(?:ero)?([0-3])|(?:deepspeed|zero)(?:'s)?[ _-](?:with )?stage[ _=:-]{0,3}([0-3])\b|"
    r"zero_stage[ =:]{0,3}([0-3])"
)
_ZERO = re2.compile(ZERO)
_OFFLOAD = re2.compile(
    r"zero[ _-]?(?:stage[ _-]?)?([23])[ _+-]{0,3}(?:with |\+ ?|w/ ?|的)?(?:cpu[ _-]?)?offload\w*|"
    r"(offload_optimizer\W{0,3}(?:和|and|&|,|、|/)\s?offload_params?|offload(?:ing)? (?:both )?(?:the )?(?:optimizer|"
    r"params?|parameters) and (?:the )?(?:optimizer|params?|parameters)|"
    r"param(?:eter)?s? ?(?:\+|and|&|/|和) ?(?:the )?optimizer (?:states? )?(?:cpu )?offload\w*|"
    r"optimizer ?(?:\+|and|&|/|和) ?(?:the )?param(?:eter)?s? (?:cpu )?offload\w*)|"
    r"(offload_optimizer|optimizer[ _-](?:states? )?(?:cpu[ -])?offload\w*|adam_offload|"
    r"offload(?:ing)? (?:the )?optimizer|优化器卸载|卸载优化器)|"
    r"(offload_params?\b|param(?:eter)?s?[ _-](?:cpu[ -])?offload\w*|"
    r"offload(?:ing)? (?:the )?(?:params|parameters)|参数卸载)|(cpu[ _-]?offload\w*|offload(?:ing|"
    r"ed)? (?:\w+ )?to (?:the )?cpu|(?:^|[^\w-])offload(?:ing)?(?:[^\w]|$))"
)
_FROZEN = re2.compile(
    r"(?:freez(?:e|ing)|froze|frozen|冻结(?:了|住)?)[ `\"的]{0,2}(?:the |both )?(vision|vit|visual|image encoder|"
    r"text encoder|language model|llm|backbone|projector|head|embeddings?|视觉|图像|语言模型|投影|词嵌入)"
)
_PARTS = {
    "vision": "vision",
    "vit": "vision",
    "visual": "vision",
    "image encoder": "vision",
    "视觉": "vision",
    "图像": "vision",
    "projector": "projector",
    "投影": "projector",
    "text encoder": "text",
    "language model": "text",
    "llm": "text",
    "语言模型": "text",
    "head": "head",
    "backbone": "vision",
    "embedding": "embeddings",
    "embeddings": "embeddings",
    "词嵌入": "embeddings",
}
# "What else besides X?" says that X is on.
_BESIDES = Test(r"(?:除了?|besides|apart from|in addition to|on top of)[^\n.。?？]{0,40}$")
_OPTIMIZER_NEAR = Test(r"^[ _-]?(?:adam|optim|paged|lion|sgd)|(?:adamw?|paged|optim\w*)[ _-]?$")
_BIT_VERB = Test(
    r"quant|load|weights?|model|base|qlora|bnb|bitsandbytes|量化|加载|模型|权重|精度|lora|gguf|bit[ =]?4|\bin (?:4|8|int)|"
    r"\d ?b(?:[ -][a-z]\w*){0,2}[ ,(（-]{1,3}(?:in |at |with )?(?:int[48]|fp8|[48][ -]?bit|q4)|"
    r"(?:flux|sdxl|sd3|wan|ltx|hunyuan)[^\n,.;]{0,16} (?:in |at )?fp8"
)
_COMPARED = Test(r"(?:->|→|=>|\bto\b|改成|换成|改为|变成)\s?[`'\"]?$")
_TABLE = re2.compile(r"(?:require|estimate|minimum|recommended|min|benchmark|需要?)\w*")


# A package that is put on a machine is not yet used by a run.
_INSTALLS = Test(r"(?:install|build|building|built|compil\w*|import)\s(?:-\S+ |the |from source )*[`'\"]?$")
_INSTALLATION = Test(r"^\S{0,4}[ _-]?(?:\d\S* )?(?:install\w*|wheels?\b|builds?\b|import error)")


def _switch(prose: Prose, pattern: Any) -> Iterator[Mention]:
    for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
        start, end = match.start(), match.end()
        if _INSTALLS(prose.lower[max(0, start - 32) : start]) or _INSTALLATION(prose.lower[end : end + 20]):
            continue
        claim = claim_of(prose, start, end)
        if claim == Claim.DENIED:
            first, _ = prose.sentence(start)
            on = bool(_BESIDES(prose.lower[max(first, start - 48) : start]))
            yield Mention(on, start, end, Claim.HOLDS)
        else:
            yield Mention(True, start, end, claim)


def _words(prose: Prose, fact: str, words: Patterns) -> Iterator[Mention]:
    taken: list[tuple[int, int]] = []
    for value, pattern in words.present(prose.lower):
        for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
            start, end = match.start(), match.end()
            if any(start < other_end and other_start < end for other_start, other_end in taken):
                continue
            taken.append((start, end))
            around = prose.lower[max(0, start - 40) : end + 24]
            if fact == "quantization":
                beside = prose.lower[end : end + 10], prose.lower[max(0, start - 10) : start]
                if any(_OPTIMIZER_NEAR(text) for text in beside):
                    continue
                if value in ("4bit", "8bit", "fp8") and not _BIT_VERB(around):
                    continue
            claim = claim_of(prose, start, end)
            weight = 1 if _COMPARED(prose.lower[max(0, start - 8) : start]) else 0
            yield Mention(value, start, end, claim, weight)


def _method(prose: Prose, words: Patterns) -> Mention | None:
    mentions = sorted(_words(prose, "method", words), key=lambda item: item.start)
    chosen = best(mentions, ideas=False)
    if chosen is not None and chosen.value == "lora" and adapter_is_used(prose.lower):
        return None
    if chosen is None:  # "How much memory does full fine-tuning need?" names what is planned
        planned = [
            item for item in mentions if item.claim in (Claim.OTHERS, Claim.IDEA) and _asks_for_need(prose, item.start)
        ]
        return planned[0] if len({str(item.value) for item in planned}) == 1 else None
    equals = [item for item in mentions if item.claim >= Claim.HOLDS or item.claim == chosen.claim]
    if chosen.claim != Claim.FAILS and _side_by_side(equals):
        # A comparison of methods: the one that the text keeps speaking of, if any.
        often = sum(item.value == chosen.value for item in mentions)
        return chosen if often >= 2 * sum(item.value != chosen.value for item in mentions) else None
    return chosen


def _side_by_side(mentions: list[Mention]) -> bool:
    return any(one.value != two.value and two.start - one.end < 40 for one, two in itertools.pairwise(mentions))


_MAY = Test(r"\b(?:can|could|will|would|is it)\b|能|可以")
_ON_HARDWARE = Test(
    r"\b(?:on|with|in) [^\n]{0,24}(?:\d ?gb?\b|gpus?\b|cards?\b|vram|[avhl]\d{2,3}\b|\d0[5-9]0\b)|显存|显卡|卡上"
)
_NEED = Test(
    r"how (?:much|many)|what (?:gpu|hardware|vram)|(?:vram|memory) (?:is )?(?:needed|required)|requirements?|minimum|"
    r"enough|possible|需要多[大少]|多大显存|多少显存|最低|够吗|能跑|"
    r"跑得?动|行吗|可以吗"
)


def _asks_for_need(prose: Prose, start: int) -> bool:
    first, last = prose.sentence(start)
    sentence = prose.lower[first:last]
    is_asked = _MAY(sentence) or sentence.rstrip().endswith(("?", "？"))
    return _NEED(sentence) or (is_asked and _ON_HARDWARE(sentence))


def _zero(prose: Prose) -> Mention | None:
    mentions, denied = [], []
    for match in islice(_ZERO.finditer(prose.lower), MAX_MENTIONS):
        group = next(index for index, text in enumerate(match.groups(), 1) if text)
        start, end = match.start(), match.end(group)
        item = Mention(int(match.group(group)), start, end, claim_of(prose, start, end))
        if item.claim == Claim.DENIED:
            first, _ = prose.sentence(start)
            if not _BESIDES(prose.lower[max(first, start - 48) : start]):
                denied.append(item)
                continue
            item = Mention(item.value, start, end, Claim.HOLDS)
        mentions.append(item)
    chosen = best(mentions, ideas=False, last=True)
    if chosen is None:
        return None
    first, last = prose.sentence(chosen.start)
    beside = {item.value for item in mentions if first <= item.start < last and item.claim == chosen.claim}
    compared = any(first <= item.start < last and item.value != chosen.value for item in denied)
    return chosen if len(beside) == 1 and not compared else None


def _offload(prose: Prose, stage: Mention | None) -> Mention | None:
    mentions: list[Mention] = []
    for match in islice(_OFFLOAD.finditer(prose.lower), MAX_MENTIONS):
        with_stage, both, optimizer, params, plain = match.groups()
        value: FactValue
        if both:
            value = "both"
        elif optimizer:
            value = "optimizer"
        elif params:
            value = "params"
        else:
            number = int(with_stage) if with_stage else stage.value if stage is not None else None
            if number not in (2, 3):
                continue
            value = "both" if number == 3 else "optimizer"
        claim = claim_of(prose, match.start(), match.end())
        if claim == Claim.DENIED:
            if not plain and not with_stage:
                continue
            value, claim = "none", Claim.HOLDS
        mentions.append(Mention(value, match.start(), match.end(), claim))
    chosen = best(mentions, ideas=False, last=True)
    if chosen is not None and chosen.value in ("optimizer", "params"):
        first, last = prose.sentence(chosen.start)
        beside = {item.value for item in mentions if first <= item.start < last and item.claim == chosen.claim}
        if {"optimizer", "params"} <= beside:
            return Mention("both", chosen.start, chosen.end, chosen.claim)
    return chosen


def _frozen(prose: Prose) -> Mention | None:
    parts: list[str] = []
    place = None
    for match in islice(_FROZEN.finditer(prose.lower), MAX_MENTIONS):
        claim = claim_of(prose, match.start(), match.end())
        part = _PARTS[match.group(1)]
        if claim >= Claim.WORKS and part not in parts:
            parts.append(part)
            place = place or (match.start(), match.end(), claim)
    return Mention(parts, *place) if place is not None else None


def read(doc: Document) -> Iterator[Observation]:
    """What is switched on, off or chosen; questions, plans, advice and other people's settings are left out."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    found: dict[str, Mention | None] = {}
    for fact, pattern in _BOOLEANS.present(prose.lower):
        found[fact] = best(list(_switch(prose, pattern)), ideas=False, last=True)
    for fact, words in _TABLES:
        if fact == "method":
            found[fact] = _method(prose, words)
            continue
        mentions = sorted(_words(prose, fact, words), key=lambda item: item.start)
        chosen = best(mentions, ideas=False, last=fact == "optimizer")
        top = {str(item.value) for item in mentions if chosen is not None and item.claim >= chosen.claim}
        # Two formats named with the same force contradict each other; optimizers are told in the order in which they were tried.
        found[fact] = None if fact in ("precision", "quantization") and len(top) > 1 else chosen
    found["zero_stage"] = _zero(prose)
    found["offload"] = _offload(prose, found["zero_stage"])
    found["frozen"] = _frozen(prose)
    for fact in sorted(found):
        mention = found[fact]
        if mention is not None:
            yield observe(doc, fact, mention.value, mention.start)
