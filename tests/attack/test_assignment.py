"""Fields that a request may not set: every one of every record type, through every operation that writes."""

from __future__ import annotations

from typing import Any

import pytest
from small_world import Api, value

from adapters.wiring import Wiring
from engine.predicate import Always
from engine.records import COMMON, record_type
from engine.service.records import WRITABLE
from webapp.api.operation import Operation
from webapp.api.resources import RESOURCES
from webapp.api.routes import OPERATIONS

pytestmark = pytest.mark.usefixtures("store_is_real")

BASE: dict[str, dict[str, Any]] = {
    "lead": {"name": "Base"},
    "deal": {"name": "Base", "stage": "Engaging"},
    "check_in": {"at": "2026-11-23T08:00:00Z", "latitude": "54.3", "longitude": "10.1"},
}
PATHS = {resource.type: resource.path for resource in RESOURCES}
FOREIGN = (
    "role", "is_admin", "admin", "permissions", "scopes", "owner", "actor_id", "person_id", "user", "org", "tenant",
    "_id", "type", "created_by", "updated_at", "deleted", "state", "outcome ", "Name", "NAME", "fields", "values",
    "__class__", "__proto__", "fields.score", "score[]", "owner_id\u200b", "csrf_token", "If-Match",
)  # fmt: skip
VALUES: tuple[Any, ...] = ("person-platform_admin", 100, None, {"$set": 1})


def unsettable(kind: str) -> list[str]:
    """The declared fields that nobody may set, and names that other systems would listen to."""
    known = [field.name for field in (*COMMON, *record_type(kind).fields)]
    return [name for name in (*known, *FOREIGN) if name not in WRITABLE[kind].settable]


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_no_request_creates_with_a_field_that_is_bylaws_own(rep: Api, wiring: Wiring, kind: str) -> None:
    """A creation that names such a field is refused at the field, whatever its value, and nothing is created."""
    before = wiring.ports.store.count(kind, Always())
    for name in unsettable(kind):
        for given in VALUES:
            answer = rep.post(PATHS[kind], {**BASE[kind], name: given})
            assert 422 == answer.status_code, (name, given, answer.data)
            assert {"field.not_settable", "field.unknown"} & {one["code"] for one in value(answer)["problems"]}
    assert before == wiring.ports.store.count(kind, Always())


@pytest.mark.parametrize("kind", [kind for kind in sorted(WRITABLE) if WRITABLE[kind].changeable])
def test_no_request_changes_a_field_that_is_bylaws_own(rep: Api, wiring: Wiring, kind: str) -> None:
    """A change that names such a field beside right ones is refused whole: the record stays at its revision."""
    made = value(rep.post(PATHS[kind], BASE[kind]))
    address = f"{PATHS[kind]}/{made['id']}"
    for name in unsettable(kind):
        for given in VALUES:
            answer = rep.patch(address, {"name": "Changed too", name: given}, made["revision"])
            assert 422 == answer.status_code, (name, given, answer.data)
    assert made == value(rep.get(address))


MEMBERED = [operation for operation in OPERATIONS if operation.body is not None and operation.body.members is not None]
BODIES: dict[str, dict[str, Any]] = {
    "evaluate": {"facts": {}},
    "evaluate_bulk": {"facts": [{}]},
    "validate_rule_file": {"text": "rule: 1"},
    "publish_version": {"text": "rule: 1"},
    "start_job": {"kind": "score-leads"},
    "resolve_conflict": {},
    "check_access": {"action": "read", "type": "lead", "id": "lead-1"},
    "check_access_bulk": {"checks": [{"action": "read", "type": "lead", "id": "lead-1"}]},
    "erase_subject": {"subject": "lead/lead-1", "reason": "asked"},
    "make_key": {"name": "mine", "scopes": ["read:lead"]},
}


@pytest.mark.parametrize("operation", MEMBERED, ids=lambda one: one.id)
def test_bodies_have_the_members_that_are_declared(analyst: Api, wiring: Wiring, operation: Operation) -> None:
    """Every other body refuses members that it does not declare, and what they name is not done."""
    jobs = wiring.ports.store.count("job", Always())
    path = operation.path.format(kind="lead-priority", name="inbound", id="conflict-1", version=1)
    known = {member.name for member in (operation.body.members or ())} if operation.body else set()
    for name in sorted({*FOREIGN, "organisation_id", "id", "actor_id", "revision", "parameters"} - known):
        answer = analyst.send(
            operation.method, path, {**BODIES.get(operation.id, {}), name: "x"}, headers={"If-Match": '"1"'}
        )
        assert 422 == answer.status_code, (name, answer.data)
        assert "field.unknown" in {problem["code"] for problem in value(answer)["problems"]}, (name, answer.data)
    assert jobs == wiring.ports.store.count("job", Always())
