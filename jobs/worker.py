"""The worker process: RQ's worker over our task, with a sweep of the outbox while it waits.

The sweep delivers outbox rows that no web request could deliver and takes up jobs whose worker died. It runs in every
worker: whoever is idle does it, and doing it twice changes nothing.
"""

from __future__ import annotations

import logging
import sys

from adapters.wiring import Settings, Wiring, build, now, work
from engine.problems import BylawError
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
        work(settings, name=tasks.worker_name(), sweep=Sweep(settings), sweep_seconds=SWEEP_SECONDS)
    except BylawError as error:
        sys.stderr.write("\n".join(problem.render() for problem in error.problems) + "\n")
        return UNAVAILABLE_CODE
    return 0


class Sweep:
    """Delivers what waits, takes up abandoned jobs, signs checkpoints; it remembers only what it has told."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before a call, and nothing stays open: a fork must inherit no database."""
        self._settings = settings
        self._told: frozenset[str] = frozenset()

    def __call__(self) -> None:
        """Sweep once."""
        with build(self._settings, texts=tasks.texts()) as wiring:
            found = recover_abandoned(wiring.ports, now=now())
            delivered = deliver_pending(wiring.ports)
            self.vouch(wiring)
        if found:
            log.info("took up %d jobs without a worker", found)
        if delivered:
            log.debug("delivered %d messages", delivered)

    def vouch(self, wiring: Wiring) -> None:
        """Sign the audit log's checkpoints that are due. A log that does not add up is told once, and stops nothing."""
        taken = take_due_checkpoints(wiring.ports, wiring.signer, now(), wiring.rhythm)
        for made in taken.checkpoints:
            log.info("signed a checkpoint of `%s` at %s entries", made.organisation_id, f"{made['size']:,}")
        wrong = [f"{problem}; {problem.help}" for problem in taken.problems]
        for text in wrong:
            if text not in self._told:
                log.error("%s", text)
        self._told = frozenset(wrong)


def configure_log(level: str) -> None:
    """Plain sentences to standard error; time and name are added by whoever reads them."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=level.upper())
    for noisy in ("rq.worker", "rq.job", "rq.queue", "rq.scheduler", "pymongo"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
