"""The dependency audit tells three outcomes apart. The advisory source is a local stub that speaks OSV's protocol."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Serve = Callable[..., str]


def advisory(name: str, fixed: str) -> dict[str, Any]:
    """A vulnerability as OSV describes it."""
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]
    affected = [{"package": {"name": name, "ecosystem": "PyPI"}, "ranges": ranges}]
    return {"id": f"TEST-{name}-1", "summary": "a hole", "affected": affected}


KNOWN = {"jinja2": ("2.4.1", "2.10.1")}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a source that knows holes by package: `name: (version, fixed in)`; `broken` answers 500 about those."""
    servers: list[ThreadingHTTPServer] = []

    def start(holes: Mapping[str, tuple[str, str]], broken: tuple[str, ...] = ()) -> str:
        class Source(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name, version = asked["package"]["name"], asked["version"]
                hole = holes.get(name)
                found = {"vulns": [advisory(name, hole[1])]} if hole and hole[0] == version else {}
                body = json.dumps(found).encode()
                self.send_response(500 if name in broken else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_given: object) -> None:
                """Nobody reads it."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/v1/query"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def audit(source: str, *more: str) -> tuple[int, list[str]]:
    """Exit code and printed lines."""
    command = [sys.executable, str(ROOT / "requirements" / "audit.py"), "--source", source, *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def locked() -> dict[str, str]:
    """Name and version of the requirements that every supported Python needs."""
    text = (ROOT / "requirements" / "run.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", text, re.MULTILINE))


def test_passed(serve: Serve) -> None:
    """A source that knows the trial package and nothing about ours: passed, with how many were asked about."""
    source = serve(KNOWN)
    code, lines = audit(source)
    found = re.fullmatch(
        rf"dependency audit: passed \((\d+) packages, none with a vulnerability known to {re.escape(source)}\)",
        lines[-1],
    )
    assert found is not None, lines
    assert (0, True) == (code, int(found[1]) >= len(locked()) - 2)  # some are for certain interpreters only


def test_failed(serve: Serve) -> None:
    """A known vulnerability in a locked version fails the check and is listed with what fixes it."""
    version = locked()["werkzeug"]
    code, lines = audit(serve({**KNOWN, "werkzeug": (version, "99.0")}))
    assert 1 == code
    assert [
        f"werkzeug {version}: TEST-werkzeug-1, fixed in 99.0",
        "dependency audit: FAILED (1 known vulnerabilities)",
    ] == lines


def test_nobody_answers() -> None:
    """Without a source the audit is not checked: the check goes on, and nothing is said to have passed."""
    code, lines = audit("http://127.0.0.1:9/v1/query")
    assert (0, ["dependency audit: NOT CHECKED (no advisory source answered)"]) == (code, lines)


def test_whoever_answers_all_is_no_source(serve: Serve) -> None:
    """A proxy that answers everybody knows no vulnerability at all: its silence about ours is worth nothing."""
    source = serve({})
    code, lines = audit(source)
    assert 0 == code
    assert [f"dependency audit: NOT CHECKED ({source} does not know that jinja2==2.4.1 is vulnerable)"] == lines


def test_an_answer_that_breaks_off_is_none(serve: Serve) -> None:
    """A source that fails half-way leaves the audit not checked."""
    source = serve(KNOWN, broken=("werkzeug",))
    code, lines = audit(source)
    assert (0, [f"dependency audit: NOT CHECKED ({source} stopped answering)"]) == (code, lines)


def test_it_is_part_of_the_check() -> None:
    """`make check` runs the audit over the locked requirements."""
    makefile = (ROOT / "Makefile").read_text()
    check = makefile[makefile.index("\ncheck:") : makefile.index("\nbench:")]
    assert "requirements/audit.py" in check
