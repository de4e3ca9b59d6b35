"""Counters for Prometheus, of all processes of a replica together: requests, answers, Slack's replies, what waits."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from bots.slack.work.queue import Job, Queue
from bots.slack.work.worker import Watch

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ACKS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
_ANSWERS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

_own = CollectorRegistry()
REQUESTS = Counter("advisor_slack_requests", "Requests of Slack by status", ["status"], registry=_own)
ACKS = Histogram("advisor_slack_ack_seconds", "From request to acknowledgement", buckets=_ACKS, registry=_own)
ENQUEUED = Counter("advisor_slack_enqueued", "Requests put into the queue", ["kind", "outcome"], registry=_own)
JOBS = Counter("advisor_slack_jobs", "Runs of jobs by outcome", ["kind", "outcome"], registry=_own)
JOB_SECONDS = Histogram("advisor_slack_job_seconds", "One run of a job", buckets=_ANSWERS, registry=_own)
ANSWER_SECONDS = Histogram("advisor_slack_answer_seconds", "From request to answer", buckets=_ANSWERS, registry=_own)
CALLS = Counter("advisor_slack_posts", "Posts to Slack by outcome", ["method", "outcome"], registry=_own)


class Counting(Watch):
    """Counts what a worker does, and keeps its place among the beats of the replica."""

    def __init__(self, beats: Any = None, place: int = 0) -> None:
        self._beats, self._place = beats, place

    def ended(self, job: Job, outcome: str, seconds: float) -> None:
        """Counts one run of a job."""
        JOBS.labels(job.kind, outcome).inc()
        JOB_SECONDS.observe(seconds)
        if outcome == "done":
            ANSWER_SECONDS.observe(job.age + seconds)

    def beat(self) -> None:
        """Notes the time."""
        if self._beats is not None:
            self._beats[self._place] = time.monotonic()


class _Waiting:
    """What waits in the queue, asked of the database at each look."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def collect(self) -> Iterable[GaugeMetricFamily]:
        depth = self._queue.depth()
        jobs = GaugeMetricFamily("advisor_slack_queue_jobs", "Requests in the queue", labels=["state"])
        jobs.add_metric(["ready"], depth.ready)
        jobs.add_metric(["leased"], depth.leased)
        yield jobs
        yield GaugeMetricFamily(
            "advisor_slack_queue_oldest_seconds", "Wait of the oldest request that is due", depth.oldest
        )


def page(queue: Queue) -> bytes:
    """The page of all processes of this replica, in Prometheus' text format."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Waiting(queue))
    page = generate_latest(registry)
    return page if os.environ.get("PROMETHEUS_MULTIPROC_DIR") else page + generate_latest(_own)
