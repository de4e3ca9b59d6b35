"""The Python API: checked facts, the core's own answers, and forms for notebooks that nothing can be injected into."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import advisor
from advisor.errors import FactError, InputError, TooLittleKnown

LOG = """\
torchrun train.py --model_name_or_path Qwen/Qwen2.5-7B --per_device_train_batch_size 8 --bf16
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.64 GiB of which 312.00 MiB is free.
"""


class Tags(HTMLParser):
    """The tags of a fragment, with their attributes; raises where one is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_diagnosis_is_that_of_the_command_line() -> None:
    found = advisor.diagnose(LOG, gpu_name="RTX 4090", method="lora")
    from advisor.diagnosis import diagnose

    assert found.as_json() == diagnose(LOG, stated={"gpu_name": "RTX 4090", "method": "lora"}).as_json()
    assert found.facts["batch_size"] == 8
    assert found.verdict[:40] in str(found)


def test_stated_facts_override_the_text_and_are_converted() -> None:
    assert advisor.diagnose(LOG, batch_size="2", gpu_memory_gib="24G").facts["batch_size"] == 2


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"batch_size": 0}, "batch_size: 0 is outside 1"),
        ({"gpu": "RTX 4090"}, "Did you mean gpu_name"),
        ({"optimiser": "adamw"}, "Did you mean optimizer"),
        ({"precision": "float"}, "precision: 'float' is not one of its values"),
        ({"seq_len": float("nan")}, "seq_len: expected a finite number"),
    ],
)
def test_a_wrong_fact_names_its_place_and_the_next_step(facts: dict[str, object], said: str) -> None:
    with pytest.raises(FactError, match=said.replace(".", r"\.")):
        advisor.diagnose(LOG, **facts)  # type: ignore[arg-type]
    with pytest.raises(FactError):
        advisor.estimate(model="Qwen2.5-7B", **facts)  # type: ignore[arg-type]


def test_a_path_is_read_and_a_string_never_is(tmp_path: Path) -> None:
    file = tmp_path / "train.log"
    file.write_text(LOG)
    assert advisor.diagnose(file).failure.kind == "vram_oom"
    assert advisor.diagnose(LOG.encode()).failure.kind == "vram_oom"
    assert advisor.diagnose(str(file)).failure.kind == "none"
    with pytest.raises(InputError, match=r"gone\.log: No such file"):
        advisor.diagnose(tmp_path / "gone.log")
    with pytest.raises(InputError, match="the text is empty"):
        advisor.diagnose("  \n")
    with pytest.raises(InputError, match="expected a text, got int"):
        advisor.diagnose(3)  # type: ignore[arg-type]


def test_an_estimate_takes_a_mapping_keywords_or_an_architecture() -> None:
    spec = {"model": "Qwen2.5-7B", "method": "lora", "batch_size": 4, "seq_len": 1024}
    one = advisor.estimate(spec, gpu_name="RTX 4090")
    assert one.allocated_gib == advisor.estimate(**spec, gpu_name="RTX 4090").allocated_gib
    assert one.need_low_gib < one.need_gib < one.need_high_gib
    assert one.fits == (one.need_high_gib <= 23.64)
    arch = {
        "model_type": "llama",
        "hidden_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "vocab_size": 32000,
    }
    small = advisor.estimate(arch=arch, batch_size=1, seq_len=128)
    assert 0 < small.allocated_gib < 4
    with pytest.raises(TooLittleKnown) as caught:
        advisor.estimate(batch_size=3)
    assert "model" in caught.value.missing
    with pytest.raises(FactError, match="arch: expected a mapping"):
        advisor.estimate(arch="llama")


def test_a_model_is_read_from_its_files(tmp_path: Path) -> None:
    arch = {
        "model_type": "llama",
        "hidden_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "vocab_size": 32000,
    }
    (tmp_path / "config.json").write_text(json.dumps(arch))
    assert advisor.estimate(model_path=tmp_path, seq_len=128).component("weights") > 0


def test_fit_finds_the_largest_value_that_fits() -> None:
    run = {"model": "Qwen2.5-7B", "method": "qlora", "gpu_name": "RTX 4090"}
    found = advisor.fit("seq_len", over={"batch_size": [1, "2"]}, **run)
    assert [row.over for row in found.rows] == [1, 2]
    value = found.value
    assert value is not None
    given = {**found.given, **run}
    assert {"precision", "optimizer"} <= found.given.keys()
    assert "batch_size" not in found.given
    assert advisor.estimate(**given, batch_size=1, seq_len=value).fits
    assert not advisor.estimate(**given, batch_size=1, seq_len=value + 64).fits
    assert found.as_json()["given"] == found.given
    assert found.as_json()["rows"][0]["seq_len"] == value
    with pytest.raises(InputError, match="gpu_name: which card"):
        advisor.fit(model="Qwen2.5-7B")
    with pytest.raises(FactError, match="can't be varied"):
        advisor.fit("precision", **run)


HOSTILE = '<script>alert(1)</script><img src=x onerror="alert(2)"> "\' & `x` [a](http://b) @all'


def test_no_form_for_a_notebook_carries_what_the_text_injects() -> None:
    text = f'File "{HOSTILE}", line 1\n{LOG}\nmodel {HOSTILE}'
    shown = advisor.diagnose(text, gpu_name="RTX 4090", model=HOSTILE[:250], framework_version=HOSTILE[:200])
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html", "text/markdown"}
    tags = Tags(bundle["text/html"])
    assert tags.open == []
    assert {tag for tag, _ in tags.seen} <= {
        *["div", "p", "b", "span", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "pre"]
    }
    assert all(not name.startswith("on") and name in ("style", "title") for _, values in tags.seen for name in values)
    cmarkgfm = pytest.importorskip("cmarkgfm", reason="cmarkgfm is not installed")
    rendered = Tags(cmarkgfm.github_flavored_markdown_to_html(bundle["text/markdown"]))
    assert not {tag for tag, _ in rendered.seen} & {"script", "img", "a"}


def test_notebook_forms_of_estimates_and_tables() -> None:
    run = {"model": "Qwen2.5-7B", "method": "qlora", "gpu_name": "RTX 4090"}
    one, table = advisor.estimate(**run), advisor.fit("batch_size", over={"seq_len": [512, 1024]}, **run)
    for shown in (one, table):
        bundle = shown._repr_mimebundle_()
        assert Tags(bundle["text/html"]).open == []
        assert all(bundle.values())
    assert "weights" in one._repr_html_()
    assert "权重" in advisor.estimate(run, lang="zh")._repr_html_()
    assert one._repr_mimebundle_(include={"text/html"}).keys() == {"text/html"}
    assert one._repr_mimebundle_(exclude={"text/html"}).keys() == {"text/plain", "text/markdown"}


def test_the_bar_ends_where_the_larger_of_need_and_card_does() -> None:
    html = advisor.diagnose(LOG, gpu_name="RTX 4090", method="full", model="Qwen2.5-7B")._repr_html_()
    widths = [float(part.split("width:")[1].split("%")[0]) for part in html.split("<div ") if 'style="width:' in part]
    assert widths
    assert 99 < sum(widths) <= 100.1


def test_public_names_agree_with_the_stub_and_import_nothing_early() -> None:
    stub = ast.parse(Path(advisor.__file__).with_suffix(".pyi").read_text())
    typed = {name.asname or name.name for node in stub.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert typed == set(advisor.__all__)
    for name in advisor.__all__:
        assert getattr(advisor, name) is not None
    importlib.import_module("advisor.estimate.routes")
    assert not isinstance(advisor.estimate, type(sys))
    with pytest.raises(AttributeError, match="no attribute 'diagnoze'"):
        advisor.diagnoze  # type: ignore[attr-defined]  # noqa: B018
    code = "import sys, advisor; print([name for name in sys.modules if name.startswith(('advisor.', 'msgspec', 're2', 'typing'))])"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "['advisor.version']"
