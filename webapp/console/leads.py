"""Leads in the order to work them, and one lead with everything its score is made of."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from flask import Response

from engine.decision import Decision
from engine.ports import Sort
from engine.predicate import Always, Compare, In, Predicate, both
from engine.problems import BylawError, Problem
from engine.records import Record
from engine.service import leads as lead_cases
from engine.service import records
from engine.service.evaluate import replay
from webapp.console.audit import changes_of
from webapp.console.format import band_rank
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked, beginning, equal, listing, people_by_name, person_names, present, some
from webapp.console.nearest import what_would_change

TOP_REASONS = 3
ON_A_PAGE = 30
"""Each lead in the list has its receipt replayed for its reasons."""
HISTORY = 20
NOT_SCORED = "not_scored"
WAITING = "waiting"

FACTS_OF_A_LEAD = ("company", "status", "source", "reference", "created_at", "facts_schema")


@dataclass(frozen=True, slots=True)
class BandCount:
    """How many of the leads in view lie in a band; `label` is None for those without a score."""

    label: str | None
    count: int
    url: str
    chosen: bool = False

    @property
    def rank(self) -> int:
        """1 for the best to 4; those without a band come last."""
        return 4 if self.label is None else band_rank(self.label)

    @property
    def title(self) -> str:
        """The band's name for people."""
        return "Not scored" if self.label is None else f"Band {self.label}"


@dataclass(frozen=True, slots=True)
class TopReason:
    """One line of why a lead stands where it stands."""

    because: str
    contribution: Decimal


@dataclass(frozen=True, slots=True)
class Recomputed:
    """The score worked out now beside the one that is stored."""

    decision: Decision | None
    problems: tuple[Problem, ...]
    same: bool

    @property
    def total(self) -> Decimal | None:
        """The score, or None if the lead is not scored."""
        return self.decision.outcome.get("score") if self.decision else None


def band_counts(where: Predicate, chosen: str = "", **kept: str) -> tuple[BandCount, ...]:
    """Counts by band among the readable leads that match, best first, those without a score last."""
    tally = records.tally_records(ports(), caller(), "lead", "band", where=where)
    kept = {name: value for name, value in kept.items() if value}
    labelled = sorted((str(label), count) for label, count in tally.items() if label is not None)
    found = [BandCount(label, count, link("leads", band=label, **kept), label == chosen) for label, count in labelled]
    if tally.get(None):
        url = link("leads", band=NOT_SCORED, **kept)
        found.append(BandCount(None, tally[None], url, chosen == NOT_SCORED))
    return tuple(found)


def leads() -> Response:
    """The list: highest score first; leads without a score stand at the end, as a state of their own."""
    band, owner, search, state = asked("band"), asked("owner"), asked("q"), asked("state")
    common = both(equal("owner_id", owner), equal("score_state", state), beginning(search, "name", "company"))
    filters = {"band": band, "owner": owner, "q": search, "state": state}
    found = listing(
        "leads", "lead", common, _in_band(band), sort=(Sort("score", descending=True),), filters=filters, size=ON_A_PAGE
    )
    return page(
        "leads.html",
        section="leads",
        title="Leads",
        json_url=api("leads", band="" if band == NOT_SCORED else band, owner_id=owner),
        listing=found,
        reasons=top_reasons(found.records),
        bands=band_counts(common, band, owner=owner, q=search, state=state),
        people=people_by_name(),
        names=person_names(),
        filters=filters,
        all_url=link("leads", **{name: value for name, value in filters.items() if value and name != "band"}),
    )


def lead(record_id: str) -> Response:
    """One lead: facts, the score worked out now beside the stored one, why not more, what was decided before."""
    record = records.get_record(ports(), caller(), "lead", record_id)
    history = some(
        "decision",
        both(Compare("subject_type", "=", "lead"), Compare("subject_id", "=", record.id)),
        sort=(Sort("decided_at", descending=True),),
        limit=HISTORY,
    )
    recomputed = recompute(record)
    return page(
        "lead.html",
        section="leads",
        title=record["name"],
        crumbs=(("Leads", link("leads")),),
        json_url=api(f"leads/{record.id}"),
        of_record=record,
        lead=record,
        about=present(record, FACTS_OF_A_LEAD),
        owner=person_names().get(record["owner_id"], record["owner_id"]),
        recomputed=recomputed,
        turned=what_would_change(recomputed.decision) if recomputed.decision else None,
        history=history,
        changes=changes_of(record, HISTORY),
    )


def recompute(record: Record) -> Recomputed:
    """Work the score out now. A lead that no rule set fits has problems instead."""
    instant = caller().now
    try:
        decision = lead_cases.explain_lead(ports(), caller(), record.id, at=instant, as_of=instant)
    except BylawError as error:
        return Recomputed(None, error.problems, same=False)
    return Recomputed(decision, (), same=decision.outcome.get("score") == record["score"])


def top_reasons(found: tuple[Record, ...]) -> dict[str, list[TopReason]]:
    """The reasons that add most to each lead's stored decision, replayed from its receipt."""
    shown = {}
    for record in found:
        if record["decision_id"]:
            try:
                decision = replay(ports(), caller(), record["decision_id"])
            except BylawError:  # a list still shows the lead when one receipt cannot be read
                continue
            shown[record.id] = _strongest(decision)
    return shown


def _strongest(decision: Decision) -> list[TopReason]:
    reasons = [
        TopReason(reason.because, reason.contribution) for reason in decision.reasons if reason.contribution is not None
    ]
    return sorted(reasons, key=lambda reason: -reason.contribution)[:TOP_REASONS]


def _in_band(band: str) -> Predicate:
    if band == NOT_SCORED:
        return In("score_state", (NOT_SCORED, WAITING))
    return Compare("band", "=", band) if band else Always()


LIST_ASKS = ("read:decision", "read:lead", "read:person", "read:rule_version")

ROUTES = (
    Route("/leads", "leads", leads, asks=LIST_ASKS),
    Route("/leads/<record_id>", "lead", lead, asks=(*LIST_ASKS, "read:audit_entry")),
)
