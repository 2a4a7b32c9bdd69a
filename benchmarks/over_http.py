"""Evaluation over HTTP beside an empty JSON view: one server, one key, the same limits, rounds taken in turn.

The empty view reads the same body and answers `{}`. The ratio is of the server's processor time for a request, which no
client and no neighbour disturbs; the times are those that one client sees.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from adapters import valkey
from adapters.settings import Settings
from benchmarks.results import OURS, Line, Section, Tally

if TYPE_CHECKING:
    from flask import Flask

ROOT = Path(__file__).resolve().parent.parent
ADDRESS = "/api/v1/evaluate/lead-priority/inbound"
EMPTY = "/api/v1/evaluate/empty"
"""Counts against the same rate limits."""

LIMITS = "evaluation=1000000 all-evaluation=1000000"
"""More than one client can ask for: the limits are counted and never reached."""

FACTS = {
    "employees": 800,
    "industry": "retail",
    "events": [{"type": "demo request", "at": "2026-11-01T09:00:00Z"}],
}


@dataclass(frozen=True)
class Measured:
    """Nanoseconds of each request as the client sees them, the server's processor time for all, and wrong answers."""

    taken: list[int]
    server_nanoseconds: int
    wrong: int


def application() -> Flask:
    """The whole product with one view more, which reads the same body and answers `{}`."""
    from webapp.api import answers  # noqa: PLC0415  # only the server's process needs it
    from webapp.api.dispatch import view_of  # noqa: PLC0415  # the same
    from webapp.api.routes import OPERATIONS  # noqa: PLC0415  # the same
    from webapp.wsgi import application as whole  # noqa: PLC0415  # the same

    app = whole()
    evaluation = next(known for known in OPERATIONS if known.method == "POST" and known.path.startswith("/evaluate/"))
    empty = replace(evaluation, path="/empty", id="empty", view=lambda _: answers.json({}))
    app.add_url_rule(EMPTY, "empty", view_of(empty), methods=["POST"])
    return app


def requests(rounds: int, requests_a_round: int) -> Section:
    """The decision without and with reasons; `speed` is the share of the empty view's throughput."""
    found = measure(rounds, requests_a_round)
    empty = found["empty"]
    lines = [
        Line(
            OURS,
            form,
            found[name].taken,
            {"": Tally(len(found[name].taken), found[name].wrong)},
            speed=empty.server_nanoseconds / found[name].server_nanoseconds,
        )
        for name, form in (("decision", "outcome only"), ("explained", "with reasons and why-not"))
    ]
    peer = Line("an empty view", "the same body, key and limits", empty.taken, {}, speed=1.0)
    title = "Evaluation over HTTP (to ours: the share of the empty view's throughput, by the server's processor time)"
    return Section("over http", title, "us", [*lines, peer])


def measure(rounds: int, requests: int) -> dict[str, Measured]:
    """`empty`, `decision` (without reasons) and `explained` (with reasons and why-not), each as it was measured."""
    given = {"facts": FACTS, "at": "2026-11-02T09:00:00Z", "as_of": "2100-01-01T00:00:00Z"}
    explained, decision = json.dumps(given), json.dumps({**given, "explain": False})
    asked = {"empty": (EMPTY, explained), "decision": (ADDRESS, decision), "explained": (ADDRESS, explained)}
    taken: dict[str, list[int]] = {name: [] for name in asked}
    spent = dict.fromkeys(asked, 0)
    wrong = dict.fromkeys(asked, 0)
    with tempfile.TemporaryDirectory() as home, _server(home) as (connection, key, pid):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        first = {name: _answer(connection, where, body, headers) for name, (where, body) in asked.items()}
        for number in range(rounds + 1):
            for name, (where, body) in asked.items():
                before = _processor_time(pid)
                for _ in range(requests):
                    start = time.perf_counter_ns()
                    answer = _answer(connection, where, body, headers)
                    if number:  # the first round warms up
                        taken[name].append(time.perf_counter_ns() - start)
                        wrong[name] += answer != first[name]
                if number:
                    spent[name] += _processor_time(pid) - before
        outcome = json.loads(first["explained"])["outcome"]
        wrong["explained"] += outcome["band"] != "B" or outcome["score"] != "48.550855"
    return {name: Measured(taken[name], spent[name], wrong[name]) for name in asked}


def _answer(connection: http.client.HTTPConnection, where: str, body: str, headers: dict[str, str]) -> bytes:
    connection.request("POST", where, body, headers)
    response = connection.getresponse()
    found = response.read()
    if response.status != http.HTTPStatus.OK:
        raise RuntimeError(f"{where} answered {response.status}: {found[:300]!r}")
    return found


def _processor_time(pid: int) -> int:
    """Nanoseconds that the server's process has computed (Linux)."""
    return sum(
        int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in Path(f"/proc/{pid}/task").iterdir()
    )


@contextmanager
def _server(home: str) -> Iterator[tuple[http.client.HTTPConnection, str, int]]:
    """Gunicorn as `bylaw up` configures it, over a fresh database with the example: connection, key, process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BYLAW_")}
    own = {"BYLAW_HOME": home, "BYLAW_PORT": str(port), "BYLAW_RATE_LIMITS": LIMITS}
    environment = {**kept, **own, "PYTHONPATH": str(ROOT)}
    python = (sys.executable, "-m")
    subprocess.run([*python, "cli", "prepare", "--quiet"], env=environment, check=True)
    key = _key(python, environment)
    command = [
        *python,
        "gunicorn",
        "--config",
        "python:adapters.web_server",
        "--workers",
        "1",
        "benchmarks.over_http:application()",
    ]
    with (
        _queue(Settings.from_environment(own)),
        subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server,
    ):
        try:
            connection = _connected(port)
            children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii").split()
            yield connection, key, int(children[0])
            connection.close()
        finally:
            server.send_signal(signal.SIGTERM)


@contextmanager
def _queue(settings: Settings) -> Iterator[None]:
    """The queue server that `bylaw up` runs, which requests are counted in."""
    with subprocess.Popen(valkey.command(settings), stdout=subprocess.DEVNULL) as server:
        try:
            while not valkey.answers(settings):
                time.sleep(0.02)
            yield
        finally:
            server.terminate()


def _key(python: tuple[str, str], environment: dict[str, str]) -> str:
    create = ("cli", "keys", "make", "person-sales_manager", "--organisation", "larkmoor", "--name", "benchmark")
    made = subprocess.run([*python, *create], env=environment, check=True, capture_output=True, text=True)
    return next(word for word in made.stdout.split() if word.startswith("byl_"))


def _connected(port: int) -> http.client.HTTPConnection:
    end = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/health/live", headers={"X-Request-Id": secrets.token_hex(8)})
            connection.getresponse().read()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return connection
