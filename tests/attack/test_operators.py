"""Values that would be operators, patterns or lists in a database's language: they are values, or they are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small_world import EVERY_STORE, Api, value

from engine.records import FieldKind, record_type
from engine.service.records import WRITABLE
from webapp.api.resources import AUDIT, RESOURCES, Resource

pytestmark = pytest.mark.usefixtures("store_is_real")
in_every_store = pytest.mark.parametrize("wiring", EVERY_STORE, indirect=True, scope="module")

OPERATORS = (
    '{"$ne": null}', '{"$gt": ""}', '{"$regex": ".*"}', '{"$where": "1"}', '["lead-00","lead-01"]', ".*", "^", "%", "_",
    "*", "?", "[a-z]*", "' OR 1=1 --", "1) OR (1=1", "x' UNION SELECT * FROM person --", "NULL", "null", "/./", "$ne",
    "\\", "%25", "GLOB '*'", "(select 1)",
)  # fmt: skip
BRACKETS = ("[$ne]", "[$gt]", "[$regex]", "[]", "[0]", ".$ne", "$ne", "__ne", "__in", "!", "<", ">")
"""Endings of a parameter's name that other frameworks read as operators."""


@in_every_store
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.type)
def test_filters_look_for_the_text_itself(admin: Api, resource: Resource) -> None:
    """Whatever a filter holds, it finds what has this very value (or begins so), and nothing has one of these."""
    for one in resource.filters:
        for text in OPERATORS:
            answer = admin.get(resource.path, **{one.parameter.name: text})
            assert answer.status_code in {200, 400}, (one.parameter.name, text, answer.data)
            if answer.status_code == 200:
                assert [] == value(answer)["items"], (one.parameter.name, text)


@in_every_store
@pytest.mark.parametrize("resource", RESOURCES, ids=lambda one: one.type)
def test_names_of_parameters_are_no_operators(admin: Api, resource: Resource) -> None:
    """A parameter with an operator in its name does not exist, and the same one twice is no list."""
    for one in resource.filters:
        for ending in BRACKETS:
            answer = admin.get(resource.path, **{one.parameter.name + ending: "x"})
            assert (400, "request.unknown_parameter") == (answer.status_code, value(answer)["code"]), ending
        twice = admin.client.get(
            f"/api/v1{resource.path}?{one.parameter.name}=a&{one.parameter.name}=b", headers=admin.headers()
        )
        assert (400, "request.repeated_parameter") == (twice.status_code, value(twice)["code"])


@in_every_store
@pytest.mark.parametrize("resource", [one for one in RESOURCES if one is not AUDIT], ids=lambda one: one.type)
def test_orders_are_those_that_are_declared(admin: Api, resource: Resource) -> None:
    """A list is sorted by a declared order; no other field, expression or operator is one."""
    undeclared = [known.name for known in record_type(resource.type).fields if known.name not in resource.orders]
    for text in (*undeclared, *OPERATORS, "id; DROP TABLE lead", "$natural", "name,score", "--name", "+name", "NAME"):
        answer = admin.get(resource.path, sort=text)
        assert (400, "request.bad_parameter") == (answer.status_code, value(answer)["code"]), text


WRONG_KINDS: tuple[Any, ...] = (
    {"$ne": None}, {"$gt": ""}, {"$set": {"role": "platform_admin"}}, {"amount": {"$gt": 0}, "currency": "USD"}, [],
    ["a"], [[]], {}, True, False, 0, -1, 1.5, 10**30, "1e3", "NaN", "0x10", [{"$ne": 1}],
)  # fmt: skip
FITTING: dict[FieldKind, tuple[type, ...]] = {
    FieldKind.TEXT: (str,), FieldKind.DOCUMENT: (dict, list), FieldKind.TEXTS: (list,),
    FieldKind.DECIMAL: (int, float, str), FieldKind.INTEGER: (int,),
}  # fmt: skip
BASE: dict[str, dict[str, Any]] = {
    "lead": {"name": "Base"},
    "deal": {"name": "Base", "stage": "Engaging"},
    "check_in": {"at": "2026-11-23T08:00:00Z", "latitude": "54.3", "longitude": "10.1"},
}


@pytest.mark.parametrize("kind", sorted(WRITABLE))
def test_values_of_another_kind_are_refused_at_their_field(rep: Api, kind: str) -> None:
    """Objects, lists, truth values and numbers where a field is of another kind are problems at the field."""
    path = next(resource.path for resource in RESOURCES if resource.type == kind)
    for name in WRITABLE[kind].settable:
        known = record_type(kind).field(name)
        assert known is not None
        fitting = FITTING.get(known.kind, ())
        for wrong in WRONG_KINDS:
            if isinstance(wrong, fitting) and not (isinstance(wrong, bool) and bool not in fitting):
                continue
            answer = rep.send("POST", path, raw=json.dumps({**BASE[kind], name: wrong}).encode())
            assert 422 == answer.status_code, (name, wrong, answer.data)
            places = {problem["path"] for problem in value(answer)["problems"]}
            assert any(place.startswith(f"$.{name}") for place in places), (name, wrong, places)


@in_every_store
@pytest.mark.parametrize("kind", ["lead", "deal"])
def test_documents_with_operators_are_documents(rep: Api, kind: str) -> None:
    """Names that begin with `$` or hold a point are refused or kept as the names that they are; they do nothing."""
    path = next(resource.path for resource in RESOURCES if resource.type == kind)
    field = {"lead": "facts", "deal": "splits"}[kind]
    for document in ({"$set": {"score": 100}}, {"$where": "1"}, {"a.b": 1}, {"": 1}, {"_id": 1}, [{"$ne": 1}], []):
        answer = rep.post(path, {**BASE[kind], field: document})
        assert answer.status_code in {201, 422}, answer.data
        if answer.status_code == 201:
            assert document == value(rep.get(answer.headers["Location"]))[field]
