"""Symptoms that people tell: memory that grows, failures after an upgrade, other processes, notebooks, uneven cards.

>>> doc = Document.of("GPU memory keeps growing and after 300 steps it dies. It worked in version 2.1. I run it in Colab.")
>>> [o.value for o in read(doc)]
['grows_over_time', 'after_many_steps', 'worked_before_upgrade', 'notebook']
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, Claim, claim_of, denied, is_question, observe
from advisor.readers.prose.patterns import Patterns, Test

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_SIGNALS = Patterns(
    (
        (
            "grows_over_time",
            r"(?:memory|vram|\bram\b|usage|consumption|allocation|"
            r"allocated)[^\n.]{0,40}?(?:keeps? (?:on )?(?:growing|increasing|rising|climbing|going up)|"
            r"\bgr(?:ow(?:s|ed|ing)?|ew)\b|\bincreas(?:es|ed|ing)\b|climbs?\b|climbing|"
            r"increases? (?:with|after|by|at|on|in|every|for) ?(?:each|every|per)? ?(?:batch|step|iteration|iter|epoch)|"
            r"creeps? up|goes up|ris(?:es|ing)\b|accumulate[sd]\b)|memory leak\w*|\bleak(?:s|ing|"
            r"age)\b|slow(?:ly)? and steady increase|(?:显存|内存)(?:占用)?(?:率)?[^\n。]{0,12}(?:逐渐|一直|持续|"
            r"不断|慢慢|缓慢|越来越|也在)[^\n。]{0,6}(?:升|涨|增|高|大|多)|(?:显存|内存)泄[漏露]",
        ),
        (
            "after_many_steps",
            r"after (?:about |around |roughly |~|maybe |some |several |a few |many |tens of |hundreds of |"
            r"training for )?~?\d*k?\+? ?(?:\+ ?)?(?:more |training |optimi[sz]ation )?(?:steps|iterations?|iters|"
            r"batches|epochs?|hours?|minutes|days)\b|"
            r"after (?:a |a few |some |several )?(?:hundred|thousand)s? (?:of )?(?:steps|iterations)|"
            r"(?:at|in|until) (?:about |around |the )?(?:step|epoch|iteration) ?\d{2,}|"
            r"\b(?:train\w*|finetun\w*|fine-?tun\w*|progress)[^\n.%]{0,24}(?:at|after|until|to|reach\w*) (?:about |around )?[1-9]\d? ?%|"
            r"complet\w+ (?:about |around )?[1-9]\d? ?%|"
            r"(?:训练|跑|运行)[了到]\s?[1-9]\d? ?%|"
            r"oom\w* after a while|(?:训练|跑|坚持|迭代)[了到]?[^\n。,,]{0,4}?(?:几十|几百|几千|\d{2,}|多个?|"
            r"半)[^\n。,,]{0,3}(?:步|steps?|小时|epochs?|轮|分钟)[^\n。]{0,4}后?|训练(?:到)?(?:中途|一半|一段时间)",
        ),
        (
            "at_first_step",
            (
                r"(?:at|in|on|during) (?:the )?(?:very )?(?:first|1st) (?:training )?(?:step|iteration|batch)|"
                r"第一个?(?:step|步|batch|iter)|第1步|not a single step"
            ),
        ),
        (
            "resume",
            (
                r"\bresum(?:e|es|ed|ing)\b[^\n.]{0,60}(?:training|checkpoint|state|\.pt|run|epoch)|(?:from|"
                r"load\w*) (?:a |the |my |last |saved |an? unfinished )*checkpoint to (?:continue|resume)|断点续训|恢复训练|续训"
            ),
        ),
        (
            "in_eval_loop",
            (
                r"(?:during|in|at|on|into|enter\w*|with an?|each|every|after each) (?:the )?(?:eval(?:uation)?|"
                r"validation)\b(?: step| phase| stage| loop| batch)?|(?:eval|验证|评估)(?:阶段|时|就|步)"
            ),
        ),
        (
            "after_training",
            (
                r"(?:after|once|when) (?:the )?training (?:is |has |was |had )?(?:done|finish\w*|complet\w*|ends?)|"
                r"训练(?:结束|完成|完)(?:之?后|时)"
            ),
        ),
        (
            "other_process_on_gpu",
            r"(?:some(?:one|body) else|another user|other users?|other (?:people|process\w*|jobs?|programs?|"
            r"models?)|another (?:process|job|program|model|training|experiment)|colleagues?)[^\n.]{0,40}(?:gpu|"
            r"card|device|memory)|"
            r"(?:gpu|card) (?:is |are )?shared with|(?:别人|其他人|他人|其他进程|别的进程|其他程序|另一个(?:进程|程序|"
            r"任务))[^\n。]{0,12}(?:占|用|跑)",
        ),
        (
            "process_left_behind",
            r"zombie|defunct|still hold(?:s|ing)? (?:the )?(?:gpu )?memory|(?:memory|gpu) (?:is |was )?(?:still |"
            r"not )(?:occupied|released|freed)|(?:kill|stop|exit|terminat|ctrl)\w*[^\n.]{0,60}(?:still|"
            r"not (?:be )?(?:released|freed))|"
            r"(?:kill|退出|停止|结束|中断)[^\n。]{0,16}(?:仍|还|依然)[^\n。]{0,8}(?:占|没有?释放)|(?:没有?|无法|不)释放|"
            r"僵尸进程",
        ),
        (
            "second_model",
            (
                r"\bref(?:erence)?[ _]models?\b|teacher model|reward[ _]model|critic(?: model)?\b|draft model|参考模型|"
                r"奖励模型|"
                r"教师模型|评论家模型"
            ),
        ),
        (
            "more_gpus_same_memory",
            r"same (?:memory|usage|vram)[^\n.]{0,30}(?:more|multiple|two|four) gpus|"
            r"more gpus?[^\n.]{0,40}(?:does ?n[o']t|did ?n[o']t|no) (?:help|change|difference|reduce)|(?:every|"
            r"each) gpu loads the (?:whole|full|entire)|"
            r"(?:不管|无论)(?:用|使用)?几张卡|(?:2|两|4|四|多)卡[^\n。]{0,6}都试过|增加(?:显卡|卡)[^\n。]{0,10}(?:没|不|"
            r"还是)",
        ),
        (
            "multi_gpu_only",
            (
                r"(?:fine|works?|runs?|ok|good|normal)[^\n.]{0,24}(?:on|with) (?:a |one |1 )?single (?:gpu|card)|"
                r"single[- ](?:gpu|card)[^\n.]{0,24}(?:fine|works?|ok|normal)|单卡[^\n。]{0,8}(?:正常|没问题|可以)[^\n。]{0,12}多卡"
            ),
        ),
        (
            "uneven_gpus",
            (
                r"(?:gpu|rank|device|cuda)[ :]{0,2}0[^\n.]{0,40}(?:more|larger|higher|large|full|most)|uneven\w*|(?:un|"
                r"im)balanced? (?:gpu|memory|vram)|only (?:one|the first) gpu[^\n.]{0,20}(?:used|full|memory)|其他(?:gpu|"
                r"卡|显卡)[^\n。]{0,10}(?:占用)?[^\n。]{0,6}(?:低|少|空)|显存(?:占用)?不(?:均衡?|平衡)"
            ),
        ),
        (
            "worked_before_upgrade",
            r"(?:work(?:s|ed)?|fine|ran|trained|ok)[^\n.]{0,30}(?:in|with|on|before) (?:the )?(?:older |old |"
            r"previous |earlier |last )?(?:version|release|v\d|commit|pr ?\d)|(?:after|since) (?:the |an? |"
            r"i )?(?:recent |latest |last )?(?:updat|upgrad)\w*|used to work|\b(?:an?|this|the|performance|memory) "
            r"regression\b|\bregression (?:since|from|between|in v?\d)|did not before|"
            r"(?:revert|downgrad|roll|switch|go)(?:ed|ing)?(?: \S+){0,3} (?:back )?to (?:\S+ )?v?\d+\.\d[^\n]{0,40}"
            r"(?:\bable to|\bfix(?:ed|es)|\bfine\b|\bworks?\b|\bworked\b|\bsolve|\bno (?:errors?|problems?)\b)|"
            r"(?:退回|回退|降级|降)到?[^\n。]{0,16}(?:正常|可以|没问题|解决|就好)|"
            r"\bwork\w*(?: fine| well)? before (?:i |the |we )?(?:upgrad|updat)\w*|\d\.[\dx]+ ?(?:版本?|"
            r"环境)?(?:后)?[^\n。]{0,6}正常|(?:升级|更新)(?:版本|代码|完|了)?(?:之?后|"
            r"以后)|旧版(?:本)?[^\n。]{0,8}(?:正常|可以|没问题)",
        ),
        (
            "notebook",
            r"\bjupyter|\bnotebooks?\b|\bcolab\b|\bkaggle\b|restart(?:ing|ed)? (?:the )?(?:kernel|runtime)|\bipynb\b",
        ),
        (
            "sporadic",
            (
                r"\bsometimes\b|\brandomly\b|\bat random\b|occasional\w*|now and then|intermittent\w*|偶尔|有时候?|随机(?:出现|"
                r"报错|崩)|时不时"
            ),
        ),
        (
            "variable_length",
            (
                r"(?:vary|varies|varying|different|variable|uneven|dynamic) (?:a lot |widely |in )?(?:between|"
                r"sequence |"
                r"text |sample |input )?(?:lengths?|sizes?|images|shapes?)|long(?:est)? (?:samples?|sequences?|"
                r"sentences?|prompts?)|长短不一|(?:样本|文本|数据|长度)[^\n。]{0,6}(?:差异|不一|不同|参差)|数据量稍大|最长的?(?:样本|数据)"
            ),
        ),
        (
            "long_videos_or_many_images",
            r"\bvideos?\b|\b(?:max|num)_frames\b|\bnframes\b|"
            r"multiple images|many images|several images|multi-?image|\bframes\b|视频|多图|多张图",
        ),
        (
            "loss_accumulated",
            (
                r"loss(?:es)?\s*\+=|(?:without|no|missing) `?\.?(?:item|detach)\(?\)?|loss\.item|"
                r"store the comp\w+ graph|retain_graph|没有?(?:用|加)?[ ]?\.?(?:item|detach)"
            ),
        ),
        (
            "peak_below_capacity",
            (
                r"(?:plenty of|lots? of|much|enough|still has|still have|there is|is) (?:free |"
                r"available )?(?:gpu )?(?:memory|vram) (?:is |are )?(?:free|left|available)|(?:only|just) (?:uses?|"
                r"takes?|\d+%)[^\n.]{0,24}of (?:the |my |each )?(?:gpu|vram|memory|card)|less than \d+% memory|"
                r"\bgpu (?:is |was |are )?(?:not (?:being )?(?:used|utili[sz]ed)|idle|almost empty)\b|"
                r"(?:显存)?(?:还剩|剩余|明明有|足够|够用)[^\n。]{0,12}(?:显存)?"
            ),
        ),
        ("windows", r"(?:^|[^\w/\\-])windows ?(?:7|8|10|11)?(?:[^\w/\\-]|$)|\bwin ?(?:10|11)\b"),
        ("wsl", r"\bwsl ?2?\b"),
        ("container", r"(?:^|[^\w/.-])(?:docker|container)(?:[^\w/.-]|$)|\bkubernetes\b|\bk8s\b|\bpod\b|容器"),
        (
            "hyperparameter_search",
            r"\bhpo\b|hyper-?parameter (?:search|tuning|optimi\w+)|\boptuna\b|ray tune|grid search|sweep\b|超参数?搜索",
        ),
        ("only_a_picture", r"!\[[^\]\n]{0,40}\]\(http|\(screenshots?\)|see (?:the )?screenshot|如图|截图"),
    )
)


# "Why does it leak?" tells a symptom, "is there a leak?" does not.
_YES_OR_NO = Test(r"^\W*(?:is|are|was|does|do|did|could|can|would|will|has|have|any)\b|是不是|是否|有没有|会不会")


# "Video memory", "video card": of the card, not of the data.
_OF_THE_CARD = Test(r"^ (?:memory|ram|cards?|adapter|driver)\b")


def _asked(prose: Prose, start: int) -> bool:
    first, last = prose.sentence(start)
    return is_question(prose, start) and _YES_OR_NO(prose.lower[first:last])


def read(doc: Document) -> Iterator[Observation]:
    """Each symptom once, at the first place where it is told and not denied."""
    prose = prose_of(doc)
    lower = prose.lower
    if not lower.strip():
        return
    for name, pattern in _SIGNALS.present(lower):
        for match in islice(pattern.finditer(lower), MAX_MENTIONS):
            start, end = match.start(), match.end()
            if name == "long_videos_or_many_images" and _OF_THE_CARD(prose.lower[end : end + 12]):
                continue
            if "://" in prose.lower[prose.lower.rfind(" ", 0, start) + 1 : start]:
                continue  # a word of an address
            if denied(prose, start, end) or claim_of(prose, start, end) == Claim.IDEA or _asked(prose, start):
                continue
            yield observe(doc, "signal", name, start)
            break
