"""Signed texts: the public vectors, and everything that pretends to be signed."""

from __future__ import annotations

import hmac
import json
import re
from pathlib import Path
from typing import Any

import pytest
import token_issuer as issuer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity import jws
from engine.problems import InvalidError

KEYS = issuer.key_set("rsa", "p256", "p384", "p521", "ed")


def code(text: str, keys: Any = KEYS, algorithms: Any = jws.ASYMMETRIC) -> str:
    """The code that a text is refused with, empty if it is accepted."""
    try:
        jws.check_signature(jws.read(text, algorithms), keys)
    except InvalidError as error:
        return error.code
    return ""


def vectors(shared: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Every vector of Wycheproof's JWS file with its key."""
    document = json.loads((shared / "data" / "hostile" / "jose" / "json_web_signature_test.json").read_text("utf-8"))
    found = [
        (vector, group.get("public") or group["private"])
        for group in document["testGroups"]
        for vector in group["tests"]
    ]
    assert document["numberOfTests"] == len(found)
    return found


def test_every_invalid_vector_is_refused_as_the_server_is_set(shared: Path, record_property: Any) -> None:
    """With the algorithms that are enabled, no text that the public vectors call invalid is accepted."""
    invalid = [(vector, key) for vector, key in vectors(shared) if vector["result"] == "invalid"]
    refused = [vector["tcId"] for vector, key in invalid if code(vector["jws"], {"keys": [key]})]
    record_property("refused", f"{len(refused)} of {len(invalid)}")
    assert 355 == len(invalid)
    assert [vector["tcId"] for vector, _ in invalid] == refused


REFUSED_THOUGH_VALID = {
    346: ("token.unknown_key", "the key is for `PS256` (`alg`), the text is signed with `PS384`"),
    347: ("token.unknown_key", "the key is for `ES521`, which is no algorithm; the text is signed with `ES512`"),
    350: ("token.unknown_key", "the key is for `PS256` (`alg`), the text is signed with `PS384`"),
    351: ("token.unknown_key", "the key is for `ES521`, which is no algorithm; the text is signed with `ES512`"),
    372: ("token.malformed", "a `?` stands in the header, behind what is otherwise vector 357"),
    373: ("token.malformed", "a `?` stands in the payload, behind what is otherwise vector 357"),
}
"""Vectors that the file calls valid and that are refused with every algorithm enabled: the code, and what is wrong."""


def test_every_valid_vector_is_accepted_but_these(shared: Path) -> None:
    """With every algorithm enabled the valid vectors are accepted, but for six that the standards do not allow."""
    valid = [(vector, key) for vector, key in vectors(shared) if vector["result"] == "valid"]
    found = {vector["tcId"]: code(vector["jws"], {"keys": [key]}, jws.ALGORITHMS) for vector, key in valid}
    refused = {tc_id: problem for tc_id, problem in found.items() if problem}
    assert {tc_id: problem for tc_id, (problem, _) in REFUSED_THOUGH_VALID.items()} == refused
    assert (46, 40) == (len(found), len(found) - len(refused))


def test_every_valid_vector_of_an_enabled_algorithm_is_accepted(shared: Path) -> None:
    """As the server is set, the valid vectors of public keys are accepted but for the four whose key says otherwise."""
    by_kind: dict[bool, dict[int, str]] = {True: {}, False: {}}
    for vector, key in vectors(shared):
        if vector["result"] == "valid":
            by_kind[key["kty"] == "oct"][vector["tcId"]] = code(vector["jws"], {"keys": [key]})
    with_public_key, with_shared_secret = by_kind[False], by_kind[True]
    assert {tc_id for tc_id in REFUSED_THOUGH_VALID if tc_id < 372} == {
        tc_id for tc_id, problem in with_public_key.items() if problem
    }
    assert (36, 32) == (len(with_public_key), list(with_public_key.values()).count(""))
    assert (10, {"token.algorithm", "token.malformed"}) == (len(with_shared_secret), set(with_shared_secret.values()))


def test_why_six_valid_vectors_are_refused(shared: Path) -> None:
    """What is named is all that is wrong: the same text under a key that says it right, or without the `?`, holds.

    A key is used with the algorithm of its `alg` alone (RFC 7517, section 4.4; RFC 8725, section 3.1), and base64url
    has no `?` (RFC 7515, section 2): no reader may pass over a character that does not belong there.
    """
    known = {vector["tcId"]: (vector["jws"], key) for vector, key in vectors(shared)}
    for tc_id, said, signed in ((346, "PS256", "PS384"), (347, "ES521", "ES512"),
                                (350, "PS256", "PS384"), (351, "ES521", "ES512")):  # fmt: skip
        text, key = known[tc_id]
        assert (said, signed) == (key["alg"], jws.read(text).algorithm)
        assert "" == code(text, {"keys": [{**key, "alg": signed}]})
        assert "" == code(text, {"keys": [{name: value for name, value in key.items() if name != "alg"}]})
    plain, secret = known[357]
    for tc_id in (372, 373):
        text, key = known[tc_id]
        assert (secret, plain, 1) == (key, text.replace("?", ""), text.count("?"))
    assert "" == code(plain, {"keys": [secret]}, jws.ALGORITHMS)


def test_the_handbook_explains_each_of_the_six() -> None:
    """docs/security.md has a row for each valid vector that is refused, with its code and what is wrong with it."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "security.md").read_text("utf-8")
    rows = re.findall(r"^ *\| ([0-9]{3}) \| `(token\.[a-z_]+)` \| (.+) \|$", text, re.MULTILINE)
    assert [(str(tc_id), *why) for tc_id, why in REFUSED_THOUGH_VALID.items()] == rows


def test_two_invalid_vectors_are_valid_ones(shared: Path) -> None:
    """With shared secrets enabled all is refused but two vectors that have lost their padding: what they mean is."""
    by_text: dict[str, set[str]] = {}
    accepted = []
    for vector, key in vectors(shared):
        by_text.setdefault(vector["jws"] + json.dumps(key), set()).add(vector["result"])
        if vector["result"] == "invalid" and not code(vector["jws"], {"keys": [key]}, jws.ALGORITHMS):
            accepted.append((vector, key))
    assert [367, 370] == [vector["tcId"] for vector, _ in accepted]
    for vector, key in accepted:
        # The very same text and key stand in the file as a valid vector too, so nobody can refuse one and not both.
        assert {"valid", "invalid"} == by_text[vector["jws"] + json.dumps(key)]
        header, payload, signature = vector["jws"].split(".")
        for padded in (
            f"{header}.{payload}.{signature}=", f"{header}.{payload}==.{signature}", f"{header}=.{payload}.{signature}",
        ):  # fmt: skip
            assert "token.malformed" == code(padded, {"keys": [key]}, jws.ALGORITHMS)


@pytest.mark.parametrize("algorithm", sorted(jws.ASYMMETRIC))
def test_each_enabled_algorithm(algorithm: str) -> None:
    """A text signed with the right kind of key is accepted, whichever of the enabled algorithms it is."""
    assert "" == code(issuer.token(algorithm=algorithm))


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_shared_secrets_only_where_they_are_enabled(algorithm: str) -> None:
    """What a shared secret signs is accepted by nobody who has not enabled just that."""
    text, keys = issuer.token(algorithm=algorithm), issuer.key_set("secret")
    assert "token.algorithm" == code(text, keys)
    assert "" == code(text, keys, [algorithm])


def test_a_public_key_is_no_shared_secret() -> None:
    """A text that is signed with the letters of a public key as its secret is refused, however it is configured."""
    letters = issuer.key("rsa").as_pem(private=False)
    signed = ".".join(map(issuer.encoded, (b'{"alg":"HS256","kid":"rsa","typ":"JWT"}', b"{}")))
    forged = f"{signed}.{issuer.encoded(hmac.digest(letters, signed.encode(), 'sha256'))}"
    assert "token.algorithm" == code(forged)
    assert "token.unknown_key" == code(forged, KEYS, jws.ALGORITHMS)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "HS256", "RS1", "ES256K", "rs256", None, 5, ["ES256"]]
)
def test_other_algorithms(algorithm: Any) -> None:
    """No algorithm, one that is not on the list, or what is no text: refused before a key is looked for."""
    head = json.dumps({"alg": algorithm, "kid": "p256", "typ": "JWT"}).encode()
    assert "token.algorithm" == code(issuer.raw_token(head, b"{}", "ES256", "p256"))
    assert "token.algorithm" == code(f"{issuer.encoded(head)}.{issuer.encoded(b'{}')}.")


@pytest.mark.parametrize(
    "member",
    [
        {"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"b64": True}, {"zip": "DEF"},
        {"jwk": issuer.public("rsa-2")}, {"jku": "https://evil.example"}, {"x5u": "https://evil.example"},
        {"x5c": ["MIIB"]}, {"kid": 7}, {"kid": "k" * 257}, {"kid": None, "pad": "x" * 3_000},
    ],
)  # fmt: skip
def test_headers_that_are_refused(member: dict[str, Any]) -> None:
    """Extensions, keys that a text brings along, and what is too long: refused although the signature is right."""
    assert "token.malformed" == code(issuer.token(**member))


@pytest.mark.parametrize(
    "head",
    [
        b'{"alg":"ES256","kid":"p256","alg":"ES256"}', b'{"alg":"none","alg":"ES256","kid":"p256"}', b"[]", b'"ES256"',
        b"", b"{", b'\xef\xbb\xbf{"alg":"ES256"}', b'{"alg":"ES256","x":"\xff"}', b'{"alg":"ES256","n":NaN}',
        b'{"alg":"ES256","x":' + b"[" * 40 + b"]" * 40 + b"}",
    ],
)  # fmt: skip
def test_headers_that_cannot_be_read(head: bytes) -> None:
    """A member named twice, no object, no UTF-8, too deep: refused although the signature over it is right."""
    assert "token.malformed" == code(issuer.raw_token(head, b"{}", "ES256", "p256"))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "...", "a.b", "a.b.c.d", "e30.e30.", " ", "é.e30.e30", "e30.e30.e30\n"]
)
def test_what_is_no_signed_text(text: str) -> None:
    """Whatever is not three parts of base64url."""
    assert code(text) in {"token.malformed", "token.algorithm"}


def test_what_is_too_long() -> None:
    """A text beyond the limit is not even taken apart."""
    assert "token.malformed" == code(issuer.token(b" " * jws.LONGEST_TEXT))


@given(st.data())
def test_any_changed_character_is_noticed(data: st.DataObject) -> None:
    """Whichever single character of a signed text becomes another, the text is refused."""
    text = issuer.token(algorithm=data.draw(st.sampled_from(["ES256", "PS256", "EdDSA"])))
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=0x2000).filter(lambda character: character != text[place]))
    assert code(text[:place] + other + text[place + 1 :])


def test_every_flipped_bit_is_noticed() -> None:
    """Whichever bit of the bytes of a signed text is flipped, the text is refused: none of them is spare."""
    text = issuer.token().encode()
    for place in range(len(text)):
        for bit in range(8):
            flipped = bytes([*text[:place], text[place] ^ 1 << bit, *text[place + 1 :]])
            assert code(flipped.decode("latin-1")), (place, bit)


def test_any_cut_is_noticed() -> None:
    """A text that lacks its end, its beginning, or has something behind it is refused."""
    text = issuer.token()
    assert all(code(text[:length]) for length in range(len(text)))
    assert all(code(text[start:]) for start in range(1, len(text)))
    assert all(code(text + more) for more in ("A", "=", ".", " ", "\x00", ".e30"))


@pytest.mark.parametrize(
    "members",
    [
        {"use": "enc"}, {"use": 1}, {"key_ops": ["encrypt"]}, {"key_ops": []}, {"key_ops": "verify"}, {"key_ops": None},
        {"alg": "ES384"}, {"alg": "ES521"}, {"kty": "RSA"}, {"kty": None}, {"crv": "P-384"}, {"kid": "other"},
        {"kid": None},
    ],
)  # fmt: skip
def test_keys_that_are_for_something_else(members: dict[str, Any]) -> None:
    """A key is held to its type, curve, name, use, operations and algorithm."""
    accepted = members == {"key_ops": None}  # a key that says nothing of operations is for all
    assert ("" if accepted else "token.unknown_key") == code(
        issuer.token(), {"keys": [issuer.public("p256", **members)]}
    )


@pytest.mark.parametrize("keys", [{}, {"keys": None}, {"keys": "p256"}, {"keys": []}, {"keys": [None, 3, [], "x"]}])
def test_key_sets_that_hold_no_key(keys: dict[str, Any]) -> None:
    """A set that is empty or is none has no key for anything."""
    assert "token.unknown_key" == code(issuer.token(), keys)


@pytest.mark.parametrize(
    "members",
    [{"x": "AAAA"}, {"x": None}, {"x": 5}, {"x": "not base64!"}, {"y": ""}, {"x": "A" * 20_000}],
)
def test_damaged_keys(members: dict[str, Any]) -> None:
    """A key that is damaged has signed nothing, and harms nobody."""
    assert "token.signature" == code(issuer.token(), {"keys": [issuer.public("p256", **members)]})


@pytest.mark.parametrize(("bits", "expected"), [(1_024, "token.signature"), (2_048, "")])
def test_weak_rsa_keys(bits: int, expected: str) -> None:
    """A modulus of fewer than 2,048 bits is not believed, even when its signature is right."""
    private = generate_private_key(65_537, bits)
    signed = ".".join(map(issuer.encoded, (b'{"alg":"RS256"}', b"{}")))
    signature = private.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    modulus = private.public_key().public_numbers().n.to_bytes(bits // 8, "big")
    key = {"kty": "RSA", "n": issuer.encoded(modulus), "e": issuer.encoded(b"\x01\x00\x01")}
    assert expected == code(f"{signed}.{issuer.encoded(signature)}", {"keys": [key]})


def test_short_secrets() -> None:
    """A shared secret that is shorter than the algorithm's digest is not believed (RFC 7518, section 3.2)."""
    short = {**issuer.public("secret"), "k": issuer.encoded(b"k" * 31)}
    assert "token.signature" == code(issuer.token(algorithm="HS256"), {"keys": [short]}, ["HS256"])


def test_keys_without_a_name() -> None:
    """A text that names no key is accepted where just one key fits its algorithm, and not where several do."""
    text = issuer.token(kid=None)
    assert "" == code(text)
    assert "token.unknown_key" == code(text, issuer.key_set("p256", "p256-2"))
    assert "" == code(text, issuer.key_set("rsa", "p256"))


def test_several_keys_of_one_name() -> None:
    """While an issuer changes keys two may bear one name: either may have signed."""
    keys = {"keys": [issuer.public("p256-2", kid="k"), issuer.public("p256", kid="k")]}
    assert "" == code(issuer.token(kid="k"), keys)
    assert "token.signature" == code(issuer.token(kid="k", signed_with="p256-3"), keys)
