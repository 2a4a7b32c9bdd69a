"""Jobs over HTTP: started once, handed to the queue, followed, cancelled."""

from __future__ import annotations

import pytest
from flask import Flask
from small_world import NOW, Api, as_person, code, value

from adapters.wiring import Wiring
from engine.problems import Problem, UnavailableError
from engine.service.jobs import run_job

SCORE = {"kind": "score-leads"}
RUN = {"kind": "incentive-run", "plan": "incentive-plan/sales-commission", "period": "2026-Q3"}


@pytest.mark.parametrize(
    "body", [SCORE, {**SCORE, "rule_set": "lead-priority/inbound"}, RUN, {**RUN, "plan": "sales-commission"}]
)
def test_starting(analyst: Api, wiring: Wiring, body: dict[str, str]):
    """A started job is answered with where to follow it, and waits in the queue."""
    response = analyst.post("/jobs", body)
    found = value(response)
    assert (202, "queued", f"/api/v1/jobs/{found['id']}") == (
        response.status_code,
        found["state"],
        response.headers["Location"],
    )
    assert wiring.ports.queue.take() is not None
    assert () == wiring.ports.store.pending_messages()


def test_from_start_to_end(analyst: Api, wiring: Wiring):
    """A job that a worker has done shows its result, and the leads their scores."""
    job = value(analyst.post("/jobs", SCORE))["id"]
    run_job(wiring.ports, job, clock=lambda: NOW, worker="test")
    found = value(analyst.get(f"/jobs/{job}"))
    assert "succeeded" == found["state"]
    assert int(found["done"]) == int(found["total"]) > 0
    assert "lease_token" not in found
    assert [job] == [one["id"] for one in value(analyst.get("/jobs", state="succeeded", kind="score-leads"))["items"]]


def test_started_once(analyst: Api, wiring: Wiring):
    """The same request twice starts one job."""
    first, again = (analyst.post("/jobs", SCORE, key="j1") for _ in range(2))
    assert first.data == again.data
    wiring.ports.queue.take()
    assert wiring.ports.queue.take() is None


def test_while_the_queue_is_away(analyst: Api, wiring: Wiring, monkeypatch: pytest.MonkeyPatch):
    """A job is accepted while the queue is away; it waits in the outbox."""

    def away(*_: object) -> None:
        raise UnavailableError(Problem("queue.unavailable", "away"))

    monkeypatch.setattr(wiring.ports.queue, "deliver", away)
    assert 202 == analyst.post("/jobs", SCORE).status_code
    assert 1 == len(wiring.ports.store.pending_messages())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "field.missing")),
        ({"kind": "score-deals"}, (422, "field.wrong_kind")),
        ({**SCORE, "period": "2026-Q3"}, (422, "field.not_settable")),
        ({"kind": "incentive-run"}, (422, "field.missing")),
        ({**RUN, "period": "2026-Q5"}, (422, "period.malformed")),
        ({**RUN, "plan": "incentive-plan/none"}, (404, "rule_set.not_found")),
        ({**SCORE, "rule_set": "decision/discount-approval"}, (422, "rule_set.wrong_kind")),
    ],
)
def test_what_is_not_started(analyst: Api, wiring: Wiring, body: dict[str, str], expected: tuple[int, str]):
    """A job that cannot be done is refused at once, and nothing waits for it."""
    assert expected == code(analyst.post("/jobs", body))
    assert wiring.ports.queue.take() is None


def test_who_may_not_start(rep: Api):
    """A representative starts no jobs."""
    assert (403, "access.denied") == code(rep.post("/jobs", SCORE))


def test_cancelling(analyst: Api, app: Flask):
    """A waiting job is cancelled at once; a job that has ended cannot be."""
    job = value(analyst.post("/jobs", SCORE))["id"]
    assert (404, "record.not_found") == code(as_person(app, "person-sales_rep").post(f"/jobs/{job}/cancel", key=None))
    assert "cancelled" == value(analyst.post(f"/jobs/{job}/cancel", key=None))["state"]
    assert (409, "job.finished") == code(analyst.post(f"/jobs/{job}/cancel", key=None))
