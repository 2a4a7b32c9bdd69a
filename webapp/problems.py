"""The one table from our errors to HTTP, and the problem document (RFC 9457) that carries them.

A status follows from the code where a code is listed, else from the error's class. Nothing else in the project knows an
HTTP status.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response, g
from werkzeug.exceptions import HTTPException

from engine import exact_json
from engine.problem_codes import CODES
from engine.problems import (
    BylawError,
    ConflictError,
    DeniedError,
    InvalidError,
    NotFoundError,
    Problem,
    StaleError,
    UnavailableError,
)


class NotSignedInError(BylawError):
    """Nobody is known to be asking: no session and no key, or one that is not accepted."""


class TooManyError(BylawError):
    """A rate limit is used up: which one, and the seconds to wait."""

    def __init__(self, problem: Problem, limit: str, wait: int) -> None:
        """See `adapters.limits` for the limits."""
        super().__init__(problem)
        self.limit = limit
        self.wait = wait


class InsufficientScopeError(DeniedError):
    """The key or token lacks one of `scopes`, whatever its person may (RFC 6750, section 3.1)."""

    def __init__(self, scopes: tuple[str, ...]) -> None:
        needed = " ".join(scopes)
        super().__init__(
            Problem(
                "access.insufficient_scope",
                f"the key or token lacks a scope that this needs: {needed}",
                help="make a key with these scopes, or ask the identity provider for them",
            )
        )
        self.scopes = scopes


STATUS_BY_CODE: Mapping[str, int] = {
    "json.malformed": 400,
    "json.duplicate_key": 400,
    "json.too_deep": 400,
    "json.not_a_number": 400,
    "json.number_too_long": 400,
    "json.encoding": 400,
    "json.too_large": 413,
    "json.too_many_values": 413,
    "authzen.malformed": 400,
    "audit.scope": 400,
    "cursor.invalid": 400,
    "request.unknown_parameter": 400,
    "request.repeated_parameter": 400,
    "request.bad_parameter": 400,
    "request.bad_header": 400,
    "request.malformed": 400,
    "request.idempotency_key_required": 400,
    "request.unknown_host": 421,
    "request.no_such_address": 404,
    "request.method": 405,
    "request.not_acceptable": 406,
    "request.too_large": 413,
    "request.media_type": 415,
    "request.packed": 415,
    "request.address_too_long": 414,
    "request.headers_too_large": 431,
    "request.precondition_required": 428,
    "idempotency.key_reused": 422,
    "idempotency.in_progress": 409,
    "server.unexpected": 500,
}

STATUS_BY_ERROR: tuple[tuple[type[BylawError], int], ...] = (
    (NotSignedInError, 401),
    (TooManyError, 429),
    (DeniedError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (StaleError, 412),
    (UnavailableError, 503),
    (InvalidError, 422),
)

CODE_BY_STATUS: Mapping[int, str] = {
    404: "request.no_such_address",
    405: "request.method",
    413: "request.too_large",
    415: "request.media_type",
}
"""What the framework refuses by itself, in our codes; any other status of its own is `request.malformed`."""

CHALLENGE = 'Bearer realm="bylaw"'
RETRY_SECONDS = 5


def status_of(error: BylawError) -> int:
    """The HTTP status of an error."""
    listed = STATUS_BY_CODE.get(error.code)
    if listed is not None:
        return listed
    return next((status for known, status in STATUS_BY_ERROR if isinstance(error, known)), 422)


def document(status: int, problems: Iterable[Problem], request_id: str = "") -> dict[str, Any]:
    """Shape: `{type, title, status, detail, code, instance?, problems: [{code, message, path?, line?, ...}]}`.

    `type` is an address that answers with the code's sentence; `detail` and `code` are those of the first problem.
    """
    found = tuple(problems)
    first = found[0]
    shown: dict[str, Any] = {
        "type": f"/problems/{first.code}",
        "title": CODES[first.code],
        "status": status,
        "detail": first.message,
        "code": first.code,
        "problems": [problem.to_json() for problem in found],
    }
    if request_id:
        shown["instance"] = f"urn:bylaw:request:{request_id}"
    return shown


def problem_response(error: BylawError) -> Response:
    """The answer for an error. A stale one carries the current revision as its `ETag` too."""
    status = status_of(error)
    shown = document(status, error.problems, g.get("request_id", ""))
    response = Response(status=status, mimetype="application/problem+json")
    if isinstance(error, StaleError) and error.current_revision is not None:
        shown["current_revision"] = error.current_revision
        response.headers["ETag"] = f'"{error.current_revision}"'
    if status == 401:
        # Only who has sent something learns that it was refused (RFC 6750, section 3.1).
        refused = ', error="invalid_token"' if error.code.startswith(("token.", "api_key.", "identity.unknown")) else ""
        response.headers["WWW-Authenticate"] = CHALLENGE + refused
    if isinstance(error, InsufficientScopeError):
        scope = " ".join(error.scopes)
        response.headers["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.set_data(exact_json.canonical(shown))
    return response


def from_framework(error: HTTPException) -> BylawError:
    """What Flask or Werkzeug refused, as one of our errors."""
    status = error.code or 500
    code = CODE_BY_STATUS.get(status, "request.malformed")
    match code:
        case "request.no_such_address":
            return NotFoundError(
                Problem(code, "there is nothing at this address", help="/api/v1/openapi.json lists the API")
            )
        case "request.method":
            allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
            return InvalidError(
                Problem(code, "this address does not answer to that method", help=f"it answers to {allowed}")
            )
        case "request.too_large":
            return InvalidError(Problem(code, "the body is larger than this address reads"))
        case _:
            return InvalidError(Problem(code, "the request cannot be read"))


def unexpected() -> BylawError:
    """What a caller is told about a fault of ours: that it is ours, and nothing of its inside."""
    return UnavailableError(
        Problem(
            "server.unexpected",
            "the server failed to answer; the fault is ours",
            help="the log holds it under the request's id",
        )
    )
