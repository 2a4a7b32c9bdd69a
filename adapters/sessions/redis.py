"""Sessions in Redis or Valkey, for all processes together."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from redis import WatchError

from adapters.redis_connection import as_unavailable
from adapters.sessions.limits import (
    LONGEST_ID,
    MOST_DISPLACED,
    SessionLimits,
    by_use,
    checked,
    digest,
    fresh_id,
)
from adapters.sessions.port import Begun, Displaced, Session
from engine.problems import Problem, UnavailableError

if TYPE_CHECKING:
    from redis import Redis
    from redis.client import Pipeline

UNAVAILABLE = "sessions.unavailable"
MOST_TRIES = 100
"""How often a beginning is tried while others of the same person come between: each time, one of them succeeds."""

_Stored = bytes | str | None

_KEPT = ("values", "person_key", "begun", "ends", "device", "address")
"""What of a session never changes."""


class RedisSessions:
    """Sessions in Redis or Valkey, which ends them itself when their time is over.

    | key | holds | lives |
    | --- | --- | --- |
    | `bylaw:session-id:<digest of an id>` | the handle | to the absolute end, or for the grace |
    | `bylaw:session:<handle>` | the session, written once | the idle time, never beyond the absolute end |
    | `bylaw:session-seen:<handle>` | when it was last used | the same |
    | `bylaw:session-turn:<handle>` | that the id is not due to be replaced | the rotation |
    | `bylaw:sessions-of:<digest of the person key>` | the person's handles | to the last one's absolute end |
    | `bylaw:sessions-displaced:<digest of the person key>` | the last sessions that made room | as long as a session |
    | `bylaw:once:<digest of a name>` | what was laid down | as it was said |

    The session itself is never written again, so no race of a use against an end can bring it back. One that another
    version of Bylaw wrote with other members is none: after such an upgrade people sign in anew.
    """

    def __init__(self, connection: Redis, limits: SessionLimits, clock: Callable[[], float] = time.time) -> None:
        self._redis = connection
        self._limits = limits
        self._clock = clock

    def begin(
        self,
        values: Mapping[str, str],
        *,
        person_key: str | None = None,
        device: str = "",
        address: str = "",
        instead_of: str = "",
    ) -> Begun:
        """See `Sessions`."""
        self.end(instead_of)
        session = self._limits.begin(values, person_key, device, address, self._clock())
        with as_unavailable(UNAVAILABLE):
            for _ in range(MOST_TRIES):
                try:
                    return self._begin(session)
                except WatchError:  # another of the same person began meanwhile
                    continue
        message = "too many sign-ins of one person at once"
        raise UnavailableError(Problem(UNAVAILABLE, message, help="try again in a few seconds"))

    def _begin(self, session: Session) -> Begun:
        """One try: what is read decides what is written, unless the person's handles have changed in between."""
        session_id, limits = fresh_id(), self._limits
        alive = min(limits.idle, limits.absolute)
        with self._redis.pipeline(transaction=True) as pipeline:
            leaving: tuple[Session, ...] = ()
            if session.person_key is not None:
                pipeline.watch(_handles_key(session.person_key))  # type: ignore[no-untyped-call]  # the driver's
                living, gone = self._held_by(session.person_key)
                leaving = limits.making_room(living)
                pipeline.multi()
                self._make_room(pipeline, session, leaving)
                # Within the transaction: removed before it, they would be a change that fails it.
                if gone:
                    pipeline.srem(_handles_key(session.person_key), *gone)
                pipeline.sadd(_handles_key(session.person_key), session.handle)
                pipeline.expire(_handles_key(session.person_key), limits.absolute)
            pipeline.set(_id_key(session_id), session.handle, ex=limits.absolute)
            pipeline.set(_key(session.handle), json.dumps(_kept(session)), ex=alive)
            pipeline.set(_seen_key(session.handle), repr(session.seen), ex=alive)
            pipeline.set(_turn_key(session.handle), "", ex=limits.rotation)
            pipeline.execute()
        return Begun(session_id, leaving)

    def read(self, session_id: str) -> Session | None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            handle = self._handle(session_id)
            return self._sessions([handle])[0] if handle else None

    def touch(self, session_id: str) -> Session | None:
        """See `Sessions`."""
        session, now = self.read(session_id), self._clock()
        if session is None or not self._limits.to_note(session, now):
            return session
        alive = math.ceil(min(self._limits.idle, session.ends - now))
        with as_unavailable(UNAVAILABLE), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.expire(_key(session.handle), alive)
            pipeline.set(_seen_key(session.handle), repr(now), ex=alive, xx=True)
            there, _ = pipeline.execute()
        return replace(session, seen=now) if there else None

    def renew(self, session_id: str) -> str | None:
        """See `Sessions`."""
        session = self.read(session_id)
        if session is None or not session.due:
            return None
        with as_unavailable(UNAVAILABLE):
            if not self._redis.set(_turn_key(session.handle), "", nx=True, ex=self._limits.rotation):
                return None
            new, left = fresh_id(), math.ceil(session.ends - self._clock())
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.set(_id_key(new), session.handle, ex=max(left, 1))
                pipeline.expire(_id_key(session_id), max(min(self._limits.grace, left), 1))
                pipeline.execute()
        return new

    def end(self, session_id: str) -> None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            if handle := self._handle(session_id):
                self._end(handle)

    def sessions_of(self, person_key: str) -> tuple[Session, ...]:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            living, gone = self._held_by(person_key)
            if gone:
                self._redis.srem(_handles_key(person_key), *gone)
        return by_use(living)

    def displaced_of(self, person_key: str) -> tuple[Displaced, ...]:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            found = self._redis.lrange(_displaced_key(person_key), 0, MOST_DISPLACED - 1)
        noted = [(_session(one["session"]), one["at"]) for one in map(json.loads, found)]
        displaced = (Displaced(session, at) for session, at in noted if session is not None)
        return self._limits.shown(displaced, self._clock())

    def end_one(self, person_key: str, handle: str) -> bool:
        """See `Sessions`."""
        if handle not in {one.handle for one in self.sessions_of(person_key)}:
            return False
        with as_unavailable(UNAVAILABLE):
            return self._end(handle) > 0

    def end_all(self, person_key: str, *, but: str = "") -> int:
        """See `Sessions`."""
        found = [one.handle for one in self.sessions_of(person_key) if one.handle != but]
        with as_unavailable(UNAVAILABLE):
            return self._end(*found) if found else 0

    def lay_down(self, name: str, values: Mapping[str, str], seconds: int) -> None:
        """See `Sessions`."""
        text = json.dumps(checked(values))
        with as_unavailable(UNAVAILABLE):
            self._redis.set(_once_key(name), text, ex=seconds)

    def take_up(self, name: str) -> dict[str, str] | None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            text = self._redis.getdel(_once_key(name))
        return None if text is None else dict(json.loads(text))

    def ping(self) -> None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            self._redis.ping()

    def _held_by(self, person_key: str) -> tuple[list[Session], list[str]]:
        """A person's living sessions, and the handles kept for the person whose sessions are gone; changes nothing."""
        handles = [_text(found) for found in self._redis.smembers(_handles_key(person_key))]
        found = self._sessions(handles)
        living = [one for one in found if one is not None and one.person_key == person_key]
        return living, [handle for handle, session in zip(handles, found, strict=True) if session is None]

    def _make_room(self, pipeline: Pipeline, session: Session, leaving: tuple[Session, ...]) -> None:
        """Add to the transaction that these end for a new one, with a note for their person."""
        if not leaving:
            return
        assert session.person_key is not None
        gone = [one.handle for one in leaving]
        pipeline.delete(*(make(handle) for handle in gone for make in (_key, _seen_key, _turn_key)))
        pipeline.srem(_handles_key(session.person_key), *gone)
        key = _displaced_key(session.person_key)
        for one in reversed(leaving):
            noted = {"session": {"handle": one.handle, "seen": one.seen, **_kept(one)}, "at": session.begun}
            pipeline.lpush(key, json.dumps(noted))
        pipeline.ltrim(key, 0, MOST_DISPLACED - 1)
        pipeline.expire(key, self._limits.absolute)

    def _handle(self, session_id: str) -> str:
        found = self._redis.get(_id_key(session_id)) if 0 < len(session_id) <= LONGEST_ID else None
        return "" if found is None else _text(found)

    def _sessions(self, handles: list[str]) -> list[Session | None]:
        """The sessions of these handles in their order, None for those that have ended."""
        if not handles:
            return []
        keys = [make(handle) for handle in handles for make in (_key, _seen_key, _turn_key)]
        found = self._redis.mget(keys)
        return [self._unpacked(handle, *found[3 * at : 3 * at + 3]) for at, handle in enumerate(handles)]

    def _unpacked(self, handle: str, text: _Stored, used: _Stored, turned: _Stored) -> Session | None:
        if text is None or used is None:
            return None
        session = _session({"handle": handle, "seen": float(_text(used)), **json.loads(text)})
        if session is None or not self._limits.alive(session, self._clock()):
            return None
        return replace(session, due=turned is None)

    def _end(self, *handles: str) -> int:
        """End sessions; of two that end the same one at once, one counts it."""
        ended = self._redis.delete(*map(_key, handles))
        self._redis.delete(*map(_seen_key, handles), *map(_turn_key, handles))
        return int(ended)


def _kept(session: Session) -> dict[str, Any]:
    return {name: getattr(session, name) for name in _KEPT}


def _session(members: dict[str, Any]) -> Session | None:
    """A session from what is stored; None if another version of Bylaw stored it, with other members."""
    return Session(**members) if members.keys() == {"handle", "seen", *_KEPT} else None


def _text(found: bytes | str) -> str:
    return found.decode() if isinstance(found, bytes) else found


def _id_key(session_id: str) -> str:
    return f"bylaw:session-id:{digest(session_id)}"


def _key(handle: str) -> str:
    return f"bylaw:session:{handle}"


def _seen_key(handle: str) -> str:
    return f"bylaw:session-seen:{handle}"


def _turn_key(handle: str) -> str:
    return f"bylaw:session-turn:{handle}"


def _handles_key(person_key: str) -> str:
    return f"bylaw:sessions-of:{digest(person_key)}"


def _displaced_key(person_key: str) -> str:
    return f"bylaw:sessions-displaced:{digest(person_key)}"


def _once_key(name: str) -> str:
    return f"bylaw:once:{digest(name)}"
