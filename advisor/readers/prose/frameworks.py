"""The program that ran, where a sentence names it ("fine-tuning with LLaMA-Factory", "用 xtuner 微调").

>>> from advisor.library import load_library
>>> doc = Document.of("Fine-tuning a 7B model with LLaMA-Factory and deepspeed, OOM at the first step")
>>> [(o.fact, o.value, o.rank) for o in read(doc, load_library())]
[('framework', 'llama-factory', 40)]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import re2

from advisor.facts import Observation
from advisor.library import Library
from advisor.readers.document import Document
from advisor.readers.prose.lines import Prose, prose_of
from advisor.readers.prose.negation import MAX_MENTIONS, RANK, Claim, Mention, claim_of, observe
from advisor.readers.prose.patterns import Test

TRIGGERS: tuple[str, ...] = ()
PROSE_ONLY = True

# What a training program runs beside itself, to generate: named where reinforcement learning is spoken of, it is not what ran.
_ENGINES = frozenset(["vllm", "sglang"])
_REINFORCES = Test(r"\b(?:grpo|ppo|dapo|rloo|rlhf|reinforce|rollouts?|actor_rollout|actor)\b")
# "Same settings on OneTrainer use less": the program that one's own is compared with.
_COMPARED_BEFORE = Test(
    r"(?:(?:^|[.!?] )in |\bsame [\w ]{2,24}? (?:on|in|with|using|under)|\b(?:compared? (?:to|with)|unlike|"
    r"than|instead of|switch(?:ed|ing)? from|"
    r"while|whereas|but) (?:in |with |on |using )?|相比|不像|比|同样的?\S{0,6}用)\s*[`'\"]?$"
)
_COMPARED_AFTER = Test(
    r"^[`'\"]?[^\n.。;；,，]{0,32}?(?:\buses? (?:less|lesser|only|much less)|\bworks? (?:fine|well|ok|without)|\bno (?:problem|issue|oom)|"
    r"\bi can (?:manage|run|train|fit|use)|没有?问题|正常|不会(?:报|爆|oom)|可以跑|不报|does ?n[o']t (?:oom|crash|have))"
)
# The program that one used before, or that can't do it.
_LEFT_BEFORE = Test(
    r"\b(?:library|framework|tool|trainer|ui) (?:\w+ )?was (?:the )?[`'\"]?$|\bunlike (?:in |with )?[`'\"]?$"
)
_LACKS_AFTER = Test(r"^[`'\"]? ?(?:does ?n[o']t|do(?:es)? not|不)(?: yet| currently)? ?(?:support|支持)")
# An organisation on the Hub (`unsloth/Qwen3-8B`), and a form's question for versions.
_HUB_ID = Test(r"^/[a-z0-9_.-]*\d")
_ASKED_VERSION = Test(r"\bwhich [^\n]{0,60}$")
# Programs that report their failures themselves.
_RUNTIMES = frozenset(["tensorflow", "jax", "paddle", "mindspore", "mxnet"])
# Libraries that sit under the program that ran, and reports that list versions, prove less than a sentence.
_UNDERNEATH = frozenset(
    ["pytorch", "deepspeed", "accelerate", "transformers", "peft", "lightning", "mmengine", "tensorflow", "jax"]
)
_LOW_RANK = 25
_NAME_RANK = 20
_VERSION_RANK = 22
# Names that mean something else in a sentence: they count only as `names` spells them, or beside a word that makes them a program.
_EVERYDAY = frozenset((
    "accelerate", "swift", "forge", "lightning", "gluon", "flax", "whisper", "nemo", "megatron", "transformers", "jax",
    "paddle", "trl", "verl", "keras", "llava", "internvl", "diffusers", "openvla", "gr00t",
))  # fmt: skip
_AS_PROGRAM = re2.compile(
    r"(?:using|use[sd]?|with|via|by|in|on|from|the|through|用|使用|通过|基于|采用)\s?(?:the |hf |huggingface |"
    r"hugging face )?[`'\"(（]?$"
)
_AS_PROGRAM_AFTER = re2.compile(
    r"^[`'\"]?\s?(?:library|version|repo|framework|script|trainer|launch|examples?|grpo|ppo|dapo|sft|框架|训练|微调|脚本|v?\d|3\.x|2\.x)"
)
_VERSION = re2.compile(r"^[`'\"]?\s?(?:version|版本|==|[:：=@]|v?\d+\.\d)")
_ENDS = Test(r"^(?:[^\w/\\-]|v\d|-? |_gui|-gui|/[a-z]|$)")
_LISTED = re2.compile(r"(?:^|\n)\s*[-*•]?\s*[`'\"]?$")


@lru_cache(maxsize=4)
def _names(library: Library) -> tuple[Any, dict[str, str], frozenset[str]]:
    """One pattern over all names, the framework of each, and the spellings."""
    owner: dict[str, str] = {}
    spellings: set[str] = set()
    for key, framework in library.frameworks.items():
        for name in [*framework.names, key]:
            owner.setdefault(name.lower(), key)
            spellings.add(name)
    options = sorted(owner, key=len, reverse=True)
    pattern = (
        re2.compile(r"(?:^|[^\w./\\-])(" + "|".join(re2.escape(name) for name in options) + r")") if options else None
    )
    return pattern, owner, frozenset(spellings)


def _mentions(prose: Prose, library: Library) -> Iterator[Mention]:
    pattern, owner, spellings = _names(library)
    if pattern is None:
        return
    for match in islice(pattern.finditer(prose.lower), MAX_MENTIONS):
        start, end = match.start(1), match.end(1)
        if not _ENDS(prose.lower[end : end + 5] + "\n"):
            continue
        line, line_end = prose.line(start)
        before, after = prose.lower[max(line, start - 24) : start], prose.lower[end : min(line_end, end + 16)]
        if _HUB_ID(prose.lower[end : min(line_end, end + 40)]):
            continue
        if _ASKED_VERSION(prose.lower[max(line, start - 70) : start]) and after.lstrip("`'\" ").startswith("version"):
            continue
        written = prose.text[start:end]
        everyday = match.group(1) in _EVERYDAY and not (_AS_PROGRAM.search(before) or _AS_PROGRAM_AFTER.search(after))
        if everyday and (written not in spellings or written.islower()):
            continue
        if owner[match.group(1)] == "pytorch" and not _AS_PROGRAM.search(before):
            continue  # everything is built on it
        claim = claim_of(prose, start, end)
        if _COMPARED_BEFORE(before) and _COMPARED_AFTER(prose.lower[end : min(line_end, end + 48)]):
            claim = Claim.OTHERS
        if _LEFT_BEFORE(before) or _LACKS_AFTER(after):
            claim = Claim.OTHERS
        listed = bool(_VERSION.search(after)) and bool(_LISTED.search(prose.lower[max(0, start - 8) : start]))
        yield Mention(owner[match.group(1)], start, end, claim, 0 if listed else 1)


def read(doc: Document, library: Library) -> Iterator[Observation]:
    """The most specific program that is named; one whose tasks exclude training or inference is left to other readers."""
    prose = prose_of(doc)
    if not prose.text.strip():
        return
    mentions = [item for item in _mentions(prose, library) if item.claim not in (Claim.DENIED, Claim.OTHERS)]
    if _REINFORCES(prose.lower):
        mentions = [item for item in mentions if item.value not in _ENGINES]
    if not mentions:
        return

    def strength(item: Mention) -> tuple[int, int, int, int]:
        name = str(item.value)
        return int(name not in _UNDERNEATH), item.weight, len(library.lineage(name)), -item.start

    chosen = max(mentions, key=strength)
    name = str(chosen.value)
    rank = _VERSION_RANK if chosen.weight == 0 else _LOW_RANK if name in _UNDERNEATH else RANK
    if _is_model_name(library, name):
        rank = _NAME_RANK
    yield observe(doc, "framework", name, chosen.start, rank)
    if name in _RUNTIMES:
        yield observe(doc, "runtime", name, chosen.start, _NAME_RANK, origin="derived")
    tasks = library.frameworks[name].tasks
    if len(tasks) == 1 and rank > _NAME_RANK:
        yield observe(doc, "task", tasks[0], chosen.start, _NAME_RANK, origin="derived")


@lru_cache(maxsize=256)
def _is_model_name(library: Library, name: str) -> bool:
    """Whether the repository bears the name of the models that it trains, so that the name alone proves little."""
    words = tuple(word.lower() for word in library.frameworks[name].names)
    return any(model.lower().startswith(words) for model in library.models)
