"""What both engines of CEL share: conditions in the Common Expression Language.

It has no decimals (a `Decimal` silently becomes a double or is refused), and no first-hit table: a table is a chain of
conditional expressions, cut where an engine's limit of nesting is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from benchmarks.contest import Call, Entrant
from benchmarks.generated import BANDS, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family, balanced_sum, listed, to_cents

NOW = "2026-11-02T09:00:00Z"
WHOLE = ("employees", "visits")


def number(name: str, value: int) -> str:
    """A literal of the field's type: whole and double numbers do not compare in the checked engine."""
    return str(value) if name in WHOLE else f"{value}.0"


def text(condition: Condition) -> str:
    """A condition."""
    match condition:
        case Between(name, low, high):
            return f"{name} >= {number(name, low)} && {name} < {number(name, high)}"
        case AtLeast(name, bound):
            return f"{name} >= {number(name, bound)}"
        case OneOf(name, (value,)):
            return f'{name} == "{value}"'
        case OneOf(name, values):
            return f"{name} in [{listed(values)}]"
        case IsTrue(name):
            return name
        case Within(name, days):
            return f'{name} >= timestamp("{NOW}") - duration("{days * 24}h")'


def convert(lead: Any) -> dict[str, Any]:
    """A lead with whole and binary numbers."""
    return {
        name: (int(value) if name in WHOLE else float(value)) if isinstance(value, Decimal) else value
        for name, value in lead.items()
    }


def scoring_text(rules: Sequence[Rule]) -> str:
    """All rules as one sum."""
    return balanced_sum([f"({' && '.join(map(text, rule.conditions))} ? {rule.points} : 0)" for rule in rules])


def commission_text() -> str:
    """The bands on a double; the language cannot round to cents."""
    tops = [*(start for start, _ in BANDS[1:]), None]
    parts = []
    for (start, rate), top in zip(BANDS, tops, strict=True):
        within = "amount" if top is None else f"(amount < {top}.0 ? amount : {top}.0)"
        parts.append(f"(amount > {start}.0 ? ({within} - {start}.0) * {rate} : 0.0)")
    return balanced_sum(parts)


def table_calls(rows: Sequence[Row], size: int, compiled: Callable[[str], Call]) -> list[Call]:
    """The rows as chains of `size` conditional expressions, each -1 where none of its rows matches."""
    calls = []
    for begin in range(0, len(rows), size):
        chain = [f"{' && '.join(map(text, row))} ? {begin + at}" for at, row in enumerate(rows[begin : begin + size])]
        calls.append(compiled(" : ".join([*chain, "-1"])))
    return calls


class Cel(Family):
    """An engine of CEL. `chain` is how many conditional expressions it lets stand within each other."""

    chain: ClassVar[int]

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """One sum."""
        return [Entrant(self.title, "one expression", lambda: self.compiled(scoring_text(rules)), convert)]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """Chains of conditional expressions over facts that are made once."""
        return [Entrant(self.title, f"chains of {self.chain} rows", lambda: self.chained(rows), convert)]

    def commission(self) -> list[Entrant]:
        """One sum of doubles, rounded outside."""
        return [
            Entrant(
                self.title,
                "expression, double",
                lambda: self.compiled(commission_text()),
                lambda amount: {"amount": float(amount)},
                to_cents,
            )
        ]

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:
        """One expression."""
        return scoring_text(rules).encode()

    def opened(self, data: bytes) -> Call:
        """Compiled."""
        return self.compiled(data.decode())

    def converted(self, lead: Any) -> Any:
        """Whole and binary numbers."""
        return convert(lead)

    def compiled(self, text: str) -> Call:
        """An expression over a mapping."""
        raise NotImplementedError

    def chained(self, rows: Sequence[Row]) -> Call:
        """The first row that matches, by its chains."""
        raise NotImplementedError
