"""Remedies that somebody says are on already or were tried in vain ("batch size is already 1", "开了梯度检查点还是爆显存").

>>> doc = Document.of("Batch size is already 1 and even with gradient checkpointing it is OOM. Should I try LoRA?")
>>> [o.value for o in read(doc)]
['gradient_checkpointing', 'reduce_batch_size']
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, Claim, claim_of, observe
from advisor.readers.prose.patterns import Patterns, Test
from advisor.readers.prose.techniques import CHECKPOINTING, FLASH

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

_LOWER = r"(?:reduc|lower|decreas|shrink|shorten|cut|halv|small)\w*"
_ONE = (
    r"(?:[\s=:：`'\"]|is|was|of|to|at|as|set|already|only|just|even|设|置|为|成|是|都|到|改|降|减|调|已|经|才|low|down|small|"
    r"reduced|lowered){1,8}(?:1|one|一)(?:[^\w.]|$)"
)

_REMEDIES = Patterns(
    (
        (
            "reduce_batch_size",
            (
                rf"{_LOWER} (?:the |my )?(?:\w+ )?batch[ _-]?size|batch[ _-]?size{_ONE}|\bbs ?= ?1\b|batch of 1\b|"
                r"(?:chang|adjust|modif|tun)(?:e|ed|ing|ied)? (?:the )?(?:parameters? )?(?:\w+(?: and|,| &) )*\w*batch[ _-]?size|"
                r"batch[ _-]?size (?:is |was )?(?:already )?(?:at |set to |to )?(?:the |its )?(?:minimum|smallest|lowest|minimal)|"
                r"batch(?:[ _-]?size)?(?:已经?|也)?(?:是|调到|设为|设成|到|改到)了?(?:最小|最低)|"
                rf"smaller batch|(?:减小|降低|调小|缩小)(?:了)?\s?batch|批(?:次|量)?大小{_ONE}"
            ),
        ),
        ("gradient_accumulation", r"(?:gradient|grad)[ _]accumulation|梯度累[积计加]"),
        ("gradient_checkpointing", CHECKPOINTING),
        (
            "reduce_seq_len",
            (
                rf"{_LOWER} (?:the |my )?(?:max(?:imum)? )?(?:seq(?:uence)?|context|model_max_length|max_length|"
                rf"cutoff)[ _]?(?:len(?:gth)?)?|(?:max_length|model_max_length|cutoff_len|序列长度|"
                rf"最大长度)[^\n。.,，]{{0,6}}(?:改|减|降|调)\S{{0,4}}\d"
            ),
        ),
        (
            "smaller_lora_rank",
            rf"{_LOWER} (?:the |my )?(?:lora )?rank|lora[^\n。.,，]{{0,4}}(?:改|减|降|调)\S{{0,4}}\d",
        ),
        ("qlora", r"\bqlora\b|load(?:ed|ing)?[ _]in[ _](?:4|8)[ _]?bit|load_in_bit ?= ?[48]"),
        ("lora", r"\blora\b"),
        (
            "mixed_precision",
            r"mixed[ -]precision|\bamp\b|混合精度|(?:switch|chang|us)\w* (?:to |the )?(?:fp16|bf16|half precision)",
        ),
        ("8bit_optimizer", r"8[ -]?bit (?:adam\w*|optimi[sz]er)|adamw?_8bit|use_8bit_adam"),
        ("zero3_offload", r"zero[ _-]?(?:stage[ _-]?)?3[ _+-]{0,3}(?:with |\+ ?|的)?(?:cpu[ _-]?)?offload"),
        ("zero3", r"zero[ _-]?(?:stage[ _-]?)?3|deepspeed[ _]stage[ _]?3"),
        ("zero2", r"zero[ _-]?(?:stage[ _-]?)?2|deepspeed[ _]stage[ _]?2"),
        ("zero_offload", r"offload_optimizer|optimizer offload|优化器卸载"),
        ("fsdp", r"\bfsdp\b"),
        ("cpu_offload", r"cpu[ -]?offload|block[ _]?swap\w*|swap blocks|--?lowvram|--?medvram"),
        ("flash_attention", FLASH),
        ("reduce_num_generations", rf"{_LOWER} (?:the )?num_generations"),
        ("reduce_image_tokens", rf"max_pixels|{_LOWER} (?:the )?(?:number of )?image tokens|max_slice_nums"),
        (
            "reduce_resolution",
            (
                rf"{_LOWER} (?:the |my )?(?:image|images|resolution|input size|image size|images from)|(?:降低|减小|"
                rf"缩小)(?:了)?(?:图像|图片|分辨率)"
            ),
        ),
        ("alloc_conf_expandable", r"expandable_segments|max_split_size_mb|pytorch_cuda_alloc_conf"),
        ("empty_cache", r"empty_cache|clear(?:ing|ed)? (?:the )?(?:gpu |cuda )?cache|清(?:理|空)?(?:显存)?缓存"),
        (
            "kill_other_processes",
            (
                r"kill(?:ed|ing)? (?:all |the |any |other )+(?:other )?process\w*|restart(?:ed|ing)? (?:the |"
                r"my )?(?:computer|pc|server|machine|kernel|notebook)|\breboot(?:ed|ing)?\b|重启|"
                r"nothing else (?:is |was )?(?:running|on the (?:gpu|card))|"
                r"no other (?:gpu )?(?:process|program|job|task)\w*|没有(?:任何)?其[他它](?:的)?(?:进程|程序|任务)"
            ),
        ),
        (
            "more_gpus",
            (
                r"(?:more|additional|multiple|several) gpus|(?:2|两|4|四|多)卡[^\n。]{0,6}都试过|(?:不管|无论)(?:用|使用)?几张卡|(?:加|"
                r"增加)(?:到|了)?(?:\d|几)?(?:张)?卡"
            ),
        ),
        (
            "reduce_gpu_memory_utilization",
            (
                r"(?:lower|reduc|decreas)\w* (?:\w+ and )?`?(?:the )?gpu_memory_utili[sz]ation|"
                r"gpu[ _]?(?:memory[ _])?utili[sz]ation[^\n。.,，]{0,10}(?:设|降|调)[^\n。]{0,6}0\.\d"
            ),
        ),
        ("reduce_max_model_len", rf"{_LOWER} (?:the )?`?-{{0,2}}max[ _-]model[ _-]len"),
        ("enforce_eager", r"enforce[ _-]eager"),
        ("eval_accumulation", r"eval_accumulation_steps"),
        ("no_grad_inference", r"no_grad|inference_mode"),
        (
            "upgrade_version",
            (
                r"(?:upgrad|updat)(?:ed|ing) (?:to |the )?(?:latest|newest|new|transformers|torch|pytorch|vllm|driver|"
                r"version)|(?:版本)?(?:更新|升级)(?:了)?(?:之后|后|到最新)"
            ),
        ),
        ("increase_shm", r"shm[-_]size|--ipc=host"),
    )
)
# Words which say that the remedy is in force and has not helped. "OOM" alone is not enough: it may be why the remedy is wanted.
_IN_VAIN_BEFORE = Test(
    r"(?:\balready|\btried|\btrying|\beven (?:with|when|after|if i|at|using|though)|\bi(?:'ve|"
    r" have)? (?:also )?(?:set|enabled|turned on|added|lowered|reduced|used|changed|decreased)|\bstill|\bdespite|"
    r"\bwith (?:a |the )?|"
    r"\bat|\bwhen i (?:use|set|enable)|\bneither|已经?|都|试过|即使|"
    r"哪怕|尽管|不管|无论|开了|用了|设(?:置)?(?:为|成|了)|把|改成|启用|开启了?|加了|"
    r"使用了?|用)[^\n.。;；]{0,40}$"
)
_IN_VAIN_AFTER = Test(
    r"^[^\n.。;；]{0,60}?(?:\bstill\b|\balready\b|\balways\b|\ball (?:fail|oom|of them)|does ?n[o']t (?:help|fix|solve|change)|"
    r"did ?n[o']t (?:help|fix|solve|change)|\b(?:make|makes|made) (?:a|any|no|much) difference|"
    r"\bremains\b|\bpersists?\b|no (?:effect|help|use|difference|"
    r"success|luck)|not help|same (?:error|result|oom|problem|issue)|\bin vain\b|the error is the same|"
    r"\b(?:is|are|it is|it's|gives?|ends? in|get|got|runs?|ran|goes|went|leads? to|results? in)\s?(?:in |an |a |"
    r"into |to |out )?(?:cuda )?(?:oom|out of memory)|ooms\b|还是|仍(?:然|旧)?(?:[^可能然旧]|$)|依然|也(?:不行|没用|oom|爆|会|还)|"
    r"没(?:有)?(?:用|作用|效果)|无效|"
    r"不起作用|都试过|不行|照样)"
)
_ON_SIMPLY = Test(
    r"^[`'\"]?\s?(?:is|are|was) (?:already |both )?(?:on|set|enabled|passed|used|1|one)\b|^(?:已经?|都)?(?:开(?:启)?了|"
    r"打开了|设(?:置)?(?:为|成)了?)"
)


def _in_vain(prose: Prose, start: int, end: int) -> bool:
    first, last = prose.sentence(start)
    last = max(last, end)
    before, after = prose.lower[first:start], prose.lower[end:last]
    following = prose.lower[last : last + 90]
    if _ON_SIMPLY(after) or _STATED_ON(prose.lower[start:end]):
        return True
    if _WORKAROUND(before):
        return False
    if _ALREADY(before):
        return True
    pushed = bool(_IN_VAIN_BEFORE(before))
    failed = bool(_IN_VAIN_AFTER(after)) or (pushed and bool(_FAILED_FIRST(before)))
    if pushed and (failed or bool(_FAILED_NEXT(following))):
        return True
    return bool(_IN_VAIN_AFTER(after)) and bool(_VAIN_ALONE(after))


_STATED_ON = Test(r"already|已经?|nothing else|no other|没有(?:任何)?其[他它]")
_ALREADY = Test(
    r"\balready (?:tried|set|enabled|reduced|lowered|turned|using|use|did|have|switched|added|"
    r"changed)(?: \w+){0,3}\s?$|"
    r"已经?(?:试过|开了|开启了?|设(?:置)?(?:为|成|了)|改成|用了|加了|启用)[^\n。,，]{0,8}$"
)
# Who asks for another way has gone this one.
_SAVE_THAT = Test(
    r"\b(?:besides|apart from|aside from|other than|except(?: for)?|instead of)\s(?:just |only )?$|除了\s?$"
)
_WORKAROUND = Test(
    r"\b(?:had to|have to|solved (?:it )?by|fixed (?:it )?by|helps? to|only works? (?:if|with|when))\b[^\n.]{0,24}$|"
    r"(?:只能|只有|必须|得)[^\n。]{0,8}$"
)
_FAILED_FIRST = Test(r"\b(?:oom|out of memory|fails?|still)\b|爆显?存|还是|显存不足|依然")
_FAILED_NEXT = Test(
    r"^\W{0,3}(?:but |yet |however )?(?:it |i |the |then )?(?:\w+ )?(?:still|same|no success|oom|cuda out|again|"
    r"error)\b|^\W{0,3}(?:但|可|结果)?(?:还是|仍|依然|照样|也)"
)
_VAIN_ALONE = Test(
    r"still|already|help|fix|solve|difference|remains|persist|effect|no use|same|error is|还是|仍|依然|"
    r"也(?:不行|没用|oom|爆)|没(?:有)?(?:用|作用|效果)|无效|都试过|不行|照样"
)


def read(doc: Document) -> Iterator[Observation]:
    """Each remedy once. Questions, advice, denials and other people's attempts are no attempts."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    found: dict[str, int] = {}
    for remedy, pattern in _REMEDIES.present(prose.lower):
        for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
            start, end = match.start(), match.end()
            if (
                remedy in ("lora", "qlora", "zero2", "zero3", "reduce_batch_size")
                and prose.lower[end - 1 : end].isspace()
            ):
                end -= 1
            if _SAVE_THAT(prose.lower[prose.sentence(start)[0] : start]):
                found.setdefault(remedy, start)
                break
            claim = claim_of(prose, start, end)
            if claim in (Claim.DENIED, Claim.OTHERS, Claim.IDEA, Claim.WORKS) or not _in_vain(prose, start, end):
                continue
            found.setdefault(remedy, start)
            break
    if "zero_offload" in found and "zero3" in doc.lower and "offload_param" in doc.lower:
        found["zero3_offload"] = found.pop("zero_offload")
    if "zero3_offload" in found:
        found.setdefault("zero3", found["zero3_offload"])
    for remedy in sorted(found):
        yield observe(doc, "tried", remedy, found[remedy])
