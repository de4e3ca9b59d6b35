"""The sizes of a run in people's words: batch, accumulation, sequence length, resolution, images, generations, LoRA rank.

>>> doc = Document.of("7b qlora, bs=1, seq 4096, rank 64; lowered the images from 896x896 to 448x448, still OOM")
>>> for o in read(doc): print(o.fact, o.value)
batch_size 1
image_resolution 448x448
lora_rank 64
seq_len 4096
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import re2
from msgspec import Struct

from advisor.facts import FactValue, Observation
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, Mention, best, claim_of, observe
from advisor.readers.prose.patterns import Patterns, Test, compiled
from advisor.readers.prose.quantities import count_of, tokens_of
from advisor.readers.runs.total_batch import of_all_devices

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

# What stands between the name of a setting and its number.
_OP = (
    r"(?:[ \t=:：`'\"“”]|is|was|are|of|to|at|as|set|already|only|just|down|currently|now|both|all|even|equal|low|"
    r"small|like|reduced|lowered|decreased|"
    r"设|置|为|成|是|都|到|改|降|减|调|小|只有|只|已|经|才|也|用|了|至|采用|默认){0,8}"
)
_N = r"(\d{1,7}|one|two|three|four|eight|sixteen|一|二|两|四|八)"
_TOKENS = r"(\d{1,3}(?:,\d{3})+|\d{1,7}(?:\.\d)?k?|\dm)"
_END = r"(?:[^\w.%]|\.(?:\D|$)|$)"


class _Size(Struct, frozen=True):
    """A fact, the wordings that state it (the number is the only group that matches), and how its number is read."""

    fact: str
    pattern: str
    number: Callable[[str], FactValue | None] = count_of
    unless: Test | None = None  # words right before the match that make it another thing


def _fraction(text: str) -> float | None:
    value = float(text)
    return value if 0 < value <= 1 else None


def _length(text: str) -> int | None:
    value = tokens_of(text)
    return value if value is not None and value >= 16 else None


def _of_a_list(text: str) -> int | None:
    value = _length(text)
    return value if value is not None and value <= 262_144 else None


_NOT_PER_DEVICE = Test(
    r"(?:total|global|effective|eval(?:uation)?|val(?:idation)?|test|rollout|overall|bigger|larger|train_|总|全局|有效|"
    r"等效|验证|评估|推理)[ _-]?(?:train(?:ing)?[ _-])?(?:的)?$"
)
_NOT_SEQ = Test(r"(?:new|completion|response|output|generate|prompt|生成|输出|回复)[ _-]?(?:max[ _-]?)?$")

_SIZES = (
    _Size(
        "batch_size",
        (
            rf"(?:(?:per[ _-](?:device|gpu)[ _-]|micro[ _-]?|mini[ _-]?|"
            rf"device[ _-]?)?(?:train(?:ing)?[ _-])?(?:batch[ _-]?sizes?(?:[ _-]per[ _-](?:device|gpu))?|(?:\b|"
            rf"_)bsize|\bbsz?|批次?大小|批量(?:大小)?|批处理大小|批大小)"
            rf"(?:from[ \t]?\d+|从[ \t]?\d+){{0,1}}{_OP}(?:from \d+ to |从[ \t]?\d+[ \t]?(?:降|减|改|调)(?:低|小)?(?:到|为|成|"
            rf"至)[ \t]?)?{_N}{_END})|"
            rf"(?:\b(?:a|per[ -]device|micro|单卡|每卡) ?batch(?: of|es of)?[ =]?{_OP}?{_N}{_END})|"
            rf"(?:\bbatch ?(?:设|调|改|降)[置成为到]?{_OP}{_N}{_END})|(?:\bbatch[ =:]{_OP}?{_N}{_END})|(?:\b(?:batch|bs) ?{_N}{_END})"
        ),
        unless=_NOT_PER_DEVICE,
    ),
    _Size(
        "grad_accum",
        (
            rf"(?:(?:grad(?:ient)?s?[ _-]?acc(?:um(?:ulation|ulate|s)?)?|accum(?:ulation|ulate)?[ _-]?grad(?:ient)?|"
            rf"accumulation)(?:[ _-](?:steps?|batches|iters?|iterations?))?|梯度累[积计加](?:步数|次数|步)?|累[积计]步数|累积次数)"
            rf"{_OP}{_N}{_END}|{_N}[ -](?:steps? of )?(?:gradient|grad) accumulation"
        ),
    ),
    _Size(
        "seq_len",
        (
            rf"(?:(?:^|[^a-z])(?:max(?:imum)?[ _-]?)?(?:model[ _-]?max[ _-]?len(?:gth)?|seq(?:uence)?s?(?:[ _-]?len(?:gth)?s?)?|"
            rf"cut[ -_]?off(?:[ _-]?len(?:gth)?)?|(?:context|ctx)(?:[ _-]?(?:len(?:gth)?|window|size))?|"
            rf"max[ _-]?len(?:gth)?|token length)"
            rf"|上下文(?:长度|窗口)?|序列(?:最大)?长度|最大(?:序列)?长度|截断长度|文本长度|长度){_OP}{_TOKENS}{_END}"
        ),
        _length,
        _NOT_SEQ,
    ),
    _Size(
        "seq_len",
        (
            rf"(?:^|[^\w.,/=]){_TOKENS}[ -]?(?:tokens? )?(?:(?:max(?:imum)? )?(?:context|ctx|seq(?:uence)?)"
            rf"(?:[ -]?(?:len(?:gth)?|window|size))?\b|cut[ -]?off|的?上下文|的?序列|token[ -]sequences)"
        ),
        _length,
    ),
    _Size(
        "seq_len",  # "LoRA on a 7B, batch size 4, 2048 tokens"; what is generated, trained on in all or counted in a second is not meant
        (
            rf"(?:[,，;、(（]|\b(?:at|and|with))[ \t]?(?:(?:up to|max(?:imum)?(?: of)?) )?{_TOKENS}[ -]?tokens?"
            rf"(?:[ \t]?(?:[,，;；。)）?？\n]|\.(?:\D|$)|$)| (?:long|each\b|(?:per|a) (?:sample|example|sequence)))"
        ),
        _of_a_list,
    ),
    _Size(
        "num_generations",
        (
            rf"(?:num[ _-]?generations?|n[_ ]samples[_ ]per[_ ]prompt|group size|rollout[. _]n|num_return_sequences|生成数量|"
            rf"采样数){_OP}{_N}{_END}|"
            rf"{_N} (?:generations|completions|samples|responses|rollouts)(?: per|/) ?prompt|(?:^|\W)g ?= ?{_N}{_END}"
        ),
    ),
    _Size(
        "lora_rank",
        (
            rf"(?:lora|network|adapter)[ _-]?(?:r\b|rank|dim|的秩)(?:\(dimension\)|ension)?{_OP}{_N}{_END}|"
            rf"(?:[,，;和的]|(?:^|[^\w])(?:with|a|of|at|the|lora)) ?`?(?:rank|秩){_OP}{_N}{_END}|"
            rf"(?:^|[^\w])rank ?(?:=|:|of|is|set){_OP}{_N}{_END}|(?:^|[^\w])r ?= ?{_N}{_END}"
        ),
        unless=Test(r"(?:on|local|global|from|node|gpu|\[|every|each|world)[ _-]?$"),
    ),
    _Size(
        "images_per_sample",
        (
            rf"{_N} (?:images|pictures|photos|views)(?: in| per| for)(?: each| every| one| a)?[ -](?:sample|example|"
            rf"prompt|conversation|item|instance|request)|"
            rf"(?:每个?|一个?|一条|单个?|单条)(?:样本|数据|sample|请求)(?:里|中)?(?:有|含|包含|是)?[:： \t]{{0,3}}{_N}[ \t]?[张幅]图"
        ),
    ),
    _Size("num_frames", (rf"{_N}[ -]frames?\b|{_N}[ \t]?帧|num_frames{_OP}{_N}{_END}")),
    _Size(
        "gpu_memory_utilization",
        (
            rf"(?:gpu[ _-]?(?:memory|mem)?[ _-]?utili[sz]ation|mem[ _-]fraction[ _-]static|显存利用率|"
            rf"显存占用比例){_OP}(0?\.\d{{1,3}}|1\.0){_END}|(?:^|[ \t])(0\.\d{{1,3}}) (?:of )?gpu_memory_utilization"
        ),
        _fraction,
    ),
    _Size("max_model_len", (rf"max[ _-]model[ _-]len(?:gth)?{_OP}{_TOKENS}{_END}"), tokens_of),
    _Size(
        "concurrency",
        (
            rf"{_N} concurrent (?:requests|users|sequences|clients)|concurrency{_OP}{_N}{_END}|并发(?:数|"
            rf"量)?{_OP}{_N}{_END}|max[ _-]num[ _-]seqs{_OP}{_N}{_END}"
        ),
    ),
)

_PATTERNS = Patterns([(size.fact, size.pattern) for size in _SIZES])

_WXH = re2.compile(
    r"(?:^|[^\w.])(\d{2,5})[ \t]?[x×*][ \t]?(\d{2,5})(?:[ \t]?(px|pixels?|像素|p\b|分辨率|images?|resolution|图))?(?:[^\w*×.]|"
    r"\.(?:\D|$)|$)|(?:resolution|分辨率)[^\n\d]{0,6}(\d{2,5}), ?(\d{2,5})"
)
_SQUARE = re2.compile(
    rf"(?:(?:image|input|training|train|max|图像|图片|输入)?[ _-]?(?:resolution|img[ _-]?sz|image[ _-]?size|img[ _-]?size|"
    rf"crop[ _-]?size)|分辨率|图像尺寸|图片大小){_OP}(\d{{2,4}})(?:[ \t]?px)?(?:[^\w.×*,]|,[^\d \t]|, [^\d]|$)|"
    r"(?:^|[^\w.])(\d{2,4})[ \t]?(?:px\b|pixels?\b|像素)"
)
_PICTURE = Test(
    r"image|resol|pixel|\bpx\b|photo|picture|video|frame|dimension|resiz|crop|diffus|\bsd ?[123x]|\bflux|comfyui|kohya|"
    r"图|分辨率|像素|视频|尺寸|画"
)
_PER_DEVICE = Test(r"micro|per[ _-](?:device|gpu)|单卡|每卡")
_PER_GPU = re2.compile(r"^[^\n.;]{0,24}?\((\d{1,5}) (?:per|on each|a) (?:gpu|device|card)")
# "around batch 4660/5033" is a place in an epoch.
_PLACE_BEFORE = Test(r"\b(?:around|after|during|until|till|in|from|th|every|each|about|epoch \d+,?)[ \t]?$")
_BOUND = Test(r"(?:greater|larger|bigger|more|less|smaller|higher|above|below|over|under) than[ \t]?$")
_OTHER_UNIT = Test(r"^[ \t]?(?:k\b|tokens? per second|%|-bit|bit|[gm]i?b\b|g\b)")


def _mentions(prose: Prose, size: _Size, is_total: bool = False) -> Iterator[Mention]:
    for match in islice(compiled(size.pattern).finditer(prose.lower), MAX_MENTIONS):
        group = next((index for index, text in enumerate(match.groups(), 1) if text), 0)
        if not group:
            continue
        value = size.number(match.group(group))
        start, end = match.start(group), match.end(group)
        if value is None or (
            size.unless is not None and size.unless(prose.lower[max(0, match.start() - 16) : match.start()])
        ):
            continue
        if _BOUND(prose.lower[max(0, start - 16) : start]) or _OTHER_UNIT(prose.lower[end : end + 20]):
            continue
        if size.fact == "num_frames" and prose.text[slice(*prose.line(start))].strip(" .") == match.group().strip(" ."):
            continue  # "13 frames" alone in a line: a notebook folds its traceback
        if size.fact == "batch_size":
            said = prose.lower[match.start() : start]
            if is_total and "train_batch" in said and not _PER_DEVICE(said):
                continue  # DeepSpeed's word for all devices together
            if prose.lower[end : end + 1] == "/" or (
                "size" not in said and _PLACE_BEFORE(prose.lower[max(0, match.start() - 12) : match.start() + 1])
            ):
                continue
            per_gpu = _PER_GPU.search(prose.lower[end : end + 48])
            value = int(per_gpu.group(1)) if per_gpu is not None else value
        if isinstance(value, int) and value < 1:
            continue
        weight = 1 if size.fact == "batch_size" and _PER_DEVICE(prose.lower[max(0, match.start() - 12) : start]) else 0
        yield Mention(value, start, end, claim_of(prose, match.start(), end), weight)


def _resolutions(prose: Prose) -> Iterator[Mention]:
    for match in islice(_WXH.finditer(prose.lower), MAX_MENTIONS):
        first, last = prose.sentence(match.start(1) if match.group(1) else match.start(4))
        if not _PICTURE(prose.lower[max(first, match.start() - 80) : min(max(last, match.end()), match.end() + 40)]):
            continue
        width, height = (match.group(1), match.group(2)) if match.group(1) else (match.group(4), match.group(5))
        if 16 <= int(width) <= 20_000 and 16 <= int(height) <= 20_000:
            yield Mention(
                f"{width}x{height}", match.start(), match.end(), claim_of(prose, match.start(), match.end()), 1
            )
    for match in islice(_SQUARE.finditer(prose.lower), MAX_MENTIONS):
        side = match.group(1) or match.group(2)
        if int(side) >= 32:
            yield Mention(side, match.start(), match.end(), claim_of(prose, match.start(), match.end()))


def read(doc: Document) -> Iterator[Observation]:
    """Each size that the run had when it failed; where one was lowered, what it was lowered to."""
    prose = prose_of(doc)
    if not any(char.isdigit() for char in prose.text) and "one" not in prose.lower and "一" not in prose.lower:
        return
    present = _PATTERNS.names(prose.lower)
    found: dict[str, list[Mention]] = {"image_resolution": list(_resolutions(prose))}
    for size in _SIZES:
        if size.fact in present and (size.fact != "lora_rank" or "lora" in prose.lower):
            is_total = size.fact == "batch_size" and of_all_devices(doc.lower)
            found.setdefault(size.fact, []).extend(_mentions(prose, size, is_total))
    for fact in sorted(found):
        chosen = best(sorted(found[fact], key=lambda item: item.start), ideas=False, last=True)
        if chosen is not None:
            yield observe(doc, fact, chosen.value, chosen.start)
