"""Every page, for every role: it shows what the use cases give, and stands before a strict reader."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from console_house import NOW, Visitor
from console_markup import Page, faults
from flask import Flask

from engine.caller import ROLES
from engine.ports import Sort
from engine.predicate import Compare
from engine.service import records, rulesets
from engine.service.conflicts import explain_conflict
from engine.service.leads import explain_lead
from webapp.console import ROUTES
from webapp.console.format import money, number, score

Looking = Callable[[str | None], Visitor]

PAGES = (
    "/", "/leads", "/leads?band=A", "/leads?band=not_scored", "/leads?q=zzzz", "/leads/lead-1001", "/deals",
    "/deals?stage=Won", "/deals/deal-801", "/statements", "/statements?period=1999-Q1", "/conflicts",
    "/conflicts?state=open", "/conflicts?state=resolved", "/rules", "/rules?kind=incentive-plan",
    "/rules/lead-priority/inbound", "/rules/lead-priority/inbound?version=1",
    "/rules/incentive-plan/sales-commission", "/rules/sync-conflict/deal", "/rules/decision/discount-approval",
    "/try", "/try?rule=incentive-plan/sales-commission", "/try?rule=sync-conflict/deal",
    "/try?rule=decision/discount-approval", "/try?rule=lead-priority/inbound&mode=json", "/jobs",
    "/jobs?state=failed", "/audit", "/audit?outcome=denied", "/rights",
    "/rights?type=lead&record=lead-1001", "/rights?type=lead&record=none&action=write", "/help", "/me",
)  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_every_page_opens_for_every_role_without_a_fault(looking: Looking, role: str) -> None:
    """Every page of the navigation opens for every role, and its markup has no fault that we know to look for."""
    browser = looking(role)
    found = {}
    for address in PAGES:
        response = browser.client.get(address)
        seen = faults(Page(response.get_data(as_text=True)))
        outside = response.status_code == 404 and address in {"/leads/lead-1001", "/deals/deal-801"}
        if seen or not (response.status_code == 200 or outside):
            found[address] = (response.status_code, seen)
    assert {} == found


def test_strangers_are_sent_to_the_sign_in_and_back(looking: Looking) -> None:
    """Every address but the open ones sends a stranger to the sign-in, which remembers where they were going."""
    stranger = looking(None)
    for route in ROUTES:
        address = route.path.replace("<record_id>", "x").replace("<kind>", "x").replace("<name>", "x")
        if route.open_to_all or "GET" not in route.methods:
            continue
        response = stranger.client.get(address)
        assert 303 == response.status_code, address
        assert response.headers["Location"].startswith("/sign-in"), address
    assert "/sign-in?next=/leads?band%3DA" == stranger.client.get("/leads?band=A").headers["Location"]


def test_every_link_of_the_pages_leads_somewhere(looking: Looking) -> None:
    """Links between pages are never dead: each of those on the main pages answers."""
    browser = looking("sales_manager")
    links = {link for address in PAGES for link in browser.get(address).links()}
    own = {link for link in links if link.startswith("/") and not link.startswith("/api/")}
    dead = {link for link in own if browser.client.get(link.partition("#")[0]).status_code not in {200, 303}}
    assert set() == dead


def test_json_twins_answer(looking: Looking) -> None:
    """The JSON link at a page's foot leads to an address of the API that answers with the page's session."""
    browser = looking("sales_manager")
    twins = {link for address in PAGES for link in browser.get(address).links() if link.startswith("/api/")}
    wrong = {
        link: browser.client.get(link).status_code for link in twins if browser.client.get(link).status_code != 200
    }
    assert {} == wrong


@pytest.mark.parametrize("role", ROLES)
def test_leads_stand_in_the_order_and_scope_of_the_use_case(looking: Looking, role: str) -> None:
    """The list shows exactly the leads the person may read, by falling score, with the stored score."""
    browser = looking(role)
    order = (Sort("score", descending=True),)
    expected = records.list_records(browser.wiring.ports, browser.caller, "lead", sort=order, limit=30).records
    shown = browser.get("/leads")
    links = [link.removeprefix("/leads/") for link in shown.links() if link.startswith("/leads/")]
    assert [record.id for record in expected] == links
    if expected:
        assert [score(record["score"]) for record in expected] == [row[1] for row in shown.rows()]
    total = records.count_records(browser.wiring.ports, browser.caller, "lead")
    assert f"{total:,} shown" in shown.text or f"of {total:,} shown" in shown.text


def test_paging_shows_every_lead_once(looking: Looking) -> None:
    """Following the next page to the end shows every readable lead exactly once."""
    browser = looking("sales_manager")
    seen: list[str] = []
    address: str | None = "/leads"
    while address:
        page = browser.get(address)
        seen += [link for link in page.links() if link.startswith("/leads/")]
        following = page.all("a", rel="next")
        address = following[0].attributes["href"] if following else None
    total = records.count_records(browser.wiring.ports, browser.caller, "lead")
    assert total == len(seen) == len(set(seen))


def test_not_scored_is_a_state_of_its_own(looking: Looking) -> None:
    """A lead of which nothing is known stands last, says so, and shows no score of zero."""
    page = looking("sales_manager").get("/leads?band=not_scored")
    assert page.rows()
    assert {"–"} == {row[1] for row in page.rows()}
    assert all("Not scored" in row[3] for row in page.rows())


def test_a_lead_shows_the_decision_of_now_and_its_reasons_add_up(looking: Looking) -> None:
    """The lead's page shows the recomputed score, every reason with its contribution, and their sum."""
    browser = looking("sales_manager")
    best = records.list_records(
        browser.wiring.ports, browser.caller, "lead", sort=(Sort("score", descending=True),), limit=1
    ).records[0]
    decision = explain_lead(browser.wiring.ports, browser.caller, best.id, at=NOW, as_of=NOW)
    page = browser.get(f"/leads/{best.id}")
    assert number(decision.outcome["score"]) in page.text
    assert all(reason.because in page.text for reason in decision.reasons)
    assert all(why.because in page.text for why in decision.why_not)
    assert decision.outcome["score"] == sum(
        (reason.contribution or Decimal(0) for reason in decision.reasons), Decimal(0)
    )
    assert "The stored score is the same" in page.text


def test_a_lead_shows_what_would_change_it(looking: Looking) -> None:
    """A lead's page and the try page tell the nearest change, and the link leads to the other outcome."""
    browser = looking("revops_analyst")
    facts = 'facts={"employees":480,"seniority":"director","annual_revenue":60000000}'
    page = browser.get(f"/try?rule=lead-priority/inbound&at=2026-11-02T09:00:00Z&{facts}")
    assert "What would change it" in page.text
    assert "Then the band is A instead of B." in " ".join(page.text.split())
    (link,) = (address for address in page.links() if address.endswith("#result") and "facts=" in address)
    assert "Then the band is B instead of A." in " ".join(browser.get(link).text.split())
    assert "What would change it" in browser.get("/leads/lead-1001").text


def test_what_cannot_be_asked_is_not_shown(looking: Looking) -> None:
    """Where a kind of rules does not say what would change an outcome, the page says nothing of it."""
    assert "What would change it" not in looking("revops_analyst").get("/try?rule=sync-conflict/deal").text


def test_a_representative_sees_own_records_only(looking: Looking) -> None:
    """A record outside the scope is not found, and the page does not say whether it exists."""
    browser = looking("sales_rep")
    theirs = looking("sales_manager")
    where = Compare("owner_id", "=", "person-sales_manager")
    foreign = records.list_records(theirs.wiring.ports, theirs.caller, "lead", where=where, limit=1).records[0]
    missing, hidden = browser.get("/leads/lead-0", 404), browser.get(f"/leads/{foreign.id}", 404)
    same = hidden.text.replace(foreign.id, "lead-0")
    cut = "Status 404"
    assert missing.text.split(cut)[0] == same.split(cut)[0]


def test_statements_show_the_stored_figures_and_their_proof(looking: Looking) -> None:
    """A statement shows its payout, every line, every exclusion, and checks that hold."""
    browser = looking("sales_manager")
    found = records.list_records(
        browser.wiring.ports, browser.caller, "statement", sort=(Sort("payout", descending=True),), limit=1
    ).records[0]
    page = browser.get(f"/statements/{found.id}")
    outcome = found["decision"]["outcome"]
    for field in ("payout", "credited", "excluded", "quota"):
        assert money(found[field]) in page.text
    for line in (*outcome["lines"], *outcome["exclusions"]):
        assert (line.get("name") or line.get("because")) in page.text
    assert "does not hold" not in page.text
    assert len(outcome["checks"]) == page.text.count("holds ")


def test_statement_list_names_each_payee_with_payout(looking: Looking) -> None:
    """The list of a period shows each statement of it, the highest payout first."""
    browser = looking("sales_manager")
    page = browser.get("/statements")
    period = page.all("a", aria_current="page") or [
        one for one in page.all("a") if one.attributes.get("aria-current") == "page"
    ]
    label = period[-1].text.split()[0]
    expected = records.list_records(
        browser.wiring.ports, browser.caller, "statement", where=Compare("period", "=", label),
        sort=(Sort("payout", descending=True),), limit=50,
    ).records  # fmt: skip
    assert [money(record["payout"]) for record in expected] == [row[5] for row in page.rows()]


def test_deal_981_comes_out_as_the_server_has_it(looking: Looking) -> None:
    """The conflict that everybody understands: 10,000 stays, 12,000 is shown as overwritten, as a dry run."""
    browser = looking("field_sales_rep")
    page = browser.get("/conflicts/conflict-deal-981")
    decision = explain_conflict(browser.wiring.ports, browser.caller, "conflict-deal-981", at=NOW, as_of=NOW)
    (row,) = [row for row in page.rows() if row[0] == "Contract target"]
    assert "12,000.00 USD" in row[2]
    assert "10,000.00 USD" in row[3]
    assert "10,000.00 USD" in row[4]
    assert "the server's value" in row[4]
    (field,) = [one for one in decision.outcome["fields"] if one["field"] == "contract_target"]
    assert field["because"] in row[5]
    assert "Dry run." in page.text
    assert "Nothing has been changed" in page.text


def test_rule_sets_show_their_tests_run_just_now(looking: Looking) -> None:
    """The list shows every readable rule set with how its own tests went."""
    browser = looking("revops_analyst")
    expected = rulesets.list_rule_sets(browser.wiring.ports, browser.caller, at=NOW)
    page = browser.get("/rules")
    assert all(summary.title in page.text for summary in expected)
    for summary in expected:
        results = rulesets.get_version(browser.wiring.ports, browser.caller, summary.name).rule_set.run_tests()
        assert f"{len(results)}/{len(results)} tests pass" in page.text


def test_a_rule_set_page_holds_the_very_file(looking: Looking) -> None:
    """The text on the page is the published text, line by line, with linked numbers."""
    browser = looking("revops_analyst")
    version = rulesets.get_version(browser.wiring.ports, browser.caller, "lead-priority/inbound", 2)
    page = browser.get("/rules/lead-priority/inbound?version=2")
    lines = [one for one in page.all("li") if one.attributes.get("id", "").startswith("L")]
    assert version.record["text"].splitlines() == [
        line.text.removeprefix(line.attributes["id"].removeprefix("L")) for line in lines
    ]
    assert version.record["digest"] in page.text


def test_the_version_in_force_is_told_from_the_one_shown(looking: Looking) -> None:
    """Reading an old version says which one is in force; a version that does not exist is not found."""
    browser = looking("revops_analyst")
    assert "version 3 is in force now" in browser.get("/rules/lead-priority/inbound?version=1").text
    assert "has no version 99" in browser.get("/rules/lead-priority/inbound?version=99", 404).text
    assert "is no version of" in browser.get("/rules/lead-priority/inbound?version=one", 400).text


def test_an_address_that_cannot_be_read_leads_back_to_its_page(looking: Looking) -> None:
    """Where a filter is at fault, the error page offers the same page without filters."""
    page = looking("sales_rep").get("/audit?from=yesterday", 400)
    assert "The page without filters" in page.text
    assert "/audit" in [one.attributes["href"] for one in page.all("a", class_="button")]


def test_texts_of_rule_files_are_read_and_not_quoted(looking: Looking) -> None:
    """What a file or a rule names in back-ticks is set as code: no back-tick is left outside the file's own text."""
    browser = looking("sales_manager")
    page = browser.get("/rules/incentive-plan/sales-commission")
    assert not [row for table in range(len(page.all("tbody"))) for row in page.rows(table) if "`" in " ".join(row)]
    conditions = browser.get("/try?conflict=conflict-deal-981").all("div", class_="seen")
    assert conditions
    assert not [one.text for one in conditions if "`" in one.text]


def test_a_long_table_of_rules_scrolls_in_its_own_frame(looking: Looking) -> None:
    """Hundreds of rows do not bury what follows: they scroll, with their number said, and a keyboard reaches them."""
    page = looking("revops_analyst").get("/rules/decision/discount-limits")
    (frame,) = page.all("div", class_="table-wrap long")
    assert ("0", "region") == (frame.attributes["tabindex"], frame.attributes["role"])
    assert "240 rows." in page.text
    assert not looking("revops_analyst").get("/rules/lead-priority/inbound").all("div", class_="table-wrap long")


def test_a_rule_set_page_tells_what_the_analysis_found(looking: Looking) -> None:
    """Each finding stands on the page with its line, and leads to a try of the record that shows it."""
    browser = looking("revops_analyst")
    version = rulesets.get_version(browser.wiring.ports, browser.caller, "lead-priority/inbound", 3)
    told = (*version.rule_set.warnings, *version.rule_set.hints)
    assert {"rules.score_range"} <= {problem.code for problem in told}
    page = browser.get("/rules/lead-priority/inbound?version=3")
    for problem in told:
        assert problem.code in page.text
        assert f"#L{problem.place.line}" in page.links()
    tries = [link for link in page.links() if "facts=" in link]
    assert len(tries) == sum(bool(problem.given) for problem in told)
    assert all("Outcome" in browser.get(link).text for link in tries)


def test_a_rule_set_page_says_that_the_analysis_found_nothing(looking: Looking) -> None:
    """Where nothing was found the page says what was looked for."""
    browser = looking("revops_analyst")
    version = rulesets.get_version(browser.wiring.ports, browser.caller, "sync-conflict/deal")
    assert () == (*version.rule_set.warnings, *version.rule_set.hints)
    assert "no gaps" in browser.get("/rules/sync-conflict/deal").text


def test_audit_filters_stand_in_the_address(looking: Looking) -> None:
    """Filters narrow the log to what they say and stay in the form and in the JSON link."""
    browser = looking("platform_admin")
    page = browser.get("/audit?action=publish&actor=service")
    assert page.rows()
    assert {True} == {row[3].startswith("Publish") for row in page.rows()}
    chosen = [one for one in page.all("option") if "selected" in one.attributes]
    assert {"publish", "service"} <= {one.attributes["value"] for one in chosen}
    assert "/api/v1/audit?actor_id=service&action=publish" in page.links()


def test_an_audit_entry_shows_before_and_after(looking: Looking) -> None:
    """An entry's page shows what changed field by field, who did it and when."""
    browser = looking("platform_admin")
    entry = records.list_records(
        browser.wiring.ports, browser.caller, "audit_entry", where=Compare("action", "=", "publish"), limit=1
    ).records[0]
    page = browser.get(f"/audit/{entry.id}")
    assert entry["changes"]["digest"]["after"] in page.text
    assert entry["actor_name"] in page.text


def test_me_says_who_i_am_and_what_i_see(looking: Looking) -> None:
    """The page about oneself shows role, place and how many records of each kind are in sight."""
    browser = looking("sales_manager")
    page = browser.get("/me")
    assert browser.actor is not None
    assert browser.actor.name in page.text
    for record_type in ("lead", "deal", "statement", "conflict"):
        assert f"{records.count_records(browser.wiring.ports, browser.caller, record_type):,}" in page.text


def test_unknown_addresses_and_methods_get_a_page(looking: Looking) -> None:
    """What does not exist gets a page in the frame with a way home; strangers get one without the navigation."""
    page = looking("sales_rep").get("/nowhere", 404)
    assert "/" in page.links()
    assert [] == faults(page)
    assert [] == faults(looking(None).get("/static/none/none.css", 404))
    assert 405 == looking("sales_rep").post("/leads").status_code


def test_a_fault_of_ours_gets_a_page_with_the_requests_number(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected fault shows that it is ours, the request's number, and nothing of its inside."""
    monkeypatch.setattr("webapp.console.leads.people_by_name", lambda: 1 // 0)
    page = looking("sales_manager").get("/leads", 500)
    assert "the fault is ours" in page.text.lower()
    assert "division" not in page.html
    assert "Traceback" not in page.html


def test_pages_carry_the_strict_policy(looking: Looking, shared_app: Flask) -> None:
    """Pages forbid inline scripts, foreign addresses and framing, and are not kept by caches."""
    response = looking("sales_rep").client.get("/leads")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "no-store" == response.headers["Cache-Control"]
