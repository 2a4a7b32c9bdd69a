"""What costs time before the first answer: importing, and loading many rule files, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.contest import CannotError
from benchmarks.families import FAMILIES
from benchmarks.generated import SEED, Rule, leads, score, scoring_rules
from benchmarks.peers.family import Family
from benchmarks.results import OURS, Absence, Line, Section, Tally

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("oso", "numpy", "jsonschema", "openpyxl", "flask", "redis", "pymongo")
"""What importing the engine must not load; each that is loaded counts as a wrong answer."""
RULES_A_FILE = 10
PATIENCE_SECONDS = 120

_IMPORT = "import sys, time; s = time.perf_counter_ns(); import {0}; print(time.perf_counter_ns() - s, *sys.modules)"


def imports(rounds: int = 7) -> Section:
    """Importing all that loading and deciding need, and the public list alone, beside importing each peer."""
    lines, absences = [], []
    packages = [(OURS, "engine.public, engine.kinds, engine.tables"), (OURS, "engine")]
    packages += [(family.name, family.package) for family in FAMILIES if family.package]
    for name, package in packages:
        try:
            found = [_python("-c", _IMPORT.format(package)).split() for _ in range(rounds)]
        except CannotError as error:
            absences.append(Absence(name, str(error)))
            continue
        loaded = sum(heavy in found[0] for heavy in HEAVY)
        right = {"packages that must stay away": Tally(len(HEAVY), loaded)} if name == OURS else {}
        lines.append(Line(name, f"import {package}", [int(one[0]) for one in found], right))
    return Section("import time", "Import in a fresh process", "ms", lines, absences)


def cold_load(files: int, rounds: int = 3) -> Section:
    """From a fresh interpreter's first import to an answer of every one of many rule files."""
    title = f"Cold load in a fresh process: import, load {files} files of {RULES_A_FILE} rules, one decision of each"
    sets = [scoring_rules(RULES_A_FILE, seed=SEED + number) for number in range(files)]
    expected = sum(score(rules, leads(1)[0]) for rules in sets)
    lines, absences = [], []
    with tempfile.TemporaryDirectory() as home:
        for at, family in enumerate(FAMILIES):
            folder = Path(home) / str(at)
            folder.mkdir()
            try:
                lines.append(_loaded(family, sets, folder, expected, rounds))
            except CannotError as error:
                absences.append(Absence(family.name, str(error)))
    return Section("cold load", title, "ms", lines, absences)


def _loaded(family: Family, sets: Sequence[Sequence[Rule]], folder: Path, expected: int, rounds: int) -> Line:
    if family.package:
        family.module()
    for number, rules in enumerate(sets):
        (folder / str(number)).write_bytes(family.scoring_file(rules))
    module = type(family).__module__
    taken, wrong = [], 0
    for _ in range(rounds):
        nanoseconds, answer = _python("-m", "benchmarks.cold", module, str(folder)).split()
        taken.append(int(nanoseconds))
        wrong += int(answer) != expected
    form = "rule files, checked against facts" if family.name == OURS else "its own files"
    return Line(family.title, form, taken, {"": Tally(rounds, wrong)})


def _python(*arguments: str) -> str:
    """What a new interpreter prints. Raises `CannotError` with the last line of its complaint, or for its slowness."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *arguments]
    try:
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise CannotError(f"not done within {PATIENCE_SECONDS} s") from None
    if done.returncode:
        complaint = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise CannotError(complaint[-1][:160])
    return done.stdout
