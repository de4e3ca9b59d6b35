"""Tells the sentences that a person wrote from logs, tracebacks, code, configuration and commands.

>>> doc = Document.of('It dies on my 3090:\\nTraceback (most recent call last):\\n  File "a.py", line 1, in f\\nmicro_batch: 4')
>>> prose_of(doc).text.split()
['It', 'dies', 'on', 'my', '3090:']
"""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

import re2
from msgspec import Struct, field

from advisor.readers.document import Document
from advisor.readers.prose.patterns import Patterns, Test

# Prose is read from the first part of a long log only: people describe a run before or after it, not inside.
MAX_PROSE = 60_000
MAX_LINE = 4_000

_MARKS = ".,;:!?()[]\"'`*"
_STOPWORDS = frozenset((
    "the", "a", "an", "is", "are", "was", "were", "be", "been", "to", "with", "on", "my", "i", "we", "our", "you",
    "it", "its", "this", "that", "these", "those", "of", "in", "for", "and", "or", "not", "but", "when", "how",
    "can", "could", "would", "should", "have", "has", "had", "do", "does", "did", "what", "why", "which", "if",
    "so", "there", "any", "after", "before", "while", "still", "as", "at", "by", "only", "using", "use", "used",
    "trying", "tried", "get", "got", "getting", "need", "needs", "want", "from", "i'm", "i've", "i'd", "it's",
    "don't", "doesn't", "didn't", "can't", "cannot", "am", "me", "will", "then", "than", "also", "just", "even",
    "same", "without",
))  # fmt: skip

_CERTAIN = "|".join(
    (
        r"^\s*File [\"']?[^ ]+[\"']?(?:, line \d+|:\d+, in )",
        r"Traceback \(most recent call last\)",
        r"^\s*-+>\s*\d+ ",
        r"^\s{0,8}\d{1,5}(?:\s{2,}|\s+>>>)\S",
        r"^\W{0,3}\d{4}[-/]\d\d[-/]\d\d[ T_]\d\d[:_]\d\d",
        r"^\W{0,2}\d\d:\d\d:\d\d|^\d{1,2}月 {1,2}\d{1,2} \d\d:\d\d:\d\d ",
        r"^\W{0,2}(?:INFO|WARN|WARNING|ERROR|DEBUG|CRITICAL|FATAL)\b[ :\]|]",
        r"\[(?:INFO|WARN|WARNING|ERROR|DEBUG)[\]|]",
        r"\b(?:INFO|WARNING|ERROR|DEBUG) \d\d-\d\d \d\d:\d\d",
        r"^[IWEF]\d{4} |^\[\s*\d+\.\d+\]|^\[[EWI]\d* |^time=\d|^\[GIN\]",
        r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}\]",
        r"\d%\s?\||\d(?:it/s|s/it)[\],]|^\s*\d+%",
        r"^\s*\||^\s*\+[-=+]+|^[-=_*#~.\s]{4,}$",
        r"==\(\(====\)\)==|^\s*\\\\\s+/\||^O\^O/|^\\\s+/\s{4}|^\s*\"-_+-\"",
        r"^\s*(?:import \w|from [\w.]+ import\b|def \w+\(|class \w+[(:]|return\b.*[\w)\]]$|raise \w+|@\w[\w.]*(?:\(.*)?$|"
        r"assert \w)",
        r"^\s*(?:elif .+:|else:|try:|except\b.*:|finally:|if __name__|(?:for|with|while|if) .+:)\s*(?:#.*)?$",
        r"^\s*[\w.]+\([^()]*[,(]?\s*$|^\s*[\w.\[\]]+\([^)]*\)[,;]?\s*$",
        r"^\s*[\"'][\w./ -]+[\"']\s*:|^\s*[\[\](){}<>,;]+\s*$|^\{'|^\s*\{\"",
        r"^\s*-{1,2}[A-Za-z][\w-]*(?:[ =]\S|\s*\\?$)",
        r"^\s*(?:export |set )?[A-Z][A-Z0-9_]+=\S+\s*\\?$",
        r"frame #\d+|\.(?:cpp|cc|cu|cuh|hpp|rs|go):\d+|\w::\w+\(|^\s+at [\w.$<>]+\(|0x[0-9a-f]{6,}",
        r"site-packages|dist-packages|^/[\w./-]+:\d+|^\s*\^+\s*$",
        r"^(?:ggml|llama|llm|load|print|system|slot|srv)_?\w*:\s|\[\[(?:Node|\{\{)|^slurmstepd|^srun: |^\(raylet\)",
        r"^[\w.-]+==\d|^\s*<[/?\w]",
        r"^\[?(?:NCCL|bmlib|KeOps)\b|\bNCCL (?:INFO|WARN)\b",
    )
)
_COMMAND = (
    r"^\s*[$%] \S|^\s*(?:\([\w.-]+\) ?)?[A-Za-z]:\\[^>\n]*>\s?\w|^\s*(?:\([\w.-]+\) ?)?(?:[\w.-]+@[\w.-]+[: ]?[^ #$]*[#$] ?|"
    r"[$%] ?|>>> )?(?:[A-Z_][A-Z0-9_]*=\S* +)*(?:\S*/)?"
    r"(?:python[\d.]*|torchrun|accelerate(?:-launch)?|deepspeed|swift|xtuner|llamafactory-cli|tune|ilab|bash|sh|"
    r"sudo|pip|conda|uv|mamba|apt|apt-get|npm|"
    r"docker|nohup|srun|sbatch|mpirun|vllm|ollama|curl|kubectl|git|cd|kill|nnUNet\w*|\S+\.(?:sh|py|exe|llamafile))\s+\S"
)
_COMMAND_MARK = r"\s--?[A-Za-z]|\.(?:py|sh|ya?ml|json|toml)\b|&&|\\\s*$|\b(?:install|launch|serve|run|train) \S"
# "train.py always gets killed": of a program, in words alone.
_SAID_OF = Test(r"^#? ?[\w./-]+\.(?:py|sh|exe)(?: [A-Za-z']{2,}){3,}[.!?]?$")
_FLAG = re2.compile(r"(?:^|\s)--?[A-Za-z][\w-]*")
_ASSIGNMENT = r"^\s*(?:[-+] ?)?[A-Za-z_][\w.\[\]\"'-]*(?:, ?\w+)*\s*(?:=|\+=|-=)\s*[^\s=]"
_SNAKE_KEY = r"^\s*(?:- )?[A-Za-z0-9]+(?:[_.][A-Za-z0-9]+)+\s*:"
_LOWER_KEY = r"^\s*(?:- )?[a-z][a-z0-9.-]*:(?:\s|$)"
_ERROR_CLASS = r"^\W{0,3}(?:\w+\.)*\w*(?:Error|Exception|Warning|Interrupt)\w*\W*(?::|$)"
# "bs=1, seq 4096": settings that a person lists.
_LISTED = Test(
    r"=\s*[\w./-]+\s*(?:[,，;；、] ?[\w\p{Han}]|\s(?:works?|fails?|ooms?|gives?|crash\w*|runs?|and|but|with|on|→|"
    r"->)(?:[^\w]|$))"
)
# A line of a form that a person filled in.
_FORM = (
    r"(?i)^\s*[-*•]?\s*[\w/()\p{Han} ]{0,32}(?:gpus?|vram|cuda device|graphics|hardware|model|batch size|precision|"
    r"optimi[sz]er|seq(?:uence)? length|resolution|显存|显卡|模型|内存|精度)"
    r"[\w/()\p{Han} ]{0,24}\s?[:：]\s?\S"
)
# A runtime's own message inside a line; what a person wrote before or after it stays.
_MESSAGE = re2.compile(
    r"(?i)(?:[\w.]*(?:error|exception)\w*\W{1,3})*(?:allocation on device|"
    r"(?:(?:cuda|hip|xpu|npu|mps)(?: backend| error)?[: .]{0,3})?out of memory\W{0,3}"
    r"(?:error on gpu)?)[^\n]{0,60}?(?:tried to allocate|cannot allocate|trying to allocate)"
    r"(?:[^\n]*(?:pytorch_\w+|environment-variables\)?|fragmentation\.?|pytorch but unallocated\.?|total by pytorch\)?|"
    r"system failure\)\.?)|[^\n]*)"
)
_QUOTED_ERROR = re2.compile(r"(?:\w+\.)*\w*(?:Error|Exception|OutOfResources): ")
# Sentences that runtimes print after an error: advice to everybody, said by nobody.
_BOILERPLATE = (
    r"(?i)please check whether there is any other process using gpu|if yes, please stop them|"
    r"if no, please decrease the batch|"
    r"kernel errors might be asynchronously|for debugging consider passing|compile with `?torch_use_cuda_dsa|"
    r"if reserved (?:but unallocated )?memory is|see documentation for memory management|reducing block sizes or|"
    r"you may try smaller batch|caller indicates that this is not a failure|try increasing `?gpu_memory_utilization|"
    r"is more than total mem size|please try to raise your shared memory|if you are running out of memory, consider|"
    r"no available memory for the cache blocks|decrease gpu memory utilization or|model requires more system memory|"
    r"^\s*(?:currently allocated|requested|device limit|free \(according to cuda\))\s*:|"
    r"passes? through the model will result in"
)


# The sentence that begins with one of them, to be cut out of a line in which a person speaks as well.
_ADVICE = re2.compile(rf"(?:{_BOILERPLATE})[^\n.)]*[.)]?")
_SENTENCE_WORDS = 4
# A sentence that goes on after a command in the same line ("vllm serve X on two 3090", "python train.py --bf16 爆显存").
_CARD = (
    r"(?:an? |my |one |two |four |dual |\d{1,3} ?[x×*] ?)?(?:\d{1,3} ?gb? )?(?:nvidia |geforce |tesla )?"
    r"(?:[rg]tx\b|[avhlt]\d{1,3}\b|[1-5]0[5-9]0|macbook|mac mini|rx ?\d{4}|mi\d{3})"
)
_AFTER_ERROR = re2.compile(rf"(?i)\bout of memory[.,;:!]? {_CARD}")
_AFTER_COMMAND = re2.compile(
    rf"(?i)[ \t](?:on|with|using|用|在)[ \t]?{_CARD}|"
    r"[ \t:：,，](?:ooms?|爆显存|显存不足)[.!。！]?\s*$"
)
_MACHINE = frozenset({"certain", "command", "error", "boilerplate"})


class Prose(Struct, frozen=True, eq=False):
    """The text of a document, offset for offset, with blanks where no person speaks.

    Attributes:
        text, lower: as in `Document`, other lines blanked.
        stops: offsets after which a new sentence begins, ascending.
    """

    text: str
    lower: str
    stops: list[int] = field(default_factory=list)

    def sentence(self, offset: int) -> tuple[int, int]:
        """Start and end of the sentence around `offset`."""
        index = bisect_right(self.stops, offset)
        start = self.stops[index - 1] if index else 0
        end = self.stops[index] if index < len(self.stops) else len(self.text)
        return start, end

    def line(self, offset: int) -> tuple[int, int]:
        """Start and end of the line around `offset`."""
        start = self.text.rfind("\n", 0, offset) + 1
        end = self.text.find("\n", offset)
        return start, len(self.text) if end < 0 else end


def stopwords(text: str) -> int:
    """How many of the little words of English stand in the first 600 characters."""
    words = text[:600].lower().split()
    return sum(word in _STOPWORDS or word.strip(_MARKS) in _STOPWORDS for word in words)


def han_in(text: str) -> int:
    """How many Chinese characters stand in the first 400."""
    return 0 if text.isascii() else sum("\u4e00" <= char <= "\u9fff" for char in text[:400])


_PATTERNS = Patterns(
    [
        ("certain", _CERTAIN),
        ("command", _COMMAND),
        ("mark", _COMMAND_MARK),
        ("assignment", _ASSIGNMENT),
        ("snake", _SNAKE_KEY),
        ("lower", _LOWER_KEY),
        ("error", _ERROR_CLASS),
        ("boilerplate", _BOILERPLATE),
        ("form", _FORM),
    ]
)


def _grade(text: str, raw: str, is_title: bool = False) -> int:
    """2 certainly prose, 1 perhaps, -1 perhaps machine output, -2 certainly."""
    line = text.strip()
    if not line:
        return 0
    hits = _PATTERNS.names(line)
    han, words = han_in(line), stopwords(line)
    if "boilerplate" in hits and han < 8 and not _says_more(line):
        return -2
    if "certain" in hits:
        return 2 if han >= 8 and line[0] not in "[{|" and "%|" not in line and words < 6 else -2
    if "command" in hits and _SAID_OF(line):
        return 2
    if "command" in hits and "mark" in hits:
        return 2 if han >= 6 or words >= 5 else -2
    flags = line.count(" -") + line.startswith("-") if "-" in line else 0
    if flags >= 3 and flags * 2 > words and han < 6 and len(_FLAG.findall(line)) >= 3:
        return -2
    if "error" in hits:
        return 1 if han >= 4 or words >= 5 else -2
    if "snake" in hits and han < 4 and words < 3:
        return -2
    if "assignment" in hits:
        code = line.split("#", 1)[0]
        several = "(" not in code and _LISTED(code)
        return 1 if han_in(code) >= 2 or stopwords(code) >= 2 or several else -2
    if "lower" in hits and han < 2 and words < 2:
        return -1
    if raw.lstrip().startswith(("#", "//")) and han < 2 and not is_title:
        return -1
    if han >= 4 or words >= 2 or ("form" in hits and "=" not in line):
        return 2
    return 1


def _says_more(line: str) -> bool:
    """Whether a person's sentence stands around the one that a runtime prints ("same issue (No available memory ...) with two L40")."""
    rest = str(_ADVICE.sub(" ", line))
    return rest != line and stopwords(rest) >= _SENTENCE_WORDS and not _PATTERNS.names(rest) & _MACHINE


def _grades(doc: Document) -> list[int]:
    grades: list[int] = []
    continued = False
    for line in doc.lines:
        # A pasted issue begins with its title, which Markdown marks as a shell marks a comment.
        is_title = line.raw.startswith("# ") and not any(grades)
        grade = _grade(line.text[:MAX_LINE], line.raw, is_title)
        grade = 2 if is_title and grade == 1 else grade
        if continued and grade == 1:
            grade = -2
        grades.append(grade)
        continued = grade == -2 and line.text.rstrip().endswith("\\")
    # A doubtful line belongs to what stands directly above and below it.
    settled = list(grades)
    for index, grade in enumerate(grades):
        if grade in (1, -1):
            above = settled[index - 1] if index else 0
            below = grades[index + 1] if index + 1 < len(grades) else 0
            if grade == 1:
                settled[index] = -2 if above == -2 and below in (-2, -1) else 1
            else:
                settled[index] = -2 if above < 0 or below < 0 else 1
    return settled


_ABBREVIATIONS = frozenset(["e.g", "i.e", "eg", "ie", "vs", "etc", "approx", "ca", "cf", "fig", "no", "resp"])
_CLOSING = "\"')]"
_LONGEST_SENTENCE = 1200
_WRAPPED_FROM = 60  # a line of this length that goes on in lower case was wrapped by an editor


def _stops(text: str) -> list[int]:
    stops: list[int] = []
    line_start, length = 0, len(text)
    for index in [position for position, char in enumerate(text) if char in ".!?。！？；\n"]:
        char = text[index]
        after = index + 1
        if char == "\n":
            long_enough = (
                index - line_start >= _WRAPPED_FROM and index - (stops[-1] if stops else 0) < _LONGEST_SENTENCE
            )
            wrapped = long_enough and _goes_on(text[after : after + 16])
            line_start = after
            if wrapped:
                continue
        elif char in ".!?":
            while after < length and text[after] in _CLOSING:
                after += 1
            if (
                after < length
                and not text[after].isspace()
                and (char == "." or (text[after].isascii() and text[index - 1 : index].isascii()))
            ):
                continue
            if char == "." and _abbreviated(text[max(line_start, index - 12) : index]):
                continue
        stops.append(after)
    return stops


def _goes_on(text: str) -> bool:
    start = text.lstrip(" ")[:1]
    if "：" in text or ":" in text[1:]:
        return False  # "配置：...": a line of its own
    return bool(start) and (start.islower() or start == "(" or "\u4e00" <= start <= "\u9fff")


def _abbreviated(before: str) -> bool:
    """Whether the full stop after `before` ends an abbreviation or the number of a list item, not a sentence."""
    words = before.split()
    if not words:
        return True
    return words[-1].lower().lstrip("(") in _ABBREVIATIONS or (
        len(words) == 1 and words[0].isdigit() and len(words[0]) <= 2
    )


def _said_before(text: str) -> int:
    """How many characters of a title stand before the error that it quotes ("[Bug] T4: torch.OutOfMemoryError: ...")."""
    error = _QUOTED_ERROR.search(text[:400])
    if error is None or error.start() < 12:
        return 0
    prefix = text[: error.start()]
    return error.start() if sum(word.isalpha() for word in prefix.split()) >= 2 and not _PATTERNS.names(prefix) else 0


def _said_after(text: str) -> int:
    """Where a sentence begins that goes on after a command or an error; the line's length where none does."""
    hits = _PATTERNS.names(text.strip())
    if "command" not in hits and "error" not in hits:
        return len(text)
    found = (_AFTER_COMMAND if "command" in hits else _AFTER_ERROR).search(text[:MAX_LINE])
    return found.start() if found is not None else len(text)


def _blank(text: str) -> str:
    return " " * len(text)


@lru_cache(maxsize=2)
def prose_of(doc: Document) -> Prose:
    """The prose of the document, kept for the readers that ask next."""
    parts: list[str] = []
    kept = 0
    for line, grade in zip(doc.lines, _grades(doc), strict=True):
        if grade <= 0 or kept > MAX_PROSE:
            is_read = grade < 0 and kept <= MAX_PROSE
            first = _said_before(line.text) if is_read else 0
            last = max(first, _said_after(line.text)) if is_read else len(line.text)
            parts.append(line.text[:first] + _blank(line.text[first:last]) + line.text[last:])
            continue
        text = line.text
        if len(text) > MAX_LINE:
            text = text[:MAX_LINE] + _blank(text[MAX_LINE:])
        kept += len(text)
        if "llocate" in text or "llocation" in text:
            text = _MESSAGE.sub(lambda match: _blank(match.group()), text)
        if not text.isascii() or "memory" in text:
            text = str(_ADVICE.sub(lambda match: _blank(match.group()), text))
        parts.append(text)
    text = "\n".join(parts)
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return Prose(text, lowered, _stops(text))
