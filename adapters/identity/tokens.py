"""Bearer tokens of applications and devices: JWT access tokens (RFC 7519, RFC 9068, RFC 8725), checked without I/O.

A token says who asks and what it was made for; what that somebody may do is never taken from it, only narrowed by it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from adapters.identity import jws
from adapters.identity.keys import KeySource
from engine import exact_json
from engine.problems import InvalidError, Problem

LEEWAY = timedelta(seconds=30)
"""How far the issuer's clock and ours may be apart."""
LONGEST_LIFE = timedelta(hours=24)
"""From `iat` to `exp`: a token cannot be taken back, so one that is good for longer is refused."""

TYPES = ("at+jwt", "application/at+jwt", "jwt")
"""`typ` in lower case: access tokens by their own name (RFC 9068, section 2.1), or as JWTs in general."""

LONGEST_TEXT = 255
MOST_SCOPES = 100
MOST_AUDIENCES = 20
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the calendar's end


@dataclass(frozen=True, slots=True)
class Expectations:
    """What a token must say: one of these issuers, each with nothing of another's; and this audience."""

    issuers: tuple[str, ...]
    audience: str
    algorithms: Collection[str] = jws.ASYMMETRIC


@dataclass(frozen=True, slots=True)
class Claims:
    """What a checked token says. `scopes` are as the issuer wrote them, `client_id` is empty where it names none."""

    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    expires_at: datetime


class TokenVerifier(Protocol):
    """Whoever can say what a bearer token is worth now."""

    def verify(self, text: str, now: datetime) -> Claims:
        """The claims of a token that holds now.

        Raises `InvalidError` with a `token.*` code for any other, `UnavailableError` (`token.keys_unavailable`) where
        the issuer's keys cannot be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class IssuersTokens:
    """A `TokenVerifier` for the tokens of some issuers, whose keys come from a `KeySource`."""

    expected: Expectations
    source: KeySource

    def verify(self, text: str, now: datetime) -> Claims:
        """See `TokenVerifier`. An unknown key is asked for once more, because providers change theirs."""
        token = jws.read(text, self.expected.algorithms)
        issuer = claimed_issuer(token, self.expected)  # chooses among what is configured, proves nothing yet
        keys = self.source.keys(issuer)
        if not jws.usable_keys(token, keys):
            keys = self.source.refreshed(issuer)
        return checked(token, keys, self.expected, now)


class NoTokens:
    """A `TokenVerifier` for a server that trusts no issuer."""

    def verify(self, text: str, now: datetime) -> Claims:  # noqa: ARG002  # nothing is looked at
        """See `TokenVerifier`: always refused."""
        raise InvalidError(
            Problem(
                "token.not_accepted",
                "this server accepts keys, but no tokens of an identity provider",
                help="use a key, or set `BYLAW_TOKEN_ISSUERS` and `BYLAW_TOKEN_AUDIENCE`",
            )
        )


def verify_token(text: str, keys: Mapping[str, Any], expected: Expectations, now: datetime) -> Claims:
    """The claims of a token, if it holds at `now` under this JWK set; raises `InvalidError` with a `token.*` code."""
    return checked(jws.read(text, expected.algorithms), keys, expected, now)


def claimed_issuer(token: jws.Compact, expected: Expectations) -> str:
    """Which of the expected issuers a token says it is from. Raises `InvalidError` (`token.issuer`, `.malformed`)."""
    return _issuer(_claims(token), expected)


def checked(token: jws.Compact, keys: Mapping[str, Any], expected: Expectations, now: datetime) -> Claims:
    """The claims of a token that was read: signature first, then what it says. Raises as `verify_token` does."""
    jws.check_signature(token, keys)
    kind = token.header.get("typ")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        _refuse("token.type", "the token's `typ` is neither `at+jwt` nor `JWT`")
    claims = _claims(token)
    issuer = _issuer(claims, expected)
    if expected.audience not in _audiences(claims):
        _refuse("token.audience", "the token is not meant for this server")
    if "cnf" in claims:
        # Its holder must prove to have a key (RFC 7800); as a bearer token it is worth nothing (RFC 9449, section 7.1).
        _refuse("token.claims", "the token is bound to a key (`cnf`), which cannot be proved here")
    expires_at = _times(claims, now)
    client_id = _text(claims, "client_id")
    subject = _text(claims, "sub") or client_id
    if not subject:
        _refuse("token.claims", "the token has neither `sub` nor `client_id`")
    return Claims(issuer, subject, client_id, _scopes(claims), expires_at)


def _claims(token: jws.Compact) -> dict[str, Any]:
    try:
        claims = exact_json.parse(token.payload, source="claims", max_depth=jws.DEEPEST)
    except InvalidError as error:
        _refuse("token.malformed", f"the token's claims are refused: {error.problems[0].message}")
    if not isinstance(claims, dict):
        _refuse("token.malformed", "the token's claims are no JSON object")
    return claims


def _issuer(claims: Mapping[str, Any], expected: Expectations) -> str:
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or issuer not in expected.issuers:
        _refuse("token.issuer", "the token's `iss` is no issuer that is trusted here")
    return issuer


def _audiences(claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = claims.get("aud")
    audiences = found if isinstance(found, list) else [found]
    if not 1 <= len(audiences) <= MOST_AUDIENCES or not all(isinstance(one, str) for one in audiences):
        _refuse("token.claims", f"the token's `aud` is neither a text nor 1 to {MOST_AUDIENCES} texts")
    return tuple(audiences)


def _times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """When the token ends; refuses one that has ended, has not begun, or lasts too long (RFC 7519, section 4.1)."""
    expires_at, issued_at = _instant(claims, "exp"), _instant(claims, "iat")
    begins_at = _instant(claims, "nbf") if "nbf" in claims else issued_at
    if now - LEEWAY >= expires_at:
        _refuse("token.expired", "the token has expired")
    if issued_at > now + LEEWAY or begins_at > now + LEEWAY:
        _refuse("token.expired", "the token is not valid yet")
    if expires_at - issued_at > LONGEST_LIFE:
        hours = LONGEST_LIFE // timedelta(hours=1)
        _refuse("token.claims", f"the token lasts longer than the {hours} hours that are accepted")
    return expires_at


def _instant(claims: Mapping[str, Any], name: str) -> datetime:
    seconds = claims.get(name)
    if not isinstance(seconds, Decimal) or not 0 <= seconds <= _LAST_SECOND:
        _refuse("token.claims", f"the token's `{name}` is missing, or no number of seconds since 1970")
    # Whole seconds: a fraction never makes a token live longer.
    return datetime.fromtimestamp(int(seconds), UTC)


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name, "")
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        _refuse("token.claims", f"the token's `{name}` is no readable text of at most {LONGEST_TEXT} characters")
    return value


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """`scope` is one text with spaces (RFC 8693, section 4.2); some providers write `scp`, also as a list, instead."""
    found = claims.get("scope", claims.get("scp", ""))
    names = found.split(" ") if isinstance(found, str) else found
    if not isinstance(names, list) or len(names) > MOST_SCOPES or not all(isinstance(name, str) for name in names):
        _refuse("token.claims", f"the token's `scope` is no text of at most {MOST_SCOPES} names with spaces between")
    return frozenset(name for name in names if name)


def _refuse(code: str, message: str) -> NoReturn:
    raise InvalidError(Problem(code, message))
