"""Bearer tokens: what they must say, and when they hold."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from token_issuer import AUDIENCE, EXPECTED, ISSUER, NOW, claims, key_set, seconds, token

from adapters.identity.tokens import LEEWAY, LONGEST_LIFE, Claims, NoTokens, verify_token
from engine.problems import BylawError, InvalidError

KEYS = key_set("rsa", "p256")


def verified(text: str, now: datetime = NOW) -> Claims:
    """The claims of a token of this issuer."""
    return verify_token(text, KEYS, EXPECTED, now)


def code(text: str, now: datetime = NOW) -> str:
    """The code that a token is refused with, empty if it holds."""
    try:
        verified(text, now)
    except InvalidError as error:
        return error.code
    return ""


def test_what_a_token_says() -> None:
    """Issuer, subject, application, scopes and end are read; nothing else of it is."""
    found = verified(token(claims(role="platform_admin", organisation_id="org-b", scope="read:lead  openid")))
    expected = Claims(ISSUER, "app-1", "app-1", frozenset({"read:lead", "openid"}), NOW + timedelta(minutes=10))
    assert expected == found


@pytest.mark.parametrize("kind", ["at+jwt", "application/at+jwt", "AT+JWT", "JWT", "jwt"])
def test_types_that_are_accepted(kind: str) -> None:
    """Access tokens by their own name, or as JWTs; letter case does not matter (RFC 7515, section 4.1.9)."""
    assert "" == code(token(typ=kind))


@pytest.mark.parametrize("kind", [None, "", "logout+jwt", "dpop+jwt", "JOSE", "secevent+jwt", 5, ["JWT"]])
def test_types_that_are_refused(kind: Any) -> None:
    """Whatever is signed by the issuer for another purpose, or does not say for which."""
    assert "token.type" == code(token(typ=kind))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": None}, "token.issuer"), ({"iss": "https://evil.example"}, "token.issuer"),
        ({"iss": 1}, "token.issuer"),
        ({"iss": f"{ISSUER}/"}, "token.issuer"), ({"iss": [ISSUER]}, "token.issuer"),
        ({"iss": ISSUER.upper()}, "token.issuer"),
        ({"aud": None}, "token.claims"), ({"aud": []}, "token.claims"), ({"aud": 1}, "token.claims"),
        ({"aud": [AUDIENCE, 1]}, "token.claims"), ({"aud": {"a": AUDIENCE}}, "token.claims"),
        ({"aud": [AUDIENCE] * 21}, "token.claims"),
        ({"aud": f"{AUDIENCE}/"}, "token.audience"), ({"aud": ["https://other.example.test"]}, "token.audience"),
        ({"aud": f"{AUDIENCE} https://x.test"}, "token.audience"), ({"aud": ""}, "token.audience"),
        ({"sub": None, "client_id": None}, "token.claims"), ({"sub": "", "client_id": ""}, "token.claims"),
        ({"sub": 5}, "token.claims"), ({"sub": "s" * 256}, "token.claims"), ({"sub": "a\u0000b"}, "token.claims"),
        ({"client_id": ["a"]}, "token.claims"), ({"sub": "a\u202eb"}, "token.claims"),
        ({"exp": None}, "token.claims"), ({"exp": "9999999999"}, "token.claims"), ({"exp": True}, "token.claims"),
        ({"exp": -1}, "token.claims"), ({"exp": 10**15}, "token.claims"), ({"exp": [1]}, "token.claims"),
        ({"iat": None}, "token.claims"), ({"iat": "now"}, "token.claims"), ({"nbf": "now"}, "token.claims"),
        ({"nbf": False}, "token.claims"),
        ({"scope": 5}, "token.claims"), ({"scope": [1]}, "token.claims"),
        ({"scope": " ".join("a" * 101)}, "token.claims"),
        ({"cnf": {"jkt": "x"}}, "token.claims"), ({"cnf": {}}, "token.claims"),
    ],
)  # fmt: skip
def test_claims_that_are_refused(changes: dict[str, Any], expected: str) -> None:
    """A claim that is missing, of another kind, or says something else is refused although the signature is right."""
    assert expected == code(token(claims(**changes)))


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b"null", b'"x"', b"{", b'{"iss":"a","iss":"b"}', b"\xff", b'{"exp":1e999999}']
)
def test_claims_that_cannot_be_read(payload: bytes) -> None:
    """What is signed must be one JSON object, in which nothing stands twice."""
    assert "token.malformed" == code(token(payload))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scope": "read:lead write:deal"}, {"read:lead", "write:deal"}), ({"scope": ""}, set()),
        ({"scope": None}, set()),
        ({"scope": None, "scp": ["read:lead"]}, {"read:lead"}),
        ({"scope": None, "scp": "read:lead a"}, {"read:lead", "a"}),
        ({"scope": "read:lead", "scp": "*:*"}, {"read:lead"}),
    ],
)  # fmt: skip
def test_scopes(changes: dict[str, Any], expected: set[str]) -> None:
    """Scopes are the names in `scope`, else those in `scp`; without either there are none, which allows nothing."""
    assert expected == verified(token(claims(**changes))).scopes


def test_who_it_is_about() -> None:
    """The subject is `sub`; where an issuer leaves it out, the application itself."""
    assert "ann" == verified(token(claims(sub="ann"))).subject
    assert "app-1" == verified(token(claims(sub=None))).subject


def test_the_second_at_which_a_token_ends() -> None:
    """A token holds until `exp` and the leeway have passed, and not at that instant any more."""
    text, end = token(), NOW + timedelta(minutes=10)
    assert "" == code(text, end)
    assert "" == code(text, end + LEEWAY - timedelta(microseconds=1))
    assert "token.expired" == code(text, end + LEEWAY)
    assert "token.expired" == code(text, end + timedelta(days=900))


@pytest.mark.parametrize("name", ["nbf", "iat"])
def test_the_second_at_which_a_token_begins(name: str) -> None:
    """A token holds from its beginning less the leeway on."""
    text = token(claims(**{name: seconds(NOW)}))
    assert "" == code(text, NOW - LEEWAY)
    assert "token.expired" == code(text, NOW - LEEWAY - timedelta(microseconds=1))


def test_tokens_that_last_too_long() -> None:
    """A token cannot be taken back, so one that was made to last longer than a day is refused."""
    begin = seconds(NOW)
    longest = int(LONGEST_LIFE.total_seconds())
    assert "" == code(token(claims(iat=begin, exp=begin + longest)))
    assert "token.claims" == code(token(claims(iat=begin, exp=begin + longest + 1)))


def test_fractions_of_seconds() -> None:
    """Times with a fraction are read; it never makes a token live longer."""
    end = NOW + timedelta(minutes=1)
    assert end == verified(token(claims(exp=seconds(end) + 0.75))).expires_at


def test_a_token_may_be_sent_again() -> None:
    """A bearer token holds for every request until it ends: `jti` is not counted, with or without it."""
    text = token(claims(jti="once"))
    assert verified(text) == verified(text)


def test_the_signature_comes_before_the_claims() -> None:
    """A token that is not the issuer's own learns nothing about what it says."""
    forged = token(claims(exp=0, aud="x"), signed_with="p256-2", kid="p256")
    assert "token.signature" == code(forged)


def test_tokens_of_another_issuers_keys() -> None:
    """A token that says it is from one trusted issuer and is signed by another one's key is refused."""
    assert "token.unknown_key" == code(token(signed_with="p256-2"))


_NAMES = ("iss", "aud", "sub", "exp", "iat", "nbf", "scope", "client_id", "cnf", "x")
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=8),
    st.lists(st.text(max_size=4), max_size=3), st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(_NAMES), _VALUES))
def test_whatever_is_signed_is_answered(changes: dict[str, Any]) -> None:
    """Whatever an issuer signs is either refused with a code or holds with the issuer, audience and times asked for."""
    text = token(claims(**changes))
    try:
        found = verified(text)
    except BylawError as error:
        assert error.code.startswith("token.")
    else:
        assert found.issuer in EXPECTED.issuers
        assert NOW - LEEWAY < found.expires_at
        assert found.subject


def test_a_server_without_issuers() -> None:
    """Where no issuer is trusted, no token is looked at."""
    with pytest.raises(InvalidError) as caught:
        NoTokens().verify(token(), NOW)
    assert "token.not_accepted" == caught.value.code
