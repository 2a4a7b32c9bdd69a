"""No page without a row of the policies: each declares the cells that it asks, and asks these and no others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from console_house import NOW, Visitor, house, visitor
from flask import Flask
from spying import Spy, StoreSpy, cells_that_grant, watched, without_a_right

from adapters.wiring import Texts, Wiring
from engine.caller import ROLES
from engine.service import key_ring, records
from webapp.app import create_app
from webapp.console import ROUTES
from webapp.console.frame import Route

ADDRESSES = (
    "/people/sessions?person=person-sales_rep",
    "/leads?band=A", "/leads/lead-1001", "/deals/deal-801", "/rules/lead-priority/inbound", "/rules/sync-conflict/deal",
    "/rules/incentive-plan/sales-commission", "/rules/decision/discount-approval", "/try?lead=lead-1001",
    "/try?deal=deal-801", "/try?rule=sync-conflict/deal", "/rights?type=lead&record=lead-1001&action=write",
)  # fmt: skip
ANY = "*:*"
"""Declared where the address itself names the cell that is asked about."""
LISTED = ("statement", "conflict", "job", "audit_entry")
FORMS = (
    ("/audit/export", {}),
    ("/try", {"rule": "lead-priority/inbound", "mode": "json", "facts": "{}"}),
    ("/jobs", {"kind": "score-leads"}),
    ("/jobs", {"kind": "incentive-run", "plan": "incentive-plan/sales-commission", "period": "2026-Q3"}),
    ("/people/sessions/end", {"person": "person-sales_rep"}),
    ("/me/keys", {"name": "mine", "scope": "read:lead"}),
)


@pytest.fixture(scope="module")
def wiring(tmp_path_factory: pytest.TempPathFactory, texts: Texts) -> Iterator[Wiring]:
    """A house of its own: the forms change it."""
    with house(tmp_path_factory.mktemp("rights"), texts) as built:
        yield built


@pytest.fixture(scope="module")
def asked(done: dict[str, tuple[set[str], set[str]]]) -> dict[str, set[str]]:
    """For each page the cells that were asked while it was answered, for every role, with and without filters."""
    return {name: cells for name, (cells, _) in done.items()}


@pytest.fixture(scope="module")
def done(wiring: Wiring) -> dict[str, tuple[set[str], set[str]]]:
    """For each page the cells that were asked, and the record types that were written without asking for them."""
    seen, spy = watched(wiring)
    store = StoreSpy(seen.ports.store)
    seen = replace(seen, ports=replace(seen.ports, store=store))
    app = create_app(seen, clock=lambda: NOW)
    found: dict[str, tuple[set[str], set[str]]] = {}
    for role in ROLES:
        browser = visitor(app, seen, f"person-{role}")
        for address, form in _requests(browser):
            token = browser.token()
            with spy.watching() as cells, store.watching() as written:
                response = browser.client.get(address) if form is None else browser.post(address, token, **form)
            assert response.status_code < 500, address
            asked, unasked = found.setdefault(_endpoint(app, address, form), (set(), set()))
            asked |= cells
            unasked |= without_a_right(written, cells)
    return found


def _requests(browser: Visitor) -> Iterator[tuple[str, dict[str, str] | None]]:
    """Every page without parameters, pages of records, and forms."""
    yield from ((route.path, None) for route in ROUTES if "GET" in route.methods and "<" not in route.path)
    yield from ((address, None) for address in ADDRESSES)
    yield from FORMS
    for key in key_ring.list_api_keys(browser.wiring.ports, browser.caller, person_id=browser.caller.actor.id)[:1]:
        yield f"/me/keys/{key.id}/rotate", {}
        yield f"/me/keys/{key.id}/revoke", {}
    for kind in LISTED:
        folder = {"audit_entry": "audit"}.get(kind, f"{kind}s")
        for record in records.list_records(browser.wiring.ports, browser.caller, kind, limit=3).records:
            yield f"/{folder}/{record.id}", None
            if kind == "conflict":
                yield f"/try?conflict={record.id}", None
                yield f"/conflicts/{record.id}/resolution", {"revision": str(record.revision)}
            if kind == "job":
                yield f"/jobs/{record.id}/cancel", {}


def _endpoint(app: Flask, address: str, form: dict[str, str] | None) -> str:
    matcher = app.url_map.bind("localhost")
    endpoint, _ = matcher.match(address.partition("?")[0], method="GET" if form is None else "POST")
    return str(endpoint).removeprefix("console.")


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: one.name)
def test_a_page_declares_what_it_asks(texts: Texts, route: Route) -> None:
    """Every page declares cells that the policies grant to somebody, or says why it asks none; never both."""
    assert bool(route.asks) != bool(route.needs_no_right), "declare `asks`, or say why in `needs_no_right`"
    assert set(route.asks) - {ANY} <= cells_that_grant(texts.policies)
    assert not (route.open_to_all and route.asks)


@pytest.mark.parametrize("route", ROUTES, ids=lambda one: one.name)
def test_a_declaration_is_what_is_asked(asked: dict[str, set[str]], route: Route) -> None:
    """While it is answered a page asks for its declared cells, for no others, and for each of them sometimes."""
    assert route.needs_no_right or route.name in asked, "no request reaches it: add one to `_requests`"
    found = asked.get(route.name, set())
    assert set(route.asks) - {ANY} <= found
    assert ANY in route.asks or found <= set(route.asks)


def test_no_page_writes_without_a_right_to_it(done: dict[str, tuple[set[str], set[str]]]) -> None:
    """Whatever record a page writes, it has asked for a right to change records of that type."""
    assert {} == {name: unasked for name, (_, unasked) in done.items() if unasked}


def test_nothing_is_remembered_about_people_who_do_not_exist(texts: Texts, wiring: Wiring) -> None:
    """The spy hears questions about people of the house, and not those with which the role matrix is drawn."""
    seen, spy = watched(wiring)
    assert isinstance(seen.ports.authorizer, Spy)
    texts.policies.matrix()
    with spy.watching() as cells:
        visitor(create_app(seen, clock=lambda: NOW), seen, "person-sales_rep").get("/help")
    assert set() == cells
