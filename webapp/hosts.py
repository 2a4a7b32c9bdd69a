"""Which names this server answers to.

A page of another site can let its own name point at this machine and then talk to Bylaw as if it were Bylaw's page (DNS
rebinding). Where the server listens on this machine alone, nobody has any business under a foreign name; and there the
built-in sign-in, which asks for no proof, must not be reached through a proxy either.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import request

from engine.problems import InvalidError, Problem
from webapp.context import wiring

UNKNOWN = "request.unknown_host"
LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST = re.compile(rf"(?P<name>{LABEL}(?:\.{LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::[0-9]{{1,5}})?")
LONGEST = 260
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via")
"""Headers that only a proxy adds."""


def refuse_unknown() -> None:
    """Refuse a malformed `Host`, and a foreign one where the server listens on this machine alone.

    A request without one comes from no browser. Raises `InvalidError` (`request.unknown_host`).
    """
    given = request.headers.get("Host", "")
    if not given:
        return
    name = _name(given)
    settings = wiring().settings
    own = urlsplit(settings.public_url).hostname if settings.public_url else None
    if name is None or (settings.loopback and not is_this_machine(name) and name != own):
        shown = "".join(one if one.isprintable() else "�" for one in given[:60])
        raise InvalidError(
            Problem(
                UNKNOWN,
                f"nothing is served under the name `{shown}` here",
                help="open the address that was printed at the start; `BYLAW_PUBLIC_URL` names another one",
            )
        )


def asked_directly() -> bool:
    """Whether the request comes straight to this machine's own name, as far as can be seen: not through a proxy."""
    name = _name(request.headers.get("Host") or request.host)
    origin = request.headers.get("Origin")
    through_a_proxy = any(header in request.headers for header in FORWARDED) or (
        origin is not None and named_in(origin) != request.host
    )
    return name is not None and is_this_machine(name) and not through_a_proxy


def named_in(address: str) -> str | None:
    """Host and port in an address, or None for what is no address."""
    try:
        return urlsplit(address).netloc
    except ValueError:
        return None


def is_this_machine(name: str) -> bool:
    """Whether a host name is this machine's own, whatever the network says."""
    if name == "localhost":
        return True
    try:
        return ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str | None:
    """The name without its port, or None for what is no host."""
    found = HOST.fullmatch(host) if len(host) <= LONGEST else None
    return found["name"].rstrip(".").lower() if found else None
