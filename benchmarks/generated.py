"""What every engine is asked: rules, rows, leads and amounts, generated from one seed, in no engine's language.

A condition is a value; each peer's module writes it in that peer's language, and `oracle` says what is true.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

SEED: Final = 20_261_123
AT: Final = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""The instant of every evaluation."""

INDUSTRIES: Final = ("retail", "logistics", "software", "finance", "media", "education")
SOURCES: Final = ("web form", "referral", "partner", "trade show", "outbound")
BANDS: Final = ((0, "0.02"), (10_000, "0.03"), (25_000, "0.045"), (60_000, "0.06"), (120_000, "0.08"), (250_000, "0.1"))
"""Where a band of the commission starts, and its rate on what lies within it."""

CENT: Final = Decimal("0.01")

Lead = Mapping[str, Any]
"""`employees`, `annual_revenue`, `visits`, `minutes` (`Decimal`), `industry`, `source`, `consent`, `last_activity`."""


@dataclass(frozen=True, slots=True)
class Between:
    """`low <= field < high`."""

    field: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`field >= bound`."""

    field: str
    bound: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """The text is one of these; a single one is written as an equality."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IsTrue:
    """The truth value is true."""

    field: str


@dataclass(frozen=True, slots=True)
class Within:
    """The instant lies at most so many days before `AT`."""

    field: str
    days: int


Condition = Between | AtLeast | OneOf | IsTrue | Within


@dataclass(frozen=True, slots=True)
class Rule:
    """Points for the leads of which all conditions hold."""

    id: str
    conditions: tuple[Condition, ...]
    points: int


Row = tuple[Condition, ...]
"""The cells of a table's row: industry, employees, visits. Its position is its output."""


def leads(count: int, *, seed: int = SEED) -> list[dict[str, Any]]:
    """Leads with exact numbers."""
    chance = random.Random(seed)
    return [
        {
            "employees": Decimal(chance.randrange(1, 5_000)),
            "annual_revenue": Decimal(chance.randrange(10_000, 9_000_000_000)) / 100,
            "visits": Decimal(chance.randrange(0, 40)),
            "minutes": Decimal(chance.randrange(0, 600)) / 10,
            "industry": chance.choice(INDUSTRIES),
            "source": chance.choice(SOURCES),
            "consent": chance.random() < 0.8,
            "last_activity": AT - timedelta(minutes=chance.randrange(1, 200_000)),
        }
        for _ in range(count)
    ]


def scoring_rules(count: int = 50, *, seed: int = SEED) -> list[Rule]:
    """Rules of two or three conditions, each of one of four shapes; one rule in ten looks at an instant."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        low = chance.randrange(1, 4_000)
        visits = chance.randrange(0, 30)
        conditions: tuple[Condition, ...]
        match number % 10:
            case 0 | 4 | 7:
                picked = tuple(chance.sample(INDUSTRIES, 2))
                conditions = (Between("employees", low, low + chance.randrange(100, 2_000)), OneOf("industry", picked))
            case 1 | 5 | 8:
                source = (chance.choice(SOURCES),)
                conditions = (AtLeast("visits", visits), OneOf("source", source), IsTrue("consent"))
            case 2 | 6 | 9:
                conditions = (AtLeast("annual_revenue", low * 10_000), AtLeast("minutes", visits))
            case _:
                conditions = (Within("last_activity", chance.randrange(1, 120)), AtLeast("employees", low))
        made.append(Rule(f"r{number}", conditions, chance.choice((5, 8, 10, 15, 20, 25, 30))))
    return made


def table_rows(count: int, *, seed: int = SEED) -> list[Row]:
    """Rows with a text, an interval of numbers and a lower bound."""
    chance = random.Random(seed)
    made: list[Row] = []
    for _ in range(count):
        low = chance.randrange(0, 5_000)
        made.append(
            (
                OneOf("industry", (chance.choice(INDUSTRIES),)),
                Between("employees", low, low + chance.randrange(1, 60)),
                AtLeast("visits", chance.randrange(0, 40)),
            )
        )
    return made


def payout(amount: Decimal) -> Decimal:
    """What the six bands earn on an amount, exact and unrounded: the definition that every answer is compared with."""
    total = Decimal(0)
    tops = [*(Decimal(start) for start, _ in BANDS[1:]), amount]
    for (start, rate), top in zip(BANDS, tops, strict=True):
        if amount > start:
            total += (min(amount, top) - start) * Decimal(rate)
    return total


def commission(amount: Decimal) -> Decimal:
    """The payout rounded half up to the cent, once."""
    return payout(amount).quantize(CENT, ROUND_HALF_UP)


ORDINARY, HALF_CENT, LARGE = "ordinary", "half-cent", "17-18 digits"


def amounts(ordinary: int, traps: int, *, seed: int = SEED) -> tuple[list[Decimal], list[str]]:
    """Amounts in mixed order, each with its sort: `traps` of each of the two sorts on which binary numbers fail.

    A half-cent amount's exact payout ends in 5 tenths of a cent; a large one has 17 or 18 digits.
    """
    chance = random.Random(seed)
    made = [(Decimal(chance.randrange(0, 50_000_000)) / 100, ORDINARY) for _ in range(ordinary)]
    while len(made) < ordinary + traps:
        amount = Decimal(chance.randrange(0, 50_000_000)) / 100
        if payout(amount) % CENT == CENT / 2:
            made.append((amount, HALF_CENT))
    made += [(Decimal(chance.randrange(10**16, 10**18)) / 100, LARGE) for _ in range(traps)]
    chance.shuffle(made)
    return [amount for amount, _ in made], [sort for _, sort in made]


def holds(condition: Condition, lead: Lead) -> bool:
    """Whether a condition is true of a lead."""
    value = lead[condition.field]
    match condition:
        case Between(_, low, high):
            return bool(low <= value < high)
        case AtLeast(_, bound):
            return bool(value >= bound)
        case OneOf(_, values):
            return value in values
        case IsTrue():
            return bool(value)
        case Within(_, days):
            return bool(value >= AT - timedelta(days=days))


def score(rules: Sequence[Rule], lead: Lead) -> int:
    """The sum of the points of the rules that fire."""
    return sum(rule.points for rule in rules if all(holds(condition, lead) for condition in rule.conditions))


def first_hit(rows: Sequence[Row], lead: Lead) -> int:
    """The position of the first row that matches, -1 without one."""
    return next((at for at, row in enumerate(rows) if all(holds(condition, lead) for condition in row)), -1)
