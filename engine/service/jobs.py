"""Jobs: queued -> running -> succeeded, failed or cancelled, in chunks that are one transaction each.

A running job holds a lease that every chunk renews. A worker that dies leaves a lease that runs out; the job is then
put in the queue again and continues after its last chunk, which either was committed wholly or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.caller import Actor, Caller
from engine.ports import Message, Ports, Reader, Transaction
from engine.predicate import Always, And, Compare, In
from engine.problems import (
    BylawError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    Problem,
    StaleError,
    UnavailableError,
)
from engine.records import Record
from engine.service.actions import START
from engine.service.auditing import Attempt, accepted, audited, place_of, refused
from engine.service.directory import SERVICE_ID, actor_in, service_actor
from engine.service.incentive_run import IncentiveRun
from engine.service.records import read_for_write
from engine.service.rights import rights_digest
from engine.service.scoring import ScoreLeads
from engine.service.spelling import did_you_mean
from engine.service.work import Work, WorkKind, with_whole_numbers

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = "queued", "running", "succeeded", "failed", "cancelled"
ENDED = (SUCCEEDED, FAILED, CANCELLED)
LEASE = timedelta(seconds=30)
"""How long a chunk may take before its worker counts as dead."""
PATIENCE = timedelta(minutes=5)
"""How long a queued job may wait before it is put in the queue once more: a queue can lose what it was given."""
MAX_ATTEMPTS = 5
CHUNK_TRIES = 3
"""How often a chunk is tried when somebody else's write comes between its reading and its writing."""
TOPIC = "job"

JOB_KINDS: Mapping[str, WorkKind] = {"score-leads": ScoreLeads, "incentive-run": IncentiveRun}


def start_job(ports: Ports, caller: Caller, kind: str, title: str, parameters: Mapping[str, Any]) -> Record:
    """Write a job, its audit entry and its outbox row. The shell then calls `deliver_pending`.

    Raises `InvalidError` (`job.unknown_kind`) and `DeniedError`.
    """
    job_id = f"job-{ports.new_id()}"
    attempt = [Attempt("start", "job", job_id)]
    with audited(ports, caller, attempt):
        if kind not in JOB_KINDS:
            raise InvalidError(
                Problem(
                    "job.unknown_kind", f"there is no job of kind `{kind[:60]}`", help=did_you_mean(kind, JOB_KINDS)
                )
            )
        place = dict.fromkeys(place_of(None, caller)) if caller.actor.id == SERVICE_ID else place_of(None, caller)
        job = Record(
            "job",
            job_id,
            caller.actor.organisation_id,
            {
                **place,
                "kind": kind,
                "title": title,
                "state": QUEUED,
                "actor_id": caller.actor.id,
                "actor_scopes": None if caller.actor.scopes is None else tuple(sorted(caller.actor.scopes)),
                "parameters": dict(parameters),
                "done": 0,
                "attempts": 0,
                "cancel_requested": False,
                "created_at": caller.now,
                "lease_until": caller.now + PATIENCE,
            },
        )
        attempt[0] = replace(attempt[0], record=job)
        if not ports.authorizer.allows(caller.actor, START, job):
            raise DeniedError(
                Problem("access.denied", f"the role `{caller.actor.role}` may not start the job `{kind}`")
            )
        with ports.store.transaction() as transaction:
            stored = transaction.insert(job)
            transaction.append_audit(accepted(caller, "start", after=stored))
            transaction.enqueue(_message(stored, "start", caller.now))
            return stored


def cancel_job(ports: Ports, caller: Caller, job_id: str) -> Record:
    """Cancel a queued job at once, ask a running one to stop after its present chunk. What is done stays done.

    Raises `NotFoundError`, `DeniedError`, and `ConflictError` (`job.finished`) for a job that has ended.
    """
    attempt = [Attempt("cancel", "job", job_id)]
    with audited(ports, caller, attempt), ports.store.transaction() as transaction:
        job = read_for_write(ports, caller, transaction, "job", job_id, revision=None, attempt=attempt)
        if job["state"] in ENDED:
            raise ConflictError(Problem("job.finished", f"the job `{job_id}` has ended: {job['state']}"))
        if job["cancel_requested"]:
            return job
        changed = job.with_fields(cancel_requested=True)
        if job["state"] == QUEUED:
            changed = _ended(changed, CANCELLED, "cancelled before it began", caller.now)
        stored = transaction.update(changed)
        transaction.append_audit(accepted(caller, "cancel", before=job, after=stored))
        return stored


def run_job(
    ports: Ports,
    job_id: str,
    *,
    clock: Callable[[], datetime],
    worker: str,
    beat: Callable[[Record], None] | None = None,
) -> Record:
    """Work on a job until it ends, and return it as it then is.

    Calling it for a job that has ended, or that another worker holds, does nothing.

    `clock` gives the present instant, `worker` a name for the job's messages; `beat` is called with the job after each
    chunk. What the rules or the data make impossible ends the job as failed, with a readable message. Raises
    `UnavailableError` when the store does not answer: the lease then runs out and the job is taken up again.
    """
    job = _take(ports, job_id, clock(), f"{worker} {ports.new_id()}")
    if job is None:
        return with_whole_numbers(ports.store.get("job", job_id, Always()))
    try:
        caller = Caller(_starter(ports.store, job), clock(), "job", job.id)
        _require_start(ports, caller.actor, job)
        run = _Run(ports, JOB_KINDS[job["kind"]](ports, caller, job), caller.actor, clock)
        job = run.begin(job)
        while job["state"] == RUNNING:
            if beat is not None:
                beat(job)
            job = run.step(job)
    except UnavailableError:
        raise
    except _LostLeaseError:
        return with_whole_numbers(ports.store.get("job", job_id, _own(job)))
    except BylawError as error:
        job = _fail(ports, job, clock(), error)
    except Exception:
        problem = Problem(
            "job.unexpected", "the job stopped on an error in Bylaw itself", help="the log has the details"
        )
        _fail(ports, job, clock(), InvalidError(problem))
        raise
    if beat is not None:
        beat(job)
    return with_whole_numbers(job)


def deliver_pending(ports: Ports) -> int:
    """Hand waiting outbox rows to the queue, oldest first; how many.

    Stops quietly when the queue does not answer: the rows stay, and the next sweep delivers them.
    """
    delivered = 0
    for message in ports.store.pending_messages():
        try:
            ports.queue.deliver(message)
        except UnavailableError:
            break
        ports.store.mark_delivered(message.id)
        delivered += 1
    return delivered


def recover_abandoned(ports: Ports, *, now: datetime) -> int:
    """Put jobs in the queue again whose lease ran out, and end those that were tried too often; how many were found.

    The shell calls `deliver_pending` afterwards.
    """
    expired = And((In("state", (QUEUED, RUNNING)), Compare("lease_until", "<", now)))
    found = 0
    for seen in list(ports.store.scan("job", expired)):
        with ports.store.transaction() as transaction:
            job = transaction.get("job", seen.id, _own(seen))
            if job["state"] not in (QUEUED, RUNNING) or job["lease_until"] >= now:
                continue
            found += 1
            _recover(transaction, job, now)
    return found


def _recover(transaction: Transaction, job: Record, now: datetime) -> None:
    caller = Caller(service_actor(job.organisation_id), now, "job", job.id)
    if job["cancel_requested"]:
        stored = transaction.update(_ended(job, CANCELLED, "cancelled", now))
        transaction.append_audit(accepted(caller, "cancel", before=job, after=stored))
    elif (job["attempts"] or 0) >= MAX_ATTEMPTS:
        error = InvalidError(
            Problem(
                "job.abandoned", f"its worker died {MAX_ATTEMPTS} times", help="look at the log, then start it again"
            )
        )
        stored = transaction.update(_ended(job, FAILED, _sentence(error), now))
        transaction.append_audit(refused(caller, Attempt("run", "job", job.id, stored), error))
    else:
        stored = transaction.update(job.with_fields(state=QUEUED, lease_token=None, lease_until=now + PATIENCE))
        transaction.enqueue(_message(stored, "again", now))


@dataclass(slots=True)
class _Run:
    """One worker's attempt at one job."""

    ports: Ports
    work: Work
    actor: Actor
    clock: Callable[[], datetime]

    def begin(self, job: Record) -> Record:
        """Note how much there is to do, and with which rights: a job that is taken up goes on with the same or ends."""
        total, rights = self.work.total(), rights_digest(self.ports, self.actor)
        with self.ports.store.transaction() as transaction:
            held = self._held(transaction, job)
            if held["checkpoint"] is not None and held["rights_digest"] not in (None, rights):
                raise _rights_changed(
                    "the job began with other rights, or under other policies, than it would go on with"
                )
            return transaction.update(held.with_fields(total=total, rights_digest=rights))

    def step(self, job: Record) -> Record:
        """The job after one more chunk. Raises `_LostLeaseError` if another worker holds it now."""
        for left in range(CHUNK_TRIES - 1, -1, -1):
            try:
                return self._step(job)
            except (StaleError, ConflictError):
                if not left:
                    raise
        raise AssertionError("the loop returns or raises")

    def _step(self, seen: Record) -> Record:
        caller = Caller(self.actor, self.clock(), "job", seen.id)
        with self.ports.store.transaction() as transaction:
            job = self._held(transaction, seen)
            if job["cancel_requested"]:
                stored = transaction.update(
                    _ended(job, CANCELLED, f"cancelled after {job['done']:,} records", caller.now)
                )
                transaction.append_audit(accepted(caller, "stop", before=job, after=stored))
                return stored
            self._require_same_rights(transaction, job)
            step = self.work.step(caller, transaction, job["checkpoint"])
            changed = job.with_fields(
                checkpoint=exact_json.plain(step.checkpoint),
                done=step.done,
                total=max(job["total"] or 0, step.done),
                message=step.message,
                lease_until=self.clock() + LEASE,
            )
            if not step.finished:
                return transaction.update(changed)
            result = exact_json.plain(self.work.result(step.checkpoint))
            changed = _ended(changed.with_fields(total=step.done, result=result), SUCCEEDED, step.message, self.clock())
            stored = transaction.update(changed)
            digest = sha256(exact_json.canonical(result)).hexdigest()
            counts = {"done": {"before": 0, "after": step.done}, "result": {"before": None, "after": digest}}
            transaction.append_audit(accepted(caller, "finish", before=job, after=stored, changes=counts))
            return stored

    def _require_same_rights(self, transaction: Transaction, job: Record) -> None:
        """Nothing is done with rights that have gone: what the work covers was chosen with those that it began with."""
        if _starter(transaction, job) != self.actor:
            raise _rights_changed("the role or place of the person who started the job has changed since it began")

    def _held(self, transaction: Transaction, seen: Record) -> Record:
        job = transaction.get("job", seen.id, _own(seen))
        if job["lease_token"] != seen["lease_token"] or job["state"] != RUNNING:
            raise _LostLeaseError
        return job


def _rights_changed(message: str) -> DeniedError:
    help_text = "what is done stays done; start it again to go on with the rights of today"
    return DeniedError(Problem("job.rights_changed", message, help=help_text))


class _LostLeaseError(Exception):
    """Another worker has taken the job up: this one lets go without a word."""


def _own(job: Record) -> Compare:
    """The wall of the job's organisation, within which its id is looked for."""
    return Compare("organisation_id", "=", job.organisation_id)


def _take(ports: Ports, job_id: str, now: datetime, token: str) -> Record | None:
    """The job, leased to this worker, or None if there is nothing to do.

    Whoever works on jobs has no organisation: the id alone names the job, because it is random. The transaction says
    whose it is from its first question on, so that it waits for others of the organisation instead of meeting them.
    """
    mine = _own(ports.store.get("job", job_id, Always()))
    with ports.store.transaction() as transaction:
        job = transaction.get("job", job_id, mine)
        leased = job["state"] == RUNNING and job["lease_until"] is not None and job["lease_until"] > now
        if job["state"] in ENDED or leased:
            return None
        return transaction.update(
            job.with_fields(
                state=RUNNING,
                attempts=(job["attempts"] or 0) + 1,
                lease_token=token,
                lease_until=now + LEASE,
                started_at=job["started_at"] or now,
            )
        )


def _starter(reader: Reader, job: Record) -> Actor:
    """Whoever started the job, with the rights of today, within the scopes of the key or token that asked for it."""
    if job["actor_id"] == SERVICE_ID:
        return service_actor(job.organisation_id)
    try:
        actor = actor_in(reader, job.organisation_id, job["actor_id"])
    except NotFoundError:
        raise NotFoundError(
            Problem("job.person_gone", "the person who started the job may not sign in any more")
        ) from None
    return actor if job["actor_scopes"] is None else replace(actor, scopes=frozenset(job["actor_scopes"]))


def _require_start(ports: Ports, starter: Actor, job: Record) -> None:
    """Raise `DeniedError` (`job.rights_changed`) if whoever asked for the job might not start it today."""
    if not ports.authorizer.allows(starter, START, job):
        raise DeniedError(
            Problem(
                "job.rights_changed",
                "the role or place of the person who started the job has changed since, and would not allow it now",
                help="nothing was done; somebody who may can start it",
            )
        )


def _fail(ports: Ports, seen: Record, now: datetime, error: BylawError) -> Record:
    """End the job as failed, with the problem's sentence and code, if it is still this worker's."""
    with ports.store.transaction() as transaction:
        job = transaction.get("job", seen.id, _own(seen))
        if job["lease_token"] != seen["lease_token"] or job["state"] != RUNNING:
            return job
        stored = transaction.update(_ended(job, FAILED, _sentence(error), now))
        caller = Caller(service_actor(job.organisation_id), now, "job", job.id)
        transaction.append_audit(refused(caller, Attempt("run", "job", job.id, stored), error))
        return stored


def _ended(job: Record, state: str, message: str, now: datetime) -> Record:
    return job.with_fields(state=state, message=message, finished_at=now, lease_token=None, lease_until=None)


def _sentence(error: BylawError) -> str:
    problem = error.problems[0]
    more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
    return f"{problem.message}{more} [{problem.code}]"


def _message(job: Record, why: str, now: datetime) -> Message:
    message_id = f"{job.id}-{why}" if why == "start" else f"{job.id}-{why}-{job.revision}"
    return Message(message_id, job.organisation_id, TOPIC, {"job_id": job.id, "kind": job["kind"]}, now)
