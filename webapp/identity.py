"""Who is asking: the session of a browser or the key or token of a program. Nobody else is believed.

A session is kept on the server; the cookie holds its random id, which changes at sign-in. A browser's changing request
must carry the session's token (form field `csrf_token` or header `X-CSRF-Token`) and must not come from another site.
Who asks with a key or token instead (`webapp.bearer`) needs no such token.
"""

from __future__ import annotations

import secrets
from hmac import compare_digest
from typing import cast
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from engine.caller import Actor, Caller
from engine.problems import DeniedError, NotFoundError, Problem
from engine.service.directory import actor_of
from webapp import bearer, rate_limits
from webapp.context import now, ports, wiring
from webapp.hosts import asked_directly
from webapp.problems import NotSignedInError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_SITE = frozenset({"same-origin", "none"})
SECONDS_PER_HOUR = 3_600


def install(app: Flask) -> None:
    """Refuse forged requests before any view runs, and send the cookie that a view asked for."""
    app.before_request(refuse_forgery)
    app.after_request(_send_cookie)


def current_caller() -> Caller:
    """Who is asking, when, through which door. Raises `NotSignedInError` if nobody is known to be.

    The first question of a request counts against the caller's rate limit: raises `TooManyError` beyond it.
    """
    if "caller" not in g:
        channel = "api" if request.path.startswith(("/api/", "/access/")) else "console"
        caller = Caller(_actor(), now(), channel, g.request_id)
        rate_limits.count(caller)
        g.caller = caller
    return cast("Caller", g.caller)


def signed_in() -> bool:
    """Whether the request comes with an identity that is accepted: for pages that also greet strangers."""
    try:
        current_caller()
    except NotSignedInError:
        return False
    return True


def local_sign_in() -> bool:
    """Whether the built-in sign-in is offered: the server listens on this machine only, and no proxy stands between."""
    return wiring().settings.local_sign_in and asked_directly()


def sign_in(person_id: str) -> None:
    """Begin a session for a person, with a new id: one that was known before is worth nothing afterwards.

    This is the built-in sign-in, which asks for no proof: raises `DeniedError` (`identity.local_only`) unless it is
    offered, `NotFoundError` for somebody who may not sign in.
    """
    if not local_sign_in():
        raise DeniedError(
            Problem(
                "identity.local_only", "signing in by name works only where the server listens on this machine alone"
            )
        )
    actor = actor_of(ports(), person_id)
    values = {"person_id": actor.id, "csrf": secrets.token_urlsafe(32)}
    g.cookie = wiring().sessions.rotate(_session_id(), values, person_id=actor.id)
    g.session = values
    g.pop("caller", None)


def sign_out() -> None:
    """End this browser's session; doing it twice is the same as once."""
    if _session_id():
        wiring().sessions.end(_session_id())
    g.cookie, g.session = "", {}
    g.pop("caller", None)


def csrf_token() -> str:
    """The session's token for forms and for `X-CSRF-Token`; empty for a stranger, who has nothing to forge."""
    return _session().get("csrf", "")


def cookie_name() -> str:
    """With HTTPS the name binds the cookie to this host, so that a neighbouring host cannot set it."""
    return "__Host-bylaw_session" if wiring().settings.secure_cookies else "bylaw_session"


def refuse_forgery() -> None:
    """Refuse a changing request that a browser was made to send by another site, or that lacks the session's token."""
    if request.method in SAFE_METHODS or bearer.presented():
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    elsewhere = (
        site not in SAME_SITE if site is not None else origin is not None and urlsplit(origin).netloc != request.host
    )
    if elsewhere:
        raise DeniedError(
            Problem("identity.cross_site", "the request comes from another site", help="send it from Bylaw's own pages")
        )
    expected = csrf_token()
    if not expected:
        return
    given = request.headers.get("X-CSRF-Token") or ""
    if not given and request.mimetype in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        given = request.form.get("csrf_token", "")
    if not compare_digest(given.encode(), expected.encode()):
        raise DeniedError(
            Problem(
                "identity.csrf",
                "the page is older than your session, or the request is not from it",
                help="load the page again and repeat what you did",
            )
        )


def _actor() -> Actor:
    if bearer.presented():
        return bearer.actor()
    person_id = _session().get("person_id")
    if person_id:
        try:
            return actor_of(ports(), person_id)
        except NotFoundError:
            sign_out()  # the person left since: the session must not outlive that
    raise NotSignedInError(
        Problem("identity.signed_out", "nobody is signed in", help="sign in, or send `Authorization: Bearer <key>`")
    )


def _session_id() -> str:
    return request.cookies.get(cookie_name(), "")


def _session() -> dict[str, str]:
    if "session" not in g:
        g.session = (wiring().sessions.read(_session_id()) if _session_id() else None) or {}
    return cast("dict[str, str]", g.session)


def _send_cookie(response: Response) -> Response:
    if "cookie" not in g:
        return response
    settings = wiring().settings
    if g.cookie:
        response.set_cookie(
            cookie_name(),
            g.cookie,
            max_age=settings.session_hours * SECONDS_PER_HOUR,
            secure=settings.secure_cookies,
            httponly=True,
            samesite="Lax",
            path="/",
        )
    else:
        response.delete_cookie(cookie_name(), secure=settings.secure_cookies, httponly=True, samesite="Lax", path="/")
    return response
