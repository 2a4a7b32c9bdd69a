"""A creating request that is sent twice counts once, whatever happens in between."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from flask import Flask
from small_world import EVERY_STORE, NOW, Api, Clock, as_person, code, value

from adapters.wiring import Wiring
from engine.caller import Caller
from engine.predicate import Always
from engine.problems import ConflictError
from engine.service import idempotency
from engine.service.directory import actor_of

pytestmark = pytest.mark.parametrize("kind_of_store", EVERY_STORE, indirect=True)

BODY = {"name": "Once Only"}


def leads(wiring: Wiring) -> int:
    """How many there are."""
    return wiring.ports.store.count("lead", Always())


def test_the_same_request_twice(rep: Api, wiring: Wiring):
    """A repetition creates nothing and gets the first answer, byte for byte, marked as repeated."""
    before = leads(wiring)
    first, second = (rep.post("/leads", BODY, key="k1") for _ in range(2))
    assert (201, 201) == (first.status_code, second.status_code)
    assert first.data == second.data
    assert ("ETag", first.headers["ETag"], first.headers["Location"]) == (
        "ETag",
        second.headers["ETag"],
        second.headers["Location"],
    )
    assert ("Idempotent-Replayed" in first.headers, "Idempotent-Replayed" in second.headers) == (False, True)
    assert before + 1 == leads(wiring)


def test_without_a_key(rep: Api, wiring: Wiring):
    """A creating request without a key is refused and creates nothing."""
    before = leads(wiring)
    assert (400, "request.idempotency_key_required") == code(rep.post("/leads", BODY, key=None))
    assert before == leads(wiring)


@pytest.mark.parametrize("key", [" ", "a b", "x" * 256, "kü"])
def test_keys_that_cannot_be_read(rep: Api, key: str):
    """A key is printable ASCII without spaces, of bounded length."""
    response = rep.send("POST", "/leads", BODY, headers={"Idempotency-Key": key.encode().decode("latin-1")}, key=None)
    assert (400, "request.bad_header") == code(response)


def test_a_key_for_something_else(rep: Api, wiring: Wiring):
    """A used key does not serve for another body or another address."""
    rep.post("/leads", BODY, key="k1")
    before = leads(wiring)
    assert (422, "idempotency.key_reused") == code(rep.post("/leads", {"name": "Another"}, key="k1"))
    assert (422, "idempotency.key_reused") == code(rep.post("/deals", BODY, key="k1"))
    assert before == leads(wiring)


def test_keys_are_everybodys_own(app: Flask, wiring: Wiring):
    """The same key of two people is two keys."""
    before = leads(wiring)
    for person in ("person-sales_rep", "person-field_sales_rep"):
        assert 201 == as_person(app, person).post("/leads", BODY, key="k1").status_code
    assert before + 2 == leads(wiring)


def test_a_refused_request_gives_its_key_back(rep: Api):
    """After a refusal the corrected request may use the same key."""
    assert 422 == rep.post("/leads", {"nmae": "X"}, key="k1").status_code
    assert 201 == rep.post("/leads", BODY, key="k1").status_code


def test_answers_are_kept_for_a_day(rep: Api, clock: Clock, wiring: Wiring):
    """After a day the answer is forgotten, the key is free again, and the table does not grow."""
    rep.post("/leads", BODY, key="k1")
    before = leads(wiring)
    clock.now = NOW + timedelta(hours=23, minutes=59)
    assert "Idempotent-Replayed" in rep.post("/leads", BODY, key="k1").headers
    clock.now = NOW + timedelta(hours=48, minutes=1)
    assert "Idempotent-Replayed" not in rep.post("/leads", BODY, key="k1").headers
    assert before + 1 == leads(wiring)
    assert 1 == wiring.ports.store.count("idempotency_key", Always())


def claim(wiring: Wiring, clock: Clock, fingerprint: str = "f") -> idempotency.Claim | idempotency.Answer:
    """Claim a key as a request does."""
    caller = Caller(actor_of(wiring.ports, "person-sales_rep"), clock.now, "api", "r")
    return idempotency.claim(wiring.ports, caller, "k1", fingerprint)


def test_while_the_first_request_is_at_work(wiring: Wiring, clock: Clock):
    """A second request with the key waits its turn: it is told so, and does nothing."""
    claim(wiring, clock)
    with pytest.raises(ConflictError) as caught:
        claim(wiring, clock)
    assert "idempotency.in_progress" == caught.value.code


def test_a_request_that_died_is_taken_up_with_the_same_id(wiring: Wiring, clock: Clock):
    """When the first request's process died, a later repetition continues with the id that it would have given."""
    first = claim(wiring, clock)
    clock.now = NOW + timedelta(seconds=idempotency.CLAIM_SECONDS + 1)
    second = claim(wiring, clock)
    assert isinstance(first, idempotency.Claim)
    assert isinstance(second, idempotency.Claim)
    assert first.new_id == second.new_id


def test_a_late_answer_of_a_lapsed_claim_is_dropped(wiring: Wiring, clock: Clock):
    """Of two requests at work after a lapse, the one that holds the claim keeps its answer."""
    first = claim(wiring, clock)
    clock.now = NOW + timedelta(seconds=idempotency.CLAIM_SECONDS + 1)
    second = claim(wiring, clock)
    assert isinstance(first, idempotency.Claim)
    assert isinstance(second, idempotency.Claim)
    idempotency.settle(wiring.ports, second, idempotency.Answer(201, "second", {}), clock.now)
    idempotency.settle(wiring.ports, first, idempotency.Answer(201, "first", {}), clock.now)
    idempotency.release(wiring.ports, first)
    assert idempotency.Answer(201, "second", {}) == claim(wiring, clock)


def test_what_was_created_before_a_crash_is_found(
    rep: Api, wiring: Wiring, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """If the process dies after creating and before answering, the repetition answers with what was created."""
    before = leads(wiring)
    with monkeypatch.context() as dying:
        dying.setattr(idempotency, "settle", lambda *_: (_ for _ in ()).throw(SystemExit))
        dying.setattr(idempotency, "release", lambda *_: None)
        with pytest.raises(SystemExit):
            rep.post("/leads", BODY, key="k1")
    assert (409, "idempotency.in_progress") == code(rep.post("/leads", BODY, key="k1"))
    clock.now = NOW + timedelta(seconds=idempotency.CLAIM_SECONDS + 1)
    again = rep.post("/leads", BODY, key="k1")
    assert (201, "Once Only") == (again.status_code, value(again)["name"])
    assert before + 1 == leads(wiring)


def test_many_at_once(app: Flask, wiring: Wiring):
    """Of one request sent sixteen times at once, one creates; the others repeat its answer or are asked to wait."""
    before = leads(wiring)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: as_person(app, "person-sales_rep").post("/leads", BODY, key="k1"), range(16)))
    assert before + 1 == leads(wiring)
    assert {201, 409} >= {answer.status_code for answer in answers}
    assert 1 == len({answer.data for answer in answers if answer.status_code == 201})
