"""What every answer carries: the request's id, and headers that keep a browser from being used against its owner."""

from __future__ import annotations

import re
import secrets

from flask import Flask, Response, g, request

from webapp.context import ports, wiring
from webapp.rate_limits import REPORTS

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
}

ANSWERS_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""For JSON and everything else that is not a page."""

YEAR_SECONDS = 31_536_000
KEPT = ("/static/", "/problems/")
"""Below these a good answer is the same for everybody and says itself how long it may be kept."""


REPORT_GROUP = "csp"
"""What the policy calls where reports go, for browsers that know the Reporting API."""


def page_policy(nonce: str, *, secure: bool = False) -> str:
    """The content security policy of the console's pages. The nonce is for the editor's generated style sheet only.

    Reports go to `webapp.violations`. Browsers take `report-to` over HTTPS only, and then in place of `report-uri`.
    """
    report = f"report-uri {REPORTS}" + (f"; report-to {REPORT_GROUP}" if secure else "")
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; "
        "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
        f"base-uri 'none'; frame-ancestors 'none'; {report}"
    )


def install(app: Flask) -> None:
    """Give every request an id and every answer its headers."""
    app.before_request(_begin)
    app.after_request(_finish)


def nonce() -> str:
    """This answer's nonce, made when a page first asks for it."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe(16)
    return str(g.nonce)


def _begin() -> None:
    """Keep a caller's own request id where it is harmless, so that its log and ours can be read side by side."""
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.fullmatch(given) else ports().new_id()


def _finish(response: Response) -> Response:
    for name, value in ALWAYS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = g.request_id
    # A proxy that speaks TLS passes plain requests on: where people come over HTTPS is what the settings say.
    secure = request.is_secure or wiring().settings.secure_cookies
    page = response.mimetype == "text/html"
    policy = page_policy(nonce(), secure=secure) if page else ANSWERS_POLICY
    response.headers.setdefault("Content-Security-Policy", policy)
    if page and secure:
        response.headers.setdefault("Reporting-Endpoints", f'{REPORT_GROUP}="{REPORTS}"')
    response.headers.setdefault("Referrer-Policy", "same-origin" if page else "no-referrer")
    if response.status_code >= 400 or not request.path.startswith(KEPT):
        response.headers["Cache-Control"] = "no-store"
    if secure:
        response.headers.setdefault("Strict-Transport-Security", f"max-age={YEAR_SECONDS}")
    return response
