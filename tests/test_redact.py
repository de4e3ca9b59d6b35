"""Secrets are found, named and counted; hashes, shapes and settings are left alone."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlparse

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from advisor.redact import redact, redact_value, rules_of

# Made up at run time, so that no scanner takes this file for a leak.
LETTERS = "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cF"
HEX = "0a1b2c3d4e5f6789"


def secret(prefix: str, length: int, alphabet: str = LETTERS) -> str:
    return prefix + (alphabet * (length // len(alphabet) + 1))[:length]


BODY = "\n".join(secret("MIIEpAIBAAKCAQEAy", 47) for _ in range(4))
FOUND = {
    "huggingface-token": secret("hf" + "_", 34, "abCDefGHijKLmnOPqrST"),
    "github-token": secret("gh" + "p_", 36),
    "gitlab-token": secret("glpa" + "t-", 20),
    "slack-token": "xox" + "b-" + "1234567890-1234567890-" + secret("", 24),
    "openai-key": secret("s" + "k-proj-", 48),
    "aws-key-id": "AKI" + "A" + "QWERTYUIOPASDFGH",
    "google-key": secret("AIz" + "a", 35),
    "ai-service-key": secret("gs" + "k_", 52),
    "stripe-key": secret("sk_" + "live_", 24),
    "jwt": "ey" + "J" + secret("", 24) + ".ey" + "J" + secret("", 30) + "." + secret("", 40),
    "package-token": secret("np" + "m_", 36),
}


@pytest.mark.parametrize("kind", sorted(FOUND))
def test_a_token_is_replaced_wherever_it_stands(kind: str) -> None:
    token = FOUND[kind]
    for text in (token, f"export X={token}", f'login("{token}")', f"用了 {token},还是不行", f"({token})\nnext line"):
        cleaned, count = redact(text)
        assert token not in cleaned
        assert count == 1
        assert f"[redacted:{kind}]" in cleaned


@pytest.mark.parametrize(
    ("before", "value", "kind"),
    [
        ("WANDB_API_KEY=", secret("", 40, HEX), "wandb-key"),
        ("WANDB_API_KEY=", secret("", 86), "secret"),
        ("machine api.wandb.ai\n  login user\n  password ", secret("", 40, HEX), "password"),
        ("sshpass -p ", "zx81spectrum", "password"),
        ("https://api.telegram.org/bot", secret("5107281537:A" + "A", 33 + 0), "telegram-token"),
        ("api.login('", "ms" + "-f1c168a5-bd5c-7197-dff5-effe77a7423e", "model-hub-token"),
        ("wandb login ", secret("", 40, HEX), "wandb-key"),
        ("wandb login --relogin ", secret("", 86), "wandb-key"),
        ("password=", "hunter2!", "password"),
        ("db_password: ", "correct-horse", "password"),
        ("密码:", "abc12345", "password"),
        ("Authorization: Bearer ", secret("", 40), "authorization"),
        ("authorization: Basic ", "YWxhZGRpbjpvcGVuc2VzYW1l", "authorization"),
        ("curl -H 'X-Api-Key: ", secret("", 32), "secret"),
        ("aws_secret_access_key = ", secret("", 40), "secret"),
        ("--hub_token ", secret("", 37), "token"),
        ("https://hooks.slack" + ".com/services/", secret("T00000000/B00000000/", 24), "webhook"),
        ("https://open.feishu.cn/open-apis/bot/v2/hook/", "0f8e7d6c-5b4a-4321-9876-abcdefabcdef", "webhook"),
        ("https://oapi.dingtalk.com/robot/send?access_token=", secret("", 64, HEX), "url-token"),
    ],
)
def test_what_follows_a_telling_word_is_replaced_and_the_word_stays(before: str, value: str, kind: str) -> None:
    cleaned, count = redact(f"line one\n{before}{value}\nline three")
    assert cleaned == f"line one\n{before}[redacted:{kind}]\nline three"
    assert count == 1


@pytest.mark.parametrize("scheme", ["postgresql", "mongodb+srv", "redis", "https", "http"])
def test_the_password_of_an_address(scheme: str) -> None:
    cleaned, count = redact(f"{scheme}://user:pa%24s@host.example/db?x=1")
    assert (cleaned, count) == (f"{scheme}://user:[redacted:url-password]@host.example/db?x=1", 1)


@pytest.mark.parametrize("kind", ["RSA ", "OPENSSH ", "EC ", "", "ENCRYPTED "])
@pytest.mark.parametrize("cut", ["whole", "no end", "no begin", "escaped"])
def test_private_keys_whole_and_cut(kind: str, cut: str) -> None:
    begin, end = f"-----BEGIN {kind}PRIVATE" + " KEY-----", f"-----END {kind}PRIVATE" + " KEY-----"
    blocks = {
        "whole": f"{begin}\n{BODY}\n{end}",
        "no end": f"{begin}\n{BODY}",
        "no begin": f"{BODY}\n{end}",
        "escaped": '"private_key": "' + f"{begin}\n{BODY}\n{end}\n".replace("\n", "\\n") + '"',
    }
    text = f"before\n{blocks[cut]}\nafter the key, a sentence of 12 words stays here"
    cleaned, count = redact(text)
    assert count == 1
    assert not any(line in cleaned for line in BODY.split("\n"))
    assert cleaned.startswith("before\n")
    assert cleaned.endswith("after the key, a sentence of 12 words stays here")
    assert cleaned.count("\n") == text.count("\n")


@pytest.mark.parametrize(
    "text",
    [
        "commit 3f786850e387550fdab836ed7e6dc881de23001b (HEAD -> main)",
        "sha256:2e81b93552f5aef967d68b0a1e45703177f685d528f3f10b7e4da2e3166aa700",
        "wandb: Syncing run 3f786850 (commit 3f786850e387550fdab836ed7e6dc881de23001b)",
        "run 550e8400-e29b-41d4-a716-446655440000 failed",
        "OOM when allocating tensor with shape[32,4096,4096] and type float",
        "pad_token='<pad>', eos_token: </s>, max_new_tokens=512, num_tokens: 123456789012345678901234",
        "tokenizer: Qwen/Qwen2.5-VL-7B-Instruct token_type_ids: torch.Size([1, 4096])",
        "--hub_token $HF_TOKEN --use_auth_token True --api_key ${OPENAI_API_KEY}",
        "password=<your password> token=YOUR_TOKEN api_key: None",
        "api_key = os.environ['OPENAI_API_KEY']",
        "Authorization: Bearer $TOKEN",
        "scikit sk-learn-contrib-something-rather-long task-0123456789012345678901234567",
        "http://localhost:8000/v1/models and ssh root@10.0.0.3:/data",
        "/home/a/.cache/huggingface/hub/models--x--Llama-3.1-8B/snapshots/0e9e39f249a16976918f6564b8830bc894c89659",
        "hf_config_with_a_rather_long_name_of_an_option = 3",
        "key: torch.cuda.memory.max_memory_allocated secret sauce: more VRAM",
        "special token <|im_start|> token 128009 tokens per second 1234.5",
        "PRIVATE KEY files are not read; see docs",
        "lora_access_key: layer_12_projection_weight_0",
        "CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.69 GiB",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact(text) == (text, 0)


def test_emails_only_on_request() -> None:
    text = "ask ana.maria@example.org or @maintainer"
    assert redact(text) == (text, 0)
    assert redact(text, emails=True) == ("ask [redacted:email] or @maintainer", 1)


def test_values_inside_json() -> None:
    token = FOUND["huggingface-token"]
    cleaned, count = redact_value({"quote": f"t={token}", "n": 3, "list": [token, None, ("a", token)]})
    assert count == 3
    assert token not in str(cleaned)
    assert cleaned["n"] == 3


@given(st.text(max_size=400))
def test_any_text_keeps_its_lines(text: str) -> None:
    cleaned, count = redact(text, emails=True)
    assert cleaned.count("\n") == text.count("\n")
    assert (count == 0) == (cleaned == text)


PIECES = [*FOUND.values(), "password=", "token: ", "://u:", "@h", "-----BEGIN PRIVATE " + "KEY-----\n", " ", "\n"]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_redacting_twice_finds_nothing_new(parts: list[str]) -> None:
    once, _ = redact("".join(parts), emails=True)
    assert redact(once, emails=True)[0] == once


def test_every_rule_names_its_source_and_compiles() -> None:
    path = Path(__file__).parents[1] / "knowledge" / "redaction.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert len(rules_of(data)) == len(data["rules"])
    for rule in data["rules"]:
        assert urlparse(rule["source"]).scheme == "https"
        assert all(word == word.lower() for word in rule["keywords"])
        assert rule.get("check", "value") in ("value", "mixed")


HOSTILE = [
    "password=",
    "://a:",
    "-----BEGIN PRIVATE " + "KEY-----\n",
    "eyJ",
    "a@",
    "token token ",
    "A" * 50,
    "wandb key ",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_hostile_text(piece: str) -> None:
    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        start = time.perf_counter()
        redact(text, emails=True)
        return time.perf_counter() - start

    seconds(1000)
    small = min(seconds(40_000) for _ in range(3))
    large = min(seconds(320_000) for _ in range(2))
    assert large < 32 * small + 0.05
