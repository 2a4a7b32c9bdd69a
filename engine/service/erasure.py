"""Erasing a person or a lead: what the log holds about them becomes unreadable for ever, and every proof stays valid.

In one transaction the subject's key is destroyed, the personal fields of the live records are overwritten, and an entry
says that it was done, by whom and why. Doing it again is the same as once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.caller import Caller
from engine.ports import Ports, Transaction
from engine.predicate import Compare, both
from engine.problems import DeniedError, InvalidError, Problem
from engine.records import RECORD_TYPES, Record, personal_fields, record_type
from engine.service.actions import ERASE, READ
from engine.service.auditing import Attempt, accepted, audited, kept_reason
from engine.service.spelling import did_you_mean

ERASABLE = ("person", "lead")
"""Record types that are about somebody."""
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
            changed = [_overwritten(transaction, record) for record in _records_about(transaction, seen)]
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


def _records_about(transaction: Transaction, subject: Record) -> list[Record]:
    """The live records that name the subject: its own, and for a person those whose personal fields are the owner's."""
    found = [subject]
    if subject.type == "person":
        owned = both(Compare("organisation_id", "=", subject.organisation_id), Compare("owner_id", "=", subject.id))
        for known in RECORD_TYPES:
            if known.of_owner and not known.append_only:
                found += transaction.scan(known.name, owned)
    return found


def _overwritten(transaction: Transaction, record: Record) -> Record | None:
    """The record as stored without what is personal; None if there was nothing left to overwrite."""
    required = {field.name for field in record_type(record.type).fields if field.required}
    changes: dict[str, Any] = {
        name: ERASED if name in required else None for name in personal_fields(record.type) if record[name] is not None
    }
    if record.type == "person":
        changes["active"] = False
    after = record.with_fields(**changes)
    return None if after.fields == record.fields else transaction.update(after)
