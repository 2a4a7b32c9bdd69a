"""The sessions of a person, as the console and the API show and end them. Every end leaves an entry in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.caller import Caller
from engine.problems import NotFoundError, Problem
from engine.service.auditing import Attempt, audited
from engine.service.directory import person_key_of
from engine.service.sign_ins import check_may_end_sessions, check_may_see_sessions
from webapp import bearer, identity
from webapp.context import ports, wiring

if TYPE_CHECKING:
    from adapters.wiring import Displaced, Session

UNKNOWN_BROWSER = "an unknown browser"


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


@dataclass(frozen=True, slots=True)
class MadeRoom:
    """A session that ended for a newer one, because its person had as many as one may have."""

    device: str
    address: str
    begun_at: datetime
    last_seen_at: datetime
    ended_at: datetime

    def to_json(self) -> dict[str, Any]:
        """Shape: the fields by their names; instants in RFC 3339."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Listed:
    """A person's living sessions, the one used last first, and the last ones that made room, the latest first.

    A person has `most` sessions at most.
    """

    sessions: tuple[Shown, ...]
    made_room: tuple[MadeRoom, ...]
    most: int

    def to_json(self) -> dict[str, Any]:
        """Shape: `{"items": [...], "made_room": [...], "most": 20}`."""
        return {
            "items": [one.to_json() for one in self.sessions],
            "made_room": [one.to_json() for one in self.made_room],
            "most": self.most,
        }


def mine(caller: Caller) -> Listed:
    """The caller's own sessions."""
    return _listed(caller, caller.actor.id)


def of_person(caller: Caller, person_id: str) -> Listed:
    """Somebody's sessions, for those who may end them. Raises as `end_all_of`."""
    check_may_see_sessions(ports(), caller, person_id)
    return _listed(caller, person_id)


def end_mine(caller: Caller, handle: str) -> None:
    """End one of the caller's own sessions. Raises `NotFoundError` (`session.not_found`)."""
    with audited(ports(), caller, [Attempt("session.end", "session", caller.actor.id)]):
        if not wiring().sessions.end_one(_person_key(caller, caller.actor.id), handle):
            raise NotFoundError(Problem("session.not_found", "you have no such session; it may have ended by itself"))
    identity.note_end(caller.actor, handle, channel=caller.channel)


def end_my_others(caller: Caller) -> int:
    """End all of the caller's sessions but the one that asks, and say how many there were."""
    here = identity.session()
    ended = wiring().sessions.end_all(_person_key(caller, caller.actor.id), but=here.handle if here else "")
    if ended:
        identity.note_end(caller.actor, caller.actor.id, f"{ended} others", caller.channel)
    return ended


def end_all_of(caller: Caller, person_id: str) -> int:
    """End every session of a person at once, and say how many there were.

    Raises `NotFoundError` for a person whom the caller may not read, `DeniedError` unless the policies let the caller
    change that person's record.
    """
    check_may_end_sessions(ports(), caller, person_id)
    ended = wiring().sessions.end_all(_person_key(caller, person_id))
    identity.note_end(caller.actor, person_id, f"{ended} by {caller.actor.role}", caller.channel)
    return ended


def _person_key(caller: Caller, person_id: str) -> str:
    """Under what the sessions of a person of the caller's organisation are kept."""
    return person_key_of(caller.actor.organisation_id, person_id)


def _listed(caller: Caller, person_id: str) -> Listed:
    sessions, person_key = wiring().sessions, _person_key(caller, person_id)
    return Listed(
        tuple(map(_shown, sessions.sessions_of(person_key))),
        tuple(map(_made_room, sessions.displaced_of(person_key))),
        wiring().settings.sessions_per_person,
    )


def _made_room(displaced: Displaced) -> MadeRoom:
    session = displaced.session
    return MadeRoom(
        device=session.device or UNKNOWN_BROWSER,
        address=session.address,
        begun_at=_instant(session.begun),
        last_seen_at=_instant(session.seen),
        ended_at=_instant(displaced.at),
    )


def _shown(session: Session) -> Shown:
    here = None if bearer.presented() else identity.session()
    return Shown(
        id=session.handle,
        device=session.device or UNKNOWN_BROWSER,
        address=session.address,
        signed_in_with=session.values["how"],
        begun_at=_instant(session.begun),
        last_seen_at=_instant(session.seen),
        ends_at=_instant(session.ends),
        current=here is not None and here.handle == session.handle,
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
