"""What failed, in people's words: the card's memory, the host's, a server's cache, shared memory, or nothing yet.

>>> from advisor.readers.document import Document
>>> from advisor.readers.prose.lines import prose_of
>>> [kind for kind, _, _ in kinds(prose_of(Document.of("it runs out of GPU memory, and my RAM fills up too")))]
['vram_oom', 'host_oom']
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import re2

from advisor.readers.prose.lines import Prose
from advisor.readers.prose.negation import MAX_MENTIONS
from advisor.readers.prose.patterns import Test

_VRAM = re2.compile(
    r"cuda[ :_]*(?:error[: ]*)?(?:oom\b|out[ _-]?of[ _-]?(?:memory|memmory|memeory|memroy|memery|momery))|"
    r"\b(?:oom|out of memory)(?:s|ed|ing)? (?:error )?(?:on|with|at) (?:an? |my |the )?\d+ ?gb? (?:of )?(?:vram|gpu)|"
    r"\boom cuda|gpu (?:is |runs? |ran |went |goes )?(?:oom\b|"
    r"out[ -]of[ -](?:gpu )?memory)|out of (?:gpu|cuda|video|graphics|device|vram)\b|out of cuda memory|"
    r"\d ?gb?,? (?:it )?(?:is|are|was) still not enough|"
    r"vram (?:usage )?[^\n.]{0,60}\b(?:above|over|exceed\w*|beyond)\b[^\n.]{0,16}\b(?:capacity|limit)|"
    r"(?:vram|gpu memory|video memory|graphics memory|card'?s? memory) (?:is |was |are |to )?"
    r"(?:full|insufficient|not enough|runs? out|ran out|overflow|exceed\w*)|(?:not enough|insufficient|lack of|"
    r"too little|exceed\w*(?: the)?|run(?:s|ning)? out of|ran out of|low on) (?:my |the |available )?(?:vram|"
    r"gpu (?:memory|ram)|video memory|graphics memory)|"
    r"\bmemor(?:y|ies) (?:still |just |then |always |also )?(?:ran|runs?) out\b|"
    r"\berrors?\b[^\n]{0,100}\bran out of memory trying to allocate|"
    r"爆(?:了)?显?存|(?:显存|gpu ?)?现存(?:不足|不够|溢出|爆)|显存(?:直接|突然|都|就|会|老是|还是?|仍然?|依然){0,2}(?:不足|溢出|不够|"
    r"爆|超|炸|暴涨)|超(?:出)?显存|爆卡|显存报错|显存[^\n。，,]{0,6}(?:没有?|无法|不能|都)(?:能)?(?:装|放|"
    r"撑)(?:不)?(?:下来|起来|下|住)|gpu ?内存(?:不足|不够|溢出)|炸显存"
)
_PLAIN = re2.compile(
    r"(?:^|[^\w])(?:oom(?:s|ed|ing)?|out[ -]of[ -]memory|insufficient memory|memory (?:is |was )?exceeded|"
    r"memory error)(?:[^\w]|$)|内存溢出|内存不足|不足内存"
)
_HOST = re2.compile(
    r"(?:out of|runs? out of|running out of|ran out of|not enough|insufficient|run out) (?:system |cpu |host |main |"
    r"physical )?(?:ram|cpu memory|host memory|system memory)\b|"
    r"\b(?:cpu|system|host|main) (?:ram|memory|oom)\b[^\n.,]{0,40}?(?:full|fills?|keeps?|increas\w*|grow\w*|out of|"
    r"exhaust\w*|runs? out|\boom|not enough|gone|peak|leak|skyrocket\w*|explod\w*|ris(?:es|ing)|climb\w*|accumulat\w*)|"
    r"\bray (?:would |will |also )?(?:oom\b|report\w* an? (?:out[- ]of[- ]memory|oom)|out[- ]of[- ]memory)|"
    r"^cannot allocate memory$|[^\w]cannot allocate memory(?:[.,;:!()\s]|$)|"
    r"内存[^。\n]{0,12}(?:占满|耗尽|增大|越来越大)|占满内存|\bcpu oom\b|cpu out of memory|"
    r"\bram (?:usage |consumption |use )?(?:is |was )?(?:goes up|rises|climbs|leaks?|keeps?|fills?|is full|increas\w*|"
    r"grow\w*|runs? out|exhaust\w*|is gone)|"
    r"\bram\b[^\n.,]{0,32} (?:keeps?|kept|continu\w+ to) (?:on )?(?:increas|grow|ris|climb|go)\w*|"
    r"\buses? (?:a )?(?:lots? of|too much) ram\b|"
    r"\bram[^\n。，,]{0,6}(?:一直|不断|持续|逐渐|越来越|慢慢)(?:在)?(?:增|涨|升|变?大|飙)|"
    r"\bram (?:usage |use )?(?:(?:is|was|gets?|got|goes|went|at|to|hits?|reach\w*) ){1,2}100 ?%|"
    r"\b(?:page|paging|swap) ?file\b[^\n.]{0,48}\bcrash\w*|\bcrash\w*[^\n.]{0,48}\b(?:page|paging|swap) ?file\b|"
    r"\ball of my \d+ ?g\w* (?:of )?ram|minimum (?:cpu|host|system) (?:ram|memory)|"
    r"\bload\w* (?:\w+ ){0,4}(?:in|into) (?:the |system |cpu )?ram\b[^\n.]{0,48}\b(?:oom|out of memory)\b|"
    r"pin(?:ned)?_memory ?= ?false|kernel (?:keeps? |has |appears to have )?(?:dying|dies|died|crash\w*)|"
    r"\b\d(?:\.\d)?\s?tb? of (?:memory|ram)|(?:using|used) all (?:of the |the )?(?:available )?ram\b|"
    r"session (?:is |keeps? |always |just |then )?crash\w*|crash\w* (?:the |my )?session|"
    r"(?:process|training|job|task|it|script|program|python|worker|run|kernel|container|pod|server)"
    r"(?:'s| is| was| gets?| got| being| been| will be) (?:\w+ly |always |often |sometimes |just |then |still )?killed|"
    r"\b(?:system|kernel|os|linux) (?:\w+ )?(?:kills?|killed) (?:the |my |this |our )?(?:\w+ )?(?:process|"
    r"training|job|program|task|script|run)|"
    r"(?:being|got|gets?|getting) (?:\w+ly )?[\"'`“]?killed|killed (?:because|due|for lack|out) of|"
    r"\b(?:no|without|little) (?:free |more |system |available )?ram (?:is |was )?left|"
    r"\beat(?:s|ing|en)? (?:up )?all (?:of )?(?:it|(?:the |my |its )?(?:ram|memory))\b|"
    r"\bram (?:is |was |runs? |ran |went )?out of memory|\bram leak\w*|"
    r"\bram memory (?:\w+ )?(?:to )?(?:accumulat|grow|increas|keep)\w*|"
    r"\b(?:python(?:'s)? )?memoryerrors?\b|"
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
    r"expected (?:vram|gpu|memory) usage|how about (?:the )?(?:gpu |video )?(?:memory|vram)|"
    r"\bdo(?:es)? (?:it|this|the model|the code|that|they) (?:require|need|take|use|mean|consume)\b[^\n?.]{0,40}(?:memory|vram)\b|"
    r"(?:can|could) (?:i|we|it|a|an|you|one|the|this)\b[^\n?]{0,80}(?:gpus?|vram|\d ?gb?\b|card|train|fine-?tun|run|fit)|"
    r"\b(?:if|whether) (?:\S+ ){1,4}(?:is|are|would be|will be) (?:enough|sufficient)\b|"
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
# Nothing has failed yet, or somewhere else: "may lead to OOM", "the paper reports that it runs out of memory".
_HYPOTHETICAL = Test(
    r"\b(?:potential(?:ly)?|possibl[ye]|may|might|could)(?: (?:also|even|still|then|sometimes))? ?"
    r"(?:(?:caus|lead|result|trigger|run|hit|be|get|go|"
    r"fac|encounter|produc|rais)\w*)?(?: to| in| into)?(?: an?| the| gpu| cuda| some)* ?$|(?:可能会?|"
    r"也许会?|容易)(?:导致|引起|造成|出现)?$|"
    r"\b(?:can|could) (?:i|we|one)\b[^\n.?]{0,60}\b(?:when|if) (?:the |my )?$"
)
_CITED = Test(
    r"\b(?:paper|article|authors?|tables?(?: \w)?|docs?|documentation|readme|blog|comments?)\b[^\n.!?]{0,60}"
    r"\b(?:says?|said|reports?|reported|states?|"
    r"stated|mention\w*|claim\w*|shows?|notes?|writes?|wrote|marks?|lists?|that)\b[^\n.!?;]{0,60}$|"
    r"(?:论文|作者|文中|文档|表\s?\d)[^\n。]{0,20}(?:说|提到|显示|标注|写|表示)[^\n。,，]{0,20}$"
)
_CITED_REACH = 120
# Software beside machine learning runs out of the host's memory.
_OTHER_SOFTWARE = Test(
    r"\b(?:brokers?|heap|jvm|java|php|cron|databases?|sql|mysql|postgres\w*|mongo\w*|redis|kafka|pulsar|elasticsearch|"
    r"spark|browser|chrome|firefox|"
    r"npm|node\.?js|webpack|nginx|kubernetes|kubelet|pods?|cgroups?|swap(?:p?iness)?|zram|kernel|compil(?:e|er|ing|"
    r"ation)|linker|gcc|clang|rustc|cargo|"
    r"gradle|maven|android|garbage collect\w*|clickhouse|prometheus|grafana|docker-compose|systemd|earlyoom|jenkins|desktop app)\b"
)
_LEARNING = Test(
    r"gpu|cuda|vram|\btrain|\bmodels?\b|\bepochs?\b|\bbatch|infer(?:ence|ring)|tensor|torch|\bllms?\b|neural|"
    r"\bweights\b|checkpoint|diffusion|"
    r"显存|显卡|训练|模型|推理|微调|\bjax\b|keras|\bcuda|dataset"
)
_UNUSED = Test(
    r"\b(?:low|lower|poor|0 ?%|slow|idle|fluctuat\w*)\b[^\n.]{0,48}\butil\w*|\b(?:volatile )?(?:gpu[- ']?s?[ -]?)?util\w*\b[^\n.]{0,32}"
    r"\b(?:low|lower|poor|0 ?%|slow|idle|never exceed\w*|fluctuat\w*|always 0)|利用率[^\n。]{0,12}(?:低|个位数|上不去|为0)"
)
_NEEDS = Test(r"how (?:much|many)|\benough\b|require|vram|\bfit\b|多[大少]|够")
_FULL = Test(r"^\W?(?:vram|gpu memory|video memory|graphics memory|card'?s? memory) (?:is |was |are )?full\b")
_OF_A_RUN = Test(r"\btrain|tun(?:e|ing)\b|vram|\b\d+ ?gb\b|训练|微调|显存")
# What a change to a program says of itself, where nobody tells of a run.
_CHANGE = Test(
    r"^\W{0,4}(?:fix|feat|chore|docs|refactor|perf|test|ci|build|revert)(?:\([\w ./,-]{1,40}\))?!?: |^#{1,3} ?test plan\b|"
    r"\bth(?:is|e) (?:pr|pull request|patch)\b|\bthis change was introduced|^#{1,3} ?(?:changelog|release notes|bug ?fix(?:es)? v?\d)"
)
_TELLS = Test(r"(?:^|[^\w])(?:i|i'm|i've|my|me)[^\w]|我|\?|？")


def _first(pattern: Any, prose: Prose) -> int | None:
    said_again = -1  # "OOM (out of memory)" is one mention
    for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
        start = match.start()
        in_a_slug = (
            "-" in prose.lower[max(0, start - 1) : start + 1] and "-" in prose.lower[match.end() - 1 : match.end() + 1]
        )
        if start <= said_again or in_a_slug:
            continue
        avoided = _AVOID(prose.lower[max(0, start - 32) : start + 1].rstrip()) or _AVOIDED(
            prose.lower[start : match.end() + 32]
        )
        before = prose.lower[max(prose.sentence(start)[0], start - _CITED_REACH) : start]
        if not avoided and not _HYPOTHETICAL(before[-48:]) and (_TELLS(before) or not _CITED(before)):
            return int(start)
        said_again = match.end() + 4
    return None


def kinds(prose: Prose) -> Iterator[tuple[str, int, float]]:
    """Failure kind, offset and confidence of each that is spoken of."""
    # What would run out, or did before a change, is asked about where a run is spoken of, and no failure of this one.
    spoken = _VRAM.search(prose.lower) or _PLAIN.search(prose.lower)
    weak = spoken.start() if spoken is not None and _OF_A_RUN(prose.lower) else None
    if _CHANGE(prose.lower.lstrip()) and not _TELLS(prose.lower):
        if weak is not None:
            yield "question", weak, 0.25
        return
    vram, host = _first(_VRAM, prose), _first(_HOST, prose)
    plain = _first(_PLAIN, prose)
    if host is not None and prose.lower[max(0, host - 7) : host] == "in and ":
        host = None  # weights are moved in and out of RAM
    if host is not None and _GPU_MEMORY(prose.lower[max(0, host - 6) : host]):
        host = None
    cache, shm = _first(_KV, prose), _first(_SHM, prose)
    if vram is not None and _UNUSED(prose.lower) and _FULL(prose.lower[vram : vram + 40]):
        vram = weak = None  # the card is full and idle: slow, not short of memory
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
        elsewhere = _OTHER_SOFTWARE(prose.lower) and not _LEARNING(prose.lower)
        yield "host_oom" if elsewhere else "vram_oom", plain, 0.6
    elif vram is None and weak is not None:
        yield "question", weak, 0.25
    question = _ASKS.search(prose.lower)
    if question is not None:
        alone = vram is None and host is None and plain is None and cache is None
        if alone and _UNUSED(prose.lower) and not _NEEDS(prose.lower):
            return  # how to keep the card busy is asked
        yield "question", question.start(), 0.55 if alone else 0.3
