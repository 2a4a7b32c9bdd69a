"""Bearer tokens over HTTP: who they are, what they may do, and all that is refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from small_world import NOW, Api, Clock, as_person, code, settings, value

from adapters.identity.tokens import Expectations, IssuersTokens
from adapters.wiring import Texts, Wiring, build_in_memory
from engine.caller import Caller
from engine.predicate import Always
from engine.problems import Problem, UnavailableError
from engine.service.directory import actor_of, service_actor
from engine.service.identities import link_identity, unlink_identity
from webapp.app import create_app

ISSUER, AUDIENCE = "https://id.example.test", "bylaw"
KEY = ECKey.generate_key("P-256")


class Keys:
    """The issuer's key, unless the issuer is away."""

    away = False

    def keys(self, issuer: str) -> Mapping[str, Any]:
        assert ISSUER == issuer
        if self.away:
            raise UnavailableError(Problem("token.keys_unavailable", "the issuer's keys cannot be had now"))
        return {"keys": [KEY.as_dict(private=False)]}

    refreshed = keys


@pytest.fixture
def source() -> Keys:
    return Keys()


@pytest.fixture
def trusting(memory: Wiring, clock: Clock, source: Keys) -> Flask:
    """The application that trusts an issuer, whose subject `app-1` is the sales manager."""
    platform = Caller(service_actor("org-a"), NOW, "cli", "r-1")
    link_identity(memory.ports, platform, "person-sales_manager", ISSUER, "app-1")
    tokens = IssuersTokens(Expectations((ISSUER,), AUDIENCE), source)
    return create_app(replace(memory, tokens=tokens), clock=clock)


def token(scope: str | None = "read:lead", **changes: Any) -> str:
    """A token of `app-1` with this scope."""
    at = int(NOW.timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "app-1", "iat": at, "exp": at + 600, "scope": scope, **changes}
    told = {name: given for name, given in claims.items() if given is not None}
    parts = [json.dumps(part).encode() for part in ({"alg": "ES256", "typ": "at+jwt"}, told)]
    signed = ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)
    signature = JWSRegistry.algorithms["ES256"].sign(signed.encode(), KEY)
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def with_token(app: Flask, text: str) -> Api:
    """A client with a token."""
    return Api(app.test_client(), text)


def test_who_a_token_is(trusting: Flask) -> None:
    """A token's subject is the linked person, with the directory's role and place whatever the token says."""
    text = token("read:lead openid", role="platform_admin", organisation_id="org-b", region_id="region-9")
    found = value(with_token(trusting, text).get("/me"))
    manager = value(as_person(trusting, "person-sales_manager").get("/me"))
    assert {**manager, "signed_in_with": "token", "scopes": ["openid", "read:lead"]} == found


def test_what_a_token_may_do(trusting: Flask) -> None:
    """Within its scopes a token sees what its person sees; without the scope it is told which one it lacks."""
    seen = [value(api.get("/leads"))["items"] for api in (
        with_token(trusting, token("read:lead")), as_person(trusting, "person-sales_manager"),
    )]  # fmt: skip
    assert seen[0] == seen[1]
    assert seen[0]
    for scope in ("write:lead", "", None, "openid profile", "read:deal", "READ:lead", "read:leads"):
        refused = with_token(trusting, token(scope)).get("/leads")
        assert (403, "access.insufficient_scope") == code(refused)
        assert 'error="insufficient_scope", scope="read:lead"' in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "https://evil.example"}, "token.issuer"), ({"aud": "other"}, "token.audience"),
        ({"sub": "app-2"}, "identity.unknown_subject"), ({"sub": "person-sales_manager"}, "identity.unknown_subject"),
        ({"exp": int(NOW.timestamp()) - 30}, "token.expired"), ({"sub": None}, "token.claims"),
        ({"cnf": {"jkt": "x"}}, "token.claims"),
    ],
)  # fmt: skip
def test_tokens_that_are_refused(trusting: Flask, changes: dict[str, Any], expected: str) -> None:
    """A token of another issuer or audience, of nobody we know, or past its time is 401, with a code that says why."""
    refused = with_token(trusting, token(**changes)).get("/me")
    assert (401, expected) == code(refused)
    assert 'Bearer realm="bylaw", error="invalid_token"' == refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize("text", ["x", "a.b.c", "e30.e30.e30", "byl", "é.é.é", "." * 5_000])
def test_what_is_no_token(trusting: Flask, text: str) -> None:
    """Whatever is neither a key nor a token is refused before anybody is asked for anything."""
    headers = {"Authorization": f"Bearer {text}".encode().decode("latin-1")}
    assert 401 == trusting.test_client().get("/api/v1/me", headers=headers).status_code


def test_the_end_of_a_link(trusting: Flask, memory: Wiring) -> None:
    """A token is nobody's at once when its subject is unlinked or its person leaves."""
    api = with_token(trusting, token())
    assert 200 == api.get("/me").status_code
    person = memory.ports.store.get("person", "person-sales_manager", Always())
    with memory.ports.store.transaction() as transaction:
        gone = transaction.update(person.with_fields(active=False))
    assert (401, "identity.unknown_subject") == code(api.get("/me"))
    with memory.ports.store.transaction() as transaction:
        transaction.update(gone.with_fields(active=True))
    assert 200 == api.get("/me").status_code
    admin = Caller(actor_of(memory.ports, "person-platform_admin"), NOW, "cli", "r-1")
    unlink_identity(memory.ports, admin, "person-sales_manager")
    assert (401, "identity.unknown_subject") == code(api.get("/me"))


def test_a_token_ends_while_it_is_in_use(trusting: Flask, clock: Clock) -> None:
    """The same token holds until its end and thirty seconds, and not then."""
    api = with_token(trusting, token())
    clock.now = NOW + timedelta(seconds=629)
    assert 200 == api.get("/me").status_code
    clock.now = NOW + timedelta(seconds=630)
    assert (401, "token.expired") == code(api.get("/me"))


def test_an_issuer_that_is_away(trusting: Flask, source: Keys) -> None:
    """Without the issuer's keys nobody is let in and nobody is called wrong: 503, and keys of ours go on."""
    source.away = True
    refused = with_token(trusting, token()).get("/me")
    assert (503, "token.keys_unavailable") == code(refused)
    assert "Retry-After" in refused.headers
    assert 200 == as_person(trusting, "person-sales_manager").get("/me").status_code


def test_a_server_that_trusts_nobody(app_in_memory: Flask) -> None:
    """Where no issuer is configured, no token is looked at."""
    assert (401, "token.not_accepted") == code(with_token(app_in_memory, token()).get("/me"))


def test_refused_tokens_are_logged_once_a_minute(trusting: Flask, memory: Wiring) -> None:
    """However many tokens are refused, the log has one entry for a minute, without anything that the tokens said."""
    for _ in range(20):
        assert 401 == with_token(trusting, token(sub="x-secret")).get("/me").status_code
    entries = [one for one in memory.ports.store.scan("audit_entry", Always()) if one["action"] == "token.use"]
    assert [("denied", "identity.unknown_subject")] == [(one["outcome"], one["reason"]) for one in entries]
    assert "x-secret" not in str(entries)


def test_a_token_makes_no_wider_key(trusting: Flask) -> None:
    """With the scope for making keys a token makes some that may do no more than it, and none for the whole role."""
    api = with_token(trusting, token("read:lead write:api_key"))
    assert (422, "api_key.scopes") == code(api.post("/keys", {"name": "x"}))
    assert (422, "api_key.scopes") == code(api.post("/keys", {"name": "x", "scopes": ["read:deal"]}))
    assert 201 == api.post("/keys", {"name": "x", "scopes": ["read:lead"]}).status_code


def test_the_settings_make_a_verifier(tmp_path: Any, texts: Texts) -> None:
    """With issuers and an audience set, tokens are looked at, and only those of these issuers."""
    chosen = settings(tmp_path, token_issuers=(ISSUER,), token_audience=AUDIENCE)
    with build_in_memory(chosen, texts=texts) as built:
        app = create_app(built, clock=Clock())
        assert (401, "token.issuer") == code(with_token(app, token(iss="https://evil.example")).get("/me"))
