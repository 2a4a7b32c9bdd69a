"""Which limit a request counts against, and what is answered beyond it.

Before it is known who asks, an address that has sent too much without an identity is turned away. Once it is known, the
request counts for the person or the key. What nobody was identified for counts for its address when it is answered.
"""

from __future__ import annotations

import re
from hashlib import sha256

from flask import Flask, Response, g, request

from engine.caller import Caller
from engine.problems import Problem
from engine.service.directory import person_key_of
from webapp.client_address import client_address
from webapp.context import wiring
from webapp.problems import RETRY_SECONDS, TooManyError

NOT_COUNTED = ("/static/", "/health/")
"""Files that browsers keep, and what supervisors ask for every second."""
REPORTS = "/csp-reports"
"""What browsers send by themselves: it has a limit of its own, and who signs in does not have to wait for it."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN = "/sign-in"
EVALUATION = ("/api/v1/evaluate/", "/api/v1/authorization/", "/access/v1/")
"""Below these a POST decides and changes nothing."""

EXPORTS = frozenset({"api.export_audit", "console.export_audit"})
"""The doors to a file of the audit log, known by name: one is a GET, which costs as much as the other's POST."""

BULK = re.compile(r".*/bulk|/access/v1/(?:evaluations|search/.*)")
"""Those that decide about many at once."""


def install(app: Flask) -> None:
    """Turn away who has sent too much, before anything is looked up, and count who is not known."""
    app.before_request(_turn_away)
    app.after_request(_count_stranger)


def install_sign_in(app: Flask) -> None:
    """Count attempts to sign in, after forged ones are refused: those would count against whom they are forged for."""
    app.before_request(_count_sign_in)


def count(caller: Caller) -> None:
    """Count the request of somebody who is known. Raises `TooManyError`, `UnavailableError` (`limits.unavailable`)."""
    if refused := g.get("too_many"):
        raise refused
    if not request.path.startswith(NOT_COUNTED):
        name = name_of_limit()
        person_key = person_key_of(caller.actor.organisation_id, caller.actor.id)
        if name in {"evaluation", "bulk"}:
            _spend(name, f"{person_key} {_key()}")
            name = "all-evaluation"
        _spend(name, person_key)


def spend_for_address(name: str) -> None:
    """Count the request for where it comes from, whoever sends it. Raises as `count` does."""
    _spend(name, client_address())


def name_of_limit() -> str:
    """Which limit this request of somebody who is known counts against."""
    if request.endpoint in EXPORTS:
        return "exports"
    if request.method in SAFE_METHODS:
        return "reading"
    if request.path.startswith(EVALUATION):
        return "bulk" if BULK.fullmatch(request.path) else "evaluation"
    return "changes"


def _turn_away() -> None:
    if not request.path.startswith(NOT_COUNTED) and (wait := wiring().rate_limits.waiting("strangers", _stranger())):
        raise _too_many("strangers", wait)


def _count_sign_in() -> None:
    path = request.path
    if path.startswith(f"{SIGN_IN}/") or (path == SIGN_IN and request.method not in SAFE_METHODS):
        spend_for_address("sign-in")


def _count_stranger(response: Response) -> Response:
    refused: TooManyError | None = g.get("too_many")
    if refused is not None:
        limit = wiring().rate_limits.limit(refused.limit)
        response.headers["Retry-After"] = str(refused.wait)
        # draft-ietf-httpapi-ratelimit-headers-10: quota and window, then what remains and when there is more.
        response.headers["RateLimit-Policy"] = f'"{limit.name}";q={limit.amount};w={limit.seconds}'
        response.headers["RateLimit"] = f'"{limit.name}";r=0;t={refused.wait}'
    elif "caller" not in g and response.status_code < 500 and not request.path.startswith((*NOT_COUNTED, REPORTS)):
        wiring().rate_limits.spend("strangers", _stranger())
    if response.status_code == 503:
        response.headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return response


def _stranger() -> str:
    """The address, apart for requests that bring something to identify them.

    A page of another site can make a browser send requests without any; they must not count against its owner.
    """
    brought = "HTTP_AUTHORIZATION" in request.environ or "HTTP_COOKIE" in request.environ
    return f"{client_address()} {'refused' if brought else 'bare'}"


def _key() -> str:
    """What tells the keys of a person apart, and cannot be turned back into one. Sessions are one key together."""
    token = request.headers.get("Authorization", "").partition(" ")[2].strip()
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest() if token else "session"


def _spend(name: str, who: str) -> None:
    if wait := wiring().rate_limits.spend(name, who):
        raise _too_many(name, wait)


def _too_many(name: str, wait: int) -> TooManyError:
    limit = wiring().rate_limits.limit(name)
    problem = Problem(
        "request.too_many",
        f"more than {limit.amount:,} requests in {limit.seconds} seconds (limit `{name}`, for each {limit.per})",
        help=f"the next one may be sent in {wait} seconds",
    )
    refused = TooManyError(problem, name, wait)
    g.too_many = refused
    return refused
