"""The keys of issuers: how long they are believed, and what happens while they cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from token_issuer import AUDIENCE, ISSUER, NOW, claims, key_set, token

from adapters.identity.keys import (
    FRESH_SECONDS,
    HELD_SECONDS,
    LEAST_SECONDS_AFTER_FAILURE,
    LEAST_SECONDS_BETWEEN,
    CachedKeys,
)
from adapters.identity.tokens import Expectations, IssuersTokens
from engine.problems import InvalidError, Problem, UnavailableError

OTHER = "https://other.example.test"


class Provider:
    """An issuer whose keys change and which may be away; `asked` counts, `clock` gives the time of all."""

    def __init__(self) -> None:
        self.now = 0.0
        self.names: tuple[str, ...] = ("p256",)
        self.away = False
        self.asked = 0
        self.cache = CachedKeys((ISSUER, OTHER), self.fetch, lambda: self.now)

    def fetch(self, issuer: str) -> Mapping[str, Any]:
        self.asked += 1
        if self.away:
            raise UnavailableError(Problem("token.keys_unavailable", "away"))
        return key_set(*self.names) if issuer == ISSUER else key_set("rsa")

    def held(self) -> list[str]:
        return [key["kid"] for key in self.cache.keys(ISSUER)["keys"]]


@pytest.fixture
def provider() -> Provider:
    return Provider()


def test_keys_are_fetched_once_while_they_are_fresh(provider: Provider) -> None:
    """However often they are asked for, fresh keys are not fetched again."""
    for provider.now in range(FRESH_SECONDS):
        provider.held()
    assert 1 == provider.asked
    provider.now = FRESH_SECONDS
    provider.held()
    assert 2 == provider.asked


def test_an_issuer_that_is_away(provider: Provider) -> None:
    """Keys are believed for an hour while the issuer is away, then no longer: nothing is let in on old keys."""
    provider.held()
    provider.away, provider.now = True, HELD_SECONDS - 1
    assert ["p256"] == provider.held()
    provider.now = HELD_SECONDS
    with pytest.raises(UnavailableError) as caught:
        provider.held()
    assert "token.keys_unavailable" == caught.value.code
    provider.away, provider.now = False, HELD_SECONDS + LEAST_SECONDS_AFTER_FAILURE
    assert ["p256"] == provider.held()


def test_an_issuer_that_never_answered(provider: Provider, caplog: pytest.LogCaptureFixture) -> None:
    """Without any keys nothing is let in; the issuer is not asked more often than every ten seconds, and it is told."""
    provider.away = True
    for provider.now in range(LEAST_SECONDS_AFTER_FAILURE):
        with pytest.raises(UnavailableError):
            provider.held()
    assert 1 == provider.asked
    assert [f"the keys of {ISSUER} cannot be had: away"] == caplog.messages


def test_changed_keys_are_found_but_not_at_everybodys_bidding(provider: Provider) -> None:
    """A key that is not held makes for one fetch a minute, however many tokens name keys that do not exist."""
    provider.held()
    provider.names = ("p256-2",)
    for provider.now in range(LEAST_SECONDS_BETWEEN):
        assert ["p256"] == [key["kid"] for key in provider.cache.refreshed(ISSUER)["keys"]]
    assert 1 == provider.asked
    provider.now = LEAST_SECONDS_BETWEEN
    assert ["p256-2"] == [key["kid"] for key in provider.cache.refreshed(ISSUER)["keys"]]
    assert 2 == provider.asked


def test_issuers_are_kept_apart(provider: Provider) -> None:
    """Each issuer has its own keys, and one that was not named at the start has none and is never asked."""
    assert ["rsa"] == [key["kid"] for key in provider.cache.keys(OTHER)["keys"]]
    with pytest.raises(UnavailableError):
        provider.cache.keys("https://evil.example")
    assert 1 == provider.asked


def test_many_requests_make_one_fetch(provider: Provider) -> None:
    """Requests that come together while there are no keys wait for one fetch."""
    barrier, found = threading.Barrier(8), []

    def ask() -> None:
        barrier.wait()
        found.append(provider.held())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [["p256"]] * 8 == found
    assert 1 == provider.asked


def test_nobody_waits_longer_than_they_may(provider: Provider) -> None:
    """Whoever has no time left gives up while another one's fetch is under way, and asks nobody."""
    inside, leave = threading.Event(), threading.Event()

    def slow(_issuer: str) -> Mapping[str, Any]:
        inside.set()
        leave.wait()
        return key_set("p256")

    cache = CachedKeys((ISSUER,), slow, lambda: 0.0, patience=lambda: 0.01)
    thread = threading.Thread(target=cache.keys, args=(ISSUER,))
    thread.start()
    inside.wait()
    with pytest.raises(UnavailableError) as caught:
        cache.keys(ISSUER)
    assert "token.keys_unavailable" == caught.value.code
    leave.set()
    thread.join()
    assert ["p256"] == [key["kid"] for key in cache.keys(ISSUER)["keys"]]


def test_nobody_waits_where_there_are_keys(provider: Provider) -> None:
    """While one request fetches keys that are no longer fresh, others go on with those that are held."""
    provider.held()
    provider.now = FRESH_SECONDS
    inside, leave = threading.Event(), threading.Event()
    fetch = provider.fetch

    def slow(issuer: str) -> Mapping[str, Any]:
        inside.set()
        leave.wait()
        return fetch(issuer)

    provider.cache._fetch = slow
    thread = threading.Thread(target=provider.held)
    thread.start()
    inside.wait()
    assert ["p256"] == provider.held()
    leave.set()
    thread.join()
    assert 2 == provider.asked


def test_a_token_of_a_key_that_is_new(provider: Provider) -> None:
    """An issuer may change its keys: a token of the new one holds as soon as keys may be fetched, the old one's not."""
    tokens = IssuersTokens(Expectations((ISSUER, OTHER), AUDIENCE), provider.cache)
    old, new = token(), token(signed_with="p256-2")
    assert "app-1" == tokens.verify(old, NOW).subject
    provider.names = ("p256-2",)
    with pytest.raises(InvalidError) as caught:
        tokens.verify(new, NOW)
    assert "token.unknown_key" == caught.value.code
    provider.now = LEAST_SECONDS_BETWEEN
    assert "app-1" == tokens.verify(new, NOW).subject
    with pytest.raises(InvalidError) as caught:
        tokens.verify(old, NOW)
    assert "token.unknown_key" == caught.value.code


def test_a_trusted_issuer_speaks_for_itself_only(provider: Provider) -> None:
    """A token that names another trusted issuer than the one whose key has signed it is refused."""
    tokens = IssuersTokens(Expectations((ISSUER, OTHER), AUDIENCE), provider.cache)
    with pytest.raises(InvalidError) as caught:
        tokens.verify(token(claims(iss=OTHER)), NOW)
    assert "token.unknown_key" == caught.value.code
    assert OTHER == tokens.verify(token(claims(iss=OTHER), algorithm="RS256"), NOW).issuer


def test_strangers_make_nobody_fetch(provider: Provider) -> None:
    """What is malformed, of another issuer or unsigned is refused without asking anybody for keys."""
    tokens = IssuersTokens(Expectations((ISSUER,), AUDIENCE), provider.cache)
    for text in ("x", token(claims(iss="https://evil.example")), token(claims(iss=OTHER)), token().rpartition(".")[0]):
        with pytest.raises(InvalidError):
            tokens.verify(text, NOW)
    assert 0 == provider.asked
