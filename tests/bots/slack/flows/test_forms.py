"""The question form, its lists, the home tab, the workspace's settings."""

from __future__ import annotations

import json
from typing import Any

from advisor.render.slack import case_of
from tests.bots.slack.desk import Desk, element, words_of
from tests.bots.slack.flows.test_commands import OOM


def _filled(**values: Any) -> dict[str, Any]:
    """The state of a view: texts as they are, choices as dicts."""
    state = {}
    for block, value in values.items():
        if isinstance(value, list):
            state[block] = {"value": {"type": "file_input", "files": value}}
        elif isinstance(value, dict):
            state[block] = {"x": {"type": "static_select", "selected_option": value}}
        else:
            state[block] = {"value": {"type": "plain_text_input", "value": value}}
    return {"values": state}


def _opened(desk: Desk, name: str) -> dict[str, Any]:
    assert desk.command("", name=name) == ""
    return desk.recorder.views("views.open")[-1]


def test_vram_alone_opens_the_form_and_its_answer_is_private(desk: Desk) -> None:
    view = _opened(desk, "form")
    assert [block["block_id"] for block in view["blocks"]] == [
        "description", "log", "more", "files", "gpu", "model", "framework", "lang",
    ]  # fmt: skip
    state = _filled(
        description="we fine-tune it with LoRA, batch size 4, 2048 tokens",
        log="torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.32 GiB.",
        gpu={"value": "RTX 3090"},
        model={"value": "Qwen2.5-7B"},
        lang={"value": "zh"},
    )
    said = desk.interaction("view_submission", view={**view, "id": "VF1", "state": state})
    assert said == ""
    body = desk.answer("form")
    assert body["response_type"] == "ephemeral"
    words = words_of(body["blocks"])
    assert "RTX 3090" in words
    assert "显存去向" in words


def test_an_empty_form_comes_back(desk: Desk) -> None:
    view = _opened(desk, "empty")
    said = desk.interaction("view_submission", view={**view, "id": "VF2", "state": _filled(lang={"value": "auto"})})
    assert said["response_action"] == "errors"
    assert set(said["errors"]) == {"description"}


def test_a_form_submitted_twice_is_one_answer(desk: Desk) -> None:
    view = _opened(desk, "twice")
    state = _filled(description=OOM, lang={"value": "auto"})
    for _ in range(2):
        desk.interaction("view_submission", view={**view, "id": "VF3", "state": state})
    desk.answer("twice")
    desk.settle()
    assert len(desk.recorder.responses["twice"]) == 1


def test_the_lists_offer_names_of_the_library(desk: Desk) -> None:
    for action, typed, wanted in (
        ("vram_gpu", "4090", "RTX 4090"),
        ("vram_model", "llama 3.1 8b", "Llama-3.1-8B"),
        ("vram_framework", "llama fac", "llama-factory"),
    ):
        said = desk.interaction("block_suggestion", action_id=action, block_id="x", value=typed)
        assert wanted in [option["value"] for option in said["options"]]
        assert len(said["options"]) <= 100
    assert (
        desk.interaction("block_suggestion", action_id="vram_gpu", block_id="x", value="<!channel>\u202e")["options"]
        == []
    )


def test_the_global_shortcut_and_the_home_tab_open_the_form(desk: Desk) -> None:
    desk.interaction("shortcut", callback_id="vram_open")
    assert desk.recorder.views("views.open")[-1]["callback_id"] == "vram_form"
    user = desk.emulator.users["ann"]
    desk.event({"type": "app_home_opened", "tab": "home", "user": user, "channel": "D1"})
    home = desk.recorder.views("views.publish")[-1]
    assert home["type"] == "home"
    assert "How to ask" in words_of(home["blocks"])
    action = element(home, "vram_open_form")
    desk.interaction("block_actions", actions=[action], view={"id": "VH", "type": "home"}, container={"type": "view"})
    view = desk.recorder.views("views.open")[-1]
    state = _filled(description=OOM, lang={"value": "auto"})
    desk.interaction("view_submission", view={**view, "id": "VF4", "state": state})
    desk.settle()
    posts = [args for method, args in desk.recorder.calls if method == "chat.postMessage"]
    assert posts[0]["channel"] == user  # no command was typed anywhere: the answer is a direct message


def test_admins_change_the_workspaces_settings(desk: Desk) -> None:
    desk.command("settings")
    view = desk.recorder.views("views.open")[-1]
    wished = _filled(
        lang={"value": "zh"}, react={"value": "off"}, gpu={"value": "RTX 3090"}, emails={"value": "hide"}, days="30"
    )
    bad = desk.interaction("view_submission", view={**view, "id": "VS0", "state": _filled(days="soon")})
    assert set(bad["errors"]) == {"days"}
    desk.interaction("view_submission", "bob", view={**view, "id": "VS1", "state": wished})
    desk.settle()
    assert desk.store.settings(desk.emulator.team).lang == "auto"
    desk.interaction("view_submission", "ann", view={**view, "id": "VS2", "state": wished})
    desk.settle()
    now = desk.store.settings(desk.emulator.team)
    assert (now.lang, now.react, now.gpu, now.emails, now.retention_days) == ("zh", "off", "RTX 3090", True, 30)
    desk.command("LoRA on Qwen2.5-7B, batch size 4, 2048 tokens: CUDA out of memory", name="after-settings")
    words = words_of(desk.answer("after-settings")["blocks"])
    assert "RTX 3090" in words
    assert "显存去向" in words
    desk.store.change_settings(
        desk.emulator.team, lang="auto", react="files", gpu="", emails=False, retention_days=None
    )
    metadata = json.loads(view["private_metadata"])
    assert metadata == {"lang": "en"}


def test_admins_delete_all_of_a_workspace_after_a_confirmation(desk: Desk) -> None:
    desk.command(OOM, name="of-bob", user="bob")
    case = case_of(
        next(block["block_id"] for block in desk.answer("of-bob")["blocks"] if case_of(block.get("block_id", "")))
    )
    desk.settle()
    desk.command("forget workspace", name="wish")
    view = desk.recorder.views("views.open")[-1]
    assert "can't be undone" in words_of(view["blocks"])
    assert desk.store.case(case) is not None
    desk.interaction("view_submission", "bob", view={**view, "id": "VW1"})
    desk.settle()
    assert "Only admins" in desk.recorder.responses["wish"][-1]["text"]
    assert desk.store.case(case) is not None
    for _ in range(2):  # pressed twice
        desk.interaction("view_submission", "ann", view={**view, "id": "VW2"})
    desk.settle()
    assert len(desk.recorder.responses["wish"]) == 2
    assert "Deleted: all " in desk.recorder.responses["wish"][-1]["text"]
    assert desk.store.case(case) is None
