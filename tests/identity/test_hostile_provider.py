"""Signing in against a provider that does everything wrong: no session comes of it, and every attempt is in the log."""

from __future__ import annotations

import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import pytest
import scripted_provider as scripted
from scripted_provider import CLIENT_ID, CLIENT_SECRET, DESCRIPTION, KEYS, PERSON, TOKEN, Provider
from sign_in_world import Browser, add, application, browser, built, change, entries, of_person, person, strangers
from token_issuer import NOW, encoded, key, key_set, public, raw_token, seconds, token
from werkzeug.test import TestResponse

from adapters.identity.http import Allowance, Asking, Boundary
from adapters.identity.keys import LEAST_SECONDS_AFTER_FAILURE, LEAST_SECONDS_BETWEEN
from adapters.identity.openid import METADATA_SECONDS, Client, OpenIdProvider
from adapters.wiring import Settings, Texts, Wiring
from engine.ports import IdentityProvider
from engine.problems import Problem, UnavailableError
from engine.records import Record

PATIENT = Boundary(seconds_per_try=30, seconds_in_all=120, pause=0.001)
"""Where nothing is slow on purpose: a busy machine must not look like a provider that is away."""
QUICK = Boundary(seconds_per_try=1, seconds_in_all=120, pause=0.001)
CALLBACK = "http://127.0.0.1:8400/sign-in/callback"
SIGNED_IN = ("person-sales_rep", "accepted", "provider")


class Clock:
    """Seconds for how long descriptions and keys are believed."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Iterator[Provider]:
    with scripted.running() as one:
        yield one


@pytest.fixture
def clock() -> Clock:
    return Clock()


def client_of(provider: Provider, clock: Clock, boundary: Boundary = PATIENT, **more: Any) -> OpenIdProvider:
    """Bylaw's half of the sign-in at this provider."""
    client = Client(CLIENT_ID, CLIENT_SECRET, **more)
    return OpenIdProvider(provider.address, client, CALLBACK, boundary=boundary, clock=clock)


@pytest.fixture
def wiring(tmp_path: Path, texts: Texts, provider: Provider, clock: Clock) -> Iterator[Wiring]:
    settings = Settings(home=tmp_path, database_url="memory:", secret_key="k" * 64, public_url="http://127.0.0.1:8400")
    with built(settings, texts, client_of(provider, clock)) as made:
        yield made


@pytest.fixture
def visiting(wiring: Wiring) -> Browser:
    return browser(wiring)


def refused(response: TestResponse, visitor: Browser, wiring: Wiring, code: str, status: int = 403) -> None:
    """No session, the page with the problem's code, nothing of the provider's words, and one entry in the log."""
    text = response.get_data(as_text=True)
    assert (status, True) == (response.status_code, f"<code>{code}</code>" in text), text[-3000:]
    assert "<script>alert" not in text
    assert visitor.who is None
    assert not [cookie for cookie in response.headers.getlist("Set-Cookie") if cookie.startswith("bylaw_session=")]
    assert ("stranger", "failed" if status == 503 else "denied", code) == strangers(wiring)[-1]


def test_a_sign_in(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A provider that does everything right signs the person in whose address it vouches for, who goes on to `next`."""
    answer = provider.allow(visiting.begin(next="/leads?band=A"))
    response = visiting.come_back(answer)
    assert (303, "/leads?band=A") == (response.status_code, response.headers["Location"])
    assert "person-sales_rep" == visiting.who
    assert [SIGNED_IN] == entries(wiring)
    assert [("person-sales_rep", "accepted", None)] == entries(wiring, "identity.link")
    assert [DESCRIPTION, TOKEN, KEYS] == provider.asked


def test_what_the_provider_is_asked(provider: Provider, visiting: Browser) -> None:
    """The provider gets a code flow with S256, an exact redirect address, and a state and nonce of 256 bits each."""
    asked = [scripted.Asked(provider.codes[provider.allow(visiting.begin())["code"]].parameters) for _ in range(2)]
    assert {
        "response_type": "code", "client_id": CLIENT_ID, "redirect_uri": CALLBACK, "scope": "openid email profile",
        "code_challenge_method": "S256",
    } == {
        name: value for name, value in asked[0].parameters.items() if name not in {"state", "nonce", "code_challenge"}
    }  # fmt: skip
    for name in ("state", "nonce", "code_challenge"):
        assert [43, 43] == [len(one[name]) for one in asked]
        assert asked[0][name] != asked[1][name]


# -- what comes back through the browser


def test_an_answer_counts_once(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """The same answer a second time is refused before anybody is asked about its code."""
    answer = provider.allow(visiting.begin())
    assert 303 == visiting.come_back(answer).status_code
    thief = browser(wiring)
    thief.client.set_cookie("bylaw_sign_in", visiting.client.get_cookie("bylaw_sign_in").value)
    tokens = provider.asked.count(TOKEN)
    refused(thief.come_back(answer), thief, wiring, "identity.state")
    assert tokens == provider.asked.count(TOKEN)


def test_an_answer_counts_in_its_own_browser(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """An answer that another browser began is refused, and is spent: nobody can be signed in as somebody else."""
    answer = provider.allow(visiting.begin())
    victim = browser(wiring)
    provider.allow(victim.begin())
    refused(victim.come_back(answer), victim, wiring, "identity.state")
    refused(visiting.come_back(answer), visiting, wiring, "identity.state")


@pytest.mark.parametrize("state", ["", "unknown", "x" * 200, "\u202e", "sign-in", "\x00"])
def test_states_that_were_never_given_out(provider: Provider, visiting: Browser, wiring: Wiring, state: str) -> None:
    """Whatever is no state of a sign-in that was begun is refused, and nobody is asked."""
    answer = provider.allow(visiting.begin())
    refused(visiting.come_back({**answer, "state": state}), visiting, wiring, "identity.state")
    assert TOKEN not in provider.asked


@pytest.mark.parametrize("name", ["code", "state", "iss", "other"])
def test_nothing_stands_twice_in_an_answer(provider: Provider, visiting: Browser, wiring: Wiring, name: str) -> None:
    """An answer in which a parameter stands twice, which two readers could read differently, is refused."""
    answer = {"other": "1", **provider.allow(visiting.begin())}
    address = "&".join(f"{one}={value}" for one, value in (*answer.items(), (name, answer[name])))
    refused(visiting.client.get(f"/sign-in/callback?{address}"), visiting, wiring, "identity.state")


def test_a_sign_in_is_pending_for_ten_minutes(
    provider: Provider, visiting: Browser, wiring: Wiring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes longer at the provider begins again."""
    answer, later = provider.allow(visiting.begin()), wiring.sessions._clock() + 600
    monkeypatch.setattr(wiring.sessions, "_clock", lambda: later)
    refused(visiting.come_back(answer), visiting, wiring, "identity.state")


@pytest.mark.parametrize("error", ["access_denied", "server_error", "<script>alert(1)</script>", ""])
def test_a_provider_that_says_no(provider: Provider, visiting: Browser, wiring: Wiring, error: str) -> None:
    """An error of the provider ends the sign-in; only words of the standard are repeated."""
    answer = provider.allow(visiting.begin())
    response = visiting.come_back({"error": error, "state": answer["state"], "iss": answer["iss"],
                                   "error_description": "<script>alert(2)</script> call 555"})  # fmt: skip
    refused(response, visiting, wiring, "identity.provider_refused")
    text = response.get_data(as_text=True)
    assert (error == "access_denied") == ("<code>access_denied</code>" in text)
    assert "555" not in text


@pytest.mark.parametrize("code", ["", "x" * 3_000, "\u00e9", "a\nb", "unknown"])
def test_codes_that_are_none(provider: Provider, visiting: Browser, wiring: Wiring, code: str) -> None:
    """A code that cannot be one, or that the provider does not know, ends the sign-in."""
    answer = provider.allow(visiting.begin())
    refused(visiting.come_back({**answer, "code": code}), visiting, wiring, "identity.code_refused")


def test_a_code_of_another_sign_in(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A code that was stolen from another sign-in does not fit this one's verifier."""
    stolen = provider.allow(browser(wiring).begin())
    answer = provider.allow(visiting.begin())
    refused(visiting.come_back({**answer, "code": stolen["code"]}), visiting, wiring, "identity.code_refused")


# -- two providers


@pytest.mark.parametrize("named", ["https://evil.example", "", None])
def test_another_provider_answers(provider: Provider, visiting: Browser, wiring: Wiring, named: str | None) -> None:
    """An answer that names another provider, or none where this one would name itself, is refused, its code unused."""
    answer = {**provider.allow(visiting.begin()), "iss": named}
    sent = {name: value for name, value in answer.items() if value is not None}
    refused(visiting.come_back(sent), visiting, wiring, "identity.mix_up")
    assert TOKEN not in provider.asked


def test_two_providers_are_not_mixed_up(provider: Provider, wiring: Wiring, clock: Clock, texts: Texts) -> None:
    """What was begun at one provider is not finished at another, whichever of them says that it answers."""
    with scripted.running() as other:
        at_first = browser(wiring)
        at_other = Browser(application(replace(wiring, identity_provider=client_of(other, clock))).test_client())
        answer = provider.allow(at_first.begin())
        mine = at_first.client.get_cookie("bylaw_sign_in")
        assert mine is not None
        at_other.client.set_cookie("bylaw_sign_in", mine.value)
        refused(at_other.come_back({**answer, "iss": other.address}), at_other, wiring, "identity.mix_up")
        assert TOKEN not in other.asked


def test_a_token_of_another_provider(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A token that another provider has signed for the very same client is refused, by its signer and by its name."""
    answer = provider.allow(visiting.begin())
    provider.sign = lambda claims: token(claims, typ="JWT", signed_with="p256-other", kid="p256")
    refused(visiting.come_back(answer), visiting, wiring, "identity.token_refused")


# -- the ID token

WRONG_CLAIMS: dict[str, dict[str, Any]] = {
    "issuer": {"iss": "https://evil.example"},
    "issuer-with-slash": {"iss": "http://127.0.0.1/"},
    "no-issuer": {"iss": None},
    "issuer-list": {"iss": ["https://evil.example"]},
    "audience": {"aud": "another-client"},
    "audiences-without-us": {"aud": ["a", "b"]},
    "audiences-without-azp": {"aud": [CLIENT_ID, "another-client"]},
    "audience-kind": {"aud": {CLIENT_ID: 1}},
    "audience-item-kind": {"aud": [CLIENT_ID, 5], "azp": CLIENT_ID},
    "no-audience": {"aud": None},
    "party": {"azp": "another-client"},
    "expired": {"exp": seconds(NOW) - 61},
    "no-expiry": {"exp": None},
    "expiry-kind": {"exp": "4102444800"},
    "expiry-truth": {"exp": True},
    "old": {"iat": seconds(NOW) - 661, "exp": seconds(NOW) + 300},
    "from-the-future": {"iat": seconds(NOW) + 61},
    "no-time": {"iat": None},
    "not-yet": {"nbf": seconds(NOW) + 61},
    "nonce": {"nonce": "x" * 43},
    "no-nonce": {"nonce": None},
    "empty-nonce": {"nonce": ""},
    "nonce-kind": {"nonce": ["x"]},
    "no-subject": {"sub": None},
    "empty-subject": {"sub": ""},
    "subject-kind": {"sub": 7},
    "long-subject": {"sub": "s" * 256},
    "subject-characters": {"sub": "acc\u00f6unt"},
    "subject-control": {"sub": "a\nb"},
    "hash": {"at_hash": scripted.half_hash("another token")},
    "hash-kind": {"at_hash": 5},
    "hash-wrong-and-no-email": {"at_hash": scripted.half_hash("another token"), "email": None},
    "methods": {"amr": "pwd"},
}


@pytest.mark.parametrize("name", WRONG_CLAIMS)
def test_claims_that_are_refused(provider: Provider, visiting: Browser, wiring: Wiring, name: str) -> None:
    """A token with a right signature that says something else, or lacks what it must say, signs nobody in."""
    provider.claims, provider.person = WRONG_CLAIMS[name], {"sub": "account-1"}
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.token_refused")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "b"], "azp": CLIENT_ID}, {"azp": CLIENT_ID},
        {"exp": seconds(NOW) - 59}, {"iat": seconds(NOW) + 59}, {"iat": seconds(NOW) - 659},
        {"at_hash": None}, {"iat": float(seconds(NOW)) + 0.5}, {"sub": "s" * 255},
    ],
)  # fmt: skip
def test_claims_that_are_accepted(provider: Provider, visiting: Browser, changes: dict[str, Any]) -> None:
    """What the standard leaves to a provider, and a minute between the clocks, is accepted."""
    provider.claims = changes
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    assert "person-sales_rep" == visiting.who


def with_secret(secret: bytes, claims: dict[str, Any]) -> str:
    """A token signed by HS256."""
    head = encoded(json.dumps({"alg": "HS256", "kid": "p256"}).encode())
    signed = f"{head}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.digest(secret, signed.encode(), sha256))}"


WRONG_TOKENS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "unsigned": scripted.unsigned,
    "unsigned-oddly-spelt": lambda claims: raw_token(
        b'{"alg":"nOnE"}', json.dumps(claims).encode(), "ES256", "p256"
    ).rpartition(".")[0] + ".",
    "public-key-as-secret": lambda claims: with_secret(key("p256").as_pem(private=False), claims),
    "client-secret": lambda claims: with_secret(CLIENT_SECRET.encode(), claims),
    "another-key": lambda claims: token(claims, typ="JWT", signed_with="p256-other", kid="p256"),
    "unknown-key": lambda claims: token(claims, typ="JWT", signed_with="p256-other"),
    "its-own-key": lambda claims: token(claims, typ="JWT", signed_with="p256-other", kid="p256",
                                        jwk=public("p256-other")),
    "key-address": lambda claims: token(claims, typ="JWT", jku="https://evil.example/keys"),
    "critical": lambda claims: token(claims, typ="JWT", crit=["exp"]),
    "access-token": lambda claims: token(claims, typ="at+jwt"),
    "logout-token": lambda claims: token(claims, typ="logout+jwt"),
    "algorithm-not-offered": lambda claims: token(claims, "ES384", typ="JWT"),
    "signature-cut": lambda claims: token(claims, typ="JWT")[:-4],
    "no-token": lambda claims: None,
    "empty": lambda claims: "",
    "list": lambda claims: [token(claims, typ="JWT")],
    "number": lambda claims: 5,
    "two-parts": lambda claims: ".".join(token(claims, typ="JWT").split(".")[:2]),
    "padded": lambda claims: token(claims, typ="JWT") + "=",
    "claims-twice": lambda claims: raw_token(
        b'{"alg":"ES256","kid":"p256"}', json.dumps(claims).encode()[:-1] + b',"sub":"account-2"}', "ES256", "p256"
    ),
    "claims-list": lambda claims: raw_token(b'{"alg":"ES256","kid":"p256"}', b"[]", "ES256", "p256"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_TOKENS)
def test_tokens_that_are_refused(provider: Provider, visiting: Browser, wiring: Wiring, name: str) -> None:
    """A token that the provider has not signed as it says, with a key of its own, signs nobody in."""
    provider.sign = WRONG_TOKENS[name]
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.token_refused")


def test_a_token_of_an_earlier_sign_in(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A token that was caught in an earlier sign-in of the same person is refused in this one: its nonce is another."""
    caught: list[str] = []

    def keep(claims: dict[str, Any]) -> str:
        caught.append(token(claims, typ="JWT"))
        return caught[-1]

    provider.sign = keep
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    provider.sign = lambda _claims: caught[0]
    provider.answer = {"access_token": "whatever"}
    again = browser(wiring)
    refused(again.come_back(provider.allow(again.begin())), again, wiring, "identity.token_refused")


@pytest.mark.parametrize(
    "answer",
    [
        {"access_token": None},
        {"access_token": 5},
        {"token_type": None},
        {"token_type": "mac"},
        {"token_type": ["Bearer"]},
    ],
)
def test_token_answers_that_are_none(
    provider: Provider, visiting: Browser, wiring: Wiring, answer: dict[str, Any]
) -> None:
    """An answer without a bearer token is no answer of a token endpoint."""
    provider.answer = answer
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.code_refused")


# -- who somebody is here


def test_role_and_place_come_from_the_directory(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """Whatever roles, groups and organisations a token claims, the person is who the directory says."""
    provider.claims = {"role": "platform_admin", "roles": ["platform_admin"], "organisation_id": "org-b",
                       "groups": ["admins"], "name": "Somebody Else"}  # fmt: skip
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    me = visiting.client.get("/api/v1/me").json
    assert me is not None
    assert ("sales_rep", "org-a", "person-sales_rep") == (me["role"], me["organisation_id"], me["name"])


def test_once_linked_the_address_no_longer_matters(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A linked account signs its person in whatever address it has later, even somebody else's."""
    visiting.come_back(provider.allow(visiting.begin()))
    provider.claims = {"email": "platform_admin@example.test"}
    again = browser(wiring)
    assert 303 == again.come_back(provider.allow(again.begin())).status_code
    assert "person-sales_rep" == again.who
    assert 1 == len(entries(wiring, "identity.link"))


def test_an_address_that_was_handed_on(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """Another account that has got a linked person's address does not get in as that person."""
    visiting.come_back(provider.allow(visiting.begin()))
    provider.claims = {"sub": "account-2"}
    again = browser(wiring)
    refused(again.come_back(provider.allow(again.begin())), again, wiring, "identity.linked_elsewhere")


@pytest.mark.parametrize("verified", [None, False, "true", "false", 1, 0, [True]])
def test_addresses_that_nobody_vouches_for(
    provider: Provider, visiting: Browser, wiring: Wiring, verified: Any
) -> None:
    """Only the truth value itself makes an address a verified one."""
    provider.claims = {"email_verified": verified}
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.email_unverified")
    assert of_person(wiring, "person-sales_rep")["identity_subject"] is None


@pytest.mark.parametrize(
    "email", ["", "a", "x" * 250 + "@a.de", ["sales_rep@example.test"], "sales_rep@example.test\u200b", 5]
)
def test_addresses_that_are_none(provider: Provider, visiting: Browser, wiring: Wiring, email: Any) -> None:
    """What is no address finds nobody."""
    provider.claims = {"email": email}
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.email_unverified")


@pytest.mark.parametrize(("email", "found"), [
    ("Sales_Rep@EXAMPLE.test", True), ("sale\u017f_rep@example.test", False), ("sales_rep@example.test ", False),
    ("sales_rep@example.tes", False), ("nobody@example.test", False), ("\uff53ales_rep@example.test", False),
])  # fmt: skip
def test_letter_case_is_ignored_for_ascii_alone(
    provider: Provider, visiting: Browser, wiring: Wiring, email: str, *, found: bool
) -> None:
    """An address finds its person in any letter case, but never by letters that only look or fold alike."""
    provider.claims = {"email": email}
    response = visiting.come_back(provider.allow(visiting.begin()))
    if found:
        assert "person-sales_rep" == visiting.who
    else:
        refused(response, visiting, wiring, "identity.unknown_person")


def test_an_address_that_several_people_have(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """Where an address belongs to several people nobody is chosen among them; one who has left does not count."""
    add(wiring, person("person-twin", email="SALES_REP@example.test"))
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.email_ambiguous")
    change(wiring, "person-twin", active=False)
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    assert "person-sales_rep" == visiting.who


@pytest.mark.parametrize("linked", [True, False])
def test_somebody_who_has_left(provider: Provider, visiting: Browser, wiring: Wiring, *, linked: bool) -> None:
    """Who may not sign in any more is unknown, whether the account was linked before or not."""
    fields = {"identity_issuer": provider.address, "identity_subject": "account-1"} if linked else {}
    change(wiring, "person-sales_rep", active=False, **fields)
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.unknown_person")


def test_an_account_of_two_people_is_nobodys(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """An account that people of two organisations are linked to signs in as neither of them."""
    account = {"identity_issuer": provider.address, "identity_subject": "account-1"}
    change(wiring, "person-sales_rep", **account)
    add(wiring, Record("organisation", "rival", "rival", {"name": "Rival", "currency": "USD"}))
    add(wiring, replace(person("person-sales_rep", "platform_admin", **account), organisation_id="rival"))
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.linked_twice")


def test_the_same_subject_of_another_provider(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A subject belongs to its issuer: the same text at another one is another account."""
    change(wiring, "person-platform_admin", identity_issuer="https://other.example", identity_subject="account-1")
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    assert "person-sales_rep" == visiting.who


def test_the_address_is_asked_for_where_the_token_lacks_it(provider: Provider, visiting: Browser) -> None:
    """A provider that keeps the address out of its tokens is asked for it with the access token."""
    provider.claims = {"email": None, "email_verified": None}
    provider.person = {"sub": "account-1", "email": "sales_rep@example.test", "email_verified": True}
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    assert "person-sales_rep" == visiting.who
    assert PERSON == provider.asked[-1]


def test_what_is_said_about_another_person(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """What the provider says about a person counts only for the subject of the token (Core 1.0, section 5.3.2)."""
    provider.claims = {"email": None}
    provider.person = {"sub": "account-2", "email": "sales_rep@example.test", "email_verified": True}
    refused(visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.token_refused")


# -- a provider that is away


def closed(response: TestResponse) -> bool:
    """Whether the page says that sign-in is closed, and offers nothing but to try again."""
    text = response.get_data(as_text=True)
    assert "Signing in is closed for the moment" in text
    return (503, True, False) == (response.status_code, "Retry-After" in response.headers, "Continue to" in text)


FAILURES: dict[str, scripted.Script] = {
    "status-500": scripted.status(500),
    "status-404": scripted.status(404),
    "status-429": scripted.status(429),
    "redirect-here": scripted.status(302, Location="/moved"),
    "redirect-elsewhere": scripted.status(307, Location="http://127.0.0.2:1/steal"),
    "huge": scripted.raw(b'{"x": "' + b"x" * 300_000 + b'"}'),
    "no-json": scripted.raw(b"<html>busy</html>"),
    "list": scripted.raw(b"[]"),
    "twice": scripted.raw(b'{"issuer": "a", "issuer": "b"}'),
    "deep": scripted.raw(b'{"a":' * 50 + b"1" + b"}" * 50),
    "bytes": scripted.raw(b'{"issuer": "\xff"}'),
    "cut": scripted.cut,
    "silent": scripted.silent,
    "trickling": scripted.trickling,
}
SLOW = ("silent", "trickling")


@pytest.mark.parametrize("name", FAILURES)
def test_three_failing_tries_close_the_sign_in(provider: Provider, wiring: Wiring, clock: Clock, name: str) -> None:
    """However the provider fails, it is asked three times and not once more; then the sign-in is closed, with 503."""
    boundary = QUICK if name in SLOW else PATIENT
    ours = replace(wiring, identity_provider=client_of(provider, clock, boundary))
    visitor = Browser(application(ours).test_client())
    provider.scripts[DESCRIPTION] = [FAILURES[name]] * 9
    response = visitor.client.get("/sign-in/provider")
    assert closed(response)
    refused(response, visitor, wiring, "identity.provider_unavailable", 503)
    assert [DESCRIPTION] * 3 == provider.asked


@pytest.mark.parametrize("path", [DESCRIPTION, TOKEN, KEYS])
def test_two_failing_tries_are_made_up_for(provider: Provider, visiting: Browser, path: str) -> None:
    """A provider that answers at the third try has answered."""
    provider.scripts[path] = [scripted.status(500), scripted.cut]
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code
    assert ("person-sales_rep", 3) == (visiting.who, provider.asked.count(path))


@pytest.mark.parametrize(("path", "expected"), [(TOKEN, [TOKEN] * 3), (KEYS, [TOKEN, *[KEYS] * 3])])
def test_three_failing_tries_after_coming_back(
    provider: Provider, visiting: Browser, wiring: Wiring, path: str, expected: list[str]
) -> None:
    """Whatever of the provider fails three times when a sign-in comes back, it is closed and there is no session."""
    answer = provider.allow(visiting.begin())
    provider.scripts[path], provider.asked = [scripted.status(503)] * 9, []
    refused(visiting.come_back(answer), visiting, wiring, "identity.provider_unavailable", 503)
    assert expected == provider.asked


def test_failing_tries_are_counted_in_all(provider: Provider, visiting: Browser, wiring: Wiring, clock: Clock) -> None:
    """One failing try each for description, code and keys are three: none of them has three of its own."""
    answer = provider.allow(visiting.begin())
    clock.now, provider.asked = METADATA_SECONDS, []
    for path in (DESCRIPTION, TOKEN, KEYS):
        provider.scripts[path] = [scripted.status(500)]
    refused(visiting.come_back(answer), visiting, wiring, "identity.provider_unavailable", 503)
    assert [DESCRIPTION, DESCRIPTION, TOKEN, TOKEN, KEYS] == provider.asked


def test_time_in_all_is_bounded_too(wiring: Wiring, provider: Provider, clock: Clock) -> None:
    """When the time for all tries is over no further one is made, though fewer than three have failed."""
    short = Boundary(tries=3, seconds_per_try=1, seconds_in_all=1.5, pause=0.001)
    visitor = Browser(application(replace(wiring, identity_provider=client_of(provider, clock, short))).test_client())
    provider.scripts[DESCRIPTION] = [scripted.silent] * 9
    refused(visitor.client.get("/sign-in/provider"), visitor, wiring, "identity.provider_unavailable", 503)
    assert [DESCRIPTION] * 2 == provider.asked


def test_a_name_that_is_not_found_in_time(
    wiring: Wiring, clock: Clock, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system's resolver hangs the sign-in does not: finding the machine is part of a try."""
    answered, asked = threading.Event(), []

    def hanging(*given: Any, **_named: Any) -> list[Any]:
        asked.append(given[0])
        answered.wait()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    short = Boundary(tries=3, seconds_per_try=0.05, seconds_in_all=30, pause=0.001)
    ours = client_of(provider, clock, short)
    visitor = Browser(application(replace(wiring, identity_provider=ours)).test_client())
    refused(visitor.client.get("/sign-in/provider"), visitor, wiring, "identity.provider_unavailable", 503)
    assert ["127.0.0.1"] * 3 == asked
    answered.set()


@pytest.mark.parametrize(
    "host",
    ["a..example.test", f"{'a' * 64}.example.test", f"{'ä' * 64}.example.test"],
    ids=["empty label", "long label", "long label beyond ASCII"],
)
def test_a_name_that_no_machine_can_have(host: str) -> None:
    """A host with an empty label or one that is too long is refused without waiting for any answer."""
    with pytest.raises(UnavailableError, match="1 tries: no connection, or one that broke") as raised:
        Allowance(Boundary(tries=1, seconds_per_try=30)).ask(Asking(f"https://{host}/keys"))
    assert "identity.provider_unavailable" == raised.value.code


class Entering:
    """A lock that says when six have come to it."""

    def __init__(self) -> None:
        self.lock, self.all_here, self._counting = threading.Lock(), threading.Event(), threading.Lock()
        self.came = 0

    def acquire(self, *, timeout: float) -> bool:
        with self._counting:
            self.came += 1
            if self.came == 6:
                self.all_here.set()
        return self.lock.acquire(timeout=timeout)

    def release(self) -> None:
        self.lock.release()


def test_sign_ins_at_once_share_one_failure(provider: Provider, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the provider is away, those who wait for what another learns fail with it: none asks after the other."""
    ours, entering, asked = client_of(provider, clock), Entering(), []

    def away(_self: object, asking: Asking) -> NoReturn:
        asked.append(asking.url)
        entering.all_here.wait()
        raise UnavailableError(Problem("identity.provider_unavailable", "away"))

    monkeypatch.setattr(Allowance, "ask", away)
    ours._lock = entering

    def begin(_number: int) -> str:
        with pytest.raises(UnavailableError) as caught:
            ours.begin()
        return caught.value.code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(begin, range(6)))
    assert (["identity.provider_unavailable"] * 6, 1) == (codes, len(asked))
    begin(6)
    assert 2 == len(asked)  # who comes afterwards asks anew


def test_nobody_listens(wiring: Wiring, clock: Clock) -> None:
    """A provider whose machine refuses connections is away."""
    with scripted.running() as gone:
        pass
    visitor = Browser(application(replace(wiring, identity_provider=client_of(gone, clock))).test_client())
    response = visitor.client.get("/sign-in/provider")
    assert closed(response)
    refused(response, visitor, wiring, "identity.provider_unavailable", 503)


def test_no_token_is_repeated_on_a_page_or_in_the_log(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """A refusal repeats neither code nor state, token or secret."""
    provider.claims = {"nonce": "n" * 43}
    answer = provider.allow(visiting.begin())
    page = visiting.come_back(answer).get_data(as_text=True)
    log = str(entries(wiring))
    for secret in (answer["code"], answer["state"], CLIENT_SECRET, "n" * 43):
        assert secret not in page
        assert secret not in log


# -- what a provider says about itself

UNFIT: dict[str, dict[str, Any]] = {
    "another-issuer": {"issuer": "https://evil.example"},
    "issuer-with-slash": {"issuer": "http://127.0.0.1/"},
    "no-issuer": {"issuer": None},
    "no-pkce": {"code_challenge_methods_supported": ["plain"]},
    "pkce-kind": {"code_challenge_methods_supported": "S256"},
    "no-algorithm": {"id_token_signing_alg_values_supported": ["HS256", "none"]},
    "algorithms-kind": {"id_token_signing_alg_values_supported": "RS256"},
    "no-algorithms": {"id_token_signing_alg_values_supported": None},
    "no-token-endpoint": {"token_endpoint": None},
    "plain-token-endpoint": {"token_endpoint": "http://evil.example/token"},
    "token-endpoint-kind": {"token_endpoint": 5},
    "script-endpoint": {"authorization_endpoint": "javascript:alert(1)"},
    "file-keys": {"jwks_uri": "file:///etc/passwd"},
    "keys-with-password": {"jwks_uri": "https://user:pass@id.example/keys"},
    "no-host": {"jwks_uri": "https:///keys"},
    "header-in-endpoint": {"authorization_endpoint": "https://id.example/a\r\nSet-Cookie: a=b"},
    "person-endpoint": {"userinfo_endpoint": "gopher://id.example"},
    "no-known-method": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
}


@pytest.mark.parametrize("name", UNFIT)
def test_providers_that_cannot_be_used(provider: Provider, visiting: Browser, wiring: Wiring, name: str) -> None:
    """A provider that names another issuer or what is not safe is not used, and not asked again in vain."""
    provider.description = UNFIT[name]
    response = visiting.client.get("/sign-in/provider")
    assert closed(response)
    refused(response, visiting, wiring, "identity.provider_unfit", 503)
    assert [DESCRIPTION] == provider.asked


def test_a_description_is_believed_for_an_hour(provider: Provider, visiting: Browser, clock: Clock) -> None:
    """The provider's description is fetched once an hour, however many sign in."""
    for clock.now in (0, 1, METADATA_SECONDS - 1, METADATA_SECONDS):
        visiting.begin()
    assert [DESCRIPTION] * 2 == provider.asked


def test_a_provider_that_changes_its_keys(provider: Provider, visiting: Browser, wiring: Wiring, clock: Clock) -> None:
    """A token signed with a new key is accepted after the keys are fetched once more, a gone key's no longer."""
    visiting.come_back(provider.allow(visiting.begin()))
    provider.keys, clock.now = key_set("p256-new"), LEAST_SECONDS_BETWEEN
    provider.sign = lambda claims: token(claims, typ="JWT", signed_with="p256-new")
    second = browser(wiring)
    assert 303 == second.come_back(provider.allow(second.begin())).status_code
    assert 2 == provider.asked.count(KEYS)
    provider.sign = lambda claims: token(claims, typ="JWT")
    third = browser(wiring)
    refused(third.come_back(provider.allow(third.begin())), third, wiring, "identity.token_refused")


def test_unknown_keys_do_not_make_us_ask_for_ever(provider: Provider, wiring: Wiring, clock: Clock) -> None:
    """However many tokens name keys that do not exist, the keys are fetched once a minute."""
    provider.sign = lambda claims: token(claims, typ="JWT", kid="made-up")
    for clock.now in range(10):
        visitor = browser(wiring)
        refused(visitor.come_back(provider.allow(visitor.begin())), visitor, wiring, "identity.token_refused")
    assert 1 == provider.asked.count(KEYS)


def test_keys_that_cannot_be_had(provider: Provider, visiting: Browser, wiring: Wiring, clock: Clock) -> None:
    """After failing for its keys the provider is left alone for ten seconds, and nobody is signed in meanwhile."""
    provider.scripts[KEYS] = [scripted.status(500)] * 3
    for clock.now in (0, LEAST_SECONDS_AFTER_FAILURE - 1):
        refused(
            visiting.come_back(provider.allow(visiting.begin())), visiting, wiring, "identity.provider_unavailable", 503
        )
    assert 3 == provider.asked.count(KEYS)
    clock.now = LEAST_SECONDS_AFTER_FAILURE
    assert 303 == visiting.come_back(provider.allow(visiting.begin())).status_code


# -- the page


def test_the_page_offers_the_provider(provider: Provider, visiting: Browser) -> None:
    """Where a provider is configured the page leads there, takes `next` along, and offers nobody by name."""
    text = visiting.client.get("/sign-in?next=/leads").get_data(as_text=True)
    assert f"Continue to {provider.address.removeprefix('http://')}" in text
    assert 'href="/sign-in/provider?next=/leads"' in text
    assert "Example sign-in" not in text
    assert 403 == visiting.client.post("/sign-in", data={"person_id": "person-sales_rep"}).status_code


def test_setting_out_is_not_for_other_sites(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """Another site cannot make a browser begin a sign-in."""
    response = visiting.client.get("/sign-in/provider", headers={"Sec-Fetch-Site": "cross-site"})
    refused(response, visiting, wiring, "identity.cross_site")
    assert [] == provider.asked


def test_without_a_provider(wiring: Wiring) -> None:
    """Where none is configured the addresses say so."""
    visitor = Browser(application(replace(wiring, identity_provider=None)).test_client())
    for path in ("/sign-in/provider", "/sign-out/provider"):
        response = visitor.client.get(path)
        assert (403, True) == (response.status_code, "identity.no_provider" in response.get_data(as_text=True))


def test_signing_out(provider: Provider, visiting: Browser, wiring: Wiring) -> None:
    """Signing out ends the session here and offers to sign out at the provider, which knows the way back."""
    visiting.come_back(provider.allow(visiting.begin()))
    token_of_session = visiting.client.get("/api/v1/me").json["csrf_token"]
    response = visiting.client.post("/sign-out", data={"csrf_token": token_of_session})
    assert (303, "/sign-in?left=provider") == (response.status_code, response.headers["Location"])
    assert visiting.who is None
    assert 'href="/sign-out/provider"' in visiting.client.get("/sign-in?left=provider").get_data(as_text=True)
    assert (
        f"{provider.address}/leave?client_id=bylaw&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8400%2Fsign-in"
        == visiting.client.get("/sign-out/provider").headers["Location"]
    )


def test_other_names_of_this_machine(tmp_path: Path, texts: Texts, provider: Provider, clock: Clock) -> None:
    """Who comes under another of the machine's names goes on under the one that the provider sends people back to."""
    settings = Settings(home=tmp_path, database_url="memory:", secret_key="k" * 64)
    with built(settings, texts, client_of(provider, clock)) as made:
        client = application(made).test_client()
        response = client.get("/sign-in/provider?next=/leads", headers={"Host": "localhost:8400"})
        assert "http://127.0.0.1:8400/sign-in/provider?next=/leads" == response.headers["Location"]
        there = client.get("/sign-in/provider?next=/leads", headers={"Host": "127.0.0.1:8400"})
        assert there.headers["Location"].startswith(f"{provider.address}/authorize?")


def test_the_cookie_of_a_sign_in(provider: Provider, visiting: Browser) -> None:
    """The cookie that binds a sign-in to its browser is kept from scripts and lasts ten minutes; both tabs share it."""
    first = visiting.client.get("/sign-in/provider").headers["Set-Cookie"]
    second = visiting.client.get("/sign-in/provider").headers["Set-Cookie"]
    for part in ("bylaw_sign_in=", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"):
        assert part in first
    assert first.split(";")[0] == second.split(";")[0]


def test_an_identity_provider_is_what_the_port_says(provider: Provider, clock: Clock) -> None:
    """The adapter is a whole `IdentityProvider`, and shows no secret when it is printed."""
    made: IdentityProvider = client_of(provider, clock)
    address, pending = made.begin()
    assert made.issuer == pending.issuer == provider.address
    assert pending.state in address
    assert [] == [one for one in (pending.verifier, CLIENT_SECRET) if one in address]
    assert [] == [one for one in (pending.verifier, pending.nonce) if one in repr(pending)]
    assert CLIENT_SECRET not in repr(Client(CLIENT_ID, CLIENT_SECRET))
