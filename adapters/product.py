"""What `bylaw up` runs: queue server, preparation, worker and web server, as programs of the supervisor."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from adapters import home as home_directory
from adapters import valkey
from adapters.settings import Settings
from adapters.supervisor import HomeLock, Log, Program, Supervisor, listen

HEALTH = "/health/ready"
HEALTH_SECONDS = 1
_PYTHON = (sys.executable, "-m")


def supervise(settings: Settings, stream: TextIO, *, colour: bool = False, reload: bool = False) -> None:
    """Run the product until a stop signal, with one log on `stream`. Must be called in the main thread.

    Raises `ConflictError` (`home.in_use`) and `UnavailableError` (`home.unusable`, `up.port_in_use`,
    `up.address_unusable`, `up.queue_server_missing`, `up.gave_up`), each in one sentence.
    """
    home_directory.prepare(settings.home)
    log = Log(stream, colour=colour)
    with ExitStack() as stack:
        stack.enter_context(HomeLock(settings.home))
        web_socket = stack.enter_context(closing(listen(settings.host, settings.port)))
        settings = replace(settings, port=web_socket.getsockname()[1])
        if settings.embedded_queue and valkey.end_stale(settings):
            log.say("ended a queue server that an earlier run had left behind")
        if settings.secret_key is None:
            settings = replace(settings, secret_key=home_directory.secret_key(settings.home))
        if settings.example_sign_in is None:
            own_machine = settings.loopback and not settings.production
            settings = replace(settings, example_sign_in=own_machine and settings.oidc_issuer is None)
        log.say(f"starting on {settings.home}; Ctrl-C stops")
        if settings.local_sign_in:
            log.say("example sign-in is on: whoever can open a page on this machine can be anyone, without a password")
        supervisor = Supervisor(
            programs(settings, web_socket.fileno(), reload=reload),
            log,
            ready=lambda: answers(settings.host, settings.port),
            on_ready=lambda: log.say(f"ready: open {settings.address}"),
        )
        supervisor.run()
        log.say("stopped")


def programs(settings: Settings, web_descriptor: int, *, reload: bool = False) -> tuple[Program, ...]:
    """The programs in the order of their start. Each gets the settings as its environment."""
    environment = child_environment(settings)
    queue = Program(
        "queue",
        valkey.command(settings) if settings.embedded_queue else (),
        environment,
        foundation=True,
        ready=lambda: valkey.answers(settings),
        readable=valkey.readable,
    )
    prepare = Program("setup", (*_PYTHON, "cli", "prepare", "--quiet"), environment, once=True, grace_seconds=10)
    # A worker ends its present chunk before it goes.
    worker = Program("worker", (*_PYTHON, "jobs"), environment, grace_seconds=8)
    listening = ("--bind", f"fd://{web_descriptor}", *(("--reload",) if reload else ()))
    web = Program(
        "web",
        (*_PYTHON, "gunicorn", "--config", "python:adapters.web_server", *listening),
        environment,
        descriptors=(web_descriptor,),
        readable=readable_web_line,
    )
    return (*((queue,) if settings.embedded_queue else ()), prepare, worker, web)


def child_environment(settings: Settings) -> dict[str, str]:
    """Our own environment with these settings in it, from which a child reads the same."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BYLAW_")}
    root = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join(part for part in (root, kept.get("PYTHONPATH", "")) if part)
    # The secret travels in the environment, which only processes of the same person can read.
    return {**kept, **settings.environment(), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def answers(host: str, port: int) -> bool:
    """Whether the web server says that everything is ready."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104  # compared, not bound
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104  # the same
    connection = http.client.HTTPConnection(host, port, timeout=HEALTH_SECONDS)
    try:
        connection.request("GET", HEALTH)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException, socket.gaierror):
        return False
    finally:
        connection.close()


_WEB_NOISE = (
    "Starting gunicorn",
    "Listening at:",
    "Using worker:",
    "Booting worker",
    "Handling signal",
    "Worker exiting",
    "Shutting down: Master",
)


def readable_web_line(line: str) -> str | None:
    """A line of the web server, unless it only says what the supervisor's own lines say already."""
    text = line.rstrip()
    return None if text.startswith(_WEB_NOISE) else text
