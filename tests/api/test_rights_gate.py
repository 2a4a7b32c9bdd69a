"""No address without a row of the policies: each declares the cells that it asks, and asks these and no others.

An operation, an address or a kind of job that declares nothing, or a cell that the policies do not have, fails here. So
does one whose declaration is not what it does: a spy stands in the authorizer's place while it is answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from small_world import HOME, NOW, ORG, Clock, as_person, fill, settings
from spying import Spy, StoreSpy, cells_that_grant, watched, without_a_right

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.records import Record
from engine.service.jobs import JOB_KINDS, run_job
from webapp import app as application
from webapp import authzen, console
from webapp.api.operation import Operation
from webapp.api.routes import OPERATIONS

ROLES = ("sales_rep", "sales_manager", "revops_analyst", "platform_admin")
EVERY = (*OPERATIONS, *authzen.OPERATIONS)
ANY = "*:*"
"""Declared where the request itself names the cell that is asked about."""

RULE_FILE = Path(__file__).resolve().parents[1] / "cases" / "cli" / "rules" / "decision" / "greeting@1.yaml"
LEAD = {"name": "New", "facts_schema": "lead/2", "facts": {"employees": 7}}
DEAL = {"name": "Tea", "stage": "Engaging", "account_id": "account-1", "product": "Tea Chest"}
CHECK_IN = {"at": "2026-11-23T08:00:00Z", "latitude": "54.3", "longitude": "10.1", "account_id": "account-1"}
QUESTION = {
    "subject": {"type": "user", "id": "person-sales_rep"},
    "action": {"name": "write"},
    "resource": {"type": "lead", "id": "lead-00"},
}
CHECK = {"person_id": "person-sales_rep", "action": "write", "record_type": "lead", "record_id": "lead-00"}
BODIES: dict[str, list[Any]] = {
    "evaluate": [{"facts": {"employees": 800}, "record": True}],
    "evaluate_bulk": [{"facts": [{"employees": 800}]}],
    "validate_rule_file": [{"text": RULE_FILE.read_text()}],
    "publish_version": [{"text": RULE_FILE.read_text()}],
    "create_lead": [LEAD, LEAD | {"owner_id": "person-other"}],
    "update_lead": [{"company": "New", "owner_id": "person-other"}],
    "create_deal": [DEAL],
    "update_deal": [{"account_id": "account-none", "product": "Tea Chest", "owner_id": "person-other"}],
    "create_check_in": [CHECK_IN],
    "start_job": [{"kind": "score-leads"}, {"kind": "incentive-run", "plan": "sales-commission", "period": "2026-Q4"}],
    "resolve_conflict": [{"choices": {}}],
    "erase_subject": [{"subject": one, "reason": "asked for"} for one in ("lead/lead-11", "person/person-gone")],
    "make_key": [{"name": "theirs", "person_id": "person-other"}],
    "check_access": [CHECK, CHECK | {"explain": True}],
    "check_access_bulk": [{"checks": [CHECK]}],
    **{operation.id: [QUESTION] for operation in authzen.OPERATIONS if operation.body},
}
IDS = {
    "leads": "lead-00", "deals": "deal-01", "check-ins": "check-in-1", "accounts": "account-1", "jobs": "job-1",
    "statements": "statement-1", "conflicts": "conflict-1", "decisions": "decision-1", "audit": "checkpoint-1",
    "people": "person-sales_manager",
    "keys": "key-person-other",
}  # fmt: skip
QUERIES = {"explain_access": "?person_id=person-sales_rep&action=write&record_type=lead&record_id=lead-00"}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, texts: Texts, published: tuple[Record, ...]) -> Iterator[Wiring]:
    """The small world with a job in it."""
    with build_in_memory(settings(tmp_path_factory.mktemp("gate")), texts=texts) as built:
        fill(built, published)
        place = {**HOME, "team_id": "team-1", "owner_id": "person-platform_admin"}
        job = {
            "kind": "score-leads", "title": "Score leads", "state": "queued", "actor_id": "person-platform_admin",
            "parameters": {}, "created_at": NOW,
        }  # fmt: skip
        with built.ports.store.transaction() as transaction:
            transaction.insert(Record("job", "job-1", ORG, {**place, **job}))
        yield built


@dataclass(frozen=True)
class Done:
    """What one request did: the cells that it asked for, the record types that it read and those that it wrote."""

    asked: set[str]
    read: set[str]
    written: set[str]


Looked = dict[str, list[Done]]


@pytest.fixture(scope="module")
def looked(seen: Wiring) -> Looked:
    """For each operation what each of its requests did, by each of four roles."""
    wiring, spy = watched(seen)
    store = StoreSpy(wiring.ports.store)
    app = application.create_app(replace(wiring, ports=replace(wiring.ports, store=store)), clock=Clock())
    for role in ROLES:
        as_person(app, f"person-{role}").get("/me")  # so that the use of the keys has been noted
    return {operation.id: list(_done(app, spy, store, operation)) for operation in EVERY}


@pytest.fixture(scope="module")
def answered(looked: Looked) -> dict[str, list[set[str]]]:
    """The cells alone."""
    return {name: [one.asked for one in done] for name, done in looked.items()}


def _done(app: Flask, spy: Spy, store: StoreSpy, operation: Operation) -> Iterator[Done]:
    path = operation.path if operation in authzen.OPERATIONS else f"/api/v1{operation.path}"
    record_id = IDS.get(operation.path.split("/")[1], "")
    kind, name = ("decision", "greeting") if operation.id == "publish_version" else ("lead-priority", "inbound")
    for part, given in (("id", record_id), ("kind", kind), ("name", name), ("version", "1")):
        path = path.replace("{" + part + "}", given)
    for role in ROLES:
        for body in BODIES.get(operation.id, [None]):
            api = as_person(app, f"person-{role}")
            headers = {"If-Match": '"1"'} if operation.changes else {}
            headers |= (
                {"Idempotency-Key": f"{role}-{operation.id}"} if operation.creates or operation.keyed_when else {}
            )
            store.read.clear()
            with spy.watching() as asked, store.watching() as written:
                answer = api.client.open(
                    path + QUERIES.get(operation.id, ""), method=operation.method, json=body,
                    headers=api.headers(headers),
                )  # fmt: skip
            assert answer.status_code < 500, (operation.id, answer.get_data(as_text=True))
            yield Done(asked, set(store.read), written)


UNASKED = {"person", "api_key", "idempotency_key"}
"""Read without a right: who asks, where what a person owns lies, whether a request was answered before."""

BESIDES = {
    "export_audit": {"checkpoint"},  # a signed size and root, which belong to the entries that are exported
    "erase_subject": {"job", "conflict", "statement"},  # what else says the name of whom is erased; none of it is shown
}
"""What single operations read beside what they ask, with the reason."""


def test_nothing_is_read_that_was_not_asked_for(looked: Looked) -> None:
    """No operation reads records of a type for which it asked no cell: the store sees no question past the policies."""
    besides = {}
    for name, done in looked.items():
        cells, read = (set().union(*(getattr(one, part) for one in done)) for part in ("asked", "read"))
        unasked = read - {cell.partition(":")[2] for cell in cells} - UNASKED
        if unasked:
            besides[name] = unasked
    assert besides == BESIDES


WRITTEN = {
    "create_lead": "lead",
    "update_lead": "lead",
    "create_deal": "deal",
    "create_check_in": "check_in",
    "evaluate": "decision",
    "publish_version": "rule_version",
    "make_key": "api_key",
    "revoke_key": "api_key",
    "start_job": "job",
    "cancel_job": "job",
    "resolve_conflict": "conflict",
    "erase_subject": "person",
}
"""What operations write, so that the rule below is about something."""


def test_nothing_is_written_without_a_right_to_it(looked: Looked) -> None:
    """Whatever record an operation writes, it has asked for a right to change records of that type."""
    assert {} == {
        (name, number): unasked
        for name, done in looked.items()
        for number, one in enumerate(done)
        if (unasked := without_a_right(one.written, one.asked))
    }
    written = {name: set().union(*(one.written for one in done)) for name, done in looked.items()}
    assert {} == {name: wanted for name, wanted in WRITTEN.items() if wanted not in written[name]}
    assert {"deal"} == without_a_right({"deal", "lead"}, {"read:deal", "write:lead"})


def test_an_erasure_writes_what_else_says_the_name(memory: Wiring) -> None:
    """The right to erase somebody is that to erase the name wherever it was copied to; nothing else is written so."""
    wiring, spy = watched(memory)
    store = StoreSpy(wiring.ports.store)
    app = application.create_app(replace(wiring, ports=replace(wiring.ports, store=store)), clock=Clock())
    admin = as_person(app, "person-platform_admin")
    admin.get("/me")
    with spy.watching() as asked, store.watching() as written:
        erased = admin.post("/audit/erasures", {"subject": "person/person-sales_rep", "reason": "asked for"}, key=None)
    assert 200 == erased.status_code, erased.data
    assert {"statement"} == without_a_right(written, asked)


def covered(cells: set[str], declared: tuple[str, ...]) -> set[str]:
    """The cells that are not declared."""
    return set() if ANY in declared else cells - set(declared)


@pytest.mark.parametrize("operation", EVERY, ids=lambda one: one.id)
def test_an_operation_declares_what_it_asks(texts: Texts, operation: Operation) -> None:
    """Every operation declares cells that the policies grant to somebody, or says why it asks none; never both."""
    assert bool(operation.asks) != bool(operation.needs_no_right), "declare `asks`, or say why in `needs_no_right`"
    assert set() == set(operation.asks) - cells_that_grant(texts.policies) - {ANY}
    assert not (operation.public and operation.asks)


@pytest.mark.parametrize("operation", EVERY, ids=lambda one: one.id)
def test_a_declaration_is_what_is_asked(answered: dict[str, list[set[str]]], operation: Operation) -> None:
    """While it is answered an operation asks for its declared cells, for no others, and for each of them sometimes."""
    asked = set().union(*answered[operation.id])
    assert set() == covered(asked, operation.asks)
    assert set(operation.asks) - {ANY} <= asked
    if ANY in operation.asks:
        assert "write:lead" in asked


def test_every_address_is_declared(app_in_memory: Flask) -> None:
    """Every address of the application is an operation, a page of the console, or says why it needs no right."""
    pages = {f"console.{route.name}" for route in console.ROUTES}
    operations = {f"api.{one.id}" for one in OPERATIONS} | {f"authzen.{one.id}" for one in authzen.OPERATIONS}
    known = pages | operations | set(application.NEEDS_NO_RIGHT)
    assert known == {rule.endpoint for rule in app_in_memory.url_map.iter_rules()}


@pytest.mark.parametrize("kind", JOB_KINDS)
def test_a_job_declares_what_it_asks(seen: Wiring, kind: str) -> None:
    """A job asks for the cells that its kind declares, and whether its starter may still start it; no others."""
    declared = JOB_KINDS[kind].asks
    wiring, spy = watched(seen)
    assert declared
    assert set(declared) <= cells_that_grant(wiring.ports.authorizer.behind)
    api = as_person(application.create_app(wiring, clock=Clock()), "person-revops_analyst")
    body = next(one for one in BODIES["start_job"] if one["kind"] == kind)
    started = api.post("/jobs", body, key=kind).get_json()
    store = StoreSpy(wiring.ports.store)
    with spy.watching() as asked, store.watching() as written:
        done = run_job(replace(wiring.ports, store=store), started["id"], clock=Clock(), worker="test")
    assert "succeeded" == done["state"], done["message"]
    assert {*declared, "start:job"} == asked
    assert {cell.partition(":")[2] for cell in declared if cell.startswith("write:")} <= written
    assert {"job"} == without_a_right(written, set(declared))  # what a worker notes about its own work


def test_the_gate_sees_what_it_should(answered: dict[str, list[set[str]]]) -> None:
    """An operation that asked for a cell beside its declaration would be found, and so would one that asks for less."""
    asked = set().union(*answered["update_lead"])
    assert {"write:lead"} == covered(asked, ("read:lead", "read:person"))
    assert not {"read:lead", "write:lead", "read:deal"} <= asked


def test_the_handbook_says_how_to_declare() -> None:
    """docs/authorization.md tells whoever adds an address what to declare."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "authorization.md").read_text()
    assert re.search(r"`asks`.*`needs_no_right`", text, re.DOTALL)
