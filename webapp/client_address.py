"""Where a request comes from, as far as it can be believed.

A proxy adds the address of whom it heard from to `X-Forwarded-For`; anybody else may write there what they like. So the
header is read from its end, and only as far as the addresses are those of configured proxies.
"""

from __future__ import annotations

from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from flask import request

from webapp.context import wiring

HEADER = "X-Forwarded-For"
NETWORK_BITS = 64
"""What one subscriber has of IPv6 at least (RFC 6177): all addresses in it are one."""

FURTHEST = 20
"""Proxies in a row that are looked through."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def client_address() -> str:
    """The address of whoever sent the request: IPv4 in dotted form, IPv6 as its /64 network, else `unknown`."""
    proxies = wiring().settings.trusted_proxies
    heard = ",".join(request.headers.getlist(HEADER)) if proxies else ""
    return _located(request.remote_addr or "", heard, proxies)


@lru_cache(maxsize=4_096)  # every request asks, and most come from few places
def _located(peer: str, heard: str, proxies: tuple[str, ...]) -> str:
    address = _address(peer)
    if address is None:
        return "unknown"  # a Unix socket
    networks = _networks(proxies)
    for text in reversed(heard.split(",")[-FURTHEST:]):
        if not any(address in network for network in networks):
            break
        before = _address(text.strip())
        if before is None:
            break  # whatever that proxy has written, it is no address: the proxy itself is what is known
        address = before
    return _grouped(address)


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _grouped(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> NETWORK_BITS << NETWORK_BITS, NETWORK_BITS)))


@cache
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))
