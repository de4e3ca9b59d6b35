"""Which catalogue entry a specification means: by its Hugging Face id, its name or an alias, in any spelling."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import re2

from advisor.library import Library
from advisor.names.keys import key_of
from advisor.records import Model

_SUFFIX = re2.compile(
    r"(?i)[-_ ]?(instruct|chat|base|hf|it|mcore|preview|latest|gptq|awq|gguf|bnb|int4|int8|4bit|8bit|fp8|bf16|fp16|w4a16"
    r"|full|lora|qlora|dpo|sft)$"
)
_SIZE = re2.compile(r"(?i)(?:^|[^a-z0-9.])(?:(\d{1,2})x)?(\d{1,4}(?:\.\d{1,2})?)[ -]?([bm])(?:$|[^a-z0-9])")
_EXPERTS_ALONE = 0.83
"""Share of an 8x7B's weights that eight 7B models would have: attention and embeddings are there once
(https://arxiv.org/abs/2401.04088, 46.7e9)."""
_LEAST = 4
_MOST_ANSWERS = 4096
_answers: weakref.WeakKeyDictionary[Library, dict[tuple[str, str, Any], Model | None]] = weakref.WeakKeyDictionary()
_indexes: weakref.WeakKeyDictionary[Library, dict[str, str]] = weakref.WeakKeyDictionary()


def _keys(text: str) -> list[str]:
    """Keys of a name: the whole, the part after the organisation, and what is left without the usual suffixes."""
    found = []
    for part in (text, text.rsplit("/", 1)[-1]):
        current = part.strip()
        for _ in range(5):
            key = key_of(current)
            if key and key not in found:
                found.append(key)
            shorter = _SUFFIX.sub("", current)
            if shorter == current:
                break
            current = shorter
    return found


def _index(library: Library) -> dict[str, str]:
    """Keys of all names to the names of the rows; kept with the packs, since it takes longer than any estimate."""
    known = _indexes.get(library)
    if known is None:
        known = _indexes[library] = library.derived("catalogue-1", dict[str, str], lambda: _build(library))
    return known


def _build(library: Library) -> dict[str, str]:
    known: dict[str, str] = {}
    for model in library.models.values():
        for text in (model.name, model.hf_id, *model.aliases):
            if text:
                known.setdefault(key_of(text), model.name)
    for model in library.models.values():
        for text in (model.name, model.hf_id):
            for key in _keys(text) if text else ():
                known.setdefault(key, model.name)
    return known


def find_model(words: Mapping[str, Any], library: Library) -> Model | None:
    """The entry for `hf_id`, else for `model`; None where no name is near.

    After exact keys, the longest known key that the name begins with (`Qwen 7B swift run`), then the shortest that begins with the name.
    Where `params_b` is stated, an entry of another size (by a quarter) is not taken on such a half match.
    """
    asked = (str(words.get("hf_id") or ""), str(words.get("model") or ""), words.get("params_b"))
    answers = _answers.setdefault(library, {})
    if asked not in answers:
        if len(answers) > _MOST_ANSWERS:
            answers.clear()
        answers[asked] = _find(words, library)
    return answers[asked]


def _find(words: Mapping[str, Any], library: Library) -> Model | None:
    known = _index(library)
    texts = [str(words[name]) for name in ("hf_id", "model") if words.get(name)]
    for text in texts:
        for key in _keys(text):
            if key in known:
                return library.models[known[key]]
    size = words.get("params_b")
    for text in texts:
        key = key_of(text.rsplit("/", 1)[-1])
        if len(key) < _LEAST:
            continue
        near = [each for each in known if len(each) >= _LEAST and (key.startswith(each) or each.startswith(key))]
        near.sort(key=lambda each: (not key.startswith(each), -len(each) if key.startswith(each) else len(each)))
        for each in near:
            if (
                not isinstance(size, int | float)
                or not size
                or abs(library.models[known[each]].params_b / size - 1) < 0.25
            ):
                return library.models[known[each]]
    return None


def size_of_name(name: str) -> float:
    """Billions of weights by the name (`my-model-7b`, `thing-8x7B`, `350m`), 0 where it tells none."""
    found = _SIZE.search(name)
    if found is None:
        return 0.0
    size = float(found[2]) / (1000.0 if found[3].lower() == "m" else 1.0)
    return size * int(found[1]) * _EXPERTS_ALONE if found[1] else size
