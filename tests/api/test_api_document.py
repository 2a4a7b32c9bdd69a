"""The OpenAPI document says what the API does: no more, no less, and the handbook says it too."""

from __future__ import annotations

import json
import re
from pathlib import Path

from flask import Flask
from openapi_spec_validator import validate
from small_world import as_person, value

from engine.records import RECORD_TYPES
from webapp.api.routes import OPERATIONS

HANDBOOK = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def document(app: Flask) -> dict[str, object]:
    """As it is served, to strangers too."""
    return json.loads(app.test_client().get("/api/v1/openapi.json").data)


def test_it_is_valid(app_in_memory: Flask):
    """The document is valid OpenAPI 3.1."""
    validate(document(app_in_memory))


def test_every_route_has_its_operation(app_in_memory: Flask):
    """Every address under /api/v1 has an operation, and every operation an address."""
    routes = {
        (method, re.sub(r"<(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in app_in_memory.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    described = {
        (method.upper(), path) for path, methods in document(app_in_memory)["paths"].items() for method in methods
    }
    assert routes == described


def test_every_operation_is_in_the_handbook():
    """docs/api.md has a paragraph for every operation and for nothing that does not exist."""
    described = set(re.findall(r"^### `([A-Z]+ /\S*)`$", HANDBOOK.read_text(), re.MULTILINE))
    assert {f"{operation.method} {operation.path}" for operation in OPERATIONS} == described


def test_every_parameter_is_in_the_handbook():
    """docs/api.md names every query parameter of every operation."""
    text = HANDBOOK.read_text()
    names = {parameter.name for operation in OPERATIONS for parameter in operation.parameters}
    assert [] == sorted(name for name in names if not re.search(rf"`(\?)?{name}(=true)?`", text))


def test_the_examples_of_the_handbook_work(app_in_memory: Flask):
    """Every request that docs/api.md shows with `curl` is answered with what was asked for."""
    api = as_person(app_in_memory, "person-revops_analyst")
    shown = re.findall(r"curl [^`]*?(?:-d '([^']*)' [^`]*?)?http://127\.0\.0\.1:8400(/\S+)", HANDBOOK.read_text())
    assert len(shown) >= 2
    answers = [api.send("POST", path, raw=body.encode()) if body else api.get(path) for body, path in shown]
    assert {200} == {answer.status_code for answer in answers}


def test_every_shape_is_used(app_in_memory: Flask):
    """No schema, response or header of the document is left over."""
    text = json.dumps(document(app_in_memory))
    components = document(app_in_memory)["components"]
    unused = [
        f"{part}/{name}"
        for part in ("schemas", "responses", "headers")
        for name in components[part]
        if f'"#/components/{part}/{name}"' not in text
    ]
    assert [] == unused


def test_names_are_unique():
    """Operation ids are unique, so that generated clients have one function for each."""
    ids = [operation.id for operation in OPERATIONS]
    assert sorted(set(ids)) == sorted(ids)


def test_filters_and_orders_are_fields():
    """Every declared filter and order is a field of its record type."""
    from webapp.api.resources import RESOURCES

    types = {known.name: known for known in RECORD_TYPES}
    wrong = [
        (resource.type, name)
        for resource in RESOURCES
        for name in (*(one.field for one in resource.filters), *(order.removeprefix("-") for order in resource.orders))
        if types[resource.type].field(name) is None
    ]
    assert [] == wrong


def test_the_document_needs_no_key(app_in_memory: Flask):
    """Strangers may read the document, and nothing else."""
    stranger = as_person(app_in_memory, None)
    assert 200 == stranger.get("/openapi.json").status_code
    assert {401} == {
        stranger.send(operation.method, re.sub(r"{\w+}", "x", operation.path)).status_code
        for operation in OPERATIONS
        if not operation.public
    }
    assert "application/problem+json" == stranger.get("/me").mimetype
    assert value(stranger.get("/me"))["status"] == 401
