"""The audit log: who did or tried what, when, to which record, what it was before and after, and what proves it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flask import Response, request

from engine import exact_json
from engine.ports import Sort
from engine.predicate import Always, Compare, Predicate, both
from engine.problem_codes import CODES
from engine.problems import InvalidError, Place, Problem
from engine.records import Record
from engine.service import audit as audit_cases
from engine.service import audit_export, records
from webapp import identity
from webapp.audit_file import attachment
from webapp.console.audit_changes import MOST, lines_of
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import LONGEST_SEARCH, Listing, asked, equal, listing, people_by_name, person_names
from webapp.context import wiring

OUTCOMES = ("accepted", "denied", "failed")
FIELDS = {"actor": "actor_id", "action": "action", "type": "record_type", "record": "record_id", "outcome": "outcome"}
"""Filters of the address that ask for one value, with the entry's field and the API's parameter."""

RECORD_PAGES = {
    "lead": "lead", "deal": "deal", "statement": "statement", "conflict": "conflict", "job": "job",
}  # fmt: skip
"""Record types that have a page of their own."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days in UTC, both included; either may be open."""

    first: date | None
    last: date | None

    @property
    def begin(self) -> datetime | None:
        """The first instant that belongs to it."""
        return datetime.combine(self.first, time(), UTC) if self.first else None

    @property
    def end(self) -> datetime | None:
        """The first instant after it."""
        return datetime.combine(self.last, time(), UTC) + timedelta(days=1) if self.last else None

    @property
    def condition(self) -> Predicate:
        """Entries of these days."""
        return both(
            Compare("at", ">=", self.begin) if self.begin else Always(),
            Compare("at", "<", self.end) if self.end else Always(),
        )

    @property
    def query(self) -> Mapping[str, str]:
        """The same as the API's parameters."""
        instants = {"from": self.begin, "before": self.end}
        return {name: exact_json.instant_text(instant) for name, instant in instants.items() if instant}


def audit() -> Response:
    """The log, newest first; every filter stands in the address."""
    filters = {name: asked(name) for name in (*FIELDS, "from", "to")}
    period = Period(_day("from", filters["from"]), _day("to", filters["to"]))
    kinds = records.tally_records(ports(), caller(), "audit_entry", "record_type")
    actions = records.tally_records(ports(), caller(), "audit_entry", "action")
    wanted = [equal(field, filters[name]) for name, field in FIELDS.items()]
    shown = listing(
        "audit", "audit_entry", *wanted, period.condition, sort=(Sort("sequence", descending=True),), filters=filters
    )
    return page(
        "audit.html",
        section="audit",
        title="Audit",
        json_url=api("audit", **{field: filters[name] for name, field in FIELDS.items()}, **period.query),
        listing=shown,
        has_gaps=not any(filters.values()) and has_gaps(shown),
        checkpointed=audit_cases.checkpointed_size(ports(), caller()),
        actions=_named(actions),
        kinds=_named(kinds),
        outcomes=OUTCOMES,
        people=people_by_name(),
        filters=filters,
        address=entry_address,
        scope=scope_of(filters).partition(":")[0],
    )


def audit_entry(record_id: str) -> Response:
    """One entry with what changed, value by value, and what proves that it is as it was written."""
    entry = records.get_record(ports(), caller(), "audit_entry", record_id)
    lines = lines_of(entry["changes"])
    return page(
        "audit_entry.html",
        section="audit",
        title=f"Entry {entry['sequence']:,}",
        crumbs=(("Audit", link("audit")),),
        json_url=api(f"audit/{entry.id}"),
        of_record=entry,
        entry=entry,
        lines=lines[:MOST],
        more_lines=max(0, len(lines) - MOST),
        meaning=CODES.get(entry["reason"] or "", ""),
        approver=person_names().get(entry["approver_id"], entry["approver_id"]),
        proof=audit_cases.proof_of(ports(), caller(), entry),
        address=entry_address(entry),
        history=history_address(entry["record_type"], entry["record_id"]),
    )


def export_audit() -> Response:
    """The file for an auditor: entries of these days with a proof each, as far as the person may read.

    It is asked for by a form, because a checkpoint of the log as it stands is signed first.
    """
    given = {name: request.form.get(name, "").strip()[:LONGEST_SEARCH] for name in (*FIELDS, "from", "to")}
    period, asking = Period(_day("from", given["from"]), _day("to", given["to"])), caller()
    made = audit_export.export_audit(
        ports(), asking, wiring().signer, scope_of(given), from_=period.begin, to=period.end,
        still_allowed=identity.unchanged(asking),
    )  # fmt: skip
    return attachment(made)


def has_gaps(shown: Listing) -> bool:
    """Whether numbers are missing among those of an unfiltered page. Nothing is told but what the numbers tell."""
    numbers = [int(entry["sequence"]) for entry in shown.records]
    if not numbers:
        return False
    lowest = numbers[-1] if shown.next_url else 1
    return numbers[0] - lowest >= len(numbers)


def scope_of(filters: Mapping[str, str]) -> str:
    """What a file for these filters holds: one record, one person's doing, or the whole log. Proofs are of scopes."""
    if filters["type"] and filters["record"]:
        return f"subject:{filters['type']}/{filters['record']}"
    return f"actor:{filters['actor']}" if filters["actor"] else audit_export.WHOLE


def record_address(record_type: str, record_id: str) -> str | None:
    """The page of the record that an entry is about, where there is one."""
    endpoint = RECORD_PAGES.get(record_type)
    return link(endpoint, record_id=record_id) if endpoint and record_id else None


def entry_address(entry: Record) -> str | None:
    """The page of the record that an entry is about; what was not created has none."""
    if entry["action"] in {"create", "start"} and entry["outcome"] != "accepted":
        return None
    return record_address(entry["record_type"], entry["record_id"])


def history_address(record_type: str, record_id: str) -> str:
    """The log of one record."""
    return link("audit", type=record_type, record=record_id)


def changes_of(record: Record, most: int) -> tuple[Record, ...]:
    """The newest entries about a record, for its own page."""
    about_it = both(Compare("record_type", "=", record.type), Compare("record_id", "=", record.id))
    return audit_cases.list_audit(ports(), caller(), where=about_it, limit=most).records


def _named(tally: Iterable[object]) -> list[str]:
    return sorted(str(name) for name in tally if name is not None)


def _day(name: str, text: str) -> date | None:
    if not text:
        return None
    try:
        found = date.fromisoformat(text) if len(text) == len("2026-11-02") else None
    except ValueError:
        found = None
    if found is None or not date(1900, 1, 1) <= found <= date(2200, 1, 1):
        raise InvalidError(
            Problem(
                "request.bad_parameter",
                f"`{name}` must be a date such as `2026-11-02`; `{text[:60]}` was given",
                Place("query", path=f"?{name}"),
            )
        )
    return found


ASKS = ("read:audit_entry", "read:checkpoint", "read:person")

ROUTES = (
    Route("/audit", "audit", audit, asks=ASKS),
    Route("/audit/export", "export_audit", export_audit, methods=("POST",), asks=("read:audit_entry",)),
    Route("/audit/<record_id>", "audit_entry", audit_entry, asks=ASKS),
)
