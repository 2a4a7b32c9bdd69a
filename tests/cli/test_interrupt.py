"""Ctrl-C while a job runs in the foreground."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_runs import ROOT, Run, environment

# The command itself, with a pause after each small chunk so that there is time to interrupt it.
SLOW = """
import sys, time
from engine.service import scoring
from cli import foreground
from cli.main import main
scoring.CHUNK = 10
real = foreground.run_job
def slow(*given, beat, **named):
    def pause(job):
        beat(job)
        print(job["done"], file=sys.stderr, flush=True)
        time.sleep(0.1)
    return real(*given, beat=pause, **named)
foreground.run_job = slow
main(["score", "leads", "--json"])
"""


@pytest.mark.parametrize("times", [1, 2])
def test_interrupt(bylaw: Callable[..., Run], example_home: Path, tmp_path: Path, times: int) -> None:
    """One Ctrl-C cancels the job after its present chunk; a second leaves at once; both end with 130."""
    home = Path(shutil.copytree(example_home, tmp_path / "copy"))
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW],
        cwd=ROOT,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while process.stderr.readline().strip() != "30":
        assert process.poll() is None
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
    process.communicate(timeout=30)
    assert 130 == process.returncode
    job = bylaw("jobs", "list", "--limit", "1", "--json", home=home).json["items"][0]
    assert 30 <= int(job["done"]) < 240
    assert job["cancel_requested"]
    if times == 1:
        assert "cancelled" == job["state"]


# A signal arrives while a chunk's transaction is open, as most do on a busy machine.
INSIDE = """
import os, signal
from engine.service import scoring
from cli.main import main
scoring.CHUNK = 10
real = scoring.store_scored
seen = []
def store(*given):
    seen.append(given)
    if len(seen) in {signals}:
        os.kill(os.getpid(), signal.SIGINT)
    return real(*given)
scoring.store_scored = store
main(["score", "leads", "--json"])
"""


@pytest.mark.parametrize("signals", [(15,), (15, 16)], ids=["once", "twice"])
def test_interrupt_inside_a_transaction(
    bylaw: Callable[..., Run], example_home: Path, tmp_path: Path, signals: tuple[int, ...]
) -> None:
    """Ctrl-C in the middle of a chunk cancels the job too, and never makes it fail."""
    home = Path(shutil.copytree(example_home, tmp_path / "copy"))
    found = subprocess.run(
        [sys.executable, "-c", INSIDE.replace("{signals}", repr(signals))],
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (130, False) == (found.returncode, "Traceback" in found.stderr)
    job = bylaw("jobs", "list", "--limit", "1", "--json", home=home).json["items"][0]
    assert (True, "cancelled" if len(signals) == 1 else "running") == (job["cancel_requested"], job["state"])
