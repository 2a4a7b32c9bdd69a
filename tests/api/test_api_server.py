"""The API behind the real web server: a gunicorn process over a SQLite file, asked over a real socket."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from live_server import ROOT, Server, ask, free_port, running
from small_world import fill, settings, token_of

from adapters.wiring import Texts, build_in_memory
from engine import exact_json
from engine.records import Record

FACTS = b'{"employees": 800, "industry": "retail", "events": [{"type": "demo request", "at": "2026-11-01T09:00:00Z"}]}'
pytestmark = pytest.mark.xdist_group("api-server")  # one server process for all of them

KEY = {"Authorization": f"Bearer {token_of('person-revops_analyst')}"}
JSON = {**KEY, "Content-Type": "application/json"}
EVALUATE = "/api/v1/evaluate/lead-priority/inbound"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, texts: Texts, published: tuple[Record, ...]) -> Iterator[Server]:
    """The server as `bylaw up` starts it, over the small world."""
    home = tmp_path_factory.mktemp("server")
    chosen = replace(settings(home, f"sqlite:///{home / 'bylaw.sqlite3'}"), port=free_port())
    with build_in_memory(chosen, texts=texts) as built:
        fill(built, published)
    with running(chosen) as started:
        yield started


def resident_kilobytes(process: subprocess.Popen[bytes]) -> int:
    """The most memory that the server's workers have held at once."""
    workers = subprocess.run(
        ["ps", "--ppid", str(process.pid), "-o", "pid="], capture_output=True, text=True, check=True
    )
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in workers.stdout.split()]
    return sum(int(status.partition("VmHWM:")[2].split()[0]) for status in statuses)


def test_it_decides(server: Server, real: Callable[[str], None]):
    """The real server decides, with the headers of every answer."""
    status, headers, body = ask(
        server.port, "POST", EVALUATE, b'{"facts": {"employees": 800, "industry": "retail"}}', JSON
    )
    assert (200, "no-store") == (status, headers["Cache-Control"])
    assert "scored" == exact_json.parse(body)["outcome"]["state"]
    real("gunicorn")
    real("SQLite")


def command(home: Path, *arguments: str) -> bytes:
    """What `bylaw` prints on the server's own home."""
    chosen = settings(home, f"sqlite:///{home / 'bylaw.sqlite3'}")
    environment = {**os.environ, **chosen.environment()}
    done = subprocess.run(
        [sys.executable, "-m", "cli", *arguments], cwd=ROOT, env=environment, capture_output=True, check=False
    )
    assert 0 == done.returncode, done.stderr.decode()
    return done.stdout


def test_two_doors_give_the_same_bytes(server: Server):
    """`bylaw evaluate --json` and the API give the same decision, byte for byte."""
    (server.home / "facts.json").write_bytes(FACTS)
    at, as_of = "2026-11-02T09:00:00Z", "2026-11-23T09:00:00Z"
    printed = command(
        server.home, "evaluate", "lead-priority/inbound", "--facts", str(server.home / "facts.json"),
        "--at", at, "--as-of", as_of, "--organisation", "org-a", "--json",
    )  # fmt: skip
    sent = b'{"facts": ' + FACTS + f', "at": "{at}", "as_of": "{as_of}"}}'.encode()
    status, _, body = ask(server.port, "POST", EVALUATE, sent, JSON)
    assert (200, printed) == (status, body + b"\n")


def test_a_key_from_the_command_line(server: Server):
    """A key made with `bylaw keys make` opens the API as the person that it was made for."""
    made = exact_json.parse(
        command(
            server.home,
            "keys",
            "make",
            "person-sales_rep",
            "--name",
            "laptop",
            "--as",
            "person-platform_admin",
            "--json",
        )
    )
    status, _, body = ask(server.port, "GET", "/api/v1/me", headers={"Authorization": f"Bearer {made['key']}"})
    assert (200, "person-sales_rep") == (status, exact_json.parse(body)["id"])


def test_ready_tells_the_truth(server: Server):
    """With no queue server running, the service lives but is not ready, and says which parts are missing."""
    status, _, body = ask(server.port, "GET", "/health/ready")
    parts = exact_json.parse(body)["parts"]
    assert (503, "up", "down", "down") == (status, *(parts[name]["status"] for name in ("store", "queue", "sessions")))


def test_a_job_waits_for_the_queue(server: Server):
    """While the queue server is away, a job is accepted and waits."""
    status, _, body = ask(
        server.port, "POST", "/api/v1/jobs", b'{"kind": "score-leads"}', {**JSON, "Idempotency-Key": "k1"}
    )
    assert (202, "queued") == (status, exact_json.parse(body)["state"])


def test_a_hundred_megabytes(server: Server):
    """A body of 100 MB, announced or in chunks without end, is refused; the server's memory does not grow by it."""
    before = resident_kilobytes(server.process)
    chunk = b" " * 1_000_000
    for headers in ({**JSON, "Content-Length": "100000000"}, {**JSON, "Transfer-Encoding": "chunked"}):
        status, body = send_much(server.port, headers, chunk, 100)
        assert (413, "request.too_large") == (status, exact_json.parse(body)["code"])
    assert resident_kilobytes(server.process) - before < 20_000
    assert 200 == ask(server.port, "GET", "/api/v1/me", headers=KEY)[0]


def send_much(port: int, headers: dict[str, str], chunk: bytes, times: int) -> tuple[int, bytes]:
    """Send a chunk again and again until the server has enough, and read what it says."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", EVALUATE)
    for name, text in headers.items():
        connection.putheader(name, text)
    connection.endheaders()
    chunked = "Transfer-Encoding" in headers
    try:
        for _ in range(times):
            connection.send(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" if chunked else chunk)
        if chunked:
            connection.send(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server has answered and stopped listening
    try:
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_it_stays_up_under_nonsense(server: Server):
    """Bytes that are no HTTP, and bodies that end too early, harm nobody else."""
    for nonsense in (
        b"\x00" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/leads HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
            raw.sendall(nonsense)
    assert 200 == ask(server.port, "GET", "/health/live")[0]
