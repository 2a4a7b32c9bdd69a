"""A job run here and now, with a progress bar; or left to the workers."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from adapters.wiring import now
from cli import exit_codes
from cli.opened import Opened
from cli.output import note, print_json, progress, say
from cli.records import record_value
from engine.predicate import Always
from engine.problems import BylawError, ConflictError
from engine.records import Record
from engine.service.jobs import ENDED, cancel_job, deliver_pending, run_job

POLL_SECONDS = 0.5


def run_here(session: Opened, job: Record) -> Record:
    """Work on a job in this process until it has ended, and return it.

    If a worker is quicker, its progress is followed instead. Ctrl-C cancels the job after its present chunk; a second
    one leaves at once, and the job ends as cancelled when its lease runs out.
    """
    interruption = _Interruption(session, job)

    def interrupt(_: int, __: FrameType | None) -> None:
        # Whatever is going on, perhaps a transaction, goes on: cancelling waits for the end of the chunk.
        if interruption.wanted:
            raise KeyboardInterrupt
        interruption.wanted = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with progress(job["title"]) as advance:

            def beat(state: Record) -> None:
                advance(state["done"] or 0, state["total"] or 0, state["title"])
                interruption.carry_out()

            found = job
            while found["state"] not in ENDED:
                found = run_job(session.ports, job.id, clock=now, worker="cli", beat=beat)
                if found["state"] not in ENDED:
                    beat(found)
                    time.sleep(POLL_SECONDS)
                    found = session.ports.store.get("job", job.id, Always())
            return found
    except KeyboardInterrupt:
        interruption.carry_out()
        raise
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass(slots=True)
class _Interruption:
    """Somebody's wish that a job should stop, and whether the job has been told."""

    session: Opened
    job: Record
    wanted: bool = False
    told: bool = False

    def carry_out(self) -> None:
        """Tell the job if somebody wishes it, once, and never inside a transaction."""
        if not self.wanted or self.told:
            return
        self.told = True
        try:
            cancel_job(self.session.ports, self.session.caller, self.job.id)
            note("\ncancelling after the present chunk; Ctrl-C again leaves at once")
        except ConflictError:
            return  # it has just ended
        except BylawError:
            raise KeyboardInterrupt from None


def run_or_enqueue(
    session: Opened, job: Record, *, background: bool, as_json: bool, show: Callable[[dict[str, Any]], None]
) -> int:
    """Run the job here or hand it to the workers; print how it went; return the exit code."""
    if background:
        if not deliver_pending(session.ports):
            note("the queue does not answer; the job waits until `bylaw up` or a worker runs")
        if as_json:
            print_json(record_value(job))
        else:
            say(f"{job.id} waits for a worker: `bylaw jobs show {job.id}`")
        return exit_codes.OK
    ended = run_here(session, job)
    if as_json:
        print_json(record_value(ended))
    elif ended["state"] == "succeeded":
        show(dict(ended["result"]))
    if ended["state"] == "succeeded":
        return exit_codes.PROBLEMS if ended["result"].get("failed") else exit_codes.OK
    if not as_json:
        note(f"{ended['state']}: {ended['message']}")
    return exit_codes.INTERRUPTED if ended["state"] == "cancelled" else exit_codes.PROBLEMS
