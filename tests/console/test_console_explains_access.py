"""The page that says who may do something to a record, and why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from console_house import Visitor

from adapters.wiring import Shipped
from engine.service import authorization
from engine.service.authorization import Target

Looking = Callable[[str | None], Visitor]
LEAD = "/rights?type=lead&record=lead-1001"
FOREIGN = "/rights?type=lead&record=lead-1020&action=write&person=person-sales_manager"


@pytest.mark.parametrize(
    "page", ["/leads/lead-1001", "/deals/deal-801", "/statements", "/conflicts", "/jobs", "/audit"]
)
def test_pages_of_records_lead_here(looking: Looking, page: str) -> None:
    """Every page of a record leads to who may see it, and that page answers with a verdict about this record."""
    browser = looking("sales_manager")
    address = page
    if page.count("/") == 1:
        address = next(one for one in browser.get(page).links() if one.startswith(f"{page}/"))
    leads = [one for one in browser.get(address).links() if one.startswith("/rights?")]
    assert 1 == len(leads)
    assert "may read this" in browser.get(leads[0]).text


def test_why_can_i_see_this(looking: Looking) -> None:
    """Of oneself the page says the rule with its file and line, and that every condition is met."""
    browser = looking("sales_rep")
    seen = browser.get(LEAD).text
    reasons = authorization.explain(
        browser.wiring.ports, browser.caller, "person-sales_rep", "read", Target("lead", "lead-1001")
    )
    assert reasons.explanation is not None
    assert reasons.explanation.granted_by is not None
    place = reasons.explanation.granted_by.place
    assert f"policies/{place.source}:{place.line}" in seen
    assert "record: Lead" in Shipped.find().policies()[place.source].splitlines()[place.line - 1]
    assert "You may read this lead" in " ".join(seen.split())
    assert "What would change it" not in seen


def test_what_would_change_it(looking: Looking) -> None:
    """Of a denial the page says what the nearest rules miss, what was seen, and who may."""
    seen = " ".join(looking("platform_admin").get(FOREIGN).text.split())
    assert "may not write this lead" in seen
    assert "record.team_id = user.team_id : team-harbor-retail instead of team-harbor-logistics" in seen.replace(
        "user.team_id:", "user.team_id :"
    )
    assert "Sunniva Quillfeather" in seen


def test_the_form_shows_whom_the_answer_is_about(looking: Looking) -> None:
    """A person who is not among those that can be chosen stays chosen, so that nobody else seems to be meant."""
    page = looking("platform_admin").get(f"{LEAD}&person=somebody-else")
    chosen = [one.attributes["value"] for one in page.all("option") if "selected" in one.attributes]
    assert "somebody-else" in chosen


def test_only_who_may_ask_about_others_chooses_a_person(looking: Looking) -> None:
    """A representative asks about oneself alone, is shown nobody else, and is denied another person's rights."""
    browser = looking("sales_rep")
    page = browser.get(LEAD)
    assert [] == page.all("select", id="person")
    assert "Of those you may ask about" not in page.text
    assert 403 == browser.client.get(f"{LEAD}&person=person-sales_manager").status_code
    assert looking("sales_manager").get(LEAD).all("select", id="person")


def test_what_may_not_be_seen_is_not_explained(looking: Looking) -> None:
    """A record outside one's sight is answered like one that does not exist."""
    browser = looking("sales_rep")
    pages = [
        " ".join(browser.get(f"/rights?type=lead&record={one}").text.split()).replace(one, "ID")
        for one in ("lead-1020", "lead-none")
    ]
    assert pages[0] == pages[1]
    assert "may not read this lead" in pages[0]


def test_a_question_that_is_none(looking: Looking) -> None:
    """An unknown type or action asks for a record instead of failing."""
    for address in ("/rights", "/rights?type=spaceship&record=x", "/rights?type=lead&record=lead-1001&action=fly"):
        assert "Name a record" in looking("sales_rep").get(address).text
