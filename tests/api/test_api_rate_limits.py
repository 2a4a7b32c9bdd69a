"""Rate limits at the application's door: who is counted for what, and what is answered beyond it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from limits.storage import MemoryStorage
from small_world import ORG, Api, Clock, as_person, code, key_record, token_of, value
from werkzeug.test import TestResponse

from adapters.rate_limits import CountedRateLimits
from adapters.wiring import Wiring
from engine.service.directory import person_key_of
from webapp import client_address, rate_limits
from webapp.app import create_app
from webapp.identity import PROVIDER

Limited = Callable[..., Flask]

EVALUATE = "/evaluate/lead-priority/inbound"
FACTS = {"facts": {"employees": 800}}


@pytest.fixture
def limited(memory: Wiring, clock: Clock) -> Limited:
    """The application with these amounts: `limited(("changes", 2), proxies=("10.0.0.0/8",))`."""

    def build(*amounts: tuple[str, int], proxies: tuple[str, ...] = ()) -> Flask:
        settings = replace(memory.settings, trusted_proxies=proxies)
        limits = CountedRateLimits(MemoryStorage(), amounts=amounts)
        return create_app(replace(memory, settings=settings, _rate_limits=lambda: limits), clock=clock)

    return build


def statuses(client: Api, path: str, times: int) -> list[int]:
    """The statuses of so many GETs."""
    return [client.get(path).status_code for _ in range(times)]


def test_what_is_answered_beyond_a_limit(limited: Limited) -> None:
    """429 with a problem, the seconds to wait, and the limit in the headers of the IETF draft."""
    client = as_person(limited(("reading", 2)), "person-sales_rep")
    assert [200, 200] == statuses(client, "/me", 2)
    answer = client.get("/me")
    assert (429, "request.too_many") == code(answer)
    wait = int(answer.headers["Retry-After"])
    assert 1 <= wait <= 60
    assert f'"reading";r=0;t={wait}' == answer.headers["RateLimit"]
    assert '"reading";q=2;w=60' == answer.headers["RateLimit-Policy"]
    told = value(answer)["problems"][0]
    assert "more than 2 requests in 60 seconds (limit `reading`, for each person)" == told["message"]
    assert f"the next one may be sent in {wait} seconds" == told["help"]


def test_people_are_counted_apart_and_by_what_they_do(limited: Limited) -> None:
    """A person's reading, changing, deciding and bulk deciding are counted apart, and nobody counts for another."""
    app = limited(("reading", 1), ("changes", 1), ("evaluation", 1), ("bulk", 1))
    rep, analyst = as_person(app, "person-sales_rep"), as_person(app, "person-revops_analyst")

    def each(client: Api) -> list[int]:
        bulk = {"items": [FACTS]}
        return [
            client.get("/leads").status_code,
            client.post("/leads", {}).status_code,
            client.post(EVALUATE, FACTS, key=None).status_code,
            client.post(f"{EVALUATE}/bulk", bulk, key=None).status_code,
        ]

    first = each(rep)
    assert 429 not in first
    assert [429] * 4 == each(rep)
    assert first == each(analyst)


def test_keys_are_counted_apart_and_together(limited: Limited, memory: Wiring) -> None:
    """Each key of a person has its own count of decisions; all keys of the person together have another."""
    app = limited(("evaluation", 2), ("all-evaluation", 3))
    second = token_of("another key")
    with memory.ports.store.transaction() as transaction:
        transaction.insert(key_record("another key", person_id="person-sales_rep"))
    mine, other = as_person(app, "person-sales_rep"), Api(app.test_client(), second)

    def decide(client: Api, **headers: str) -> int:
        return client.post(EVALUATE, FACTS, key=None, headers=headers).status_code

    assert [200, 200, 429] == [decide(mine) for _ in range(3)]
    assert 429 == decide(mine, Authorization=f"bearer   {token_of('person-sales_rep')} ")  # still the same key
    assert [200, 429] == [decide(other) for _ in range(2)]


def test_strangers_are_turned_away(limited: Limited) -> None:
    """An address without identity too often gets 429 before anything is looked up; who proves one is answered."""
    app = limited(("strangers", 3))
    stranger = as_person(app, None)
    assert [401, 401, 401] == statuses(stranger, "/me", 3)
    assert 401 == stranger.get("/me").status_code  # the one that is too many is known when it is answered
    assert [429, 429] == statuses(stranger, "/me", 2)
    assert 429 == stranger.get("/api/v1/openapi.json").status_code
    assert [200] * 5 == statuses(as_person(app, "person-sales_rep"), "/me", 5)
    assert [200] * 5 == statuses(stranger, "/health/live", 5)


def test_guessing_keys_is_turned_away(limited: Limited) -> None:
    """Refused keys are counted for the address, and then not even looked up; that is apart from those without any."""
    app = limited(("strangers", 3))
    guesses = [Api(app.test_client(), token_of(f"guess {number}")).get("/me").status_code for number in range(8)]
    assert [401] * 4 + [429] * 4 == guesses
    assert 401 == as_person(app, None).get("/me").status_code


def test_another_sites_requests_do_not_count_against_the_browsers_owner(limited: Limited) -> None:
    """Requests that a page of another site makes a browser send come without its session, and do not shut it out."""
    app = limited(("strangers", 3), ("sign-in", 1))
    browser = app.test_client()  # a stranger until it has signed in: one of the three
    assert 303 == browser.post("/sign-in", data={"person_id": "person-sales_rep"}).status_code
    bare = app.test_client()
    forged = [
        bare.post("/sign-in", data={"person_id": "x"}, headers={"Sec-Fetch-Site": "cross-site"}).status_code
        for _ in range(5)
    ]
    assert [403, 403, 403, 429, 429] == forged
    assert 200 == browser.get("/me").status_code


def test_signing_in_is_counted_for_the_address(limited: Limited) -> None:
    """Attempts to sign in are counted whoever they name; looking at the page is not; the refusal is a page."""
    client = limited(("sign-in", 3)).test_client()

    def attempt(person: str) -> TestResponse:
        return client.post("/sign-in", data={"person_id": person})

    assert [422, 422, 422] == [attempt(f"person-{number}").status_code for number in range(3)]
    refused = attempt("person-sales_rep")
    assert (429, "text/html", True) == (refused.status_code, refused.mimetype, "Retry-After" in refused.headers)
    assert "That is too often" in refused.get_data(as_text=True)
    assert 200 == client.get("/sign-in").status_code
    elsewhere = {"REMOTE_ADDR": "127.0.0.2"}
    assert 422 == client.post("/sign-in", data={"person_id": "x"}, environ_base=elsewhere).status_code


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/api/v1/leads", "reading"), ("HEAD", "/leads", "reading"), ("GET", "/try", "reading"),
        ("POST", "/api/v1/leads", "changes"), ("PATCH", "/api/v1/leads/x", "changes"), ("POST", "/jobs", "changes"),
        ("POST", "/api/v1/rule-sets:validate", "changes"), ("PUT", "/nowhere", "changes"),
        ("POST", "/api/v1/evaluate/lead-priority/inbound", "evaluation"),
        ("POST", "/api/v1/authorization/check", "evaluation"), ("POST", "/access/v1/evaluation", "evaluation"),
        ("POST", "/api/v1/evaluate/lead-priority/inbound/bulk", "bulk"),
        ("POST", "/api/v1/authorization/check/bulk", "bulk"), ("POST", "/access/v1/evaluations", "bulk"),
        ("POST", "/access/v1/search/subject", "bulk"), ("GET", "/api/v1/authorization/explanation", "reading"),
        ("GET", "/api/v1/audit/export", "exports"), ("HEAD", "/api/v1/audit/export", "exports"),
        ("POST", "/audit/export", "exports"), ("GET", "/api/v1/audit", "reading"), ("GET", "/audit", "reading"),
    ],
)  # fmt: skip
def test_what_counts_against_which_limit(app_in_memory: Flask, method: str, path: str, name: str) -> None:
    """Reading, changing, deciding, deciding about many and taking the log away are told apart by method and address."""
    with app_in_memory.test_request_context(path, method=method):
        assert name == rate_limits.name_of_limit()


def test_exports_are_counted_together_through_both_doors(limited: Limited, memory: Wiring) -> None:
    """A person's files of the log are few whether the API or the console is asked, and take nothing from reading."""
    app = limited(("exports", 2))
    api = as_person(app, "person-sales_rep")
    assert 201 == api.post("/leads", {"name": "Logged"}).status_code
    begun = memory.sessions.begin({"csrf": "x", "how": PROVIDER}, person_key=person_key_of(ORG, "person-sales_rep"))
    browser = app.test_client()
    browser.set_cookie("bylaw_session", begun.id)

    def by_form() -> TestResponse:
        return browser.post("/audit/export", data={"csrf_token": "x"})

    assert (200, 200) == (api.get("/audit/export").status_code, by_form().status_code)
    assert (429, 429) == (api.get("/audit/export").status_code, by_form().status_code)
    assert "limit `exports`" in value(api.get("/audit/export"))["problems"][0]["message"]
    assert 200 == api.get("/audit").status_code


# -- where a request comes from


@pytest.mark.parametrize(
    ("peer", "header", "proxies", "found"),
    [
        # Nobody is a proxy unless the settings say so.
        ("203.0.113.7", None, (), "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", (), "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1", (), "127.0.0.1"),
        ("203.0.113.7", "198.51.100.1", ("10.0.0.0/8",), "203.0.113.7"),
        # A proxy is believed about the one it heard from, not about what that one claims.
        ("10.0.0.1", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", ("10.0.0.0/8",), "10.0.0.3"),
        # What is no address ends it.
        ("10.0.0.1", "198.51.100.1, unknown", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", "127.1", ("10.0.0.0/8",), "10.0.0.1"),
        ("10.0.0.1", ", ".join(["10.9.9.9"] * 500), ("10.0.0.0/8",), "10.9.9.9"),
        # One subscriber's IPv6 is one address; an IPv4 address within IPv6 is that address.
        ("2001:db8:1:2:aaaa::1", None, (), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", None, (), "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", None, (), "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", None, (), "203.0.113.7"),
        ("::ffff:10.0.0.1", "2001:db8::1", ("10.0.0.0/8",), "2001:db8::/64"),
        ("fd00::1", "198.51.100.1", ("fd00::/8",), "198.51.100.1"),
        ("", "198.51.100.1", ("10.0.0.0/8",), "unknown"),
    ],
)  # fmt: skip
def test_where_a_request_comes_from(
    limited: Limited, peer: str, header: str | None, proxies: tuple[str, ...], found: str
) -> None:
    """The address is that of the last one before the configured proxies, whatever others write into the header."""
    app = limited(proxies=proxies)
    headers = {} if header is None else {"X-Forwarded-For": header}
    with app.test_request_context("/", environ_base={"REMOTE_ADDR": peer}, headers=headers):
        assert found == client_address.client_address()


def test_a_header_does_not_get_round_a_limit(limited: Limited) -> None:
    """Naming a new address with each attempt helps nobody: the attempts are still one address's."""
    client = limited(("sign-in", 2)).test_client()
    found = [
        client.post(
            "/sign-in",
            data={"person_id": "x"},
            headers={"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"},
        ).status_code
        for number in range(4)
    ]
    assert 429 == found[-1]
    assert 2 == found.count(429)
