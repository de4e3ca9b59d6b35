"""What a person rules out or insists on, and what is only asked, reported or said by others."""

from __future__ import annotations

import pytest

from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.prose import wishes

WISHES = [
    ("I can't use LoRA", {"no_lora"}),
    ("I can't use LoRA because it errors out with my model", {"no_lora"}),
    ("LoRA is not an option for us.", {"no_lora"}),
    ("Please do not suggest LoRA or QLoRA, I have read about them.", {"no_lora", "no_qlora"}),
    ("We don't want to use any quantization for this project.", {"no_quantization"}),
    ("no quantization please", {"no_quantization"}),
    ("How can I fit it without quantization?", {"no_quantization"}),
    ("It must be full fine-tuning.", {"full_finetuning"}),
    ("it has to be a full finetune for the paper", {"full_finetuning"}),
    ("I don't want to reduce the batch size", {"keep_batch_size"}),
    ("How do I fix this without reducing the batch size?", {"keep_batch_size"}),
    ("the batch size can't be any smaller", {"keep_batch_size"}),
    ("My batch size must stay at 8", {"keep_batch_size"}),
    ("I need to keep the context length at 32k", {"keep_length"}),
    ("I'd rather not shorten the sequences.", {"keep_length"}),
    ("We cannot lower the image resolution, small objects vanish.", {"keep_resolution"}),
    ("Is there a way to fit it without decreasing the resolution?", {"keep_resolution"}),
    ("I can't buy more GPUs", {"no_hardware"}),
    ("there is no budget to rent a bigger card", {"no_hardware"}),
    ("I can't upgrade pytorch on this cluster", {"no_upgrade"}),
    ("I am not allowed to kill the other processes on that node", {"no_killing"}),
    ("We are not able to use DeepSpeed on Windows.", {"no_deepspeed"}),
    ("What do you recommend if I don't want to use CPU offload?", {"no_offload"}),
    ("I don't want to switch to a smaller model", {"no_smaller_model"}),
    ("I do not want to use gradient checkpointing, it is too slow", {"no_checkpointing"}),
    ("不想用LoRA", {"no_lora"}),
    ("不能用 lora,因为会报错", {"no_lora"}),
    ("LoRA 不考虑", {"no_lora"}),
    ("必须全参微调", {"full_finetuning"}),
    ("老板要求只能全量微调,怎么办?", {"full_finetuning"}),
    ("不能量化", {"no_quantization"}),
    ("不想量化模型,还有什么办法?", {"no_quantization"}),
    ("batch不能再小", {"keep_batch_size"}),
    ("batch size 已经不能再减小了", {"keep_batch_size"}),
    ("怎么在不减小 batch size 的情况下解决?", {"keep_batch_size"}),
    ("不想降低分辨率", {"keep_resolution"}),
    ("上下文长度不能缩短", {"keep_length"}),
    ("不希望把序列长度调小", {"keep_length"}),
    ("没钱买更多显卡", {"no_hardware"}),
    ("买不起更大的卡", {"no_hardware"}),
    ("不想开梯度检查点,太慢", {"no_checkpointing"}),
    ("不能杀掉别人的进程", {"no_killing"}),
    ("没法升级 CUDA 驱动", {"no_upgrade"}),
    ("Any hints besides lowering the batch size?", {"keep_batch_size"}),
    ("Is there anything I can do other than LoRA?", {"no_lora"}),
    ("Reducing the image size is out of the question", {"keep_resolution"}),
    ("Lowering the batch size isn't possible because of the contrastive loss", {"keep_batch_size"}),
    ("I absolutely need batch size 64", {"keep_batch_size"}),
    ("my advisor does not allow quantization", {"no_quantization"}),
    ("I only want to do full fine-tuning", {"full_finetuning"}),
    ("How could I solve it without upgrading my GPU?", {"no_hardware"}),
    ("We do not want to change the model", {"no_smaller_model"}),
    ("It must be fp32 for numerical reasons", {"no_half_precision"}),
    ("除了减小 batch size 还有什么办法?", {"keep_batch_size"}),
    ("除了 LoRA 以外有没有别的办法", {"no_lora"}),
    ("序列长度必须 4096", {"keep_length"}),
    ("预算不够,买不了新显卡", {"no_hardware"}),
    ("模型不能换", {"no_smaller_model"}),
    ("offload 太慢,不想用", {"no_offload"}),
    ("必须用 fp32 训练", {"no_half_precision"}),
]
NONE = [
    "LoRA can't be used with ZeRO-3?",
    "Why can't I use LoRA here?",
    "Does that mean I can't use LoRA?",
    "I have no quantization enabled",
    "Full fine-tuning, no LoRA, 4 x A100, still OOM",
    "Trained without LoRA, OOM at step 3.",
    "You can't use LoRA with this script.",
    "(maintainer) we do not want to use quantization in this recipe",
    "I want to use LoRA but I can't, it OOMs",
    "I can't train with batch size 2",
    "It can't allocate more memory with batch size 4",
    "How much VRAM do I need with and without quantization?",
    "Even without reducing the batch size it fits now.",
    "I don't know whether to use LoRA",
    "Can I reduce the batch size?",
    "I can't increase the batch size",
    "I want to keep the effective batch size at 64",
    "I can't use FSDP together with LoRA",
    "The batch size must be divisible by 8",
    "I can't see any improvement from gradient checkpointing",
    "it does not fit on a bigger GPU",
    "LoRA 能不能用?",
    "为什么不能用 LoRA?",
    "LoRA 不能和 ZeRO-3 一起用吗?",
    "没有开量化",
    "没用 LoRA,还是爆显存",
    "不知道要不要量化",
    "用了 LoRA 也不行",
    "batch size 能不能再小?",
    "显存不够,不能训练 batch size 4",
    "必须全参吗?",
    "Besides lowering the batch size I also turned on checkpointing.",
    "Besides LoRA I use an 8-bit optimizer.",
    "Reducing the batch size is an option.",
    "除了减小 batch,我还开了梯度检查点,还是不行",
    "Only full fine-tuning fails, LoRA works.",
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WISHES)
def test_a_wish(text: str, expected: set[str]) -> None:
    assert {str(item.value) for item in wishes.read(Document.of(text))} == expected


@pytest.mark.parametrize("text", NONE)
def test_no_wish(text: str) -> None:
    assert not list(wishes.read(Document.of(text)))


def test_every_wish_names_what_it_forbids_or_keeps(library: Library) -> None:
    from advisor.vocabulary import VOCABULARY

    known = library.settings["wishes"]
    words = {word for remedy in library.remedies for word in (remedy, *remedy.split("_"))}
    for name, wish in known.items():
        assert wish["en"], name
        assert wish["zh"], name
        assert wish.get("forbid") or wish.get("keep"), name
        assert set(wish.get("forbid", ())) <= words, name
        assert set(wish.get("keep", ())) <= set(VOCABULARY), name
    reported = {str(item.value) for text, _ in WISHES for item in wishes.read(Document.of(text))}
    assert reported <= set(known)
