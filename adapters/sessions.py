"""Sessions: what the server remembers about a signed-in browser. The browser holds only a random id.

One port (`Sessions`), two adapters: memory (the reference, for tests) and Redis or Valkey. Both pass one conformance
suite. At rest a session is found by the SHA-256 of its id, so that who reads the database cannot use what is there.
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from adapters.redis_connection import as_unavailable

if TYPE_CHECKING:
    from redis import Redis

ID_BYTES = 32
LONGEST_ID = 64
MOST_VALUES = 32
LONGEST_VALUE = 4_096

UNAVAILABLE = "sessions.unavailable"


class Sessions(Protocol):
    """Server-side sessions. Every method raises `UnavailableError` (`sessions.unavailable`) when the store is away.

    A session holds a few short texts under short names and belongs to one person once somebody has signed in.
    """

    def create(self, values: Mapping[str, str], *, person_id: str | None = None) -> str:
        """Start a session and return its id: 256 random bits as URL-safe text."""
        ...

    def read(self, session_id: str) -> dict[str, str] | None:
        """The session's values, or None if there is no such session or its time is over. Does not prolong it."""
        ...

    def write(self, session_id: str, values: Mapping[str, str]) -> bool:
        """Replace the values; false if the session is gone. Its end stays where it was."""
        ...

    def rotate(self, session_id: str, values: Mapping[str, str], *, person_id: str | None = None) -> str:
        """End this session, if it is there, and start a new one: at sign-in, an id known before becomes worthless."""
        ...

    def end(self, session_id: str) -> None:
        """End the session. Ending one that is gone is the same."""
        ...

    def end_all(self, person_id: str) -> int:
        """End every session of a person and say how many there were."""
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


class MemorySessions:
    """The reference: sessions in this process, ending `lifetime_seconds` after their start. `clock` gives seconds."""

    def __init__(self, lifetime_seconds: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lifetime = lifetime_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, str | None, dict[str, str]]] = {}

    def create(self, values: Mapping[str, str], *, person_id: str | None = None) -> str:
        """See `Sessions`."""
        session_id, now = fresh_id(), self._clock()
        with self._lock:
            self._held = {key: held for key, held in self._held.items() if held[0] > now}
            self._held[_digest(session_id)] = (now + self._lifetime, person_id, _checked(values))
        return session_id

    def read(self, session_id: str) -> dict[str, str] | None:
        """See `Sessions`."""
        with self._lock:
            held = self._held.get(_digest(session_id))
            return dict(held[2]) if held and held[0] > self._clock() else None

    def write(self, session_id: str, values: Mapping[str, str]) -> bool:
        """See `Sessions`."""
        with self._lock:
            held = self._held.get(_digest(session_id))
            if not held or held[0] <= self._clock():
                return False
            self._held[_digest(session_id)] = (held[0], held[1], _checked(values))
            return True

    def rotate(self, session_id: str, values: Mapping[str, str], *, person_id: str | None = None) -> str:
        """See `Sessions`."""
        self.end(session_id)
        return self.create(values, person_id=person_id)

    def end(self, session_id: str) -> None:
        """See `Sessions`."""
        with self._lock:
            self._held.pop(_digest(session_id), None)

    def end_all(self, person_id: str) -> int:
        """See `Sessions`."""
        with self._lock:
            now = self._clock()
            found = [key for key, held in self._held.items() if held[1] == person_id]
            return sum(self._held.pop(key)[0] > now for key in found)

    def ping(self) -> None:
        """See `Sessions`."""


class RedisSessions:
    """Sessions in Redis or Valkey, which ends them itself when their time is over.

    `bylaw:session:<digest of the id>` holds the values, `bylaw:sessions-of:<digest of the person>` those digests.
    """

    def __init__(self, connection: Redis, lifetime_seconds: int) -> None:
        self._redis = connection
        self._lifetime = lifetime_seconds

    def create(self, values: Mapping[str, str], *, person_id: str | None = None) -> str:
        """See `Sessions`."""
        session_id = fresh_id()
        text = json.dumps(_checked(values))
        with as_unavailable(UNAVAILABLE), self._redis.pipeline(transaction=True) as pipeline:
            pipeline.set(self._key(session_id), text, ex=self._lifetime)
            if person_id is not None:
                pipeline.sadd(self._person_key(person_id), _digest(session_id))
                pipeline.expire(self._person_key(person_id), self._lifetime)
            pipeline.execute()
        return session_id

    def read(self, session_id: str) -> dict[str, str] | None:
        """See `Sessions`."""
        if len(session_id) > LONGEST_ID:
            return None
        with as_unavailable(UNAVAILABLE):
            text = self._redis.get(self._key(session_id))
        return None if text is None else dict(json.loads(text))

    def write(self, session_id: str, values: Mapping[str, str]) -> bool:
        """See `Sessions`."""
        text = json.dumps(_checked(values))
        with as_unavailable(UNAVAILABLE):
            return bool(self._redis.set(self._key(session_id), text, xx=True, keepttl=True))

    def rotate(self, session_id: str, values: Mapping[str, str], *, person_id: str | None = None) -> str:
        """See `Sessions`."""
        self.end(session_id)
        return self.create(values, person_id=person_id)

    def end(self, session_id: str) -> None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            self._redis.delete(self._key(session_id))

    def end_all(self, person_id: str) -> int:
        """See `Sessions`."""
        key = self._person_key(person_id)
        with as_unavailable(UNAVAILABLE):
            digests = [_text(found) for found in self._redis.smembers(key)]
            ended = self._redis.delete(*(f"bylaw:session:{digest}" for digest in digests)) if digests else 0
            self._redis.delete(key)
        return int(ended)

    def ping(self) -> None:
        """See `Sessions`."""
        with as_unavailable(UNAVAILABLE):
            self._redis.ping()

    @staticmethod
    def _key(session_id: str) -> str:
        return f"bylaw:session:{_digest(session_id)}"

    @staticmethod
    def _person_key(person_id: str) -> str:
        return f"bylaw:sessions-of:{_digest(person_id)}"
