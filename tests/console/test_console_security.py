"""What the console refuses: foreign names, foreign pages, old tokens, addresses and cookies that mean no good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from console_house import NOW, Visitor
from flask import Flask

from adapters.preparation import prepare
from adapters.wiring import Texts, Wiring, build_in_memory
from engine import exact_json
from webapp.app import create_app
from webapp.console import ROUTES
from webapp.console.frame import build_id

Acting = Callable[[str | None], Visitor]

CONTROL = (
    "%00",
    "%0d%0aSet-Cookie:a=b",
    "%ff%fe",
    "%ed%a0%80",
    "%e2%80%ae",
    "%F0%9F%92%A9",
    "%C2%B2",
    "%D9%A1",
    "'",
    '"><blink>',
)
FILTERED = ("/leads", "/deals", "/statements", "/conflicts", "/rules", "/jobs", "/audit", "/try")
FILTERS = (
    "q", "owner", "band", "state", "stage", "period", "plan", "kind", "actor", "action", "outcome", "record", "rule",
    "version", "at", "case", "lead", "deal", "conflict", "mode", "done", "next",
)  # fmt: skip


# -- names


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "localhost:9000", "127.0.0.1:8400", "127.8.9.1", "[::1]:80"]
)
def test_this_machines_own_names_are_answered(shared_app: Flask, host: str) -> None:
    """Whatever port a tunnel uses, a loopback name is this machine."""
    assert 200 == shared_app.test_client().get("/sign-in", headers={"Host": host}).status_code


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8400", "127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", "a..b", "x" * 70,
             "x" * 5000, "a b", "localhost/..", "user@localhost", "[::1", "localhost:x", "[::2]"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/sign-in", "/", "/api/v1/me", "/nowhere"])
def test_a_foreign_name_is_not_answered(shared_app: Flask, host: str, path: str) -> None:
    """A site that lets its own name point at this machine gets nothing, so that it cannot sign in here as anybody."""
    answer = shared_app.test_client().get(path, headers={"Host": host})
    assert (421, "application/problem+json") == (answer.status_code, answer.mimetype)
    assert "request.unknown_host" == exact_json.parse(answer.data)["code"]


def test_the_public_name_is_answered_and_others_are_not(tmp_path: Path, texts: Texts, shared_house: Wiring) -> None:
    """Behind a proxy the name of `BYLAW_PUBLIC_URL` is this server's too, and nobody signs in by name there."""
    settings = replace(shared_house.settings, home=tmp_path, public_url="https://bylaw.example")
    with build_in_memory(settings, texts=texts) as wiring:
        client = create_app(wiring, clock=lambda: NOW).test_client()
        page = client.get("/sign-in", headers={"Host": "bylaw.example"})
        assert (200, True) == (page.status_code, b"No way to sign in is configured" in page.data)
        form = {"person_id": "person-platform_admin"}
        assert 403 == client.post("/sign-in", data=form, headers={"Host": "bylaw.example"}).status_code
        assert 421 == client.get("/sign-in", headers={"Host": "other.example"}).status_code


@pytest.mark.parametrize(
    "header",
    [{"X-Forwarded-For": "10.0.0.1"}, {"Forwarded": "for=10.0.0.1"}, {"Via": "1.1 proxy"},
     {"Origin": "https://bylaw.example", "Sec-Fetch-Site": "same-origin"}],
)  # fmt: skip
def test_nobody_signs_in_by_name_through_a_proxy(shared_app: Flask, header: dict[str, str]) -> None:
    """Signs of a proxy turn the sign-in without proof off, even where the server listens on this machine alone."""
    client = shared_app.test_client()
    answer = client.post("/sign-in", data={"person_id": "person-platform_admin"}, headers=header)
    assert (403, None) == (answer.status_code, answer.headers.get("Set-Cookie"))


# -- sessions and forms


def test_an_id_known_before_the_sign_in_is_worth_nothing(shared_app: Flask) -> None:
    """A planted session id is replaced at the sign-in; it is never adopted."""
    client = shared_app.test_client()
    client.set_cookie("bylaw_session", "planted")
    answer = client.post("/sign-in", data={"person_id": "person-sales_rep"})
    cookie = answer.headers["Set-Cookie"]
    assert "planted" not in cookie
    assert ("HttpOnly" in cookie, "SameSite=Lax" in cookie, "Path=/" in cookie) == (True, True, True)
    other = shared_app.test_client()
    other.set_cookie("bylaw_session", "planted")
    assert "/sign-in" == other.get("/").headers["Location"]


def test_the_old_session_ends_when_somebody_else_signs_in(looking: Acting) -> None:
    """Changing the person ends the session before it, on the server too."""
    browser = looking("sales_rep")
    before = browser.client.get_cookie("bylaw_session")
    assert before is not None
    token = browser.token()
    form = {"person_id": "person-sales_manager", "csrf_token": token}
    assert 303 == browser.client.post("/sign-in", data=form).status_code
    browser.client.set_cookie("bylaw_session", before.value)
    assert "/sign-in" == browser.client.get("/").headers["Location"]


@pytest.mark.parametrize("route", [route for route in ROUTES if "POST" in route.methods], ids=lambda route: route.name)
@pytest.mark.parametrize(
    "header",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"},
     {"Origin": "null"}, {"Origin": "http://["}, {"Origin": ""}],
)  # fmt: skip
def test_no_form_is_taken_from_another_site(looking: Acting, route: object, header: dict[str, str]) -> None:
    """Every form of the console, signing in and out included, is refused from elsewhere even with the right token."""
    browser = looking("revops_analyst")
    path = route.path.replace("<record_id>", "x")
    form = {"csrf_token": browser.token(), "person_id": "person-platform_admin"}
    assert 403 == browser.client.post(path, data=form, headers=header).status_code
    assert 200 == browser.client.get("/me").status_code


@pytest.mark.parametrize(
    "cookie",
    ["", "%00", "a" * 4000, "../../x", "\xff", '"x\\000"', "\u2028"],
    ids=["empty", "null", "long", "path", "byte", "quoted", "separator"],
)
def test_cookies_that_nobody_gave_are_strangers(shared_app: Flask, cookie: str) -> None:
    """Whatever stands in the cookie, without a session on the server the browser is a stranger."""
    client = shared_app.test_client(use_cookies=False)
    header = {"Cookie": f"bylaw_session={cookie}".encode().decode("latin-1")}
    assert 303 == client.get("/", headers=header).status_code
    assert 401 == client.get("/api/v1/me", headers=header).status_code


# -- addresses


def test_filters_with_anything_in_them_are_answered(looking: Acting) -> None:
    """No filter, cursor or choice makes a page fail, and none of it comes back unescaped or as a header."""
    browser = looking("platform_admin")
    wrong = []
    for path in FILTERED:
        for value in CONTROL:
            address = f"{path}?" + "&".join(f"{name}={value}" for name in FILTERS)
            for asked in (address, f"{path}?cursor={value}", f"{path}?facts={value}"):
                answer = browser.client.get(asked)
                if (
                    answer.status_code >= 500
                    or b"<blink>" in answer.data
                    or "a" in answer.headers.getlist("Set-Cookie")
                ):
                    wrong.append((asked, answer.status_code))
    assert [] == wrong


@pytest.mark.parametrize("path", ["/leads/", "/deals/", "/statements/", "/conflicts/", "/jobs/", "/audit/"])
@pytest.mark.parametrize("name", ["%00", "..%2f..%2fetc%2fpasswd", "x" * 3000, "%ff", "%ed%a0%80", "."])
def test_ids_that_no_record_has_are_not_found(looking: Acting, path: str, name: str) -> None:
    """An id is looked up or it is not found; its characters mean nothing else."""
    assert 404 == looking("platform_admin").client.get(path + name).status_code


@pytest.mark.parametrize(
    "path", ["%2e%2e/format.py", "..%2f..%2fapp.py", "js/../../../app.py", "/etc/passwd", "%00", "js", "", "js/"]
)
def test_only_static_files_are_served_as_static(shared_app: Flask, path: str) -> None:
    """No way leads out of the folder of static files, and a refusal is kept by no browser."""
    answer = shared_app.test_client().get(f"/static/{build_id()}/{path}")
    assert (404, "no-store") == (answer.status_code, answer.headers["Cache-Control"])


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "FOO"])
def test_other_methods_are_refused(shared_app: Flask, method: str) -> None:
    """A page answers to what it declares: anything else is 405 and names what is allowed."""
    answer = shared_app.test_client().open("/sign-in", method=method)
    assert (405, "GET, HEAD, OPTIONS, POST") == (answer.status_code, answer.headers["Allow"])


def test_a_head_is_a_get_without_its_body(looking: Acting) -> None:
    """HEAD has the status and type of GET and no body, for pages, the API, health and static files."""
    client = looking("sales_rep").client
    for path in ("/", "/leads", "/api/v1/leads", "/health/live", f"/static/{build_id()}/console.css", "/nowhere"):
        got, head = client.get(path, buffered=True), client.head(path, buffered=True)
        assert (got.status_code, got.mimetype, b"") == (head.status_code, head.mimetype, head.data), path


# -- what answers carry


def test_pages_about_people_are_kept_by_no_cache(looking: Acting) -> None:
    """Every page, redirect and error says `no-store`, and none may be framed or run anything of others."""
    browser = looking("sales_rep")
    for path in ("/", "/leads", "/me", "/nowhere", "/leads/none", "/audit?cursor=x"):
        headers = browser.client.get(path).headers
        assert ("no-store", "nosniff", "DENY") == (
            headers["Cache-Control"], headers["X-Content-Type-Options"], headers["X-Frame-Options"]
        ), path  # fmt: skip
        policy = headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


def test_a_fault_of_ours_shows_nothing_of_the_inside(
    shared_house: Wiring, looking: Acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault's page holds the number of the request and no word of what went wrong."""

    def fail(*_given: object, **_named: object) -> None:
        raise RuntimeError("secret inside")

    browser = looking("sales_rep")
    monkeypatch.setattr(type(shared_house.ports.store), "count", fail)
    answer = browser.client.get("/leads", headers={"X-Request-Id": "asked-7"})
    assert (500, "asked-7") == (answer.status_code, answer.headers["X-Request-Id"])
    assert b"asked-7" in answer.data
    assert [] == [word for word in (b"secret inside", b"RuntimeError", b"Traceback", b".py") if word in answer.data]


# -- what an answer can be made to say


@pytest.mark.parametrize(
    "path", ["/leads?q=%0d%0aX-Evil:+1", "/nowhere%0d%0aX-Evil:%201", "/sign-in?next=%0d%0aX-Evil:1"]
)
def test_no_address_writes_a_header(looking: Acting, path: str) -> None:
    """Line breaks in an address stay within the body, or the address is not found."""
    for role in (None, "sales_rep"):
        answer = looking(role).client.get(path)
        assert "X-Evil" not in answer.headers
        assert all("\r" not in value and "\n" not in value for _, value in answer.headers)


@pytest.mark.parametrize("given", ["a\tb", "x" * 65, "é", "<b>", "a b", "", "../x", "a;b"])
def test_a_request_id_is_taken_over_only_where_it_is_harmless(shared_app: Flask, given: str) -> None:
    """A caller's request id comes back in a header and in logs: anything but a short plain one is replaced."""
    answer = shared_app.test_client().get("/health/live", headers={"X-Request-Id": given.encode().decode("latin-1")})
    assert answer.headers["X-Request-Id"] != given
    assert 1 == len(answer.headers.getlist("X-Request-Id"))


def test_links_do_not_come_from_the_host_header(looking: Acting) -> None:
    """No page and no redirect repeats the `Host`, or what a proxy is said to have forwarded, as an address."""
    headers = {"Host": "localhost:4711", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}
    for role in (None, "sales_rep"):
        for path in ("/", "/leads", "/sign-in", "/nowhere", "/api/v1/leads?limit=1"):
            answer = looking(role).client.get(path, headers=headers)
            assert b"evil.test" not in answer.data
            assert "evil.test" not in str(answer.headers)
            assert b"localhost:4711" not in answer.data
            assert answer.headers.get("Location", "/").startswith("/")


def test_the_cookie_is_bound_to_https_where_there_is_https(tmp_path: Path, texts: Texts, shared_house: Wiring) -> None:
    """With HTTPS the cookie is `Secure`, has a `__Host-` name and no domain; one without the prefix is nobody's."""
    settings = replace(shared_house.settings, home=tmp_path, public_url="https://localhost")
    with build_in_memory(settings, texts=texts) as wiring:
        prepare(wiring.ports, wiring.shipped, NOW, example=True)
        client = create_app(wiring, clock=lambda: NOW).test_client()
        answer = client.post("/sign-in", data={"person_id": "person-sales_rep"})
        cookie = answer.headers["Set-Cookie"]
        assert cookie.startswith("__Host-bylaw_session=")
        parts = {part.strip().partition("=")[0] for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "SameSite", "Path"} <= parts
        assert "Domain" not in parts
        plain = create_app(wiring, clock=lambda: NOW).test_client()
        plain.set_cookie("bylaw_session", cookie.partition("=")[2].partition(";")[0])
        assert "/sign-in" == plain.get("/").headers["Location"]
