"""The real worker with small chunks, short leases and a pause after each chunk, so that a test can act in between."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from engine.records import Record
from engine.service import incentive_run, jobs, scoring
from jobs import tasks, worker

LEADS_PER_CHUNK = 20
LEASE_SECONDS = 2
PAUSE_SECONDS = 0.15


def make_small() -> None:
    """Small chunks, in this process and in those that it forks."""
    scoring.CHUNK = LEADS_PER_CHUNK
    incentive_run.PAYEES_PER_CHUNK = 1
    jobs.LEASE = timedelta(seconds=LEASE_SECONDS)


if __name__ == "__main__":
    make_small()
    beats = tasks._beats

    def slow_beats():
        beat = beats()

        def slow(job: Record) -> None:
            time.sleep(PAUSE_SECONDS)
            beat(job)

        return slow

    tasks._beats = slow_beats
    worker.SWEEP_SECONDS = 1
    sys.exit(worker.main())
