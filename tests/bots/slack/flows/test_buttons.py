"""What can be pressed under an answer: boxes, lists, feedback, sharing, reasons, questions; and who may."""

from __future__ import annotations

from typing import Any

from advisor.diagnosis import diagnose
from advisor.render.slack import case_of
from tests.bots.slack.desk import Desk, element, pressed, words_of
from tests.bots.slack.flows.test_commands import OOM


def _asked(desk: Desk, name: str, *, user: str = "ann", text: str = OOM) -> tuple[dict[str, Any], str]:
    """An answer that only `user` sees, and its case."""
    desk.command(text, name=name, user=user)
    body = desk.answer(name)
    desk.settle()
    return body, next(case_of(block["block_id"]) for block in body["blocks"] if case_of(block.get("block_id", "")))


def test_ticked_boxes_estimate_again_in_place(desk: Desk) -> None:
    body, case = _asked(desk, "apply")
    desk.press(body, pressed(body, "vram_apply", "reduce_batch_size", "gradient_checkpointing"), name="applied")
    renewed = desk.answer("applied")
    assert renewed["replace_original"] is True
    words = words_of(renewed["blocks"])
    assert "With what is ticked: 80.4 GiB" in words
    assert "with the changes" in words
    ticked = element(renewed, "vram_apply")["initial_options"]
    assert {each["value"] for each in ticked} == {"reduce_batch_size", "gradient_checkpointing"}
    kept = desk.store.case(case)
    assert kept is not None
    assert list(kept.applied) == ["reduce_batch_size", "gradient_checkpointing"]
    desk.press(renewed, pressed(renewed, "vram_apply"), name="applied")
    assert "With what is ticked" not in words_of(desk.answer("applied", 2)["blocks"])


def test_boxes_that_exclude_each_other_say_so(desk: Desk) -> None:
    full = "full fine-tuning of Llama-3.1-8B on one A100-80GB, batch 4, 4096 tokens: CUDA out of memory. Tried to allocate 2 GiB"
    body, _ = _asked(desk, "exclude", text=full)
    desk.press(body, pressed(body, "vram_apply", "lora", "qlora"), name="excluded")
    renewed = desk.answer("excluded")
    assert "Not together" in words_of(renewed["blocks"])
    assert [each["value"] for each in element(renewed, "vram_apply")["initial_options"]] == ["lora"]


def test_what_was_tried_is_advised_no_more(desk: Desk) -> None:
    body, case = _asked(desk, "tried")
    desk.press(body, pressed(body, "vram_tried"), name="tried-nothing")
    assert "Tick what you have tried" in desk.answer("tried-nothing")["text"]
    desk.press(body, pressed(body, "vram_apply", "gradient_checkpointing"), name="tried-it")
    desk.press(desk.answer("tried-it"), pressed(body, "vram_tried"), name="tried-it")
    renewed = desk.answer("tried-it", 2)
    assert "Tried already, left out: Turn on gradient checkpointing" in words_of(renewed["blocks"])
    assert "gradient_checkpointing" not in {option["value"] for option in element(renewed, "vram_why")["options"]}
    assert desk.store.feedback(case)[desk.emulator.users["ann"]]["tried"] == ["gradient_checkpointing"]


def test_it_worked_is_kept_and_thanked_for(desk: Desk) -> None:
    body, case = _asked(desk, "worked")
    desk.press(body, pressed(body, "vram_worked"), name="thanks")
    renewed = desk.answer("thanks")
    assert "noted that it worked" in words_of(renewed["blocks"])
    assert "It worked" not in words_of(renewed["blocks"])
    kept = desk.store.feedback(case)[desk.emulator.users["ann"]]
    plan = diagnose(OOM).plan
    assert plan is not None
    assert kept["worked"] == sorted(plan.steps)


def test_it_did_not_brings_the_next_advice(desk: Desk) -> None:
    body, case = _asked(desk, "failed")
    desk.press(body, pressed(body, "vram_did_not"), name="next")
    renewed = desk.answer("next")
    words = words_of(renewed["blocks"])
    assert "noted that it did not help" in words
    assert "Tried already" in words
    kept = desk.store.case(case)
    assert kept is not None
    plan = diagnose(OOM).plan
    assert plan is not None
    assert list(kept.tried) == list(plan.steps)


def test_sharing_posts_once_and_lets_others_in(desk: Desk) -> None:
    body, case = _asked(desk, "share")
    channel = desk.emulator.channels["training"]
    before = len(desk.emulator.messages(channel))
    for _ in range(2):  # a double click
        desk.press(body, pressed(body, "vram_share"), name="shared")
    assert "Share with the channel" not in words_of(desk.answer("shared")["blocks"])
    desk.settle()
    posts = [m for m in desk.emulator.messages(channel)[before:] if m.get("blocks")]
    assert len(posts) == 1
    assert "Only you see this" not in words_of(posts[0]["blocks"])
    pictures = [
        file
        for m in desk.emulator.messages(channel)[before:]
        for file in m.get("files", ())
        if file["name"] == "vram.png"
    ]
    assert len(pictures) == 1
    uploads = [args for method, args in desk.recorder.calls if method == "files.getUploadURLExternal"]
    assert any("activations" in str(args.get("alt_txt") or args.get("alt_text")) for args in uploads)
    kept = desk.store.case(case)
    assert kept is not None
    assert kept.shared
    desk.press(posts[0], pressed(posts[0], "vram_apply", "qlora"), user="bob", name="bob")
    desk.settle()
    updates = [args for method, args in desk.recorder.calls if method == "chat.update"]
    assert updates[-1]["ts"] == posts[0]["ts"]
    assert "With what is ticked" in words_of(updates[-1]["blocks"])


def test_sharing_where_the_bot_is_no_member_goes_through_the_press(desk: Desk) -> None:
    body, _ = _asked(desk, "outside")
    desk.recorder.refuse["chat.postMessage"] = "not_in_channel"
    desk.press(body, pressed(body, "vram_share"), name="outside-share")
    first = desk.answer("outside-share")
    assert first["response_type"] == "in_channel"
    assert first["replace_original"] is False
    assert desk.answer("outside-share", 2)["replace_original"] is True


def test_why_opens_a_view_with_rules_and_lines(desk: Desk) -> None:
    body, _ = _asked(desk, "why")
    desk.press(body, pressed(body, "vram_why", "gradient_checkpointing"), name="why")
    desk.settle()
    opened, filled = desk.recorder.views()
    assert "One moment" in words_of(opened["blocks"])
    words = words_of(filled["blocks"])
    assert "Rule " in words
    assert "Sources" in words
    desk.recorder.calls.clear()  # its links lead to the knowledge's own sources


def test_a_report_goes_to_direct_messages(desk: Desk) -> None:
    body, _ = _asked(desk, "report")
    desk.press(body, pressed(body, "vram_report"), name="report-said")
    assert "in your messages with me" in desk.answer("report-said")["text"]
    desk.settle()
    names = [args.get("filename") for method, args in desk.recorder.calls if method == "files.getUploadURLExternal"]
    assert names == ["vram-report.txt"]
    posts = [args for method, args in desk.recorder.calls if method == "chat.postMessage"]
    assert [args["channel"][:1] for args in posts] == ["D"]


def test_questions_are_answered_in_a_form(desk: Desk) -> None:
    body, case = _asked(desk, "questions")
    desk.press(body, pressed(body, "vram_answer"), name="facts")
    desk.settle()
    view = desk.recorder.views("views.open")[-1]
    assert view["callback_id"] == "vram_questions"
    fact = "gradient_checkpointing"
    assert fact in [block["block_id"] for block in view["blocks"]]
    values = {fact: {"value": {"type": "static_select", "selected_option": {"value": "true"}}}}
    assert desk.interaction("view_submission", view={**view, "id": "V1", "state": {"values": values}}) == ""
    renewed = desk.answer("facts")
    assert renewed["replace_original"] is True
    kept = desk.store.case(case)
    assert kept is not None
    assert kept.stated == {fact: True}
    bad = {"batch_size": {"value": {"type": "plain_text_input", "value": "many"}}}
    metadata = view["private_metadata"].replace(f'"{fact}"', f'"{fact}", "batch_size"')
    said = desk.interaction(
        "view_submission", view={**view, "private_metadata": metadata, "id": "V2", "state": {"values": bad}}
    )
    assert said["response_action"] == "errors"
    assert "batch_size" in said["errors"]


def test_nobody_else_opens_what_was_not_shared(desk: Desk) -> None:
    body, case = _asked(desk, "mine")
    presses = [("vram_apply", "qlora"), ("vram_tried",), ("vram_worked",), ("vram_share",), ("vram_report",)]
    for action, *values in presses:
        name = f"theirs-{action}"
        desk.press(body, pressed(body, action, *values), user="bob", name=name)
        said = desk.answer(name)
        assert "somebody else" in said["text"]
        assert "Qwen" not in str(said)
    desk.press(body, pressed(body, "vram_why", "qlora"), user="bob", name="theirs-why")
    desk.settle()
    assert "somebody else" in words_of(desk.recorder.views()[-1]["blocks"])
    desk.press(body, pressed(body, "vram_answer"), user="bob", name="theirs-facts")
    assert "Only the person who asked" in words_of(desk.recorder.views()[-1]["blocks"])
    kept = desk.store.case(case)
    assert kept is not None
    assert not kept.shared
    assert not kept.applied
    assert not kept.tried


def test_a_deleted_question_says_so(desk: Desk) -> None:
    body, case = _asked(desk, "gone")
    desk.store.delete_case(case)
    desk.press(body, pressed(body, "vram_worked"), name="gone-press")
    assert "was deleted" in desk.answer("gone-press")["text"]
