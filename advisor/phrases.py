"""The fixed words of memory snapshots and of single answers, in English and Chinese; `advisor.wording` hands them out with all others."""

from __future__ import annotations

# key: (English, Chinese)
SNAPSHOT: dict[str, tuple[str, str]] = {
    "heading.timeline": ("In use over the recording", "录制期间的占用"),
    "heading.places": ("Which lines had allocated it", "由哪些代码行分配"),
    "heading.growth": ("What piles up", "持续堆积的分配"),
    "heading.pieces": ("Held by the allocator without use", "分配器持有但未使用"),
    "snapshot.events": ("{peak} at event {at} of {events}", "峰值 {peak},位于第 {at} 个事件(共 {events} 个)"),
    "snapshot.no_events": ("{peak} when the snapshot was taken", "拍摄快照时为 {peak}"),
    "snapshot.pieces": (
        "{split} in {pieces} pieces beside used blocks, which can't be given back; the largest has {largest}.",
        "{split} 分成 {pieces} 块夹在使用中的块之间,无法归还;最大的一块为 {largest}。",
    ),
    "snapshot.cached": ("{cached} in whole segments, given back when they are needed.", "{cached} 为整段空闲,需要时会归还。"),
    "snapshot.too_small": (
        "The request of {size} would fit into all pieces together, but into no single one.",
        "申请的 {size} 小于碎片总和,但没有任何一块放得下。",
    ),
    "snapshot.growth": (
        "{place}: {count} allocations, {gib}, made in {steps} of {of_steps} steps, none of them freed",
        "{place}:{count} 次分配,共 {gib},来自 {of_steps} 步中的 {steps} 步,一次也没有释放",
    ),
    "snapshot.block": ("1 block", "1 块"),
    "snapshot.blocks": ("{count} blocks", "{count} 块"),
    "snapshot.no_stacks": (
        "The recording has no stacks: torch.cuda.memory._record_memory_history() before the run adds them.",
        "录制中没有调用栈:请在运行前调用 torch.cuda.memory._record_memory_history()。",
    ),
    "snapshot.device": ("Device {index}", "设备 {index}"),
}  # fmt: skip

ANSWERS: dict[str, tuple[str, str]] = {
    "respected": ("Respected: {list}", "已遵从你的要求:{list}"),
    "respected.one": ("{text} (line {line})", "{text}(第 {line} 行)"),
    "heading.plan_found": ("A small set of changes that fits", "一组能放下的改动"),
    "semicolon": ("; ", ";"),
    # "What is the largest ... that fits?"
    "heading.largest": ("The largest that fits", "最大能放下"),
    "largest.title.params_b": ("model", "模型"),
    "largest.title.batch_size": ("batch size per device", "单卡 batch size"),
    "largest.title.seq_len": ("tokens per sequence", "序列长度(token)"),
    "largest.title.concurrency": ("sequences at a time, each at full length", "同时处理的序列数(均为最大长度)"),
    "largest.params_b": ("The largest model for {card}: {parts}.", "{card} 最大能跑的模型:{parts}。"),
    "largest.batch_size": ("The largest batch size on {card}: {parts}.", "{card} 上 batch size 最大:{parts}。"),
    "largest.seq_len": ("The longest sequence on {card}, in tokens: {parts}.", "{card} 上序列最长(token):{parts}。"),
    "largest.concurrency": (
        "Sequences at a time on {card}, each at full length: {parts}.",
        "{card} 上同时处理的序列数(均为最大长度):{parts}。",
    ),
    "largest.part": ("{value} ({title})", "{title} {value}"),
    "largest.nothing": ("nothing fits ({title})", "{title} 放不下"),
    "largest.sure": ("for sure", "一定放得下"),
    "largest.likely": ("probably", "很可能放得下"),
    "largest.need": ("needs up to {gib}", "最多需要 {gib}"),
    "largest.example_of": ("such as {name}", "例如 {name}"),
    "largest.limited": ("the model's own limit", "模型自身的上限"),
    "largest.given": ("Taken for granted: {list}.", "前提:{list}。"),
    "largest.by_size": (
        "By the number of weights of a dense decoder; other architectures differ. “For sure” is by the high end of the 90 % interval.",
        "按稠密解码器的参数量估算,其他结构会有出入;“一定放得下”以 90% 区间的上限为准。",
    ),
    "largest.by_interval": (
        "“For sure” is by the high end of the 90 % interval, “probably” by the expected figure.",
        "“一定放得下”以 90% 区间的上限为准,“很可能放得下”以期望值为准。",
    ),
}  # fmt: skip

# Where the message contradicts the estimate.
DOUBTS: dict[str, tuple[str, str]] = {
    "estimate.disproved": (
        "The text contradicts this estimate, since the run got further than it allows: the run is smaller than assumed here.",
        "文本与该估计矛盾:任务已经跑到了估计不允许的地步,实际比这里假设的要小。",
    ),
    "estimate.raised": (
        "The message shows that at least {need} are needed: savings and peaks below count from there.",
        "报错显示至少需要 {need}:下面的节省和峰值都从这个数算起。",
    ),
    "estimate.weights_elsewhere": (
        "PyTorch held only {held} when the step ran, less than the weights alone take here ({weights}): a part of them lies elsewhere"
        " (other cards, host RAM), they are quantised, or another model ran.",
        "运行到这一步时 PyTorch 只占 {held},比这里估计的权重({weights})还少:部分权重在别处(其他卡或内存)、已被量化,或者跑的是另一个模型。",
    ),
}  # fmt: skip
