r"""Linux: the kernel's OOM killer, processes that were killed (-9, 137, "Killed"), and launchers that report it.

>>> log = '''[ 4712.88] Out of memory: Killed process 2231 (python) total-vm:68012345kB, anon-rss:31234567kB, file-rss:0kB, shmem-rss:0kB'''
>>> [(item.fact, item.value) for item in read(Document.of(log))]
[('failure_kind', 'host_oom'), ('runtime', 'linux')]
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from advisor.facts import Observation
from advisor.readers.document import Document
from advisor.readers.messages._forms import Compiled, Form, compiled, seen

TRIGGERS = (
    "killed",
    "oom-kill",
    "kill process",
    "exitcode",
    "exit code",
    "sigkill",
    "signal 9",
    "-9",
    "137",
    "out of memory: kill",
    "已杀死",
    "已砍掉",
    "getötet",
    "processus arrêté",
    "убито",
    "強制終了",
    "죽었음",
    "ucciso",
)
# "Killed" as shells print it elsewhere: https://sourceware.org/git/?p=glibc.git;a=tree;f=po
_ELSEWHERE = "已杀死|已砍掉|Getötet|Processus arrêté|Terminado \\(killed\\)|Убито|強制終了|죽었음|Ucciso"


@cache
def _forms() -> tuple[Compiled, ...]:
    return compiled([
        Form(r"oom-kill:constraint|Out of memory: Kill(?:ed)? process|Memory cgroup out of memory|Killed process [0-9]+ \(|oom_reaper: reaped", "host_oom", 0.97, "linux"),
        Form(r"(?i)invoked oom-killer|oom-killer", "host_oom", 0.9, "linux"),
        # torchrun, accelerate and DeepSpeed: -9 is a kill from outside; what they end themselves dies of -15.
        Form(r"(?i)exit ?code ?:? ?-9\b|exitcode=-9\b|Signals?\.SIGKILL: 9|signal SIGKILL\b|Signal 9 \(SIGKILL\)|signal 9: ?sigkill|exit(?:s|ed)? with (?:return )?code ?=? ?-9\b|return code ?=? ?-9\b|code -9\b|exits? with -9\b|died with <Signals\.SIGKILL|由?信号 9", "host_oom", 0.88, "linux"),
        Form(r"(?i)exit(?:ed)?[ _]?(?:with )?(?:code|status)[\"'=: ]+137\b|status code 137|returned non-zero exit status 137|退出码 ?137", "host_oom", 0.86, "linux"),
        Form(r"(?m)^(?:[^\n]{0,300}(?:[|%\]>]|it/s|s/it)\s*|\s*)(?:zsh: )?[Kk]illed(?:: 9)?\.?[\"'` )]*$", "host_oom", 0.8, "linux"),
        Form(rf"(?m)(?:^|[\s|%\]>])(?:{_ELSEWHERE})(?:\s{{2,}}\S[^\n]{{0,200}})?\W*$", "host_oom", 0.85, "linux"),
        Form(r"(?m)(?:^|[\s:\]])\[?[0-9]*\]?\s*[0-9]{2,8} (?:Killed|killed) +\S|(?m)^(?:zsh: )?[Kk]illed +(?:sudo |nohup )?(?:[A-Z_]+=\S+ )*(?:python|bash|sh\b|\./|torchrun|accelerate|deepspeed|CUDA)", "host_oom", 0.85, "linux"),
        Form(rf"Loading checkpoint shards: [^\n]{{0,400}}(?:[Kk]illed|{_ELSEWHERE})", "host_oom", 0.9, "linux", says=(("phase", "load"),), hints=(("task", "inference"),)),
        Form(r"torch/distributed/(?:run|launch|elastic)|torch\.distributed\.elastic|\btorchrun\b", hints=(("framework", "pytorch"),)),
    ])  # fmt: skip


def read(doc: Document) -> Iterator[Observation]:
    """The failure; sizes in the kernel's line are those of the process, in kB."""
    yield from seen(doc, _forms())
