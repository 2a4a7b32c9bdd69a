"""A token issuer for tests: a few keys of its own, and tokens signed with them by joserfc, the product's other half."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from adapters.identity.tokens import Expectations

NOW = datetime(2026, 10, 1, 9, 0, tzinfo=UTC)
ISSUER = "https://id.example.test"
AUDIENCE = "https://bylaw.example.test/api"
EXPECTED = Expectations((ISSUER, "https://other.example.test"), AUDIENCE)

KEY_TYPES = {
    "RS256": "rsa", "RS384": "rsa", "RS512": "rsa", "PS256": "rsa", "PS384": "rsa", "PS512": "rsa",
    "ES256": "p256", "ES384": "p384", "ES512": "p521", "EdDSA": "ed", "Ed25519": "ed",
    "HS256": "secret", "HS384": "secret", "HS512": "secret",
}  # fmt: skip
"""The key that each algorithm is signed with here."""


@cache
def key(name: str) -> Key:
    """A key of this issuer, made once: `rsa`, `p256`, `p384`, `p521`, `ed`, `secret`, or `rsa-2` for a second one."""
    kind = name.partition("-")[0]
    if kind == "rsa":
        return RSAKey.generate_key(2_048)
    if kind == "ed":
        return OKPKey.generate_key("Ed25519")
    if kind == "secret":
        return OctKey.generate_key(512)
    return ECKey.generate_key({"p256": "P-256", "p384": "P-384", "p521": "P-521"}[kind])


def public(name: str, **members: Any) -> dict[str, Any]:
    """The public JWK of a key, with its name as `kid`; a member given as None is left out."""
    found = {**key(name).as_dict(private=name == "secret"), "kid": name, **members}
    return {member: value for member, value in found.items() if value is not None}


def key_set(*names: str) -> dict[str, Any]:
    """The issuer's JWK set."""
    return {"keys": [public(name) for name in names]}


def claims(**changes: Any) -> dict[str, Any]:
    """Claims of a token that holds at `NOW`; a claim given as None is left out."""
    found: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "app-1",
        "client_id": "app-1",
        "iat": seconds(NOW - timedelta(minutes=1)),
        "exp": seconds(NOW + timedelta(minutes=10)),
        "scope": "read:lead write:lead",
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


def token(payload: dict[str, Any] | bytes | None = None, algorithm: str = "ES256", **header: Any) -> str:
    """A signed token; `header` changes its header, where None leaves a member out, and `signed_with` names the key."""
    key_name = header.pop("signed_with", KEY_TYPES[algorithm])
    body = payload if isinstance(payload, bytes) else json.dumps(claims() if payload is None else payload).encode()
    full = {"alg": algorithm, "typ": "at+jwt", "kid": key_name, **header}
    head = json.dumps({name: value for name, value in full.items() if value is not None}).encode()
    return raw_token(head, body, algorithm, key_name)


def raw_token(head: bytes, body: bytes, algorithm: str, key_name: str) -> str:
    """A token whose header and payload are these bytes, with a right signature over them."""
    signed = f"{encoded(head)}.{encoded(body)}"
    signature = JWSRegistry.algorithms[algorithm].sign(signed.encode(), key(key_name))
    return f"{signed}.{encoded(signature)}"


def encoded(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def seconds(at: datetime) -> int:
    """Seconds since 1970."""
    return int(at.timestamp())
