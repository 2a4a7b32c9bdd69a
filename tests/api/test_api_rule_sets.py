"""Rule sets over HTTP: found, read as people or as bytes, checked, published."""

from __future__ import annotations

import pytest
from flask import Flask
from small_world import Api, as_person, code, value

from adapters.wiring import Wiring

DISCOUNT = "/rule-sets/decision/discount-approval"


def next_version(wiring: Wiring, number: int = 2) -> bytes:
    """The shipped discount table as another version."""
    text = wiring.shipped.rules()["rules/decision/discount-approval@1.yaml"]
    return text.replace(b"version: 1\n", f"version: {number}\n".encode())


def test_the_list(analyst: Api):
    """Every rule set is listed with the version in force, by kind when asked."""
    everything = value(analyst.get("/rule-sets"))["items"]
    names = [one["name"] for one in everything]
    assert sorted(names) == names
    inbound = next(one for one in everything if one["name"] == "lead-priority/inbound")
    assert ("in force", 3, 3) == (inbound["state"], int(inbound["version"]), int(inbound["versions"]))
    before = value(analyst.get("/rule-sets", kind="lead-priority", at="2026-09-30T12:00:00Z"))["items"]
    assert {"lead-priority"} == {one["kind"] for one in before}
    assert 2 == next(int(one["version"]) for one in before if one["name"] == "lead-priority/inbound")


def test_one_in_readable_form(analyst: Api):
    """A rule set shows its head, its text and its readable description."""
    response = analyst.get(DISCOUNT)
    found = value(response)
    assert ("decision/discount-approval", "discount-request/1") == (found["name"], found["facts"])
    assert f'"{found["digest"]}"' == response.headers["ETag"]
    assert "Below 10 % and 50 000 USD representatives decide themselves" in {
        row["because"] for section in found["description"]["sections"] for row in section["rows"]
    }


@pytest.mark.parametrize("path", [DISCOUNT, f"{DISCOUNT}/versions/1"])
def test_one_as_bytes(analyst: Api, wiring: Wiring, path: str):
    """With `Accept: application/yaml` the answer is the file, byte for byte."""
    response = analyst.get(path, headers={"Accept": "application/yaml"})
    assert "application/yaml" == response.mimetype
    assert wiring.shipped.rules()["rules/decision/discount-approval@1.yaml"] == response.data
    assert value(analyst.get(path))["text"].encode() == response.data


def test_versions(analyst: Api):
    """All versions are listed, the newest first; one that does not exist is not found."""
    assert [3, 2, 1] == [
        int(one["version"]) for one in value(analyst.get("/rule-sets/lead-priority/inbound/versions"))["items"]
    ]
    assert (404, "rule_set.version_not_found") == code(analyst.get("/rule-sets/lead-priority/inbound/versions/9"))
    missing = analyst.get("/rule-sets/lead-priority/inbuond/versions")
    assert (404, "rule_set.not_found") == code(missing)
    assert "`lead-priority/inbound`" in value(missing)["problems"][0]["help"]


@pytest.mark.parametrize("as_json", [True, False])
def test_checking_a_right_file(analyst: Api, wiring: Wiring, *, as_json: bool):
    """A right file is answered with its tests' results, sent as text or as bytes."""
    data = next_version(wiring)
    sent = {"body": {"text": data.decode()}} if as_json else {"raw": data, "media": "application/yaml"}
    found = value(analyst.send("POST", "/rule-sets:validate", **sent))
    assert (True, [], "decision/discount-approval") == (found["ok"], found["problems"], found["rule_set"]["name"])
    assert found["tests"]
    assert all(test["passed"] for test in found["tests"])


def test_checking_tells_what_was_found(analyst: Api, wiring: Wiring):
    """Warnings and hints of the analysis are told with their place and a record that shows them."""
    data = wiring.shipped.rules()["rules/lead-priority/inbound@3.yaml"]
    found = value(analyst.send("POST", "/rule-sets:validate", raw=data, media="application/yaml"))
    assert [] == found["warnings"]
    assert {"rules.score_range"} == {hint["code"] for hint in found["hints"]}
    assert all({"line", "column", "given"} <= hint.keys() for hint in found["hints"])


@pytest.mark.parametrize(
    ("text", "expected", "line"),
    [
        (b"kind: decision\nkind: decision\n", "rules.duplicate_key", 2),
        (b"kind: decision\n\tname: x\n", "rules.tab", 2),
        (b"a: &x 1\nb: *x\n", "rules.alias", 1),
        (b"kind: decision\nname: \xff\n", "rules.encoding", 2),
    ],
)
def test_checking_a_wrong_file(analyst: Api, text: bytes, expected: str, line: int):
    """A wrong file is answered with its problems, each with line and column; that is a success of the checking."""
    response = analyst.send("POST", "/rule-sets:validate", raw=text, media="application/yaml")
    found = value(response)
    assert (200, False, None) == (response.status_code, found["ok"], found["rule_set"])
    assert (expected, line) in {(problem["code"], int(problem["line"])) for problem in found["problems"]}


def test_checking_a_file_of_five_megabytes(analyst: Api):
    """A file of five megabytes is refused before it is read."""
    response = analyst.send("POST", "/rule-sets:validate", raw=b"# " + b"x" * 5_000_000, media="application/yaml")
    assert (413, "request.too_large") == code(response)


def test_publishing(analyst: Api, wiring: Wiring):
    """A published version is in force from its interval on, read back as the same bytes, once for each key."""
    data = next_version(wiring)
    first, again = (
        analyst.send("POST", f"{DISCOUNT}/versions", raw=data, media="application/yaml", key="p1") for _ in range(2)
    )
    assert (201, "/api/v1/rule-sets/decision/discount-approval/versions/2") == (
        first.status_code,
        first.headers["Location"],
    )
    assert first.data == again.data
    assert data == analyst.get(first.headers["Location"], headers={"Accept": "application/yaml"}).data
    decided = analyst.post(
        "/evaluate/decision/discount-approval", {"facts": {"segment": "small", "list_amount": 1, "discount_percent": 1}}
    )
    assert 2 == int(value(decided)["version"])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((b"version: 2", b"version: 4"), (409, "rule_set.wrong_number")),
        ((b"version: 2", b"version: 1"), (409, "rule_set.wrong_number")),
        ((b"name: discount-approval", b"name: discount-refusal"), (422, "rule_set.wrong_name")),
        (
            (b"expect: {approver: nobody, days: 0}", b"expect: {approver: deal desk, days: 0}"),
            (422, "rule_set.tests_failed"),
        ),
        ((b"hit_policy: UNIQUE", b"hit_polcy: UNIQUE"), (422, "rules.unknown_field")),
    ],
)
def test_what_is_not_published(analyst: Api, wiring: Wiring, change: tuple[bytes, bytes], expected: tuple[int, str]):
    """A file with a wrong number, name, test or text is not published, and the version in force stays."""
    data = next_version(wiring)
    assert change[0] in data
    assert expected == code(
        analyst.send("POST", f"{DISCOUNT}/versions", raw=data.replace(*change, 1), media="application/yaml")
    )
    assert 1 == int(value(analyst.get(DISCOUNT))["version"])


@pytest.mark.parametrize("person", ["person-sales_rep", "person-sales_manager", "person-platform_admin"])
def test_who_may_not_publish(app: Flask, wiring: Wiring, person: str):
    """Who may not publish is denied."""
    api = as_person(app, person)
    assert (403, "access.denied") == code(
        api.send("POST", f"{DISCOUNT}/versions", raw=next_version(wiring), media="application/yaml")
    )
