"""Tells the sentences that a person wrote from logs, tracebacks, code, configuration and commands.

>>> doc = Document.of('It dies on my 3090:\\nTraceback (most recent call last):\\n  File "a.py", line 1, in f\\nmicro_batch: 4')
>>> prose_of(doc).text.split()
['It', 'dies', 'on', 'my', '3090:']
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import lru_cache

import re2

from advisor.readers.document import Document

# Prose is read from the first part of a long log only: people describe a run before or after it, not inside.
MAX_PROSE = 60_000
MAX_LINE = 4_000

_HAN = re2.compile(r"\p{Han}")
_WORD = re2.compile(r"[A-Za-z][A-Za-z']*")
_STOPWORDS = frozenset(
    "the a an is are was were be been to with on my i we our you it its this that these those of in for and or not but when "
    "how can could would should have has had do does did what why which if so there any after before while still as at by "
    "only using use used trying tried get got getting need needs want from i'm i've i'd it's don't doesn't didn't can't "
    "cannot am me will then than also just even same without".split()
)

_CERTAIN = re2.compile(
    "|".join(
        (
            r"^\s*File [\"']?[^ ]+[\"']?(?:, line \d+|:\d+, in )",
            r"Traceback \(most recent call last\)",
            r"^\s*-+>\s*\d+ ",
            r"^\s{0,8}\d{1,5}(?:\s{2,}|\s+>>>)\S",
            r"^\W{0,3}\d{4}[-/]\d\d[-/]\d\d[ T_]\d\d[:_]\d\d",
            r"^\W{0,2}\d\d:\d\d:\d\d",
            r"^\W{0,2}(?:INFO|WARN|WARNING|ERROR|DEBUG|CRITICAL|FATAL)\b[ :\]|]",
            r"\[(?:INFO|WARN|WARNING|ERROR|DEBUG)[\]|]",
            r"\b(?:INFO|WARNING|ERROR|DEBUG) \d\d-\d\d \d\d:\d\d",
            r"^[IWEF]\d{4} |^\[\s*\d+\.\d+\]|^\[[EWI]\d* |^time=\d|^\[GIN\]",
            r"^\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ [\d:]{8} \d{4}\]",
            r"\d%\s?\||\d(?:it/s|s/it)\b|^\s*\d+%",
            r"^\s*\||^\s*\+[-=+]+|^[-=_*#~.\s]{4,}$",
            r"==\(\(====\)\)==|^\s*\\\\\s+/\||^O\^O/|^\\\s+/\s{4}|^\s*\"-_+-\"",
            r"^\s*(?:import \w|from [\w.]+ import\b|def \w+\(|class \w+[(:]|return\b.*[\w)\]]$|raise \w+|@\w+|assert \w)",
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
)
_COMMAND = re2.compile(
    r"^\s*(?:\([\w.-]+\) ?)?(?:[\w.-]+@[\w.-]+[: ]?[^ #$]*[#$] ?|[$%] ?|>>> )?(?:[A-Z_][A-Z0-9_]*=\S* +)*(?:\S*/)?"
    r"(?:python[\d.]*|torchrun|accelerate(?:-launch)?|deepspeed|swift|xtuner|llamafactory-cli|tune|ilab|bash|sh|sudo|pip|conda|"
    r"docker|nohup|srun|sbatch|mpirun|vllm|ollama|curl|kubectl|git|cd|kill|nnUNet\w*|\S+\.(?:sh|py|exe|llamafile))\s+\S"
)
_COMMAND_MARK = re2.compile(r"\s--?[A-Za-z]|\.(?:py|sh|ya?ml|json|toml)\b|&&|\\\s*$|\b(?:install|launch|serve|run|train) \S")
_FLAG = re2.compile(r"(?:^|\s)--?[A-Za-z][\w-]*")
_ASSIGNMENT = re2.compile(r"^\s*(?:[-+] ?)?[A-Za-z_][\w.\[\]\"'-]*(?:, ?\w+)*\s*(?:=|\+=|-=)\s*[^\s=]")
_YAML = re2.compile(r"^\s*(?:- )?[A-Za-z_][\w.-]*:(?:\s|$)")
_SNAKE_KEY = re2.compile(r"^\s*(?:- )?[A-Za-z0-9]+(?:[_.][A-Za-z0-9]+)+\s*:")
_LOWER_KEY = re2.compile(r"^\s*(?:- )?[a-z][a-z0-9.-]*:(?:\s|$)")
_ERROR_CLASS = re2.compile(r"^\W{0,3}(?:\w+\.)*\w*(?:Error|Exception|Warning|Interrupt)\w*\W*(?::|$)")
# A line of a form that a person filled in.
_FORM = re2.compile(
    r"(?i)^\s*[-*•]?\s*[\w/()\p{Han} ]{0,32}(?:gpus?|vram|cuda device|graphics|hardware|model|batch size|precision|optimi[sz]er|seq(?:uence)? length|resolution|显存|显卡|模型|内存|精度)"
    r"[\w/()\p{Han} ]{0,24}\s?[:：]\s?\S"
)
# A runtime's own message inside a line; what a person wrote before or after it stays.
_MESSAGE = re2.compile(
    r"(?i)(?:[\w.]*(?:error|exception)\w*\W{1,3})*(?:allocation on device|(?:cuda|hip|xpu|npu|mps)?[a-z .]{0,24}out of memory\W{0,3}"
    r"(?:error on gpu)?)[^\n]{0,60}?(?:tried to allocate|cannot allocate|trying to allocate)"
    r"(?:[^\n]*(?:pytorch_\w+|environment-variables\)?|fragmentation\.?|pytorch but unallocated\.?|total by pytorch\)?|"
    r"system failure\)\.?)|[^\n]*)"
)
# Sentences that runtimes print after an error: advice to everybody, said by nobody.
_BOILERPLATE = re2.compile(
    r"(?i)please check whether there is any other process using gpu|if yes, please stop them|if no, please decrease the batch|"
    r"kernel errors might be asynchronously|for debugging consider passing|compile with `?torch_use_cuda_dsa|"
    r"if reserved (?:but unallocated )?memory is|see documentation for memory management|reducing block sizes or|"
    r"you may try smaller batch|caller indicates that this is not a failure|try increasing `?gpu_memory_utilization|"
    r"is more than total mem size|please try to raise your shared memory|if you are running out of memory, consider|"
    r"no available memory for the cache blocks|decrease gpu memory utilization or|model requires more system memory|"
    r"^\s*(?:currently allocated|requested|device limit|free \(according to cuda\))\s*:|passes? through the model will result in"
)


@dataclass(frozen=True, slots=True)
class Prose:
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
    return sum(1 for word in _WORD.findall(text[:600].lower()) if word in _STOPWORDS)


def _grade(text: str, raw: str) -> int:
    """2 certainly prose, 1 perhaps, -1 perhaps machine output, -2 certainly."""
    line = text.strip()
    if not line:
        return 0
    han = len(_HAN.findall(line[:400]))
    flags = len(_FLAG.findall(line))
    if _BOILERPLATE.search(line) and han < 8:
        return -2
    if _CERTAIN.search(line) or _CERTAIN.search(text):
        return 2 if han >= 8 and not line.startswith(("[", "{", "|")) and "%|" not in line and stopwords(line) < 6 else -2
    words = stopwords(line)
    if _COMMAND.search(line) and _COMMAND_MARK.search(line):
        return 2 if han >= 6 or words >= 5 else -2
    if flags >= 3 and flags * 2 > words and han < 6:
        return -2
    if _ERROR_CLASS.search(line):
        return 1 if han >= 4 or words >= 5 else -2
    if _SNAKE_KEY.search(line) and han < 4 and words < 3:
        return -2
    if _ASSIGNMENT.search(line):
        code = line.split("#", 1)[0]
        return 1 if len(_HAN.findall(code)) >= 2 or stopwords(code) >= 2 or code.count("=") > 1 and "," in code else -2
    if _YAML.search(line) and _LOWER_KEY.search(line) and han < 2 and words < 2:
        return -1
    if raw.lstrip().startswith(("#", "//")) and han < 2:
        return -1
    if han >= 4 or words >= 2 or (_FORM.search(line) and "=" not in line):
        return 2
    return 1


def _grades(doc: Document) -> list[int]:
    grades: list[int] = []
    continued = False
    for line in doc.lines:
        grade = -2 if continued and line.text.strip() else _grade(line.text[:MAX_LINE], line.raw)
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


_STOP = re2.compile(r"[.!?]+[\"')\]]*(?:\s|$)|[。！？；]|\n")
_ABBREVIATION = re2.compile(r"(?i)(?:\b(?:e\.g|i\.e|vs|etc|approx|ca|cf|fig|no|resp)|(?:^|\n)\s*\d{1,2})$")
_WRAPPED = re2.compile(r"^\s{0,4}(?:[a-z(]|\p{Han})")


def _stops(text: str) -> list[int]:
    stops: list[int] = []
    line_start = 0
    for match in _STOP.finditer(text):
        start, end = match.start(), match.end()
        if match.group()[0] == ".":
            if _ABBREVIATION.search(text[max(0, start - 12) : start]):
                continue
        elif match.group() == "\n":
            length = start - line_start
            line_start = end
            if length >= 60 and _WRAPPED.search(text[end : end + 8]):
                continue
        if "\n" in match.group():
            line_start = end
        stops.append(end)
    return stops


def _blank(text: str) -> str:
    return " " * len(text)


@lru_cache(maxsize=2)
def prose_of(doc: Document) -> Prose:
    """The prose of the document, kept for the readers that ask next."""
    parts: list[str] = []
    kept = 0
    for line, grade in zip(doc.lines, _grades(doc), strict=True):
        if grade <= 0 or kept > MAX_PROSE:
            parts.append(_blank(line.text))
            continue
        text = line.text
        if len(text) > MAX_LINE:
            text = text[:MAX_LINE] + _blank(text[MAX_LINE:])
        kept += len(text)
        if "llocate" in text or "llocation" in text:
            text = _MESSAGE.sub(lambda match: _blank(match.group()), text)
        parts.append(text)
    text = "\n".join(parts)
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    return Prose(text, lowered, _stops(text))
