"""The worker process: RQ's worker over our task, with a sweep of the outbox while it waits.

The sweep delivers outbox rows that no web request could deliver and takes up jobs whose worker died. It runs in every
worker: whoever is idle does it, and doing it twice changes nothing.
"""

from __future__ import annotations

import logging
import sys

from adapters.wiring import Settings, Wiring, build, now, work
from engine.problems import BylawError, ConflictError
from engine.service.checkpoints import take_due_checkpoints
from engine.service.jobs import deliver_pending, recover_abandoned
from jobs import tasks

SWEEP_SECONDS = 3
UNAVAILABLE_CODE = 5

log = logging.getLogger("bylaw.worker")


def main() -> int:
    """Work until told to stop. Returns the exit code: 0 after a clean stop, 5 if settings or queue cannot be used."""
    try:
        settings = Settings.from_environment()
        configure_log(settings.log_level)
        tasks.texts()
        work(settings, name=tasks.worker_name(), sweep=lambda: sweep(settings), sweep_seconds=SWEEP_SECONDS)
    except BylawError as error:
        sys.stderr.write("\n".join(problem.render() for problem in error.problems) + "\n")
        return UNAVAILABLE_CODE
    return 0


def sweep(settings: Settings) -> None:
    """Deliver what waits and take up abandoned jobs. Nothing stays open: a fork must inherit no database."""
    with build(settings, texts=tasks.texts()) as wiring:
        found = recover_abandoned(wiring.ports, now=now())
        delivered = deliver_pending(wiring.ports)
        vouch(wiring)
    if found:
        log.info("took up %d jobs without a worker", found)
    if delivered:
        log.debug("delivered %d messages", delivered)


def vouch(wiring: Wiring) -> None:
    """Sign the audit log's checkpoints that are due. A log that does not add up is told and stops nothing else."""
    try:
        for made in take_due_checkpoints(wiring.ports, wiring.signer, now(), wiring.rhythm):
            log.info("signed a checkpoint of `%s` at %s entries", made.organisation_id, f"{made['size']:,}")
    except ConflictError as error:
        log.error("%s", error)  # noqa: TRY400  # a sentence for people; there is no fault in the program to trace


def configure_log(level: str) -> None:
    """Plain sentences to standard error; time and name are added by whoever reads them."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=level.upper())
    for noisy in ("rq.worker", "rq.job", "rq.queue", "rq.scheduler", "pymongo"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
