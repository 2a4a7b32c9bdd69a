"""A creating request that is sent twice counts once: its key is claimed before the work and keeps the answer after it.

An answer is given again to whoever could still get it. So it is kept with the rights that it was given to: where they
are others now, the request is rehearsed first (`engine.service.rehearsal`), and where what was created lies elsewhere
now, the right to it is asked again.

A claim is a lease: if the process dies between the work and the answer, the same request may be sent again after
`CLAIM_SECONDS` and continues with the same new id, so that what was created is found instead of created again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.caller import Caller
from engine.ports import Ports, Transaction
from engine.predicate import Compare, Predicate, both
from engine.problems import ConflictError, DeniedError, InvalidError, NotFoundError, Problem, StaleError
from engine.records import Record
from engine.service.actions import READ
from engine.service.ids import derived_id
from engine.service.rights import rights_digest

CLAIM_SECONDS = 60
KEPT_HOURS = 24
SWEPT_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time. `rights` is the digest of the rights that it was given to (`rights_digest`)."""

    status: int
    body: str
    headers: Mapping[str, str]
    rights: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do the work now. `new_id` is the id that what is created gets, the same at every attempt."""

    record: Record
    new_id: str


def claim(ports: Ports, caller: Caller, key: str, fingerprint: str) -> Claim | Answer:
    """Claim a key for a request, or give the answer it has had already.

    `fingerprint` is a digest of what is asked. Raises `InvalidError` (`idempotency.key_reused`) if the key was used for
    something else, `ConflictError` (`idempotency.in_progress`) while the first request is at work.
    """
    record_id = derived_id("key", caller.actor.organisation_id, caller.actor.id, key)
    in_progress = ConflictError(
        Problem(
            "idempotency.in_progress", "a request with this key is being worked on", help="repeat it in a few seconds"
        )
    )
    try:
        with ports.store.transaction() as transaction:
            _sweep(transaction, caller)
            held = _held(transaction, caller, record_id)
            if held is not None and held["expires_at"] > caller.now:
                if held["body_digest"] != fingerprint:
                    raise InvalidError(
                        Problem(
                            "idempotency.key_reused", "this key was used for another request", help="send a fresh key"
                        )
                    )
                if held["status"] is None:
                    raise in_progress
                return Answer(held["status"], held["response_body"], held["headers"], held["rights_digest"])
            # A lapsed claim of the same request goes on with its id; anything else begins anew.
            resumed = held is not None and held["status"] is None and held["body_digest"] == fingerprint
            new_id = str(held["headers"]["new_id"]) if held is not None and resumed else ports.new_id()
            fields = {
                "actor_id": caller.actor.id,
                "key": key,
                "body_digest": fingerprint,
                "rights_digest": rights_digest(ports, caller.actor),
                "status": None,
                "response_body": None,
                "headers": {"new_id": new_id},
                "expires_at": caller.now + timedelta(seconds=CLAIM_SECONDS),
            }
            if held is None:
                return Claim(
                    transaction.insert(Record("idempotency_key", record_id, caller.actor.organisation_id, fields)),
                    new_id,
                )
            return Claim(transaction.update(held.with_fields(**fields)), new_id)
    except StaleError:
        raise in_progress from None
    except ConflictError as error:
        raise in_progress if error.code == "record.exists" else error from None


def settle(ports: Ports, claimed: Claim, answer: Answer, now: datetime) -> None:
    """Keep the answer for later repetitions."""
    record = claimed.record.with_fields(
        status=answer.status,
        response_body=answer.body,
        headers=dict(answer.headers),
        expires_at=now + timedelta(hours=KEPT_HOURS),
    )
    try:
        with ports.store.transaction() as transaction:
            transaction.update(record)
    except (StaleError, NotFoundError):
        return  # the claim lapsed and another request took it over: its answer is the one that is kept


def release(ports: Ports, claimed: Claim) -> None:
    """Give the key back after a refusal: nothing was created, so a corrected request may use it."""
    try:
        with ports.store.transaction() as transaction:
            transaction.delete(claimed.record)
    except (StaleError, NotFoundError):
        return


def require_present_right(ports: Ports, caller: Caller, action: str, record_type: str, record_id: str) -> None:
    """Raise `DeniedError` unless the caller may do this to the record where it lies now; one that is gone is no matter.

    `NotFoundError` where the caller may not read it either: then it is as if it were not there.
    """
    home = Compare("organisation_id", "=", caller.actor.organisation_id)
    try:
        record = ports.store.get(record_type, record_id, home)
    except NotFoundError:
        return
    if ports.authorizer.allows(caller.actor, action, record):
        return
    title = record_type.replace("_", "-")
    if not ports.authorizer.allows(caller.actor, READ, record):
        raise NotFoundError(Problem("record.not_found", f"there is no {title} `{record_id}`"))
    raise DeniedError(
        Problem("access.denied", f"the role `{caller.actor.role}` may not {action} the {title} `{record_id}` any more")
    )


def _held(transaction: Transaction, caller: Caller, record_id: str) -> Record | None:
    try:
        return transaction.get("idempotency_key", record_id, _mine(caller))
    except NotFoundError:
        return None


def _mine(caller: Caller) -> Predicate:
    return both(
        Compare("organisation_id", "=", caller.actor.organisation_id), Compare("actor_id", "=", caller.actor.id)
    )


def _sweep(transaction: Transaction, caller: Caller) -> None:
    """Remove a few of the caller's answers that are no longer kept: the table stays as large as a day's work."""
    settled = both(_mine(caller), Compare("expires_at", "<", caller.now - timedelta(hours=KEPT_HOURS)))
    for old in transaction.find("idempotency_key", settled, limit=SWEPT_AT_ONCE).records:
        transaction.delete(old)
