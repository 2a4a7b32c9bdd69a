"""Asking a token issuer for its keys: what it says of itself, then the key set that it names there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

from adapters.identity.http import Allowance, Asking, Boundary
from engine.problems import Problem, UnavailableError

BOUNDARY = Boundary(tries=3, seconds_per_try=2, seconds_in_all=5)
"""A request waits for this, so it is less than a sign-in may take."""


def fetch_keys(issuer: str, boundary: Boundary = BOUNDARY) -> Mapping[str, Any]:
    """An issuer's JWK set, found by OpenID Connect Discovery 1.0 (section 4) and fetched now.

    Raises `UnavailableError`: `identity.provider_unavailable` if it does not answer as it should in three tries in all,
    `token.keys_unavailable` if what it says is unfit.
    """
    allowance = Allowance(boundary)
    described = allowance.ask(Asking(f"{issuer.rstrip('/')}/.well-known/openid-configuration")).body
    if described.get("issuer") != issuer:
        _unfit("it calls itself by another name than in `BYLAW_TOKEN_ISSUERS`")
    found = allowance.ask(Asking(_address(issuer, described.get("jwks_uri")))).body
    if not isinstance(found.get("keys"), list):
        _unfit("its key set holds no keys")
    return found


def _address(issuer: str, value: object) -> str:
    """The key set's address, which is at least as safe as the issuer's own."""
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        _unfit("its `jwks_uri` is missing or no address")
    parts, own = urlsplit(value), urlsplit(issuer)
    same_machine = own.scheme == "http" and parts.scheme == "http" and parts.hostname == own.hostname
    if not parts.hostname or parts.username is not None or not (parts.scheme == "https" or same_machine):
        _unfit("its `jwks_uri` is no address that starts with `https:`")
    return value


def _unfit(why: str) -> NoReturn:
    raise UnavailableError(Problem("token.keys_unavailable", f"the issuer cannot be used: {why}"))
