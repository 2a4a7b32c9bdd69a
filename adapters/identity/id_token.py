"""What an ID token must say for a sign-in (OpenID Connect Core 1.0, section 3.1.3.7), after its signature is proved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NoReturn

from authlib.oidc.core import CodeIDToken
from joserfc.errors import JoseError

from adapters.identity import jws
from engine import exact_json
from engine.problems import DeniedError, InvalidError, Problem

REFUSED = "identity.token_refused"
LEEWAY = timedelta(seconds=60)
"""How far the provider's clock and ours may be apart."""
OLDEST = timedelta(minutes=10)
"""Since `iat`: the token was asked for a moment ago, so an older one is from somewhere else."""
LONGEST_SUBJECT = 255
"""Characters, all ASCII (section 2)."""
TYPES = ("JWT", None)
TIMES = ("exp", "iat", "nbf", "auth_time")


def check(
    token: jws.Compact, *, issuer: str, client_id: str, nonce: str, access_token: str, now: datetime
) -> Mapping[str, Any]:
    """The claims of an ID token whose signature has been checked.

    Authlib checks `iss`, `aud`, `azp`, `exp`, `nbf`, `iat`, `nonce` and, where it is there, `at_hash`; what it leaves
    to taste is decided here. Raises `DeniedError` (`identity.token_refused`).
    """
    kind = token.header.get("typ")
    if kind not in TYPES:
        refuse("its `typ` is not `JWT`")  # an access or a logout token is signed by the same keys
    claims = _claims(token)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not _plain(subject):
        refuse(f"its `sub` is no text of 1 to {LONGEST_SUBJECT} ASCII characters")
    expected = {"iss": {"essential": True, "value": issuer}, "aud": {"essential": True, "value": client_id}}
    # Authlib looks the hash for `at_hash` up by the algorithm's older name.
    header = {"alg": "EdDSA" if token.algorithm == "Ed25519" else token.algorithm}
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    seconds = int(now.timestamp())
    try:
        CodeIDToken(claims, header, expected, params).validate(seconds, int(LEEWAY.total_seconds()))
    except JoseError as error:
        claim = getattr(error, "claim", "")
        refuse(f"its `{claim}` is missing or not what it must be" if claim else "a claim is not what it must be")
    except (ValueError, TypeError, AttributeError):
        refuse("a claim is of another kind than it must be")
    if seconds - claims["iat"] > (OLDEST + LEEWAY).total_seconds():
        refuse("its `iat` is too long ago")
    return claims


def _claims(token: jws.Compact) -> dict[str, Any]:
    """The claims, with times as whole seconds."""
    try:
        claims = exact_json.parse(token.payload, source="claims", max_depth=jws.DEEPEST)
    except InvalidError:
        refuse("its claims are no JSON")
    if not isinstance(claims, dict):
        refuse("its claims are no JSON object")
    for name in TIMES:
        if name in claims:
            if not isinstance(claims[name], Decimal) or not 0 <= claims[name] <= 2**40:
                refuse(f"its `{name}` is no number of seconds since 1970")
            claims[name] = int(claims[name])
    return claims


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def refuse(why: str) -> NoReturn:
    """Raise the one error that an ID token is refused with."""
    raise DeniedError(
        Problem(
            REFUSED,
            f"the identity provider's token is refused: {why}",
            help="nobody was signed in; if it happens again, whoever looks after Bylaw should look at the provider",
        )
    )
