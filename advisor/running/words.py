"""The fixed words of `advisor run` and `advisor watch-log`, in English and Chinese."""

from __future__ import annotations

from advisor.facts import Lang

WORDS: dict[str, tuple[str, str]] = {
    "stdout": ("stdout", "标准输出"),
    "stderr": ("stderr", "标准错误"),
    "and": (" and ", "和"),
    "comma": (", ", "、"),
    "failed": ("the command failed with exit status {status}; this is read from {sources}", "命令失败,退出码 {status};以下依据{sources}"),
    "went_on": (
        "the command ended well, but ran out of memory on the way; this is read from {sources}",
        "命令正常结束,但途中发生过内存不足;以下依据{sources}",
    ),
    "logs": ("the logs of {count} worker(s)", "{count} 个进程的日志"),
    "files": ("the files that the command names", "命令中指定的文件"),
    "command": ("the command line", "命令行"),
    "ranks": ("ranks {ranks} report a failure; this is one answer for all of them", "rank {ranks} 报告了失败;以下是对它们的统一结论"),
    "killed_counted": (
        "SIGKILL: the kernel counted {count} out-of-memory kill(s) on this machine while the command ran.",
        "SIGKILL:命令运行期间,本机内核记录了 {count} 次因内存不足而终止进程。",
    ),
    "killed_not_counted": (
        "SIGKILL: the kernel counted no out-of-memory kill while the command ran. If a person or a scheduler ended it, that is the reason.",
        "SIGKILL:命令运行期间,内核没有记录因内存不足而终止进程。如果是人为或调度系统终止的,那就是原因。",
    ),
    "written": ("the diagnosis is in {path}", "诊断已写入 {path}"),
    "no_diagnosis": ("the diagnosis failed: {reason}", "诊断失败:{reason}"),
    "again": ("the same failure as before, now also in {path}", "与之前相同的失败,现在也出现在 {path}"),
    "in_file": ("{path}, line {line}", "{path},第 {line} 行"),
    "waiting": ("waiting for {path} to appear", "等待 {path} 出现"),
    "rotated": ("{path} was replaced; reading the new file", "{path} 已被替换,改读新文件"),
    "truncated": ("{path} was cut short; reading it from its beginning", "{path} 已被截断,从头读取"),
}  # fmt: skip


def say(key: str, lang: Lang, **values: object) -> str:
    """The wording of `key` in `lang`, with `values` filled in."""
    return WORDS[key][lang == "zh"].format(**values)


def listed(items: list[str], lang: Lang) -> str:
    """Items as a list in a sentence."""
    if len(items) < 2:
        return "".join(items)
    return say("comma", lang).join(items[:-1]) + say("and", lang) + items[-1]
