"""The audit pages: who did what, when, before and after, and what proves it; every filter stands in the address."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from console_house import NOW, Visitor
from console_markup import faults

from adapters.signing import is_signed_by
from engine import exact_json
from engine.audit.verification import verify
from engine.predicate import Always
from engine.problem_codes import CODES
from engine.problems import DeniedError
from engine.records import Record
from engine.service import records
from engine.service.checkpoints import take_checkpoint
from webapp.console.audit import has_gaps
from webapp.console.audit_changes import LARGEST, Line, is_brief, is_large, lines_of
from webapp.console.listing import Listing

Acting = Callable[[str | None], Visitor]
LARGE = {f"part {number}": number for number in range(LARGEST + 1)}


def changed_lead(browser: Visitor) -> Record:
    """A lead with one accepted change in its log, of a text and of one fact."""
    lead = records.list_records(browser.wiring.ports, browser.caller, "lead", limit=1).records[0]
    facts = {**lead["facts"], "employees": Decimal(777)}
    changes = {"company": "Harbour Tea" + "!" * (lead.revision - 2), "facts": facts}
    return records.update_record(browser.wiring.ports, browser.caller, "lead", lead.id, changes, revision=lead.revision)


def entry_about(browser: Visitor, record_id: str) -> Record:
    """The newest entry about a record."""
    found = browser.wiring.ports.store.scan("audit_entry", Always())
    return [entry for entry in found if entry["record_id"] == record_id][-1]


def twin(browser: Visitor, address: str) -> list[int]:
    """The numbers of the entries that the page's JSON link leads to."""
    (link,) = [one for one in browser.get(address).links() if one.startswith("/api/v1/audit")]
    answer = exact_json.parse(browser.client.get(f"{link}{'&' if '?' in link else '?'}limit=200").data)
    return [int(item["sequence"]) for item in answer["items"]]


@pytest.mark.parametrize(
    "query",
    ["", "?type=rule_version", "?action=publish&outcome=accepted", "?actor=service", "?outcome=denied",
     "?from=2026-11-23&to=2026-11-23", "?from=2026-11-24", "?to=2026-11-22", "?type=lead&from=2026-01-01",
     "?record=lead-1001", "?type=session"],
)  # fmt: skip
def test_the_page_and_its_json_show_the_same_entries(looking: Acting, query: str) -> None:
    """Whatever the filters, the page shows the entries that its JSON link gives, the newest first."""
    browser = looking("platform_admin")
    page = browser.get(f"/audit{query}")
    assert [] == faults(page)
    shown = [int(row[0].replace(",", "")) for row in page.rows()] if page.all("tbody") else []
    expected = twin(browser, f"/audit{query}")
    assert expected[: len(shown)] == shown
    assert bool(expected) == bool(shown)


def test_filters_stay_in_the_form_and_in_the_next_page(looking: Acting) -> None:
    """Every filter of the address stands in the form again, and the next page keeps it."""
    browser = looking("platform_admin")
    page = browser.get("/audit?type=rule_version&from=2026-01-01&to=2026-12-31&record=")
    assert "2026-01-01" == page.one("input", id="from").attributes["value"]
    assert "2026-12-31" == page.one("input", id="to").attributes["value"]
    chosen = [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes]
    assert ["rule_version"] == chosen
    following = [link for link in browser.get("/audit?from=2026-01-01").links() if "cursor=" in link]
    assert all("from=2026-01-01" in link for link in following)


@pytest.mark.parametrize(
    "text", ["23.11.2026", "2026-13-01", "20261123", "0000-01-01", "9999-12-31", "now", "2026-W48"]
)
def test_a_day_that_is_none_is_said(looking: Acting, text: str) -> None:
    """A date that cannot be read gets a page that says how to write one; nothing is guessed."""
    page = looking("platform_admin").get(f"/audit?from={text}", 400)
    assert "2026-11-02" in page.text
    assert [] == faults(page)


def test_an_empty_log_and_no_match_are_told_apart(looking: Acting) -> None:
    """Filters that match nothing offer to be taken away."""
    page = looking("platform_admin").get("/audit?record=nothing-like-it")
    assert "No entry fits these filters" in page.text
    assert "/audit" in page.links()


def test_an_entry_shows_each_value_that_differs(acting: Acting) -> None:
    """What changed is shown value by value, documents taken apart, with what stood there before."""
    browser = acting("platform_admin")
    lead = changed_lead(browser)
    page = browser.get(f"/audit/{entry_about(browser, lead.id).id}")
    assert [] == faults(page)
    rows = {row[0]: row[1:] for row in page.rows()}
    assert "Harbour Tea" == rows["Company"][1]
    assert "777" == rows["Facts Employees"][1]
    assert not any(name.startswith("Facts") and name != "Facts Employees" for name in rows)
    twin_of_it = exact_json.parse(browser.client.get(f"/api/v1/audit/{entry_about(browser, lead.id).id}").data)
    assert "Harbour Tea" == twin_of_it["changes"]["company"]["after"]


def test_the_list_shows_short_values_before_and_after(acting: Acting) -> None:
    """Whoever looks through the log sees, to the second, what was there and what is there now."""
    browser = acting("platform_admin")
    lead = changed_lead(browser)
    entry = entry_about(browser, lead.id)
    (row,) = [row for row in browser.get("/audit?type=lead").rows() if row[0] == f"{entry['sequence']:,}"]
    before = entry["changes"]["company"]["before"]
    assert f"Company {before} → Harbour Tea" in " ".join(row[3].split())
    assert f"{entry['at']:%H:%M:%S}" in row[1]


@pytest.mark.parametrize(
    ("before", "after", "brief"),
    [
        (None, "open", True),
        ("open", None, True),
        (Decimal("1.50"), {"amount": "2.00", "currency": "USD"}, True),
        (True, False, True),
        ("x" * 41, "short", False),
        (None, {"a": 1}, False),
        (["a"], None, False),
    ],
)
def test_what_fits_into_a_list(before: object, after: object, *, brief: bool) -> None:
    """Single short values stand in the list; documents, lists and long texts on the entry's own page."""
    assert brief is is_brief(Line(("field",), "changed", before, after))


def test_an_entry_says_whether_its_hash_holds(acting: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash is worked out anew from what is shown: an entry that was altered afterwards is marked loudly."""
    browser = acting("platform_admin")
    entry = entry_about(browser, changed_lead(browser).id)
    page = browser.get(f"/audit/{entry.id}")
    assert entry["leaf_hash"] in page.text
    assert "it is the one that was kept" in page.text
    assert "Not yet signed" in page.text
    altered = entry.with_fields(actor_role="sales_rep")
    monkeypatch.setattr("webapp.console.audit.records.get_record", lambda *_: altered)
    page = browser.get(f"/audit/{entry.id}")
    assert [] == faults(page)
    assert "Does not hold" in page.text
    assert "The entry is not as it was written." in page.text


def test_an_entry_names_the_checkpoint_that_covers_it(acting: Acting) -> None:
    """The first signed checkpoint that covers an entry is shown with its note; entries after it are not yet signed."""
    browser = acting("platform_admin")
    entry = entry_about(browser, changed_lead(browser).id)
    first = take_checkpoint(browser.wiring.ports, browser.wiring.signer, entry.organisation_id, NOW)
    assert first is not None
    later = entry_about(browser, changed_lead(browser).id)
    page = browser.get(f"/audit/{entry.id}")
    assert [] == faults(page)
    assert first["note"] in page.one("pre").text
    assert f"covers it, with all of the first {first['size']:,} entries" in page.text
    assert "Not yet signed" in browser.get(f"/audit/{later.id}").text
    states = {int(row[0].replace(",", "")): row[-1] for row in browser.get("/audit").rows()}
    assert ("Signed", "Not yet signed") == (states[entry["sequence"]], states[later["sequence"]])


def test_reason_and_approver_are_named(acting: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reason that is a problem's code is said in words, any other in its own; who approved is named."""
    browser = acting("platform_admin")
    analyst = acting("revops_analyst").caller
    with pytest.raises(DeniedError):
        records.create_record(browser.wiring.ports, replace(analyst, request_id="r-1"), "lead", {"name": "Nobody's"})
    (denied,) = [one for one in browser.wiring.ports.store.scan("audit_entry", Always()) if one["request_id"] == "r-1"]
    page = browser.get(f"/audit/{denied.id}")
    assert CODES["access.denied"] in page.text
    assert f"/leads/{denied['record_id']}" not in page.links()
    approved = replace(denied, fields={**denied.fields, "reason": "Quarter end", "approver_id": "person-sales_manager"})
    monkeypatch.setattr("webapp.console.audit.records.get_record", lambda *_: approved)
    page = browser.get(f"/audit/{denied.id}")
    manager = browser.wiring.ports.store.get("person", "person-sales_manager", Always())
    assert "Quarter end" in page.text
    assert manager["name"] in page.text


@pytest.mark.parametrize(
    ("list_", "kind"),
    [("/leads", "lead"), ("/deals", "deal"), ("/statements", "statement"), ("/conflicts", "conflict")],
)
def test_a_record_leads_to_its_history(looking: Acting, list_: str, kind: str) -> None:
    """Every record's page leads to the log of just that record."""
    browser = looking("platform_admin")
    address = next(link for link in browser.get(list_).links() if link.startswith(f"{list_}/"))
    record_id = address.rpartition("/")[2].partition("?")[0]
    assert f"/audit?type={kind}&record={record_id}" in browser.get(address).links()
    shown = browser.get(f"/audit?type={kind}&record={record_id}")
    assert all(record_id in row[4] for row in (shown.rows() if shown.all("tbody") else []))


def test_what_never_came_to_be_has_no_page(acting: Acting) -> None:
    """An attempt to start a job that failed leads to no job: there is none."""
    browser = acting("revops_analyst")
    assert 422 == browser.post("/jobs", kind="incentive-run", plan="incentive-plan/none", period="2026-Q3").status_code
    page = browser.get("/audit?action=start&outcome=failed")
    assert page.rows()
    assert not [link for link in page.links() if link.startswith("/jobs/")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (None, ()),
        ({"name": {"before": None, "after": "A"}}, (Line(("name",), "set", None, "A"),)),
        ({"name": {"before": "A", "after": None}}, (Line(("name",), "removed", "A", None),)),
        ({"name": {"after": "erased"}}, (Line(("name",), "set", None, "erased"),)),
        (
            {"amount": {"before": {"amount": "1", "currency": "USD"}, "after": {"amount": "2", "currency": "USD"}}},
            (
                Line(
                    ("amount",),
                    "changed",
                    {"amount": "1", "currency": "USD"},
                    {"amount": "2", "currency": "USD"},
                ),
            ),
        ),
        (
            {"facts": {"before": {"a": 1, "b": {"c": 2}}, "after": {"b": {"c": 3}, "d": [4]}}},
            (
                Line(("facts", "a"), "removed", 1, None),
                Line(("facts", "b", "c"), "changed", 2, 3),
                Line(("facts", "d"), "set", None, [4]),
            ),
        ),
        ({"facts": {"before": {"a": 1}, "after": 7}}, (Line(("facts",), "changed", {"a": 1}, 7),)),
        ({"leads": {"read": 5, "first": "x"}}, (Line(("leads", "read"), "noted", None, 5),
                                                Line(("leads", "first"), "noted", None, "x"))),
        ({"note": "text"}, (Line(("note",), "noted", None, "text"),)),
        (
            {"choice.stage": {"before": {"client": "Won", "server": "Lost"}, "after": {"chosen": "client"}}},
            (Line(("choice.stage",), "changed", {"client": "Won", "server": "Lost"}, {"chosen": "client"}),),
        ),
        (
            {"decision": {"before": None, "after": LARGE}, "state": {"before": "open", "after": "resolved"}},
            (Line(("state",), "changed", "open", "resolved"), Line(("decision",), "set", None, LARGE)),
        ),
        (
            {"decision": {"before": LARGE, "after": {**LARGE, "part 3": 99}}},
            (Line(("decision", "part 3"), "changed", 3, 99),),
        ),
        ({"same": {"before": 1, "after": 1}}, ()),
    ],
)  # fmt: skip
def test_changes_are_taken_apart(changes: dict[str, object] | None, expected: tuple[Line, ...]) -> None:
    """A change becomes one line for each single value that differs, documents that are large or share nothing whole."""
    assert expected == lines_of(changes)


@pytest.mark.parametrize(
    ("value", "large"),
    [
        (LARGE, True),
        ({"fields": [{"value": 1}] * (LARGEST + 1)}, True),
        ({"fields": [{"value": 1}] * LARGEST}, False),
        ("a text, however long" * 99, False),
        ([{"amount": "1", "currency": "USD"}] * LARGEST, False),
        (None, False),
    ],
)
def test_what_is_folded_up(value: object, *, large: bool) -> None:
    """A document or list is folded up by the number of single values in it; an amount of money is one."""
    assert large is is_large(Line(("field",), "set", None, value))
    assert large is is_large(Line(("field",), "removed", value, None))


def test_a_resolved_conflict_shows_what_differs_before_its_documents(acting: Acting) -> None:
    """The entry's table holds the values that differ; decision and outcome stand below it, whole and folded up."""
    browser = acting("sales_manager")
    store = browser.wiring.ports.store
    (found,) = (one for one in store.scan("conflict", Always()) if "stage" in one["client"])
    settled = {"revision": str(found.revision), "choice.stage": "client", "reason": "the signed order"}
    assert 303 == browser.post(f"/conflicts/{found.id}/resolution", **settled).status_code
    entry = entry_about(browser, found.id)
    page = browser.get(f"/audit/{entry.id}")
    assert [] == faults(page)
    assert {"Choice stage", "State"} <= {row[0] for row in page.rows()}
    folded = page.all("details")
    assert not any("open" in one.attributes for one in folded)
    titles = [one.text for one in page.all("summary")]
    assert {"Decision set", "Outcome set"} <= set(titles)
    for field in entry["changes"]["outcome"]["after"]["fields"]:
        assert any(field["because"] in title for title in titles)


def test_numbers_that_one_may_not_read_are_spoken_of(looking: Acting) -> None:
    """Whoever sees gaps in the numbers is told what they are, and no more; whoever reads all is told nothing."""
    told = "belong to entries that you may not read"
    assert told in looking("sales_rep").get("/audit").text
    assert told not in looking("sales_rep").get("/audit?outcome=accepted").text
    assert told not in looking("platform_admin").get("/audit?record=nothing-like-it").text


@pytest.mark.parametrize(
    ("numbers", "is_last", "gaps"),
    [([], True, False), ([3, 2, 1], True, False), ([9, 8, 7], False, False), ([9, 7], False, True),
     ([3, 2], True, True), ([1], True, False), ([4], False, False)],
)  # fmt: skip
def test_gaps_are_seen_in_the_numbers_alone(numbers: list[int], *, is_last: bool, gaps: bool) -> None:
    """A number is missing between two shown ones or, on the last page, below the lowest."""
    entries = tuple(Record("audit_entry", f"audit-{number}", "larkmoor", {"sequence": number}) for number in numbers)
    assert gaps is has_gaps(Listing(entries, len(entries), None if is_last else "/audit?cursor=x", None))


@pytest.mark.parametrize(
    ("form", "scope"),
    [
        ({}, "organisation"),
        ({"type": "lead", "record": "lead-1001", "from": "2026-01-01"}, "subject-lead-lead-1001"),
        ({"actor": "service", "outcome": "accepted"}, "actor-service"),
    ],
)
def test_the_export_is_a_file_that_an_auditor_can_check(acting: Acting, form: dict[str, str], scope: str) -> None:
    """The button gives the file of the filters' days and scope, which the verifier accepts."""
    browser = acting("platform_admin")
    changed_lead(browser)
    answer = browser.post("/audit/export", **form)
    assert (200, "application/jsonl") == (answer.status_code, answer.mimetype)
    assert f'attachment; filename="audit-{scope}-' in answer.headers["Content-Disposition"]
    verdict = verify(io.BytesIO(answer.data), is_signed_by)
    assert verdict.good
    assert verdict.entries > 0


def test_an_export_is_asked_for_by_the_page_alone(acting: Acting) -> None:
    """Without the session's token nothing is exported; a day that is none is said."""
    browser = acting("platform_admin")
    assert 403 == browser.post("/audit/export", token="wrong").status_code
    assert 400 == browser.post("/audit/export", **{"from": "yesterday"}).status_code
