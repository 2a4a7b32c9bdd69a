"""From an audit draft to the record that is stored: the same in every store."""

from __future__ import annotations

from typing import Any

from adapters.stores.values import checked
from engine.ports import AuditDraft
from engine.records import PLACE, Record

AUDIT_ENTRY = "audit_entry"


def entry(draft: AuditDraft, sequence: int) -> Record:
    """The audit entry with its number. Its id is the number, fixed width, so that ids sort as the log does."""
    fields: dict[str, Any] = {field.name: draft.place.get(field.name) for field in PLACE}
    fields |= {
        "sequence": sequence,
        "at": draft.at,
        "actor_id": draft.actor.id,
        "actor_name": draft.actor.name,
        "actor_role": draft.actor.role,
        "channel": draft.channel,
        "request_id": draft.request_id,
        "action": draft.action,
        "outcome": draft.outcome,
        "record_type": draft.record_type,
        "record_id": draft.record_id,
        "rule_set": draft.rule_set,
        "rule_version": draft.rule_version,
        "reason": draft.reason,
        "before_digest": draft.before_digest,
        "after_digest": draft.after_digest,
        "changes": draft.changes,
    }
    record = checked(Record(AUDIT_ENTRY, f"audit-{sequence:012d}", draft.organisation_id, fields))
    return Record(record.type, record.id, record.organisation_id, record.fields, revision=1)
