"""What a run works on, as texts show it: language models, texts, speech, scenes, pictures to restore, calibration, cards left idle."""

from __future__ import annotations

import pytest

from advisor.readers.document import Document
from advisor.readers.situations.subject import read


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("We tune an LLM on our own instructions", "large_language_model"),
        ("model loaded with load_in_8bit=True", "large_language_model"),
        ("大模型微调爆显存", "large_language_model"),
        ("set max_length to 512 for the tokenizer", "text_data"),
        ("训练语料有十万条文本", "text_data"),
        ("Conformer with max-duration 200, long utterances fail", "speech_data"),
        ("语音识别训练显存不足", "speech_data"),
        ("COLMAP scene with 2000 photos", "scene_photos"),
        ("txt2img on SDXL dies", "image_generation"),
        ("the upscaler has no --tile flag", "image_restoration"),
        ("超分时显存不够", "image_restoration"),
        ("OOM during calibration with --calib-samples 128 calib-dataset ptb", "calibration"),
        ("the GPU memory is not released between two requests", "memory_not_given_back"),
        ("推理结束后显存没有释放", "memory_not_given_back"),
        ("only one GPU is used although there are two", "one_card_used"),
        ("双卡怎么跑这个模型", "one_card_used"),
        ('pipe = pipe.to("cuda")\nprompt = "a cat"\npipe.enable_model_cpu_offload()', "moved_before_offload"),
        ("how to run this on a 16 GB card", "asks_to_run"),
        ("the replay buffer fills the RAM after 200k steps", "replay_buffer"),
        ("train_td3.py stops with a MemoryError", "replay_buffer"),
        ("经验回放占满内存", "replay_buffer"),
        ("it fails when I don't use xformers", "attention_not_fused"),
        ("没有安装xformers", "attention_not_fused"),
        ("max_mel_frames is 900", "speech_data"),
        ("PointNet++ on LiDAR scenes", "point_cloud"),
        ("点云分割推理显存不足", "point_cloud"),
        ("how can I load it in 8-bit?", "asks_for_fewer_bits"),
        ("怎么改成int4", "asks_for_fewer_bits"),
        ("ColabFold fails on a dimer of 1800 residues", "long_molecule"),
        ("预测蛋白质结构时显存不足", "long_molecule"),
        ("every process also takes 500 MB on GPU 0", "ranks_on_first_card"),
        ("每个进程都会占用GPU0的显存", "ranks_on_first_card"),
    ],
)
def test_what_a_text_shows(text: str, signal: str) -> None:
    assert signal in [item.value for item in read(Document.of(text))]


@pytest.mark.parametrize(
    ("text", "signal"),
    [
        ("the shuffle buffer is too large", "replay_buffer"),
        ("xformers is on", "attention_not_fused"),
        ("a floating point error", "point_cloud"),
        ("the model is quantized to 4-bit", "asks_for_fewer_bits"),
        ("the residual blocks are deep", "long_molecule"),
        ("every process has a GPU of its own", "ranks_on_first_card"),
        ("The detector runs out of memory at batch 8", "text_data"),
        ("Llamas graze in the dataset's pictures", "large_language_model"),
        ("pipe.enable_model_cpu_offload()\nimage = pipe(prompt).images[0]", "moved_before_offload"),
        ("both GPUs are used", "one_card_used"),
        ("the memory is released after each step", "memory_not_given_back"),
        ("the quantised model runs well", "calibration"),
        ("a tiled floor", "image_restoration"),
    ],
)
def test_what_it_does_not_show(text: str, signal: str) -> None:
    assert signal not in [item.value for item in read(Document.of(text))]
