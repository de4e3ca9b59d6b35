"""200 `/vram` commands of 30 KB at once, signed, from a second process: how late the acknowledgements, how often the answers.

    python benchmarks/slack_load.py [--commands 200] [--kilobytes 30] [--one | --two] [--rounds 1]

First one replica on SQLite; then two on one PostgreSQL, of which one gets SIGKILL, all its processes at once, in the middle
(after a third of the answers; in every second of several rounds after the first).
A command whose acknowledgement was cut off by the kill is sent again, as a person would, with the same trigger_id, to the
other replica. Slack is played by a local double, which counts what arrives at each response_url.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.bots.slack.double import SlackDouble
from tests.bots.slack.servers import Bot, free_port, postgres, postgres_missing
from tests.bots.slack.signing import SECRET, command, signed

ACK_S = 3.0
LEASE_S = 5
ANSWERED_WITHIN_S = 240.0

HEAD = """$ torchrun --nproc_per_node 1 train.py --model_name_or_path Qwen/Qwen2.5-7B --bf16 --per_device_train_batch_size {batch}
"""
STEP = "{{'loss': {loss:.4f}, 'grad_norm': 1.17, 'learning_rate': 1.9e-05, 'epoch': {epoch:.3f}}}\n"
END = """Traceback (most recent call last):
  File "/home/someone/train.py", line 88, in <module>
    trainer.train()
torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.02 GiB. GPU 0 has a total capacity of 79.25 GiB of which
 512.00 MiB is free. Process 7 has 78.70 GiB memory in use. Of the allocated memory 76.10 GiB is allocated by PyTorch,
 and 1.90 GiB is reserved by PyTorch but unallocated.
"""


def log_of(number: int, size: int) -> str:
    text, step = HEAD.format(batch=1 + number % 8), 0
    while len(text) < size - len(END):
        text += STEP.format(loss=2.5 - step / 1e3, epoch=step / 1e3)
        step += 1
    return text + END


def environment(slack: SlackDouble, database: str) -> dict[str, str]:
    return {
        "SLACK_BOT_TOKEN": "xoxb-local", "SLACK_SIGNING_SECRET": SECRET, "SLACK_API_URL": slack.api_url,
        "ADVISOR_SLACK_DATABASE": database, "ADVISOR_SLACK_LEASE": str(LEASE_S), "SLACK_APP_TOKEN": "",
        "SLACK_CLIENT_ID": "", "SLACK_CLIENT_SECRET": "",
    }  # fmt: skip


async def _send(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import aiohttp

    async def one(session: aiohttp.ClientSession, job: dict[str, Any]) -> dict[str, Any]:
        body, urls, started = bodies[job["name"]], list(job["urls"]), time.perf_counter()
        for attempt, url in enumerate([*urls, *reversed(urls)]):
            try:
                async with session.post(url, data=body, headers=signed(body.decode())) as answer:
                    await answer.read()
                    if answer.status == 200:
                        return {"name": job["name"], "s": time.perf_counter() - started, "resent": attempt}
            except (TimeoutError, aiohttp.ClientError):
                await asyncio.sleep(0.2)
                started = time.perf_counter()  # another request, as Slack sees it
        return {"name": job["name"], "s": None, "resent": attempt}

    # Written before the clock starts: that time is the sender's, not the bot's.
    bodies = {
        job["name"]: command(job["text"], trigger=job["name"], response_url=job["response_url"]).encode()
        for job in jobs
    }
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=30)) as session:
        return await asyncio.gather(*(one(session, job) for job in jobs))


def send_in_second_process(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, __file__, "--send"], input=json.dumps(jobs), capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(run.stdout)
    return found


def measure(
    slack: SlackDouble, bots: list[tuple[Bot, int]], count: int, size: int, mark: str, kill_at: int
) -> dict[str, Any]:
    """One round: sends, kills the first replica after `kill_at` answers (0: not), waits for the answers, counts."""
    names = [f"{mark}-{number}" for number in range(count)]
    jobs = []
    for number, name in enumerate(names):
        urls = [f"http://127.0.0.1:{port}/slack/events" for _, port in bots]
        urls = urls[number % len(urls) :] + urls[: number % len(urls)]
        jobs.append({
            "name": name, "text": log_of(number, size), "response_url": slack.response_url(name), "urls": urls,
        })  # fmt: skip
    killed_at = []

    def killer() -> None:
        while sum(1 for name in names if slack.responses.get(name)) < kill_at:
            time.sleep(0.005)
        bots[0][0].kill()
        killed_at.append(sum(1 for name in names if slack.responses.get(name)))

    started = time.monotonic()
    if kill_at:
        threading.Thread(target=killer, daemon=True).start()
    acks = send_in_second_process(jobs)
    end = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < end and not all(slack.responses.get(name) for name in names):
        time.sleep(0.1)
    time.sleep(LEASE_S * 2 + 2 if kill_at else 1.0)  # whatever would be doubled has come by now
    answers = Counter(len(slack.responses.get(name, ())) for name in names)
    twice = [bodies for name in names if len(bodies := slack.responses.get(name, [])) > 1]
    marked = sum("Sent again" in json.dumps(bodies) for bodies in twice)
    failed = sum("Sorry" in json.dumps(slack.responses.get(name, [])) for name in names)
    times = sorted(ack["s"] for ack in acks if ack["s"] is not None)
    last = max((slack.times[name] for name in names if name in slack.times), default=started)
    return {
        "acked": len(times), "resent": sum(1 for ack in acks if ack["resent"]),
        "p50": statistics.median(times), "p99": times[max(int(len(times) * 0.99) - 1, 0)], "max": times[-1],
        "lost": answers[0], "once": answers[1], "twice": sum(n for times_, n in answers.items() if times_ > 1),
        "marked": marked, "failed": failed, "killed at": killed_at[0] if killed_at else None, "all answered after": last - started,
    }  # fmt: skip


def show(title: str, found: dict[str, Any], count: int) -> bool:
    good = found["lost"] == found["twice"] == found["failed"] == 0 and found["acked"] == count and found["max"] < ACK_S
    print(f"{title}: {'holds' if good else 'DOES NOT HOLD'}")
    print(
        f"  acknowledged {found['acked']}/{count}: p50 {found['p50']:.3f} s, p99 {found['p99']:.3f} s, max {found['max']:.3f} s"
    )
    print(
        f"  answered once {found['once']}, lost {found['lost']}, twice {found['twice']}; the last after {found['all answered after']:.1f} s"
    )
    if found["twice"] or found["failed"]:
        print(f"  of those twice, {found['marked']} say so; {found['failed']} got the note that it failed")
    if found["killed at"] is not None:
        print(
            f"  one replica killed after {found['killed at']} answers; {found['resent']} commands sent again by their sender"
        )
    return good


def start(slack: SlackDouble, database: str, log: Path) -> tuple[Bot, int]:
    port = free_port()
    bot = Bot(["--http", "--port", str(port)], environment(slack, database), log)
    bot.wait_ready(f"http://127.0.0.1:{port}/readyz")
    return bot, port


def one_replica(count: int, size: int, folder: Path) -> bool:
    with SlackDouble() as slack:
        bot = start(slack, f"sqlite:///{folder / 'bot.db'}", folder / "one.log")
        try:
            return show("one replica, SQLite", measure(slack, [bot], count, size, "one", 0), count)
        finally:
            bot[0].stop()


def two_replicas(count: int, size: int, folder: Path, rounds: int) -> bool:
    missing = postgres_missing()
    if missing:
        print(f"two replicas: skipped: {missing}")
        return True
    good = True
    with postgres(durable=True) as url, SlackDouble() as slack, contextlib.ExitStack() as stack:
        migrate = [sys.executable, "-c", "from advisor.cli import main; main()", "slack", "--database", url, "migrate"]
        subprocess.run(migrate, check=True, stdout=subprocess.DEVNULL)
        survivor = start(slack, url, folder / "survivor.log")
        stack.callback(survivor[0].stop)
        for number in range(rounds):
            victim = start(slack, url, folder / "victim.log")
            stack.callback(victim[0].kill)
            kill_at = 1 if number % 2 else count // 3  # every second round while the crowd is still coming in
            found = measure(slack, [victim, survivor], count, size, f"two{number}", kill_at)
            good = show(f"two replicas, PostgreSQL, round {number + 1}", found, count) and good
    return good


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--commands", type=int, default=200)
    options.add_argument("--kilobytes", type=int, default=30)
    options.add_argument("--rounds", type=int, default=1, help="kills, one after the other")
    options.add_argument("--one", action="store_true", help="only one replica on SQLite")
    options.add_argument("--two", action="store_true", help="only two replicas on PostgreSQL")
    options.add_argument("--send", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.send:
        print(json.dumps(asyncio.run(_send(json.load(sys.stdin)))))
        return 0
    good = True
    with tempfile.TemporaryDirectory() as name:
        folder, size = Path(name), chosen.kilobytes * 1024
        if not chosen.two:
            good = one_replica(chosen.commands, size, folder) and good
        if not chosen.one:
            good = two_replicas(chosen.commands, size, folder, chosen.rounds) and good
        for log in folder.glob("*.log"):
            levels = Counter(
                json.loads(line).get("level") for line in log.read_text().splitlines() if line.startswith("{")
            )
            print(f"  {log.name}: {dict(levels)}")
            if not good:
                print("\n".join(log.read_text().splitlines()[-20:]))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
