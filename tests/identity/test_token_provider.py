"""Access tokens of a certified provider: what a real issuer gives an application is accepted, and only for us."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from certified_provider import started
from token_issuer import encoded

from adapters.identity.discovery import fetch_keys
from adapters.identity.keys import CachedKeys
from adapters.identity.tokens import Expectations, IssuersTokens
from engine.problems import InvalidError

CLIENT, SECRET = "nightly-export", "a secret of the application"
OURS, THEIRS = "https://bylaw.example.test/api", "https://other.example.test/api"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The provider as a process."""
    wanted = {
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": "read:lead write:deal",
        "audiences": [OURS, THEIRS],
    }
    with started("tokens.js", tmp_path_factory.mktemp("tokens") / "configuration.json", wanted) as found:
        yield found


def token(issuer: str, audience: str = OURS, scope: str = "read:lead") -> str:
    """What the provider gives the application for its secret (RFC 6749, section 4.4)."""
    form = urlencode({"grant_type": "client_credentials", "resource": audience, "scope": scope}).encode()
    secret = b64encode(urlencode({CLIENT: SECRET}).replace("=", ":", 1).encode()).decode()
    request = Request(f"{issuer}/token", form, {"Authorization": f"Basic {secret}"})
    with urlopen(request, timeout=20) as response:
        return str(json.load(response)["access_token"])


def tokens(issuer: str) -> IssuersTokens:
    """The verifier as the settings make it."""
    return IssuersTokens(Expectations((issuer,), OURS), CachedKeys((issuer,), fetch_keys))


def test_a_real_issuers_token_holds(issuer: str, real: Callable[[str], None]) -> None:
    """A certified provider's access token is accepted with its scopes, from now until its end."""
    real("OpenID Connect provider")
    now, verifier = datetime.now(UTC), tokens(issuer)
    found = verifier.verify(token(issuer, scope="read:lead write:deal"), now)
    assert (issuer, CLIENT, CLIENT) == (found.issuer, found.subject, found.client_id)
    assert {"read:lead", "write:deal"} == found.scopes
    assert timedelta(minutes=9) < found.expires_at - now <= timedelta(minutes=10, seconds=1)
    with pytest.raises(InvalidError) as caught:
        verifier.verify(token(issuer), now + timedelta(minutes=11))
    assert "token.expired" == caught.value.code


def test_a_real_issuers_token_for_somebody_else(issuer: str) -> None:
    """A token that the same provider made for another audience is refused although its signature is right."""
    with pytest.raises(InvalidError) as caught:
        tokens(issuer).verify(token(issuer, THEIRS), datetime.now(UTC))
    assert "token.audience" == caught.value.code


def test_a_real_issuers_token_that_was_changed(issuer: str) -> None:
    """A real token whose scope is widened afterwards, or that is made unsigned, is refused."""
    header, payload, signature = token(issuer).split(".")
    claims = json.loads(urlsafe_b64decode(payload + "=="))
    wider = encoded(json.dumps({**claims, "scope": "*:*"}).encode())
    unsigned = encoded(b'{"alg":"none","typ":"at+jwt"}')
    for text, code in (
        (f"{header}.{wider}.{signature}", "token.signature"), (f"{unsigned}.{payload}.", "token.algorithm"),
    ):  # fmt: skip
        with pytest.raises(InvalidError) as caught:
            tokens(issuer).verify(text, datetime.now(UTC))
        assert code == caught.value.code
