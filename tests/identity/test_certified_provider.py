"""Signing in at a certified OpenID Connect provider, a process of its own, from the protocol up to a browser."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import certified_provider as certified
import pytest
from certified_provider import CLIENT_ID, CLIENT_SECRET, Account
from playwright.sync_api import Browser, Page, expect, sync_playwright
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sign_in_world import entries, strangers, world
from werkzeug.serving import make_server

from adapters.identity.openid import Client, OpenIdProvider
from adapters.sessions import RedisSessions, SessionLimits
from adapters.wiring import Settings, Texts, Wiring, build
from engine.ports import PendingSignIn, VerifiedIdentity
from engine.problems import BylawError
from webapp.app import create_app

pytestmark = pytest.mark.xdist_group("certified-provider")

PRODUCT = "http://product.test"
CALLBACK = f"{PRODUCT}/sign-in/callback"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The provider, with claims in its ID tokens."""
    with certified.running(tmp_path_factory.mktemp("provider"), PRODUCT) as found:
        yield found


@pytest.fixture
def provider(issuer: str, real: Callable[[str], None]) -> OpenIdProvider:
    """Bylaw's half, which has asked nothing yet."""
    real("OpenID Connect provider")
    return OpenIdProvider(issuer, Client(CLIENT_ID, CLIENT_SECRET), CALLBACK)


def answer_for(provider: OpenIdProvider, login: str = "ada") -> tuple[PendingSignIn, dict[str, str]]:
    """What was begun, and what comes back once the account has signed in at the provider."""
    address, pending = provider.begin()
    return pending, Account(login).sign_in(address, PRODUCT)


def code_of(provider: OpenIdProvider, pending: PendingSignIn, answer: dict[str, str]) -> str:
    """The code that a sign-in is refused with."""
    with pytest.raises(BylawError) as caught:
        provider.finish(pending, answer, datetime.now(UTC))
    return caught.value.code


def test_the_provider_proves_who_somebody_is(provider: OpenIdProvider, issuer: str) -> None:
    """A sign-in at the provider gives its issuer, the account, and the address that it vouches for."""
    pending, answer = answer_for(provider)
    expected = VerifiedIdentity(issuer, "ada", "sales_rep@example.test")
    assert expected == provider.finish(pending, answer, datetime.now(UTC))
    assert VerifiedIdentity(issuer, "eve") == provider.finish(*answer_for(provider, "eve"), datetime.now(UTC))


def test_a_provider_that_keeps_claims_out_of_its_tokens(tmp_path: Path, real: Callable[[str], None]) -> None:
    """Where the ID token has no address the provider is asked for it, as it stands in its standard configuration."""
    real("OpenID Connect provider")
    with certified.running(tmp_path, PRODUCT, claims_at_userinfo=True) as issuer:
        provider = OpenIdProvider(issuer, Client(CLIENT_ID, CLIENT_SECRET), CALLBACK)
        found = provider.finish(*answer_for(provider), datetime.now(UTC))
        assert VerifiedIdentity(issuer, "ada", "sales_rep@example.test") == found


def test_a_code_is_good_once(provider: OpenIdProvider) -> None:
    """The provider takes a code once; the second time nobody is signed in."""
    pending, answer = answer_for(provider)
    provider.finish(pending, answer, datetime.now(UTC))
    assert "identity.code_refused" == code_of(provider, pending, answer)


def test_a_code_is_good_for_whoever_began(provider: OpenIdProvider) -> None:
    """With another verifier, nonce or secret than those of the beginning nobody is signed in."""
    pending, answer = answer_for(provider)
    assert "identity.code_refused" == code_of(provider, replace(pending, verifier="x" * 64), answer)
    pending, answer = answer_for(provider)
    assert "identity.token_refused" == code_of(provider, replace(pending, nonce="x" * 43), answer)
    pending, answer = answer_for(provider)
    assert "identity.mix_up" == code_of(provider, pending, {**answer, "iss": "https://evil.example"})
    stranger = OpenIdProvider(provider.issuer, Client(CLIENT_ID, "another secret"), CALLBACK)
    assert "identity.code_refused" == code_of(stranger, *answer_for(stranger))


@pytest.mark.parametrize("changed", [{"code_challenge": None, "code_challenge_method": None},
                                     {"code_challenge_method": "plain"}, {"code_challenge": None}])  # fmt: skip
def test_the_provider_takes_no_sign_in_without_pkce(provider: OpenIdProvider, changed: dict[str, str | None]) -> None:
    """What somebody has taken the challenge out of on the way is refused by the provider, and so here."""
    address, pending = provider.begin()
    parts = urlsplit(address)
    asked = {**dict(parse_qsl(parts.query)), **changed}
    query = urlencode({name: value for name, value in asked.items() if value is not None})
    answer = Account("ada").sign_in(parts._replace(query=query).geturl(), PRODUCT)
    assert ("invalid_request", "identity.provider_refused") == (answer["error"], code_of(provider, pending, answer))


@dataclass(frozen=True)
class Running:
    """The product and the provider as a browser meets them."""

    address: str
    wiring: Wiring
    issuer: str


@pytest.fixture
def product(tmp_path: Path, redis_url: str, texts: Texts, real: Callable[[str], None]) -> Iterator[Running]:
    """The product on SQLite and Valkey, under another site's name than the provider."""
    for component in ("OpenID Connect provider", "SQLite"):
        real(component)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://localhost:{port}"
    with certified.running(tmp_path / "provider", address) as issuer:
        settings = Settings.from_environment(
            {
                "BYLAW_HOME": str(tmp_path / "home"), "BYLAW_REDIS_URL": redis_url, "BYLAW_PORT": str(port),
                "BYLAW_PUBLIC_URL": address, "BYLAW_OIDC_ISSUER": issuer, "BYLAW_OIDC_CLIENT_ID": CLIENT_ID,
                "BYLAW_OIDC_CLIENT_SECRET": CLIENT_SECRET, "BYLAW_EXAMPLE": "false",
            }
        )  # fmt: skip
        with build(settings, texts=texts) as wiring:
            with wiring.ports.store.transaction() as transaction:
                for record in world():
                    transaction.insert(record)
            server = make_server("127.0.0.1", port, create_app(wiring), threaded=True)
            serving = threading.Thread(target=server.serve_forever, daemon=True)
            serving.start()
            yield Running(address, wiring, issuer)
            server.shutdown()
            serving.join(10)
            server.server_close()


@pytest.fixture
def chrome(chromium: str, real: Callable[[str], None]) -> Iterator[Browser]:
    """A real browser."""
    real("Chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


def sign_in_there(page: Page, login: str) -> None:
    """Fill in the provider's pages."""
    page.get_by_placeholder("Enter any login").fill(login)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def test_a_person_signs_in_and_out_in_a_browser(product: Running, chrome: Browser) -> None:
    """From a page that needs a sign-in to the provider, back to that page, to the sessions, out here and out there."""
    context = chrome.new_context(base_url=product.address)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if page.url.startswith(product.address) else None)
    page.goto("/leads?band=A")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    expect(page.get_by_text("Example sign-in")).to_have_count(0)
    page.get_by_role("link", name="Continue to").click()
    assert page.url.startswith(product.issuer)
    sign_in_there(page, "ada")
    expect(page).to_have_url(f"{product.address}/leads?band=A")
    expect(page.locator(".who")).to_contain_text("person-sales_rep")
    page.goto("/me/sessions")
    expect(page.get_by_text("By the identity provider")).to_be_visible()
    expect(page.get_by_text("Chrome on Linux")).to_be_visible()
    (kept,) = [one for one in context.cookies(product.address) if one["name"] == "bylaw_session"]
    assert (True, "Lax") == (kept["httpOnly"], kept["sameSite"])
    page.goto("/me")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out of Bylaw.")).to_be_visible()
    page.goto("/leads")
    expect(page).to_have_url(re.compile(r"/sign-in\?next="))
    page.goto("/sign-in?left=provider")
    page.get_by_role("link", name="sign out there too").click()
    page.get_by_role("button", name="Yes, sign me out").click()
    expect(page).to_have_url(f"{product.address}/sign-in")
    context.close()
    ada = "person-sales_rep"
    assert [(ada, "accepted", "provider")] == entries(product.wiring)
    assert [(ada, "accepted", None)] == entries(product.wiring, "session.end")
    assert [(ada, "accepted", None)] == entries(product.wiring, "identity.link")
    assert [] == said


@pytest.mark.parametrize(("login", "code"), [("bob", "identity.unknown_person"), ("eve", "identity.email_unverified")])
def test_somebody_without_a_place_here(product: Running, chrome: Browser, login: str, code: str) -> None:
    """Who is known at the provider and not here, or not surely, reads so, has no session, and is in the log."""
    context = chrome.new_context(base_url=product.address)
    page = context.new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="Continue to").click()
    sign_in_there(page, login)
    expect(page.get_by_role("alert")).to_contain_text(code)
    assert [] == [one for one in context.cookies(product.address) if one["name"] == "bylaw_session"]
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text("identity.state")
    context.close()
    assert [("stranger", "denied", code), ("stranger", "denied", "identity.state")] == strangers(product.wiring)


def test_signing_in_is_closed_while_the_session_store_is_away(product: Running) -> None:
    """Without Redis nobody signs in: the page says so with 503, before and after the provider."""
    headers = {"Host": urlsplit(product.address).netloc}
    location = create_app(product.wiring).test_client().get("/sign-in/provider", headers=headers).headers["Location"]
    answer = Account("ada").sign_in(location, product.address)
    away = RedisSessions(Redis(port=1, retry=Retry(NoBackoff(), 0)), SessionLimits())
    closed = create_app(replace(product.wiring, sessions=away)).test_client()
    for path in ("/sign-in", "/sign-in/provider", f"/sign-in/callback?{urlencode(answer)}"):
        response = closed.get(path, headers=headers)
        text = response.get_data(as_text=True)
        assert (503, True) == (response.status_code, "sessions.unavailable" in text), path
        assert "Signing in is closed for the moment" in text
        assert "bylaw_session" not in "".join(response.headers.getlist("Set-Cookie"))
