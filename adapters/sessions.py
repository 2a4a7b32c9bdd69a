"""Sessions: what the server remembers about a signed-in browser. The browser holds only a random id.

One port (`Sessions`), two adapters: memory (the reference, for tests) and Redis or Valkey. Both pass one conformance
suite. A session has two names. Its **id** is the browser's secret, replaced from time to time, and found at rest by its
SHA-256, so that who reads the database cannot use what is there. Its **handle** is no secret: by it a person sees and
ends the session, and ending it makes every id that ever led to it worthless at once.
"""

from __future__ import annotations

import json
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from adapters.redis_connection import as_unavailable

if TYPE_CHECKING:
    from redis import Redis

ID_BYTES = 32
HANDLE_BYTES = 16
LONGEST_ID = 64
MOST_VALUES = 32
LONGEST_VALUE = 4_096
LONGEST_LABEL = 100

UNAVAILABLE = "sessions.unavailable"


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session and its ids live, in seconds.

    A session ends `absolute` after its beginning however busy it is, and `idle` after it was last used, which is noted
    to a tenth of that or 15 seconds. Its id is replaced once it is `rotation` old; the id before it serves for `grace`
    more, because requests that carry it may be under way.
    """

    absolute: int = 43_200
    idle: int = 3_600
    rotation: int = 900
    grace: int = 30

    def __post_init__(self) -> None:
        """Refuse, as a programming error, limits under which a session could end while its id is being replaced."""
        if not 0 < self.grace < self.rotation or self.idle < 1 or self.absolute < 1:
            raise ValueError("a grace lies within a rotation, and no session lasts less than a second")

    @property
    def noted_every(self) -> float:
        """How far apart two notes of the last use are at least: not every request needs a write."""
        return min(15.0, self.idle / 10)


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands: instants are seconds since 1970, `device` and `address` are what the browser said.

    `person_id` names the person among those of all organisations. `due` says that its id is old enough to be replaced.
    """

    handle: str
    values: Mapping[str, str]
    person_id: str | None
    begun: float
    seen: float
    ends: float
    device: str = ""
    address: str = ""
    due: bool = False


class Sessions(Protocol):
    """Server-side sessions. Every method raises `UnavailableError` (`sessions.unavailable`) when the store is away.

    A session holds a few short texts under short names, which never change, and belongs to one person once somebody has
    signed in.
    """

    def create(
        self, values: Mapping[str, str], *, person_id: str | None = None, device: str = "", address: str = ""
    ) -> str:
        """Start a session and return its id: 256 random bits as URL-safe text."""
        ...

    def read(self, session_id: str) -> Session | None:
        """The session, or None if there is none or its time is over. Does not prolong it."""
        ...

    def touch(self, session_id: str) -> Session | None:
        """The same, for a request that the session answers for: it has been used now, so its idle time starts again."""
        ...

    def renew(self, session_id: str) -> str | None:
        """A new id for the session if the present one is old enough, else None.

        Of several requests at once one gets the new id.
        """
        ...

    def rotate(
        self,
        session_id: str,
        values: Mapping[str, str],
        *,
        person_id: str | None = None,
        device: str = "",
        address: str = "",
    ) -> str:
        """End this session, if it is there, and start a new one: at sign-in, an id known before becomes worthless."""
        ...

    def end(self, session_id: str) -> None:
        """End the session. Ending one that is gone is the same."""
        ...

    def sessions_of(self, person_id: str) -> tuple[Session, ...]:
        """A person's living sessions, the one used last first."""
        ...

    def end_one(self, person_id: str, handle: str) -> bool:
        """End a session by its handle; false if this person has none of that handle."""
        ...

    def end_all(self, person_id: str, *, but: str = "") -> int:
        """End every session of a person except the one of the handle `but`, and say how many there were."""
        ...

    def lay_down(self, name: str, values: Mapping[str, str], seconds: int) -> None:
        """Keep a few short texts under a secret name for that long, to be taken up once."""
        ...

    def take_up(self, name: str) -> dict[str, str] | None:
        """What was laid down, the first time; None ever after, for a name never used, and when its time is over."""
        ...

    def ping(self) -> None:
        """Return if the store answers; raise `UnavailableError` if not."""
        ...


def fresh_id() -> str:
    """An unguessable session id."""
    return secrets.token_urlsafe(ID_BYTES)


def _checked(values: Mapping[str, str]) -> dict[str, str]:
    """A copy; refuses (with `ValueError`: a programming error) what is no small mapping of texts."""
    if len(values) > MOST_VALUES or any(len(value) > LONGEST_VALUE for value in values.values()):
        raise ValueError("a session holds a few short texts")
    return dict(values)


def _text(found: bytes | str) -> str:
    return found.decode() if isinstance(found, bytes) else found


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _begun(values: Mapping[str, str], person_id: str | None, now: float, limits: SessionLimits) -> Session:
    handle = secrets.token_hex(HANDLE_BYTES)
    return Session(handle, _checked(values), person_id, begun=now, seen=now, ends=now + limits.absolute)


def _told(session: Session, device: str, address: str) -> Session:
    """With what the browser said about itself, which is shown and never believed."""
    return replace(session, device=device[:LONGEST_LABEL], address=address[:LONGEST_LABEL])


@dataclass(slots=True)
class _Held:
    session: Session
    turned: float
    ids: dict[str, float] = field(default_factory=dict)


_Stored = bytes | str | None


class MemorySessions:
    """The reference: sessions in this process. `clock` gives seconds since 1970."""

    def __init__(self, limits: SessionLimits, clock: Callable[[], float] = time.time) -> None:
        self._limits = limits
        self._clock = clock
        self._lock = threading.RLock()
        self._held: dict[str, _Held] = {}
        self._handles: dict[str, str] = {}
        self._laid_down: dict[str, tuple[float, dict[str, str]]] = {}

    def create(
        self, values: Mapping[str, str], *, person_id: str | None = None, device: str = "", address: str = ""
    ) -> str:
        """See `Sessions`."""
        session_id, now = fresh_id(), self._clock()
        session = _told(_begun(values, person_id, now, self._limits), device, address)
        with self._lock:
            for known in [one for one in self._held if not self._alive(one)]:
                self._forget(known)
            self._held[session.handle] = _Held(session, now, {_digest(session_id): session.ends})
            self._handles[_digest(session_id)] = session.handle
        return session_id

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
            if now - held.session.seen >= self._limits.noted_every:
                held.session = replace(held.session, seen=now)
            return self._shown(held)

    def renew(self, session_id: str) -> str | None:
        """See `Sessions`."""
        with self._lock:
            held, now = self._find(session_id), self._clock()
            if held is None or not self._shown(held).due:
                return None
            held.turned, new = now, fresh_id()
            held.ids[_digest(session_id)] = now + self._limits.grace
            held.ids[_digest(new)] = held.session.ends
            self._handles[_digest(new)] = held.session.handle
            return new

    def rotate(
        self,
        session_id: str,
        values: Mapping[str, str],
        *,
        person_id: str | None = None,
        device: str = "",
        address: str = "",
    ) -> str:
        """See `Sessions`."""
        self.end(session_id)
        return self.create(values, person_id=person_id, device=device, address=address)

    def end(self, session_id: str) -> None:
        """See `Sessions`."""
        with self._lock:
            if held := self._find(session_id):
                self._forget(held.session.handle)

    def sessions_of(self, person_id: str) -> tuple[Session, ...]:
        """See `Sessions`."""
        with self._lock:
            mine = [self._shown(held) for held in self._held.values() if held.session.person_id == person_id]
            return _by_use(one for one in mine if self._alive(one.handle))

    def end_one(self, person_id: str, handle: str) -> bool:
        """See `Sessions`."""
        with self._lock:
            if handle not in {one.handle for one in self.sessions_of(person_id)}:
                return False
            self._forget(handle)
            return True

    def end_all(self, person_id: str, *, but: str = "") -> int:
        """See `Sessions`."""
        with self._lock:
            found = [one.handle for one in self.sessions_of(person_id) if one.handle != but]
            for handle in found:
                self._forget(handle)
            return len(found)

    def lay_down(self, name: str, values: Mapping[str, str], seconds: int) -> None:
        """See `Sessions`."""
        with self._lock:
            now = self._clock()
            self._laid_down = {key: kept for key, kept in self._laid_down.items() if kept[0] > now}
            self._laid_down[_digest(name)] = (now + seconds, _checked(values))

    def take_up(self, name: str) -> dict[str, str] | None:
        """See `Sessions`."""
        with self._lock:
            until, values = self._laid_down.pop(_digest(name), (0.0, None))
            return values if until > self._clock() else None

    def ping(self) -> None:
        """See `Sessions`."""

    def _shown(self, held: _Held) -> Session:
        return replace(held.session, due=self._clock() - held.turned >= self._limits.rotation)

    def _find(self, session_id: str) -> _Held | None:
        handle = self._handles.get(_digest(session_id), "")
        if not self._alive(handle):
            return None
        held = self._held[handle]
        return held if held.ids[_digest(session_id)] > self._clock() else None

    def _alive(self, handle: str) -> bool:
        held, now = self._held.get(handle), self._clock()
        return held is not None and held.session.ends > now and held.session.seen + self._limits.idle > now

    def _forget(self, handle: str) -> None:
        for known in self._held.pop(handle).ids:
            del self._handles[known]


class RedisSessions:
    """Sessions in Redis or Valkey, which ends them itself when their time is over.

    | key | holds | lives |
    | --- | --- | --- |
    | `bylaw:session-id:<digest of an id>` | the handle | to the absolute end, or for the grace |
    | `bylaw:session:<handle>` | the session, written once | the idle time, never beyond the absolute end |
    | `bylaw:session-seen:<handle>` | when it was last used | the same |
    | `bylaw:session-turn:<handle>` | that the id is not due to be replaced | the rotation |
    | `bylaw:sessions-of:<digest of the person>` | the person's handles | to the last one's absolute end |
    | `bylaw:once:<digest of a name>` | what was laid down | as it was said |

    The session itself is never written again, so no race of a use against an end can bring it back.
    """

    def __init__(self, connection: Redis, limits: SessionLimits, clock: Callable[[], float] = time.time) -> None:
        self._redis = connection
        self._limits = limits
        self._clock = clock

    def create(
        self, values: Mapping[str, str], *, person_id: str | None = None, device: str = "", address: str = ""
    ) -> str:
        """See `Sessions`."""
        session_id, limits = fresh_id(), self._limits
        session = _told(_begun(values, person_id, self._clock(), limits), device, address)
        alive = min(limits.idle, limits.absolute)
        with as_unavailable(UNAVAILABLE), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(_id_key(session_id), session.handle, ex=limits.absolute)
            pipeline.set(_key(session.handle), _packed(session), ex=alive)
            pipeline.set(_seen_key(session.handle), repr(session.seen), ex=alive)
            pipeline.set(_turn_key(session.handle), "", ex=limits.rotation)
            if person_id is not None:
                pipeline.sadd(_person_key(person_id), session.handle)
                pipeline.expire(_person_key(person_id), limits.absolute)
            pipeline.execute()
        return session_id

    def read(self, session_id: str) -> Session | None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            handle = self._handle(session_id)
            return self._sessions([handle])[0] if handle else None

    def touch(self, session_id: str) -> Session | None:
        """See `Sessions`."""
        session, now = self.read(session_id), self._clock()
        if session is None or now - session.seen < self._limits.noted_every:
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

    def rotate(
        self,
        session_id: str,
        values: Mapping[str, str],
        *,
        person_id: str | None = None,
        device: str = "",
        address: str = "",
    ) -> str:
        """See `Sessions`."""
        self.end(session_id)
        return self.create(values, person_id=person_id, device=device, address=address)

    def end(self, session_id: str) -> None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            if handle := self._handle(session_id):
                self._end(handle)

    def sessions_of(self, person_id: str) -> tuple[Session, ...]:
        """See `Sessions`."""
        key = _person_key(person_id)
        with as_unavailable(UNAVAILABLE):
            handles = [_text(found) for found in self._redis.smembers(key)]
            found = self._sessions(handles)
            if gone := [handle for handle, session in zip(handles, found, strict=True) if session is None]:
                self._redis.srem(key, *gone)
        return _by_use(one for one in found if one is not None and one.person_id == person_id)

    def end_one(self, person_id: str, handle: str) -> bool:
        """See `Sessions`."""
        if handle not in {one.handle for one in self.sessions_of(person_id)}:
            return False
        with as_unavailable(UNAVAILABLE):
            return self._end(handle) > 0

    def end_all(self, person_id: str, *, but: str = "") -> int:
        """See `Sessions`."""
        found = [one.handle for one in self.sessions_of(person_id) if one.handle != but]
        with as_unavailable(UNAVAILABLE):
            return self._end(*found) if found else 0

    def lay_down(self, name: str, values: Mapping[str, str], seconds: int) -> None:
        """See `Sessions`."""
        text = json.dumps(_checked(values))
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
        session = Session(handle=handle, seen=float(_text(used)), due=turned is None, **json.loads(text))
        now = self._clock()
        return session if session.ends > now and session.seen + self._limits.idle > now else None

    def _end(self, *handles: str) -> int:
        """End sessions; of two that end the same one at once, one counts it."""
        ended = self._redis.delete(*map(_key, handles))
        self._redis.delete(*map(_seen_key, handles), *map(_turn_key, handles))
        return int(ended)


def _by_use(found: Iterable[Session]) -> tuple[Session, ...]:
    return tuple(sorted(found, key=lambda one: (-one.seen, -one.begun, one.handle)))


def _packed(session: Session) -> str:
    kept = ("values", "person_id", "begun", "ends", "device", "address")
    return json.dumps({name: getattr(session, name) for name in kept})


def _id_key(session_id: str) -> str:
    return f"bylaw:session-id:{_digest(session_id)}"


def _key(handle: str) -> str:
    return f"bylaw:session:{handle}"


def _seen_key(handle: str) -> str:
    return f"bylaw:session-seen:{handle}"


def _turn_key(handle: str) -> str:
    return f"bylaw:session-turn:{handle}"


def _person_key(person_id: str) -> str:
    return f"bylaw:sessions-of:{_digest(person_id)}"


def _once_key(name: str) -> str:
    return f"bylaw:once:{_digest(name)}"
