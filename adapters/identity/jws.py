"""Signed texts in compact form (JWS, RFC 7515), read once and strictly.

The text is taken apart here and nowhere else, so that no two readers can disagree about it; joserfc only builds the key
and computes the signature. The algorithm is one of an explicit list, must be the key's own (RFC 8725, sections 3.1 and
3.2), and the key comes from the issuer, never from the text.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as BadBase64Error
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.jws import JWSRegistry

from engine import exact_json
from engine.problems import InvalidError, Problem

LONGEST_TEXT = 16_384
"""Characters; what an HTTP header may hold is less."""
LONGEST_HEADER = 2_048
DEEPEST = 16
LONGEST_KEY_ID = 256
MOST_KEYS = 100
RSA_BITS = (2_048, 8_192)
"""Smaller moduli are weak (RFC 7518, section 3.3), larger ones only cost time."""
LONGEST_EXPONENT = 8
"""Bytes of an RSA key's public exponent."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")

_NOT_UNDERSTOOD = ("crit", "b64", "zip")
"""Extensions: `crit` names what must be understood (RFC 7515, section 4.1.11), and nothing of the kind is."""

_KEYS_OF_THE_TEXT = ("jwk", "jku", "x5c", "x5u")
"""Header members that bring or point to a key: whoever signs with their own key would be believed."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """What a key must be for an algorithm: its type, its curve, for a shared secret its least length in bytes."""

    key_type: str
    curve: str = ""
    least_bytes: int = 0


ALGORITHMS: Mapping[str, Algorithm] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), Algorithm("RSA")),
    "ES256": Algorithm("EC", "P-256"),
    "ES384": Algorithm("EC", "P-384"),
    "ES512": Algorithm("EC", "P-521"),
    "EdDSA": Algorithm("OKP", "Ed25519"),
    "Ed25519": Algorithm("OKP", "Ed25519"),
    "HS256": Algorithm("oct", least_bytes=32),
    "HS384": Algorithm("oct", least_bytes=48),
    "HS512": Algorithm("oct", least_bytes=64),
}
"""Everything that can be checked (RFC 7518, section 3.1; RFC 8037; RFC 9864). `none` is not among it."""

ASYMMETRIC = frozenset(name for name, algorithm in ALGORITHMS.items() if algorithm.key_type != "oct")
"""What is enabled: with a shared secret, whoever checks could also sign."""

_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x"), "oct": ("k",)}


@dataclass(frozen=True, slots=True)
class Compact:
    """A text taken apart; nothing about it is proved before `check_signature` returns."""

    header: Mapping[str, Any]
    payload: bytes
    signed: bytes
    signature: bytes

    @property
    def algorithm(self) -> str:
        """One of those that `read` was given."""
        return str(self.header["alg"])

    @property
    def key_id(self) -> str | None:
        """Which of the issuer's keys has signed, if the text says so."""
        return self.header.get("kid")


def read(text: str, algorithms: Collection[str] = ASYMMETRIC) -> Compact:
    """Take a text apart.

    Raises `InvalidError`: `token.malformed` for a text of another form, or with a header member that is refused;
    `token.algorithm` for an algorithm that is not among `algorithms`.
    """
    if len(text) > LONGEST_TEXT:
        _malformed(f"the token has {len(text):,} characters; at most {LONGEST_TEXT:,} are read")
    parts = text.split(".")
    if len(parts) != 3:
        _malformed("the token is not three parts between dots")
    encoded_header, encoded_payload, encoded_signature = parts
    header = _header(_decoded(encoded_header, "header"), algorithms)
    return Compact(
        header,
        _decoded(encoded_payload, "payload"),
        f"{encoded_header}.{encoded_payload}".encode(),
        _decoded(encoded_signature, "signature"),
    )


def usable_keys(compact: Compact, keys: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The keys of a JWK set (RFC 7517) that may have signed this.

    With a key id only those that bear it; without one, any that the algorithm fits. A key that says what it is for is
    held to it: `use` is `sig`, `key_ops` holds `verify`, `alg` is the text's.
    """
    found = keys.get("keys")
    if not isinstance(found, Sequence) or isinstance(found, str):
        return ()
    usable = []
    for key in found[:MOST_KEYS]:
        if not isinstance(key, Mapping) or (compact.key_id is not None and key.get("kid") != compact.key_id):
            continue
        if _fits(key, compact.algorithm):
            usable.append(key)
    return tuple(usable)


def check_signature(compact: Compact, keys: Mapping[str, Any]) -> None:
    """Return if one key of a JWK set has signed this.

    Raises `InvalidError`: `token.unknown_key` if no key of the set may have, `token.signature` if none of those has.
    """
    usable = usable_keys(compact, keys)
    if not usable:
        raise InvalidError(Problem("token.unknown_key", "none of the issuer's keys may have signed the token"))
    if compact.key_id is None and len(usable) > 1:
        raise InvalidError(
            Problem("token.unknown_key", "the token names no key, and several of the issuer's may have signed it")
        )
    if not any(_has_signed(key, compact) for key in usable):
        raise InvalidError(Problem("token.signature", "the token's signature is not right"))


def _header(data: bytes, algorithms: Collection[str]) -> Mapping[str, Any]:
    try:
        header = exact_json.parse(data, source="header", max_bytes=LONGEST_HEADER, max_depth=DEEPEST)
    except InvalidError as error:
        _malformed(f"the token's header is refused: {error.problems[0].message}")
    if not isinstance(header, dict):
        _malformed("the token's header is no JSON object")
    for name in _NOT_UNDERSTOOD:
        if name in header:
            _malformed(f"the token's header has `{name}`, an extension that is not understood")
    for name in _KEYS_OF_THE_TEXT:
        if name in header:
            _malformed(f"the token's header has `{name}`: a token does not choose the key that it is checked with")
    key_id = header.get("kid", "")
    if not isinstance(key_id, str) or len(key_id) > LONGEST_KEY_ID:
        _malformed(f"the token's `kid` is no text of at most {LONGEST_KEY_ID} characters")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms or algorithm not in ALGORITHMS:
        raise InvalidError(
            Problem(
                "token.algorithm",
                "the token's algorithm is not one that is accepted",
                help=f"accepted are {', '.join(sorted(algorithms))}",
            )
        )
    return header


def _decoded(text: str, part: str) -> bytes:
    """The bytes of base64url without padding, of which there is exactly one spelling (RFC 7515, section 2)."""
    message = f"the token's {part} is not base64url without padding"
    if not _BASE64URL.fullmatch(text):
        _malformed(message)
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except BadBase64Error:
        _malformed(message)
    if urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        _malformed(message)  # spare bits that are not zero would be a second spelling of the same bytes
    return data


def _fits(key: Mapping[str, Any], algorithm: str) -> bool:
    needed = ALGORITHMS[algorithm]
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == needed.key_type
        and (not needed.curve or key.get("crv") == needed.curve)
        and key.get("use", "sig") == "sig"
        and isinstance(operations, Sequence)
        and not isinstance(operations, str)
        and "verify" in operations
        and key.get("alg", algorithm) == algorithm
    )


def _has_signed(key: Mapping[str, Any], compact: Compact) -> bool:
    """Whether this key has made the signature; false too for a key that is damaged or too weak for its algorithm."""
    needed = ALGORITHMS[compact.algorithm]
    public: dict[str, Any] = {"kty": needed.key_type}
    for member in _PUBLIC_MEMBERS[needed.key_type]:
        value = key.get(member)
        if not isinstance(value, str) or len(value) > LONGEST_TEXT:
            return False
        public[member] = value
    try:
        if not _strong_enough(public, needed):
            return False
        built = jwk.import_key(public, needed.key_type)  # type: ignore[call-overload]
        model = JWSRegistry.algorithms[compact.algorithm]
        model.check_key(built)
        return bool(model.verify(compact.signed, compact.signature, built))
    except (JoseError, ValueError, InvalidError):
        return False


def _strong_enough(public: Mapping[str, str], needed: Algorithm) -> bool:
    if needed.key_type == "RSA":
        modulus = int.from_bytes(_decoded(public["n"], "key"))
        return RSA_BITS[0] <= modulus.bit_length() <= RSA_BITS[1] and len(_decoded(public["e"], "key")) <= (
            LONGEST_EXPONENT
        )
    if needed.key_type == "oct":
        return len(_decoded(public["k"], "key")) >= needed.least_bytes
    return True


def _malformed(message: str) -> NoReturn:
    raise InvalidError(Problem("token.malformed", message))
