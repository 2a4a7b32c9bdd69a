"""The reference: sessions in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from adapters.sessions.limits import MOST_DISPLACED, SessionLimits, by_use, checked, digest, fresh_id
from adapters.sessions.port import Begun, Displaced, Session


@dataclass(slots=True)
class _Held:
    session: Session
    turned: float
    ids: dict[str, float] = field(default_factory=dict)


class MemorySessions:
    """Sessions in this process. `clock` gives seconds since 1970."""

    def __init__(self, limits: SessionLimits, clock: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self._held: dict[str, _Held] = {}
        self._handles: dict[str, str] = {}
        self._displaced: dict[str, list[Displaced]] = {}
        self._laid_down: dict[str, tuple[float, dict[str, str]]] = {}

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
        session_id, now = fresh_id(), self._clock()
        session = self._limits.begin(values, person_key, device, address, now)
        with self._lock:
            self.end(instead_of)
            for known in [one for one in self._held if not self._alive(one)]:
                self._forget(known)
            displaced = self._make_room(person_key, now) if person_key is not None else ()
            self._held[session.handle] = _Held(session, now, {digest(session_id): session.ends})
            self._handles[digest(session_id)] = session.handle
        return Begun(session_id, displaced)

    def read(self, session_id: str) -> Session | None:
        """See `Sessions`."""
        with self._lock:
            held = self._find(session_id)
            return self._shown(held) if held else None

    def touch(self, session_id: str) -> Session | None:
        """See `Sessions`."""
        with self._lock:
            held = self._find(session_id)
            if held is None:
                return None
            now = self._clock()
            if self._limits.to_note(held.session, now):
                held.session = replace(held.session, seen=now)
            return self._shown(held)

    def renew(self, session_id: str) -> str | None:
        """See `Sessions`."""
        with self._lock:
            held, now = self._find(session_id), self._clock()
            if held is None or not self._shown(held).due:
                return None
            held.turned, new = now, fresh_id()
            held.ids[digest(session_id)] = now + self._limits.grace
            held.ids[digest(new)] = held.session.ends
            self._handles[digest(new)] = held.session.handle
            return new

    def end(self, session_id: str) -> None:
        """See `Sessions`."""
        with self._lock:
            if held := self._find(session_id):
                self._forget(held.session.handle)

    def sessions_of(self, person_key: str) -> tuple[Session, ...]:
        """See `Sessions`."""
        with self._lock:
            mine = [self._shown(held) for held in self._held.values() if held.session.person_key == person_key]
            return by_use(one for one in mine if self._alive(one.handle))

    def displaced_of(self, person_key: str) -> tuple[Displaced, ...]:
        """See `Sessions`."""
        with self._lock:
            return self._limits.shown(self._displaced.get(person_key, ()), self._clock())

    def end_one(self, person_key: str, handle: str) -> bool:
        """See `Sessions`."""
        with self._lock:
            if handle not in {one.handle for one in self.sessions_of(person_key)}:
                return False
            self._forget(handle)
            return True

    def end_all(self, person_key: str, *, but: str = "") -> int:
        """See `Sessions`."""
        with self._lock:
            found = [one.handle for one in self.sessions_of(person_key) if one.handle != but]
            for handle in found:
                self._forget(handle)
            return len(found)

    def lay_down(self, name: str, values: Mapping[str, str], seconds: int) -> None:
        """See `Sessions`."""
        with self._lock:
            now = self._clock()
            self._laid_down = {key: kept for key, kept in self._laid_down.items() if kept[0] > now}
            self._laid_down[digest(name)] = (now + seconds, checked(values))

    def take_up(self, name: str) -> dict[str, str] | None:
        """See `Sessions`."""
        with self._lock:
            until, values = self._laid_down.pop(digest(name), (0.0, None))
            return values if until > self._clock() else None

    def ping(self) -> None:
        """See `Sessions`."""

    def _make_room(self, person_key: str, now: float) -> tuple[Session, ...]:
        leaving = self._limits.making_room(self.sessions_of(person_key))
        for one in leaving:
            self._forget(one.handle)
        if leaving:
            noted = [*(Displaced(one, now) for one in leaving), *self._displaced.get(person_key, ())]
            self._displaced[person_key] = noted[:MOST_DISPLACED]
        return leaving

    def _shown(self, held: _Held) -> Session:
        return replace(held.session, due=self._clock() - held.turned >= self._limits.rotation)

    def _find(self, session_id: str) -> _Held | None:
        handle = self._handles.get(digest(session_id), "")
        if not self._alive(handle):
            return None
        held = self._held[handle]
        return held if held.ids[digest(session_id)] > self._clock() else None

    def _alive(self, handle: str) -> bool:
        held = self._held.get(handle)
        return held is not None and self._limits.alive(held.session, self._clock())

    def _forget(self, handle: str) -> None:
        for known in self._held.pop(handle).ids:
            del self._handles[known]
