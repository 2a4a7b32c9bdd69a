"""The web server's socket, opened before anything starts: a used port is known at once and ours over restarts."""

from __future__ import annotations

import errno
import socket

from engine.problems import Problem, UnavailableError

BACKLOG = 512


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `UnavailableError`: `up.port_in_use`, `up.address_unusable`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        opened = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(host, error) from error
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            raise UnavailableError(
                Problem(
                    "up.port_in_use",
                    f"port {port} on `{host}` is in use by another program",
                    help="stop that program, or choose a port with --port (0 takes a free one)",
                )
            ) from error
        raise _unusable(host, error, port) from error
    return opened


def _unusable(host: str, error: OSError, port: int | None = None) -> UnavailableError:
    if error.errno == errno.EACCES:
        message = f"there is no permission to listen on port {port} of `{host}`"
        help_text = "choose a port from 1024 upwards with --port"
    else:
        message = f"`{host}` is no address of this machine"
        help_text = "give one with --host, for example 127.0.0.1"
    return UnavailableError(Problem("up.address_unusable", message, help=help_text))
