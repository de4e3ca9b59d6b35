"""The words of an estimate's formulas in Chinese; symbols keep their names, which the numbers in brackets explain."""

from __future__ import annotations

from functools import cache

from advisor.facts import Lang

# (English, Chinese), as the formulas write them: whole sentences first, then the pieces that are joined to others.
_WORDS: tuple[tuple[str, str], ...] = (
    # Training.
    ("layers * tokens * bytes: the input of each checkpointed layer; the layer being run again is under `recomputed`",
     "layers * tokens * bytes:每个 checkpoint 层的输入;正在重算的那一层计入“重算的激活值”"),
    ("layers * tokens * bytes that a layer's operators keep of a token for the backward pass",
     "layers * tokens * 一层算子为反向传播给每个 token 保留的字节数(bytes)"),
    ("trained * bytes that are there at the peak", "trained * 峰值时仍在的字节数(bytes)"),
    ("trained * bytes of the step's temporaries (the root of all second moments at once, in foreach kernels)",
     "trained * 更新时临时张量的字节数(bytes;foreach 实现会一次对全部二阶矩开方)"),
    ("tokens * bytes that one layer keeps of a token while its backward pass runs",
     "tokens * 一层在反向传播期间给每个 token 保留的字节数(bytes)"),
    ("tokens * vocab * bytes of a logit: log_softmax in fp32 and the two gradients of its size, or what else is there",
     "tokens * vocab * 每个 logit 的字节数(bytes):fp32 的 log_softmax 和两份同样大小的梯度,或当时存在的其他张量"),
    ("copies of weights in autocast's type that the graph keeps", "计算图保留的、autocast 精度的权重副本"),
    ("one layer's weight in 16 bits while it is multiplied", "一层权重在相乘时的 16 位副本"),
    ("temporaries of the operator that runs at the peak, and cuBLAS' workspaces", "峰值处算子的临时张量与 cuBLAS 工作区"),
    ("the batch itself", "输入批次本身"),
    ("remainders up to 1 MiB that the caching allocator does not split off", "缓存分配器不切分的、不超过 1 MiB 的剩余"),
    ("whole layers, gathered from the other devices while they compute", "计算时从其他设备聚合来的完整层"),
    ("buckets of the gradients' communication", "梯度通信的分桶缓冲"),
    ("weights of the models that only run forward", "只做前向的模型的权重"),
    ("copy, gradient, moments and temporaries of whole modules", "完整训练的模块的副本、梯度、动量与临时张量"),
    ("weights, gradients and states of the value model", "价值模型的权重、梯度与优化器状态"),
    (" (adapters and what is kept in fp32 included)", "(含适配器与以 fp32 保留的部分)"),
    # Inference.
    ("params * bytes on average", "params * 平均字节数(bytes)"),
    (" * share of the layers on the card", " * 放在显卡上的层的比例(share)"),
    ("context * bytes that a token takes in all layers", "context * 每个 token 在所有层占用的字节数(bytes)"),
    ("sequences * tokens * bytes that a token takes in all layers", "sequences * tokens * 每个 token 在所有层占用的字节数(bytes)"),
    ("the largest moment of a layer, of the head, or of the tower", "某一层、输出头或视觉塔中占用最大的一刻"),
    ("the largest layer in 16 bits, twice, while it is quantised; fused copies", "量化时最大的一层以 16 位存在两份;融合时的副本"),
    ("a full batch of 8192 tokens and its logits", "8192 个 token 的满批次及其 logits"),
    ("captured batch sizes * kernel nodes", "捕获的 batch size 数 * 内核节点数"),
    ("share * capacity - weights - activations - context, and what one sequence lacks",
     "share * capacity - 权重 - 激活值 - 上下文,再加上一条序列所缺的部分"),
    ("share * capacity - weights - activations - context", "share * capacity - 权重 - 激活值 - 上下文"),
    ("the feed-forward of a layer", "一层的前馈网络"),
    ("2 bytes * the largest linear layer", "2 字节 * 最大的线性层"),
    ("4 bytes * 512 tokens * ", "4 字节 * 512 个 token * "),
    ("cuBLAS workspaces", "cuBLAS 工作区"),
    ("cuBLAS workspace", "cuBLAS 工作区"),
    # Diffusion models and convolutions.
    ("state bytes * trained weights", "状态字节数(bytes)* 训练的权重数(trained)"),
    ("3 layers' weights on the card, the rest in host memory", "显卡上留 3 层权重,其余在主机内存"),
    ("bytes per weight * params, embeddings in the run's precision", "每个权重的字节数(bytes)* params,嵌入保持运行精度"),
    ("bytes per weight * params / shards", "每个权重的字节数(bytes)* params / 分片数"),
    ("bytes per weight * params", "每个权重的字节数(bytes)* params"),
    ("2 blocks' weights, gathered in 16 bits", "聚合的 2 个模块的 16 位权重"),
    ("trained weights * their bytes", "训练的权重数(trained)* 其字节数"),
    ("2 bytes * params", "2 字节 * params"),
    ("2 bytes * text encoder params", "2 字节 * 文本编码器参数量"),
    ("2 bytes * autoencoder params", "2 字节 * 自编码器参数量"),
    ("gradient bytes * trained weights", "梯度字节数 * 训练的权重数(trained)"),
    ("half of them exist at the peak", "峰值时存在其中一半"),
    ("kept vectors a token * 2 * batch * tokens * h, and one block's backward",
     "每个 token 保留的向量数 * 2 * batch * tokens * h,再加一个模块的反向传播"),
    ("the part at work", "正在工作的部分"),
    ("its activations", "该部分的激活值"),
    ("a denoising step, or 2 bytes * elements a pixel * pixels of the decoder", "一步去噪,或 2 字节 * 解码器每像素的元素数 * 像素数"),
    ("bytes * times kept * convolution outputs * batch", "bytes * 保留次数(kept)* 卷积输出元素数 * batch"),
    ("4 bytes * 3 channels * pixels * batch", "4 字节 * 3 通道 * 像素数 * batch"),
    ("the widest layers' inputs and outputs", "最宽的层的输入与输出"),
    ("state bytes * params", "状态字节数(bytes)* params"),
)  # fmt: skip


# The estimate's warnings; each `{}` stands for what differs.
_WARNINGS: tuple[tuple[str, str], ...] = (
    (
        "the cache holds {} tokens, fewer than the longest sequence of {}",
        "缓存只能放下 {} 个 token,少于最长序列的 {} 个",
    ),
    (
        "the architecture of this model is not known; one of the usual width was taken",
        "不了解该模型的结构,按常见宽度估计",
    ),
    ("the estimate does not know the word {}; it was not used", "估计器不认识 {},未使用"),
)


def warning(text: str, lang: Lang) -> str:
    """A warning of the estimate in `lang`; one that is not known stays as it is.

    >>> warning("the cache holds 9531 tokens, fewer than the longest sequence of 32768", "zh")
    '缓存只能放下 9531 个 token,少于最长序列的 32768 个'
    """
    for english, chinese in _WARNINGS if lang == "zh" else ():
        parts = english.split("{}")
        given = []
        rest = text
        for part in parts:
            before, found, rest = rest.partition(part) if part else (rest, "", "")
            given.append(before)
            if part and not found:
                break
        else:
            if not given[0] and not rest:
                return chinese.format(*given[1:])
    return text


@cache
def _pieces() -> tuple[tuple[str, str], ...]:
    """The phrases, those that hold others before them."""
    return tuple(sorted(_WORDS, key=lambda pair: -len(pair[0])))


def formula(text: str, lang: Lang) -> str:
    """A formula, or a component's explanation that begins with one, in `lang`; words that are not known stay as they are.

    >>> formula("params * bytes on average = 14.2 GiB  (params=7.6e+09)", "zh")
    'params * 平均字节数(bytes) = 14.2 GiB  (params=7.6e+09)'
    """
    if lang != "zh":
        return text
    whole, equals, numbers = text.partition(" = ")
    for english, chinese in _pieces():
        if english in whole:
            whole = whole.replace(english, chinese)
    return _joined(whole) + equals + numbers


def _joined(text: str) -> str:
    """The pieces that hold a number or a name: `trained * bytes of adamw's states on each of 4 devices`."""
    head, on, rest = text.partition(" on each of ")
    count, devices, tail = rest.partition(" devices")
    if on and devices:
        text = f"{head}(共 {count} 个设备,按单个设备计){tail}"
    start, of, rest = text.partition("trained * bytes of ")
    name, states, tail = rest.partition("'s states")
    return f"{start}trained * {name} 状态的字节数(bytes){tail}" if of and states else text
