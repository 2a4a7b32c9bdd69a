"""Whether the process lives, and whether it can do its work: two questions with two true answers."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response

from engine import exact_json
from engine.problems import BylawError
from webapp.context import ports, wiring

blueprint = Blueprint("health", __name__)


@blueprint.get("/health/live")
def live() -> Response:
    """200 while the process answers at all: a supervisor that gets no answer starts it again."""
    return _answer(200, {"status": "live"})


@blueprint.get("/health/ready")
def ready() -> Response:
    """200 when database, queue, sessions and at least one worker are there, else 503; each part says how it is.

    `policies` is the digest of those that this process answers by: it must be the same in all.
    """
    checks = {"store": ports().store.ping, "queue": ports().queue.ping, "sessions": wiring().sessions.ping}
    parts = {name: _state(check) for name, check in checks.items()}
    parts["workers"] = _workers()
    ok = all(part["status"] == "up" for part in parts.values())
    policies = ports().authorizer.digest
    return _answer(200 if ok else 503, {"status": "ready" if ok else "not ready", "policies": policies, "parts": parts})


def _state(check: Callable[[], None]) -> dict[str, object]:
    try:
        check()
    except BylawError as error:
        return {"status": "down", "code": error.code, "detail": str(error.problems[0])}
    return {"status": "up"}


def _workers() -> dict[str, object]:
    try:
        alive = ports().queue.workers()
    except BylawError as error:
        return {"status": "down", "code": error.code, "detail": str(error.problems[0])}
    if alive:
        return {"status": "up", "alive": alive}
    return {"status": "down", "alive": 0, "detail": "no worker is alive; jobs wait until one is"}


def _answer(status: int, body: dict[str, object]) -> Response:
    return Response(exact_json.canonical(body), status=status, mimetype="application/json")
