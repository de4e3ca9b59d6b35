"""The settings file: defaults, every setting, and faults named with their line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.github.config import Config, Labels, parse_config
from bots.github.errors import ConfigError


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "null\n"])
def test_an_empty_file_gives_the_defaults(text: str) -> None:
    assert parse_config(text) == Config()


def test_every_setting_is_read() -> None:
    text = """
    enabled: no
    language: zh
    kinds: [vram_oom, host_oom]
    confidence: 0.9
    comments: reporter
    labels: {oom: "area: memory", causes: "", color: "#00FF00"}
    opt_out_label: no bots please
    max_age_days: 0
    when_gone: strike
    remedies: 2
    framework: llama-factory
    bots: true
    """
    assert parse_config(text) == Config(
        False, "zh", ("vram_oom", "host_oom"), 0.9, "reporter", Labels("area: memory", "", "00ff00"), "no bots please", 0, "strike", 2,
        "llama-factory", True,
    )  # fmt: skip
    assert parse_config("labels: false").labels is None
    assert parse_config("labels: true").labels == Labels()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("enabled: maybe", ":1: enabled: expected true or false"),
        ("\nlanguages: en", ":2: unknown setting 'languages'"),
        ("kinds:\n- vram_oom\n- none", "kinds: 'none' is none of"),
        ("kinds: []", "expected at least one"),
        ("confidence: nan", "outside 0 to 1"),
        ("confidence: .inf", "expected a number"),
        ("confidence: high", "expected a number"),
        ("remedies: 0", "outside 1 to 10"),
        ("remedies: 2.5", "expected a whole number"),
        ("labels:\n  colour: red", ":2: unknown setting 'colour'"),
        ('labels:\n  oom: "a,b"', ":2: oom: expected a label"),
        ("labels:\n  oom: '<!-- -->'", "expected a label"),
        ("labels: [oom]", "expected true, false, or settings"),
        ("opt_out_label: ''", "expected a label"),
        ("framework: ../etc", "expected a framework"),
        ("enabled: true\nenabled: false", ":2: enabled is set twice"),
        ("- a\n- b", "expected settings"),
        ("a: [1", "line"),
        ("? [a]\n: 1", "expected the name of a setting"),
        ("kinds: &a [vram_oom]\nlanguage: *a", ":2: aliases"),
        ("!!python/object/apply:os.system [ls]", "expected settings"),
        ("enabled: !!python/name:os.system true", "expected true or false"),
        ("[" * 5_000, ""),
        ("x" * 70_000, "longer than"),
    ],
)
def test_faults_are_named(text: str, fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text)
    if fault != "line":
        assert fault in str(caught.value)
    assert str(caught.value).startswith(".github/advisor.yml:")


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config("enabled: 1\nfoo: 2\nremedies: x")
    assert [fault.line for fault in caught.value.faults] == [1, 2, 3]


@given(st.text(max_size=200))
def test_any_text_gives_settings_or_faults(text: str) -> None:
    try:
        config = parse_config(text)
    except ConfigError as error:
        config = None
        faults = error.faults
    assert config is not None or faults
