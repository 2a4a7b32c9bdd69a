"""A million records and fifty rules: ours in columns beside numpy written by hand for exactly these rules.

Both get the same columns, whole numbers of 64 bits with texts encoded once, outside the timing; both give points and
the bits of the rules that fired.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib import metadata
from typing import Any

import numpy as np

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
from benchmarks.results import OURS, Line, Section, Tally
from engine.columns import Population, coded, decide_many, scaled
from engine.rulefile import RuleSet

CHUNK = 65_536
"""Records that numpy computes at a time: their columns stay in the processor's cache."""
SCALES = {"employees": 0, "annual_revenue": 2, "visits": 0, "minutes": 1}
CODED = {"industry": INDUSTRIES, "source": SOURCES}
SAMPLE = 2_000
ROUNDS = 5


@dataclass(frozen=True)
class Answers:
    """Points of each record, and the bits of the rules that fired."""

    points: Any
    bits: Any


def columns(count: int) -> dict[str, Any]:
    """Whole numbers in the fields' scales, codes of texts, truth values, minutes before `AT`."""
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
    given = columns(count)
    (found, ours), (reference, theirs) = _measured(_ours(given, rules), _by_hand(given, rules))
    sample = range(0, count, max(1, count // SAMPLE))
    records = [(row, record(given, row)) for row in sample]
    alone = rule_set(rules)
    wrong = int(((found.points != reference.points) | (found.bits != reference.bits)).sum())
    otherwise = sum(_alone(alone, one) != int(found.points[row]) for row, one in records)
    by_hand = sum(int(reference.points[row]) != score(rules, one) for row, one in records)
    tallies = {"all rows": Tally(count, wrong), "one by one": Tally(len(records), otherwise)}
    lines = (
        Line(OURS, "rule file decided in columns", ours, tallies, rate=count / (statistics.median(ours) / 1e9)),
        Line(
            f"numpy {metadata.version('numpy')}",
            "by hand for these rules",
            theirs,
            {"sample": Tally(len(records), by_hand)},
            rate=count / (statistics.median(theirs) / 1e9),
        ),
    )
    title = f"{count:,} records x {len(rules)} rules, points and bits of fired rules"
    return Section("population", title, "ms", lines)


def _alone(rules: RuleSet, lead: dict[str, Any]) -> int:
    return int(rules.decide_typed(lead, at=AT, as_of=AT).outcome["score"])


def _measured(*sides: tuple[Callable[[], Any], Callable[[Any], Answers]]) -> list[tuple[Answers, list[int]]]:
    """The answers of each side and the nanoseconds of its rounds, taken in turn; a round before them warms up."""
    found = [call() for call, _ in sides]
    taken: list[list[int]] = [[] for _ in sides]
    for _ in range(ROUNDS):
        for at, (call, _) in enumerate(sides):
            start = time.perf_counter_ns()
            found[at] = call()
            taken[at].append(time.perf_counter_ns() - start)
    return [(read(one), times) for (_, read), one, times in zip(sides, found, taken, strict=True)]


def _ours(given: dict[str, Any], rules: Sequence[Rule]) -> tuple[Callable[[], Any], Callable[[Any], Answers]]:
    """What is measured, and how its result is read."""
    decided = rule_set(rules)
    instants = np.datetime64(AT.replace(tzinfo=None), "us") - given["last_activity"].astype("timedelta64[m]")
    numbers = {name: scaled(given[name], scale) for name, scale in SCALES.items()}
    texts = {name: coded(given[name], known) for name, known in CODED.items()}
    facts = {**numbers, **texts, "consent": given["consent"], "last_activity": instants}
    population = Population.from_columns(decided.facts, facts)

    def call() -> Any:
        decisions = decide_many(decided, population, at=AT, as_of=AT)
        assert decisions.bits is not None
        return decisions.outcome_columns()["score"], decisions.bits.rules

    def read(found: Any) -> Answers:
        score, words = found
        return Answers(score.values / 10**score.scale, words[:, 0])

    return call, read


def _by_hand(
    given: dict[str, Any], rules: Sequence[Rule]
) -> tuple[Callable[[], Answers], Callable[[Answers], Answers]]:
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

    def call() -> Answers:
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

    return call, lambda found: found
