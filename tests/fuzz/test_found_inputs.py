"""Inputs that once crashed, hung or made two executors disagree: `tests/cases/fuzz/TARGET/NAME`, and every seed."""

from __future__ import annotations

from pathlib import Path

import pytest
from run import NAMES
from targets import CASES, TARGETS

FOUND = sorted(path for path in (CASES / "fuzz").glob("*/*") if path.is_file())


@pytest.mark.parametrize("path", FOUND, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_found_fault_stays_repaired(path: Path) -> None:
    """An input that the fuzzer found a fault with works, or is refused with problems."""
    TARGETS[path.parent.name].run(path.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_works_or_is_refused(name: str) -> None:
    """The inputs that fuzzing starts from have no fault, so what it finds is new."""
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for data in seeds:
        TARGETS[name].run(data)


def test_every_target_is_run() -> None:
    """`make fuzz` runs every target that there is, and names none that there is not."""
    assert tuple(TARGETS) == NAMES
