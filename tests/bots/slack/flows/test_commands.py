"""`/vram`: answers only the person sees, help, cards, what fits, deletion."""

from __future__ import annotations

import urllib.error
import urllib.parse

import pytest

from tests.bots.slack.desk import Desk, words_of
from tests.bots.slack.emulator import SECRET
from tests.bots.slack.signing import signed

OOM = (
    "LoRA on Qwen2.5-7B with one RTX 4090, batch size 4, 2048 tokens: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate "
    "2.32 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.10 GiB is free."
)


def test_a_text_is_answered_to_the_person_alone(desk: Desk) -> None:
    assert desk.command(OOM, name="text") == ""
    body = desk.answer("text")
    assert body["response_type"] == "ephemeral"
    assert body["replace_original"] is False
    words = words_of(body["blocks"])
    assert "RTX 4090" in body["text"]
    assert "Where the memory goes" in words
    assert "Turn on gradient checkpointing" in words
    assert "The smallest set of changes that fits" in words
    assert "Share with the channel" in words
    assert desk.recorder.calls == [] or all(method != "chat.postMessage" for method, _ in desk.recorder.calls)


def test_a_chinese_text_is_answered_in_chinese(desk: Desk) -> None:
    desk.command("单卡 RTX 3090 用 LoRA 微调 Qwen2.5-7B,batch size 8,长度 4096,报错 CUDA out of memory", name="zh")
    words = words_of(desk.answer("zh")["blocks"])
    assert "显存去向" in words
    assert "有用" in words


def test_a_question_is_answered_as_one(desk: Desk) -> None:
    desk.command(
        "estimate LoRA on Qwen2.5-7B with one RTX 4090, batch size 1, 1024 tokens, gradient checkpointing",
        name="estimate",
    )
    body = desk.answer("estimate")
    assert body["text"].startswith(("Yes", "No", "It needs"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fit QLoRA on Llama-3.1-8B with an RTX 4090, gradient checkpointing", "batch_size"),
        ("fit seq_len QLoRA on Llama-3.1-8B with an RTX 4090", "seq_len"),
        ("fit LoRA on Llama-3.1-8B", "Which card?"),
        ("fit something on an RTX 4090", "Too little is known"),
    ],
)
def test_fit_finds_the_largest_that_fits(desk: Desk, text: str, shown: str) -> None:
    desk.command(text, name="fit")
    assert shown in words_of(desk.answer("fit")["blocks"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("help", "How to ask"),
        ("帮助", "怎么提问"),
        ("gpus a100", "A100-80GB"),
        ("gpus rtx 4095", "I know no such card"),
    ],
)
def test_pages_come_with_the_acknowledgement(desk: Desk, text: str, shown: str) -> None:
    said = desk.command(text)
    assert said["response_type"] == "ephemeral"
    assert shown in words_of(said["blocks"])


def test_secrets_are_neither_kept_nor_posted(desk: Desk) -> None:
    token = "hf_" + "AbCdEfGhIjKlMnOpQrStUvWxYz01234567"
    desk.command(f"{OOM} HF_TOKEN={token}", name="secret")
    body = desk.answer("secret")
    assert token not in str(body)
    assert "1 secret(s) were hidden" in words_of(body["blocks"])
    desk.settle()
    kept = desk.store.case(_case(body))
    assert kept is not None
    assert "[redacted" in kept.text
    assert token not in kept.text


def test_control_sequences_of_a_log_come_back_without_effect(desk: Desk) -> None:
    desk.command(f"<!channel> <@U0123ABC> *bold* <https://example.com|here> \u202e{OOM}", name="hostile")
    assert "<!channel>" not in str(desk.answer("hostile"))


def test_forget_deletes_what_was_asked(desk: Desk) -> None:
    desk.command(OOM, name="before", user="bob")
    case = _case(desk.answer("before"))
    desk.settle()
    assert desk.store.case(case) is not None
    desk.command("forget", name="forget", user="bob")
    assert "Deleted: " in desk.answer("forget")["text"]
    desk.settle()
    assert desk.store.case(case) is None


def test_a_delivery_again_is_one_answer(desk: Desk) -> None:
    fields = {
        "command": "/vram", "text": OOM, "team_id": desk.emulator.team, "user_id": desk.emulator.users["ann"], "channel_id": "C1",
        "response_url": desk.response_url("again"), "trigger_id": desk.trigger(),
    }  # fmt: skip
    for number in range(3):
        assert desk.send(urllib.parse.urlencode({**fields, "n": number}))[0] == 200
    desk.answer("again")
    desk.settle()
    assert len(desk.recorder.responses["again"]) == 1


@pytest.mark.parametrize(("secret", "age"), [("wrong", 0), (SECRET, 400)])
def test_a_wrong_or_late_signature_is_refused(desk: Desk, secret: str, age: int) -> None:
    import time
    import urllib.request

    body = urllib.parse.urlencode({"command": "/vram", "text": OOM, "response_url": desk.response_url("refused")})
    request = urllib.request.Request(desk.url, body.encode(), signed(body, secret=secret, at=time.time() - age))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=3)
    refused.value.close()
    assert refused.value.code == 401
    desk.settle()
    assert "refused" not in desk.recorder.responses


def _case(body: dict[str, object]) -> str:
    from advisor.render.slack import case_of

    blocks = body["blocks"]
    assert isinstance(blocks, list)
    return next(case_of(block["block_id"]) for block in blocks if case_of(block.get("block_id", "")))
