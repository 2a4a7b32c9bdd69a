"""What plays MongoDB's part where one is needed and none is named, for the tests and for measuring."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMED = "BYLAW_TEST_MONGODB"
"""The environment's name for the address of a real replica set."""
PATIENCE_SECONDS = 60


def kind() -> str:
    """In one phrase, with what it lacks of what is asked of MongoDB."""
    if NAMED in os.environ:
        return "a MongoDB server"
    lacks = "neither enforces roles on collections nor reads an order from an index"
    return f"MongoDB's wire protocol (SecantusDB, which {lacks})"


@contextmanager
def mongodb_server(folder: Path) -> Iterator[str]:
    """The address, without a database, of the named server, or of SecantusDB as a child process with its files here.

    Raises `OSError` where SecantusDB is not installed, does not start or does not answer.
    """
    if named := os.environ.get(NAMED):
        yield named.rstrip("/")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).with_name("secantusd-py")
    command = [str(program), "--port", str(port), "--storage-path", str(folder / "files"), "--cache-size", "256M"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    try:
        _wait_for(port, server)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if server.poll() is not None:
                raise OSError("SecantusDB ended at once") from None
            if time.monotonic() > end:
                raise OSError("SecantusDB does not answer") from None
            time.sleep(0.05)
        else:
            return
