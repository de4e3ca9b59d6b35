"""What a person rules out or insists on: "I can't use LoRA", "without reducing the batch size", "必须全参", "batch 不能再小".

>>> doc = Document.of("I can't use LoRA because it errors, and the batch size must stay at 8. 不能量化")
>>> [(o.fact, o.value) for o in read(doc)]
[('wish', 'keep_batch_size'), ('wish', 'no_lora'), ('wish', 'no_quantization')]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import re2

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.literals import Named
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, clause_of, observe, said_by_others
from advisor.readers.prose.patterns import Patterns, Test, compiled
from advisor.readers.prose.techniques import CHECKPOINTING, FLASH

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_REACH = 72  # characters before and after a thing in which it is refused

# What can be refused as a whole ...
_TECHNIQUES = Patterns(
    (
        ("no_qlora", r"\bq-?lora\b"),
        ("no_lora", r"\blora\b|\bpeft\b|\badapters?\b"),
        (
            "no_quantization",
            r"\bquanti[sz](?:ation|ed?|ing)\b|(?:int)?[48][ -]?bits?(?: quant\w*| weights?| model| version| loading)|"
            r"\bint[48]\b|\bload_in_[48]bit\b|量化",
        ),
        ("no_freezing", r"\bfreez(?:e|ing)\b|\bfrozen\b|冻结"),
        ("no_checkpointing", CHECKPOINTING),
        ("no_offload", r"\b(?:cpu[ -]?)?offload(?:ing)?\b|卸载到(?:内存|cpu)"),
        ("no_deepspeed", r"\bdeepspeed\b|\bzero[ -]?[123]?\b"),
        ("no_fsdp", r"\bfsdp2?\b"),
        ("no_flash_attention", FLASH),
        ("no_half_precision", r"\b(?:half|mixed|lower)[ -]precision\b|\bamp\b|混合精度|半精度"),
        ("no_bitsandbytes", r"\bbitsandbytes\b|\bbnb\b"),
        ("no_8bit_optimizer", r"8[ -]?bit (?:adamw?|optimi[sz]ers?)|8位优化器"),
        ("no_other_optimizer", r"\b(?:another|different|other) optimi[sz]er|换优化器|别的优化器|其他优化器"),
        ("no_accumulation", r"\bgrad(?:ient)?[ -]accumulation\b|梯度累[积计加]"),
        (
            "no_smaller_model",
            r"\b(?:smaller|different|another|other) (?:\w+ )?models?\b|(?:更小|小一点|小点|小|别|其他|其它)的?模型|换模型",
        ),
    )
)
# ... and what must not become less.
_SIZES = (
    ("keep_batch_size", r"(?:batch(?:[ _-]?sizes?)?|\bbs\b|批(?:次|量)?(?:大小)?)"),
    (
        "keep_length",
        r"(?:(?:max(?:imum)?[ _-]?)?(?:seq(?:uence)?s?|context|model|prompt|input|token|cutoff)"
        r"[ _-]?(?:len(?:gths?)?|window|size)|\bcontext|\bsequences?|max_length|上下文(?:长度)?|序列(?:长度)?|最大长度|长度)",
    ),
    (
        "keep_resolution",
        r"(?:(?:(?:image|input|video|picture)[ _-]?)?(?:resolutions?|sizes? of (?:the |my )?images?)|image[ _-]?sizes?|分辨率|"
        r"图(?:像|片)(?:大小|尺寸))",
    ),
    ("keep_rank", r"(?:(?:lora[ _-]?)?\brank|lora_r\b|lora ?的?秩)"),
    ("keep_generations", r"(?:num_generations|(?:number of )?(?:generations|rollouts|completions)|采样数|生成数)"),
)  # fmt: skip

_CANT = (
    r"(?:ca ?n['’]?t|can ?not|(?:am |are |'m |'re )?(?:unable|not able|not allowed|not permitted) to|must ?n['’]?t|must not|"
    r"may not)"
)
_WONT = (
    r"(?:(?:do|does|did) ?n['’o]?t ?(?:really |actually )?(?:want|wish|plan|intend|like)|(?:do|does) not (?:really )?(?:want|wish|"
    r"plan|intend)|"
    r"would(?: ?n['’]t| not) (?:like|want)|(?:would |['’]d )?rather not|prefer not|not (?:willing|going|planning|interested)|"
    r"wo ?n['’]t|will not|refuse|(?:want|like|need|have|prefer|trying|hoping|hope) to avoid|please (?:do not|don['’]?t|avoid|no)|"
    r"(?:do not|don['’]?t) (?:suggest|recommend|propose|advise|tell me)|"
    r"(?:not|n['’]t) an option|(?:do|does|did|will|would)(?: not|n['’]t) (?:allow|permit|accept|let (?:me|us)))"
)
_REFUSED = rf"(?:{_CANT}|{_WONT})"
_FILLER = (
    r"(?:[ `'\"]{1,2}(?:to|use|using|do|doing|go|going|switch|switching|resort|rely|move|apply|applying|add|enable|enabling|turn|run|"
    r"running|train|training|try|trying|have|having|load|install|fine-?tune|for|with|on|in|any|a|an|the|my|our|this|that|it|me|just|"
    r"really|even|kind|of|model|weights|base|over|"
    r"[\w./-]+ (?:or|nor)|[\w.-]+/)){0,7}[ `'\"]{1,2}"
)
_NO_ZH = (
    r"(?:不(?:想|能|可以|可|允许|让|希望|愿意?|打算|准备|考虑|接受|方便|要|支持我们?)|没法|没办法|无法|禁止|拒绝|避免|别|请勿|勿)"
    r"(?:再|去|继续|采用|考虑|把)?"
)
_DO_ZH = (
    r"(?:使用|采用|改用|用|做|走|上|换成?|开启?|启用|进行|建议|推荐|任何|是|给我|加|跑|了|装|安装|[a-z0-9_-]{2,12}(?:和|或|"
    r"或者|、|/)){0,4}[ `\"“]?"
)
_REDUCE = (
    r"(?:reduc|lower|decreas|shrink|shorten|cut|halv|drop|limit|truncat|chang|compromis|sacrific|downsiz|downscal|downsampl|modify|"
    r"touch|"
    r"go(?:ing)? (?:below|lower|under|smaller|down)|us(?:e|ing) (?:a )?(?:smaller|lower|shorter)|mak(?:e|ing) (?:it |"
    r"the )?(?:smaller|shorter))\w*"
)
_REDUCE_ZH = r"(?:减小|减少|减低|降低|缩小|缩短|调小|调低|改小|压缩|截断|牺牲|减|降|缩|改变|修改|改|动|裁剪|砍)"
_LESS = r"(?:smaller|lower|shorter|reduced|lowered|decreased|shortened|changed|cut|shrunk|less|any (?:smaller|lower|shorter))"
_OF = (
    r"(?:[ `'\"]{1,2}(?:the|my|our|any|a|an|on|in|of|with|to|per[ -]device|train(?:ing)?|micro|input|image|max(?:imum)?|model|"
    r"lora|further)){0,4}[ `'\"]{1,2}"
)

_WITHOUT = (
    r"\b(?:without|except(?: for)?|besides|other than|apart from|aside from|(?:do|does)(?: not|n['’]t) (?:involve|require))"
    r"(?: (?:using|doing|resorting to|going to|switching to|having to use|the use of|any|a))?(?: the| any|"
    r" a)?[ `'\"]{1,2}$"
)
_PLEASE_NO = r"(?:\bplease[,:]? no|(?:^\s*|[.,;(] ?)no)[ `'\"]{1,2}$"
_AFTER_NO = (
    r"^[`'\"]?(?: (?:fine-?tuning|training|or [\w-]+|adapters?))?,? ?(?:(?:is|are)(?: also| really| simply)? (?:not|out of|off)|"
    r"isn['’]t|aren['’]t)"
    r" ?(?:an option|options|possible|acceptable|allowed|permitted|wanted|desired|the question|the table|a possibility)|"
    r"^[`'\"]? ?(?:微调|训练)?(?:的话)?(?:不可行|不考虑|不接受|不能用|没法用|不让用|用不了|免谈|不在考虑)|"
    r"^[^\n.,。,]{0,24}[,,] ?(?:so |therefore )?(?:i|we) (?:do not|don['’]t) want (?:it|that|to use it)|"
    r"^[^\n。,,]{0,10}[,,] ?(?:所以)?不(?:想|能|考虑)用"
)


_ZH = r"[^\n。,,;;]"
# What a pattern needs in the text, one word of each list, before it is compiled; and the patterns, on whole texts.
_NEGATIVE = ("n't", "n’t", "not ", "unable", "refus", "avoid", "please", "no ", "without", "不", "没", "无法", "买不")
_WHOLE: tuple[tuple[str, tuple[tuple[str, ...], ...], str], ...] = (
    (
        "full_finetuning",
        (
            ("full", "全参", "全量"),
            ("must", "has to", "have to", "need", "only", "required", "mandatory", "necessary", "必", "一定", "只", "坚持",
            "非得", "务", "硬性"),
        ),
        r"(?:\b(?:(?:must|has to|have to|needs? to)(?: be| do| use| run| stay with| go with| perform)?|"
        r"only (?:(?:want|wants|plan|need) to )?(?:be|do|use|run|perform|accept|allow))(?: a| the)?[ `'\"]{1,2}"
        r"full(?:[ -](?:parameters?|params?|model|weights?))?[ -]?(?:fine-?tun\w+|training|sft|ft)\b|"
        r"\bfull[ -](?:parameter )?fine-?tuning (?:only\b|is (?:required|mandatory|a must|needed|necessary))|"
        r"(?:必须|一定要|只能|坚持|只想|非得|务必)(?:是|要|用|做|跑|走|进行|使用)?(?:全参|全量)|"
        r"(?:全参数?|全量)(?:微调|训练)?是?(?:必须的|必需的|硬性要求))",
    ),
    (
        "no_hardware",
        (
            ("gpu", "card", "hardware", "vram", "machine", "卡", "硬件", "机器"),
            (" buy", " afford", " get ", " rent", " add", " upgrad", " purchas", " invest", " pay ", "买", "加", "换", "升级",
            "租", "购", "增", "添"),
            _NEGATIVE,
        ),
        rf"(?:{_CANT}|{_WONT}|\bno (?:budget|money|funds)|(?:do ?n['o]?t|do not) have (?:the )?(?:money|budget|funds))[^\n.,;?!]*?"
        r"\b(?:buy|afford|get|rent|add|upgrade|purchase|invest|pay)(?: in| for)?(?: (?:any|a|an|some))? ?"
        r"(?:more|another|new|bigger|larger|extra|additional|better|second|other|my|the)(?: \w+)? (?:gpus?|cards?|hardware|vram|"
        r"machines?)\b|"
        r"\bwithout (?:having to )?(?:buy|upgrad|purchas|rent|add)(?:e|ing)? (?:\w+ )?(?:\w+ )?(?:gpus?|cards?|hardware)\b|"
        r"(?:没钱|没有?(?:预算|条件)|不能|不想|没法|没办法|无法|不打算|不考虑)(?:再|去)?(?:买|加|换|升级|租|购买|增加|添)"
        r"(?:更多|更大|更好|新|别|多|其他|显存更大|几张|一张|个)?的?(?:显存更大的)?(?:显卡|卡|gpu|硬件|机器)|"
        rf"买不(?:起|了){_ZH}*?(?:卡|gpu)",
    ),
    (
        "no_upgrade",
        (
            ("version", "torch", "transformers", "vllm", "cuda", "driver", "librar", "package", "版本", "驱动", "库"),
            ("upgrad", "updat", "chang", "downgrad", "touch", "升级", "更新", "换", "降级"),
            _NEGATIVE,
        ),
        rf"{_REFUSED}(?: to| really| even)? (?:upgrad\w+|updat\w+|chang\w+|downgrad\w+|touch\w*) (?:\w+ )?(?:\w+ )?"
        r"(?:version|pytorch|torch|transformers|vllm|cuda|drivers?|library|libraries|packages?)\b|"
        r"(?:不能|不想|没法|无法|不方便|不允许)(?:再)?(?:升级|更新|换|降级) ?(?:[a-z]+ ?)?(?:的)?(?:版本|pytorch|torch|cuda|驱动|"
        r"transformers|vllm|库)",
    ),
    (
        "no_smaller_model",
        (("model", "模型"), ("chang", "switch", "swap", "replac", "换", "改", "变"), _NEGATIVE),
        rf"{_REFUSED}(?: to)? (?:chang\w+|switch\w*|swap\w*|replac\w+) (?:the |my |our )?(?:base )?model\b|"
        r"模型(?:是|也)?(?:不能|没法|无法|不可以|不想)(?:再)?(?:换|改|变)",
    ),
    (
        "no_half_precision",
        (("fp32", "float32", "full precision", "单精度", "全精度"), ("must", "has to", "have to", "need", "必须", "一定", "只能",
        "精度")),
        r"\b(?:must|has to|have to|needs? to) (?:be|stay|run|train|use|keep)(?: in| with| at)?[ `'\"]{1,2}(?:fp32|float32|"
        r"full precision)\b|"
        r"(?:必须|一定要|只能)(?:用|是|保持)?[ `'\"]?(?:fp32|float32|单精度|全精度)|"
        r"精度(?:要|必须|得)(?:保持|是|用|为)?[ `'\"]?(?:fp32|float32)",
    ),
    (
        "no_killing",
        (("process", "job", "program", "task", "进程", "任务", "程序", "作业"), ("kill", "stop", " end ", "terminat", "clos",
        "shut", "杀", "停", "结束", "关"), _NEGATIVE),
        rf"{_REFUSED}(?: to| just| simply)? (?:kill|stop|end|terminat|clos|"
        rf"shut)\w*(?: down)? (?:\w+ )?(?:\w+ )?(?:\w+ )?(?:process(?:es)?|jobs?|programs?|tasks?)\b|"
        rf"(?:不能|不想|没法|无法|不方便)(?:去)?(?:杀|杀掉|kill|停|停掉|结束|关|关掉){_ZH}*?(?:进程|任务|程序|作业)",
    ),
)  # fmt: skip
# On what stands around one thing, no more than `_REACH` characters: no counted repeats, which make large automata.
_AROUND = Named({
    "refused": rf"{_REFUSED}{_FILLER}$|{_NO_ZH}{_DO_ZH}$",
    "without": _WITHOUT,
    "please_no": _PLEASE_NO,
    "less": (
        rf"(?:{_REFUSED}(?: to| really| afford to| even| further)* |\bwithout (?:having to )?|"
        rf"\b(?:besides|other than|apart from|aside from|except(?: for)?) (?:just |by |simply )?){_REDUCE}{_OF}$|"
        rf"\b(?:want|need|have|like|must|prefer|while|please)(?:s|ing)?(?: to)? (?:keep|keeping|maintain|retain|preserve)\w*{_OF}$|"
        rf"{_NO_ZH}(?:让我|叫我|建议我?)?{_REDUCE_ZH}(?:了|掉)?{_ZH}?{_ZH}?{_ZH}?$"
    ),
    "needs": r"\b(?:really|absolutely|definitely) needs?(?: a| the| my)? $",
    "ba": rf"(?:不想|不能|不希望|不愿意?|不要|别)把{_ZH}?{_ZH}?$",
    "not_zh": rf"(?:不用?|无需){_REDUCE_ZH}{_ZH}?{_ZH}?{_ZH}?$",
    "besides_zh": rf"除了?{_REDUCE_ZH}{_ZH}?{_ZH}?$",
    "keep_zh": rf"(?:保持|维持){_ZH}?{_ZH}?{_ZH}?{_ZH}?$",
    "reducing": rf"(?:^|[.,;?!\n] ?|\b(?:and|but|because|since|that) )\s*{_REDUCE}{_OF}$",
    "after": (
        rf"^[`'\"]?(?: \w+)? ?(?:{_CANT}|should not|shouldn['’]t)(?: be| go| get)? (?:any )?{_LESS}|"
        rf"^[`'\"]?(?: of \d+)? (?:must|has to|have to|needs? to) (?:stay|remain|be (?:kept|at least \d|fixed|unchanged)|"
        rf"not (?:be )?{_LESS}|not change)|"
        rf"^{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?(?:不能|没法|无法|不可以|不想|不可|不允许)(?:再|继续|往下)?(?:{_REDUCE_ZH}|小|低|"
        rf"短|少|变)|"
        rf"^{_ZH}?{_ZH}?{_ZH}?{_ZH}?(?:必须|一定要|务必|只能)(?: ?\d|保持|维持|不变|是|为|用|在|至少|不低于|不小于)"
    ),
    "no_option": (
        r"^(?: any)?(?: further)? (?:is(?: also| really)? (?:not|out of|off)|isn['’]t) ?"
        r"(?:an option|possible|acceptable|allowed|wanted|feasible|the question|the table)"
    ),
    "number": r"^[`'\"]?(?: of| at least)? ?\d",
    "shrinks_zh": rf"^{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_REDUCE_ZH}",
    "provided_zh": rf"^{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?(?:前提|情况|条件|下|就)",
    "same_zh": rf"^{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?{_ZH}?(?:不变|不动|一致)",
})  # fmt: skip
# A form before a size, what must follow the size for it, and whether it is about the size's becoming less.
_FORMS = (
    ("less", ""), ("needs", "number"), ("ba", "shrinks_zh"), ("not_zh", "provided_zh"), ("besides_zh", "besides"), ("keep_zh",
    "same_zh"),
    ("reducing", "no_option"),
)  # fmt: skip
_SIZE_NAMES = Patterns(_SIZES)
# One of these stands beside whatever is refused or insisted on.
_SIGNS = (
    "n't", "n’t", "not", "unable", "refus", "avoid", "without", "besides", "other than", "apart from", "aside from", "except",
    "keep", "maintain",
    "retain", "preserv", "must", "has to", "have to", "need", "please", "out of", "off the", "isn", "no ", "only",
    "不", "没", "无", "别", "禁止",
    "拒绝", "避免", "勿", "除", "必须", "一定",
    "务必", "只能", "保持", "维持", "免谈",
)  # fmt: skip
# Whose ability it is: of a program, of others, or of the reader whom somebody advises.
_OF_OTHERS = re2.compile(
    r"\b(?:you|they|it|that|which|users?|one|we all|people|vllm|trl|peft|transformers|deepspeed|was|were)['’]?\s?$|(?:你们?|它|"
    r"他们|用户)$"
)
_BESIDES = ("besides", "other than", "apart from", "aside from", "except", "除")
_WHATEVER_SUBJECT = (
    "without",
    "must",
    "has to",
    "have to",
    "need",
    "only",
    "full",
    "lora",
    "batch",
    "image",
    "resolution",
    "context",
    "seq",
    "length",
)
_WHY = Test(
    r"\bwhy\b|how come|\bis it (?:true|normal|because)|does (?:that|it|this) mean|what happens|为什么|为何|怎么会|是不是|是否|"
    r"会不会|难道|意思是"
)
_ASKS_WAY = Test(
    r"\b(?:what|how|which|any|anything|else|solutions?|looking|is there|can i|can we|could i|could we|can you|could you|way|"
    r"ways|possible|options?|want|need|like|"
    r"should|help|"
    r"trying|try|prefer|must)\b|怎么|如何|有没有|办法|能不能|能否|可以|想|希望|要"
)
_TOGETHER = Test(
    r"^[`'\"]? ?(?:\w+ )?(?:with|together|alongside|in combination|at the same time|on top of|properly|correctly|anymore after)\b|"
    r"^ ?(?:和|与|跟|配合|同时)"
)
_EFFECTIVE = Test(r"effective|global|total|overall|equivalent|等效|有效|全局|总")
_EVEN = Test(r"\beven (?:with|when|if|though|while)?\s?$|(?:即使|哪怕|就算)$")
_SWITCHED = Test(r"^[`'\"]? ?(?:\w+ )?(?:enabled|used|applied|is|was|at all|in use|installed|active|=)")
_POLITE = Test(r"^[^\n.!?]{0,24}\b(?:please|thanks|thank you|pls|allowed|wanted)\b")


def read(doc: Document) -> Iterator[Observation]:
    """Each wish once, at its first place; what is only asked, reported, or said by and of others is none."""
    prose = prose_of(doc)
    lower = prose.lower
    if not prose.text.strip() or not _any(lower, _SIGNS):
        return
    found: dict[str, int] = {}
    for things, holds in ((_TECHNIQUES, _is_refused), (_SIZE_NAMES, _is_kept)):
        for wish, pattern in things.present(lower):
            for match in islice(pattern.finditer(lower), MAX_MENTIONS):
                if holds(prose, match.start(), match.end()) and not (
                    wish == "keep_batch_size" and _EFFECTIVE(lower[max(0, match.start() - 24) : match.end()])
                ):
                    found.setdefault(wish, match.start())
                    break
    for wish, needs, source in _WHOLE:
        if wish not in found and all(_any(lower, words) for words in needs):
            for match in islice(compiled(source).finditer(lower), MAX_MENTIONS):
                if _stands(prose, match.start(), match.end(), match.start()):
                    found.setdefault(wish, match.start())
                    break
    for wish in sorted(found):
        yield observe(doc, "wish", wish, found[wish])


def _any(text: str, words: Sequence[str]) -> bool:
    return any(word in text for word in words)


def _around(prose: Prose, start: int, end: int) -> tuple[int, str, str]:
    """Where the words before a thing begin, and the words before and after it in its sentence."""
    first, last = prose.sentence(start)
    begin = max(first, start - _REACH)
    return begin, prose.lower[begin:start], prose.lower[end : min(max(last, end), end + _REACH)]


def _is_kept(prose: Prose, start: int, end: int) -> bool:
    """Whether the words around a size say that it must not become less."""
    begin, before, after = _around(prose, start, end)
    if not _any(before, _SIGNS) and not _any(after, _SIGNS):
        return False
    for form, follows in _FORMS:
        lead = _AROUND[form].search(before)
        if lead is None:
            continue
        if not follows or (_BESIDES_ZH(after) if follows == "besides" else _AROUND[follows].search(after) is not None):
            return _stands(prose, begin + lead.start() + _blanks(lead.group(0)), end, start)
    return _AROUND["after"].search(after) is not None and _stands(prose, start, end, start)


def _blanks(text: str) -> int:
    return len(text) - len(text.lstrip(" .,;?!\n"))


_BESIDES_ZH = Test(r"^ ?(?:之外|以外|外)?[,,]? ?(?:还有|有没有|有什么|有别|还能)")


def _is_refused(prose: Prose, start: int, end: int) -> bool:
    """Whether a technique is ruled out by the words around it."""
    begin, before, after = _around(prose, start, end)
    if not _any(before, _SIGNS) and not _any(after, _SIGNS):
        return False
    refusal = _AROUND["refused"].search(before)
    if refusal is not None:
        return not _TOGETHER(after) and _stands(prose, begin + refusal.start(), end, start)
    if before.rstrip().endswith(("除了", "除")) and _BESIDES_ZH(after):
        return True
    if _AFTER(after):
        return _stands(prose, start, end, start)
    without = _AROUND["without"].search(before)
    if without is not None:
        first, _ = prose.sentence(start)
        lead = prose.lower[first : begin + without.start()].rstrip()
        return _ASKS_WAY(lead) and not lead.endswith((" and", " or", "/")) and not said_by_others(prose, start)
    if _AROUND["please_no"].search(before) is not None:
        return ("please" in before or _POLITE(after)) and not _SWITCHED(after) and not said_by_others(prose, start)
    return False


_AFTER = Test(_AFTER_NO)


def _stands(prose: Prose, start: int, end: int, thing: int) -> bool:
    """Whether a refusal that begins at `start` is the person's own and is meant, not asked."""
    first, last = prose.sentence(start)
    last = max(last, end)
    lead, own = prose.lower[first:start], prose.lower[start:end]
    if said_by_others(prose, start) or _WHY(lead[-48:]) or _EVEN(lead):
        return False
    if not own.startswith(_WHATEVER_SUBJECT) and _OF_OTHERS.search(lead):
        return False
    if own.startswith("不") and lead and lead[-1] == own[1:2]:
        return False  # 能不能, 要不要
    sentence = prose.text[first:last].rstrip()
    if own.startswith(_BESIDES):  # "besides lowering it I also ..." tells what was done
        return sentence.endswith(("?", "？", "吗", "呢")) or _ASKS_WAY(sentence.lower())
    if not sentence.endswith(("?", "？", "吗", "么", "呢")):
        return True
    # In a question the refusal is meant where the question lies before it, or in a later clause.
    _, right = clause_of(prose, thing, end)
    asked_later = right < first + len(sentence) - 1
    return asked_later or _ASKS_WAY(lead)
