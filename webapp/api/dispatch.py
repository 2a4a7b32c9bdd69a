"""How an operation is answered: who asks, what is accepted, what is asked; then one view; then its answer is kept.

The order is fixed: identity first, so that strangers learn nothing about what they sent wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256

from flask import Response, request

from engine import exact_json
from engine.caller import Actor, Caller
from engine.problems import ConflictError, StaleError
from engine.scopes import permits
from engine.service import idempotency
from engine.service.auditing import record_attempt
from engine.service.rights import rights_digest
from webapp.api import requests
from webapp.api.operation import Asked, Operation
from webapp.context import now, ports, rehearsing
from webapp.identity import current_caller
from webapp.problems import InsufficientScopeError

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
    _require_scopes(operation, caller, path)
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


def _require_scopes(operation: Operation, caller: Caller, path: dict[str, str]) -> None:
    """Raise `InsufficientScopeError` for a key or token without the operation's scopes; attempts to change are logged.

    The scopes are also part of every predicate, so this only says sooner and more clearly what would not be found.
    """
    if operation.public or caller.actor.scopes is None:
        return
    needs = operation.scopes
    if all(permits(caller.actor.scopes, *scope.split(":")) for scope in needs):
        return
    if operation.method != "GET":
        record_attempt(
            ports(),
            at=caller.now,
            action=operation.id,
            outcome="denied",
            channel=caller.channel,
            request_id=caller.request_id,
            subject=(needs[-1].partition(":")[2], path.get("id", "")[:200]),
            actor=caller.actor,
            reason="access.insufficient_scope",
        )
    raise InsufficientScopeError(needs)


def _once(operation: Operation, caller: Caller, asked: Asked, raw: bytes) -> Response:
    """Do the work once for each key: a repetition gets the answer that was given."""
    key = requests.read_key(request)
    scopes = caller.actor.scopes
    within = "*" if scopes is None else " ".join(sorted(scopes))  # a kept answer is not shown to a narrower token
    asked_for = f"{operation.id}\n{request.path}\n{request.mimetype}\n{within}\n"
    fingerprint = sha256(asked_for.encode() + raw).hexdigest()
    claimed = idempotency.claim(ports(), caller, key, fingerprint)
    if isinstance(claimed, idempotency.Answer):
        _require_still_allowed(operation, caller, asked, claimed)
        return Response(claimed.body, claimed.status, {**claimed.headers, "Idempotent-Replayed": "true"})
    try:
        response = operation.view(asked.to_create(claimed.new_id))
    except BaseException:
        idempotency.release(ports(), claimed)
        raise
    kept = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    text = _without(response.get_data(as_text=True), operation.shown_once)
    idempotency.settle(ports(), claimed, idempotency.Answer(response.status_code, text, kept), now())
    return response


def _require_still_allowed(operation: Operation, caller: Caller, asked: Asked, kept: idempotency.Answer) -> None:
    """Raise what the caller would be refused with now, asking afresh or asking for what was created.

    A conflict is no refusal: that the work was done before is what a repetition is about.
    """
    if kept.rights != rights_digest(ports(), caller.actor):
        with rehearsing(), suppress(ConflictError, StaleError):
            operation.view(asked.to_create(ports().new_id()))
    if "Location" in kept.headers:
        action, record_type = operation.creating
        record_id = kept.headers["Location"].rpartition("/")[2]
        idempotency.require_present_right(ports(), caller, action, record_type, record_id)


def _without(text: str, member: str) -> str:
    """An answer's text with a member that is kept nowhere as null."""
    return text if not member else exact_json.canonical({**json.loads(text), member: None}).decode()
