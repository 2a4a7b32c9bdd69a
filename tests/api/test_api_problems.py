"""Every refusal is a problem document with a stable code, whatever was sent."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from small_world import Api, as_person, code, value
from werkzeug.test import TestResponse

from adapters.wiring import Wiring
from engine.problem_codes import CODES
from webapp.app import create_app
from webapp.problems import STATUS_BY_CODE

EVALUATE = "/evaluate/lead-priority/inbound"


@pytest.fixture
def api(app_in_memory: Flask) -> Api:
    """The analyst over the reference store."""
    return as_person(app_in_memory, "person-revops_analyst")


def check_document(response: TestResponse) -> dict[str, Any]:
    """The parts that every problem document has."""
    document = value(response)
    assert response.mimetype == "application/problem+json"
    assert response.status_code == document["status"]
    assert document["title"] == CODES[document["code"]]
    assert document["type"] == f"/problems/{document['code']}"
    assert document["instance"] == f"urn:bylaw:request:{response.headers['X-Request-Id']}"
    assert (document["code"], document["detail"]) == (
        document["problems"][0]["code"],
        document["problems"][0]["message"],
    )
    return document


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nothing-here", (404, "request.no_such_address")),
        ("GET", "/leads/no-such-lead", (404, "record.not_found")),
        ("GET", "/leads/%00", (404, "record.not_found")),
        ("GET", "/leads/%F0%9F%92%A9" + "x" * 300, (404, "record.not_found")),
        ("GET", "/leads//lead-01", (404, "request.no_such_address")),
        ("GET", "/leads/", (404, "request.no_such_address")),
        ("GET", "/leads/%FF", (404, "record.not_found")),
        ("GET", "/leads/a%0Ab", (404, "record.not_found")),
        ("DELETE", "/leads", (405, "request.method")),
        ("PUT", "/leads/lead-01", (405, "request.method")),
        ("GET", "/rule-sets/lead-priority/inbound/versions/one", (400, "request.malformed")),
        ("GET", "/problems/no.such_code", (404, "request.no_such_address")),
    ],
)
def test_addresses(api: Api, method: str, path: str, expected: tuple[int, str]):
    """An address or method that does not exist is refused as a problem document too."""
    response = api.send(method, path)
    assert expected == code(response)
    check_document(response)


def test_wrong_method_names_the_right_ones(api: Api):
    """A method that an address does not know is answered with those that it does."""
    assert "GET" in api.send("DELETE", "/leads").headers["Allow"]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", (400, "json.malformed")),
        (b"{", (400, "json.malformed")),
        (b"facts=1", (400, "json.malformed")),
        (b'{"facts": NaN}', (400, "json.not_a_number")),
        (b'{"facts": {}, "facts": {}}', (400, "json.duplicate_key")),
        (b'{"facts": {"a": "\xff"}}', (400, "json.encoding")),
        (b'{"facts": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", (400, "json.too_deep")),
        (b'{"facts": {"a": 1' + b"0" * 40 + b"}}", (400, "json.number_too_long")),
        (b"[1, 2]", (422, "field.wrong_kind")),
        (b'"text"', (422, "field.wrong_kind")),
        (b"{}", (422, "field.missing")),
        (b'{"facts": null}', (422, "field.wrong_kind")),
        (b'{"facts": [], "at": "yesterday"}', (422, "field.wrong_kind")),
        (b'{"facts": {}, "verison": 1}', (422, "field.unknown")),
    ],
)
def test_bodies_that_cannot_be_read(api: Api, raw: bytes, expected: tuple[int, str]):
    """A body that is not JSON, or not the JSON that is wanted, is refused with its code; nothing of it is believed."""
    response = api.send("POST", EVALUATE, raw=raw)
    assert expected == code(response)
    check_document(response)


def test_all_problems_of_a_body_at_once(api: Api):
    """A body's problems are reported together, each with its path, misspelt names with a suggestion."""
    response = api.post(EVALUATE, {"facts": 1, "at": "now", "recrod": True})
    found = {problem["path"]: problem for problem in value(response)["problems"]}
    assert {"$.facts", "$.at", "$.recrod"} == set(found)
    assert found["$.recrod"]["help"] == "did you mean `record`?"


class Unreadable:
    """A body of 100 MB that fails the test when it is read."""

    position = 0

    def tell(self) -> int:
        """Where it stands, for the client that announces its length."""
        return self.position

    def seek(self, offset: int, whence: int = 0) -> None:
        """Move without reading."""
        self.position = 100_000_000 if whence else offset

    def close(self) -> None:
        """Nothing is held."""

    def read(self, *_: object) -> bytes:
        """Nobody may."""
        pytest.fail("a body that is too large was read")

    readline = read


def test_a_hundred_megabytes_are_refused_unread(api: Api):
    """A body that is larger than an address reads is refused by its announced length, before a byte is read."""
    response = api.client.post(
        f"/api/v1{EVALUATE}", input_stream=Unreadable(),
        headers={**api.headers(), "Content-Type": "application/json"},
    )  # fmt: skip
    assert (413, "request.too_large") == code(response)
    check_document(response)


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_media_types_of_bodies(api: Api, media: str):
    """A body of another media type is refused, not guessed at."""
    assert (415, "request.media_type") == code(api.send("POST", EVALUATE, raw=b'{"facts": {}}', media=media))


@pytest.mark.parametrize(
    ("accept", "status"), [("text/html", 406), ("application/json", 200), ("*/*", 200), ("application/*", 200)]
)
def test_accepted_media_types(api: Api, accept: str, status: int):
    """Who accepts no JSON is told so; wildcards accept it."""
    response = api.get("/me", headers={"Accept": accept})
    assert status == response.status_code
    if status == 406:
        assert check_document(response)["code"] == "request.not_acceptable"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?bnad=A", "request.unknown_parameter"),
        ("?band=A&band=B", "request.repeated_parameter"),
        ("?limit=0", "request.bad_parameter"),
        ("?limit=201", "request.bad_parameter"),
        ("?limit=ten", "request.bad_parameter"),
        ("?limit=%D9%A3", "request.bad_parameter"),
        ("?sort=facts", "request.bad_parameter"),
        ("?min_score=1e5", "request.bad_parameter"),
        ("?created_from=2026-11-23", "request.bad_parameter"),
        ("?created_from=2026-02-30T00:00:00Z", "request.bad_parameter"),
        ("?created_from=0001-01-01T00:00:00%2B14:00", "request.bad_parameter"),
        ("?total=perhaps", "request.bad_parameter"),
        ("?q=%00", "request.bad_parameter"),
        ("?q=", "request.bad_parameter"),
        ("?cursor=made-up", "cursor.invalid"),
    ],
)
def test_query_parameters(api: Api, query: str, expected: str):
    """A query parameter that is unknown, repeated or unreadable is refused."""
    assert (400, expected) == code(api.get(f"/leads{query}"))


def test_all_problems_of_a_query_at_once(api: Api):
    """A query's problems are reported together, with help for a misspelt name and for a `+` that became a space."""
    problems = value(api.get("/leads?bnad=A&limit=0&created_from=2026-11-23T00:00:00+01:00"))["problems"]
    found = {problem["path"]: problem for problem in problems}
    assert {"?bnad", "?limit", "?created_from"} == set(found)
    assert found["?bnad"]["help"] == "did you mean `band`?"
    assert "`%2B`" in found["?created_from"]["message"]


def test_a_fault_of_ours_tells_nothing(
    memory: Wiring, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """An unexpected error is a 500 with the request's id; what happened stands in the log only."""
    app = create_app(memory)
    api = as_person(app, "person-sales_rep")
    monkeypatch.setattr(memory.ports.store, "find", lambda *_, **__: 1 / 0)
    response = api.client.get(
        "/api/v1/leads", headers={"Authorization": f"Bearer {api.token}", "X-Request-Id": "mine-1"}
    )
    assert (500, "server.unexpected") == code(response)
    assert b"ZeroDivision" not in response.data
    assert "mine-1" in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_problem_types_can_be_looked_up(api: Api):
    """The address in a problem's `type` answers with the code's meaning, to anybody."""
    response = api.client.get("/problems/record.stale")
    assert {"code": "record.stale", "meaning": CODES["record.stale"]} == value(response)


def test_the_table_names_only_declared_codes():
    """Every code in the table of statuses is a declared one."""
    assert [] == [known for known in STATUS_BY_CODE if known not in CODES]


@pytest.mark.parametrize(("given", "kept"), [("mine-1", True), ("x" * 65, False), ("a b", False), ("", False)])
def test_request_ids(api: Api, given: str, *, kept: bool):
    """A caller's own request id is kept where it is harmless, else a fresh one is made."""
    response = api.get("/me", headers={"X-Request-Id": given} if given else {})
    assert kept == (response.headers["X-Request-Id"] == given)
    assert response.headers["X-Request-Id"]


def test_headers_of_every_answer(api: Api):
    """Answers are not cached, not sniffed, not framed, and allow nothing to a browser that shows them."""
    for response in (api.get("/me"), api.get("/nothing-here")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["X-Frame-Options"] == "DENY"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
