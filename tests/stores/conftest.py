"""The three stores under one suite, and the server that speaks MongoDB's wire protocol.

`BYLAW_TEST_MONGODB` names a real server (a replica set, no database in the address); otherwise SecantusDB runs as
a child process for the session. The line at the end of the run says which it was, and what SecantusDB cannot enforce.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.stores import open_store
from engine.policy import Policies
from engine.ports import Store


@pytest.fixture(scope="session")
def mongodb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MongoDB replica set, without a database."""
    if named := os.environ.get("BYLAW_TEST_MONGODB"):
        yield named.rstrip("/")
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("secantusdb")
    program = Path(sys.executable).with_name("secantusd-py")
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "--port", str(port), "--storage-path", folder / "files", "--cache-size", "256M"],
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        _wait_for(port, server)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert server.poll() is None, "SecantusDB ended at once"
            assert time.monotonic() < end, "SecantusDB does not answer"
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def mongodb_url(mongodb_server: str) -> str:
    """The address of a database of this session."""
    return f"{mongodb_server}/bylaw_{uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def mongodb_store(mongodb_url: str) -> Iterator[Store]:
    """One store for the session: making sixty indexes for each test would be slow."""
    from pymongo import MongoClient

    store = open_store(mongodb_url)
    yield store
    store.close()
    client: MongoClient[dict[str, object]] = MongoClient(mongodb_url)
    client.drop_database(mongodb_url.rsplit("/", 1)[1])
    client.close()


MONGODB = (
    "a MongoDB server"
    if "BYLAW_TEST_MONGODB" in os.environ
    else "MongoDB's wire protocol (SecantusDB, which does not enforce roles on collections)"
)


@pytest.fixture(params=["memory", "sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, real: Callable[[str], None]) -> Iterator[Store]:
    """Each store in turn. MongoDB's is shared by the session: tests use organisations of their own."""
    if request.param == "mongodb":
        shared = request.getfixturevalue("mongodb_store")
        real(MONGODB)
        yield shared
        return
    if request.param == "sqlite":
        real("SQLite")
    opened = open_store("memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'records.db'}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def policies() -> Policies:
    """The shipped policies."""
    folder = Path(__file__).resolve().parents[2] / "policies"
    return Policies.load({path.name: path.read_text() for path in folder.glob("*.polar")})


@pytest.fixture
def organisation() -> str:
    """The id of an organisation that no other test uses."""
    return f"org-{uuid4().hex[:12]}"
