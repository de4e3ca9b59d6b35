"""The language of the person who wrote a text, whatever language the log in it has."""

from __future__ import annotations

import re2

from advisor.facts import Lang
from advisor.readers.document import Document
from advisor.readers.prose.lines import prose_of, stopwords

_HAN = re2.compile(r"\p{Han}")
_KANA_HANGUL = re2.compile(r"[\p{Hiragana}\p{Katakana}\p{Hangul}]")
_WORD = re2.compile(r"[A-Za-z][A-Za-z']+")
# What a person quotes or names is not what the person speaks: paths, addresses, quoted messages, code.
_QUOTED = re2.compile(
    r"`[^`\n]*`|\"[^\"\n]*\"|“[^”\n]*”|「[^」\n]*」|(?:[A-Za-z]:|~|\.{1,2})?[/\\]\S+|[^\s\p{Han}，。；：]+[/\\][^\s，。；：]+|\S+\.(?:py|sh|txt|json|ya?ml|jsonl|png|jpe?g|pdf|docx?|xlsx?|csv|zip|bin|pt|pth|safetensors)\b"
)
# Headings of forms in both languages ("问题描述 | Description"): said by nobody, and as often there as the form has rows.
_BILINGUAL = re2.compile(
    r"(?m)[^\n|/]*\p{Han}[^\n|/]*[|/] ?[A-Z][A-Za-z ,?'-]{5,}[^\n\p{Han}]{0,12}$|"
    r"[A-Z][A-Za-z ,?'-]{8,} ?[|/] ?[^\n|/]*\p{Han}[^\n|/]*$|\p{Han}[\p{Han} ]{1,11}[|/] ?[A-Z][A-Za-z ]{5,}[:：]"
)
_FORM_ROWS = 2
# Chinese packs about this many times the meaning of an English word into one character: the weight of one against the other.
_WORDS_PER_HAN = 0.6


def language_of(text: str) -> Lang:
    """`zh` when the person writes Chinese, else `en` (also for languages that the advisor does not speak).

    A Chinese sentence around an English traceback is Chinese; an English sentence with a Chinese path or a quoted Chinese message is
    English; a log without any sentence is Chinese when its own messages are.

    >>> language_of("微调时报错:\\nRuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB")
    'zh'
    >>> language_of("It fails when I load C:/用户/模型/config.json on my laptop, why is that?")
    'en'
    >>> language_of("")
    'en'
    """
    return language_of_document(Document.of(text[:200_000]))


def language_of_document(doc: Document) -> Lang:
    """`language_of` for a document that is read already."""
    prose = prose_of(doc)
    plain = str(_QUOTED.sub(" ", prose.text)) if prose.text.strip() else ""
    if sum(1 for _, _ in zip(_BILINGUAL.finditer(plain), range(_FORM_ROWS), strict=False)) == _FORM_ROWS:
        plain = str(_BILINGUAL.sub(" ", plain))
    han = len(_HAN.findall(plain))
    other = len(_KANA_HANGUL.findall(plain))
    if other > max(1, han // 8):
        return "en"
    words = len(_WORD.findall(plain))
    if han or words >= 3:
        # Messages pasted into a Chinese sentence are full of English nouns; it is the little words that make an English sentence.
        little = stopwords(plain)
        return "zh" if han >= 2 and (han * _WORDS_PER_HAN >= 0.35 * words or 2 * little < han) else "en"
    # No sentence at all: the language of the log, unless it only names Chinese files.
    log = str(_BILINGUAL.sub(" ", str(_QUOTED.sub(" ", doc.text[:20_000]))))
    if len(_KANA_HANGUL.findall(log)) > 1:
        return "en"
    return "zh" if _HAN.search(log) else "en"
