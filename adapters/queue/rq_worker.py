"""One RQ worker: takes messages, forks a work horse for each, and calls a sweep while it waits."""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from rq import Queue as Rq
from rq import Worker
from rq.serializers import JSONSerializer

from adapters.queue.rq_queue import QUEUE_NAME, UNAVAILABLE
from adapters.redis_connection import as_unavailable, connect
from adapters.supervisor.program import die_with_parent
from engine.problems import BylawError

if TYPE_CHECKING:
    from redis import Redis

BEAT_SECONDS = 5
REGISTRY_SECONDS = 60

log = logging.getLogger("bylaw.worker")


class RqWorker(Worker):
    """RQ's worker with two differences: it sweeps, and it stops a horse at its next chunk.

    `sweep` is called every `sweep_seconds` while no job runs; it must leave nothing open that a fork would inherit.
    What it raises as `BylawError` is said once, in one sentence.
    """

    def __init__(self, connection: Redis, *, name: str, sweep: Callable[[], None], sweep_seconds: int) -> None:
        # Set first: RQ asks for the timeout while it is being made.
        self._sweep = sweep
        self._sweep_seconds = sweep_seconds
        self._swept = -float("inf")
        self._trouble = ""
        super().__init__(
            [Rq(QUEUE_NAME, connection=connection, serializer=JSONSerializer)],
            name=f"{name}-{os.urandom(3).hex()}",
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=60,
            job_monitoring_interval=BEAT_SECONDS,
            maintenance_interval=REGISTRY_SECONDS,
        )

    @property
    def dequeue_timeout(self) -> int:
        """Seconds to wait for a message before the next heartbeat and sweep."""
        return min(self._sweep_seconds, BEAT_SECONDS)

    @property
    def should_run_maintenance_tasks(self) -> bool:
        """Whether it is time to sweep, or for RQ's own housekeeping."""
        return time.monotonic() - self._swept >= self._sweep_seconds or bool(super().should_run_maintenance_tasks)

    def run_maintenance_tasks(self) -> None:
        """Sweep; and now and then what RQ does."""
        if super().should_run_maintenance_tasks:
            super().run_maintenance_tasks()  # type: ignore[no-untyped-call]  # rq types a part of its methods
        trouble = ""
        try:
            self._sweep()
        except BylawError as error:
            trouble = str(error.problems[0])
        if trouble and trouble != self._trouble:
            log.warning("%s; trying again every %d seconds", trouble, self._sweep_seconds)
        elif self._trouble and not trouble:
            log.warning("all is well again")
        self._trouble = trouble
        self._swept = time.monotonic()

    def handle_warm_shutdown_request(self) -> None:
        """Ask the horse to halt after its present chunk, so that stopping takes seconds and not a whole job."""
        if self.horse_pid:
            self.kill_horse(signal.SIGTERM)

    def handle_exception(self, job: Any, *exc_info: Any) -> None:
        """One sentence for what the outside did to us; everything else with all its details."""
        error = exc_info[1] if len(exc_info) > 1 else None
        if isinstance(error, BylawError):
            log.warning("%s: %s", job.id, error.problems[0])
        else:
            super().handle_exception(job, *exc_info)


def work(url: str, *, name: str, sweep: Callable[[], None], sweep_seconds: int) -> None:
    """Work until a stop signal. Raises `UnavailableError` (`queue.unavailable`) if the queue does not answer now."""
    connection = connect(url, answer_seconds=None)
    with as_unavailable(UNAVAILABLE):
        connection.ping()
    worker = RqWorker(connection, name=name, sweep=sweep, sweep_seconds=sweep_seconds)
    # The work horse and RQ's scheduler die with the worker: a job without a worker belongs to whoever takes up its
    # lease, and a scheduler that was left behind would hold its lock, and write to the queue, for ever.
    os.register_at_fork(after_in_child=die_with_parent)
    # RQ listens to signals only after it has registered: one that comes before must not leave the registration behind.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        log.info("waiting for jobs")
        worker.work(logging_level="WARNING", with_scheduler=True)
    except _EarlyStop:
        worker.teardown()  # type: ignore[no-untyped-call]  # as above


class _EarlyStop(BaseException):
    """A stop signal before RQ's own handlers were there."""


def _leave(_: int, __: FrameType | None) -> None:
    raise _EarlyStop
