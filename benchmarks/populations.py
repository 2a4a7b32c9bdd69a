"""A million records and fifty rules: ours in columns beside numpy written by hand for exactly these rules.

Both get the same columns, whole numbers of 64 bits with texts encoded once, outside the timing; both give points and
the bits of the rules that fired.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

from benchmarks.contest import reason
from benchmarks.generated import (
    AT,
    INDUSTRIES,
    SEED,
    SOURCES,
    AtLeast,
    Between,
    Condition,
    IsTrue,
    OneOf,
    Rule,
    Within,
    score,
)
from benchmarks.peers.bylaw import rule_set
from benchmarks.results import OURS, Absence, Line, Section, Tally

CHUNK = 65_536
"""Records that numpy computes at a time: their columns stay in the processor's cache."""
SCALES = {"employees": 0, "annual_revenue": 2, "visits": 0, "minutes": 1}
CODED = {"industry": INDUSTRIES, "source": SOURCES}
SAMPLE = 2_000
ROUNDS = 3


@dataclass(frozen=True)
class Answers:
    """Points of each record, and the bits of the rules that fired."""

    points: Any
    bits: Any


def columns(count: int) -> dict[str, Any]:
    """Whole numbers in the fields' scales, codes of texts, truth values, minutes before `AT`."""
    import numpy as np  # noqa: PLC0415  # only populations need it

    chance = np.random.default_rng(SEED)
    return {
        "employees": chance.integers(1, 5_000, count),
        "annual_revenue": chance.integers(10_000, 9_000_000_000, count),
        "visits": chance.integers(0, 40, count),
        "minutes": chance.integers(0, 600, count),
        "industry": chance.integers(0, len(INDUSTRIES), count).astype(np.int8),
        "source": chance.integers(0, len(SOURCES), count).astype(np.int8),
        "consent": chance.random(count) < 0.8,
        "last_activity": chance.integers(1, 200_000, count),
    }


def record(given: dict[str, Any], row: int) -> dict[str, Any]:
    """One record of the columns, with the types that a rule has."""
    numbers = {name: Decimal(int(given[name][row])).scaleb(-scale) for name, scale in SCALES.items()}
    texts = {name: known[int(given[name][row])] for name, known in CODED.items()}
    activity = AT - timedelta(minutes=int(given["last_activity"][row]))
    return {**numbers, **texts, "consent": bool(given["consent"][row]), "last_activity": activity}


def many(count: int, rules: Sequence[Rule]) -> Section:
    """Rows a second of both; the same answers over all rows, and as one by one on a sample."""
    title = f"{count:,} records x {len(rules)} rules, points and bits of fired rules"
    key = "population"
    try:
        given = columns(count)
        hand = _by_hand(rules)
    except ImportError as error:
        return Section(key, title, "ms", (), (Absence("numpy", f"not installed ({error})"),))
    reference, taken = _measured(lambda: hand(given), lambda found: found)
    sample = range(0, count, max(1, count // SAMPLE))
    records = [record(given, row) for row in sample]
    numpy_wrong = sum(int(reference.points[row]) != score(rules, one) for row, one in zip(sample, records, strict=True))
    theirs = Line(
        "numpy",
        "by hand for these rules, texts encoded outside",
        taken,
        {"sample": Tally(len(records), numpy_wrong)},
        rate=count / (min(taken) / 1e9),
    )
    try:
        found, taken = _measured(*_ours(given, rules))
    except ImportError as error:
        return Section(key, title, "ms", (theirs,), (Absence(f"{OURS}, columns", reason(error)),))
    wrong = int(((found.points != reference.points) | (found.bits != reference.bits)).sum())
    alone = rule_set(rules)
    one_by_one = sum(
        alone.decide_typed(one, at=AT, as_of=AT).outcome["score"] != int(found.points[row])
        for row, one in zip(sample, records, strict=True)
    )
    ours = Line(
        OURS,
        "rule file decided in columns",
        taken,
        {"all rows": Tally(count, wrong), "one by one": Tally(len(records), one_by_one)},
        rate=count / (min(taken) / 1e9),
    )
    return Section(key, title, "ms", (ours, theirs))


def _measured(call: Callable[[], Any], read: Callable[[Any], Answers]) -> tuple[Answers, list[int]]:
    """The answers of the last round, and nanoseconds of each; a round before them warms up."""
    found, taken = call(), []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        found = call()
        taken.append(time.perf_counter_ns() - start)
    return read(found), taken


def _ours(given: dict[str, Any], rules: Sequence[Rule]) -> tuple[Callable[[], Any], Callable[[Any], Answers]]:
    """What is measured, and how its result is read. Raises `ImportError` without numpy."""
    import numpy as np  # noqa: PLC0415  # only populations need it

    columns = import_module("engine.columns")
    decided = rule_set(rules)
    instants = np.datetime64(AT.replace(tzinfo=None), "us") - given["last_activity"].astype("timedelta64[m]")
    numbers = {name: columns.scaled(given[name], scale) for name, scale in SCALES.items()}
    texts = {name: columns.coded(given[name], known) for name, known in CODED.items()}
    facts = {**numbers, **texts, "consent": given["consent"], "last_activity": instants}
    population = columns.Population.from_columns(decided.facts, facts)

    def call() -> Any:
        decisions = columns.decide_many(decided, population, at=AT, as_of=AT)
        return decisions.outcome_columns()["score"], decisions.bits.rules

    def read(found: Any) -> Answers:
        score, words = found
        return Answers(score.values / 10**score.scale, words[:, 0])

    return call, read


def _by_hand(rules: Sequence[Rule]) -> Callable[[dict[str, Any]], Answers]:
    import numpy as np  # noqa: PLC0415  # only populations need it

    def test(condition: Condition, chunk: dict[str, Any]) -> Any:
        values = chunk[condition.field]
        match condition:
            case Between(name, low, high):
                return (values >= low * 10 ** SCALES[name]) & (values < high * 10 ** SCALES[name])
            case AtLeast(name, bound):
                return values >= bound * 10 ** SCALES[name]
            case OneOf(name, wanted):
                found = values == CODED[name].index(wanted[0])
                for other in wanted[1:]:
                    found |= values == CODED[name].index(other)
                return found
            case IsTrue():
                return values
            case Within(_, days):
                return values <= days * 24 * 60

    def call(given: dict[str, Any]) -> Answers:
        count = len(given["employees"])
        points, bits = np.zeros(count, np.int64), np.zeros(count, np.uint64)
        for start in range(0, count, CHUNK):
            chunk = {name: column[start : start + CHUNK] for name, column in given.items()}
            total, fired = points[start : start + CHUNK], bits[start : start + CHUNK]
            for number, rule in enumerate(rules):
                hit = test(rule.conditions[0], chunk)
                for condition in rule.conditions[1:]:
                    hit = hit & test(condition, chunk)
                total += hit * np.int64(rule.points)
                fired |= hit.astype(np.uint64) << np.uint64(number)
        return Answers(points, bits)

    return call
