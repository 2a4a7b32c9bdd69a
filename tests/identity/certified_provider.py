"""The certified provider of tests/oidc as a process, and somebody who signs in there without a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, build_opener

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "oidc"
CLIENT_ID, CLIENT_SECRET = "bylaw", "a secret: with / and +"
ACCOUNTS = {
    "ada": {"email": "sales_rep@example.test", "email_verified": True},
    "bob": {"email": "bob@example.test", "email_verified": True},
    "eve": {"email": "platform_admin@example.test", "email_verified": False},
}


@contextmanager
def running(home: Path, address: str, *, claims_at_userinfo: bool = False) -> Iterator[str]:
    """The provider, which knows the product at `address`; gives its issuer."""
    wanted = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": f"{address}/sign-in/callback",
        "after_sign_out": f"{address}/sign-in",
        "claims_at_userinfo": claims_at_userinfo,
        "accounts": ACCOUNTS,
    }
    home.mkdir(exist_ok=True)
    with started("provider.js", home / f"provider-{claims_at_userinfo}.json", wanted) as issuer:
        yield issuer


@contextmanager
def started(script: str, configuration: Path, wanted: Mapping[str, Any]) -> Iterator[str]:
    """A script of tests/oidc as a process that reads what is `wanted` from a file; gives the issuer that it prints."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        pytest.fail(
            "the OpenID Connect provider is not installed: `sh tests/prepare.sh` does that, with Node.js 20.19 or newer"
        )
    configuration.write_text(json.dumps(wanted))
    process = subprocess.Popen(
        [node, script, str(configuration)],
        cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        issuer = process.stdout.readline().strip()
        assert issuer.startswith("http://127.0.0.1:"), "the provider has ended"
        yield issuer
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


class _Staying(HTTPRedirectHandler):
    """Redirects are answers here, not followed."""

    def redirect_request(self, *_given: Any) -> None:
        return None


class Account:
    """Somebody at the provider, with cookies: fills in its forms until it sends the browser back to the product."""

    def __init__(self, login: str) -> None:
        self.login = login
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()), _Staying())

    def sign_in(self, location: str, back_to: str) -> dict[str, str]:
        """The parameters that come back to `back_to`."""
        page, form = location, None
        for _ in range(12):
            status, sent_to, text = self._ask(page, form)
            form = None
            if sent_to is not None:
                page = urljoin(page, sent_to)
                if page.startswith(back_to):
                    return dict(parse_qsl(urlsplit(page).query))
                continue
            assert status == 200, text
            action = re.search(r'action="([^"]+)"', text)
            assert action is not None, text
            page = urljoin(page, action[1])
            login = 'name="login"' in text
            form = {"prompt": "login", "login": self.login, "password": "any"} if login else {"prompt": "consent"}
        raise AssertionError("the provider never sent the browser back")

    def _ask(self, address: str, form: dict[str, str] | None) -> tuple[int, str | None, str]:
        data = None if form is None else urlencode(form).encode()
        try:
            with self._opener.open(address, data, timeout=20) as response:
                return response.status, None, response.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.headers.get("Location"), error.read().decode()
