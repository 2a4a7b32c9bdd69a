"""The JSON API under `/api/v1`: one blueprint made from the tuple of operations."""

from __future__ import annotations

from flask import Blueprint

from webapp.api.dispatch import view_of
from webapp.api.routes import OPERATIONS

PREFIX = "/api/v1"


def _build() -> Blueprint:
    made = Blueprint("api", __name__, url_prefix=PREFIX)
    for operation in OPERATIONS:
        address = operation.path.replace("{", "<").replace("}", ">")
        made.add_url_rule(address, operation.id, view_of(operation), methods=[operation.method])
    return made


blueprint = _build()
