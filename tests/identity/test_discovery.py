"""Fetching an issuer's keys over HTTP, from a server that is well-behaved, and from ones that are not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from token_issuer import AUDIENCE, NOW, claims, key_set, token

from adapters.identity.discovery import WELL_KNOWN, fetch_keys
from adapters.identity.http import Boundary
from adapters.identity.keys import CachedKeys
from adapters.identity.tokens import Expectations, IssuersTokens
from engine.problems import InvalidError, UnavailableError

PATIENT = Boundary(tries=3, seconds_per_try=10, seconds_in_all=30, pause=0.01, largest=20_000)


class Server:
    """An issuer on this machine: `answers` are status and body by path, `asked` the paths that were asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                status, body = outer.answers.get(self.path, (404, b"{}"))
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", f"{outer.issuer}/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing is said."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.http.server_port}"
        self.says(issuer=self.issuer, jwks_uri=f"{self.issuer}/keys")
        self.answers["/keys"] = (200, json.dumps(key_set("p256")).encode())

    def says(self, **members: Any) -> None:
        self.answers[WELL_KNOWN] = (200, json.dumps(members).encode())


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.http.shutdown()
    thread.join()
    made.http.server_close()


def code(issuer: str) -> str:
    """The code that fetching fails with, empty if it does not."""
    try:
        fetch_keys(issuer, PATIENT)
    except UnavailableError as error:
        return error.code
    return ""


def test_a_token_checked_with_keys_that_were_fetched(server: Server) -> None:
    """An issuer's token holds once its keys have been found and fetched, and only once for many tokens."""
    cache = CachedKeys((server.issuer,), lambda issuer: fetch_keys(issuer, PATIENT))
    tokens = IssuersTokens(Expectations((server.issuer,), AUDIENCE), cache)
    for _ in range(3):
        assert "app-1" == tokens.verify(token(claims(iss=server.issuer)), NOW).subject
    assert [WELL_KNOWN, "/keys"] == server.asked
    with pytest.raises(InvalidError):
        tokens.verify(token(claims(iss=server.issuer), signed_with="p256-2", kid="p256"), NOW)


@pytest.mark.parametrize(
    "members",
    [
        {"issuer": "https://other.example.test"}, {"issuer": None}, {"jwks_uri": None}, {"jwks_uri": 5},
        {"jwks_uri": ""},
        {"jwks_uri": "keys"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": "http://169.254.169.254/keys"},
        {"jwks_uri": "ftp://127.0.0.1/keys"}, {"jwks_uri": "http://user@127.0.0.1/keys"}, {"jwks_uri": "https://"},
        {"jwks_uri": "http://127.0.0.1/a\r\nX: y"}, {"jwks_uri": "http://localhost.example/keys"}, {"jwks_uri": "http://127.0.0.1/keys#a"},
    ],
)  # fmt: skip
def test_what_an_issuer_says_of_itself_is_not_believed_blindly(server: Server, members: dict[str, Any]) -> None:
    """Another name, or a key set at an address that is less safe than the issuer's own: nothing more is asked."""
    server.says(**{"issuer": server.issuer, "jwks_uri": f"{server.issuer}/keys", **members})
    assert "identity.provider_unfit" == code(server.issuer)
    assert [WELL_KNOWN] == server.asked


@pytest.mark.parametrize("path", [WELL_KNOWN, "/keys"])
@pytest.mark.parametrize(
    "answer",
    [(500, b"{}"), (404, b"{}"), (302, b""), (200, b"no json"), (200, b"[]"), (200, b'{"keys":[],"keys":[]}'),
     (200, b'{"keys":"' + b"x" * 20_001 + b'"}')],
    ids=["fails", "missing", "redirects", "no-json", "no-object", "twice", "too-large"],
)  # fmt: skip
def test_an_issuer_that_answers_wrongly(server: Server, path: str, answer: tuple[int, bytes]) -> None:
    """After three failing tries in all there are no keys; a redirect is never followed."""
    server.answers[path] = answer
    assert "identity.provider_unavailable" == code(server.issuer)
    assert [path] * 3 == [one for one in server.asked if one == path]
    assert "/elsewhere" not in server.asked


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": "p256"}, {"keys": {}}])
def test_a_key_set_that_is_none(server: Server, document: dict[str, Any]) -> None:
    """What holds no list of keys takes the place of no key set."""
    server.answers["/keys"] = (200, json.dumps(document).encode())
    assert "identity.provider_unfit" == code(server.issuer)


def test_an_issuer_that_is_not_there(server: Server) -> None:
    """Where nobody answers there are no keys, and a token is neither accepted nor called wrong."""
    server.http.server_close()
    cache = CachedKeys((server.issuer,), lambda issuer: fetch_keys(issuer, PATIENT))
    with pytest.raises(UnavailableError) as caught:
        IssuersTokens(Expectations((server.issuer,), AUDIENCE), cache).verify(token(claims(iss=server.issuer)), NOW)
    assert "token.keys_unavailable" == caught.value.code
