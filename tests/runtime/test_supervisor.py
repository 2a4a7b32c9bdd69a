"""The supervisor over real processes."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest

from adapters.supervisor import Log, Program, Supervisor
from adapters.supervisor import supervisor as loop
from engine.problems import UnavailableError

STAND_IN = Path(__file__).with_name("stand_in_programs.py")


def program(name: str, *arguments: str, **more: object) -> Program:
    return Program(name, (sys.executable, str(STAND_IN), *arguments), dict(os.environ), **more)


class Watched:
    """A log whose lines can end the run: `until` maps a text to what happens when a line holds it."""

    def __init__(self, until: str, times: int = 1) -> None:
        self.text = io.StringIO()
        self._until, self._left = until, times
        self.log = Log(self, clock=lambda: datetime(2026, 11, 2, 7, 1, 2))  # noqa: DTZ001  # a wall clock, for people

    def write(self, line: str) -> int:
        if self._until in line:
            self._left -= 1
            if not self._left:
                os.kill(os.getpid(), signal.SIGTERM)
        return self.text.write(line)

    def flush(self) -> None:
        """A file's method."""

    @property
    def lines(self) -> list[str]:
        return self.text.getvalue().splitlines()


def runs(pid: int) -> bool:
    """Whether the process lives; one that nobody has waited for yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_stop() -> None:
    """A stop signal ends every program and is said once; `run` returns its number."""
    watched = Watched("staying", times=2)
    stopped_by = Supervisor([program("one", "stay"), program("two", "stay")], watched.log).run()
    assert signal.SIGTERM == stopped_by
    *first, last = watched.lines
    assert ["07:01:02 one    staying", "07:01:02 two    staying"] == sorted(first)
    assert "07:01:02 bylaw  stopping" == last


def test_restart(tmp_path: Path) -> None:
    """A program that ends by itself is started again, with a line that says how it ended."""
    watched = Watched("second life")
    Supervisor([program("web", "end-first-time", str(tmp_path / "marker"))], watched.log).run()
    assert "07:01:02 bylaw  web ended with code 3; starting it again in 0.5 s" in watched.lines


def test_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that ends again and again within seconds stops everything, with its last line as the reason."""
    monkeypatch.setattr(loop, "FIRST_PAUSE_SECONDS", 0.01)
    watched = Watched("never")
    with pytest.raises(UnavailableError) as raised:
        Supervisor([program("one", "stay"), program("web", "end", "7")], watched.log).run()
    assert "up.gave_up" == raised.value.code
    assert "`web` ended with code 7, 5 times within seconds of its start: cannot go on" == str(raised.value)


def test_preparation_that_fails() -> None:
    """A program that runs once and fails stops the start: what depends on it never runs."""
    watched = Watched("never")
    with pytest.raises(UnavailableError) as raised:
        Supervisor([program("setup", "end", "5", once=True), program("web", "stay")], watched.log).run()
    assert "`setup` ended with code 5: cannot go on" == str(raised.value)
    assert ["07:01:02 setup  cannot go on"] == watched.lines


def test_order() -> None:
    """A later program starts only once the earlier one is ready, and preparation only once it has ended."""
    seen: list[str] = []
    watched = Watched("staying")

    def ready() -> bool:
        seen.append("asked")
        return len(seen) > 3

    Supervisor(
        [
            program("queue", "deaf", ready=ready, grace_seconds=0),
            program("setup", "talk", once=True),
            program("web", "stay"),
        ],
        watched.log,
    ).run()
    assert ["queue", "setup", "setup", "setup", "web", "bylaw"] == [line.split()[1] for line in watched.lines]
    assert "07:01:02 setup  without end" == watched.lines[3]


def test_deaf() -> None:
    """A program that does not end when asked is killed after its grace."""
    watched = Watched("not listening")
    started = time.monotonic()
    Supervisor([program("deaf", "deaf", grace_seconds=1)], watched.log).run()
    assert 1 <= time.monotonic() - started


def test_no_orphans() -> None:
    """A grandchild in a session of its own does not outlive the run."""
    watched = Watched("not listening")
    Supervisor([program("family", "family")], watched.log).run()
    grandchild = int(next(line for line in watched.lines if "grandchild" in line).split()[-1])
    assert not runs(grandchild)


def test_death_of_the_supervisor() -> None:
    """When the supervisor itself is killed, its programs end too."""
    code = f"""
import os, sys
from adapters.supervisor import Log, Program, Supervisor
from adapters.supervisor.program import children
one = Program("one", (sys.executable, {str(STAND_IN)!r}, "stay"), dict(os.environ))
Supervisor([one], Log(sys.stdout), on_ready=lambda: print(*children(), flush=True)).run()
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = next(line.strip() for line in process.stdout if line.strip().isdigit())
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while runs(int(line)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not runs(int(line))
