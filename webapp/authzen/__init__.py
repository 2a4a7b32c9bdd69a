"""AuthZEN: the OpenID Authorization API 1.0, with which any application can ask what somebody may do here.

Beside the project's own API, because addresses, shapes and errors are the standard's: what is malformed is 400 whatever
is wrong with it, members that nobody knows are ignored, and the request's id comes back as it was sent.
"""

from __future__ import annotations

import re

from flask import Blueprint, g, request

from engine.problems import InvalidError, Problem
from webapp.authzen.operations import OPERATIONS
from webapp.authzen.strictness import view_of

__all__ = ["OPERATIONS", "blueprint"]

REQUEST_ID = re.compile(r"[!-~](?:[ -~]{0,198}[!-~])?")


def _build() -> Blueprint:
    made = Blueprint("authzen", __name__)
    made.before_request(_keep_request_id)
    for operation in OPERATIONS:
        made.add_url_rule(operation.path, operation.id, view_of(operation), methods=[operation.method])
    return made


def _keep_request_id() -> None:
    """Take the caller's request id as it is. Raises `InvalidError` for one that could not be sent back as it came."""
    given = request.headers.get("X-Request-Id")
    if given is None:
        return
    if not REQUEST_ID.fullmatch(given):
        raise InvalidError(Problem("request.bad_header", "`X-Request-ID` must be 1 to 200 printable ASCII characters"))
    g.request_id = given


blueprint = _build()
