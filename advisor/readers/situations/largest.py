"""A question for the largest model, batch, length or number of users that fits: which fact is asked for.

>>> [(o.fact, o.value) for o in read(Document.of("What is the largest batch size I can train on a 3090?"))]
[('failure_kind', 'question'), ('largest', 'batch_size')]
>>> [o.value for o in read(Document.of("24G 显卡最大能跑多大的模型,上下文最长能开到多少?")) if o.fact == "largest"]
['params_b', 'seq_len']
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, observe, said_by_others
from advisor.readers.prose.patterns import Test, compiled

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True
CONFIDENCE = 0.26  # any explicit failure outweighs it

_MOST = r"(?:largest|biggest|max(?:imum|imal|\.)?|highest|longest|greatest|most)"
_CAN = r"(?:can|could|may|might|will|would|does|do|is|are|should|fits?|am i able)"
_THINGS = {
    "params_b": (r"(?:llms?|models?(?: sizes?)?|parameter counts?)", r"(?:大?模型|llm|参数量?)"),
    "batch_size": (r"(?:batch(?:[ _-]?sizes?)?|\bbs|per_device_train_batch_size)", r"(?:batch ?_?(?:size)?|\bbs\b|批(?:次|"
    r"量)?(?:大小)?)"),
    "seq_len": (
        r"(?:context(?:[ _-]?(?:length|window|size))?|seq(?:uence)?s?[ _-]?(?:len(?:gth)?)?s?|max_model_len|max_length|"
        r"prompts?|num_ctx)",
        r"(?:上下文(?:长度|窗口)?|序列(?:长度)?|输入长度|文本长度|context(?: ?length)?|ctx|seq\w*|token(?:s|数)?)",
    ),
    "concurrency": (
        r"(?:concurrent (?:users|requests|sequences)|concurrency|parallel requests|simultaneous (?:users|requests))",
        r"(?:并发(?:数|量)?|同时[^\n,。,]{0,6}(?:请求|用户))",
    ),
}  # fmt: skip
_MANY_ZH = {
    "params_b": r"(?:多大|多少|几[bB亿]|什么|哪些|哪个)",
    "batch_size": r"(?:多大|多少|几)",
    "seq_len": r"(?:多长|多大|多少)",
    "concurrency": r"(?:多大|多少|几)",
}
_CAN_ZH = r"(?:适合|最大|最多|最长|最高|上限|能够?|可以|可|够|支持)"
_FREE = r"[^\n。?？,,]"
_DO_ZH = (
    r"(?:跑|训练?|微调|部署|推理|用|加载|放|运行|装|开|设|撑|处理|全参|lora|qlora|做|支持|承受|塞){1,3}"
    r"(?:得?下|得?动|起来?|到|成|了)?"
)


# What a text must hold before a pattern is compiled: the thing, and a word that asks for the most of it.
_NEEDS = {
    "params_b": (("model", "llm", "param"), ("模型", "llm", "参数")),
    "batch_size": (("batch", "bs"), ("batch", "bs", "批")),
    "seq_len": (("context", "seq", "len", "num_ctx", "prompt", "tokens"), ("上下文", "序列", "长度", "context", "ctx", "seq", "token")),
    "concurrency": (("concurren", "parallel", "simultaneous", "users", "requests", "people", "sequences"), ("并发", "同时", "支持多少")),
}  # fmt: skip
_ASKING = ("largest", "biggest", "max", "highest", "longest", "greatest", "most", "how ", "what", "which")
_ASKING_ZH = ("最", "多大", "多长", "多少", "几", "什么", "哪")


def _english(fact: str) -> str:
    thing = _THINGS[fact][0]
    more = {
        "params_b": r"|how many(?: \w+)*? parameters (?:can|could|fit)",
        "seq_len": r"|how many tokens(?: of context)? (?:can|could|fit)",
        "concurrency": r"|how many (?:concurrent |parallel |simultaneous )?(?:users|requests|people|sequences) (?:can|could)",
    }.get(fact, "")
    few = r"(?: [\w.-]+)?(?: [\w.-]+)?"
    return (
        rf"\b(?:what|which|whats|what's)(?:'s| is| are| would be| was)?(?: the| my| a)? ?{_MOST}{few}(?: [\w.-]+)? {thing}\b|"
        rf"\b{_MOST}(?: possible| feasible)?{few} {thing}(?: size)?(?: that| which)?"
        rf"(?: (?:i|we|you|one|it|a|the|my){few}(?: [\w.-]+)?)? (?:can|could|fits?|would fit|is possible|to fit)\b|"
        rf"\bhow (?:large|big|high|long|much)(?: of)?(?: a| an| the| my)?{few} {thing}\b[^\n.?]*?\b{_CAN}\b|"
        rf"\bhow (?:large|big|high|long) (?:can|could|may) (?:the|my|a){few} {thing}\b|"
        rf"\b(?:what|which)(?: size(?:d)?| kind of| sort of| sizes of)?(?: [\w.-]+)? {thing} "
        rf"(?:can|could|fits?|would fit|should i|am i able)\b"
        # "max batch size for a 7B LoRA on a 4090?": a question in a telegram's words.
        rf"{more}|(?:^|[\n?.!] ?){_MOST}{few} {thing}(?: [\w.-]+)? (?:for|on|with|in|at) [^\n?]+\?"
    )


def _chinese(fact: str) -> str:
    thing, many = _THINGS[fact][1], _MANY_ZH[fact]
    more = rf"|(?:能|可以|最多){_FREE}*?支持多少(?:个)?(?:人|用户|请求)" if fact == "concurrency" else ""
    few = f"{_FREE}?" * 6
    return (
        rf"{_CAN_ZH}{_FREE}*?{_DO_ZH}?{_FREE}*?{many}(?:的|规模的?|尺寸的?|参数的?|级别的?|量级的?)?[bB]?的?{thing}|"
        rf"{thing}{few}{few}{_CAN_ZH}{few}{few}{many}|"
        rf"最(?:大|多|长|高)(?:的|支持的?|可用的?|能用的?)?{few}{thing}{few}{many}|"
        rf"多(?:大|长)的?{few}{thing}{few}{few}(?:能|可以|放得?下|跑){more}"
    )


def _found(fact: str, lower: str) -> Iterator[Any]:
    """The places where a fact's largest value may be asked for."""
    for things, asking, source in zip(_NEEDS[fact], (_ASKING, _ASKING_ZH), (_english, _chinese), strict=True):
        if any(word in lower for word in things) and any(word in lower for word in asking):
            yield from compiled(source(fact)).finditer(lower)


_ASKS = Test(r"^(?:what|which|how)|[?？]|多|几|什么|哪")
# "How much memory does a model need" asks for the need, "could the largest batch be the reason" for the cause.
_OTHERWISE = Test(
    r"how much (?:more )?(?:vram|gpu|memory|ram|of the)|"
    r"多少(?:显存|内存|g\b|gb)|多大(?:的)?(?:显存|显卡|内存)|几张|几块|几卡|why|为什么|原因"
)


def read(doc: Document) -> Iterator[Observation]:
    """The facts whose largest value is asked for, and a weak `question`."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    found: dict[str, int] = {}
    for fact in _THINGS:
        for match in islice(_found(fact, prose.lower), MAX_MENTIONS):
            start, end = match.start(), match.end()
            _, last = prose.sentence(start)
            if (
                _ASKS(prose.lower[start : max(last, end)])
                and not _OTHERWISE(prose.lower[start:end])
                and not said_by_others(prose, start)
            ):
                found.setdefault(fact, start)
                break
    if found:
        first = min(found.values())
        yield observe(doc, "failure_kind", "question", first, confidence=CONFIDENCE)
    for fact in sorted(found, key=lambda name: found[name]):
        yield observe(doc, "largest", fact, found[fact])
