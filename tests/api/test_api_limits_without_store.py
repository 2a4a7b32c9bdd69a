"""The real web server with a real Valkey that is killed while requests come in, and comes back."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

import pytest
from live_server import ask, free_port, running
from small_world import fill, settings, token_of

from adapters import valkey
from adapters.settings import Settings
from adapters.wiring import Texts, build_in_memory
from engine.records import Record

pytestmark = pytest.mark.xdist_group("api-server")

JSON = {"Authorization": f"Bearer {token_of('person-sales_rep')}", "Content-Type": "application/json"}
EVALUATE = "/api/v1/evaluate/lead-priority/inbound"
BODY = b'{"facts": {"employees": 800, "industry": "retail"}, "explain": false}'
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PERSON = urlencode({"person_id": "person-sales_rep"}).encode()


@contextmanager
def queue_process(chosen: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """A Valkey as `bylaw up` runs it; killed at the end, if it still lives."""
    process = subprocess.Popen(valkey.command(chosen), stdout=subprocess.DEVNULL)
    try:
        while not valkey.answers(chosen):
            assert process.poll() is None, "the queue server has ended"
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


class Load(threading.Thread):
    """Asks for decisions one after the other until it is stopped."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.port, self.stopped = port, threading.Event()
        self.statuses: list[int] = []

    def run(self) -> None:
        while not self.stopped.is_set():
            self.statuses.append(ask(self.port, "POST", EVALUATE, BODY, JSON)[0])

    def go_on(self, answers: int) -> None:
        """Wait for so many answers more."""
        wanted = len(self.statuses) + answers
        while len(self.statuses) < wanted:
            assert self.is_alive()
            time.sleep(0.01)


def test_killed_under_load(
    tmp_path: Path, texts: Texts, published: tuple[Record, ...], real: Callable[[str], None]
) -> None:
    """Without the store decisions go on, signing in is refused with 503, and both are as before when it is back."""
    chosen = replace(settings(tmp_path, f"sqlite:///{tmp_path / 'bylaw.sqlite3'}"), port=free_port())
    with build_in_memory(chosen, texts=texts) as built:
        fill(built, published)
    with running(chosen) as server:

        def sign_in() -> tuple[int, bool]:
            status, headers, body = ask(server.port, "POST", "/sign-in", PERSON, FORM)
            return status, b"limits.unavailable" in body and "Retry-After" in headers

        with queue_process(chosen) as process:
            assert (303, False) == sign_in()
            loads = [Load(server.port) for _ in range(3)]
            for load in loads:
                load.start()
            for load in loads:
                load.go_on(15)
            process.kill()
            process.wait()
            assert (503, True) == sign_in()
            for load in loads:
                load.go_on(15)
            assert (503, True) == sign_in()
        with queue_process(chosen):
            end = time.monotonic() + 30
            while sign_in()[0] != 303:
                assert time.monotonic() < end, "signing in is still refused"
                time.sleep(0.2)
            for load in loads:
                load.go_on(5)
                load.stopped.set()
            for load in loads:
                load.join(30)
    assert {200} == {status for load in loads for status in load.statuses}
    real("Valkey")
    real("gunicorn")


def test_processes_that_lost_the_store_share_the_amount(
    tmp_path: Path, texts: Texts, published: tuple[Record, ...], real: Callable[[str], None]
) -> None:
    """Two processes that count for themselves grant no more together than the limit says."""
    amounts = (("evaluation", 10),)
    chosen = replace(
        settings(tmp_path, f"sqlite:///{tmp_path / 'bylaw.sqlite3'}"),
        port=free_port(), web_processes=2, rate_limits=amounts,
    )  # fmt: skip
    with build_in_memory(chosen, texts=texts) as built:
        fill(built, published)
    with running(chosen) as server:  # no Valkey runs
        found = [ask(server.port, "POST", EVALUATE, BODY, JSON)[0] for _ in range(60)]
    assert {200, 429} == set(found)
    assert 5 <= found.count(200) <= 10
    real("gunicorn")
