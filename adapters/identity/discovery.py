"""What an identity provider says of itself, and its keys (OpenID Connect Discovery 1.0, sections 3 and 4; RFC 8414).

The one way to both: people signing in and tokens of programs are checked with what is found here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

from adapters.identity.http import Allowance, Asking, Boundary
from engine.problems import Problem, UnavailableError

WELL_KNOWN = "/.well-known/openid-configuration"

FOR_A_TOKEN = Boundary(tries=3, seconds_per_try=2, seconds_in_all=5)
"""A request waits for the keys of its token, so it is less than a sign-in may take."""


@dataclass(frozen=True, slots=True)
class Description:
    """What the provider of this issuer says of itself. Addresses are read from it by their names."""

    issuer: str
    members: Mapping[str, Any]

    def endpoint(self, name: str) -> str:
        """An address that is at least as safe as the issuer's own.

        Raises `UnavailableError` (`identity.provider_unfit`) for none and for any other.
        """
        value = self.members.get(name)
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
            unfit(f"its `{name}` is missing or no address")
        parts, own = urlsplit(value), urlsplit(self.issuer)
        same_machine = own.scheme == "http" and parts.scheme == "http" and parts.hostname == own.hostname
        safe = parts.scheme == "https" or same_machine
        if not safe or not parts.hostname or parts.username is not None or parts.fragment:
            unfit(f"its `{name}` is no address that starts with `https:`")
        return value

    def optional_endpoint(self, name: str) -> str | None:
        """The same, None where it says nothing."""
        return self.endpoint(name) if self.members.get(name) is not None else None


def describe(issuer: str, allowance: Allowance) -> Description:
    """What an issuer says of itself now.

    Raises `UnavailableError`: `identity.provider_unavailable` if it does not answer as it should within the allowance,
    `identity.provider_unfit` if it calls itself by another name, which would be another provider's.
    """
    found = allowance.ask(Asking(f"{issuer.rstrip('/')}{WELL_KNOWN}")).body
    if found.get("issuer") != issuer:
        unfit("it calls itself by another name than the settings call it")
    return Description(issuer, found)


def key_set(address: str, allowance: Allowance) -> Mapping[str, Any]:
    """The JWK set at an address of a description. Raises as `describe` does, `unfit` for what holds no keys."""
    found = allowance.ask(Asking(address)).body
    if not isinstance(found.get("keys"), list):
        unfit("its key set holds no keys")
    return found


def fetch_keys(issuer: str, boundary: Boundary = FOR_A_TOKEN) -> Mapping[str, Any]:
    """An issuer's JWK set, found by what it says of itself and fetched now. Raises as `describe` does."""
    allowance = Allowance(boundary)
    return key_set(describe(issuer, allowance).endpoint("jwks_uri"), allowance)


def unfit(why: str) -> NoReturn:
    """Raise the one error about a provider that answers and cannot be used."""
    raise UnavailableError(
        Problem(
            "identity.provider_unfit",
            f"the identity provider cannot be used: {why}",
            help="docs/sign-in.md says what a provider needs",
        )
    )
