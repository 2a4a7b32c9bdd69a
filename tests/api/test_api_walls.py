"""The walls between organisations: whoever guesses an id of the neighbour's finds nothing, whatever is asked of it."""

from __future__ import annotations

import pytest
from flask import Flask
from small_world import NOW, ORG, Api, as_person, code, value

from adapters.signing import signer_of
from engine.service.auditing import record_attempt
from engine.service.checkpoints import take_checkpoint
from webapp.api.operation import Operation
from webapp.api.routes import OPERATIONS
from webapp.context import ports

OURS = {
    "/leads": "lead-00", "/deals": "deal-01", "/check-ins": "check-in-1", "/accounts": "account-1",
    "/statements": "statement-1", "/conflicts": "conflict-1", "/decisions": "decision-1", "/jobs": "job-1",
    "/keys": "key-person-sales_rep", "/people": "person-sales_rep", "/me/sessions": "a-session",
    "/audit/checkpoints": "checkpoint-000000000001", "/audit": "audit-000000000001",
}  # fmt: skip
BODIES = {"update_lead": {"name": "Mine now"}, "update_deal": {"name": "Mine now"}}


@pytest.fixture(autouse=True)
def checkpoint(app_in_memory: Flask) -> None:
    """A log with one entry, and a checkpoint of it."""
    with app_in_memory.app_context():
        record_attempt(
            ports(), at=NOW, action="sign_in", outcome="accepted", channel="console", request_id="r1",
            subject=("session", "person-sales_rep"), organisation_id=ORG,
        )  # fmt: skip
        take_checkpoint(ports(), signer_of("00" * 32), ORG, NOW)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{id}" in one.path], ids=lambda one: one.id)
def test_ids_of_another_organisation_are_not_found(app_in_memory: Flask, operation: Operation) -> None:
    """Whatever is asked of our id, the neighbour's answer is that of an id which does not exist."""
    neighbour = as_person(app_in_memory, "person-9")
    ours = next(record_id for path, record_id in OURS.items() if operation.path.startswith(path + "/"))
    answers = []
    for record_id in (ours, ours + "-none"):
        path = operation.path.replace("{id}", record_id)
        answer = neighbour.send(operation.method, path, BODIES.get(operation.id), headers={"If-Match": '"1"'}, key="k1")
        told = {name: part for name, part in value(answer).items() if name != "instance"}
        answers.append((answer.status_code, repr(told).replace(record_id, "ID")))
    assert [answers[0], answers[0]] == answers
    assert 404 == answers[0][0]


def test_there_is_something_behind_the_wall(app_in_memory: Flask) -> None:
    """The records that the neighbour does not find are there for their own organisation."""
    ours: Api = as_person(app_in_memory, "person-platform_admin")
    for path in ("/leads", "/deals", "/accounts", "/statements", "/conflicts", "/audit/checkpoints", "/audit"):
        assert 200 == ours.get(f"{path}/{OURS[path]}").status_code, path


def test_nothing_is_written_over_the_wall(app_in_memory: Flask) -> None:
    """Neither an owner nor an account of another organisation can be named in a record."""
    neighbour = as_person(app_in_memory, "person-9")
    refused = neighbour.post("/leads", {"name": "Mine", "facts_schema": "lead/2", "owner_id": "person-sales_rep"})
    assert (422, "field.unknown_reference") == code(refused)
    ours = {lead["id"] for lead in value(as_person(app_in_memory, "person-platform_admin").get("/leads"))["items"]}
    assert "lead-9" not in ours
