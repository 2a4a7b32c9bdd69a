"""Cursors, revisions, keys and media types that were altered, borrowed or made up."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from flask import Flask
from small_world import Api, as_person, code, value

from adapters.wiring import Wiring
from engine.predicate import Always
from webapp.api.resources import RESOURCES
from webapp.api.routes import OPERATIONS

pytestmark = pytest.mark.usefixtures("store_is_real")

PERSONS = ("person-sales_rep", "person-field_sales_rep", "person-sales_manager", "person-platform_admin", "person-9")


def ids(answer: Any) -> list[str]:
    """The ids of a page."""
    return [item["id"] for item in value(answer)["items"]]


# -- cursors


def test_no_bit_of_a_cursor_can_be_turned(analyst: Api) -> None:
    """Whatever single bit of a cursor is turned, the list refuses it, or reads it as the same cursor."""
    cursor = value(analyst.get("/leads", limit=2))["next_cursor"]
    whole = ids(analyst.get("/leads", limit=200, cursor=cursor))
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for position in range(len(raw) * 8):
        turned = bytearray(raw)
        turned[position // 8] ^= 1 << (position % 8)
        text = base64.urlsafe_b64encode(turned).decode().rstrip("=")
        assert (400, "cursor.invalid") == code(analyst.get("/leads", limit=200, cursor=text)), position
    for position, character in enumerate(cursor):
        other = chr(ord(character) ^ 1)
        answer = analyst.get("/leads", limit=200, cursor=cursor[:position] + other + cursor[position + 1 :])
        assert answer.status_code == 400 or whole == ids(answer), position


@pytest.mark.parametrize(
    "cursor",
    ["", "=", "A", "AAAA", "a" * 4_000, "%", "é", "\n", "../..", "null", "[]", "eyJpZCI6MX0", "-_-_", "0", "🤝"],
)
def test_made_up_cursors_are_refused(analyst: Api, cursor: str) -> None:
    """What is no cursor is refused, by every list, with the parameter or the cursor named."""
    for resource in RESOURCES:
        answer = analyst.get(resource.path, cursor=cursor)
        assert answer.status_code == 400 or not cursor, resource.path
        assert answer.status_code < 500


def test_a_cursor_serves_its_own_reader_alone(app: Flask) -> None:
    """Another person's cursor is refused, or shows the other person nothing but what their own list holds."""
    cursors = {person: value(as_person(app, person).get("/leads", limit=1))["next_cursor"] for person in PERSONS}
    for reader in PERSONS:
        mine = set(ids(as_person(app, reader).get("/leads", limit=200)))
        for owner, cursor in cursors.items():
            if cursor is None:
                continue
            answer = as_person(app, reader).get("/leads", limit=200, cursor=cursor)
            assert answer.status_code == 400 or set(ids(answer)) <= mine, (reader, owner)


def test_a_forged_cursor_shows_nothing_more(app: Flask, wiring: Wiring) -> None:
    """Who computes a right checksum over another position still sees only what the policies let them see."""
    from adapters.stores.cursors import Question
    from engine.ports import Sort
    from engine.records import record_type
    from engine.service.directory import actor_of

    rep = as_person(app, "person-sales_rep")
    mine = set(ids(rep.get("/leads", limit=200)))
    predicate = wiring.ports.authorizer.predicate(actor_of(wiring.ports, "person-sales_rep"), "read", "lead")
    question = Question.of(record_type("lead"), predicate, (Sort("score", descending=True),), 200)
    for other in wiring.ports.store.scan("lead", Always()):
        answer = rep.get("/leads", limit=200, cursor=question.cursor_after(other))
        assert 200 == answer.status_code
        assert set(ids(answer)) <= mine


# -- revisions


@pytest.mark.parametrize(
    ("tag", "status"),
    [
        ('"0"', 412), ('"2"', 412), ('"999999999999999"', 412), ('"01"', 200), ('W/"1"', 400), ("*", 400), ("1", 400),
        ('"1', 400), ('"-1"', 400), ('"1.0"', 400), ('"1e0"', 400), ('"١"', 400), ('"1","1"', 400), ('"1" ', 200),
        ('"' + "1" * 5_000 + '"', 400), ('"\x01"', 400), ('"{1}"', 400), ("null", 400), ('""', 400),
    ],
)  # fmt: skip
def test_only_the_revision_that_was_seen_changes_a_record(rep: Api, tag: str, status: int) -> None:
    """A change goes through with the very revision that the record has; any other tag changes nothing."""
    made = value(rep.post("/leads", {"name": "Tagged"}))
    header = {"If-Match": tag.encode().decode("latin-1")}
    answer = rep.send("PATCH", f"/leads/{made['id']}", {"company": "New"}, headers=header, key=None)
    assert status == answer.status_code, answer.data
    after = value(rep.get(f"/leads/{made['id']}"))
    assert (after != made) == (status == 200)


def test_other_conditions_do_not_stand_in_for_the_revision(rep: Api) -> None:
    """`If-None-Match`, dates and a revision in the address or body are no revision seen."""
    made = value(rep.post("/leads", {"name": "Conditional"}))
    path = f"/leads/{made['id']}"
    for headers in ({"If-None-Match": "*"}, {"If-Unmodified-Since": "Mon, 23 Nov 2026 09:00:00 GMT"}, {"ETag": '"1"'}):
        answer = rep.send("PATCH", path, {"company": "New"}, headers=headers, key=None)
        assert (428, "request.precondition_required") == code(answer)
    assert made == value(rep.get(path))


# -- idempotency keys


def test_a_key_belongs_to_one_person(app: Flask) -> None:
    """The same key of two people is two keys: neither is given the other's answer."""
    answers = [
        as_person(app, person).post("/leads", {"name": f"By {person}"}, key="shared-key")
        for person in ("person-sales_rep", "person-field_sales_rep", "person-9")
    ]
    assert [201, 201, 201] == [answer.status_code for answer in answers]
    assert ["person-sales_rep", "person-field_sales_rep", "person-9"] == [value(one)["owner_id"] for one in answers]
    assert not any("Idempotent-Replayed" in answer.headers for answer in answers)


def test_a_key_belongs_to_one_operation_and_body(rep: Api, wiring: Wiring) -> None:
    """A used key does not serve another operation, address, media type or one more byte, and nothing is created."""
    assert 201 == rep.post("/leads", {"name": "First"}, key="one-use").status_code
    counts = [wiring.ports.store.count(kind, Always()) for kind in ("lead", "deal", "job", "decision")]
    others = [
        rep.post("/deals", {"name": "First", "stage": "Engaging"}, key="one-use"),
        rep.send("POST", "/leads", raw=b'{"name": "First"}', key="one-use"),
        rep.post("/leads", {"name": "Second"}, key="one-use"),
        rep.post("/evaluate/lead-priority/inbound", {"facts": {}, "record": True}, key="one-use"),
    ]
    assert [(422, "idempotency.key_reused")] * 4 == [code(answer) for answer in others]
    assert counts == [wiring.ports.store.count(kind, Always()) for kind in ("lead", "deal", "job", "decision")]


# -- media types and forms


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/json", "application/xml",
     "application/json; charset=utf-16", "application/json, text/plain", "application/jsonp", "", "application/JSON/x",
     "application/yaml", "application/merge-patch+json", "application/json\x00"],
)  # fmt: skip
def test_a_body_is_read_as_what_it_is_declared_to_be(rep: Api, wiring: Wiring, media: str) -> None:
    """Only JSON that says so is read as JSON: nothing is guessed from the bytes, no form is taken for a body."""
    before = wiring.ports.store.count("lead", Always())
    for raw in (b'{"name": "Lied about"}', b"name=Lied+about", b"--x\r\n\r\n--x--"):
        answer = rep.send("POST", "/leads", raw=raw, media=media)
        assert (415, "request.media_type") == code(answer), (media, raw)
    assert before == wiring.ports.store.count("lead", Always())


@pytest.mark.parametrize("raw", [b"name=Form", b"a: 1", b"<a/>", b"\xff\xfe{\x00}\x00", b"{'name': 'x'}", b"[]", b"1",
                                 b'"name"', b"null", b"", b"{}{}", b"//\n{}", b"\xef\xbb\xbf{}"])  # fmt: skip
def test_a_body_that_is_declared_json_is_json(rep: Api, raw: bytes) -> None:
    """Forms, YAML, other encodings and bare values under the name of JSON are refused with a place."""
    answer = rep.send("POST", "/leads", raw=raw)
    assert answer.status_code in {400, 422}, answer.data
    assert value(answer)["problems"]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
RULE_FILES = {
    "aliases that unfold": BOMB,
    "an alias of itself": "a: &a [*a]\n",
    "a merge of itself": "a: &a {<<: *a}\n",
    "a Python object": "kind: !!python/object/apply:os.system ['id']\n",
    "a Python name": "kind: !!python/name:os.system\n",
    "a tag of somebody": "kind: !lead x\n",
    "binary": "kind: !!binary aGVsbG8=\n",
    "a set": "kind: !!set {a, b}\n",
    "two documents": "kind: decision\n---\nkind: decision\n",
    "a directive": "%YAML 1.1\n---\nkind: yes\n",
    "nesting": "[" * 20_000,
    "nesting of maps": "{a: " * 20_000,
    "many keys": "".join(f"k{number}: 1\n" for number in range(5_000)),
    "a key twice": "kind: a\nkind: b\n",
    "keys that are no texts": "? [a, b]\n: 1\n1: 2\nnull: 3\n",
    "a number where a text is": "bylaw: 1\nkind: 1\nname: 2\nversion: x\n",
    "truth that was a country": "kind: no\nname: off\nversion: yes\n",
    "sexagesimal": "version: 190:20:30\n",
    "a list": "- kind: decision\n",
    "a text": "decision",
    "nothing": "",
    "a tab": "kind:\n\tname: x\n",
    "control characters": "kind: \x07\n",
    "a byte order mark": "\ufeffkind: decision\n",
    "JSON": json.dumps({"kind": "decision", "name": {"$ne": None}, "version": [1], "rules": {"a": 1}}),
}  # fmt: skip


@pytest.mark.parametrize("name", RULE_FILES)
def test_rule_files_that_are_bombs_or_lies_are_problems(analyst: Api, name: str) -> None:
    """A rule file that unfolds, nests, tags or takes one kind for another is refused, checked or published."""
    text = RULE_FILES[name].encode()
    as_json = json.dumps({"text": RULE_FILES[name]}).encode()
    for raw, media in ((text, "application/yaml"), (as_json, "application/json")):
        checked = analyst.send("POST", "/rule-sets:validate", raw=raw, media=media, key=None)
        assert checked.status_code == 200, checked.data
        assert not value(checked)["ok"]
        assert value(checked)["problems"]
        published = analyst.send("POST", "/rule-sets/decision/x/versions", raw=raw, media=media)
        assert published.status_code == 422, published.data


def test_every_operation_that_reads_a_body_refuses_what_is_none(analyst: Api) -> None:
    """No operation takes bytes that are no text, or a list where an object belongs, for its body."""
    for operation in OPERATIONS:
        if operation.body is None:
            continue
        path = operation.path.format(kind="lead-priority", name="inbound", id="lead-00", version=1)
        for raw in (b"\xff\xff", b"[]", b"[{}]", b"1", b'"x"', b"true"):
            answer = analyst.send(operation.method, path, raw=raw, headers={"If-Match": '"1"'})
            assert answer.status_code in {400, 404, 422}, (operation.id, raw, answer.data)
