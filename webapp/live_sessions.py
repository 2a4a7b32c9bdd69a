"""The sessions of a person, as the console and the API show and end them. Every end leaves an entry in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.caller import Actor, Caller
from engine.problems import NotFoundError, Problem
from engine.service.auditing import record_attempt
from engine.service.directory import account_of
from engine.service.sign_ins import check_may_end_sessions
from webapp import bearer, identity
from webapp.context import ports, wiring

if TYPE_CHECKING:
    from adapters.wiring import Session

END = "session.end"


@dataclass(frozen=True, slots=True)
class Shown:
    """A session as people see it; `id` ends it and lets nobody in. `current` is the one that asks."""

    id: str
    device: str
    address: str
    signed_in_with: str
    begun_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    current: bool

    def to_json(self) -> dict[str, Any]:
        """Shape: the fields by their names; instants in RFC 3339."""
        return {name: getattr(self, name) for name in self.__slots__}


def mine(caller: Caller) -> tuple[Shown, ...]:
    """The caller's own sessions, the one used last first."""
    return tuple(map(_shown, wiring().sessions.sessions_of(_account(caller, caller.actor.id))))


def of_person(caller: Caller, person_id: str) -> tuple[Shown, ...]:
    """Somebody's sessions, for those who may end them. Raises as `end_all_of`."""
    check_may_end_sessions(ports(), caller, person_id)
    return tuple(map(_shown, wiring().sessions.sessions_of(_account(caller, person_id))))


def end_mine(caller: Caller, handle: str) -> None:
    """End one of the caller's own sessions. Raises `NotFoundError` (`session.not_found`)."""
    if not wiring().sessions.end_one(_account(caller, caller.actor.id), handle):
        raise NotFoundError(Problem("session.not_found", "you have no such session; it may have ended by itself"))
    _note(caller, handle, caller.actor)


def end_my_others(caller: Caller) -> int:
    """End all of the caller's sessions but the one that asks, and say how many there were."""
    here = identity.session()
    ended = wiring().sessions.end_all(_account(caller, caller.actor.id), but=here.handle if here else "")
    if ended:
        _note(caller, caller.actor.id, caller.actor, reason=f"{ended} others")
    return ended


def end_all_of(caller: Caller, person_id: str) -> int:
    """End every session of a person at once, and say how many there were.

    Raises `NotFoundError` for a person whom the caller may not read, `DeniedError` unless the policies let the caller
    change that person's record.
    """
    check_may_end_sessions(ports(), caller, person_id)
    ended = wiring().sessions.end_all(_account(caller, person_id))
    _note(caller, person_id, caller.actor, reason=f"{ended} by {caller.actor.role}")
    return ended


def _account(caller: Caller, person_id: str) -> str:
    """The name under which the sessions of a person of the caller's organisation are kept."""
    return account_of(caller.actor.organisation_id, person_id)


def _note(caller: Caller, subject: str, actor: Actor, reason: str | None = None) -> None:
    record_attempt(
        ports(),
        at=caller.now,
        action=END,
        outcome="accepted",
        channel=caller.channel,
        request_id=caller.request_id,
        subject=("session", subject),
        actor=actor,
        reason=reason,
    )


def _shown(session: Session) -> Shown:
    here = None if bearer.presented() else identity.session()
    return Shown(
        id=session.handle,
        device=session.device or "an unknown browser",
        address=session.address,
        signed_in_with=session.values["how"],
        begun_at=_instant(session.begun),
        last_seen_at=_instant(session.seen),
        ends_at=_instant(session.ends),
        current=here is not None and here.handle == session.handle,
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
