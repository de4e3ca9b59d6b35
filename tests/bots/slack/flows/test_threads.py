"""Where it was asked in a thread: the message shortcut, mentions, uploaded files, direct messages."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient

from tests.bots.slack.desk import Desk, words_of
from tests.bots.slack.emulator import PEOPLE_TOKEN
from tests.bots.slack.flows.test_commands import OOM

LOG = "\n".join(
    [
        "torchrun --nproc_per_node 1 train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size 4 --bf16 true",
        *(f"{{'loss': 1.{step}, 'epoch': 0.{step}}}" for step in range(40)),
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.32 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.10 GiB "
        "is free. Including non-PyTorch memory, this process has 22.53 GiB memory in use.",
    ]
)


def _answers(desk: Desk, channel: str, thread: str) -> list[dict[str, Any]]:
    """What the bot said in a thread."""
    return [m for m in desk.emulator.messages(channel) if m.get("thread_ts") == thread and m.get("blocks")]


def _uploaded(desk: Desk, content: str | bytes, name: str, **more: Any) -> dict[str, Any]:
    """A file of Ann in the channel."""
    client = WebClient(token=PEOPLE_TOKEN, base_url=desk.emulator.url)
    channel = desk.emulator.channels["training"]
    made = client.files_upload_v2(channel=channel, content=content, filename=name, **more)
    return dict(made["file"])


def _file_event(desk: Desk, file: dict[str, Any], **more: Any) -> None:
    user = more.pop("user_id", desk.emulator.users["ann"])
    event = {
        "type": "file_shared",
        "file_id": file["id"],
        "user_id": user,
        "channel_id": desk.emulator.channels["training"],
        **more,
    }
    assert desk.event(event)[0] == 200


def test_the_shortcut_answers_in_the_thread_of_the_message(desk: Desk) -> None:
    message = desk.say(OOM.replace("&", "&amp;"))
    channel = desk.emulator.channels["training"]
    said = desk.interaction(
        "message_action", callback_id="diagnose_message", message=message, channel={"id": channel}, message_ts=message["ts"],
        response_url=desk.response_url("shortcut"),
    )  # fmt: skip
    assert said == ""
    answer = desk.wait(lambda: _answers(desk, channel, message["ts"]))[0]
    assert "RTX 4090" in words_of(answer["blocks"])
    assert "Share with the channel" not in words_of(answer["blocks"])
    desk.settle()
    assert [m for m in desk.emulator.messages(channel) if m.get("files") and m.get("thread_ts") == message["ts"]]


def test_the_shortcut_answers_in_private_where_the_bot_may_not_post(desk: Desk) -> None:
    message = desk.say(OOM)
    desk.recorder.refuse["chat.postMessage"] = "not_in_channel"
    desk.interaction(
        "message_action", callback_id="diagnose_message", message=message, channel={"id": desk.emulator.channels["training"]},
        response_url=desk.response_url("shortcut-private"),
    )  # fmt: skip
    assert desk.answer("shortcut-private")["response_type"] == "ephemeral"


def test_the_shortcut_reads_the_files_of_the_message(desk: Desk) -> None:
    file = _uploaded(desk, LOG, "train.log")
    message = {
        "type": "message",
        "text": "it dies, why?",
        "user": "U1",
        "ts": desk.say("see the file")["ts"],
        "files": [file],
    }
    channel = desk.emulator.channels["training"]
    desk.interaction("message_action", callback_id="diagnose_message", message=message, channel={"id": channel})
    answer = desk.wait(lambda: _answers(desk, channel, str(message["ts"])))[0]
    assert "Qwen2.5-7B" in words_of(answer["blocks"])


def test_a_mention_reads_the_thread_and_its_files(desk: Desk) -> None:
    root = desk.say(OOM)
    _uploaded(desk, LOG, "thread.log", thread_ts=root["ts"])
    channel, bot = desk.emulator.channels["training"], desk.emulator.users["advisor"]
    mention = desk.say(f"<@{bot}> what now?", thread_ts=root["ts"])
    event = {
        "type": "app_mention", "text": mention["text"], "user": desk.emulator.users["ann"], "channel": channel, "ts": mention["ts"],
        "thread_ts": root["ts"],
    }  # fmt: skip
    for number in range(3):  # delivered again: one answer
        assert desk.event(event, "EvMention" + root["ts"], **{"X-Slack-Retry-Num": str(number)})[0] == 200
    desk.wait(lambda: _answers(desk, channel, root["ts"]))
    desk.settle()
    answers = [
        each for each in _answers(desk, channel, root["ts"]) if "Where the memory goes" in words_of(each["blocks"])
    ]
    assert len(answers) == 1
    assert "RTX 4090" in words_of(answers[0]["blocks"])
    assert "Qwen2.5-7B" in words_of(answers[0]["blocks"])


def test_a_mention_works_without_the_permission_to_read(desk: Desk) -> None:
    root = desk.say("look at this")
    desk.recorder.refuse["conversations.replies"] = "missing_scope"
    channel = desk.emulator.channels["training"]
    desk.event(
        {
            "type": "app_mention",
            "text": f"<@UBOT> {OOM}",
            "user": "U1",
            "channel": channel,
            "ts": "1.2",
            "thread_ts": root["ts"],
        }
    )
    answer = desk.wait(lambda: _answers(desk, channel, root["ts"]))[-1]
    assert "RTX 4090" in words_of(answer["blocks"])


def test_a_mention_with_nothing_to_read_says_how_to_ask(desk: Desk) -> None:
    root = desk.say("hello everybody")
    channel = desk.emulator.channels["training"]
    desk.event(
        {
            "type": "app_mention",
            "text": "<@UBOT> hi",
            "user": "U1",
            "channel": channel,
            "ts": "1.3",
            "thread_ts": root["ts"],
        }
    )
    answer = desk.wait(lambda: _answers(desk, channel, root["ts"]))[-1]
    assert "I found nothing to read" in words_of(answer["blocks"])


def test_an_uploaded_log_of_an_oom_is_answered_in_its_thread(desk: Desk) -> None:
    file = _uploaded(desk, LOG, "run.log")
    channel = desk.emulator.channels["training"]
    thread = file["shares"]["public"][channel][0]["ts"]
    for _ in range(2):
        _file_event(desk, file)
    answer = desk.wait(lambda: _answers(desk, channel, thread))[0]
    assert "RTX" in words_of(answer["blocks"]) or "23.6 GiB" in words_of(answer["blocks"])
    desk.settle()
    assert len(_answers(desk, channel, thread)) == 1


@pytest.mark.parametrize("first", ["file", "mention"])
def test_an_upload_with_a_mention_is_one_answer_in_either_order(desk: Desk, first: str) -> None:
    channel, bot = desk.emulator.channels["training"], desk.emulator.users["advisor"]
    file = _uploaded(desk, LOG, "asked.log")
    thread = file["shares"]["public"][channel][0]["ts"]
    mention = {
        "type": "app_mention", "text": f"<@{bot}>", "user": desk.emulator.users["ann"], "channel": channel, "ts": thread, "files": [file],
    }  # fmt: skip
    sent = [lambda: _file_event(desk, file), lambda: desk.event(mention, f"Ev{first}{thread}")]
    for each in sent if first == "file" else sent[::-1]:
        each()
    desk.wait(lambda: _answers(desk, channel, thread))
    desk.settle()
    assert len(_answers(desk, channel, thread)) == 1


def test_a_large_log_is_read_from_the_command_to_the_error(desk: Desk) -> None:
    command, *_, error = LOG.split("\n")
    steps = "".join(f"step {step} loss 1.{step}\n" for step in range(60_000))
    file = _uploaded(desk, f"{command}\n{steps}{error}\n{steps}", "large.log")
    channel = desk.emulator.channels["training"]
    _file_event(desk, file)
    answer = desk.wait(lambda: _answers(desk, channel, file["shares"]["public"][channel][0]["ts"]))[0]
    assert "Qwen2.5-7B" in words_of(answer["blocks"])
    assert "batch 4" in words_of(answer["blocks"])


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("step 1 loss 0.3\nstep 2 loss 0.2\ntraining finished\n", "fine.log"),
        ("Does Qwen2.5-7B fit on an RTX 4090 with LoRA?", "question.txt"),
        (b"PK\x03\x04" + b"\x00" * 200, "logs.zip"),
        ("Killed\ndmesg: Out of memory: Killed process 4242 (python) total-vm:99999999kB", "host.log"),
    ],
)
def test_other_uploads_are_left_alone(desk: Desk, content: str | bytes, name: str) -> None:
    file = _uploaded(desk, content, name)
    _file_event(desk, file)
    desk.settle()
    assert [method for method, _ in desk.recorder.calls if method == "chat.postMessage"] == []


def test_the_bots_own_uploads_and_switched_off_reactions_are_left_alone(desk: Desk) -> None:
    file = _uploaded(desk, LOG, "own.log")
    own = str(desk.emulator.call("auth.test")["user_id"])
    _file_event(desk, file, user_id=own)
    desk.store.change_settings(desk.emulator.team, react="off")
    _file_event(desk, file)
    desk.store.change_settings(desk.emulator.team, react="files")
    desk.settle()
    assert [method for method, _ in desk.recorder.calls if method in ("files.info", "chat.postMessage")] == []


def test_a_direct_message_is_a_question(desk: Desk) -> None:
    channel = str(desk.emulator.call("conversations.open", users=desk.emulator.users["ann"])["channel"]["id"])
    event = {
        "type": "message",
        "channel_type": "im",
        "channel": channel,
        "user": desk.emulator.users["ann"],
        "ts": "2.1",
        "text": OOM,
    }
    desk.event(event)
    desk.settle()
    posts = [args for method, args in desk.recorder.calls if method == "chat.postMessage"]
    assert [args["channel"] for args in posts] == [channel]
    assert "RTX 4090" in words_of(posts[0]["blocks"])
    desk.recorder.calls.clear()
    desk.event({**event, "ts": "2.2", "subtype": "message_changed"})
    desk.event({**event, "ts": "2.3", "bot_id": "B1"})
    desk.event({**event, "ts": "2.4", "channel_type": "channel"})
    desk.settle()
    assert desk.recorder.calls == []


def test_a_direct_hello_gets_the_help(desk: Desk) -> None:
    channel = str(desk.emulator.call("conversations.open", users=desk.emulator.users["ann"])["channel"]["id"])
    event = {"type": "message", "channel_type": "im", "channel": channel, "user": "U1", "ts": "4.1", "text": "hello"}
    desk.event(event)
    desk.settle()
    posts = [args for method, args in desk.recorder.calls if method == "chat.postMessage"]
    assert "How to ask" in words_of(posts[0]["blocks"])


def test_an_archive_is_refused_in_words(desk: Desk) -> None:
    file = _uploaded(desk, b"PK\x03\x04" + b"\x00" * 100, "logs.zip")
    channel = str(desk.emulator.call("conversations.open", users=desk.emulator.users["ann"])["channel"]["id"])
    desk.event(
        {
            "type": "message",
            "channel_type": "im",
            "channel": channel,
            "user": "U1",
            "ts": "3.1",
            "text": "",
            "files": [file],
            "subtype": "file_share",
        }
    )
    desk.settle()
    posts = [args for method, args in desk.recorder.calls if method == "chat.postMessage"]
    assert "archive" in posts[0]["text"]
