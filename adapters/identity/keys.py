"""Where the keys of token issuers come from, and how long they are believed.

Keys are fetched again when they are no longer fresh, or when a token names one that is not held, which is when a
provider has changed its keys. That can be provoked by anybody with made-up names, so it happens at most once a minute.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.problems import BylawError, Problem, UnavailableError

log = logging.getLogger("bylaw.identity")

FRESH_SECONDS = 300
"""Keys younger than this are used without asking again."""
HELD_SECONDS = 3_600
"""While the issuer does not answer, keys are believed until they are this old, and not a second longer."""
LEAST_SECONDS_BETWEEN = 60
"""Between two fetches that unknown key ids ask for."""
LEAST_SECONDS_AFTER_FAILURE = 10
WAIT_SECONDS = 6.0
"""How long a request waits for the fetch of another one, unless it has its own limit."""

Fetch = Callable[[str], Mapping[str, Any]]
"""An issuer's JWK set, `{"keys": [...]}`, fetched now; raises a `BylawError` if it cannot be had or is unfit."""


class KeySource(Protocol):
    """The keys that an issuer signs with, as a JWK set (RFC 7517).

    Both methods raise `UnavailableError` (`token.keys_unavailable`) when no key set can be had that may be believed.
    """

    def keys(self, issuer: str) -> Mapping[str, Any]:
        """The key set as it is held, fetched if it is not fresh."""
        ...

    def refreshed(self, issuer: str) -> Mapping[str, Any]:
        """The key set, fetched anew unless that was done just now: for a token whose key is not in the held one."""
        ...


@dataclass(slots=True)
class _Held:
    """What is known of one issuer; times are the clock's, and None where nothing has happened yet."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: Mapping[str, Any] = field(default_factory=dict)
    fetched_at: float | None = None
    failed_at: float | None = None


class CachedKeys:
    """A `KeySource` that remembers what `fetch` gives. One fetch of an issuer runs at a time. `clock` gives seconds.

    `patience` gives the seconds that whoever asks may wait for another's fetch. Only the `issuers` named at the start
    are ever asked for: an address never comes from a token.
    """

    def __init__(
        self,
        issuers: tuple[str, ...],
        fetch: Fetch,
        clock: Callable[[], float] = time.monotonic,
        patience: Callable[[], float] = lambda: WAIT_SECONDS,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._patience = patience
        self._held = {issuer: _Held() for issuer in issuers}

    def keys(self, issuer: str) -> Mapping[str, Any]:
        """See `KeySource`."""
        return self._younger_than(FRESH_SECONDS, issuer)

    def refreshed(self, issuer: str) -> Mapping[str, Any]:
        """See `KeySource`."""
        return self._younger_than(LEAST_SECONDS_BETWEEN, issuer)

    def _younger_than(self, seconds: float, issuer: str) -> Mapping[str, Any]:
        held = self._held.get(issuer)
        if held is None:
            raise _unavailable()
        if self._is_younger(held.fetched_at, seconds):
            return held.keys
        believed = self._is_younger(held.fetched_at, HELD_SECONDS)
        # Where there is something to go on with, only the one that fetches waits.
        if held.lock.acquire(timeout=0 if believed else self._patience()):
            try:
                self._fetch_once(held, seconds, issuer)
            finally:
                held.lock.release()
        if not self._is_younger(held.fetched_at, HELD_SECONDS):
            raise _unavailable()
        return held.keys

    def _fetch_once(self, held: _Held, seconds: float, issuer: str) -> None:
        """Fetch, unless another thread has meanwhile or the last try failed a moment ago."""
        if self._is_younger(held.fetched_at, seconds) or self._is_younger(held.failed_at, LEAST_SECONDS_AFTER_FAILURE):
            return
        try:
            held.keys = self._fetch(issuer)
        except BylawError as error:
            held.failed_at = self._clock()
            log.warning("the keys of %s cannot be had: %s", issuer, error)
        else:
            held.fetched_at, held.failed_at = self._clock(), None

    def _is_younger(self, at: float | None, seconds: float) -> bool:
        return at is not None and self._clock() - at < seconds


def _unavailable() -> UnavailableError:
    return UnavailableError(
        Problem("token.keys_unavailable", "the issuer's keys cannot be had now", help="try again in a few seconds")
    )
