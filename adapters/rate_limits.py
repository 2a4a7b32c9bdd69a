"""Counting requests against the declared limits, in Redis or Valkey for all processes together.

The window slides: the count of the last full window is weighed with what of it is still within reach (the counter
approximation of the `limits` library), so a limit costs two numbers in the store, however large it is.

A request costs a round trip only now and then. A process takes *leases*: allowances that are counted in the store when
they are taken and spent in memory within a second. A lease starts at one and doubles while it is used up in time, to at
most a thousandth of the amount; so nobody ever gets more than the amount, and who is near to it may be refused early by
what other processes have leased and not spent. Who has been refused is refused from memory until the time is over.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

import redis
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from adapters.limits import BY_NAME, Limit, StoreDown, with_amounts
from engine.problems import Problem, UnavailableError

if TYPE_CHECKING:
    from limits.storage import Storage

PREFIX = "bylaw:limit"
LEASE_SECONDS = 1.0
LEASE_SHARE = 1_000
"""A lease is at most this part of a limit's amount."""

AWAY_SECONDS = 2.0
"""How long a store that did not answer is not asked again."""

MOST_HELD = 10_000
"""Leases and refusals in memory before those that are over are thrown away."""


class RateLimits(Protocol):
    """What the web application asks. `who` is any text that names an address, person or key."""

    def limit(self, name: str) -> Limit:
        """The limit of this name, with the amount that is in force."""
        ...

    def spend(self, name: str, who: str) -> int:
        """Count one request. 0 if it is within the limit, else the seconds until the next one may be.

        Raises `UnavailableError` (`limits.unavailable`) if the store is away and the limit is closed then.
        """
        ...

    def waiting(self, name: str, who: str) -> int:
        """Seconds that this process knows they have to wait still; counts nothing and asks no store."""
        ...


@dataclass(slots=True)
class _Lease:
    left: int
    size: int
    until: float


class NoRateLimits:
    """Nobody is ever refused: for tests of something else."""

    def limit(self, name: str) -> Limit:
        """See `RateLimits`."""
        return BY_NAME[name]

    def spend(self, name: str, who: str) -> int:
        """See `RateLimits`."""
        del name, who
        return 0

    def waiting(self, name: str, who: str) -> int:
        """See `RateLimits`."""
        del name, who
        return 0


class CountedRateLimits:
    """Counts in a store of the `limits` library. `clock` gives seconds for leases; the store has its own."""

    def __init__(
        self,
        store: Storage,
        *,
        amounts: Iterable[tuple[str, int]] = (),
        processes: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`amounts` replace declared ones; `processes` share them while the store is away."""
        self._shared = SlidingWindowCounterRateLimiter(store)
        self._limits = with_amounts(amounts)
        self._items = {name: _item(limit, limit.amount) for name, limit in self._limits.items()}
        self._shares = {name: _item(limit, max(1, limit.amount // processes)) for name, limit in self._limits.items()}
        self._clock = clock
        self._lock = threading.Lock()
        self._leases: dict[tuple[str, str], _Lease] = {}
        self._refused: dict[tuple[str, str], float] = {}
        self._away_until = -math.inf

    @cached_property
    def _local(self) -> SlidingWindowCounterRateLimiter:
        """Counts of this process alone. Made when they are needed: the library's store starts a thread."""
        return SlidingWindowCounterRateLimiter(MemoryStorage())

    def limit(self, name: str) -> Limit:
        """See `RateLimits`."""
        return self._limits[name]

    def waiting(self, name: str, who: str) -> int:
        """See `RateLimits`."""
        with self._lock:
            return self._wait((name, who), self._clock())

    def spend(self, name: str, who: str) -> int:
        """See `RateLimits`."""
        key, now = (name, who), self._clock()
        with self._lock:
            if wait := self._wait(key, now):
                return wait
            lease = self._leases.get(key)
            if lease is not None and lease.left and now < lease.until:
                lease.left -= 1
                return 0
            used_up = lease is not None and now < lease.until
            size = min(lease.size * 2, self._largest(name)) if lease is not None and used_up else 1
            away = now < self._away_until
        if not away:
            try:
                return self._spend_shared(key, size)
            except redis.RedisError:
                with self._lock:
                    self._away_until = self._clock() + AWAY_SECONDS
        return self._spend_away(key)

    def _spend_shared(self, key: tuple[str, str], size: int) -> int:
        item, who = self._items[key[0]], _digest(key[1])
        while not self._shared.hit(item, who, cost=size):
            if size == 1:
                return self._refuse(key, self._shared, item)
            size = 1
        with self._lock:
            now = self._clock()
            held = self._leases.get(key)
            left = held.left if held is not None and now < held.until else 0  # another thread was quicker
            self._leases[key] = _Lease(left + size - 1, size, now + LEASE_SECONDS)
            self._forget(now)
        return 0

    def _spend_away(self, key: tuple[str, str]) -> int:
        limit = self._limits[key[0]]
        if limit.on_store_down is StoreDown.OPEN:
            return 0
        if limit.on_store_down is StoreDown.CLOSED:
            raise UnavailableError(
                Problem(
                    "limits.unavailable",
                    "how often this was tried cannot be known just now, so it is not tried at all",
                    help="the queue server does not answer; start it with `bylaw up`, or correct BYLAW_REDIS_URL",
                )
            )
        item = self._shares[limit.name]
        return 0 if self._local.hit(item, _digest(key[1])) else self._refuse(key, self._local, item)

    def _refuse(self, key: tuple[str, str], counted: SlidingWindowCounterRateLimiter, item: RateLimitItem) -> int:
        """Remember the refusal for as long as it lasts, and say in seconds how long that is."""
        reset = counted.get_window_stats(item, _digest(key[1])).reset_time - time.time()
        wait = min(max(1, math.ceil(reset)), self._limits[key[0]].seconds)
        with self._lock:
            now = self._clock()
            self._refused[key] = now + wait
            self._forget(now)
        return wait

    def _wait(self, key: tuple[str, str], now: float) -> int:
        until = self._refused.get(key)
        if until is None:
            return 0
        if until <= now:
            del self._refused[key]
            return 0
        return math.ceil(until - now)

    def _largest(self, name: str) -> int:
        return max(1, self._limits[name].amount // LEASE_SHARE)

    def _forget(self, now: float) -> None:
        if len(self._leases) > MOST_HELD:
            self._leases = {key: lease for key, lease in self._leases.items() if lease.until > now}
        if len(self._refused) > MOST_HELD:
            self._refused = {key: until for key, until in self._refused.items() if until > now}


def shared_store(connection: redis.Redis) -> RedisStorage:
    """Counts in Redis or Valkey through a client's connections."""
    return RedisStorage("redis://", connection_pool=connection.connection_pool, key_prefix=PREFIX)


def _item(limit: Limit, amount: int) -> RateLimitItem:
    return RateLimitItemPerSecond(amount, limit.seconds, namespace=limit.name)


def _digest(who: str) -> str:
    """What stands in the store: no address, name or key."""
    return sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:32]
