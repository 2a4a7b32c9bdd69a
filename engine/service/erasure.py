"""Erasing a person or a lead: what the log holds about them becomes unreadable for ever, and every proof stays valid.

In one transaction the subject's key is destroyed, the personal fields of the live records are overwritten, and an entry
says that it was done, by whom and why. Doing it again is the same as once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.caller import Caller
from engine.ports import Ports, Transaction
from engine.predicate import Compare
from engine.problems import DeniedError, InvalidError, Problem
from engine.records import FieldKind, Record, personal_fields, record_type, subject_of
from engine.service.actions import ERASE, READ
from engine.service.auditing import Attempt, accepted, audited, kept_reason
from engine.service.spelling import did_you_mean

ERASABLE = ("person", "lead")
"""Record types that are about somebody."""
TELLING = ("statement", "job", "conflict")
"""Record types whose documents tell about people by name: what a run paid whom, who chose."""
ERASED = "erased"
"""What stands afterwards in a field that may not be empty."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was done: whom it was about, how many live records were overwritten, and whether it was done before."""

    subject: str
    records: int
    done_before: bool


def erase_subject(ports: Ports, caller: Caller, subject: str, reason: str) -> Erasure:
    """Erase `person/ID` or `lead/ID`. A person cannot sign in afterwards; ids stay, as they name nobody.

    Raises `InvalidError` (`audit.subject`, `audit.reason`), `NotFoundError` outside the read scope, `DeniedError`.
    """
    kind, _, record_id = subject.partition("/")
    attempt = [Attempt(ERASE, kind if kind in ERASABLE else "subject", record_id[:200] or "unknown")]
    with audited(ports, caller, attempt):
        if kind not in ERASABLE or not record_id:
            message = f"`{subject[:80]}` names nobody: write `person/ID` or `lead/ID`"
            raise InvalidError(Problem("audit.subject", message, help=did_you_mean(kind, ERASABLE)))
        why = kept_reason(reason)
        with ports.store.transaction() as transaction:
            seen = transaction.get(kind, record_id, ports.authorizer.predicate(caller.actor, READ, kind))
            attempt[0] = replace(attempt[0], record=seen)
            if not ports.authorizer.allows(caller.actor, ERASE, seen):
                message = f"the role `{caller.actor.role}` may not erase the {kind} `{record_id}`"
                raise DeniedError(Problem("access.denied", message, help="a platform administrator of the region may"))
            destroyed = transaction.erase_subject(seen.organisation_id, subject)
            changed = [_overwritten(transaction, record, seen) for record in _records_about(transaction, seen)]
            written = [record for record in changed if record is not None]
            if not destroyed and not written:
                return Erasure(subject, 0, done_before=True)
            after = next((record for record in written if (record.type, record.id) == (kind, record_id)), seen)
            transaction.append_audit(
                accepted(
                    caller,
                    ERASE,
                    before=seen,
                    after=after,
                    reason=why,
                    approver=caller.actor.id,
                    # The values that were: nowhere. Only how much was overwritten.
                    changes={"records": {"before": 0, "after": len(written)}},
                )
            )
            return Erasure(subject, len(written), done_before=False)


def _records_about(transaction: Transaction, subject: Record) -> Iterator[Record]:
    """The live records that may name the subject: its own, and for a person those that tell about people."""
    yield subject
    if subject.type == "person":
        mine = Compare("organisation_id", "=", subject.organisation_id)
        for known in TELLING:
            # Read to the end before the first is written: a scan that goes on meets what it has changed.
            yield from list(transaction.scan(known, mine))


def _overwritten(transaction: Transaction, record: Record, subject: Record) -> Record | None:
    """The record as stored without what is personal; None if there was nothing left to overwrite."""
    known = record_type(record.type)
    changes: dict[str, Any] = {}
    if subject_of(record.type, record.id, record["owner_id"]) == f"{subject.type}/{subject.id}":
        required = {field.name for field in known.fields if field.required}
        named = [name for name in personal_fields(record.type) if record[name] is not None]
        changes |= {name: ERASED if name in required else None for name in named}
    if record.type == "person":
        changes["active"] = False
    if record.type in TELLING:
        documents = [field.name for field in known.fields if field.kind is FieldKind.DOCUMENT and record[field.name]]
        changes |= {name: _without_name(record[name], subject.id) for name in documents}
    after = record.with_fields(**changes)
    return None if after.fields == record.fields else transaction.update(after)


def _without_name(document: Any, person_id: str) -> Any:
    """The document with the name taken out wherever an object says that it is about this person."""
    if isinstance(document, Mapping):
        about = person_id in (document.get("id"), document.get("payee"))
        return {
            name: ERASED if about and name == "name" else _without_name(item, person_id)
            for name, item in document.items()
        }
    if isinstance(document, list | tuple):
        return [_without_name(item, person_id) for item in document]
    return document
