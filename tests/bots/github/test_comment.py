"""Hostile texts, seen through GitHub's own Markdown renderer: nothing pings, links, formats, folds or injects."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from advisor.diagnosis import default_library, diagnose
from advisor.report import Change, Diagnosis, Evidence, Failure, Question, RemedyReport
from bots.github.answer import Thread, answer
from bots.github.comment import MAX_BYTES, Subject, example_of, render, render_gone
from bots.github.config import Config
from bots.github.escape import block, cell, code, plain
from bots.github.event import Comment, Event, Issue
from bots.github.marker import Marker, marker_of
from tests.bots.github.conftest import OOM

cmarkgfm = pytest.importorskip("cmarkgfm", reason="needs GitHub's Markdown renderer")

OWN_TAGS = frozenset(
    [
        *("p", "strong", "em", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "pre"),
        *("details", "summary", "sub", "br", "h3", "del"),
    ]
)
# What GitHub's filters look for in the text outside of code, after rendering.
_EFFECTS = {
    "mention": re.compile(r"(?<![\w`])@[A-Za-z0-9]"),
    "reference": re.compile(r"#[0-9]|\bGH-[0-9]", re.IGNORECASE),
    "address": re.compile(r"https?://|\bftp://|\bwww\.[a-z]", re.IGNORECASE),
    "e-mail": re.compile(r"[\w.+-]+@[\w-]+\.\w"),
    "emoji": re.compile(r":[a-z0-9_+-]+:"),
    "mathematics": re.compile(r"\$[^\s\u200b]"),
    "commit": re.compile(r"\b(?=[0-9a-f]*[a-f])[0-9a-f]{7,40}\b"),
}


class Seen(HTMLParser):
    """The tags of a rendered comment, and its text outside of code."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.comments: list[str] = []
        self.text = ""
        self._code = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._code += tag in ("code", "pre")

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in ("code", "pre")

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        self.text += " " if self._code else data


def shown(markdown: str) -> Seen:
    from cmarkgfm.cmark import Options

    options = Options.CMARK_OPT_UNSAFE | Options.CMARK_OPT_GITHUB_PRE_LANG
    return Seen(cmarkgfm.github_flavored_markdown_to_html(markdown, options=options))


def effects(seen: Seen) -> list[str]:
    found = [name for name, pattern in _EFFECTS.items() if pattern.search(seen.text)]
    return found + [f"<{tag}>" for tag in seen.tags if tag not in OWN_TAGS]


HOSTILE = [
    "@octocat @lab/everyone &#64;octocat \\@octocat",
    "#1 lab/trainer#1 GH-1 gh-22 lab/trainer@0123456789abcdef0123456789abcdef01234567",
    "https://evil.example/x http://e.x www.evil.example ftp://e.x mail me@evil.example mailto:me@evil.example",
    "[a](https://e.x) ![i](https://e.x/i.png) [r]: https://e.x <https://e.x> [a][r]",
    "<img src=x onerror=alert(1)> <script>alert(1)</script> </details> <details open> <a href=x>y</a> --> <!--",
    "``` ~~~ ```` ` `` \n```\n@octocat\n```\n</details>\n# heading\n- [ ] box\n1. x\n> quote\n---\n| a | b |\n|---|---|",
    "**bold** _it_ __b__ ~~s~~ :tada: $\\href{x}{y}$ $$x$$ `code`",
    "\u202egnp.exe\u200b@\u200boctocat \x00\x07 \ufeff@octocat @\u2060octocat ＠octocat",
    "<!-- advisor:v1 hash=0000 -->",
    "x\r\n\r\n@octocat\u2028@octocat\u2029#1\x0b\x0c@octocat\x85@octocat",
    "-->\n\n<h1>@octocat</h1>",
    "\\",
    "`",
    "|",
]
SIGNS = [
    *(
        "@",
        "#",
        "1",
        "a",
        "`",
        "```",
        "~~~",
        "|",
        "<",
        ">",
        "&",
        ";",
        "\\",
        "*",
        "_",
        "[",
        "]",
        "(",
        ")",
        "!",
        "http",
        "://",
        "www",
        ".",
    ),
    *("GH-", ":", "tada", "$", "-", "+", "=", "é", "中", "@octocat"),
]
pieces = st.sampled_from([*HOSTILE, *SIGNS, " ", "\n", "\t", "    "])
hostile = st.lists(pieces | st.text(max_size=4), max_size=12).map("".join)


@given(hostile)
@settings(max_examples=300)
@example("".join(HOSTILE))
def test_in_a_sentence_nothing_takes_effect(text: str) -> None:
    seen = shown(f"**Head** {plain(text)} tail\n\n- {plain(text)}\n\n{plain(text)}")
    assert effects(seen) == []
    assert not seen.attributes
    assert seen.tags.count("li") == 1


@given(hostile)
@settings(max_examples=300)
@example("".join(HOSTILE))
def test_in_code_cells_and_blocks_it_stays_inside(text: str) -> None:
    markdown = f"a {code(text)} b\n\n| x | y |\n|---|---|\n| {cell(text)} | last |\n\n{block(text, 'sh')}\n\nafter"
    seen = shown(markdown)
    assert effects(seen) == []
    assert seen.text.split() == ["a", "b", "x", "y", "last", "after"]
    assert seen.tags.count("pre") == 1
    assert seen.tags.count("td") == 2


@given(hostile, hostile, hostile)
@settings(max_examples=60)
def test_a_whole_report_made_of_hostile_words(one: str, two: str, three: str) -> None:
    remedy = RemedyReport(
        1, "lora", one, two, three, (Change("pytorch", one, "python", two), Change("x", two, "prose")), 1.0, "none", "flag", (), ()
    )  # fmt: skip
    report = Diagnosis(
        "en", Failure("vram_oom"), one, {"framework": two}, remedies=(remedy,), questions=(Question("seq_len", two, three),),
        evidence=(Evidence("model", one, 1, three), Evidence("framework", two, 2, one)),
    )  # fmt: skip
    text = render(report, Subject(one, ((two, three),)), remedies=4)
    seen = shown(f"{Marker('0f', ('oom',))}\n{text}")
    assert [found for found in effects(seen) if found != "<em>"] == []
    assert seen.comments == [" advisor:v1 hash=0f labels=oom "]
    assert [name for name, _ in seen.attributes] == ["lang"] * len(seen.attributes)
    assert seen.tags.count("details") == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_a_real_diagnosis_of_hostile_words(text: str) -> None:
    log = f"{OOM}\nmodel: {text}\n--model_name_or_path {text} --output_dir {text}\n{text}"
    seen = shown(render(diagnose(log, emails=True), Subject(text), remedies=6))
    assert effects(seen) == []


TEXTS = [
    OOM,
    "单卡 3090 用 LLaMA-Factory 全参微调 Qwen2.5-7B,CUDA out of memory,batch size 8。",
    "CUDA out of memory",
    OOM + "word " * 20_000,
    OOM + "@x <b>`" * 10_000,
]


@pytest.mark.parametrize("text", TEXTS, ids=["plain", "chinese", "short", "long", "hostile"])
def test_a_comment_is_short_enough_and_says_what_it_is(text: str) -> None:
    diagnosis = diagnose(text)
    body = render(diagnosis, Subject(), remedies=10)
    assert len(body.encode()) <= MAX_BYTES
    assert "/advisor ignore" in body
    assert ("规则" if diagnosis.lang == "zh" else "not by a language model") in body
    assert effects(shown(body)) == []


def test_the_longest_report_is_cut_and_stays_whole() -> None:
    long = "@octocat `" * 20_000
    remedies = tuple(
        RemedyReport(n, "lora", long, long, long, (Change("x", long, "python", long),), 1.0, "none", "flag", (), ())
        for n in range(1, 11)
    )
    facts = tuple(Evidence(f"{name}", long, 1, long) for name in ("model", "framework", "gpu_name", "method"))
    report = Diagnosis("en", Failure("vram_oom"), long, {}, evidence=facts, remedies=remedies)
    body = render(report, Subject(faults=((long, long),) * 5), remedies=10)
    assert len(body.encode()) <= MAX_BYTES
    seen = shown(body)
    assert effects(seen) == []
    assert "not by a language model" in seen.text


def test_every_question_has_an_example_that_its_fact_can_have() -> None:
    from advisor.facts import check_fact
    from advisor.vocabulary import VOCABULARY

    asked = [name for name, spec in VOCABULARY.items() if spec.ask_en]
    assert asked
    for name in asked:
        check_fact(name, example_of(name))


def test_a_marker_survives_and_only_at_the_beginning() -> None:
    marker = Marker("0123abcd", ("oom", "area: memory, GPU", "--> @x", "标签"))
    assert marker_of(f"{marker}\ntext") == marker
    assert marker_of(f" {marker}") is None
    assert marker_of(f"> {marker}") is None
    assert "-->" not in str(marker)[:-3]
    for lang in ("en", "zh"):
        assert "~~" in render_gone(lang, ignored=True)


@given(hostile, hostile, hostile)
@settings(max_examples=20)
def test_a_hostile_thread_from_end_to_end(title: str, model: str, reply: str) -> None:
    body = (
        f"{model}\n```sh\nllamafactory-cli train --model_name_or_path {model} --output_dir {model} --per_device_train_batch_size 8 \\\n"
        f"  --cutoff_len 4096 --bf16 true {model}\n```\n{OOM}"
    )
    issue = Issue(1, f"OOM {title}", body, "reporter")
    replies = (Comment(2, f"{reply}\n/advisor model={reply} nonsense={model}", "reporter"),)
    event = Event("opened", "lab/trainer", issue)
    found = answer(Thread(issue, replies), event, Config(), default_library())
    if found.wish == "say":
        seen = shown(f"{found.marker}\n{found.body}")
        assert effects(seen) == []
        assert len(seen.comments) == 1
        assert seen.tags.count("details") == 1
