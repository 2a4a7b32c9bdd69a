"""The application behind the real web server, asked over a real socket."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A running server: its home, its port and its process."""

    home: Path
    port: int
    process: subprocess.Popen[bytes]


@contextmanager
def running(chosen: Settings, **environment: str) -> Iterator[Server]:
    """The server as `bylaw up` starts it, with these settings; `home/log` holds what it writes."""
    command = [sys.executable, "-m", "gunicorn", "--config", "python:adapters.web_server"]
    with (chosen.home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **chosen.environment(), **environment}, stdout=log, stderr=log
        )
    try:
        wait_until_live(chosen.port, process, chosen.home / "log")
        yield Server(chosen.home, chosen.port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def wait_until_live(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the server answers; fail with its log if it never does."""
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            if ask(port, "GET", "/health/live")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
    pytest.fail(log.read_text())


def ask(
    port: int, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()
