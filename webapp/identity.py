"""Who is asking: the session of a browser or the key or token of a program. Nobody else is believed.

A session is kept on the server; the cookie holds its random id, which changes at sign-in and every quarter of an hour.
A session ends when it is not used, and after its hours in any case; ended on the server, it is ended at once. A
browser's changing request must carry the session's token (form field `csrf_token` or header `X-CSRF-Token`) and must
not come from another site. Who asks with a key or token instead (`webapp.bearer`) needs no such token.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Literal, cast

from flask import Flask, Response, g, request

from engine.caller import Actor, Caller
from engine.problems import DeniedError, NotFoundError, Problem, UnavailableError
from engine.service.auditing import STRANGER, record_attempt, refused_times
from engine.service.directory import actor_of, actor_of_person_key, person_key_of
from webapp import bearer, rate_limits
from webapp.client_address import client_address
from webapp.context import now, ports, wiring
from webapp.devices import device_of
from webapp.hosts import asked_directly, named_in
from webapp.problems import NotSignedInError

if TYPE_CHECKING:
    from adapters.wiring import Session
    from engine.ports import Ports

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_SITE = frozenset({"same-origin", "none"})
SECONDS_PER_HOUR = 3_600

EXAMPLE, PROVIDER = "example", "provider"
"""How somebody has signed in: by choosing a name, or by proof at an identity provider."""
DISPLACED = "displaced"
"""Why a session ended that made room for a newer one: its person had as many as one may have."""


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


def unchanged(caller: Caller) -> Callable[[], None]:
    """What raises `DeniedError` (`access.changed`) once whoever asks is gone or has another role or place.

    For an answer that takes long to write, part by part, after the request's own context: what is read for it later is
    read with the rights of then, or not at all.
    """
    look = bearer.later() if bearer.presented() else _session_later()

    def require() -> None:
        if look() != caller.actor:
            raise DeniedError(
                Problem(
                    "access.changed",
                    "your rights have changed since you asked, so nothing more is written",
                    help="ask again, for what you may see now",
                )
            )

    return require


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


def sign_in(person_id: str) -> Actor:
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
    begin_session(actor, EXAMPLE)
    return actor


def begin_session(actor: Actor, how: str) -> None:
    """Begin a session for somebody who has signed in, `how` is `EXAMPLE` or `PROVIDER`; the one before it ends.

    The entry in the log comes first: without it nobody is let in.
    """
    note_sign_in("accepted", actor=actor, reason=how)
    sessions = wiring().sessions
    begun = sessions.begin(
        {"csrf": secrets.token_urlsafe(32), "how": how},
        person_key=person_key_of(actor.organisation_id, actor.id),
        device=device_of(request.headers.get("User-Agent", "")),
        address=client_address(),
        instead_of=_session_id(),
    )
    try:
        for one in begun.displaced:
            note_end(actor, one.handle, DISPLACED)
    except UnavailableError:
        sessions.end(begun.id)  # nothing that is missing in the log lets anybody in
        raise
    g.cookie = begun.id
    g.session = sessions.read(begun.id)
    g.pop("caller", None)


def note_sign_in(
    outcome: Literal["accepted", "denied", "failed"], *, actor: Actor | None = None, reason: str | None = None
) -> None:
    """Write into the log that somebody signed in, or tried to.

    Of strangers one entry a minute for each reason says how many there were: anybody can fail to sign in, and must not
    be able to fill the log.
    """
    count = 0
    if actor is None and not (count := wiring().refusals.note(f"session.begin {outcome} {reason}", now())):
        return
    record_attempt(
        ports(),
        at=now(),
        action="session.begin",
        outcome=outcome,
        channel="console",
        request_id=g.request_id,
        subject=("session", actor.id if actor else STRANGER),
        actor=actor,
        reason=reason,
        changes=refused_times(count) if count else None,
    )


def note_end(actor: Actor, subject: str, reason: str | None = None, channel: str = "console") -> None:
    """Write into the log that `actor` ended sessions: the one of a handle, or those of the person `subject`."""
    record_attempt(
        ports(),
        at=now(),
        action="session.end",
        outcome="accepted",
        channel=channel,
        request_id=g.request_id,
        subject=("session", subject),
        actor=actor,
        reason=reason,
    )


def sign_out() -> None:
    """End this browser's session; doing it twice is the same as once."""
    found = session()
    if found is not None and found.person_key is not None and (actor := _living(ports(), found.person_key)) is not None:
        note_end(actor, actor.id)
    forget_session()


def forget_session() -> None:
    """End this browser's session on the server, and have the browser forget it."""
    if _session_id():
        wiring().sessions.end(_session_id())
    g.cookie, g.session = "", None
    g.pop("caller", None)


def session() -> Session | None:
    """This browser's session, if it has one that is alive. Being asked for is being used."""
    if "session" not in g:
        g.session = _used(_session_id()) if _session_id() else None
    return cast("Session | None", g.session)


def csrf_token() -> str:
    """The session's token for forms and for `X-CSRF-Token`; empty for a stranger, who has nothing to forge."""
    found = session()
    return found.values["csrf"] if found else ""


def by_example() -> bool:
    """Whether whoever asks has signed in by choosing a name."""
    found = session()
    return found is not None and found.values["how"] == EXAMPLE


def cookie_name() -> str:
    """With HTTPS the name binds the cookie to this host, so that a neighbouring host cannot set it."""
    return "__Host-bylaw_session" if wiring().settings.secure_cookies else "bylaw_session"


def refuse_forgery() -> None:
    """Refuse a changing request that a browser was made to send by another site, or that lacks the session's token."""
    if request.method in SAFE_METHODS or bearer.presented():
        return
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    elsewhere = site not in SAME_SITE if site is not None else origin is not None and named_in(origin) != request.host
    if elsewhere:
        raise DeniedError(
            Problem("identity.cross_site", "the request comes from another site", help="send it from Bylaw's own pages")
        )
    expected = "" if request.path == rate_limits.REPORTS else csrf_token()
    if not expected:
        return  # nobody's session, or what a browser sends by itself, which knows no token and changes nothing
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
    found = session()
    if found is not None and found.person_key is not None:
        actor = _living(ports(), found.person_key)
        if actor is not None and (found.values["how"] != EXAMPLE or wiring().settings.local_sign_in):
            return actor
        forget_session()  # the person left since, or a name is no longer enough: the session must not outlive that
    raise NotSignedInError(
        Problem("identity.signed_out", "nobody is signed in", help="sign in, or send `Authorization: Bearer <key>`")
    )


def _session_later() -> Callable[[], Actor | None]:
    """A way to look up later whom the present session stands for: by its handle, for its id may be replaced by then."""
    found, held = session(), wiring()

    def look() -> Actor | None:
        person_key = found.person_key if found is not None else None
        if found is None or person_key is None:
            return None
        alive = any(one.handle == found.handle for one in held.sessions.sessions_of(person_key))
        return _living(held.ports, person_key) if alive else None

    return look


def _session_id() -> str:
    return request.cookies.get(cookie_name(), "")


def _living(ports: Ports, person_key: str) -> Actor | None:
    """The actor that a person is now, None for nobody and for somebody who may not sign in any more."""
    try:
        return actor_of_person_key(ports, person_key)
    except NotFoundError:
        return None


def _used(session_id: str) -> Session | None:
    """The session of this id; a browser whose id has become old is sent the next one."""
    sessions = wiring().sessions
    found = sessions.touch(session_id)
    if found is not None and found.due and (new := sessions.renew(session_id)):
        g.cookie = new
    return found


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
