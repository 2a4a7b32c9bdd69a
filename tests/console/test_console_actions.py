"""What people do in the console without JavaScript: signing in, trying, starting and cancelling jobs, resolving."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from console_house import NOW, Visitor, house, visitor
from console_markup import Page, faults

from adapters.wiring import Settings, Texts, Wiring, build_in_memory
from engine import exact_json
from engine.policy import Policies
from engine.predicate import Always, Compare, both
from engine.records import Money
from engine.service.evaluate import evaluate
from engine.service.jobs import run_job
from webapp.app import create_app
from webapp.console.frame import build_id

Acting = Callable[[str | None], Visitor]


def page_of(response: object) -> Page:
    """The page of an answer."""
    return Page(response.get_data(as_text=True))


# -- signing in and out


def test_five_example_people_one_for_each_role_can_be_chosen(looking: Acting) -> None:
    """The sign-in is loudly marked, shows one person of each role as a card and everybody else in a list."""
    page = looking(None).get("/sign-in")
    assert [] == faults(page)
    assert "Example sign-in, this machine only" in page.text
    cards = [one.attributes["value"] for one in page.all("input", name="person_id")]
    roles = ("sales_rep", "field_sales_rep", "sales_manager", "revops_analyst", "platform_admin")
    assert [f"person-{role}" for role in roles] == cards
    assert page.all("option")


def test_the_rights_on_the_cards_are_those_of_the_policies(own_house: Wiring) -> None:
    """Cards and the page about oneself say what the policies in force grant: with others they say something else."""
    cards = create_app(own_house, clock=lambda: NOW).test_client().get("/sign-in").get_data(as_text=True)
    for scope, right, how_often in (("Own", "read", 1), ("Branch", "read and change", 2), ("System", "nothing", 4)):
        assert how_often == cards.count(f"<dt>{scope}</dt><dd>{right}</dd>"), scope
    stricter = {
        name: text.replace('cell("revops_analyst", "branch", "write");', "")
        for name, text in own_house.shipped.policies().items()
    }
    ports = replace(own_house.ports, authorizer=Policies.load(stricter))
    strict = create_app(replace(own_house, ports=ports), clock=lambda: NOW)
    browser = visitor(strict, own_house, "person-revops_analyst")
    assert ["Own read", "Team read", "Branch read", "System nothing"] == [
        " ".join(row[:2]) for row in browser.get("/me").rows()
    ]


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.test/", "//evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)", "leads", "/\tevil",
     "http:/x", "/api/v1/me", "/sign-out"],
)  # fmt: skip
def test_signing_in_leads_to_no_foreign_address(looking: Acting, wanted: str) -> None:
    """Whatever `next` says, a sign-in ends on a page of this console."""
    response = looking(None).client.post("/sign-in", data={"person_id": "person-sales_rep", "next": wanted})
    assert (303, "/") == (response.status_code, response.headers["Location"])


def test_signing_in_goes_on_where_one_was_going(looking: Acting) -> None:
    """The address that a stranger asked for is opened after the sign-in, filters included."""
    response = looking(None).client.post("/sign-in", data={"person_id": "person-sales_rep", "next": "/leads?band=A"})
    assert "/leads?band=A" == response.headers["Location"]


def test_an_unknown_person_is_told_so_on_the_same_page(looking: Acting) -> None:
    """Signing in as nobody shows the sign-in again with the problem."""
    response = looking(None).client.post("/sign-in", data={"person_id": "person-nobody"})
    assert 422 == response.status_code
    assert "There is no person person-nobody" in page_of(response).text


def test_signing_out_ends_the_session(acting: Acting) -> None:
    """After signing out the same browser is a stranger."""
    browser = acting("sales_rep")
    assert "/sign-in" == browser.post("/sign-out").headers["Location"]
    assert "/sign-in" == browser.client.get("/").headers["Location"]


@pytest.mark.parametrize("address", ["/sign-out", "/jobs", "/try", "/conflicts/conflict-deal-981/resolution"])
def test_forms_without_this_sessions_token_are_refused(looking: Acting, address: str) -> None:
    """Every form carries the session's token; without it, or with another one, nothing is done."""
    browser = looking("revops_analyst")
    assert 403 == browser.post(address, token="").status_code
    assert 403 == browser.post(address, token="x" * 43).status_code
    assert "load the page again" in page_of(browser.post(address, token="")).text.lower()


def test_without_the_local_sign_in_the_page_says_what_is_missing(tmp_path: Path, texts: Texts) -> None:
    """Where the server listens on a network nobody is offered, and signing in by name is denied."""
    settings = Settings(home=tmp_path, database_url="memory:", secret_key="k" * 64, host="0.0.0.0")
    with build_in_memory(settings, texts=texts) as wiring:
        if wiring.settings.local_sign_in:
            pytest.fail("the settings offer the local sign-in on a network address")
        client = create_app(wiring, clock=lambda: NOW).test_client()
        page = Page(client.get("/sign-in").get_data(as_text=True))
        assert "No way to sign in is configured" in page.text
        assert 403 == client.post("/sign-in", data={"person_id": "person-sales_rep"}).status_code


def test_an_empty_house_shows_what_to_do_next(tmp_path: Path, texts: Texts) -> None:
    """Before any data there is, the sign-in says how people get here."""
    with house(tmp_path, texts, example=False) as wiring:
        page = visitor(create_app(wiring, clock=lambda: NOW), wiring, None).get("/sign-in")
        assert "Nobody is here yet" in page.text


def test_lists_without_records_have_an_empty_state(acting: Acting, own_house: object) -> None:
    """Every list without a record says so and what would fill it."""
    browser = acting("platform_admin")
    store = browser.wiring.ports.store
    with store.transaction() as transaction:
        for record_type in ("lead", "deal", "statement", "conflict", "job"):
            for record in list(transaction.scan(record_type, Always())):
                transaction.delete(record)
    for address, said in (
        ("/leads", "No leads yet"), ("/deals", "No deals yet"), ("/statements", "No statements yet"),
        ("/conflicts", "No conflicts"), ("/jobs", "No jobs yet"), ("/", "No leads to see"),
    ):  # fmt: skip
        page = browser.get(address)
        assert said in page.text
        assert [] == faults(page)


# -- trying a record


def test_a_trial_comes_out_as_the_use_case_says(looking: Acting) -> None:
    """The form leads (303) to an address that shows the decision of the same facts, reasons, why-not and digest."""
    browser = looking("revops_analyst")
    form = {"rule": "lead-priority/inbound", "version": "3", "at": "2026-11-02T09:00:00Z", "mode": "form",
            "fact.employees": "800", "fact.industry": "retail",
            "fact.events": '[{"type": "demo request", "at": "2026-11-01T09:00:00Z"}]'}  # fmt: skip
    response = browser.post("/try", **form)
    assert 303 == response.status_code
    page = browser.get(response.headers["Location"].partition("#")[0])
    decision = evaluate(
        browser.wiring.ports, browser.caller, "lead-priority/inbound",
        {"employees": Decimal(800), "industry": "retail",
         "events": [{"type": "demo request", "at": "2026-11-01T09:00:00Z"}]},
        at=NOW.replace(day=2), as_of=NOW, version=3,
    )  # fmt: skip
    assert "48.550855" in page.text
    assert Decimal("48.550855") == decision.outcome["score"]
    assert decision.input_digest in page.text
    assert all(reason.because in page.text for reason in decision.reasons)
    assert all(why.because in page.text for why in decision.why_not)
    assert [] == faults(page)


def test_json_and_form_are_one_question(looking: Acting) -> None:
    """Facts typed as JSON and facts typed into fields give the same digest."""
    browser = looking("revops_analyst")
    common = {"rule": "lead-priority/inbound", "at": "2026-11-02T09:00:00Z"}
    by_form = browser.post("/try", **common, mode="form", **{"fact.employees": "800", "fact.consent": "true"})
    by_json = browser.post("/try", **common, mode="json", facts_json='{"consent": true, "employees": 800}')
    digests = set()
    for response in (by_form, by_json):
        page = browser.get(response.headers["Location"].partition("#")[0])
        digests.add(next(one.text for one in reversed(page.all("dd")) if one.attributes.get("class") == "digest"))
    assert 1 == len(digests)


def test_facts_that_do_not_fit_are_explained_at_their_field(looking: Acting) -> None:
    """A wrong value is kept in its field, marked invalid, with the problem beside it and the code in the list."""
    browser = looking("revops_analyst")
    form = {"rule": "lead-priority/inbound", "mode": "form", "fact.employees": "many", "fact.events": "[{]"}
    response = browser.post("/try", **form)
    assert 422 == response.status_code
    page = page_of(response)
    assert [] == faults(page)
    events = page.one("textarea", id="fact-events")
    assert "true" == events.attributes["aria-invalid"]
    assert "[{]" == events.text
    assert "many" == page.one("input", id="fact-employees").attributes["value"]
    assert "json.malformed" in page.text
    again = browser.post("/try", **{**form, "fact.events": ""})
    shown = browser.get(again.headers["Location"].partition("#")[0], 422)
    assert "true" == shown.one("input", id="fact-employees").attributes["aria-invalid"]
    assert "many" == shown.one("input", id="fact-employees").attributes["value"]


@pytest.mark.parametrize("text", ["", "[1]", "{", "nonsense", '{"a": NaN}', "[" * 5000, '{"a": 1, "a": 2}'])
def test_json_that_is_none_is_refused_with_its_text_kept(looking: Acting, text: str) -> None:
    """Broken JSON gives a problem with its code, and what was typed stays to be mended."""
    browser = looking("revops_analyst")
    response = browser.post("/try", rule="lead-priority/inbound", mode="json", facts_json=text)
    assert 422 == response.status_code
    page = page_of(response)
    assert text == page.one("textarea", id="facts_json").text
    assert "This cannot be decided" in page.text


def test_long_facts_are_answered_without_a_long_address(looking: Acting) -> None:
    """Facts that would make an address too long are decided at once."""
    browser = looking("revops_analyst")
    given = [
        {"id": f"D{number}", "amount": Decimal(number), "stage": "Won", "closed_on": "2017-08-01"}
        for number in range(60)
    ]
    facts = {"payee": "a", "period": {"from": "2017-07-01", "to": "2017-10-01", "label": "2017-Q3"}, "currency": "USD",
             "quota": Decimal(1000), "credits": given}  # fmt: skip
    text = exact_json.canonical(facts).decode()
    text = text.replace('"quota":"1000"', '"quota":1000')
    for number in range(60):
        text = text.replace(f'"amount":"{number}"', f'"amount":{number}')
    response = browser.post("/try", rule="incentive-plan/sales-commission", mode="json", facts_json=text)
    assert 200 == response.status_code
    assert "1,770.00 credited" in page_of(response).text


def test_a_lead_can_be_tried_with_other_facts(looking: Acting) -> None:
    """Opening the trial from a lead fills in its facts and decides by the rule set that reads them."""
    browser = looking("sales_rep")
    lead = next(
        record for record in browser.wiring.ports.store.scan("lead", Compare("owner_id", "=", "person-sales_rep"))
        if record["facts"].get("employees")
    )  # fmt: skip
    page = browser.get(f"/try?lead={lead.id}")
    assert (
        exact_json.decimal_text(lead["facts"]["employees"])
        == page.one("input", id="fact-employees").attributes["value"]
    )
    assert "Outcome" in page.text
    assert 404 == browser.client.get("/try?lead=lead-none").status_code


def test_choosing_another_rule_set_forgets_the_version_of_the_one_before(looking: Acting) -> None:
    """A version and an instant belong to a rule set: with another one chosen they are not carried over."""
    browser = looking("revops_analyst")
    page = browser.get("/try?rule=incentive-plan/sales-commission&version=3&was=lead-priority/inbound&at=2020-01-01")
    assert "Quarterly sales commission" in page.text


def test_the_curl_command_is_safe_to_paste(looking: Acting) -> None:
    """Quotes in facts cannot break out of the command that is offered for pasting."""
    browser = looking("revops_analyst")
    response = browser.post(
        "/try", rule="lead-priority/inbound", mode="json", facts_json='{"company": "x\'; touch /tmp/evil; \'"}'
    )
    page = browser.get(response.headers["Location"].partition("#")[0])
    assert "'\"'\"'; touch" in page.one("code", id="curl").text


# -- jobs


def test_a_job_is_started_followed_and_ends(acting: Acting) -> None:
    """Starting leads to the job's page; it polls while the job runs and is told to stop (286) when it ended."""
    browser = acting("revops_analyst")
    response = browser.post("/jobs", kind="incentive-run", plan="incentive-plan/sales-commission", period="2026-Q3")
    assert 303 == response.status_code
    address = response.headers["Location"].partition("?")[0]
    page = browser.get(address)
    assert [] == faults(page)
    (polled,) = [one for one in page.all("div") if "hx-get" in one.attributes]
    assert (address, "every 1s") == (polled.attributes["hx-get"], polled.attributes["hx-trigger"])
    assert 200 == browser.client.get(address, headers={"HX-Request": "true"}).status_code
    run_job(browser.wiring.ports, address.rpartition("/")[2], clock=lambda: NOW, worker="test")
    last = browser.client.get(address, headers={"HX-Request": "true"})
    assert 286 == last.status_code
    assert "hx-get" not in last.get_data(as_text=True)
    assert "reconciled to the cent" in last.get_data(as_text=True)
    assert [] == faults(browser.get(address))


def test_scoring_shows_its_counts(acting: Acting) -> None:
    """A finished scoring shows how many leads lie in each band and how many are not scored."""
    browser = acting("revops_analyst")
    address = browser.post("/jobs", kind="score-leads", rule_set="").headers["Location"].partition("?")[0]
    job = run_job(browser.wiring.ports, address.rpartition("/")[2], clock=lambda: NOW, worker="test")
    page = browser.get(address)
    assert [[f"Band {label}", str(count)] for label, count in sorted(job["result"]["bands"].items())] == page.rows()
    assert [] == faults(page)


def test_a_job_can_be_cancelled(acting: Acting) -> None:
    """The cancel button ends a waiting job; cancelling it again says that it has ended."""
    browser = acting("revops_analyst")
    address = browser.post("/jobs", kind="score-leads").headers["Location"].partition("?")[0]
    assert 303 == browser.post(f"{address}/cancel").status_code
    assert "Cancelled" in browser.get(address).text
    assert 409 == browser.post(f"{address}/cancel").status_code


def test_who_may_not_start_jobs_is_not_offered_to(acting: Acting) -> None:
    """The forms are shown to those who may start a job; for others the policies refuse it and the page says so."""
    browser = acting("sales_rep")
    page = browser.get("/jobs")
    offered = [
        one
        for one in page.all("form")
        if one.attributes.get("action") == "/jobs" and one.attributes["method"] == "post"
    ]
    response = browser.post("/jobs", kind="score-leads")
    assert (303 if offered else 403) == response.status_code


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (
            {"kind": "incentive-run", "plan": "incentive-plan/sales-commission", "period": "soon"},
            "soon is not a period",
        ),
        ({"kind": "incentive-run", "plan": "incentive-plan/none", "period": "2026-Q3"}, "incentive-plan/none"),
        ({"kind": "dance"}, "There is no job of kind dance"),
        ({}, "There is no job of kind"),
    ],
)
def test_a_job_that_cannot_start_says_why(acting: Acting, form: dict[str, str], said: str) -> None:
    """A wrong period, plan or kind is explained above the forms, and nothing is started."""
    browser = acting("revops_analyst")
    response = browser.post("/jobs", **form)
    assert 422 == response.status_code
    assert "Problem: Jobs · Bylaw" == page_of(response).one("title").text
    assert said in page_of(response).text


# -- conflicts


def test_resolving_does_what_the_dry_run_showed(acting: Acting) -> None:
    """The button writes the shown outcome, keeps what lost, and closes the conflict."""
    browser = acting("field_sales_rep")
    before = browser.get("/conflicts/conflict-deal-981")
    revision = before.one("input", name="revision").attributes["value"]
    response = browser.post("/conflicts/conflict-deal-981/resolution", revision=revision)
    assert "/conflicts/conflict-deal-981" == response.headers["Location"]
    deal = next(iter(browser.wiring.ports.store.scan("deal", Compare("id", "=", "deal-981"))))
    assert Money(Decimal(10_000), "USD") == deal["contract_target"]
    after = browser.get("/conflicts/conflict-deal-981")
    assert "Resolved as shown" in after.text
    assert "12,000.00 USD" in after.text
    assert [] == faults(after)


def test_a_conflict_that_changed_meanwhile_is_not_resolved(acting: Acting) -> None:
    """A form made from an older revision changes nothing and shows the conflict as it is now."""
    browser = acting("field_sales_rep")
    response = browser.post("/conflicts/conflict-deal-981/resolution", revision="99")
    assert 409 == response.status_code
    assert "Nothing was changed" in page_of(response).text
    assert 400 == browser.post("/conflicts/conflict-deal-981/resolution", revision="x").status_code


def test_a_person_chooses_what_the_rules_leave_open(acting: Acting) -> None:
    """Radio buttons for the open group, one set; the chosen side is written and shown with the chooser's name."""
    browser = acting("sales_manager")
    store = browser.wiring.ports.store
    (found,) = (one for one in store.scan("conflict", Always()) if "stage" in one["client"])
    address = f"/conflicts/{found.id}"
    before = browser.get(address)
    assert [] == faults(before)
    radios = before.all("input", type="radio")
    assert [("choice.stage", "client"), ("choice.stage", "server")] == [
        (one.attributes["name"], one.attributes["value"]) for one in radios
    ]
    refused = browser.post(f"{address}/resolution", revision=str(found.revision))
    assert 409 == refused.status_code
    assert "The rules keep both values of stage" in page_of(refused).text
    wrong = browser.post(f"{address}/resolution", revision=str(found.revision), **{"choice.next_step": "client"})
    assert 422 == wrong.status_code
    chosen = {"revision": str(found.revision), "choice.stage": "client"}
    silent = browser.post(f"{address}/resolution", **chosen, reason=" ")
    assert 422 == silent.status_code
    assert "needs a reason" in page_of(silent).text
    assert "checked" in page_of(silent).one("input", name="choice.stage", value="client").attributes
    reason = "signed <b>today</b>"
    done = browser.post(f"{address}/resolution", **chosen, reason=f" {reason} ")
    assert 303 == done.status_code
    deal = next(iter(store.scan("deal", Compare("id", "=", found["record_id"]))))
    assert ("Won", found["client"]["closed_on"]) == (deal["stage"], deal["closed_on"].isoformat())
    assert browser.actor is not None
    after = browser.get(address)
    assert f"chosen by {browser.actor.name}" in after.text
    assert f"Reason {reason}" in " ".join(after.text.split())
    accepted = both(Compare("action", "=", "resolve"), Compare("outcome", "=", "accepted"))
    (entry,) = store.scan("audit_entry", both(accepted, Compare("record_id", "=", found.id)))
    assert (browser.actor.id, reason) == (entry["approver_id"], entry["reason"])
    shown = browser.get(f"/audit/{entry.id}")
    assert reason in shown.text
    assert [] == faults(shown)
    assert [] == after.all("input", type="radio")
    assert [] == faults(after)


def test_a_visit_is_settled_without_being_rewritten(acting: Acting) -> None:
    """A check-in is evidence: the choice closes the conflict and the check-in stays as it was recorded."""
    browser = acting("field_sales_rep")
    store = browser.wiring.ports.store
    (found,) = (one for one in store.scan("conflict", Always()) if one["record_type"] == "check_in")
    visit = next(iter(store.scan("check_in", Compare("id", "=", found["record_id"]))))
    done = browser.post(
        f"/conflicts/{found.id}/resolution", revision=str(found.revision), reason="seen there",
        **{"choice.outcome": "client"},
    )  # fmt: skip
    assert 303 == done.status_code
    assert visit == next(iter(store.scan("check_in", Compare("id", "=", found["record_id"]))))
    assert "chosen by" in browser.get(f"/conflicts/{found.id}").text


# -- assets


def test_assets_are_kept_for_ever_under_the_address_of_their_build(looking: Acting) -> None:
    """Static files of this build may be kept without asking again; those of another build are not found."""
    client = looking(None).client
    response = client.get(f"/static/{build_id()}/console.css", buffered=True)
    assert (200, "public, max-age=31536000, immutable") == (response.status_code, response.headers["Cache-Control"])
    assert "text/css" == response.mimetype
    assert 404 == client.get("/static/000000000000/console.css").status_code
    assert 404 == client.get(f"/static/{build_id()}/../format.py").status_code
    assert "text/javascript" == client.get(f"/static/{build_id()}/js/console.js", buffered=True).mimetype
