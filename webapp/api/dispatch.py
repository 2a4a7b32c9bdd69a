"""How an operation is answered: who asks, what is accepted, what is asked; then one view; then its answer is kept.

The order is fixed: identity first, so that strangers learn nothing about what they sent wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256

from flask import Response, request

from engine.caller import Actor, Caller
from engine.service import idempotency
from webapp.api import requests
from webapp.api.operation import Asked, Operation
from webapp.context import now, ports
from webapp.identity import current_caller

KEPT_HEADERS = ("ETag", "Location", "Content-Type")
STRANGER = Caller(Actor("", "", "", "", "", "", ""), datetime.min.replace(tzinfo=UTC), "api", "")
"""Who asks a public operation: its view looks at nobody's rights."""


def view_of(operation: Operation) -> Callable[..., Response]:
    """The function that Flask calls for an operation."""

    def view(**path: str) -> Response:
        return answer(operation, path)

    return view


def answer(operation: Operation, path: dict[str, str]) -> Response:
    """Read the request as the operation declares it and let its view answer."""
    caller = STRANGER if operation.public else current_caller()
    yaml = requests.wants_yaml(request, operation)
    requests.check_path(path)
    query = requests.read_query(request, operation.parameters)
    revision = requests.read_revision(request) if operation.changes else 0
    if operation.creates:
        requests.read_key(request)
    raw = requests.read_raw(request, operation.body) if operation.body else b""
    body = requests.read_body(request, operation.body, raw) if operation.body else None
    asked = Asked(caller, path, query, body, revision, wants_yaml=yaml)
    keyed = operation.creates or bool(operation.keyed_when and body and body[operation.keyed_when])
    return _once(operation, caller, asked, raw) if keyed else operation.view(asked)


def _once(operation: Operation, caller: Caller, asked: Asked, raw: bytes) -> Response:
    """Do the work once for each key: a repetition gets the answer that was given."""
    key = requests.read_key(request)
    fingerprint = sha256(f"{operation.id}\n{request.path}\n{request.mimetype}\n".encode() + raw).hexdigest()
    claimed = idempotency.claim(ports(), caller, key, fingerprint)
    if isinstance(claimed, idempotency.Answer):
        return Response(claimed.body, claimed.status, {**claimed.headers, "Idempotent-Replayed": "true"})
    try:
        response = operation.view(asked.to_create(claimed.new_id))
    except BaseException:
        idempotency.release(ports(), claimed)
        raise
    kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    idempotency.settle(
        ports(), claimed, idempotency.Answer(response.status_code, response.get_data(as_text=True), kept), now()
    )
    return response
