"""Home: what waits, and how the house stands."""

from __future__ import annotations

from flask import Response

from engine.ports import Sort
from engine.predicate import Always, Compare, In
from engine.service import records
from webapp.console.frame import Route, caller, page, ports
from webapp.console.jobs import percent
from webapp.console.leads import band_counts, top_reasons
from webapp.console.listing import person_names, some
from webapp.console.rules import lines

TOP_LEADS = 8
A_FEW = 6
LATEST = (Sort("period", descending=True), Sort("payout", descending=True))


def home() -> Response:
    """Leads by band, the first ones, open conflicts, jobs at work, last statements, rule sets and their tests."""
    top = some("lead", Compare("score_state", "=", "scored"), sort=(Sort("score", descending=True),), limit=TOP_LEADS)
    is_open = Compare("state", "=", "open")
    working = In("state", ("queued", "running"))
    return page(
        "home.html",
        section="home",
        title="Home",
        bands=band_counts(Always()),
        top=top,
        reasons=top_reasons(top),
        conflicts=some("conflict", is_open, sort=(Sort("found_at", descending=True),), limit=A_FEW),
        conflict_count=records.count_records(ports(), caller(), "conflict", where=is_open),
        jobs=some("job", working, sort=(Sort("created_at", descending=True),), limit=A_FEW),
        last_jobs=some("job", Always(), sort=(Sort("created_at", descending=True),), limit=3),
        percent=percent,
        statements=some("statement", Always(), sort=LATEST, limit=A_FEW),
        rule_sets=lines(),
        names=person_names(),
    )


ASKS = ("read:conflict", "read:decision", "read:job", "read:lead", "read:person", "read:rule_version", "read:statement")

ROUTES = (Route("/", "home", home, asks=ASKS),)
