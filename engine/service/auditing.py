"""Audit entries of the use cases: one accepted entry with every change, one denied or failed entry with every attempt.

An accepted entry is written in the transaction of its change. A denied or failed one has a transaction of its own,
which is committed before the error reaches the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from engine import exact_json
from engine.caller import Actor, Caller
from engine.ports import AuditDraft, Ports
from engine.problems import BylawError, DeniedError, InvalidError, NotFoundError, Problem, UnavailableError
from engine.records import PLACE, Record, personal_fields
from engine.service.directory import only_organisation, organisations
from engine.service.fields import is_kept

PLACE_FIELDS = tuple(known.name for known in PLACE)
LONGEST_REASON = 1_000
STRANGER = "stranger"
"""Id and role of somebody who has not shown who they are."""
UNPLACED = "unplaced"
"""The log of attempts at a door that several organisations share: `bylaw audit show --organisation unplaced`."""


UNEXPECTED = Problem("audit.unexpected", "the attempt stopped on an error in Bylaw itself")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody tries: the action, the record's type and id, and the record itself once it has been read."""

    action: str
    record_type: str
    record_id: str
    record: Record | None = None
    rule_set: str | None = None
    rule_version: int | None = None


def place_of(record: Record | None, caller: Caller) -> dict[str, str | None]:
    """The record's place fields; for a record that carries none (or is unknown) the actor's own place."""
    if record is not None and any(record[name] is not None for name in PLACE_FIELDS):
        return {name: record[name] for name in PLACE_FIELDS}
    actor = caller.actor
    return {
        "region_id": actor.region_id or None,
        "branch_id": actor.branch_id or None,
        "team_id": actor.team_id or None,
        "owner_id": actor.id,
        "territory_id": actor.territory_ids[0] if actor.territory_ids else None,
    }


def digest_of(record: Record | None) -> str | None:
    """SHA-256 of the canonical JSON of a record's fields, without those that are null or personal.

    A hash of a name can be turned back by trying names: personal values are committed to with a salt instead, each by
    itself (`engine.audit.leaf`).
    """
    if record is None:
        return None
    personal = personal_fields(record.type)
    known = {name: value for name, value in record.fields.items() if value is not None and name not in personal}
    return sha256(exact_json.canonical(known)).hexdigest()


def changes_between(before: Record | None, after: Record | None) -> dict[str, Any]:
    """`{field: {"before": ..., "after": ...}}` in JSON's own types, for the fields that differ."""
    old: Mapping[str, Any] = before.fields if before else {}
    new: Mapping[str, Any] = after.fields if after else {}
    return {
        name: {"before": exact_json.plain(old.get(name)), "after": exact_json.plain(new.get(name))}
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    }


def kept_reason(text: str) -> str:
    """A person's own words for the log, trimmed. Raises `InvalidError` (`audit.reason`) for none and for too many."""
    if not text.strip() or len(text) > LONGEST_REASON or not is_kept(text):
        message = f"a reason has 1 to {LONGEST_REASON:,} characters, none of them NUL, which stay in the log"
        raise InvalidError(Problem("audit.reason", message, help="name the case, and nobody"))
    return text.strip()


def accepted(
    caller: Caller,
    action: str,
    *,
    before: Record | None = None,
    after: Record | None = None,
    changes: Mapping[str, Any] | None = None,
    reason: str | None = None,
    approver: str | None = None,
    rule_set: str | None = None,
    rule_version: int | None = None,
) -> AuditDraft:
    """The entry of a change that is made. Without `changes` the differences between the two records are taken.

    `approver` is the id of the person who answers for an override, an adjustment or an erasure.
    """
    touched = after or before
    assert touched is not None
    return AuditDraft(
        organisation_id=touched.organisation_id,
        at=caller.now,
        actor=caller.actor,
        channel=caller.channel,
        request_id=caller.request_id,
        action=action,
        outcome="accepted",
        record_type=touched.type,
        record_id=touched.id,
        place=place_of(touched, caller),
        rule_set=rule_set,
        rule_version=rule_version,
        reason=reason,
        before_digest=digest_of(before),
        after_digest=digest_of(after),
        changes=changes_between(before, after) if changes is None else changes,
        approver_id=approver,
    )


def refused(caller: Caller, attempt: Attempt, error: BylawError) -> AuditDraft:
    """The entry of an attempt that came to nothing, with the code of its first problem as the reason."""
    unseen = isinstance(error, NotFoundError) and error.code == "record.not_found"
    outcome: Literal["denied", "failed"] = "denied" if unseen or isinstance(error, DeniedError) else "failed"
    return AuditDraft(
        organisation_id=caller.actor.organisation_id,
        at=caller.now,
        actor=caller.actor,
        channel=caller.channel,
        request_id=caller.request_id,
        action=attempt.action,
        outcome=outcome,
        record_type=attempt.record_type,
        record_id=attempt.record_id,
        place=place_of(attempt.record, caller),
        rule_set=attempt.rule_set,
        rule_version=attempt.rule_version,
        reason=error.code,
        before_digest=digest_of(attempt.record),
        after_digest=None,
        changes=None,
    )


def record_attempt(
    ports: Ports,
    *,
    at: datetime,
    action: str,
    outcome: Literal["accepted", "denied", "failed"],
    channel: str,
    request_id: str,
    subject: tuple[str, str],
    organisation_id: str | None = None,
    actor: Actor | None = None,
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> int:
    """Write, in its own transaction, that somebody tried to get in: signing in or out, a refused key.

    `subject` is a type and an id, such as `("session", person_id)` or `("api_key", key_id)`; never a secret, a token or
    a name that somebody typed. Without an `actor` it was a stranger. Without an organisation the entry is in the log of
    the only one there is; where there are several, so that nobody can tell whose door it was, in the log `UNPLACED`.
    Returns the entry's number; raises `UnavailableError`: then nobody may be let in.
    """
    record_type, record_id = subject
    organisation = organisation_id or (actor.organisation_id if actor is not None else _whose_door(ports))
    who = actor or Actor(STRANGER, "", STRANGER, organisation, region_id="", branch_id="", team_id="")
    place = place_of(None, Caller(who, at, channel, request_id)) if actor is not None else dict.fromkeys(PLACE_FIELDS)
    draft = AuditDraft(
        organisation_id=organisation,
        at=at,
        actor=who,
        channel=channel,
        request_id=request_id,
        action=action,
        outcome=outcome,
        record_type=record_type,
        record_id=record_id,
        place=place,
        reason=reason,
        changes=changes,
    )
    with ports.store.transaction() as transaction:
        return transaction.append_audit(draft)


def refused_times(count: int) -> dict[str, Any]:
    """The changes of an entry that stands for so many refusals: all since the entry before it."""
    return {"refused": {"before": None, "after": count}}


def _whose_door(ports: Ports) -> str:
    known = only_organisation(organisations(ports))
    return UNPLACED if known is None else known.id


@contextmanager
def audited(ports: Ports, caller: Caller, attempt: list[Attempt]) -> Iterator[None]:
    """Write a denied or failed entry, in its own transaction, for every error that leaves the block.

    `attempt` holds one item; the block replaces it once it knows the record that it is about. An error of the program
    itself is an entry too, with the reason `unexpected`.
    """
    try:
        yield
    except UnavailableError:
        raise  # nothing can be written now, an entry no more than the change
    except BylawError as error:
        _append(ports, refused(caller, attempt[0], error))
        raise
    except Exception:
        _append(ports, refused(caller, attempt[0], InvalidError(UNEXPECTED)))
        raise


def _append(ports: Ports, draft: AuditDraft) -> None:
    with ports.store.transaction() as transaction:
        transaction.append_audit(draft)
