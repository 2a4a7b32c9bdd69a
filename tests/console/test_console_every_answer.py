"""What every answer carries and which requests are refused, walked over every address that the application has."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from console_house import NOW, Visitor
from every_route import Place, changing, places
from flask import Flask
from werkzeug.test import TestResponse

from adapters.wiring import Texts, Wiring, build_in_memory
from engine import exact_json
from webapp.app import create_app
from webapp.console.frame import build_id
from webapp.rate_limits import REPORTS

Acting = Callable[[str | None], Visitor]

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
}
PAGE_POLICY = {
    "default-src": "'none'", "script-src": "'self'", "img-src": "'self' data:", "connect-src": "'self'",
    "font-src": "'self'", "worker-src": "'self'", "manifest-src": "'self'", "form-action": "'self'",
    "base-uri": "'none'", "frame-ancestors": "'none'",
}  # fmt: skip
ANSWER_POLICY = {
    "default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'", "form-action": "'none'"
}  # fmt: skip
NEVER = ("Server", "X-Powered-By", "Access-Control-Allow-Origin")
YEAR = "max-age=31536000"


def complaints(answer: TestResponse, *, secure: bool = False) -> list[str]:
    """What is wrong with the headers of one answer."""
    headers = answer.headers
    wanted = {**ALWAYS, **({"Strict-Transport-Security": YEAR} if secure else {})}
    page = answer.mimetype == "text/html"
    wanted["Referrer-Policy"] = "same-origin" if page else "no-referrer"
    found = [f"{name}: {headers.get(name)}" for name, value in wanted.items() if headers.getlist(name) != [value]]
    policy = dict(part.strip().partition(" ")[::2] for part in headers.get("Content-Security-Policy", "").split(";"))
    style = policy.pop("style-src", "") if page else ""
    if page and (policy.pop("report-uri", ""), policy.pop("report-to", "")) != (REPORTS, "csp" if secure else ""):
        found.append(f"no reports: {headers.get('Content-Security-Policy')}")
    if policy != (PAGE_POLICY if page else ANSWER_POLICY) or (page and not style.startswith("'self' 'nonce-")):
        found.append(f"Content-Security-Policy: {headers.get('Content-Security-Policy')}")
    kept = answer.status_code < 400 and answer.request.path.startswith(("/static/", "/problems/"))
    if headers.get("Cache-Control") != "no-store" and not kept:
        found.append(f"Cache-Control: {headers.get('Cache-Control')}")
    if not headers.get("X-Request-Id"):
        found.append("no X-Request-Id")
    return [*found, *(name for name in NEVER if name in headers)]


def ask(client: Visitor, place: Place, **headers: str) -> TestResponse:
    """A request without a body worth reading."""
    return client.client.open(place.path, method=place.method, headers=headers, buffered=True)


# -- headers


@pytest.mark.parametrize("role", [None, "platform_admin"], ids=["stranger", "signed-in"])
def test_every_answer_of_every_address_carries_the_headers(
    looking: Acting, shared_app: Flask, role: str | None
) -> None:
    """Pages, JSON, redirects, static files and refusals of every address and method carry the whole list."""
    visitor = looking(role)
    wrong, statuses = {}, set()
    for place in places(shared_app):
        answer = ask(visitor, place)
        statuses.add(answer.status_code)
        assert answer.status_code < 500 or place.endpoint == "health.ready", place
        if found := complaints(answer):
            wrong[place] = found
    assert {} == wrong
    assert statuses >= ({200, 303, 401, 404} if role is None else {200, 403, 404})


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404), ("GET", "/api/v1/nowhere", 404), ("GET", "/problems/no.such", 404),
        ("GET", f"/static/{build_id()}/nothing.js", 404), ("GET", f"/static/{build_id()}/console.css", 200),
        ("PUT", "/leads", 405), ("PUT", "/api/v1/leads", 405), ("TRACE", "/", 405), ("BREW", "/api/v1/me", 405),
        ("GET", "/health/live", 200), ("GET", "/problems/json.malformed", 200), ("GET", "/api/v1/leads?cursor=x", 400),
        ("GET", "/leads?cursor=x", 400), ("GET", "/api/v1/openapi.json", 200), ("OPTIONS", "/api/v1/leads", 200),
        ("HEAD", "/leads", 200),
    ],
)  # fmt: skip
def test_answers_of_every_kind_carry_the_headers(looking: Acting, method: str, path: str, status: int) -> None:
    """What is missing, not allowed, unreadable, or served as it lies carries the same list."""
    # A method that nothing answers to is refused as forged before that is known, where there is a session.
    answer = looking(None if status == 405 else "sales_rep").client.open(path, method=method, buffered=True)
    assert (status, []) == (answer.status_code, complaints(answer))


@pytest.mark.parametrize("path", ["/leads", "/api/v1/leads"])
def test_faults_of_ours_carry_the_headers(
    shared_house: Wiring, looking: Acting, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """An answer about a fault of ours is held to the list like any other."""

    def fail(*_given: object, **_named: object) -> None:
        raise RuntimeError

    visitor = looking("sales_rep")
    for name in ("count", "find"):
        monkeypatch.setattr(type(shared_house.ports.store), name, fail, raising=False)
    answer = visitor.client.get(path)
    assert (500, []) == (answer.status_code, complaints(answer))


def test_under_https_the_browser_stays_there(tmp_path: Path, texts: Texts, shared_house: Wiring) -> None:
    """Where people come over HTTPS every answer says so for a year, also behind a proxy that speaks TLS itself."""
    settings = replace(shared_house.settings, home=tmp_path, public_url="https://bylaw.example")
    with build_in_memory(settings, texts=texts) as wiring:
        client = create_app(wiring, clock=lambda: NOW).test_client()
        for path in ("/sign-in", "/", "/nowhere", "/api/v1/me", "/health/live", f"/static/{build_id()}/console.css"):
            answer = client.get(path, headers={"Host": "bylaw.example"}, buffered=True)
            assert [] == complaints(answer, secure=True), path


def test_under_plain_http_nothing_is_promised(looking: Acting) -> None:
    """On one machine without TLS there is no such header, which browsers would have to ignore anyway."""
    assert "Strict-Transport-Security" not in looking(None).client.get("/sign-in").headers


def test_a_nonce_is_used_once(looking: Acting) -> None:
    """Every page has a nonce of its own."""
    client = looking("sales_rep").client
    policies = {client.get("/").headers["Content-Security-Policy"] for _ in range(5)}
    assert 5 == len(policies)


# -- forged requests


FORGED: dict[str, Callable[[Visitor, Visitor], tuple[str, dict[str, str], str]]] = {
    "no token": lambda _mine, _other: ("", {}, "identity.csrf"),
    "another session's token": lambda _mine, other: (other.token(), {}, "identity.csrf"),
    "another site": lambda mine, _other: (mine.token(), {"Sec-Fetch-Site": "cross-site"}, "identity.cross_site"),
    "a neighbouring site": lambda mine, _other: (mine.token(), {"Sec-Fetch-Site": "same-site"}, "identity.cross_site"),
    "another origin": lambda mine, _other: (mine.token(), {"Origin": "https://evil.test"}, "identity.cross_site"),
    "no origin": lambda mine, _other: (mine.token(), {"Origin": "null"}, "identity.cross_site"),
}


@pytest.mark.parametrize("by_header", [False, True], ids=["form field", "header"])
@pytest.mark.parametrize("how", FORGED)
def test_no_changing_address_takes_a_forged_request(
    looking: Acting,
    shared_app: Flask,
    how: str,
    by_header: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """With a session and without its token, or from elsewhere, every changing method of every address is refused."""
    mine, other = looking("platform_admin"), looking("platform_admin")
    token, headers, code = FORGED[how](mine, other)
    if by_header:
        headers = {**headers, "X-CSRF-Token": token}
    wrong = {}
    for place in changing(shared_app):
        if place.path == REPORTS and code == "identity.csrf":
            continue  # what a browser sends by itself knows no token; test_violations tries that it changes nothing
        form = {"person_id": "person-sales_rep", **({} if by_header else {"csrf_token": token})}
        answer = mine.client.open(place.path, method=place.method, data=form, headers=headers)
        told = code in answer.get_data(as_text=True)
        if (answer.status_code, told, complaints(answer)) != (403, True, []):
            wrong[place] = (answer.status_code, told)
    assert {} == wrong
    assert 200 == mine.client.get("/me").status_code


def test_changing_addresses_are_found(shared_app: Flask) -> None:
    """The walk covers the forms of the console and the operations of the API; were it empty, it would prove nothing."""
    found = changing(shared_app)
    assert {"console.end_session", "api.create_lead", "api.update_lead"} <= {place.endpoint for place in found}
    assert {"POST", "PATCH"} <= {place.method for place in found}


def test_a_page_older_than_the_session_is_told_to_load_anew(looking: Acting) -> None:
    """A form of a page that was open before signing in again is refused with what to do; nothing is changed."""
    visitor = looking("sales_rep")
    stale = visitor.token()
    form = {"person_id": "person-revops_analyst", "csrf_token": stale}
    assert 303 == visitor.client.post("/sign-in", data=form).status_code
    answer = visitor.client.post("/jobs", data={"kind": "score-leads", "csrf_token": stale})
    assert (403, "text/html") == (answer.status_code, answer.mimetype)
    text = answer.get_data(as_text=True)
    assert "older than your session" in text
    assert "Load the page again" in text


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_a_method_is_what_the_request_line_says(looking: Acting, header: str) -> None:
    """No header and no form field turns a reading request into a changing one, or one method into another."""
    visitor = looking("platform_admin")
    answer = visitor.client.get("/sign-out", headers={header: "POST"})
    assert 405 == answer.status_code
    answer = visitor.client.post("/me", data={"_method": "GET", "csrf_token": visitor.token()}, headers={header: "GET"})
    assert 405 == answer.status_code
    assert 200 == visitor.client.get("/me").status_code


@pytest.mark.parametrize(
    "body",
    [b'{"kind": "score-leads"}', b"csrf_token="],
    ids=["json", "form"],
)
@pytest.mark.parametrize("media", ["text/plain", "application/json", "application/x-www-form-urlencoded", ""])
def test_the_session_alone_starts_nothing_in_the_api(looking: Acting, body: bytes, media: str) -> None:
    """The API takes a session's cookie too, and then asks for its token whatever the body claims to be."""
    visitor = looking("revops_analyst")
    answer = visitor.client.post(
        "/api/v1/jobs", data=body, headers={"Content-Type": media, "Idempotency-Key": "forged"}
    )
    assert (403, "identity.csrf") == (answer.status_code, exact_json.parse(answer.data)["code"])


def test_a_refusal_is_never_swapped_into_a_page(looking: Acting) -> None:
    """A refused request's page stays out of fragments: pages tell htmx to leave such answers alone."""
    visitor = looking("sales_rep")
    config = re.search(r"name=\"htmx-config\" content='([^']*)'", visitor.client.get("/").get_data(as_text=True))
    assert config is not None
    handling = exact_json.parse(config[1])["responseHandling"]
    for status in (403, 429, 500, 503):
        rule = next(one for one in handling if re.fullmatch(one["code"], str(status)))
        assert (False, True) == (rule["swap"], rule["error"])
