"""Asking an identity provider over HTTP: few tries, little time, small answers, no redirects.

A step of a sign-in has one allowance for all that it asks: so many failing tries in all, so many seconds in all. When
either is used up the step fails closed. A try fails if there is no answer in time, or one that is too large, redirects,
is no JSON object, or has a status other than those that were asked for.
"""

from __future__ import annotations

import contextlib
import http.client
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from engine import exact_json
from engine.problems import InvalidError, Problem, UnavailableError

UNAVAILABLE = "identity.provider_unavailable"
DEEPEST = 16


@dataclass(frozen=True, slots=True)
class Boundary:
    """What a step of a sign-in may spend at a provider: failing tries and seconds in all, seconds for one try.

    Between two tries lies a pause of `pause` seconds, doubled each time. An answer has at most `largest` bytes.
    """

    tries: int = 3
    seconds_per_try: float = 3
    seconds_in_all: float = 8
    pause: float = 0.1
    largest: int = 262_144


@dataclass(frozen=True, slots=True)
class Asking:
    """One request. `answers` are the statuses whose JSON body is wanted; any other makes the try a failed one."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    form: str | None = field(default=None, repr=False)
    answers: frozenset[int] = frozenset({200})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON object."""

    status: int
    body: dict[str, Any] = field(repr=False)


class _FailedTryError(Exception):
    """Why a try failed, in words without anything that the provider sent."""


class Allowance:
    """What one step of a sign-in may still spend; made at its beginning, used for everything that it asks."""

    def __init__(self, boundary: Boundary, clock: Callable[[], float] = time.monotonic) -> None:
        self._boundary = boundary
        self._clock = clock
        self._ends = clock() + boundary.seconds_in_all
        self.failed = 0

    @property
    def left(self) -> float:
        """Seconds that are left, 0 when none are."""
        return max(0.0, self._ends - self._clock())

    def ask(self, asking: Asking) -> Answer:
        """The answer. Raises `UnavailableError` (`identity.provider_unavailable`) when tries or time are used up."""
        why = "no time is left"
        while self.failed < self._boundary.tries and (left := self.left) > 0:
            try:
                return _sent(asking, min(left, self._boundary.seconds_per_try), self._boundary.largest)
            except _FailedTryError as error:
                self.failed += 1
                why = str(error)
            if self.failed < self._boundary.tries:
                time.sleep(min(self._boundary.pause * 2 ** (self.failed - 1), self.left))
        raise self.used_up(why)

    def used_up(self, why: str) -> UnavailableError:
        """The error of a step that has come to nothing."""
        return UnavailableError(
            Problem(
                UNAVAILABLE,
                f"the identity provider did not answer as it should in {self.failed} tries: {why}",
                help="nobody was signed in; try again in a little while",
            )
        )


def _sent(asking: Asking, seconds: float, largest: int) -> Answer:
    try:
        status, data = _exchange(asking, seconds, largest)
    except TimeoutError:
        raise _FailedTryError("no answer in time") from None
    except ssl.SSLError:
        raise _FailedTryError("no trusted connection") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise _FailedTryError("no connection, or one that broke") from None
    if 300 <= status < 400:
        raise _FailedTryError("it redirected, which is never followed")
    if status not in asking.answers:
        raise _FailedTryError(f"status {status}")
    if len(data) > largest:
        raise _FailedTryError(f"more than {largest:,} bytes")
    try:
        body = exact_json.parse(data, source="answer", max_depth=DEEPEST)
    except InvalidError:
        raise _FailedTryError("no JSON") from None
    if not isinstance(body, dict):
        raise _FailedTryError("no JSON object")
    return Answer(status, body)


def _exchange(asking: Asking, seconds: float, largest: int) -> tuple[int, bytes]:
    """Status and body, of which at most one byte more than allowed is read."""
    deadline = time.monotonic() + seconds
    parts = urlsplit(asking.url)
    secure = parts.scheme == "https"
    host, port = parts.hostname or "", parts.port or (443 if secure else 80)
    path = parts.path or "/"
    headers = {"Accept": "application/json", "User-Agent": "Bylaw", "Connection": "close", **asking.headers}
    with contextlib.closing(_connected(host, port, deadline)) as raw, _cut_at(raw, deadline):
        connection: http.client.HTTPConnection
        if secure:
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, port, context=context)
            connection.sock = context.wrap_socket(raw, server_hostname=host)
        else:
            connection = http.client.HTTPConnection(host, port)
            connection.sock = raw
        with contextlib.closing(connection):
            body = None if asking.form is None else asking.form.encode()
            target = f"{path}?{parts.query}" if parts.query else path
            connection.request("GET" if body is None else "POST", target, body, headers)
            with connection.getresponse() as response:
                data = response.read(largest + 1)
    if time.monotonic() >= deadline:
        raise TimeoutError
    return response.status, data


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """A connection to the first address of the host that takes one; all together have until the deadline."""
    refused: OSError = TimeoutError()
    for family, kind, protocol, _, address in _resolved(host, port, deadline):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(left)
            made.connect(address)
        except OSError as error:
            made.close()
            refused = error
        else:
            return made
    raise refused


def _resolved(host: str, port: int, deadline: float) -> list[Any]:
    """The addresses of a host, if they are found by the deadline.

    The system's resolver takes no time limit and may take half a minute: it is asked in a thread that is left behind.
    Raises `OSError`, and `UnicodeError` for what cannot be a host's name: a label is empty or has over 63 characters.
    """
    found: queue.SimpleQueue[list[Any] | OSError | UnicodeError] = queue.SimpleQueue()

    def resolve() -> None:
        try:
            found.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            found.put(error)

    threading.Thread(target=resolve, daemon=True).start()
    try:
        addresses = found.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(addresses, OSError | UnicodeError):
        raise addresses
    return addresses


@contextmanager
def _cut_at(connection: socket.socket, deadline: float) -> Iterator[None]:
    """End the connection at the deadline whatever is under way: a time-out of each read would let bytes trickle.

    The descriptor is a copy, because wrapping in TLS takes the original away; both are the same connection.
    """
    copy = connection.dup()

    def cut() -> None:
        with contextlib.suppress(OSError):
            copy.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        copy.close()
