"""What terminals, launchers, containers, CI and chats put around a line, and its removal."""

from __future__ import annotations

import re2

MAX_LINE = 20_000

_ANSI = re2.compile(r"(?:\x1b|\\u001b|\\x1b|\\033|\\e|␛)\[[0-9;:?]*[A-Za-z]|\x1b\][^\x07\x1b]*\x07?|\x1b[()][A-Z0-9]")
# Repeated, since prefixes stack: a container's name, then a timestamp, then a rank.
_PREFIXES = re2.compile(
    r"^(?:"
    r"\s*(?:>\s?)+"  # quoting
    r"|\s*\[(?:rank|Rank |RANK )\d+\]:?\s?"  # torchrun: [rank3]:
    r"|\s*\[(?:default|worker-|node-)?\d+\]:\s?"  # torch.distributed.run: [default0]:
    r"|\s*\[\d+,[^\]\n]{1,40}\]<(?:stdout|stderr)>:\s?"  # mpirun: [1,0]<stdout>:, SageMaker: [1,mpirank:0,algo-1]<stderr>:
    r"|\s*(?:rank|RANK) ?\d{1,5} ?[:|] ?"  # launchers of one's own: rank0:
    r"|\s*\(?(?:VllmWorker|VllmWorkerProcess|RayWorkerWrapper|EngineCore_?\w*|Worker_?\w*|WorkerDict|WorkerProc|APIServer\w*|pid=)[^)\n]{0,80}\)\s?"
    r"|\s*\((?:\w+ )?pid=\d+(?:, ip=[0-9.]+)?\)\s?"  # Ray: (main_task pid=1234)
    r"|\d{1,4}: (?:\d{1,4}: )?"  # srun -l
    r"|[a-z][\w.-]{1,60}-\d+\s+\| ?"  # docker compose: trainer-1  |
    r"|[a-z][\w-]{0,40}-\d+: "  # pdsh: gpu-q-13:
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)? (?:(?:stdout|stderr) [FP] )?"  # CI, Kubernetes
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d [\w.-]{1,60} [\w./-]{1,60}(?:\[\d+\])?: "  # journald
    r")"
)
_BOX = re2.compile(r"[│┃║╭╮╰╯┌┐└┘├┤┬┴┼─━═❱¦▏▕╎╏╔╗╚╝]+")
_MARKDOWN = re2.compile(r"\*\*|__(?:\s|$)|^\s{0,3}#{1,6}\s+|^```\w*\s*$")
# Control and invisible characters go, odd blanks become plain ones; ESC stays until the colours are out.
_INVISIBLE = [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F, *range(0x200B, 0x2010),
              *range(0x2028, 0x202F), 0x2060, 0xFEFF]  # fmt: skip
_CHARACTERS: dict[int, str | None] = {
    **dict.fromkeys(_INVISIBLE, None),
    0xA0: " ",
    0x3000: " ",
    0x2009: " ",
    0x202F: " ",
}


def clean_line(raw: str) -> str:
    """The line without colours, prefixes, boxes and emphasis; lines over MAX_LINE characters are cut.

    >>> clean_line("\\x1b[31m[rank0]: RuntimeError: CUDA out of memory\\x1b[0m")
    'RuntimeError: CUDA out of memory'
    >>> clean_line("│ ❱ 42 │   loss.backward() │").strip()
    '42     loss.backward()'
    """
    text = raw[:MAX_LINE].translate(_CHARACTERS)
    if "[" in text:
        text = str(_ANSI.sub("", text))
    for _ in range(4):
        shorter = str(_PREFIXES.sub("", text, count=1))
        if shorter == text:
            break
        text = shorter
    if not text.isascii():
        text = str(_BOX.sub(" ", text))
    if "*" in text or "#" in text or "`" in text or "__" in text:
        text = str(_MARKDOWN.sub("", text))
    return text.replace("\x1b", "").rstrip()
