"""An identity provider that does what a test says: a real HTTP server whose every answer can be made a wrong one."""

from __future__ import annotations

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from token_issuer import NOW, key_set, raw_token, seconds, token

DESCRIPTION, KEYS, TOKEN, PERSON = "/.well-known/openid-configuration", "/keys", "/token", "/person"
CLIENT_ID, CLIENT_SECRET = "bylaw", "a secret: with / and +"

Handler = BaseHTTPRequestHandler
Script = Callable[[Handler], None]


@dataclass
class Asked:
    """What a browser was sent to the provider with."""

    parameters: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.parameters[name]


@dataclass
class Provider:
    """One provider. Tests change its answers through the attributes; `asked` lists the paths of all requests."""

    address: str
    asked: list[str] = field(default_factory=list)
    scripts: dict[str, list[Script]] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, Any] = field(default_factory=lambda: key_set("p256"))
    claims: dict[str, Any] = field(default_factory=dict)
    person: dict[str, Any] | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], Any] = field(default=lambda claims: token(claims, typ="JWT"))
    codes: dict[str, Asked] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def describes(self) -> dict[str, Any]:
        """Its description of itself; a member given as None is left out."""
        found = {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}{TOKEN}",
            "jwks_uri": f"{self.address}{KEYS}",
            "userinfo_endpoint": f"{self.address}{PERSON}",
            "end_session_endpoint": f"{self.address}/leave",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            **self.description,
        }
        return {name: value for name, value in found.items() if value is not None}

    def allow(self, location: str) -> dict[str, str]:
        """Let the person sign in who was sent to `location`: the parameters that the browser brings back."""
        asked = Asked(dict(parse_qsl(urlsplit(location).query, strict_parsing=True)))
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.address}

    def id_token_claims(self, asked: Asked, access_token: str) -> dict[str, Any]:
        """What it says about the person, changed as the test says; a claim given as None is left out."""
        found = {
            "iss": self.address,
            "sub": "account-1",
            "aud": CLIENT_ID,
            "iat": seconds(NOW),
            "exp": seconds(NOW) + 300,
            "nonce": asked["nonce"],
            "at_hash": half_hash(access_token),
            "email": "sales_rep@example.test",
            "email_verified": True,
            **self.claims,
        }
        return {name: value for name, value in found.items() if value is not None}

    def tokens(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """What the token endpoint answers: as a certified provider does, unless `answer` changes it."""
        asked = self.codes.get(form.get("code", ""))
        proved = asked is not None and challenge_of(form.get("code_verifier", "")) == asked["code_challenge"]
        if authorization != basic(CLIENT_ID, CLIENT_SECRET):
            return 401, {"error": "invalid_client"}
        if asked is None or not proved or form["code"] in self.used or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "<script>alert(1)</script>"}
        self.used.add(form["code"])
        access_token = secrets.token_urlsafe(16)
        made = {
            "access_token": access_token,
            "token_type": "Bearer",
            "id_token": self.sign(self.id_token_claims(asked, access_token)),
            **self.answer,
        }
        return 200, {name: value for name, value in made.items() if value is not None}

    def next(self, path: str) -> Script | None:
        """The script for this request, if the test wrote one."""
        left = self.scripts.get(path, [])
        return left.pop(0) if left else None


def half_hash(access_token: str) -> str:
    """`at_hash` for algorithms with SHA-256 (Core 1.0, section 3.1.3.6)."""
    return urlsafe_b64encode(sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()


def challenge_of(verifier: str) -> str:
    """The S256 challenge (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def basic(client_id: str, secret: str) -> str:
    """The header of a client with a secret: both form-encoded first (RFC 6749, section 2.3.1)."""
    from base64 import b64encode
    from urllib.parse import quote_plus

    return "Basic " + b64encode(f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()).decode()


def status(code: int, **headers: str) -> Script:
    """Answer with a status and an object."""

    def write(handler: Handler) -> None:
        send(handler, code, {"error": "server_error"}, headers)

    return write


def raw(body: bytes) -> Script:
    """Answer 200 with these bytes."""

    def write(handler: Handler) -> None:
        send(handler, 200, body)

    return write


def silent(handler: Handler) -> None:
    """Take the request and never answer."""
    wait_for_the_end(handler)


def trickling(handler: Handler) -> None:
    """Answer a byte at a time for ever, headers first: no single read takes long."""
    with suppress(OSError):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)


def cut(handler: Handler) -> None:
    """Promise a body and close in its middle."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"issuer":')
    handler.close_connection = True


def wait_for_the_end(handler: Handler) -> None:
    with suppress(OSError):
        handler.connection.settimeout(30)
        handler.connection.recv(1)


def send(handler: Handler, code: int, body: Any, headers: dict[str, str] | None = None) -> None:
    """A whole answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with suppress(OSError):
        handler.send_response(code)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


@contextmanager
def running() -> Iterator[Provider]:
    """A provider on a port of its own."""
    provider = Provider("")

    class Answering(Handler):
        def do_GET(self) -> None:  # noqa: N802  # the standard library's name
            self._answer({})

        def do_POST(self) -> None:  # noqa: N802  # the same
            length = int(self.headers.get("Content-Length", 0))
            self._answer({name: found[0] for name, found in parse_qs(self.rfile.read(length).decode()).items()})

        def _answer(self, form: dict[str, str]) -> None:
            path = urlsplit(self.path).path
            provider.asked.append(path)
            if script := provider.next(path):
                script(self)
            elif path == DESCRIPTION:
                send(self, 200, provider.describes())
            elif path == KEYS:
                send(self, 200, provider.keys)
            elif path == TOKEN:
                send(self, *provider.tokens(form, self.headers.get("Authorization", "")))
            elif path == PERSON and provider.person is not None:
                send(self, 200, provider.person)
            else:
                send(self, 404, {})

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def unsigned(claims: dict[str, Any]) -> str:
    """A token with `alg: none` and an empty signature."""
    return raw_token(b'{"alg":"none"}', json.dumps(claims).encode(), "ES256", "p256").rpartition(".")[0] + "."
