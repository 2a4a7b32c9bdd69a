"""Programs that ask: what stands in `Authorization: Bearer`, a key of ours or a token of an identity provider.

Neither is ever sent by a browser on its own, so requests with one need no token against forgery. Refused ones leave
entries in the audit log, a bounded number of them, so that guessing cannot fill it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import g, request

from engine.caller import Actor
from engine.problems import InvalidError, NotFoundError, Problem
from engine.records import Record
from engine.service.api_keys import present_key
from engine.service.auditing import record_attempt, refused_times
from engine.service.directory import actor_of_subject
from webapp.context import now, ports, surroundings, wiring
from webapp.problems import NotSignedInError

if TYPE_CHECKING:
    from datetime import datetime

    from adapters.wiring import Wiring

KEY_START = "byl_"
STRANGERS = "unknown"
"""Under what everything is counted that belongs to no key of ours."""


def presented() -> bool:
    """Whether the request says who it is with a key or token instead of a session."""
    return "Authorization" in request.headers


def kind() -> str:
    """`key` or `token`, as the request's text begins."""
    return "key" if _text().startswith(KEY_START) else "token"


def actor() -> Actor:
    """Whom the request's key or token stands for, within its scopes. Raises `NotSignedInError`.

    A key's text begins with `byl_`; any other text is read as a token, which without configured issuers is refused.
    """
    scheme = request.headers["Authorization"].partition(" ")[0]
    if scheme.lower() != "bearer":
        raise NotSignedInError(Problem("identity.scheme", "only `Bearer` keys and tokens are accepted"))
    return _by_key(_text()) if kind() == "key" else _by_token(_text())


def later() -> Callable[[], Actor | None]:
    """A way to look up, after the request's own context, whom its key or token stands for then; None for nobody."""
    text, is_key, around = _text(), kind() == "key", surroundings()

    def look() -> Actor | None:
        if is_key:
            return present_key(around.wiring.ports, text, around.clock()).actor
        try:
            return _actor_of_token(around.wiring, text, around.clock())
        except (InvalidError, NotFoundError):
            return None

    return look


def _text() -> str:
    return request.headers.get("Authorization", "").partition(" ")[2].strip()


def _by_key(text: str) -> Actor:
    found = present_key(ports(), text, now())
    if found.actor is not None:
        return found.actor
    _note_refusal("api_key.use", found.key)
    raise NotSignedInError(Problem("api_key.refused", "the key is unknown, expired or revoked"))


def _by_token(text: str) -> Actor:
    try:
        return _actor_of_token(wiring(), text, now())
    except (InvalidError, NotFoundError) as error:
        if error.code != "token.not_accepted":
            _note_refusal("token.use", None, error.code)
        raise NotSignedInError(error.problems) from None


def _actor_of_token(wiring: Wiring, text: str, at: datetime) -> Actor:
    claims = wiring.tokens.verify(text, at)
    return replace(actor_of_subject(wiring.ports, claims.issuer, claims.subject), scopes=claims.scopes)


def _note_refusal(action: str, key: Record | None, reason: str = "api_key.refused") -> None:
    """Write an entry, unless one was written within a minute; the next one says how many there were since."""
    subject = STRANGERS if key is None else key.id
    organisation_id = None if key is None else key.organisation_id
    count = wiring().refusals.note(f"{action} {organisation_id} {subject}", now())
    if count:
        record_attempt(
            ports(),
            at=now(),
            action=action,
            outcome="denied",
            channel="api",
            request_id=g.request_id,
            subject=("api_key", subject),
            organisation_id=organisation_id,
            reason=reason,
            changes=refused_times(count),
        )
