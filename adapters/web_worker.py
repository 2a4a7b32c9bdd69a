"""gunicorn's threaded worker, made to distrust slow senders and to tell nobody what it could not read.

A thread that reads a request waits for its sender. gunicorn would wait for ever, so that as many idle connections as
there are threads stop the server; here a whole request, head and body, must arrive within a set time.
"""

from __future__ import annotations

import errno
import http
import socket
import time
from typing import Any

from gunicorn.http import errors
from gunicorn.workers.gthread import TConn, ThreadWorker

from engine import exact_json
from engine.problem_codes import CODES
from engine.problems import Problem

ANSWER_SECONDS = 60
"""How long a client may take to receive one part of an answer."""

STATUS_BY_ERROR: tuple[tuple[type[Exception], int, str], ...] = (
    (errors.LimitRequestLine, 414, "request.address_too_long"),
    (errors.LimitRequestHeaders, 431, "request.headers_too_large"),
    (errors.ExpectationFailed, 417, "request.malformed"),
    (errors.UnsupportedTransferCoding, 501, "request.malformed"),
    (errors.ParseException, 400, "request.malformed"),
)
"""What gunicorn refuses before the application sees it, most special first."""


class HurriedSocket(socket.socket):
    """A connection whose sender has `seconds` for a request; later reading fails as if the connection was cut.

    The time starts with `setblocking`, which gunicorn calls as it turns to a request.
    """

    seconds = 30.0
    _deadline = 0.0

    @classmethod
    def taking_over(cls, plain: socket.socket, seconds: float) -> HurriedSocket:
        """The same connection; the given object is closed."""
        made = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        made.seconds = seconds
        return made

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001  # the base class's
        """Start the time for a request, or hand the connection to the poller."""
        self._deadline = time.monotonic() + self.seconds
        super().setblocking(flag)

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Raises `ConnectionResetError` when the time is over."""
        left = self._deadline - time.monotonic()
        try:
            if left <= 0:
                raise TimeoutError
            self.settimeout(left)
            return super().recv(bufsize, flags)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the request did not arrive in time") from None

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Raises `ConnectionResetError` when nobody takes the answer."""
        self.settimeout(ANSWER_SECONDS)
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise ConnectionResetError(errno.ECONNRESET, "the answer was not taken in time") from None


class HurriedWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's worker over hurried sockets. `request_seconds` is set by the configuration."""

    request_seconds = 30.0

    def enqueue_req(self, conn: TConn) -> None:
        """Take over a connection that is new."""
        if not isinstance(conn.sock, HurriedSocket):
            conn.sock = HurriedSocket.taking_over(conn.sock, self.request_seconds)
        super().enqueue_req(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Answer what is no readable request with a problem, and repeat nothing of it: it may hold a key."""
        found = next((one for one in STATUS_BY_ERROR if isinstance(exc, one[0])), None)
        ours = isinstance(exc, errors.InvalidResponseHeader | errors.InvalidResponseHeaderName)
        if found is None or ours:
            super().handle_error(req, client, addr, exc)
            return
        self.log.debug("refused what is no readable request: %s", type(exc).__name__)
        try:
            client.sendall(refusal(found[1], found[2]))
        except OSError:
            self.log.debug("nobody waits for the refusal")


def refusal(status: int, code: str) -> bytes:
    """The whole answer for a request that was not read."""
    problem = Problem(code, "the request cannot be read")
    body = exact_json.canonical(
        {
            "type": f"/problems/{code}",
            "title": CODES[code],
            "status": status,
            "detail": problem.message,
            "code": code,
            "problems": [problem.to_json()],
        }
    )
    head = (
        f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}",
        "Connection: close",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    )
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body
