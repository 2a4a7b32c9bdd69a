"""Incentive statements: who earned what in a period, and one statement with its whole derivation."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Response

from engine.ports import Sort
from engine.predicate import Compare
from engine.service import incentives, records
from webapp.console.charts import shares, waterfall
from webapp.console.documents import stored_decision
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked, beginning, equal, listing, some

SECTIONS_SHOWN = 500
"""Lines and exclusions on one page; the JSON twin has all."""


def statements() -> Response:
    """One period's statements, the highest payout first; without a choice the latest period there is."""
    tally = records.tally_records(ports(), caller(), "statement", "period")
    periods = sorted((str(label) for label in tally if label is not None), reverse=True)
    period, plan, search = asked("period") or (periods[0] if periods else ""), asked("plan"), asked("q")
    plans = records.tally_records(ports(), caller(), "statement", "plan")
    filters = {"period": period, "plan": plan, "q": search}
    found = listing(
        "statements", "statement", equal("period", period), equal("plan", plan), beginning(search, "payee_name"),
        sort=(Sort("payout", descending=True),), filters=filters,
    )  # fmt: skip
    return page(
        "statements.html",
        section="statements",
        title="Statements",
        json_url=api("statements", period=period, plan=plan),
        listing=found,
        widths=shares([record["payout"].amount for record in found.records]),
        periods=[(label, tally[label], link("statements", period=label, plan=plan or None)) for label in periods],
        plans=sorted(str(name) for name in plans if name is not None),
        filters=filters,
    )


def statement(record_id: str) -> Response:
    """One statement: what was paid for which lines, which deals did not count and why, and the proof of the sums."""
    record = incentives.statement(ports(), caller(), record_id)
    decision = stored_decision(record["decision"])
    outcome = decision.outcome
    lines = outcome.get("lines", [])
    exclusions = outcome.get("exclusions", [])
    bands = outcome.get("bands", [])
    return page(
        "statement.html",
        section="statements",
        title=f"{record['payee_name']}, {record['period']}",
        crumbs=(("Statements", link("statements", period=record["period"])),),
        json_url=api(f"statements/{record.id}"),
        of_record=record,
        statement=record,
        decision=decision,
        outcome=outcome,
        currency=outcome.get("currency", record["payout"].currency),
        steps=waterfall(decision.reasons),
        bands=list(zip(bands, shares([Decimal(band["earned"]) for band in bands]), strict=True)),
        measures={one["component"]: one["measure"] for one in outcome.get("components", ())},
        lines=lines[:SECTIONS_SHOWN],
        exclusions=exclusions[:SECTIONS_SHOWN],
        more_lines=max(0, len(lines) - SECTIONS_SHOWN),
        more_exclusions=max(0, len(exclusions) - SECTIONS_SHOWN),
        reasons_for_exclusion=_grouped(exclusions),
        others=some(
            "statement", Compare("owner_id", "=", record["owner_id"]), sort=(Sort("period", descending=True),), limit=12
        )
        if record["owner_id"]
        else (),
    )


def _grouped(exclusions: list[Any]) -> list[tuple[str, int, Decimal]]:
    """Each reason with the number of deals and their sum, the largest sum first."""
    groups: dict[str, tuple[int, Decimal]] = {}
    for one in exclusions:
        count, total = groups.get(one["reason"], (0, Decimal(0)))
        groups[one["reason"]] = (count + 1, total + Decimal(one["amount"]))
    return sorted(((reason, *found) for reason, found in groups.items()), key=lambda group: -group[2])


ROUTES = (
    Route("/statements", "statements", statements, asks=("read:statement",)),
    Route("/statements/<record_id>", "statement", statement, asks=("read:statement",)),
)
