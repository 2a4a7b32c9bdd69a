"""Lists, single records, changes and creations: what every type has in common, and who sees what."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask
from small_world import EVERY_STORE, NOW, Api, as_person, code, value

from adapters.signing import signer_of
from adapters.wiring import Wiring
from engine.predicate import Always, Compare
from engine.records import record_type
from engine.service.checkpoints import take_checkpoint
from webapp.api.answers import HIDDEN
from webapp.api.resources import AUDIT, RESOURCES, Resource

pytestmark = pytest.mark.parametrize("kind_of_store", EVERY_STORE, indirect=True)


def ids(response: object) -> list[str]:
    """The ids of a page."""
    return [item["id"] for item in value(response)["items"]]


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        ("person-sales_rep", 4),
        ("person-field_sales_rep", 4),
        ("person-sales_manager", 12),
        ("person-revops_analyst", 12),
        ("person-platform_admin", 12),
        ("person-9", 1),
    ],
)
def test_everybody_sees_what_the_policies_let_them(app: Flask, person: str, expected: int):
    """A list holds what its reader may see and counts nothing else."""
    found = value(as_person(app, person).get("/leads", total="true"))
    assert (expected, expected) == (len(found["items"]), found["total"])


def test_what_may_not_be_seen_does_not_exist(rep: Api):
    """A record outside one's scope is not found, exactly as one that does not exist."""
    outside, absent = rep.get("/leads/lead-01"), rep.get("/leads/lead-77")
    assert code(outside) == code(absent) == (404, "record.not_found")
    assert rep.get("/leads/lead-00").status_code == 200


def test_leads_come_in_priority_order(analyst: Api):
    """Without a `sort`, leads come by score, the highest first, those without one last."""
    scores = [lead["score"] for lead in value(analyst.get("/leads"))["items"]]
    known = [Decimal(score) for score in scores if score is not None]
    assert sorted(known, reverse=True) == known
    assert [None] * 3 == scores[-3:]


@pytest.mark.parametrize("sort", ["-score", "score", "name", "-created_at"])
def test_pages_follow_each_other(analyst: Api, sort: str):
    """Following the cursors gives every record once, in the order of one large page."""
    whole = ids(analyst.get("/leads", sort=sort))
    found, following = [], "/leads?" + f"limit=5&sort={sort}"
    while following:
        page = analyst.get(following)
        found += ids(page)
        link = page.headers.get("Link", "")
        assert bool(link) == (value(page)["next_cursor"] is not None)
        following = link.partition("<")[2].partition(">")[0]
    assert whole == found
    assert len(whole) == 12


def test_a_cursor_belongs_to_its_list(analyst: Api):
    """A cursor of another order or filter is refused."""
    cursor = value(analyst.get("/leads", limit=2))["next_cursor"]
    assert (400, "cursor.invalid") == code(analyst.get("/leads", limit=2, sort="name", cursor=cursor))
    assert (400, "cursor.invalid") == code(analyst.get("/leads", limit=2, band="A", cursor=cursor))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/leads?band=A", {"lead-08", "lead-09", "lead-10"}),
        ("/leads?score_state=not_scored", {"lead-03", "lead-07", "lead-11"}),
        ("/leads?min_score=60&max_score=67.5", {"lead-08", "lead-09"}),
        ("/leads?q=lead%200", {f"lead-{n:02}" for n in range(10)}),
        ("/leads?company=company%202", {"lead-02", "lead-07"}),
        ("/leads?owner_id=person-other&source=fair", {"lead-04", "lead-10"}),
        ("/leads?created_from=2026-11-23T08:00:00Z", {"lead-00", "lead-01"}),
        ("/leads?created_before=2026-11-22T23:00:01%2B01:00", {"lead-11"}),
        ("/leads?band=Z", set()),
        ("/deals?stage=Won&closed_from=2026-09-03&closed_before=2026-09-05", {"deal-02"}),
        ("/deals?account_id=account-1&owner_id=person-sales_rep", {"deal-01", "deal-03", "deal-05"}),
        ("/check-ins?from=2026-11-23T08:00:00Z&before=2026-11-23T08:00:01Z", {"check-in-1"}),
        ("/accounts?sector=retail&q=harb", {"account-1"}),
        ("/statements?period=2026-Q3&plan=incentive-plan/sales-commission", {"statement-1"}),
        ("/statements?period=2026-Q2", set()),
        ("/conflicts?state=open&record_type=deal&record_id=deal-01", {"conflict-1"}),
    ],
)
def test_filters(analyst: Api, path: str, expected: set[str]):
    """Filters narrow a list to what they say, all together."""
    assert expected == set(ids(analyst.get(path)))


def test_values_keep_every_digit(analyst: Api):
    """Decimals and money are texts in answers, to the last digit that was stored."""
    assert value(analyst.get("/leads/lead-09"))["score"] == "67.5"
    assert value(analyst.get("/deals/deal-03"))["amount"] == {"amount": "3001.50", "currency": "USD"}
    assert value(analyst.get("/check-ins/check-in-1"))["latitude"] == "54.32"


@pytest.mark.parametrize("resource", [one for one in RESOURCES if one is not AUDIT], ids=lambda one: one.type)
def test_single_records_show_every_field(resource: Resource, analyst: Api, rep: Api, wiring: Wiring):
    """A single record shows all its fields, except those that are Bylaw's own bookkeeping."""
    analyst.post("/jobs", {"kind": "score-leads"})
    rep.post("/evaluate/lead-priority/inbound", {"facts": {}, "record": True})
    take_checkpoint(wiring.ports, signer_of("00" * 32), "org-a", NOW)
    held = wiring.ports.store.find(resource.type, Compare("organisation_id", "=", "org-a"), limit=1).records[0]
    shown = value(analyst.get(f"{resource.path}/{held.id}"))
    known = {field.name for field in record_type(resource.type).fields} - set(HIDDEN.get(resource.type, ()))
    assert known | {"id", "revision"} == set(shown)


# -- changing


def test_a_change_names_its_revision(rep: Api):
    """A change on the revision seen is made, and the next one needs the new revision."""
    read = rep.get("/leads/lead-00")
    assert '"1"' == read.headers["ETag"]
    changed = rep.patch("/leads/lead-00", {"company": "New Name Ltd", "status": None}, 1)
    assert (200, '"2"') == (changed.status_code, changed.headers["ETag"])
    assert ("New Name Ltd", None, 2) == tuple(value(changed)[name] for name in ("company", "status", "revision"))
    assert value(changed) == value(rep.get("/leads/lead-00"))


def test_a_stale_change_changes_nothing(rep: Api):
    """A change on an older revision is refused with the present one, and the record stays as it is."""
    rep.patch("/leads/lead-00", {"company": "First"}, 1)
    stale = rep.patch("/leads/lead-00", {"company": "Second"}, 1)
    assert (412, "record.stale") == code(stale)
    assert ('"2"', 2) == (stale.headers["ETag"], value(stale)["current_revision"])
    assert value(rep.get("/leads/lead-00"))["company"] == "First"


def test_a_change_without_a_revision(rep: Api):
    """A change that names no revision is refused."""
    assert (428, "request.precondition_required") == code(rep.patch("/leads/lead-00", {"company": "X"}))


@pytest.mark.parametrize("tag", ["3", "*", '"x"', 'W/"1"', '"1", "2"', '""', '"' + "9" * 30 + '"'])
def test_if_match_that_cannot_be_read(rep: Api, tag: str):
    """Only one revision is understood; a wildcard would be a change without having looked."""
    response = rep.send("PATCH", "/leads/lead-00", {"company": "X"}, headers={"If-Match": tag})
    assert (400, "request.bad_header") == code(response)


def test_a_change_that_changes_nothing(rep: Api):
    """A change to what is already so keeps the revision."""
    assert '"1"' == rep.patch("/leads/lead-00", {"name": "Lead 00"}, 1).headers["ETag"]


@pytest.mark.parametrize(
    ("body", "expected", "path"),
    [
        ({"score": 100}, "field.not_settable", "$.score"),
        ({"branch_id": "branch-2"}, "field.not_settable", "$.branch_id"),
        ({"organisation_id": "org-b"}, "field.not_settable", "$.organisation_id"),
        ({"revision": 7}, "field.not_settable", "$.revision"),
        ({"compnay": "X"}, "field.unknown", "$.compnay"),
        ({"name": None}, "field.missing", "$.name"),
        ({"name": 5}, "field.wrong_kind", "$.name"),
        ({"facts": {"employees": "many"}}, "facts.wrong_type", "$.facts.employees"),
        ({"owner_id": "person-9"}, "field.unknown_reference", "$.owner_id"),
    ],
)
def test_fields_that_cannot_be_set(rep: Api, body: dict[str, object], expected: str, path: str):
    """Derived fields, unknown ones and values that do not fit are refused with their path; the record stays."""
    response = rep.patch("/leads/lead-00", body, 1)
    assert 422 == response.status_code
    assert (expected, path) in {(one["code"], one.get("path")) for one in value(response)["problems"]}
    assert '"1"' == rep.get("/leads/lead-00").headers["ETag"]


def test_what_may_be_read_but_not_changed(app: Flask):
    """A manager reads the branch's records and is denied to change another team's; the attempt is in the audit log."""
    manager = as_person(app, "person-sales_manager")
    assert 200 == manager.get("/leads/lead-01").status_code
    assert (403, "access.denied") == code(manager.patch("/leads/lead-01", {"company": "Taken"}, 1))
    entries = value(as_person(app, "person-platform_admin").get("/audit", outcome="denied", record_id="lead-01"))[
        "items"
    ]
    assert [("person-sales_manager", "update", "access.denied")] == [
        (e["actor_id"], e["action"], e["reason"]) for e in entries
    ]


# -- creating


def test_creating_a_lead(rep: Api):
    """A new lead belongs to its creator, lies where the creator does, and waits for its score."""
    made = rep.post("/leads", {"name": "Nadia Fresh", "facts": {"employees": 50}})
    found = value(made)
    assert (201, f"/api/v1/leads/{found['id']}", '"1"') == (
        made.status_code,
        made.headers["Location"],
        made.headers["ETag"],
    )
    assert ("person-sales_rep", "team-1", "branch-1", "waiting") == tuple(
        found[n] for n in ("owner_id", "team_id", "branch_id", "score_state")
    )
    assert found == value(rep.get(made.headers["Location"]))


def test_creating_a_deal_and_a_check_in(rep: Api):
    """Money and coordinates are taken as numbers or as texts, and are kept exactly."""
    deal = value(
        rep.post("/deals", {"name": "Tea", "stage": "Engaging", "amount": {"amount": "12.30", "currency": "USD"}})
    )
    visit = rep.send(
        "POST",
        "/check-ins",
        raw=b'{"at": "2026-11-23T10:00:00+01:00", "latitude": 54.325000, "longitude": "10.1"}',
        key="v1",
    )
    assert deal["amount"] == {"amount": "12.30", "currency": "USD"}
    assert ("2026-11-23T09:00:00Z", "54.325", "10.1") == tuple(
        value(visit)[name] for name in ("at", "latitude", "longitude")
    )


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/leads", {}, {("field.missing", "$.name")}),
        ("/leads", {"name": "X", "id": "mine"}, {("field.not_settable", "$.id")}),
        ("/deals", {"name": "X"}, {("field.missing", "$.stage")}),
        ("/deals", {"name": "X", "stage": "Woon"}, {("field.not_a_choice", "$.stage")}),
        ("/deals", {"name": "X", "stage": "Won"}, {("field.missing", "$.closed_on")}),
        (
            "/deals",
            {"name": "X", "stage": "Engaging", "amount": {"amount": "1.234", "currency": "USD"}},
            {("field.out_of_range", "$.amount")},
        ),
        (
            "/deals",
            {"name": "X", "stage": "Engaging", "account_id": "account-77"},
            {("field.unknown_reference", "$.account_id")},
        ),
        (
            "/check-ins",
            {"at": "now", "latitude": 95, "longitude": True},
            {("field.wrong_kind", "$.at"), ("field.wrong_kind", "$.longitude"), ("field.out_of_range", "$.latitude")},
        ),
    ],
)
def test_what_is_not_created(
    rep: Api, wiring: Wiring, path: str, body: dict[str, object], expected: set[tuple[str, str]]
):
    """What does not fit is refused with every problem, and nothing is created."""
    kind = {"/leads": "lead", "/deals": "deal", "/check-ins": "check_in"}[path]
    before = wiring.ports.store.count(kind, Always())
    response = rep.post(path, body)
    assert 422 == response.status_code
    assert expected <= {(problem["code"], problem.get("path")) for problem in value(response)["problems"]}
    assert before == wiring.ports.store.count(kind, Always())


def test_who_may_not_create(app: Flask, analyst: Api):
    """An analyst, who only reads what is the analyst's own, creates nothing of the analyst's own."""
    assert (403, "access.denied") == code(analyst.post("/leads", {"name": "Mine"}))


def test_check_ins_are_never_changed(rep: Api):
    """There is no way to change a check-in."""
    assert (405, "request.method") == code(rep.patch("/check-ins/check-in-1", {"note": "later"}, 1))


def test_every_change_is_in_the_audit_log(rep: Api, admin: Api):
    """What was changed stands in the audit log under the request's id, with before and after."""
    rep.send("PATCH", "/leads/lead-00", {"company": "Logged"}, headers={"If-Match": '"1"', "X-Request-Id": "req-77"})
    entry = value(admin.get("/audit", request_id="req-77"))["items"][0]
    assert ("update", "accepted", "api", "lead-00") == tuple(
        entry[n] for n in ("action", "outcome", "channel", "record_id")
    )
    assert {"before": "Company 0", "after": "Logged"} == entry["changes"]["company"]


def test_audit_in_pages(rep: Api, admin: Api):
    """The audit log comes the newest first, page by page, without gaps."""
    for revision in (1, 2, 3):
        rep.patch("/leads/lead-00", {"company": f"Step {revision}"}, revision)
    first = admin.get("/audit", limit=2, record_id="lead-00", total="true")
    second = admin.get(first.headers["Link"].partition("<")[2].partition(">")[0])
    sequences = [int(entry["sequence"]) for page in (first, second) for entry in value(page)["items"]]
    assert sorted(sequences, reverse=True) == sequences
    assert (3, 3) == (len(sequences), value(first)["total"])
