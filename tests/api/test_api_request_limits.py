"""What is refused before it is read, at the real web server's socket: sizes, shapes, encodings and slow senders."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask
from live_server import Server, ask, free_port, running
from small_world import Api, as_person, code, fill, settings, token_of, value

from adapters.wiring import Texts, build_in_memory
from engine import exact_json
from engine.exact_json import MAX_DEPTH, MAX_VALUES
from engine.records import Record

EVALUATE = "/api/v1/evaluate/lead-priority/inbound"
TOKEN = token_of("person-sales_rep")
KEY = f"Authorization: Bearer {TOKEN}\r\nHost: localhost\r\n"
SECONDS = 2
BODY = b'{"facts": {"employees": 800}}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, texts: Texts, published: tuple[Record, ...]) -> Iterator[Server]:
    """The server as it runs in production, but for less patience and fewer threads."""
    home = tmp_path_factory.mktemp("limits")
    chosen = replace(
        settings(home, f"sqlite:///{home / 'bylaw.sqlite3'}"),
        port=free_port(), request_seconds=SECONDS, web_threads=4, log_level="debug",
    )  # fmt: skip
    with build_in_memory(chosen, texts=texts) as built:
        fill(built, published)
    with running(chosen) as started:
        yield started


pytestmark = pytest.mark.xdist_group("api-request-limits")


def say(server: Server, *parts: bytes, pause: float = 0) -> tuple[int, bytes]:
    """Send bytes as they are, and read what comes until the connection is closed: status (0 for none) and all of it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        for number, part in enumerate(parts):
            if number:
                time.sleep(pause)
            try:
                connection.sendall(part)
            except OSError:
                break  # the server has closed already
        found = b""
        try:
            while chunk := connection.recv(65_536):
                found += chunk
                if b"\r\n\r\n" in found and whole(found):
                    break
        except ConnectionResetError:
            pass
    return (int(found.split(b" ", 2)[1]) if found.startswith(b"HTTP/1.1 ") else 0), found


def whole(answer: bytes) -> bool:
    """Whether an answer with a length has arrived."""
    head, _, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return False


def post(head: str, body: bytes = b"") -> bytes:
    """A request for a decision with these headers more."""
    return f"POST {EVALUATE} HTTP/1.1\r\n{KEY}Content-Type: application/json\r\n{head}\r\n".encode("latin-1") + body


def problem_code(answer: bytes) -> str:
    """The code in a problem document."""
    return str(exact_json.parse(answer.partition(b"\r\n\r\n")[2])["code"])


@pytest.mark.parametrize(
    ("request_bytes", "status", "expected"),
    [
        (f"GET /api/v1/me?x={'y' * 3_000} HTTP/1.1\r\n{KEY}\r\n", 400, "request.unknown_parameter"),
        (f"GET /api/v1/me?x={'y' * 4_000} HTTP/1.1\r\n{KEY}\r\n", 414, "request.address_too_long"),
        (f"GET /api/v1/me?x={'y' * 9_000} HTTP/1.1\r\n{KEY}\r\n", 414, "request.address_too_long"),
        (f"GET /api/v1/me?x={'y' * 900_000} HTTP/1.1\r\n{KEY}\r\n", 414, "request.address_too_long"),
        (f"GET /api/v1/me HTTP/1.1\r\n{KEY}X-Long: {'y' * 9_000}\r\n\r\n", 431, "request.headers_too_large"),
        (f"GET /api/v1/me HTTP/1.1\r\n{KEY}{''.join(f'X-{n}: y{chr(13)}{chr(10)}' for n in range(80))}\r\n", 431,
         "request.headers_too_large"),
        (f"GET /api/v1/me HTTP/1.1\r\n{KEY}X-Folded: a\r\n b\r\n\r\n", 400, "request.malformed"),
        (f"GET /api/v1/me HTTP/1.1\r\n{KEY}X Space: a\r\n\r\n", 400, "request.malformed"),
        (f"GET /api/v1/me HTTP/1.1\r\n{KEY}X-Null: a\0b\r\n\r\n", 400, "request.malformed"),
        (f"GET /api/v1/me HTTP/9.9\r\n{KEY}\r\n", 400, "request.malformed"),
        ("\x16\x03\x01\x02\r\n\r\n", 400, "request.malformed"),
    ],
    ids=["address", "long address", "longer address", "longest address", "long header", "many headers", "folded header",
         "space in a name", "null in a value", "version", "TLS"],
)  # fmt: skip
def test_heads(server: Server, request_bytes: str, status: int, expected: str) -> None:
    """A head that is too long or no HTTP is refused with a problem of ours, and nothing of it is repeated."""
    found, answer = say(server, request_bytes.encode("latin-1"))
    assert (status, expected) == (found, problem_code(answer))
    assert b"no-store" in answer
    assert b"yyyyyyyy" not in answer
    assert TOKEN.encode() not in answer


@pytest.mark.parametrize(
    ("head", "body", "status", "expected"),
    [
        ("Content-Length: 29\r\n", BODY, 200, ""),
        ("Transfer-Encoding: chunked\r\n", b"1d\r\n" + BODY + b"\r\n0\r\n\r\n", 200, ""),
        ("", b"", 400, "json.malformed"),  # without a length there is no body
        ("Content-Length: 0\r\n", b"", 400, "json.malformed"),
        ("Content-Length: 28\r\n", BODY, 400, "json.malformed"),  # says less than there is
        ("Content-Length: 99999999999\r\n", b"", 413, "request.too_large"),
        ("Content-Length: -1\r\n", b"", 400, "request.malformed"),
        ("Content-Length: +29\r\n", BODY, 400, "request.malformed"),
        ("Content-Length: 2_9\r\n", BODY, 400, "request.malformed"),
        ("Content-Length: 29\r\nContent-Length: 5\r\n", BODY, 400, "request.malformed"),
        ("Content-Length: 29\r\nTransfer-Encoding: chunked\r\n", b"1d\r\n" + BODY + b"\r\n0\r\n\r\n", 400,
         "request.malformed"),
        ("Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n", 415, "request.packed"),
        ("Transfer-Encoding: chunked\r\n", b"zz\r\n", 400, "request.malformed"),
        ("Content-Length: 29\r\nContent-Encoding: gzip\r\n", BODY, 415, "request.packed"),
        ("Content-Length: 29\r\nContent-Encoding: br, gzip\r\n", BODY, 415, "request.packed"),
        ("Content-Length: 29\r\nContent-Encoding: identity\r\n", BODY, 200, ""),
        ("Content-Length: 29\r\nExpect: something\r\n", BODY, 417, "request.malformed"),
    ],
)  # fmt: skip
def test_lengths_and_encodings(server: Server, head: str, body: bytes, status: int, expected: str) -> None:
    """A body is as long as its head says in one way only, is not packed, and not larger than what is read."""
    found, answer = say(server, post(head + "Connection: close\r\n", body))
    assert (status, expected) == (found, problem_code(answer) if expected else "")


def test_what_is_behind_a_body_is_no_request(server: Server) -> None:
    """What a body leaves over is never read as another request with the first one's rights."""
    smuggled = b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = "Content-Length: 29\r\nTransfer-Encoding: chunked\r\n"
    _, answer = say(server, post(head, b"0\r\n\r\n" + smuggled))
    assert 1 == answer.count(b"HTTP/1.1 ")


@pytest.mark.parametrize(
    "parts",
    [
        (b"POST " + EVALUATE.encode(),),
        (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n",),
        (post("Content-Length: 29\r\n"),),
        (post("Content-Length: 29\r\n", BODY[:10]),),
        (post("Transfer-Encoding: chunked\r\n", b"1d\r\n{"),),
    ],
    ids=["request line", "headers", "no body", "half a body", "half a chunk"],
)
def test_who_stops_sending_is_cut_off(server: Server, parts: tuple[bytes, ...]) -> None:
    """A request that does not arrive within its seconds ends: refused or cut, never waited for."""
    start = time.monotonic()
    status, _ = say(server, *parts)
    assert status in {0, 400}
    assert time.monotonic() - start < 25  # the client itself would wait for thirty seconds


def test_who_sends_drop_by_drop_is_cut_off(server: Server) -> None:
    """The seconds are those of the whole request: a byte now and then does not prolong them."""
    drops = [bytes([byte]) for byte in BODY]
    status, answer = say(server, post("Content-Length: 29\r\n"), *drops, pause=SECONDS / 8)
    assert status in {0, 400}
    assert b'"outcome"' not in answer


def test_slow_senders_do_not_stop_the_server(server: Server) -> None:
    """With twice as many stalled senders as threads, others are answered as soon as those have had their time."""
    stalled = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in range(8)]
    for connection in stalled:
        connection.sendall(post("Content-Length: 29\r\n"))
    status, _, _ = ask(server.port, "GET", "/health/live")
    for connection in stalled:
        connection.close()
    assert 200 == status


@pytest.mark.parametrize("header", ["X-Forwarded-Proto: https", "X-Forwarded-Ssl: on", "X-Forwarded-Protocol: ssl"])
def test_nobody_but_a_named_proxy_says_that_it_was_https(server: Server, header: str) -> None:
    """Without configured proxies a header makes no request one over HTTPS, not even from this machine."""
    status, answer = say(server, f"GET /health/live HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
    assert 200 == status
    assert b"strict-transport-security" not in answer.lower()


def test_the_log_repeats_nothing_of_what_was_refused(server: Server, real: Callable[[str], None]) -> None:
    """Even the most talkative log holds no key of a request that could not be read."""
    hidden = "byl_deadbeef_" + "q" * 43
    for line in (f"Authorization: Bearer {hidden}\0", f"Authorization {hidden}: x", f"X: y\r\n {hidden}"):
        assert 400 == say(server, f"GET /{hidden} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n".encode())[0]
    assert 400 == say(server, f"{hidden}\r\n\r\n".encode())[0]
    assert hidden not in (server.home / "log").read_text()
    real("gunicorn")


# -- JSON, in process


@pytest.fixture
def rep_in_memory(app_in_memory: Flask) -> Api:
    """The sales representative over the reference store."""
    return as_person(app_in_memory, "person-sales_rep")


def nested(levels: int) -> bytes:
    """Lists within each other."""
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (nested(MAX_DEPTH), (422, "field.wrong_kind")),
        (nested(MAX_DEPTH + 1), (400, "json.too_deep")),
        (nested(400_000), (400, "json.too_deep")),
        (b"[" * 900_000, (400, "json.too_deep")),
        (b'{"a":' * 100_000, (400, "json.too_deep")),
        (b"1" * 34, (422, "field.wrong_kind")),
        (b"1" * 35, (400, "json.number_too_long")),
        (b"1" * 900_000, (400, "json.number_too_long")),
        (b"1e" + b"9" * 100_000, (400, "json.number_too_long")),
        (b'"' + b"x" * 999_000 + b'"', (422, "field.wrong_kind")),
        (b'"' + b"x" * 1_000_001 + b'"', (413, "request.too_large")),
        (b'{"' + b"x" * 500_000 + b'": 1}', (422, "field.missing")),
        (b"[" + b"0," * 499_000 + b"0]", (422, "field.wrong_kind")),
    ],
    ids=["deep", "too deep", "far too deep", "open", "open objects", "long number", "too long number",
         "far too long number", "exponent", "long text", "too long text", "long name", "many values"],
)  # fmt: skip
def test_json_is_bounded(rep_in_memory: Api, body: bytes, expected: tuple[int, str]) -> None:
    """Depth, digits and size are bounded before a value is made; what is within them is read."""
    assert expected == code(rep_in_memory.send("POST", EVALUATE, raw=body))


def test_values_are_bounded(rep_in_memory: Api) -> None:
    """Where a body may be large, the number of its values is bounded too; commas within texts are none."""
    bulk = f"{EVALUATE}/bulk"
    many = b"[" + b"0," * MAX_VALUES + b"0]"
    assert (413, "json.too_many_values") == code(rep_in_memory.send("POST", bulk, raw=many))
    text = b'["' + b"," * MAX_VALUES + b'"]'
    assert (422, "field.wrong_kind") == code(rep_in_memory.send("POST", bulk, raw=text))


def test_members_are_bounded(rep_in_memory: Api) -> None:
    """An object of more than a thousand members is refused before names are looked at; a thousand names are told."""

    def members(count: int) -> bytes:
        return b"{" + b",".join(b'"n%d":0' % number for number in range(count)) + b"}"

    answer = rep_in_memory.send("POST", EVALUATE, raw=members(60_000))
    assert (413, "json.too_many_values") == code(answer)
    assert (413, "json.too_many_values") == code(
        rep_in_memory.send("POST", EVALUATE, raw=b'{"facts":' + members(1_001) + b"}")
    )
    answer = rep_in_memory.send("POST", EVALUATE, raw=members(1_000))
    assert 1_001 == len(value(answer)["problems"])  # each unknown name, and the missing facts
    same = b"{" + b",".join([b'"n":0'] * 1_000) + b"}"
    assert (400, "json.duplicate_key") == code(rep_in_memory.send("POST", EVALUATE, raw=same))


def test_unknown_facts_are_told_up_to_a_number(rep_in_memory: Api) -> None:
    """Twenty unknown facts are told by name, the others by their number: a small body never has a huge answer."""
    facts = b",".join(b'"n%d":0' % number for number in range(900))
    answer = rep_in_memory.send("POST", EVALUATE, raw=b'{"facts":{' + facts + b"}}", key=None)
    assert (422, "facts.unknown_field") == code(answer)
    found = [problem for problem in value(answer)["problems"] if problem["code"] == "facts.unknown_field"]
    assert 21 == len(found)
    assert [] != [problem for problem in found if problem["message"] == "880 more names are no known facts"]


@pytest.mark.parametrize(
    ("media", "status"), [("multipart/form-data; boundary=x", 415), ("text/plain", 415), ("application/json", 400)]
)
def test_only_what_is_declared_is_read(rep_in_memory: Api, media: str, status: int) -> None:
    """The API reads no forms: a body of another type is refused by its type."""
    body = b'--x\r\nContent-Disposition: form-data; name="facts"\r\n\r\n{}\r\n--x--\r\n'
    assert status == rep_in_memory.send("POST", EVALUATE, raw=body, media=media).status_code


def test_forms_are_bounded(app_in_memory: Flask) -> None:
    """A form of too many parts, or too large a field, is refused; so is one whose boundary is nowhere."""
    client = app_in_memory.test_client()
    multipart = "multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    many = b"".join(part % (b"n%d" % number, b"") for number in range(1_100)) + b"--x--\r\n"
    assert 413 == client.post("/sign-in", data=many, content_type=multipart).status_code
    large = part % (b"person_id", b"x" * 1_000_001) + b"--x--\r\n"
    assert 413 == client.post("/sign-in", data=large, content_type=multipart).status_code
    packed = b"person_id=" + b"x" * 1_000_001
    assert 413 == client.post("/sign-in", data=packed, content_type="application/x-www-form-urlencoded").status_code
    answer = client.post("/sign-in", data=b"--", content_type="multipart/form-data; boundary=" + "b" * 500)
    assert 422 == answer.status_code
    assert "problems" in value(client.get("/api/v1/me"))
