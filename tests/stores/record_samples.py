"""Small records for the store tests."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from engine.caller import Actor
from engine.ports import AuditDraft
from engine.predicate import Compare
from engine.records import Money, Record

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)


def lead(organisation: str, number: int = 1, **fields: object) -> Record:
    given = {"name": f"Lead {number}", "facts_schema": "lead/2", "facts": {"employees": number}, **fields}
    return Record("lead", f"lead-{number:04d}", organisation, given)


def statement(organisation: str, record_id: str, **fields: object) -> Record:
    nothing = Money(Decimal(0), "USD")
    given = {
        "owner_id": "ann", "payee_name": "Ann", "plan": "sales", "plan_digest": "d", "period": "2026-Q3",
        "state": "final", "plan_version": 1, "credited": nothing, "excluded": nothing, "payout": nothing,
        "decision": {}, "calculated_at": NOW,
    }  # fmt: skip
    return Record("statement", record_id, organisation, {**given, **fields})


def draft(organisation: str, record_id: str = "lead-0001", **fields: object) -> AuditDraft:
    actor = Actor("ann", "Ann", "sales_rep", organisation, "north", "oslo", "red", ("t1",))
    given: dict[str, object] = {
        "organisation_id": organisation, "at": NOW, "actor": actor, "channel": "api", "request_id": "r1",
        "action": "update", "outcome": "accepted", "record_type": "lead", "record_id": record_id,
        "place": {"owner_id": "ann"},
    }  # fmt: skip
    return AuditDraft(**{**given, **fields})


def of(organisation: str) -> Compare:
    return Compare("organisation_id", "=", organisation)
