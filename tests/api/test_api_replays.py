"""A kept answer is given again to whoever could still get it, over every kind of store."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from other_policies import OtherPolicies
from small_world import NOW, ORG, Api, Clock, as_person, code, fill, key_record, settings, value

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.predicate import Always, Compare
from engine.records import Record
from engine.scopes import permits
from webapp.app import create_app

KEYS = itertools.count()
LEAD = {"name": "Once Only"}
JOB = {"kind": "score-leads"}
API_KEY = {"name": "phone", "scopes": ["read:lead"], "days": 2}


@pytest.fixture(scope="module", params=["memory", "sqlite", "mongodb"])
def wiring(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    texts: Texts,
    published: tuple[Record, ...],
) -> Iterator[Wiring]:
    """One small world for each kind of store; tests put back what they change of people."""
    home = tmp_path_factory.mktemp("replays")
    url = {"memory": "memory:", "sqlite": f"sqlite:///{home / 'bylaw.sqlite3'}"}.get(request.param)
    if url is None:
        url = f"{request.getfixturevalue('mongodb_server')}/bylaw_replays_{home.name}"
    with build_in_memory(settings(home, url), texts=texts) as built:
        fill(built, published)
        yield built


@pytest.fixture(autouse=True)
def what_is_real(request: pytest.FixtureRequest, wiring: Wiring, real: Callable[[str], None]) -> None:
    """Note which database was asked."""
    scheme = wiring.settings.database_url.partition(":")[0]
    if scheme != "memory":
        real("SQLite" if scheme == "sqlite" else request.getfixturevalue("mongodb_kind"))


@pytest.fixture
def key() -> str:
    """A fresh Idempotency-Key."""
    return f"replay-{next(KEYS)}"


@contextmanager
def person(wiring: Wiring, who: str, /, **changes: Any) -> Iterator[None]:
    """The directory says something else about a person within the block."""
    home = Compare("organisation_id", "=", ORG)

    def put(fields: dict[str, Any]) -> dict[str, Any]:
        with wiring.ports.store.transaction() as transaction:
            record = transaction.get("person", f"person-{who}", home)
            transaction.update(record.with_fields(**fields))
        return {name: record[name] for name in fields}

    before = put(changes)
    try:
        yield
    finally:
        put(before)


def everything(wiring: Wiring) -> dict[str, int]:
    """How many records there are of each type that a request may create, and how many messages wait."""
    types = ("lead", "job", "api_key", "rule_version", "decision", "deal")
    counted = {name: wiring.ports.store.count(name, Always()) for name in types}
    return {**counted, "waiting": len(wiring.ports.store.pending_messages())}


def entries(wiring: Wiring) -> list[tuple[str, str, str]]:
    """The log as outcome, action and actor, by number."""
    found = sorted(wiring.ports.store.scan("audit_entry", Always()), key=lambda one: int(one["sequence"]))
    return [(one["outcome"], one["action"], one["actor_id"]) for one in found if one.organisation_id == ORG]


REFUSED = {
    "another role, which writes no own record": ("sales_rep", "/leads", LEAD, {"role": "revops_analyst"}),
    "another role, which starts no job": ("revops_analyst", "/jobs", JOB, {"role": "sales_rep"}),
    "another branch and no territory, where what was created does not lie": (
        "sales_manager",
        "/leads",
        LEAD,
        {"team_id": "team-2", "branch_id": "branch-2", "territory_ids": ()},
    ),
    "no territory, so nothing is one's own": ("field_sales_rep", "/leads", LEAD, {"territory_ids": ()}),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_whoever_may_no_longer_gets_no_kept_answer(
    app: Flask, wiring: Wiring, key: str, case: tuple[str, str, Any, dict[str, Any]]
) -> None:
    """After a change of role or place a repetition is refused and does nothing; the change undone, it is answered."""
    role, path, body, changes = case
    api = as_person(app, f"person-{role}")
    first = api.post(path, body, key=key)
    assert first.status_code in {201, 202}, first.data
    before = everything(wiring)
    with person(wiring, role, **changes):
        again = api.post(path, body, key=key)
        assert again.status_code in {403, 404}, again.data
        assert b"created_at" not in again.data
        assert "Idempotent-Replayed" not in again.headers
        assert before == everything(wiring)
    back = api.post(path, body, key=key)
    assert (first.status_code, first.data, "true") == (back.status_code, back.data, back.headers["Idempotent-Replayed"])
    assert before == everything(wiring)


def test_the_refusal_is_that_of_a_fresh_request(app: Flask, wiring: Wiring, key: str) -> None:
    """Status, code and the log's entry are those that the same request has under another key."""
    api = as_person(app, "person-revops_analyst")
    api.post("/jobs", JOB, key=key)
    with person(wiring, "revops_analyst", role="field_sales_rep"):
        logged = entries(wiring)
        again, fresh = api.post("/jobs", JOB, key=key), api.post("/jobs", JOB, key=f"{key}-fresh")
        assert (403, "access.denied") == code(again) == code(fresh)
        denied = ("denied", "start", "person-revops_analyst")
        assert [*logged, denied, denied] == entries(wiring)


STILL_ALLOWED = {
    "a lead": ("sales_manager", "/leads", LEAD),
    "a job": ("revops_analyst", "/jobs", JOB),
    "a key": ("sales_manager", "/keys", API_KEY),
}


@pytest.mark.parametrize("case", STILL_ALLOWED.values(), ids=STILL_ALLOWED.keys())
def test_a_change_that_takes_nothing_away_changes_no_repetition(
    app: Flask, wiring: Wiring, key: str, case: tuple[str, str, Any]
) -> None:
    """Who may as before gets the first answer: the check that a change calls for leaves nothing, not even an entry."""
    role, path, body = case
    api = as_person(app, f"person-{role}")
    first = api.post(path, body, key=key)
    before, logged = everything(wiring), entries(wiring)
    with person(wiring, role, territory_ids=("territory-1", "territory-9")):
        again = api.post(path, body, key=key)
    kept = {**value(first), "key": None} if path == "/keys" else value(first)
    assert (first.status_code, kept) == (again.status_code, value(again))
    assert (before, logged) == (everything(wiring), entries(wiring))


def test_a_published_version_is_told_again_to_whoever_may_publish(app: Flask, wiring: Wiring, key: str) -> None:
    """A version that is there already is no refusal; a role that does not publish is refused."""
    api = as_person(app, "person-revops_analyst")
    latest = value(api.get("/rule-sets/lead-priority/inbound/versions"))["items"][0]
    got = api.get(
        f"/rule-sets/lead-priority/inbound/versions/{latest['version']}", headers={"Accept": "application/yaml"}
    )
    number = int(latest["version"])
    text = got.get_data(as_text=True).replace(f"version: {number}\n", f"version: {number + 1}\n", 1)
    send = {"raw": text.encode(), "media": "application/yaml", "key": key}
    first = api.post("/rule-sets/lead-priority/inbound/versions", **send)
    assert 201 == first.status_code, first.data
    with person(wiring, "revops_analyst", territory_ids=()):
        assert first.data == api.post("/rule-sets/lead-priority/inbound/versions", **send).data
    with person(wiring, "revops_analyst", role="sales_manager"):
        refused = api.post("/rule-sets/lead-priority/inbound/versions", **send)
    assert (403, "access.denied") == code(refused)


def test_what_moved_out_of_sight_is_not_shown_again(app: Flask, wiring: Wiring, key: str) -> None:
    """A lead that was given to another team since is not found by whoever created it, with the kept answer either."""
    api, manager = as_person(app, "person-sales_rep"), as_person(app, "person-platform_admin")
    first = api.post("/leads", LEAD, key=key)
    lead = value(first)["id"]
    assert 200 == manager.patch(f"/leads/{lead}", {"owner_id": "person-other"}, 1).status_code
    assert (404, "record.not_found") == code(api.get(f"/leads/{lead}"))
    assert (404, "record.not_found") == code(api.post("/leads", LEAD, key=key))
    assert 200 == manager.patch(f"/leads/{lead}", {"owner_id": "person-sales_rep"}, 2).status_code
    assert first.data == api.post("/leads", LEAD, key=key).data


def test_other_policies_are_asked_anew(wiring: Wiring, clock: Clock, key: str) -> None:
    """An answer from before a change of the policies is given again only if they still allow the request."""
    first = as_person(create_app(wiring, clock=clock), "person-sales_rep").post("/leads", LEAD, key=key)
    stricter = OtherPolicies(wiring.ports.authorizer, "write:lead", Compare("status", "=", "archived"))
    other = replace(wiring, ports=replace(wiring.ports, authorizer=stricter))
    assert (403, "access.denied") == code(
        as_person(create_app(other, clock=clock), "person-sales_rep").post("/leads", LEAD, key=key)
    )
    again = as_person(create_app(wiring, clock=clock), "person-sales_rep").post("/leads", LEAD, key=key)
    assert first.data == again.data


def test_a_key_that_lost_its_scopes_gets_no_kept_answer(app: Flask, wiring: Wiring, key: str) -> None:
    """A key that may no longer do it is refused before anything is looked up; a narrower one has no such answer."""
    home, scopes = Compare("organisation_id", "=", ORG), ("read:lead", "write:lead", "read:deal")
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(key_record(key, person_id="person-sales_rep", scopes=scopes))
    api = as_person(app, key)
    first = api.post("/leads", LEAD, key=key)
    assert 201 == first.status_code
    for left, refusal in (
        (("read:lead", "read:deal"), (403, "access.insufficient_scope")),
        (("read:lead", "write:lead"), (422, "idempotency.key_reused")),
    ):
        assert permits(left, "write", "lead") is (refusal[0] == 422)
        with wiring.ports.store.transaction() as transaction:
            transaction.update(transaction.get("api_key", f"key-{key}", home).with_fields(scopes=left))
        assert refusal == code(api.post("/leads", LEAD, key=key))
    with wiring.ports.store.transaction() as transaction:
        transaction.update(transaction.get("api_key", f"key-{key}", home).with_fields(scopes=scopes))
    assert first.data == api.post("/leads", LEAD, key=key).data
    with wiring.ports.store.transaction() as transaction:
        transaction.update(transaction.get("api_key", f"key-{key}", home).with_fields(revoked_at=NOW))
    assert 401 == api.post("/leads", LEAD, key=key).status_code


def test_a_write_only_key_gets_its_answer_again(app: Flask, wiring: Wiring, key: str) -> None:
    """What may create and not read is given the first answer again: it has had it."""
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(key_record(key, person_id="person-sales_rep", scopes=("write:lead",)))
    api = Api(app.test_client(), as_person(app, key).token)
    first = api.post("/leads", LEAD, key=key)
    assert (201, first.data) == (first.status_code, api.post("/leads", LEAD, key=key).data)
