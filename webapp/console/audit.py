"""The audit log: who did or tried what, when, to which record, and what it was before and after."""

from __future__ import annotations

from flask import Response

from engine.ports import Sort
from engine.service import records
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked, equal, listing, people_by_name

OUTCOMES = ("accepted", "denied", "failed")

RECORD_PAGES = {
    "lead": "lead", "deal": "deal", "statement": "statement", "conflict": "conflict", "job": "job",
}  # fmt: skip
"""Record types that have a page of their own."""


def audit() -> Response:
    """The log, newest first; every filter stands in the address."""
    actor, action, outcome, record = asked("actor"), asked("action"), asked("outcome"), asked("record")
    filters = {"actor": actor, "action": action, "outcome": outcome, "record": record}
    actions = records.tally_records(ports(), caller(), "audit_entry", "action")
    return page(
        "audit.html",
        section="audit",
        title="Audit",
        json_url=api("audit", actor_id=actor, action=action, outcome=outcome, record_id=record),
        listing=listing(
            "audit", "audit_entry",
            equal("actor_id", actor), equal("action", action), equal("outcome", outcome), equal("record_id", record),
            sort=(Sort("sequence", descending=True),), filters=filters,
        ),
        actions=sorted(str(name) for name in actions if name is not None),
        outcomes=OUTCOMES,
        people=people_by_name(),
        filters=filters,
        address=record_address,
    )  # fmt: skip


def audit_entry(record_id: str) -> Response:
    """One entry with what changed, field by field."""
    entry = records.get_record(ports(), caller(), "audit_entry", record_id)
    return page(
        "audit_entry.html",
        section="audit",
        title=f"Entry {entry['sequence']:,}",
        crumbs=(("Audit", link("audit")),),
        json_url=api(f"audit/{entry.id}"),
        entry=entry,
        changes=entry["changes"] or {},
        address=record_address(entry["record_type"], entry["record_id"]),
    )


def record_address(record_type: str, record_id: str) -> str | None:
    """The page of the record that an entry is about, where there is one."""
    endpoint = RECORD_PAGES.get(record_type)
    return link(endpoint, record_id=record_id) if endpoint and record_id else None


ROUTES = (
    Route("/audit", "audit", audit, asks=("read:audit_entry", "read:person")),
    Route("/audit/<record_id>", "audit_entry", audit_entry, asks=("read:audit_entry",)),
)
