"""Deals: the list, and one deal with its terms, conflicts and history."""

from __future__ import annotations

from flask import Response

from engine.ports import Sort
from engine.predicate import Compare, both
from engine.service import records
from webapp.console.audit import changes_of
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked, beginning, equal, listing, people_by_name, person_names, present, some

ABOUT = ("stage", "account_name", "product", "amount", "contract_target", "next_step")
DATES = ("engaged_on", "expected_close", "closed_on", "changed_at")
REST = ("tags", "splits", "source")
HISTORY = 20


def deals() -> Response:
    """The list: the latest closed first, open ones after them."""
    stage, owner, search = asked("stage"), asked("owner"), asked("q")
    common = both(equal("owner_id", owner), beginning(search, "name", "account_name"))
    filters = {"stage": stage, "owner": owner, "q": search}
    tally = records.tally_records(ports(), caller(), "deal", "stage", where=common)
    kept = {name: value for name, value in filters.items() if value and name != "stage"}
    stages = [
        (str(name), count, link("deals", stage=str(name), **kept))
        for name, count in sorted(tally.items(), key=lambda pair: -pair[1])
        if name is not None
    ]
    return page(
        "deals.html",
        section="deals",
        title="Deals",
        json_url=api("deals", stage=stage, owner_id=owner),
        listing=listing(
            "deals", "deal", common, equal("stage", stage), sort=(Sort("closed_on", descending=True),), filters=filters
        ),
        stages=stages,
        all_count=sum(tally.values()),
        all_url=link("deals", **kept),
        people=people_by_name(),
        names=person_names(),
        filters=filters,
    )


def deal(record_id: str) -> Response:
    """One deal: terms, dates, who shares its credit, edits that met in sync, changes."""
    record = records.get_record(ports(), caller(), "deal", record_id)
    about_it = both(Compare("record_type", "=", "deal"), Compare("record_id", "=", record.id))
    return page(
        "deal.html",
        section="deals",
        title=record["name"],
        crumbs=(("Deals", link("deals")),),
        json_url=api(f"deals/{record.id}"),
        of_record=record,
        deal=record,
        about=present(record, ABOUT),
        dates=present(record, DATES),
        rest=present(record, REST),
        owner=person_names().get(record["owner_id"], record["owner_id"]),
        conflicts=some("conflict", about_it, sort=(Sort("found_at", descending=True),), limit=HISTORY),
        changes=changes_of(record, HISTORY),
    )


ROUTES = (
    Route("/deals", "deals", deals, asks=("read:deal", "read:person")),
    Route("/deals/<record_id>", "deal", deal, asks=("read:deal", "read:person", "read:conflict", "read:audit_entry")),
)
