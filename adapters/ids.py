"""Fresh ids that sort by creation time: 48 bits of milliseconds, then 80 random bits, in 26 lower-case characters.

The form is that of a ULID (Crockford's base 32). Ids made by one process in one millisecond still ascend.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
_RANDOM_BITS = 80


class IdMaker:
    """Makes ids; safe to share between threads and across a fork.

    The clock (nanoseconds since 1970) and what gives so many random bits are arguments.
    """

    def __init__(
        self, clock: Callable[[], int] = time.time_ns, randbits: Callable[[int], int] = secrets.randbits
    ) -> None:
        self._clock = clock
        self._randbits = randbits
        self._lock = threading.Lock()
        self._last = 0
        self._process = 0

    def __call__(self) -> str:
        """A fresh id, greater than every earlier one of this process."""
        with self._lock:
            made = ((self._clock() // 1_000_000) << _RANDOM_BITS) | self._randbits(_RANDOM_BITS)
            # A forked child must not count on from its parent's last id, or both would make the same one.
            if self._process == os.getpid() and made <= self._last:
                made = self._last + 1 + self._randbits(32)
            self._last, self._process = made, os.getpid()
        return "".join(ALPHABET[(made >> shift) & 31] for shift in range((LENGTH - 1) * 5, -1, -5))


new_id = IdMaker()

KEY_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
KEY_PREFIX_LENGTH = 8
KEY_SECRET_BYTES = 32


def new_api_key() -> str:
    """The text of a fresh key: `byl_`, eight characters that find it, `_`, 256 random bits."""
    prefix = "".join(secrets.choice(KEY_ALPHABET) for _ in range(KEY_PREFIX_LENGTH))
    return f"byl_{prefix}_{secrets.token_urlsafe(KEY_SECRET_BYTES)}"
