"""Attempts to get in: each is an entry of its own, whoever it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pytest

from adapters.stores import open_store
from engine.caller import Actor
from engine.ports import Ports
from engine.predicate import Always, Compare
from engine.records import Record
from engine.service.auditing import UNPLACED, record_attempt

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
ANN = Actor("ann", "Ann", "sales_rep", "acme", "north", "oslo", "red", ("t1",))


class OnlyAStore:
    def __init__(self) -> None:
        self.store = open_store("memory:")


def test_an_attempt_of_a_known_person_lies_in_their_organisations_log() -> None:
    """A sign-in of somebody known is an entry in their organisation's log, at their own place."""
    ports = cast("Ports", OnlyAStore())
    number = record_attempt(
        ports, at=NOW, action="sign_in", outcome="accepted", channel="console", request_id="r1",
        subject=("session", "ann"), actor=ANN,
    )  # fmt: skip
    (found,) = ports.store.scan("audit_entry", Compare("organisation_id", "=", "acme"))
    assert (number, found["sequence"], found["action"], found["outcome"]) == (1, 1, "sign_in", "accepted")
    assert (found["actor_id"], found["region_id"], found["owner_id"]) == ("ann", "north", "ann")


def organisation(name: str, *, example: bool = False) -> Record:
    return Record("organisation", name, name, {"name": name, "currency": "EUR", "example": example})


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], UNPLACED),
        ([organisation("acme")], "acme"),
        ([organisation("show", example=True)], "show"),
        ([organisation("acme"), organisation("show", example=True)], "acme"),
        ([organisation("acme"), organisation("bolt")], UNPLACED),
    ],
)
def test_whose_door_a_stranger_tried(known: list[Record], expected: str) -> None:
    """A stranger's attempt lies in the only organisation's log; where several share a door, in one of its own."""
    ports = cast("Ports", OnlyAStore())
    with ports.store.transaction() as transaction:
        for one in known:
            transaction.insert(one)
    record_attempt(
        ports, at=NOW, action="session.begin", outcome="denied", channel="console", request_id="r1",
        subject=("session", "stranger"), reason="identity.unknown_person",
    )  # fmt: skip
    (found,) = ports.store.scan("audit_entry", Always())
    assert expected == found.organisation_id


def test_an_attempt_of_a_stranger_is_kept_too() -> None:
    """A refused key lies in the log of the organisation whose key it was, or in that of nobody in particular."""
    ports = cast("Ports", OnlyAStore())
    for organisation in ("acme", None):
        record_attempt(
            ports, at=NOW, action="bearer", outcome="denied", channel="api", request_id="r1",
            subject=("api_key", "unknown"), organisation_id=organisation, reason="api_key.refused",
        )  # fmt: skip
    for organisation in ("acme", UNPLACED):
        (found,) = ports.store.scan("audit_entry", Compare("organisation_id", "=", organisation))
        assert (found["actor_id"], found["outcome"], found["reason"]) == ("stranger", "denied", "api_key.refused")
        assert found["owner_id"] is None
