"""How often something was refused, so that one entry a minute says it: guessing fills neither the log nor the disk.

One port (`Refusals`), two adapters: memory (the reference, for one process) and Redis or Valkey, for all processes
together. While that is away each process counts for itself, for who is refused must not notice and the log must stay
bounded.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import redis

if TYPE_CHECKING:
    from redis.commands.core import Script

ENTRY_EVERY_SECONDS = 60
MOST_NOTED = 10_000
"""Subjects that one process remembers."""
REMEMBERED_SECONDS = 86_400
"""How long what was refused after the last entry waits in the store for the next one to tell it."""
AWAY_SECONDS = 2.0
"""How long a store that did not answer is not asked again."""


class Refusals(Protocol):
    """What counts refusals. Never raises: counting must not change an answer."""

    def note(self, subject: str, at: datetime) -> int:
        """Count a refusal. Returns how many there were since the last entry if it is time for one, else 0.

        It is time at the first, and for the first that comes a minute or more after the last one told. `subject` says
        what was refused, in words of ours: the number of different ones is what bounds the log.
        """
        ...


@dataclass(slots=True)
class _Noted:
    told_at: float
    since: int = 0


class MemoryRefusals:
    """Counts in this process alone. Safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._noted: dict[str, _Noted] = {}

    def note(self, subject: str, at: datetime) -> int:
        """See `Refusals`."""
        seconds = at.timestamp()
        with self._lock:
            noted = self._noted.get(subject)
            if noted is not None and seconds - noted.told_at < ENTRY_EVERY_SECONDS:
                noted.since += 1
                return 0
            count = 1 if noted is None else noted.since + 1
            self._noted.pop(subject, None)
            while len(self._noted) >= MOST_NOTED:
                del self._noted[next(iter(self._noted))]  # the one whose last entry is oldest
            self._noted[subject] = _Noted(seconds)
            return count


_NOTE = """
local told = tonumber(redis.call('HGET', KEYS[1], 'told'))
if told and tonumber(ARGV[1]) - told < tonumber(ARGV[2]) then
  redis.call('HINCRBY', KEYS[1], 'since', 1)
  return 0
end
local since = tonumber(redis.call('HGET', KEYS[1], 'since') or 0)
redis.call('HSET', KEYS[1], 'told', ARGV[1], 'since', 0)
redis.call('EXPIRE', KEYS[1], ARGV[3])
return since + 1
"""
"""One step in the store, so that of refusals at once in several processes one is told and none is lost."""


class SharedRefusals:
    """Counts in Redis or Valkey. `clock` gives seconds for how long a store that is away is left alone."""

    def __init__(self, connection: redis.Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._note: Script = connection.register_script(_NOTE)
        self._clock = clock
        self._alone = MemoryRefusals()
        self._away_until = -math.inf

    def note(self, subject: str, at: datetime) -> int:
        """See `Refusals`."""
        if self._clock() >= self._away_until:
            try:
                given = [at.timestamp(), ENTRY_EVERY_SECONDS, REMEMBERED_SECONDS]
                return int(self._note(keys=[_key(subject)], args=given))
            except redis.RedisError:
                self._away_until = self._clock() + AWAY_SECONDS
        return self._alone.note(subject, at)


def _key(subject: str) -> str:
    return f"bylaw:refused:{sha256(subject.encode('utf-8', 'surrogatepass')).hexdigest()}"
