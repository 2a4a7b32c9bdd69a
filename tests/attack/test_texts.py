"""Texts that nobody expects, through every text that the API takes and back: kept to the byte, or refused in place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from naughty import NAUGHTY, unkeepable
from small_world import Api, value
from werkzeug.test import TestResponse

from engine.records import FieldKind, record_type
from engine.service.records import WRITABLE
from webapp.api.operation import Operation
from webapp.api.reading import TEXT
from webapp.api.resources import RESOURCES
from webapp.api.routes import OPERATIONS

pytestmark = pytest.mark.usefixtures("store_is_real")

JUDGED = {"facts_schema", "owner_id", "account_id", "stage", "product"}
"""Texts that must be one of something: a schema, somebody, an account, a choice, a product."""

HALF = re.compile("[\ud800-\udfff]")
BASE: dict[str, dict[str, Any]] = {
    "lead": {"name": "Base"},
    "deal": {"name": "Base", "stage": "Engaging"},
    "check_in": {"at": "2026-11-23T08:00:00Z", "latitude": "54.3", "longitude": "10.1"},
}
EXACT = {"at", "latitude", "longitude"}
"""Fields of the base that an answer writes in its own way."""
PATHS = {resource.type: resource.path for resource in RESOURCES if resource.type in WRITABLE}


def free_texts(kind: str) -> list[str]:
    """The settable text fields of a record type that take any text."""
    known = record_type(kind)
    texts = [name for name in WRITABLE[kind].settable if known.field(name).kind is FieldKind.TEXT]
    return [name for name in texts if name not in JUDGED]


def filled(kind: str, text: str) -> dict[str, Any]:
    """The text in every free text field, list and document of a record."""
    body: dict[str, Any] = {**BASE[kind], **dict.fromkeys(free_texts(kind), text)}
    if kind == "lead":
        body["facts"] = {"company": text, "email_domain": text}
    if kind == "deal":
        body["tags"] = ["plain", text]
    return body


def send(who: Api, method: str, path: str, body: Any, **more: Any) -> TestResponse:
    """The body in JSON; a half of a surrogate pair, which has no bytes, is written as an escape."""
    text = json.dumps(body, ensure_ascii=False)
    raw = HALF.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()
    return who.send(method, path, raw=raw, **more)


def refused_in_place(answer: TestResponse, fields: set[str]) -> bool:
    """Whether the answer is a refusal that points at one of the fields, or at the line of what is no JSON text."""
    problems = value(answer)["problems"]
    if answer.status_code == 400:
        return all(problem["code"].startswith("json.") and problem["line"] for problem in problems)
    named = {problem.get("path", "").removeprefix("$.").split(".")[0].split("[")[0] for problem in problems}
    return answer.status_code == 422 and bool(named) and named <= fields


KINDS = pytest.mark.parametrize("kind", sorted(WRITABLE))


def wrongs(check: Callable[[str], object]) -> dict[str, object]:
    """What is wrong with the answers to each text, by the text's name."""
    found = {name: check(text) for name, text in NAUGHTY.items()}
    return {name: fault for name, fault in found.items() if fault}


@KINDS
def test_texts_of_records_are_kept_to_the_byte(rep: Api, admin: Api, kind: str) -> None:
    """Whatever a text holds, a record keeps it to the byte, in its answers, in lists and in the log, or refuses it."""

    def fault(text: str) -> object:
        body = filled(kind, text)
        made = send(rep, "POST", PATHS[kind], body)
        if unkeepable(text):
            return None if refused_in_place(made, set(body)) else made.data
        if made.status_code != 201:
            return made.data
        shown = value(made)
        single = value(rep.get(f"{PATHS[kind]}/{shown['id']}"))
        (entry,) = value(admin.get("/audit", record_id=shown["id"], action="create"))["items"]
        logged = {name: entry["changes"][name]["after"] for name in free_texts(kind)}
        kept = {name: shown[name] for name in body if name not in EXACT}
        sent = {name: part for name, part in body.items() if name not in EXACT}
        return kept != sent or shown != single or logged != dict.fromkeys(free_texts(kind), text)

    assert {} == wrongs(fault)
    listed = value(rep.get(PATHS[kind], limit=200))["items"]
    kept = {item[free_texts(kind)[0]] for item in listed}
    assert {name for name, text in NAUGHTY.items() if not unkeepable(text) and text not in kept} == set()


@pytest.mark.parametrize("kind", [kind for kind in sorted(WRITABLE) if WRITABLE[kind].changeable])
def test_texts_of_changes_are_kept_to_the_byte(rep: Api, kind: str) -> None:
    """The same holds for a change, and a refused change leaves the record as it is."""
    made = value(rep.post(PATHS[kind], BASE[kind]))
    address = f"{PATHS[kind]}/{made['id']}"

    def fault(text: str) -> object:
        before = value(rep.get(address))
        body = {name: part for name, part in filled(kind, text).items() if name != "stage"}
        changed = send(rep, "PATCH", address, body, headers={"If-Match": f'"{before["revision"]}"'}, key=None)
        after = value(rep.get(address))
        if changed.status_code == 200:
            return unkeepable(text) or body != {name: after[name] for name in body}
        return not unkeepable(text) or not refused_in_place(changed, set(body)) or before != after

    assert {} == wrongs(fault)


@KINDS
def test_texts_that_must_be_something_are_refused_at_their_field(rep: Api, kind: str) -> None:
    """Where a text must be a schema, somebody, an account or a choice, any other one is a problem at its field."""
    for name in sorted(JUDGED & set(WRITABLE[kind].settable)):

        def fault(text: str, name: str = name) -> object:
            answer = send(rep, "POST", PATHS[kind], {**BASE[kind], name: text})
            fields = {name, "facts"} if name == "facts_schema" else {name}
            return None if answer.status_code != 201 and refused_in_place(answer, fields) else answer.data

        assert {} == wrongs(fault), name


def test_texts_as_names_of_fields_are_refused(rep: Api) -> None:
    """A field that nobody declared is refused whatever its name holds, at the top and within facts."""

    def fault(text: str) -> object:
        bodies: list[dict[str, Any]] = [{"name": "X", text: 1}, {"name": "X", "facts": {text: 1}}]
        answers = [send(rep, "POST", "/leads", body) for body in bodies]
        return [answer.data for answer in answers if answer.status_code not in {400, 422}]

    assert {} == wrongs(fault)


def test_texts_in_documents_of_any_shape(rep: Api) -> None:
    """A document keeps names and texts to the byte, or it is refused."""

    def fault(text: str) -> object:
        body = {**BASE["deal"], "splits": {text: [text]}}
        answer = send(rep, "POST", "/deals", body)
        if answer.status_code == 201:
            return value(rep.get(answer.headers["Location"]))["splits"] != body["splits"]
        return not refused_in_place(answer, {"splits"}) and answer.data

    assert {} == wrongs(fault)


def test_texts_in_queries_and_addresses_are_answered(analyst: Api) -> None:
    """In every query parameter and every part of an address a text is looked for or refused; it is nothing else."""

    def fault(text: str) -> object:
        answers = [ask(analyst, *where) for operation in READING for where in places(operation, text)]
        return [
            (answer.request.path[:80], answer.status)
            for answer in answers
            if answer.status_code >= 500
            or not (answer.mimetype or "").startswith("application/")
            or "Set-Cookie" in answer.headers
        ]

    assert {} == wrongs(fault)


READING = [operation for operation in OPERATIONS if operation.method == "GET"]


def places(operation: Operation, text: str) -> list[tuple[str, dict[str, str]]]:
    """The text as the parts of the operation's address, and as its query parameters: texts together, and others."""
    known = {"kind": "lead-priority", "name": "inbound", "id": "lead-00", "version": "1"}
    quoted = quote(text[:500], safe="", errors="surrogatepass")
    found: list[tuple[str, dict[str, str]]] = []
    if "{" in operation.path:
        found.append((operation.path.format(**dict.fromkeys(known, quoted)), {}))
    texts = [one.name for one in operation.parameters if one.reader is TEXT]
    others = [one.name for one in operation.parameters if one.reader is not TEXT]
    address = operation.path.format(**known)
    return found + [(address, dict.fromkeys(names, text[:5_000])) for names in (texts, others) if names]


def ask(who: Api, path: str, query: dict[str, str]) -> TestResponse:
    """GET with texts that are not even UTF-8."""
    return who.client.get(f"/api/v1{path}?{urlencode(query, errors='surrogatepass')}", headers=who.headers())
