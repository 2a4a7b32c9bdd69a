"""What all tests share: where the public data sets lie, which browser is used, and the line that says what was real."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings
from mongodb_server import NAMED, kind
from mongodb_server import mongodb_server as mongodb_server_in
from redis import Redis

from adapters import valkey
from adapters.settings import Settings
from adapters.stores import open_store
from adapters.wiring import Texts, load_texts

ROOT = Path(__file__).resolve().parent.parent

# A shared machine may stall for seconds: a deadline would fail a right answer. Examples are the same in every run.
settings.register_profile(
    "bylaw", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("bylaw")

NEEDS_SHARED = "needs the public data sets"
"""The reason every test skipped for lack of `../shared` starts with; `.ci/run` fails when it sees it."""

used: set[str] = set()
counts: list[str] = []
tallies: dict[str, Counter[str]] = {}


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of public data sets and worked examples, beside the repository or where `BYLAW_SHARED` says."""
    folder = Path(os.environ.get("BYLAW_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"{NEEDS_SHARED}: {folder.name}/ does not stand beside the repository (BYLAW_SHARED names another)")
    return folder


@pytest.fixture(scope="session")
def texts() -> Texts:
    """The shipped policies and schemas, compiled once."""
    return load_texts()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser the page tests drive."""
    for name in (os.environ.get("BYLAW_TEST_CHROMIUM", ""), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    pytest.fail("no Chromium found: `make test` installs it, or BYLAW_TEST_CHROMIUM names one")


@pytest.fixture
def real(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Call it with the name of a real server a test has talked to; the summary lists them all."""

    def note(component: str) -> None:
        record_property("real", component)

    return note


@pytest.fixture
def counted(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Call it with a sentence that says how much an exhaustive test has tried; the summary shows them all."""

    def note(sentence: str) -> None:
        record_property("counted", sentence)

    return note


@pytest.fixture
def proved(record_property: Callable[[str, object], None]) -> Callable[[str, Mapping[str, int]], None]:
    """Call it with what was shown and counts of what was compared for it; the summary adds them up over all tests."""

    def note(title: str, counts: Mapping[str, int]) -> None:
        record_property("proved", (title, dict(counts)))

    return note


@pytest.fixture(scope="session")
def queue_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a real Valkey that runs for the whole test run, as `bylaw up` runs it."""
    settings = Settings(home=tmp_path_factory.mktemp("queue-server"), database_url="memory:")
    process = subprocess.Popen(valkey.command(settings), stdout=subprocess.DEVNULL)
    try:
        while not valkey.answers(settings):
            assert process.poll() is None, "the queue server has ended"
            time.sleep(0.02)
        yield settings.queue_url
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def redis_url(queue_server: str, real: Callable[[str], None]) -> str:
    """Address of an empty queue server."""
    with Redis.from_url(queue_server) as client:
        client.flushall()
    real("Valkey")
    return queue_server


@pytest.fixture(scope="session")
def mongodb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MongoDB replica set, without a database.

    `BYLAW_TEST_MONGODB` names a real server; otherwise SecantusDB, which speaks the same wire protocol, runs as a child
    process for the session.
    """
    with mongodb_server_in(tmp_path_factory.mktemp("secantusdb")) as address:
        yield address


@pytest.fixture(scope="session")
def new_mongodb(mongodb_server: str) -> Iterator[Callable[[], str]]:
    """Gives the address of a database that nobody has used; a real server is left without it."""
    given: list[str] = []

    def new() -> str:
        given.append(f"{mongodb_server}/bylaw_{uuid4().hex[:12]}")
        return given[-1]

    yield new
    if NAMED in os.environ:  # our own server's files go with its folder, and it drops key by key, for minutes
        from pymongo import MongoClient

        for url in given:
            with MongoClient[dict[str, object]](url) as client:
                client.drop_database(client.get_default_database().name)


@pytest.fixture(scope="session")
def mongodb_url(new_mongodb: Callable[[], str]) -> str:
    """The address of a database of this session."""
    return new_mongodb()


@pytest.fixture(scope="session")
def reused_mongodb(new_mongodb: Callable[[], str]) -> str:
    """The address of a database with its indexes: making them for each test would be slow."""
    url = new_mongodb()
    open_store(url).close()
    return url


@pytest.fixture
def empty_mongodb(reused_mongodb: str) -> str:
    """The address of that database, emptied."""
    from pymongo import MongoClient

    from adapters.stores.mongodb.schema import FACTS

    with MongoClient[dict[str, object]](reused_mongodb) as client:
        database = client.get_default_database()
        for name in database.list_collection_names():
            if name != FACTS:
                database[name].delete_many({})
    return reused_mongodb


@pytest.fixture(scope="session")
def mongodb_kind() -> str:
    """What plays MongoDB's part in this run, for the line that says what was really used."""
    return kind()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the real components of passed tests, from every worker process."""
    if report.when == "call" and report.passed:
        used.update(value for name, value in report.user_properties if name == "real")
        counts.extend(value for name, value in report.user_properties if name == "counted")
        for name, value in report.user_properties:
            if name == "proved":
                title, tally = value
                tallies.setdefault(title, Counter()).update(tally)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which real servers the passed tests have used, and how much those have tried that try everything."""
    for title, tally in tallies.items():
        shown = ", ".join(f"{count:,} {name}" for name, count in tally.items())
        terminalreporter.write_line(f"{title}: {shown}")
    if used:
        terminalreporter.write_line("Really used: " + ", ".join(sorted(used)))
    for sentence in sorted(counts):
        terminalreporter.write_line(f"Counted: {sentence}")
