"""Requests made from the OpenAPI document itself, right ones and wrong ones, each sent by everybody there is.

Whatever is sent, and by whom, the answer is one that the document describes, with the headers and the shape that it
describes; there is no fault of ours; a stranger gets nothing; and every record shown, in a list or alone, is one that
the policies let its reader read as it is stored. `BYLAW_TEST_EXAMPLES=10` makes ten times as many requests.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from small_world import NOW, ORG, STORES, UNLIMITED, Clock, as_person, fill, token_of, value
from small_world import settings as settings_of

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.caller import ROLES
from engine.predicate import Compare, matches
from engine.records import Record
from engine.service.checkpoints import take_checkpoint
from engine.service.directory import actor_of, person_key_of
from webapp import authzen
from webapp.api.document import SCHEMA_NAMES
from webapp.api.operation import Operation
from webapp.api.routes import OPERATIONS
from webapp.app import create_app

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TIMES = int(os.environ.get("BYLAW_TEST_EXAMPLES", "1"))
RIGHT, WRONG = 5 * TIMES, 2 * TIMES
"""Requests of each operation, for each kind of store; each is sent by everybody of `SENDERS`."""

SENDERS = (*(f"person-{role}" for role in ROLES), "person-9", None)
"""One person of each role, the neighbour's administrator, and a stranger."""

SELDOM_RIGHT = {"publish_version", "rotate_key", "resolve_conflict", "update_lead", "update_deal", "end_my_session"}
"""Operations for which chance finds no request that succeeds; other tests do."""

LISTED = {operation.path: operation for operation in OPERATIONS if operation.success.schema.endswith("Page")}

SHOWN = {title: kind for kind, title in SCHEMA_NAMES.items()}
"""Record types by the name that the document gives them."""


@pytest.fixture(scope="module", params=STORES)
def wiring(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    texts: Texts,
    published: tuple[Record, ...],
) -> Iterator[Wiring]:
    """One small world for all generated requests: what they create stays."""
    home = tmp_path_factory.mktemp("generated")
    url = "memory:" if request.param == "memory" else f"sqlite:///{home / 'bylaw.sqlite3'}"
    with build_in_memory(settings_of(home, url, rate_limits=UNLIMITED), texts=texts) as built:
        fill(built, published)
        yield built


@pytest.fixture(scope="module")
def app(wiring: Wiring) -> Flask:
    """The application over it, with a job, a decision and a checkpoint, so that every list has something in it."""
    made = create_app(wiring, clock=Clock())
    analyst = as_person(made, "person-revops_analyst")
    assert 202 == analyst.post("/jobs", {"kind": "score-leads"}).status_code
    manager = as_person(made, "person-sales_manager")
    assert 200 == manager.post("/evaluate/lead-priority/inbound", {"facts": {}, "record": True}).status_code
    assert take_checkpoint(wiring.ports, wiring.signer, ORG, NOW)
    return made


@pytest.fixture(scope="module")
def schema(app: Flask) -> dict[str, schemathesis.schemas.BaseSchema]:
    """The documents as they are served: our own operations', and those of the OpenID Authorization API."""
    served = {"": "/api/v1/openapi.json", "authzen": "/access/v1/openapi.json"}
    return {name: schemathesis.openapi.from_wsgi(address, app=app) for name, address in served.items()}


def description(schema: dict[str, schemathesis.schemas.BaseSchema], operation: Operation) -> APIOperation:
    """What the document that has the operation says of it."""
    return schema["authzen" if operation in authzen.OPERATIONS else ""][operation.path][operation.method]


AUTHZEN = {
    "subject": {"type": "user", "id": "person-sales_rep"},
    "action": {"name": "read"},
    "resource": {"type": "lead", "id": "lead-00"},
}
CHECK = {"action": "write", "record_type": "lead", "record_id": "lead-00"}
REAL_BODIES: dict[str, list[object]] = {
    "evaluate": [{"facts": {"employees": 800, "industry": "retail"}}, {"facts": {}, "explain": False, "version": 1}],
    "evaluate_bulk": [{"facts": [{"employees": 800}, {"employees": "many"}, {}]}],
    "create_deal": [{"name": "Tea", "stage": "Engaging"}],
    "create_check_in": [{"at": "2026-11-23T10:00:00+01:00", "latitude": "54.3", "longitude": 10}],
    "start_job": [
        {"kind": "score-leads"},
        {"kind": "incentive-run", "plan": "sales-commission", "period": "2026-Q3"},
    ],
    "check_access": [CHECK | {"explain": True}, CHECK],
    "check_access_bulk": [{"checks": [CHECK, CHECK | {"person_id": "person-sales_rep"}]}],
    "evaluation": [AUTHZEN],
    "evaluations": [AUTHZEN, {"subject": AUTHZEN["subject"], "evaluations": [AUTHZEN, {"action": {"name": "read"}}]}],
    "search_subject": [AUTHZEN | {"page": {"limit": 1}}],
    "search_resource": [AUTHZEN | {"page": {"limit": 2}}],
    "search_action": [AUTHZEN],
    "erase_subject": [{"subject": "lead/lead-11", "reason": "They asked."}],
    "update_lead": [{"company": "New"}, {"facts": {"employees": 7}}],
    "update_deal": [{"next_step": "Call"}, {"amount": {"amount": "5.10", "currency": "EUR"}}],
}
"""Bodies that fit, which chance alone would seldom meet."""


def real_parameters(wiring: Wiring, path: str) -> list[dict[str, str]]:
    """Addresses that exist, as their parameters."""
    if "{kind}" in path:
        pairs = [("lead-priority", "inbound")]
        if not path.startswith("/evaluate/"):
            pairs += [("decision", "discount-approval"), ("sync-conflict", "deal")]
        return [{"kind": kind, "name": name, "version": version} for kind, name in pairs for version in ("1", "2")]
    if "{id}" not in path:
        return []
    segment = path.split("/")[1]
    if segment == "keys":
        # Those of the other people: the requests come with the keys of one person for each role.
        return [{"id": f"key-{name}"} for name in ("person-other", "person-gone", "expired")]
    if segment == "me":
        people = [person_key_of(ORG, f"person-{role}") for role in ROLES]
        for person in people:
            wiring.sessions.begin({"csrf": "", "how": "example"}, person_key=person)
        return [{"id": one.handle} for person in people for one in wiring.sessions.sessions_of(person)]
    audited = "checkpoint" if "checkpoints" in path else "audit_entry"
    kinds = {"check-ins": "check_in", "people": "person", "audit": audited}
    kind = kinds.get(segment, segment.removesuffix("s"))
    found = wiring.ports.store.find(kind, Compare("organisation_id", "=", ORG), limit=20).records
    return [{"id": record.id} for record in found]


CASES = [
    pytest.param(operation, mode, id=f"{operation.id}-{name}")
    for operation in (*OPERATIONS, *authzen.OPERATIONS)
    for mode, name in ((GenerationMode.POSITIVE, "right"), (GenerationMode.NEGATIVE, "wrong"))
    if not operation.public or name == "right"  # a public address without parameters cannot be asked wrongly
]


@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_generated_requests(
    schema: dict[str, schemathesis.schemas.BaseSchema],
    wiring: Wiring,
    operation: Operation,
    mode: GenerationMode,
    real: Callable[[str], None],
):
    """Generated requests, right and wrong ones, get answers that the document describes, whoever sends them."""
    described = description(schema, operation)
    known = real_parameters(wiring, operation.path)
    examples = RIGHT if mode is GenerationMode.POSITIVE else WRONG
    bodies = REAL_BODIES.get(operation.id, []) if mode is GenerationMode.POSITIVE else []

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=described.as_strategy(generation_mode=mode), data=st.data())
    def check(case: schemathesis.Case, data: st.DataObject) -> None:
        if known and data.draw(st.integers(0, 3)):
            chosen = data.draw(st.sampled_from(known))
            case.path_parameters = {name: chosen[name] for name in case.path_parameters}
        if mode is GenerationMode.POSITIVE and data.draw(st.booleans()):
            case.query = {}
        if bodies and data.draw(st.booleans()):
            case.body, case.media_type = data.draw(st.sampled_from(bodies)), "application/json"
            if operation.changes:
                case.headers = {**(case.headers or {}), "If-Match": '"1"'}
        send(case)

    def send(case: schemathesis.Case) -> None:
        for person in SENDERS:
            response = case.call(headers={"Authorization": f"Bearer {token_of(person)}"} if person else {})
            answered.append(response.status_code)
            case.validate_response(response, checks=CHECKS)
            if person is None:
                assert operation.public or response.status_code == 401
            elif response.status_code < 300:
                check_records(wiring, person, operation, response.content)

    answered: list[int] = []
    check()
    if bodies and known and operation.id not in SELDOM_RIGHT:  # chance alone may meet none of them
        parameters = {name: one for name, one in known[0].items() if f"{{{name}}}" in operation.path}
        send(described.Case(path_parameters=parameters, body=bodies[0], media_type="application/json"))
    if mode is GenerationMode.POSITIVE and operation.id not in SELDOM_RIGHT:
        assert any(status < 300 for status in answered)
    real("SQLite")


def check_records(wiring: Wiring, person: str, operation: Operation, content: bytes) -> None:
    """Every record that an answer shows is, as it is stored, one that the policies let its reader read."""
    kind = SHOWN.get(operation.success.schema.removesuffix("Page"))
    if kind is None:
        return
    answer = json.loads(content)
    actor = actor_of(wiring.ports, person)
    own = Compare("organisation_id", "=", actor.organisation_id)  # numbers of entries are ids in every organisation
    predicate = wiring.ports.authorizer.predicate(actor, "read", kind)
    for shown in answer.get("items", [answer]):
        stored = wiring.ports.store.get(kind, shown["id"], own)
        assert matches(predicate, stored.values()), (person, kind, shown["id"])


@pytest.mark.parametrize("operation", [*OPERATIONS, *authzen.OPERATIONS], ids=lambda operation: operation.id)
def test_nothing_is_answered_without_a_key(schema: dict[str, schemathesis.schemas.BaseSchema], operation: Operation):
    """Without a key, or with a wrong one, nothing is answered; other methods are refused with those that exist."""
    described = description(schema, operation)

    @settings(max_examples=2, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=described.as_strategy())
    def check(case: schemathesis.Case) -> None:
        headers = {"Authorization": f"Bearer {token_of('person-platform_admin')}"}
        response = case.call(headers=headers)
        case.validate_response(response, checks=[ignored_auth, unsupported_method], headers=headers)

    check()


def test_it_has_met_the_store(app: Flask):
    """The generated requests were answered by a world that is still whole: its lists answer as before."""
    for path in LISTED:
        assert value(as_person(app, "person-platform_admin").get(path))["items"] is not None
