"""What the queue calls: one function, named by the queue's adapter, over the use case that works on jobs."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from functools import cache
from types import FrameType

from adapters.wiring import Settings, Texts, build, load_texts, now
from engine.predicate import Always
from engine.problems import NotFoundError, Problem, UnavailableError
from engine.records import Record
from engine.service.jobs import ENDED, run_job

PROGRESS_SECONDS = 5
"""How often a running job writes a line; the record tells its progress after every chunk."""

log = logging.getLogger("bylaw.jobs")


@cache
def texts() -> Texts:
    """The shipped texts, read once. The worker calls it before it forks, so that every work horse starts warm."""
    return load_texts()


def run(message_id: str, payload: Mapping[str, str]) -> str:
    """Work on the job that a message names, and say how it then stands.

    A message may come twice, and a job may be taken up after a worker's death: the lease on its record and its
    checkpoints make both harmless. Raises `UnavailableError` when the database does not answer: the
    queue then tries again.
    """
    job_id = payload["job_id"]
    with build(Settings.from_environment(), texts=texts()) as wiring:
        try:
            if wiring.ports.store.get("job", job_id, Always())["state"] in ENDED:
                return "ended before"
            job = run_job(wiring.ports, job_id, clock=now, worker=worker_name(), beat=_beats())
        except NotFoundError as error:
            # A queue that outlived its database: there is nothing to try again.
            log.warning("%s: no such job (%s)", message_id, error.code)
            return "gone"
    state = str(job["state"])
    log.info("%s %s: %s", job.id, state, job["message"] or job["title"])
    return state


def worker_name() -> str:
    """This process among all that may work on the same database."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _beats() -> Callable[[Record], None]:
    """What happens after each chunk: a line now and then, and a clean halt if the worker has been asked to stop."""
    stopping = False
    told = time.monotonic()

    def stop(_: int, __: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)

    def beat(job: Record) -> None:
        nonlocal told
        if stopping:
            # The chunk is committed; the lease runs out and the next worker goes on from here.
            raise UnavailableError(Problem("job.put_down", f"`{job.id}` was put down after {job['done']:,} records"))
        if time.monotonic() - told >= PROGRESS_SECONDS:
            told = time.monotonic()
            log.info("%s %s of %s: %s", job.id, f"{job['done']:,}", f"{job['total'] or 0:,}", job["title"])

    return beat
