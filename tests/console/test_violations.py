"""Reports of what the content security policy kept from running: who may send them, and what of them is believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from console_house import NOW, Visitor
from flask import Flask
from limits.storage import MemoryStorage
from playwright.sync_api import Route, sync_playwright
from werkzeug.serving import make_server

from adapters.rate_limits import CountedRateLimits
from adapters.wiring import Texts, Wiring, build_in_memory
from engine import exact_json
from engine.predicate import Always
from webapp.app import create_app
from webapp.rate_limits import REPORTS
from webapp.violations import DEEPEST, DIRECTIVES, LARGEST, MOST_REPORTS, MOST_TOLD, NEW, OLD

Acting = Callable[[str | None], Visitor]
LEAD = "http://127.0.0.1:8400/leads/lead-1001?q=somebody's+name"


@pytest.fixture
def app(own_house: Wiring) -> Flask:
    return create_app(own_house, clock=lambda: NOW)


def old(**members: Any) -> bytes:
    """A report as `report-uri` has it."""
    known = {"document-uri": LEAD, "effective-directive": "script-src-elem", "blocked-uri": "inline"}
    return json.dumps({"csp-report": {**known, **members}}).encode()


def new(*reports: dict[str, Any]) -> bytes:
    """Reports as the Reporting API has them."""
    known = {"documentURL": LEAD, "effectiveDirective": "script-src-elem", "blockedURL": "inline"}
    return json.dumps([{"type": "csp-violation", "body": {**known, **one}} for one in reports]).encode()


def send(app: Flask, body: bytes, media: str = OLD, **headers: str) -> int:
    """A report from a browser; its status. Whatever the answer is, it repeats nothing of the report."""
    answer = app.test_client().post(REPORTS, data=body, content_type=media, headers=headers)
    if answer.status_code == 204:
        assert b"" == answer.data
    else:
        told = exact_json.parse(answer.data)
        assert told["code"].startswith("request.")
        assert "lead-1001" not in answer.text
        assert "evil" not in answer.text
    return answer.status_code


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged about the policy."""
    start = "content security policy: "
    return [text.removeprefix(start) for text in caplog.messages if text.startswith(start)]


def test_both_forms_are_read(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """A report in either form is one line: directive, what was kept out, and which page, without id and query."""
    assert 204 == send(app, old())
    assert 204 == send(app, new({"blockedURL": "https://evil.example:8443/x?secret=1"}), NEW)
    assert 204 == send(app, json.dumps({"csp-report": {"violated-directive": "img-src 'self' data:"}}).encode())
    assert [
        "`script-src-elem` kept `inline` out of `/leads/<record_id>`",
        "`script-src-elem` kept `https://evil.example:8443` out of `/leads/<record_id>`",
        "`img-src` kept something out of an address that is none of ours",
    ] == lines(caplog)


def test_each_violation_is_told_once_a_day(own_house: Wiring, caplog: pytest.LogCaptureFixture) -> None:
    """However often and about whichever record a violation is reported, it is one line a day."""
    clock = [NOW]
    app = create_app(own_house, clock=lambda: clock[0])
    for number in range(30):
        send(app, old(**{"document-uri": f"http://127.0.0.1/leads/lead-{number}", "line-number": number}))
    assert 1 == len(lines(caplog))
    clock[0] = NOW + timedelta(days=1)
    send(app, old())
    assert 2 == len(lines(caplog))


def test_a_day_has_so_many_lines(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Made-up reports fill neither memory nor log: beyond a number of different ones a line says so."""
    for number in range(3 * MOST_TOLD):
        assert 204 == send(app, old(**{"blocked-uri": f"https://evil-{number}.example"}))
    told = lines(caplog)
    assert MOST_TOLD + 1 == len(told)
    assert f"{MOST_TOLD} different violations today; from now on one for each directive and page" == told[-1]


def test_made_up_reports_do_not_hide_a_real_one(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """When the day's number is used up, a directive on a page that was not told yet is told, once."""
    for number in range(2 * MOST_TOLD):
        send(app, old(**{"blocked-uri": f"https://evil-{number}.example"}))
    caplog.clear()
    for number in range(3):
        send(
            app,
            old(**{"document-uri": f"http://127.0.0.1/deals/{number}", "blocked-uri": f"https://x{number}.example"}),
        )
    assert ["`script-src-elem` kept `https://x0.example` out of `/deals/<record_id>`"] == lines(caplog)


HOSTILE = (
    "", "x\n[2026] WARNING forged line", "\r\n", "\x1b[31mred", "\u202egnp.exe", "inline\x00", "javascript:alert(1)",
    "data:text/html,<script>", "chrome-extension://abcdef/x.js", "https://user:secret@evil.example/", "https://",
    "http://[::1]:8400/a", "HTTPS://EVIL.EXAMPLE/PATH", "https://evil.example\\@x", "x" * 5_000, "%s %d %(x)s",
    "{0.__class__}", "<record_id>", "ｈttps://evil.example", "https://é.example/",
)  # fmt: skip
KNOWN = {
    "`javascript:`", "`data:`", "`chrome-extension:`", "`http://[::1]:8400`", "`https://evil.example`", "`https:`",
    "something",
}  # fmt: skip


@pytest.mark.parametrize("value", [*HOSTILE, None, 5, [], {}, {"$ne": ""}, True])
def test_what_a_report_says_is_not_repeated(app: Flask, caplog: pytest.LogCaptureFixture, value: object) -> None:
    """Of hostile members nothing reaches the log but schemes and origins of plain letters, in a line of our own."""
    for member in ("blocked-uri", "document-uri", "effective-directive", "violated-directive", "source-file"):
        assert 204 == send(app, old(**{member: value}))
        assert 204 == send(app, new({"blockedURL": value, "documentURL": value, "effectiveDirective": value}), NEW)
    for line in lines(caplog):
        assert line.isascii()
        assert line.isprintable()
        directive, rest = line.split(" kept ")
        blocked, page = rest.split(" out of ")
        assert directive.strip("`") in DIRECTIVES
        assert blocked in KNOWN | {"`inline`"}
        assert page in {"`/leads/<record_id>`", "an address that is none of ours", "`/`"}


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b"null", b"5", b'"x"', b'{"csp-report": null}', b'{"csp-report": []}', b'[null, 1, "x", []]',
     b'[{"type": "csp-violation"}]', b'[{"type": "csp-violation", "body": []}]', b'[{"type": 5, "body": {}}]',
     b'[{"type": "deprecation", "body": {"id": "x"}}]', b'{"csp-report": {"effective-directive": "no-such-src"}}'],
)  # fmt: skip
@pytest.mark.parametrize("media", [OLD, NEW])
def test_what_is_no_report_is_passed_over(
    app: Flask, caplog: pytest.LogCaptureFixture, body: bytes, media: str
) -> None:
    """JSON of any other shape tells nothing and harms nothing."""
    assert (400 if not body else 204) == send(app, body, media)
    assert [] == lines(caplog)


@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"{", OLD, 400), (b'{"csp-report": {}', NEW, 400), (b"\xff\xfe{}", OLD, 400), (b"NaN", OLD, 400),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), NEW, 400), (b'{"a": 1, "a": 2}', OLD, 400),
        (old(**{"script-sample": "x" * LARGEST}), OLD, 413),
        (old(), "text/plain", 415), (old(), "application/json", 415), (old(), "", 415),
        (b"csp-report=x", "application/x-www-form-urlencoded", 415),
    ],
)  # fmt: skip
def test_bodies_are_bounded(app: Flask, caplog: pytest.LogCaptureFixture, body: bytes, media: str, status: int) -> None:
    """What is no JSON, too deep, too large or of another kind is refused in words of our own."""
    assert status == send(app, body, media)
    assert [] == lines(caplog)


def test_a_request_has_so_many_reports(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    """Of a list of reports the first ones are read."""
    send(app, new(*({"blockedURL": f"https://evil-{number}.example"} for number in range(MOST_REPORTS + 5))), NEW)
    assert MOST_REPORTS == len(lines(caplog))


def test_nobody_has_to_be_known_and_nothing_changes(acting: Acting, own_house: Wiring) -> None:
    """A browser's report needs no session's token, is no use of a session, and leaves nothing in the database."""
    browser = acting("sales_rep")
    before = {kind: own_house.ports.store.count(kind, Always()) for kind in ("audit_entry", "person", "lead")}
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}):
        answer = browser.client.post(REPORTS, data=old(), content_type=OLD, headers=headers)
        assert (204, None) == (answer.status_code, answer.headers.get("Set-Cookie"))
    assert before == {kind: own_house.ports.store.count(kind, Always()) for kind in before}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.test"}])
def test_another_sites_pages_cannot_report(
    app: Flask, caplog: pytest.LogCaptureFixture, headers: dict[str, str]
) -> None:
    """A page of another site cannot make somebody's browser send reports here."""
    answer = app.test_client().post(REPORTS, data=old(), content_type=OLD, headers=headers)
    assert (403, []) == (answer.status_code, lines(caplog))


def test_reports_are_counted_for_their_address_alone(own_house: Wiring) -> None:
    """Beyond a limit of their own reports are refused, and whoever uses the same address goes on as before."""
    limits = CountedRateLimits(MemoryStorage(), amounts=(("reports", 3), ("strangers", 2)))
    app = create_app(replace(own_house, _rate_limits=lambda: limits), clock=lambda: NOW)
    assert [204, 204, 204, 429, 429] == [send(app, old()) for _ in range(5)]
    assert 200 == app.test_client().get("/sign-in").status_code


def test_other_methods_are_refused(app: Flask) -> None:
    """Reports are sent and never asked for."""
    assert 405 == app.test_client().get(REPORTS).status_code


def test_pages_say_where_reports_go(own_house: Wiring, tmp_path: Path, texts: Texts, app: Flask) -> None:
    """Every page names the address, over HTTPS for the Reporting API too; answers for programs do not."""
    plain = app.test_client().get("/sign-in").headers
    assert plain["Content-Security-Policy"].endswith(f"; report-uri {REPORTS}")
    assert "Reporting-Endpoints" not in plain
    assert "report-uri" not in app.test_client().get("/api/v1/me").headers["Content-Security-Policy"]
    settings = replace(own_house.settings, home=tmp_path, public_url="https://bylaw.example")
    with build_in_memory(settings, texts=texts) as wiring:
        client = create_app(wiring, clock=lambda: NOW).test_client()
        secure = client.get("/sign-in", headers={"Host": "bylaw.example"}).headers
    assert secure["Content-Security-Policy"].endswith(f"; report-uri {REPORTS}; report-to csp")
    assert f'csp="{REPORTS}"' == secure["Reporting-Endpoints"]


@contextmanager
def serving(app: Flask, *, secure: bool) -> Iterator[str]:
    """The application behind a real socket, with a certificate that nobody vouches for; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, ssl_context="adhoc" if secure else None)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http{'s' if secure else ''}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("secure", [False, True], ids=["report-uri", "report-to"])
def test_a_browser_reports(
    own_house: Wiring,
    chromium: str,
    real: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
    secure: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """A script written into a page is kept from running, and Chromium's report of it is a line of the log."""
    app, taken = create_app(own_house), threading.Event()

    def inject(route: Route) -> None:
        answer = route.fetch()
        injected = "<script>window.ran = 1</script></body>"
        route.fulfill(response=answer, body=answer.text().replace("</body>", injected))

    @app.after_request
    def _noted(response: Any) -> Any:
        if response.status_code == 204:
            taken.set()
        return response

    with serving(app, secure=secure) as address, sync_playwright() as playwright:
        # Browsers gather reports of the Reporting API for a minute; for tests they need not.
        arguments = ["--no-sandbox", "--disable-gpu", "--ignore-certificate-errors", "--short-reporting-delay"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        real("Chromium")
        page = browser.new_context(base_url=address, ignore_https_errors=True).new_page()
        page.route("**/sign-in", inject)
        page.goto("/sign-in")
        assert page.evaluate("window.ran") is None
        assert taken.wait(30)
        browser.close()
    assert ["`script-src-elem` kept `inline` out of `/sign-in`"] == lines(caplog)
