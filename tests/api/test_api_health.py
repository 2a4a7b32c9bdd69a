"""Health tells the truth."""

from __future__ import annotations

import pytest
from flask import Flask
from small_world import value

from adapters.wiring import Wiring
from engine.problems import Problem, UnavailableError


def away(*_: object, **__: object) -> None:
    """What a part that does not answer raises."""
    raise UnavailableError(Problem("store.unavailable", "the database is away"))


def test_live(app_in_memory: Flask):
    """A process that answers lives."""
    response = app_in_memory.test_client().get("/health/live")
    assert (200, {"status": "live"}) == (response.status_code, value(response))


def test_ready(app_in_memory: Flask, memory: Wiring, monkeypatch: pytest.MonkeyPatch):
    """With every part there, and a worker, the service is ready."""
    monkeypatch.setattr(memory.ports.queue, "workers", lambda: 2)
    response = app_in_memory.test_client().get("/health/ready")
    assert (200, "ready") == (response.status_code, value(response)["status"])
    assert {"store", "queue", "sessions", "workers"} == set(value(response)["parts"])


def test_no_worker(app_in_memory: Flask):
    """Without a worker the service is not ready, and says which part is missing."""
    response = app_in_memory.test_client().get("/health/ready")
    parts = value(response)["parts"]
    assert (503, "not ready") == (response.status_code, value(response)["status"])
    assert {"store": "up", "queue": "up", "sessions": "up", "workers": "down"} == {
        name: part["status"] for name, part in parts.items()
    }


@pytest.mark.parametrize("part", ["store", "queue", "sessions"])
def test_a_part_that_does_not_answer(app_in_memory: Flask, memory: Wiring, monkeypatch: pytest.MonkeyPatch, part: str):
    """A part that does not answer makes the service not ready; the others are still asked."""
    holder = memory.sessions if part == "sessions" else getattr(memory.ports, part)
    monkeypatch.setattr(holder, "ping", away)
    response = app_in_memory.test_client().get("/health/ready")
    assert 503 == response.status_code
    assert {"status": "down", "code": "store.unavailable", "detail": "the database is away"} == value(response)[
        "parts"
    ][part]
    assert "up" == value(response)["parts"]["queue" if part != "queue" else "store"]["status"]


def test_a_request_while_the_database_is_away(app_in_memory: Flask, memory: Wiring, monkeypatch: pytest.MonkeyPatch):
    """A request that needs an absent part is 503 with a time to try again, not a fault of ours."""
    from small_world import as_person, code

    monkeypatch.setattr(memory.ports.store, "find", away)
    response = as_person(app_in_memory, "person-sales_rep").get("/leads")
    assert (503, "store.unavailable") == code(response)
    assert int(response.headers["Retry-After"]) > 0
