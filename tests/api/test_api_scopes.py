"""Scopes over HTTP: what each operation needs is enough for it, and without any part of it nothing happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from right_requests import DISCOUNT, RIGHT, Right, at
from small_world import NOW, ORG, Api, Clock, as_person, code, key_record, token_of, value
from werkzeug.test import TestResponse

from adapters.wiring import Wiring
from engine.caller import ACTIONS
from engine.predicate import Always, Compare
from engine.records import RECORD_TYPES
from engine.service.checkpoints import take_checkpoint
from engine.service.directory import person_key_of
from engine.service.jobs import run_job
from webapp.api.operation import NAMED_BY_THE_REQUEST, Operation
from webapp.api.routes import OPERATIONS

EVERY = frozenset(f"{action}:{known.name}" for action in ACTIONS for known in RECORD_TYPES)


def narrow(wiring: Wiring, role: str, name: str, scopes: frozenset[str]) -> None:
    """A key of this role's person with these scopes; its text is `token_of(name)`."""
    key = key_record(name, person_id=f"person-{role}", scopes=tuple(sorted(scopes)))
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(key)


@pytest.fixture
def asked(app_in_memory: Flask, memory: Wiring) -> dict[str, Right]:
    """Every request, with a job and a decision to ask about, and the next version of a rule file to publish."""
    analyst = as_person(app_in_memory, "person-revops_analyst")
    job = value(analyst.post("/jobs", {"kind": "score-leads"}))["id"]
    manager = as_person(app_in_memory, "person-sales_manager")
    manager.post("/evaluate/lead-priority/inbound", {"facts": {}, "record": True})
    decision = next(memory.ports.store.scan("decision", Always()))
    checkpoint = take_checkpoint(memory.ports, memory.signer, ORG, NOW)
    assert checkpoint is not None
    with memory.ports.store.transaction() as transaction:
        # As if it were the key's own, so that what is handed on is not more than is held.
        key = transaction.get("api_key", "key-person-sales_rep", Always())
        transaction.update(key.with_fields(scopes=("read:api_key",)))
    mine = person_key_of(ORG, "person-platform_admin")
    memory.sessions.begin({"how": "example"}, person_key=mine)
    (session,) = memory.sessions.sessions_of(mine)
    shipped = memory.shipped.rules()["rules/decision/discount-approval@1.yaml"]
    following = shipped.replace(b"\nversion: 1\n", b"\nversion: 2\n", 1)
    return {
        **RIGHT,
        "get_decision": at(decision.id),
        "get_checkpoint": at(checkpoint.id),
        "get_job": at(job),
        "cancel_job": at(job),
        "end_my_session": at(session.handle),
        "publish_version": Right("revops_analyst", DISCOUNT, raw=following),
        "make_key": Right(body={"name": "new", "scopes": ["write:api_key"]}),
    }


SCOPED = [one for one in OPERATIONS if not one.public]


def test_scopes_are_among_what_is_asked() -> None:
    """What a key or token needs is among the cells that an operation asks; only who one is needs no scope at all."""
    assert [] == [one.id for one in SCOPED if one.asks and not set(one.scopes) <= set(one.asks)]
    assert {"get_me", "validate_rule_file"} == {one.id for one in SCOPED if not one.scopes}
    assert [] == [one.id for one in SCOPED for scope in one.scopes if scope not in EVERY]


@pytest.mark.parametrize("operation", SCOPED, ids=lambda one: one.id)
def test_what_an_operation_needs_is_enough_and_needed(
    app_in_memory: Flask, memory: Wiring, asked: dict[str, Right], operation: Operation
) -> None:
    """With the scopes that it names an operation succeeds; with all others but one of them it is refused as lacking."""
    right = asked[operation.id]
    needs = frozenset(operation.scopes)
    for number, missing in enumerate(sorted(needs)):
        narrow(memory, right.by, f"lacking-{number}", EVERY - {missing})
        refused = right.send(as_person(app_in_memory, f"lacking-{number}"), operation)
        assert (403, "access.insufficient_scope") == code(refused), missing
        wanted = f'Bearer realm="bylaw", error="insufficient_scope", scope="{" ".join(operation.scopes)}"'
        assert wanted == refused.headers["WWW-Authenticate"]
    narrow(memory, right.by, "enough", needs)
    found = right.send(as_person(app_in_memory, "enough"), operation)
    assert operation.success.status == found.status_code, found.data


@pytest.mark.parametrize("operation", [one for one in SCOPED if one.method == "GET"], ids=lambda one: one.id)
def test_what_is_read_is_the_same_as_without_scopes(
    app_in_memory: Flask, memory: Wiring, asked: dict[str, Right], operation: Operation
) -> None:
    """Within the scopes that an operation needs, it shows what the whole role sees."""
    right = asked[operation.id]
    narrow(memory, right.by, "enough", frozenset(operation.scopes))
    read = value if operation.success.media == "application/json" else TestResponse.get_data
    answers = [read(right.send(as_person(app_in_memory, who), operation)) for who in (f"person-{right.by}", "enough")]
    if NAMED_BY_THE_REQUEST not in operation.asks:  # there the answer is what the scopes allow
        assert answers[0] == answers[1] or operation.id in {"get_me", "list_keys"}  # both show the key itself


def test_refused_changes_are_logged(app_in_memory: Flask, memory: Wiring) -> None:
    """A change for which a scope is missing leaves a denied entry of whoever tried it; reading leaves none."""
    narrow(memory, "sales_rep", "reading", frozenset({"read:deal"}))
    api = as_person(app_in_memory, "reading")
    before = memory.ports.store.count("audit_entry", Compare("organisation_id", "=", ORG))
    assert 403 == api.patch("/leads/lead-00", {"company": "X"}, 1).status_code
    assert 403 == api.get("/leads").status_code
    entries = list(memory.ports.store.scan("audit_entry", Compare("organisation_id", "=", ORG)))
    assert before + 1 == len(entries)
    entry = next(one for one in entries if one["reason"] == "access.insufficient_scope")
    assert ("denied", "update_lead", "lead", "lead-00", "person-sales_rep") == (
        entry["outcome"], entry["action"], entry["record_type"], entry["record_id"], entry["actor_id"],
    )  # fmt: skip


def test_a_scope_for_another_region_shows_nothing(app_in_memory: Flask, memory: Wiring) -> None:
    """A key for another region is let in and finds nothing, neither in lists nor by an id."""
    narrow(memory, "platform_admin", "south", frozenset({"read:lead", "region:south"}))
    api = as_person(app_in_memory, "south")
    assert [] == value(api.get("/leads"))["items"]
    assert (404, "record.not_found") == code(api.get("/leads/lead-00"))


def test_a_job_works_within_the_scopes_that_started_it(app_in_memory: Flask, memory: Wiring) -> None:
    """A key that may start jobs but not write leads starts one that writes no lead."""

    def scored(name: str, *scopes: str) -> Any:
        narrow(memory, "platform_admin", name, frozenset(scopes))
        started = as_person(app_in_memory, name).post("/jobs", {"kind": "score-leads"}, key=name)
        assert 202 == started.status_code
        assert "actor_scopes" not in value(started)
        return run_job(memory.ports, value(started)["id"], clock=lambda: NOW, worker="w")["result"]["leads"]

    assert 0 == scored("starts", "start:job", "read:rule_version")
    assert 0 < scored("writes", "start:job", "read:rule_version", "write:lead", "read:lead")


def test_an_answer_is_kept_for_the_scopes_that_it_was_given_to(app_in_memory: Flask, memory: Wiring) -> None:
    """A narrower token of the same person gets no kept answer of a wider one, and the other way round."""
    narrow(memory, "sales_rep", "narrow", frozenset({"write:lead", "read:lead"}))
    body = {"name": "Once Only"}
    whole, part = as_person(app_in_memory, "person-sales_rep"), as_person(app_in_memory, "narrow")
    for key, first, second in (("k1", whole, part), ("k2", part, whole)):
        assert 201 == first.post("/leads", body, key=key).status_code
        assert (422, "idempotency.key_reused") == code(second.post("/leads", body, key=key))
        assert 201 == first.post("/leads", body, key=key).status_code


def test_the_document_names_the_scopes(app_in_memory: Flask) -> None:
    """The OpenAPI document says for each operation what a key or token needs, and that a session needs nothing."""
    paths = value(app_in_memory.test_client().get("/api/v1/openapi.json"))["paths"]
    for operation in SCOPED:
        needs = list(operation.scopes)
        shown = paths[operation.path][operation.method.lower()]["security"]
        assert [{"key": needs}, {"token": needs}, {"session": []}] == shown


def test_keys_over_http(app_in_memory: Flask, memory: Wiring) -> None:
    """A key is made, used, rotated and revoked; its text is shown once, also where the request is repeated."""
    rep = as_person(app_in_memory, "person-sales_rep")
    body = {"name": "phone", "scopes": ["read:lead", "read:api_key", "write:api_key"], "days": 2}
    made, again = (value(rep.post("/keys", body, key="same")) for _ in range(2))
    assert {**made, "key": None} == again
    assert ("active", "person-sales_rep", "2026-11-25T09:00:00Z") == (
        made["state"],
        made["person_id"],
        made["expires_at"],
    )
    assert made["key"].encode() not in str([*memory.ports.store.scan("idempotency_key", Always())]).encode()
    phone = Api(app_in_memory.test_client(), made["key"])
    assert 200 == phone.get("/leads").status_code
    shown = value(rep.get(f"/keys/{made['id']}"))
    assert ("2026-11-23T09:00:00Z", made["key"][4:12]) == (shown["used_at"], shown["prefix"])
    assert not {"secret_digest", "key"} & set(shown)
    new = value(phone.post(f"/keys/{made['id']}/rotate", {"overlap_hours": 0}))
    assert (401, "api_key.refused") == code(phone.get("/leads"))
    assert 200 == Api(app_in_memory.test_client(), new["key"]).get("/leads").status_code
    assert "revoked" == value(rep.post(f"/keys/{new['id']}/revoke"))["state"]
    assert (401, "api_key.refused") == code(Api(app_in_memory.test_client(), new["key"]).get("/leads"))
    states = [(one["name"], one["state"]) for one in value(rep.get("/keys"))["items"] if one["name"] == "phone"]
    assert [("phone", "expired"), ("phone", "revoked")] == sorted(states)


def test_other_peoples_keys(app_in_memory: Flask) -> None:
    """People neither see nor end others' keys; administrators see all of their organisation's."""
    rep, admin = as_person(app_in_memory, "person-sales_rep"), as_person(app_in_memory, "person-platform_admin")
    assert {"person-sales_rep"} == {key["person_id"] for key in value(rep.get("/keys"))["items"]}
    assert [] == value(rep.get("/keys?person_id=person-other"))["items"]
    for method, path in (("GET", ""), ("POST", "/revoke"), ("POST", "/rotate")):
        assert (404, "record.not_found") == code(rep.send(method, f"/keys/key-person-other{path}"))
    assert (403, "access.denied") == code(rep.post("/keys", {"name": "x", "person_id": "person-other"}))
    everybody = {key["person_id"] for key in value(admin.get("/keys"))["items"]}
    assert {"person-other", "person-sales_rep"} < everybody
    assert "person-9" not in everybody


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.name"), ({"name": ""}, "$.name"), ({"name": "x", "days": 0}, "$.days"),
        ({"name": "x", "days": 367}, "$.days"),
        ({"name": "x", "scopes": []}, "$.scopes"), ({"name": "x", "scopes": ["a", "a"]}, "$.scopes"),
        ({"name": "x", "scopes": "read:lead"}, "$.scopes"), ({"name": "x", "secret_digest": "0"}, "$.secret_digest"),
        ({"name": "x", "expires_at": None}, "$.expires_at"),
    ],
)  # fmt: skip
def test_keys_that_are_asked_for_wrongly(app_in_memory: Flask, body: Any, path: str) -> None:
    """What a key is to be is read strictly: nothing is guessed, and nothing else can be set."""
    found = value(as_person(app_in_memory, "person-sales_rep").post("/keys", body))
    assert (422, path) == (found["status"], found["problems"][0]["path"])


def test_guessing_does_not_fill_the_log(app_in_memory: Flask, memory: Wiring, clock: Clock) -> None:
    """Refused keys leave one entry a minute for each key that was tried, which says how many there were."""

    def refused() -> list[tuple[str, str, int]]:
        entries = sorted(memory.ports.store.scan("audit_entry", Always()), key=lambda entry: (entry["at"], entry.id))
        found = [one for one in entries if one["action"] in {"api_key.use", "token.use"}]
        return [(one["action"], one["record_id"], int(one["changes"]["refused"]["after"])) for one in found]

    wrong = token_of("person-sales_rep")[:-3] + "AAA"
    for _ in range(50):
        assert 401 == Api(app_in_memory.test_client(), wrong).get("/me").status_code
        assert 401 == Api(app_in_memory.test_client(), token_of("nobody")).get("/me").status_code
    assert {("api_key.use", "key-person-sales_rep", 1), ("api_key.use", "unknown", 1)} == set(refused())
    clock.now += timedelta(minutes=1)
    assert 401 == Api(app_in_memory.test_client(), wrong).get("/me").status_code
    assert ("api_key.use", "key-person-sales_rep", 50) == refused()[-1]
    assert 3 == len(refused())
    assert (
        'Bearer realm="bylaw", error="invalid_token"'
        == (Api(app_in_memory.test_client(), wrong).get("/me").headers["WWW-Authenticate"])
    )
    assert 'Bearer realm="bylaw"' == as_person(app_in_memory, None).get("/me").headers["WWW-Authenticate"]
