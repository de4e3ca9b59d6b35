"""What a sentence claims of the thing it names: that it holds, that it doesn't, that somebody else has it, that it is only an idea.

>>> prose = prose_of(Document.of("Trained without LoRA. Should I try QLoRA? Even with ZeRO-3 it is OOM."))
>>> [claim_of(prose, *span_of(prose, word)).name for word in ("lora", "qlora", "zero-3")]
['DENIED', 'IDEA', 'FAILS']
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Literal

import re2
from msgspec import Struct

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.patterns import Test

RANK = 40
# Mentions of one thing that are looked at; more are a log or an attack, and each costs a look at its sentence.
MAX_MENTIONS = 200
# Reach, in characters, of a word of negation before and after what it denies.
_BEFORE = 48
_AFTER = 36


class Claim(IntEnum):
    """What is claimed, from the weakest to the strongest that a fact may rest on."""

    DENIED = 0  # "without", "didn't enable", "未开启"
    OTHERS = 1  # a document's table, a requirement, a maintainer's advice, another user
    IDEA = 2  # "should I", "if I use", "能否用"
    PLANNED = 3  # "can I train a 7B with batch size 2 on this card?": part of what is asked about
    WORKS = 4  # a setting with which it runs
    HOLDS = 5
    FAILS = 6  # a setting with which it fails


_DENY_BEFORE = Test(
    r"(?i)(?:\bwithout|\bw/o|\bnot (?:using|use|enabl\w*|sett?\w*|pass\w*|turn\w*|appl\w*|load\w*|a|in|with)|\bno|"
    r"\bnon-?|\bnever(?: \w+)?|"
    r"(?:do|does|did|have|has|is|are|was|were|could|would|wo|ca)n['’]?t (?:\w+ ){0,3}?(?:use|using|used|enable\w*|"
    r"set|pass\w*|turn\w*|apply|"
    r"have|need|want|employ|support)|(?:do|does|did|have|has|can) ?not (?:\w+ ){0,2}?(?:use|enable|set|"
    r"pass|turn on|have|apply|support)\w*|"
    r"\binstead of|\brather than|\bother than|\bbesides|\bdisabl\w+|\bturn(?:ed|ing)? off|\bswitch(?:ed|ing)? off|"
    r"\bremov\w+|\bdropp?\w*|"
    r"\b(?:compared (?:to|with)|unlike|than))"
    r"[ \t`'\"(]{0,3}(?:(?:the|a|an|any|my|use of|using|passing|setting|adding|flags?|options?|deepspeed|both|"
    r"pytorch)[ \t`'\"]{1,2}){0,2}(?:[\w./-]+(?:,| or| and|/) ?){0,2}[`'\"]?-{0,2}$"
    r"|\b(?:instead of|rather than) (?:the |a |an |my )?(?:[\w.-]+ ){0,2}$"
    r"|(?:没有?|未|不|别|无需?|无法|勿)(?:有|再|去|想|能|会|打)?(?:使用|启用|"
    r"开启|打开|设置|采用|加上?|用|开|配置?|支持|量化)?[了过到任何的 `\"“]{0,4}$"
    r"|(?:关闭?|关掉|禁用|去掉|取消|停用|移除|除)(?:了|掉)?[ `\"“]{0,2}$|而不是[ ]?$|不同于$|相比$"
)
_DENY_AFTER = Test(
    r"(?i)^[`'\")\]”]{0,2}\s*(?:(?:is|was|are|were|has been|had been|has|have)? ?(?:also |both |"
    r"currently )?(?:not (?:yet )?(?:been )?(?:used|"
    r"enabled|set|on|active|supported|implemented|installed|the best|an option|what)|disabled|"
    r"off\b|turned off|switched off|false\b|unchecked)|isn'?t (?:used|on|enabled|set)|(?:=|:|=>)\s?(?:false|no\b|"
    r"n/?a\b|not \w+|unavailable|"
    r"off\b|none\b|0\b)|"
    r"(?:都|也|均|还)?(?:没有?|未|不)(?:有|被|再)?(?:开启?|启用|使用|用|打开|设置|生效|支持|兼容)(?:[^了]|"
    r"$)|(?:都|也|已)?(?:关闭?|关掉|禁用|停用)了?|"
    r"设(?:置)?[为成]?(?:false|False|关))"
)
_IDEA_BEFORE = Test(
    r"(?i)(?:\bif (?:i|we|you|one|it|using|there|the|not|\d{1,2}|two|more|only)\b|\bif only|\bwhether\b|\bshould (?:i|we|it|one)\b|"
    r"\bcan (?:i|we|you|it|one)\b|\bcould (?:i|we|you|it|one)\b|"
    r"\b(?:i|we|it|you|that|this) (?:would|could|might|may|should)\s|\byou can\s|\bwould (?:it|i|using|a|an|the|lora|"
    r"qlora)\b|\bmay(?:be)?\b|\bmight\b|\bperhaps\b|"
    r"\bhow (?:do|can|could|should|would|to)\b|\bis (?:it|there) (?:a way|possible|any way|an option|support|"
    r"any plan)|\b(?:do|did|have|are) you\b|\bplan(?:ning|s)? to|"
    r"\bwant to\b|\bwill\b|\bgoing to\b|\bthinking (?:of|about)|\bconsider\w*|\bwonder\w*|\bhope to|\bintend to|"
    r"\bwould like|\bsupport(?:s|ed)? for|\badd(?:ing)? support|"
    r"\b(?:would|could|will|can|should|might|does|do)\s$|"
    r"如果|假如|若是?|要是|能否|能不能|是否|可否|可不可以|可以(?:用|使用|开|通过)|要不要|该不该|"
    r"有没有|想用|想要|打算|准备|考虑|(?:^|[^不])应该(?:[^不]|$)|或许|也许|可能|怎么|如何|请问|(?:^|[^按照据的])建议)"
)
# "Is it enough, does it fit" asks about the whole plan; "should I use, would it help" asks about the one thing.
_FEASIBLE = Test(
    r"(?i)how (?:much|many)|enough|sufficient|feasible|\b(?:can|could|will|would|"
    r"is it possible)\b[^\n?]{0,80}\b(?:run|fit|train|fine-?tune|finetune|work|handle)|"
    r"能不能[^\n。]{0,6}(?:跑|训|微调|用)|能跑|能训|跑得动|跑得起来|够[吗么不用]|需要多[大少]|多大显存|多少显存|行吗|可行"
)
_ASKED_ABOUT = Test(
    r"(?i)(?:\b(?:use|using|try|trying|enable|turn on|add|switch to|apply|set|with only|reduce|lower)|用|开启?|使用|启用|"
    r"如果|换成?|改成?|加上?|设(?:为|成|置)?)"
    r"\s?(?:the |a |an |my )?(?:\w+ )?$"
)
_IF_I = Test(r"(?i)\bif (?:i|we) (?:use|set|run|train|try|enable|increase|have|put)|如果(?:我)?(?:用|设|开|把|使用)")
_ADVICE = Test(
    r"(?i)(?:^|[.;:,]\s*)(?:please |just |then |so )?(?:try|use|set|enable|add|reduce|lower|switch|turn on|consider|"
    r"upgrade|pass|make sure)\b|"
    r"\byou (?:should|can|could|may|might|need|have to|must|are|will)\b|\b(?:suggest|recommend)\w*|\bfor you\b|"
    r"你(?:可以|应该|需要|试试|用|把|先)|可以(?:试试|尝试)|试试|(?:^|[^按照据的])建议|推荐"
)
_BY_ME = Test(r"(?i)\b(?:i|we)\s$")
# What a thing needs, which a question asks for and a document states.
_REQUIRES = re2.compile(
    r"(?i)\b(?:requires?|required|(?:a|at|the) minimum|minimum|at least|recommend\w*)\b|最低|至少|要求|推荐"
)
_OTHERS = Test(
    r"(?i)\b(?:readme|docs|documentation|docstring|the paper|authors? (?:say|claim|use|report|train)\w*|"
    r"official(?:ly)?|wiki|tutorial|faq|table|according to|"
    r"(?:the|your|this) (?:repo|guide|example|recipe|blog|discussion|page)s? (?:says?|said|mention\w*|uses?|claims?|lists?|states?|"
    r"gives?)|setting of the|discussion says|"
    r"claims?|supposed|recommend\w*|requires? (?:an?|at|about|some|\d|~)|"
    r"required|(?:a|at|the) minimum|minimum (?:of|is|are)|at least|min\.|"
    r"(?:someone|somebody) (?:else|who|with|said|says|reported|got|has|have|managed|trained|posted|mentioned|used)|"
    r"my (?:friend|colleague|boss)\w*|other people|others|colab pro|benchmarks?|as stated)\b|"
    r"官方(?:[^\p{L}\d]|的?(?:文档|说明|教程|推荐|建议|要求|配置|示例|例子|参数|数据|测试|给|说|写|提供|"
    r"用|显示|宣称|声称|标)|$)|文档|论文|说明|教程|推荐|最低|"
    r"至少|要求|声称|别人|其他人|网上|有人|同事|据说|表里|表格|博客"
)
# "The table says 16 GB, but I use ...": from here on it is one's own.
_OWN = Test(
    r"(?i)[,，;；] ?(?:但是?|不过|可是?|而)?(?:在|用)?(?:我|我们|实际|自己)|"
    r"[,;] ?(?:but |yet |and |while |however,? ){0,2}(?:(?:on|with|for|in) )?(?:i|i'm|i've|we|my|our|mine)\b"
)
# "打算全参数微调，我使用了zero-2，够吗？": what was done, in a sentence that asks.
_DONE = re2.compile(
    r"(?i)[,，;；] ?我们?(?:已经?)?(?:使用|设置?|开启?|启用|加|用)了|"
    r"[,;] ?(?:and |but |so )?(?:i|we) (?:have |already ){0,2}(?:used|set|enabled|turned on|tried|am using|are using)\b"
)
# "Following the README I ..." is one's own doing.
_FOLLOWING = re2.compile(
    r"(?i)(?:follow(?:ing|ed|s)?|as in|based on|using|ran|按照?|参[照考]|跟着|照着|跟随|"
    r"使?用的?是?) ?(?:the |this |your |their |官方的?)?"
    r"(?:readme|docs|documentation|tutorial|official \w+|official|wiki|guide|recipe|example|教程|文档|说明|官方\S{0,4}|博客)"
)
_OTHER_SPEAKER = re2.compile(
    r"(?i)^\W{0,3}[(（\[]?(?:an?other user|maintainer|collaborator|developer|bot|author|reply|answer|response|member|"
    r"owner|contributor|"
    r"另(?:有|外)?一?位?用户|其他用户|维护者|作者|开发者|官方)[^)\n]{0,40}[)）\]:：]|[(（](?:an?other user|另(?:有|一位)?一?位?用户)"
)
_USER = Test(r"(?i)user|用户")
_FAILS = Test(
    r"(?i)\b(?:oom(?:s|ed|ing)?|out[ -]of[ -]memory|crash\w*|fail(?:s|ed|ing)?|kill(?:s|ed)?|die[sd]?|runs? out|"
    r"ran out|running out|not enough|insufficient|error|"
    r"exceed\w*|can'?t|cannot|does ?n[o']t (?:run|fit|work)|"
    r"still)\b|爆显?存|爆了|显存不足|显存溢出|不够|报错|超显存|溢出|失败|崩溃|不行|\boom"
)
_WORKING = (
    r"(?i)\b(?:performs? (?:right|well|fine)|works?(?: fine| well| perfectly| ok(?:ay)?)?|worked|runs? (?:fine|well|"
    r"ok|smoothly|normally|without)|"
    r"ran fine|is (?:fine|ok|enough)|are fine|no (?:problem|issue|oom)s?|"
    r"fits?|succeed\w*|successful\w*|went (?:fine|smoothly|well)|goes (?:fine|smoothly)|trains? (?:fine|well|ok)|"
    r"stable|without (?:problem|issue|oom|error)s?|can (?:run|train)|"
    r"fine-tuned .{0,40} (?:fine|ok)|solved|fixed|resolved)\b|正常|可以跑|能跑|跑得?通|没(?:有)?问题|"
    r"跑起来|不会(?:爆|oom|OOM)|未出现|成功|"
    r"搞定|解决了|才能(?:跑|训练)"
)
_MAY_WORK, _WORKS = Test(_WORKING), re2.compile(_WORKING)
_NEGATED_WORKS = Test(
    r"(?i)(?:not|n't|never|no longer|neither|hardly|barely|unable to|fail(?:s|ed)? to|不|没|无法|未能)[ ]?(?:\w+ ){0,2}?$"
)
_CLAUSE = re2.compile(
    r"(?i)[,，;；:：()（）]|\s(?:but|however|while|whereas|although|though|yet|and (?:then|now|it)|so|because|since|"
    r"when i|then)\s|但是?|不过|然而|可是|结果|"
    r"却|改成|换成|\s-\s"
)


class Mention(Struct, frozen=True):
    """A value that a sentence names, with its place and what is claimed."""

    value: FactValue
    start: int
    end: int
    claim: Claim
    weight: int = 0


def span_of(prose: Prose, word: str) -> tuple[int, int]:
    """Start and end of the first whole `word` (lower case) in the prose.

    Raises:
        ValueError: the prose has no such word.
    """
    match = re2.search(r"(?:^|[^\w-])(" + re2.escape(word) + r")(?:$|[^\w-])", prose.lower)
    if match is None:
        raise ValueError(f"no {word!r}")
    return int(match.start(1)), int(match.end(1))


def clause_of(prose: Prose, start: int, end: int) -> tuple[int, int]:
    """Start and end of the clause around a span, inside its sentence."""
    first, last = prose.sentence(start)
    last = max(last, end)
    left = first
    for begins, ends in _clause_marks(prose, first, last):
        if ends <= start:
            left = ends
        elif begins >= end:
            return left, begins
    return left, last


@lru_cache(maxsize=1024)
def _clause_marks(prose: Prose, first: int, last: int) -> list[tuple[int, int]]:
    """Where commas and conjunctions stand in a sentence."""
    return [(first + match.start(), first + match.end()) for match in _CLAUSE.finditer(prose.text[first:last])]


def _others(text: str) -> bool:
    return _OTHERS(text) and _OTHERS(str(_FOLLOWING.sub(" ", text)))


def denied(prose: Prose, start: int, end: int) -> bool:
    """Whether the words around a span say that it does not hold."""
    first, last = prose.sentence(start)
    line, line_end = prose.line(start)
    before = prose.text[max(first, line, start - _BEFORE) : start]
    after = prose.text[end : min(max(last, end), line_end, end + _AFTER)]
    return bool(_DENY_BEFORE(before)) or bool(_DENY_AFTER(after))


def _undone(text: str) -> str:
    """What stands after the last thing that was done."""
    done = 0
    for match in _DONE.finditer(text):
        done = match.end()
    return text[done:]


def works(text: str) -> bool:
    """Whether the text says that something runs."""
    return _MAY_WORK(text) and any(
        not _NEGATED_WORKS(text[max(0, m.start() - 24) : m.start()]) for m in _WORKS.finditer(text)
    )


@lru_cache(maxsize=4096)
def claim_of(prose: Prose, start: int, end: int) -> Claim:
    """What the sentence around a span claims of it."""
    if denied(prose, start, end):
        return Claim.DENIED
    first, last = prose.sentence(start)
    last = max(last, end)
    sentence = prose.text[first:last]
    line, _ = prose.line(start)
    speaker = _OTHER_SPEAKER.search(prose.text[line:start])
    left, right = clause_of(prose, start, end)
    before, clause = prose.text[left:start], prose.text[left:right]
    question = sentence.rstrip().endswith(("?", "？"))
    opening = prose.text[first : min(start, first + 40)]
    if question and _FEASIBLE(sentence):
        clause, opening = (str(_REQUIRES.sub(" ", text)) for text in (clause, opening))
    if _others(clause) or (_others(opening) and not _OWN(prose.text[first:start])):
        return Claim.OTHERS
    if speaker is not None and " PR" not in speaker.group():
        # Another user with the same failure is worth something where the first says nothing; a maintainer advises.
        return (
            Claim.PLANNED
            if _USER(speaker.group()) and _FAILS(prose.text[line : prose.line(start)[1]])
            else Claim.OTHERS
        )
    if _IDEA_BEFORE(before) or (question and _IDEA_BEFORE(_undone(prose.text[first:start]))):
        # "If I use batch 8 it OOMs" reports a run; "would batch 8 fit?" asks about one.
        if not question and _IF_I(before) and _FAILS(sentence):
            return Claim.FAILS
        return (
            Claim.PLANNED
            if _FEASIBLE(sentence) and not _ASKED_ABOUT(prose.text[max(first, start - 24) : start])
            else Claim.IDEA
        )
    if _ADVICE(before) and not _FAILS(clause) and not _BY_ME(prose.text[max(first, left - 6) : left]):
        # "How much VRAM do you need to train it?" is no advice.
        return Claim.PLANNED if question and _FEASIBLE(sentence) else Claim.OTHERS
    if _FAILS(clause):
        return Claim.FAILS
    # "X trained on the same data, and that is fine": the verdict stands in the next clause.
    return Claim.WORKS if works(clause) or (works(sentence) and not _FAILS(sentence)) else Claim.HOLDS


# Pictures and films are made with adapters that others trained.
_GENERATES = Test(
    r"comfyui|webui|fooocus|workflow|ksampler|\bwan ?2|\bflux\b|\bsdxl\b|hunyuan ?video|lightx|lightning lora|txt2img|img2img|"
    r"\b[it]2v\b|text[- ]to[- ](?:image|video)|image generation|generat\w* (?:an? )?(?:image|video|picture)|生图|出图|文生图|图生"
)
_LEARNS = Test(
    r"train|tun(?:e|ing)|dreambooth|kohya|network_dim|sd-scripts|epoch|optimi[sz]er|lora_rank|"
    r"训练|微调|炼丹|make .{0,20}loras?\b"
)


def adapter_is_used(lower: str) -> bool:
    """Whether a text (in lower case) speaks of adapters that a picture is made with, not of their training."""
    return _GENERATES(lower) and not _LEARNS(lower)


def said_by_others(prose: Prose, start: int) -> bool:
    """Whether another person is said to speak before `start` in its line ("(maintainer) you can't ...")."""
    line, _ = prose.line(start)
    return _OTHER_SPEAKER.search(prose.text[line:start]) is not None


def is_question(prose: Prose, start: int) -> bool:
    """Whether the sentence around `start` asks something."""
    first, last = prose.sentence(start)
    return prose.text[first:last].rstrip().endswith(("?", "？", "吗", "呢"))


def best(mentions: list[Mention], *, ideas: bool, last: bool = False) -> Mention | None:
    """The mention that a fact rests on; None when the strongest ones contradict each other or none is strong enough.

    Args:
        mentions: in the order of the text.
        ideas: whether a question or a plan may state the fact ("can I train a 7B on two of them?").
        last: among equally strong ones that differ, take the last (a setting that was changed) and not the first.
    """
    floor = Claim.IDEA if ideas else Claim.PLANNED
    usable = [item for item in mentions if item.claim >= floor]
    if not usable:
        return None

    def strength(item: Mention) -> int:
        return min(int(item.claim), int(Claim.HOLDS)) * 4 + item.weight

    top = max(strength(item) for item in usable)
    strongest = [item for item in usable if strength(item) == top]
    failing = [item for item in strongest if item.claim == Claim.FAILS]
    if failing and len({str(item.value) for item in strongest}) > 1:
        strongest = failing
    return strongest[-1] if last else strongest[0]


def observe(
    doc: Document,
    fact: str,
    value: FactValue,
    offset: int,
    rank: int = RANK,
    confidence: float = 1.0,
    origin: Literal["stated", "derived"] = "stated",
) -> Observation:
    """The observation of a fact at an offset of the document."""
    return Observation(fact, value, doc.line_at(offset), doc.quote(offset), rank, confidence, origin)


__all__ = [
    "MAX_MENTIONS",
    "RANK",
    "Claim",
    "Mention",
    "adapter_is_used",
    "best",
    "claim_of",
    "clause_of",
    "denied",
    "is_question",
    "observe",
    "prose_of",
    "said_by_others",
    "span_of",
    "works",
]
