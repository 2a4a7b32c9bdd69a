"""A creating request that is sent twice counts once: its key is claimed before the work and keeps the answer after it.

A claim is a lease: if the process dies between the work and the answer, the same request may be sent again after
`CLAIM_SECONDS` and continues with the same new id, so that what was created is found instead of created again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.caller import Caller
from engine.ports import Ports, Transaction
from engine.predicate import Compare, Predicate, both
from engine.problems import ConflictError, InvalidError, NotFoundError, Problem, StaleError
from engine.records import Record
from engine.service.ids import derived_id

CLAIM_SECONDS = 60
KEPT_HOURS = 24
SWEPT_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered the first time."""

    status: int
    body: str
    headers: Mapping[str, str]


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
                return Answer(held["status"], held["response_body"], held["headers"])
            # A lapsed claim of the same request goes on with its id; anything else begins anew.
            resumed = held is not None and held["status"] is None and held["body_digest"] == fingerprint
            new_id = str(held["headers"]["new_id"]) if held is not None and resumed else ports.new_id()
            fields = {
                "actor_id": caller.actor.id,
                "key": key,
                "body_digest": fingerprint,
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
