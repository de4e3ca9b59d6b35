"""Pictures of the Slack bot's messages and views for docs/slack.md: the real blocks, as HTML in Slack's manner, drawn by Chromium.

python docs/make_slack_pictures.py            # all pictures, into docs/images/
python docs/make_slack_pictures.py --html DIR # the pages instead, to look at in a browser
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from advisor.diagnosis import default_library
from advisor.facts import Lang
from advisor.render.slack import SlackMessage, why_view
from bots.slack import store
from bots.slack.answers.cases import Answered, answered
from bots.slack.answers.deliver import png
from bots.slack.forms import question_form
from bots.slack.pages import home_view

IMAGES = Path(__file__).parent / "images"
WIDTH = 720
EMOJI = {"warning": "⚠️", "mag": "🔍", "white_check_mark": "✅", "information_source": "ℹ️"}
EN = """LoRA on Qwen2.5-7B with one RTX 4090
$ torchrun train.py --model_name_or_path Qwen/Qwen2.5-7B --bf16 true --use_peft --lora_r 16 \\
    --per_device_train_batch_size 4 --max_seq_length 2048 --optim adamw_torch
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.32 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.10 GiB is free.
"""
ZH = "单卡 RTX 3090 用 LoRA 微调 Qwen2.5-7B,batch size 8,长度 4096,bf16,第一步就报错 CUDA out of memory,怎么办?"
STYLE = Path(__file__).with_name("slack.css").read_text(encoding="utf-8")


def shown(node: Mapping[str, Any]) -> str:
    """An element or block as HTML."""
    made = _SHOWN.get(node["type"])
    if made is None:
        raise ValueError(f"nothing draws {node['type']}")
    return made(node)


def _all(nodes: Any) -> str:
    return "".join(shown(each) for each in nodes)


def _text(node: Mapping[str, Any]) -> str:
    text = html.escape(node["text"])
    style = node.get("style") or {}
    for name, tag in (("code", "code"), ("italic", "i"), ("bold", "b")):
        if style.get(name):
            text = f"<{tag}>{text}</{tag}>"
    return text


def _boxes(node: Mapping[str, Any]) -> str:
    ticked = {option["value"] for option in node.get("initial_options", ())}
    rows = []
    for option in node["options"]:
        on = option["value"] in ticked
        note = (
            f'<div class="note">{html.escape(option["description"]["text"])}</div>' if "description" in option else ""
        )
        mark = f'<span class="tick{" on" if on else ""}">{"✓" if on else ""}</span>'
        rows.append(f'<div class="box">{mark}<div>{html.escape(option["text"]["text"])}{note}</div></div>')
    return "".join(rows)


def _select(node: Mapping[str, Any]) -> str:
    chosen = node.get("initial_option", {}).get("text") or node.get("placeholder") or {"text": ""}
    return f'<span class="select">{html.escape(chosen["text"])}</span>'


def _input(node: Mapping[str, Any]) -> str:
    element = node["element"]
    hint = element.get("placeholder", {}).get("text", "")
    if element["type"] in ("static_select", "external_select"):
        field = f'<div class="field">{_select(element)[21:-7]} ▾</div>'
    elif element["type"] == "file_input":
        field = '<div class="field file">＋</div>'
    else:
        tall = " tall" if element.get("multiline") else ""
        field = f'<div class="field{tall}">{html.escape(element.get("initial_value") or hint)}</div>'
    below = f'<div class="note">{html.escape(node["hint"]["text"])}</div>' if "hint" in node else ""
    return f'<div class="label">{html.escape(node["label"]["text"])}</div>{field}{below}'


_SHOWN: dict[str, Any] = {
    "text": _text,
    "emoji": lambda node: EMOJI[node["name"]],
    "link": lambda node: f"<a>{html.escape(node['text'])}</a>",
    "rich_text": lambda node: f'<div class="block">{_all(node["elements"])}</div>',
    "rich_text_section": lambda node: f'<div class="section">{_all(node["elements"])}</div>',
    "rich_text_preformatted": lambda node: f"<pre>{_all(node['elements'])}</pre>",
    "rich_text_list": lambda node: (
        f"<{'ol' if node['style'] == 'ordered' else 'ul'}>"
        + "".join(f"<li>{_all(each['elements'])}</li>" for each in node["elements"])
        + f"</{'ol' if node['style'] == 'ordered' else 'ul'}>"
    ),
    "plain_text": lambda node: f"<span>{html.escape(node['text'])}</span>",
    "context": lambda node: f'<div class="block context">{_all(node["elements"])}</div>',
    "divider": lambda node: "<hr>",
    "header": lambda node: f'<div class="header">{html.escape(node["text"]["text"])}</div>',
    "actions": lambda node: f'<div class="block actions">{_all(node["elements"])}</div>',
    "button": lambda node: f'<span class="button {node.get("style", "")}">{html.escape(node["text"]["text"])}</span>',
    "checkboxes": _boxes,
    "static_select": _select,
    "input": _input,
}


def message_page(message: SlackMessage, extra: str = "") -> str:
    """A message with its face and name."""
    head = '<span class="name">VRAM advisor</span><span class="app">APP</span><span class="time">10:42</span>'
    return f'<div class="message"><div class="face">VA</div><div class="body"><div>{head}</div>{_all(message.blocks)}{extra}</div></div>'


def view_page(view: Mapping[str, Any]) -> str:
    """A modal or the home tab."""
    if view["type"] == "home":
        return _all(view["blocks"])
    feet = "".join(
        f'<span class="button {"primary" if key == "submit" else ""}">{html.escape(view[key]["text"])}</span>'
        for key in ("close", "submit")
        if key in view
    )
    title = f'<div class="title">{html.escape(view["title"]["text"])}</div>'
    return f'<div class="modal">{title}{_all(view["blocks"])}<div class="feet">{feet}</div></div>'


def asked(text: str, lang: Lang, applied: tuple[str, ...] = ()) -> Answered:
    kept = store.Case(id="example", team="T1", user="U1", text=text, lang=lang, applied=applied)
    return answered(kept, default_library())


def pages() -> dict[str, str]:
    """Name of each picture and its HTML."""
    english, chinese = asked(EN, "en"), asked(ZH, "zh")
    plan = english.report.plan
    ticked = asked(EN, "en", plan.steps if plan else ())
    first = next(remedy.id for remedy in english.report.remedies if remedy.rules)
    return {
        "slack-answer": message_page(english.message(private=True, share=True)),
        "slack-answer.zh": message_page(chinese.message(private=True, share=True)),
        "slack-applied": message_page(ticked.message(private=True, share=True)),
        "slack-why": view_page(why_view(english.report, first)),
        "slack-form": view_page(question_form("en", {})),
        "slack-home": view_page(home_view("en")),
    }


def chromium(program: str, *arguments: str) -> str:
    """Runs it without a window; what it prints."""
    base = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--force-device-scale-factor=1.25")
    done = subprocess.run([program, *base, *arguments], capture_output=True, text=True, check=True)  # noqa: S603
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--html", type=Path)
    options = parser.parse_args()
    made = {name: f"<!doctype html><meta charset=utf-8><style>{STYLE}</style>{body}" for name, body in pages().items()}
    if options.html:
        options.html.mkdir(parents=True, exist_ok=True)
        for name, page in made.items():
            (options.html / f"{name}.html").write_text(page, encoding="utf-8")
        return 0
    program = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if program is None:
        print("needs Chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        for name, page in made.items():
            file = Path(folder) / f"{name}.html"
            measure = "<script>document.title=document.documentElement.scrollHeight</script>"
            file.write_text(page + measure, encoding="utf-8")
            found = chromium(program, f"--window-size={WIDTH},300", "--dump-dom", file.as_uri())
            height = re.search(r"<title>(\d+)</title>", found)
            size = f"--window-size={WIDTH},{int(height.group(1)) if height else 1600}"
            chromium(program, size, f"--screenshot={IMAGES / name}.png", file.as_uri())
    picture = png(asked(EN, "en").report)
    if picture:
        (IMAGES / "slack-picture.png").write_bytes(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
