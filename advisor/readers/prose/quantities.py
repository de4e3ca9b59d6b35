"""Numbers as people write them: digits, `32k`, `eight`, `两`, and sizes of memory."""

from __future__ import annotations

_WORDS = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "sixteen": 16,
    "single": 1,
    "dual": 2,
    "both": 2,
    "a": 1,
    "an": 1,
    "一": 1,
    "二": 2,
    "两": 2,
    "双": 2,
    "单": 1,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
    "十": 10,
    "十六": 16,
}
NUMBER = r"\d{1,7}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|sixteen|十六|[一二两三四五六七八九十]"
# A size in gigabytes, its digits captured; `g` alone is how people write it.
SIZE = r"(\d{1,4}(?:\.\d{1,2})?)\s?(?:gib|gbs?|gigs?|gigabytes?|g)"


def count_of(text: str) -> int | None:
    """The whole number that `text` says; None when it says none.

    >>> count_of("8"), count_of("eight"), count_of("两"), count_of("many")
    (8, 8, 2, None)
    """
    word = text.strip().lower()
    if word.isascii() and word.isdigit():
        return int(word)
    return _WORDS.get(word)


def tokens_of(text: str) -> int | None:
    """A number of tokens: `4096`, `32k` (32768: people mean the power of two), `8,192`, `1m`.

    >>> tokens_of("32k"), tokens_of("8,192"), tokens_of("20K"), tokens_of("1.5k")
    (32768, 8192, 20480, 1536)
    """
    word = text.strip().lower().replace(",", "").replace("_", "")
    factor = 1
    if word.endswith("k"):
        word, factor = word[:-1], 1024
    elif word.endswith("m"):
        word, factor = word[:-1], 1024 * 1024
    try:
        value = float(word) * factor
    except ValueError:
        return None
    return int(value) if 1 <= value < 1e9 else None
