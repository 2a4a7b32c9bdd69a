"""rule-engine: a typed language in pure Python whose numbers are decimals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.contest import Call, Entrant
from benchmarks.generated import BANDS, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family, balanced_sum, listed, to_cents

NOW = 'd"2026-11-02T09:00:00+00:00"'


def text(condition: Condition) -> str:
    """A condition."""
    match condition:
        case Between(name, low, high):
            return f"{name} >= {low} and {name} < {high}"
        case AtLeast(name, bound):
            return f"{name} >= {bound}"
        case OneOf(name, (value,)):
            return f'{name} == "{value}"'
        case OneOf(name, values):
            return f"{name} in [{listed(values)}]"
        case IsTrue(name):
            return name
        case Within(name, days):
            return f'{name} >= {NOW} - t"P{days}D"'


def scoring_text(rules: Sequence[Rule]) -> str:
    """All rules as one sum."""
    return balanced_sum([f"({' and '.join(map(text, rule.conditions))} ? {rule.points} : 0)" for rule in rules])


class RuleEngine(Family):
    """SecureState's rule engine."""

    name = "rule-engine"
    package = "rule_engine"
    distribution = "rule-engine"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """One sum."""
        return [Entrant(self.title, "one expression", lambda: self.compiled(scoring_text(rules)), read=int)]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """A rule for each row, asked in order."""
        return [Entrant(self.title, "a rule for each row", lambda: self._table(rows))]

    def commission(self) -> list[Entrant]:
        """One sum of decimals, rounded outside."""
        tops = [*(start for start, _ in BANDS[1:]), None]
        parts = []
        for (start, rate), top in zip(BANDS, tops, strict=True):
            within = "amount" if top is None else f"(amount < {top} ? amount : {top})"
            parts.append(f"(amount > {start} ? ({within} - {start}) * {rate} : 0)")
        return [
            Entrant(
                self.title,
                "expression, Decimal",
                lambda: self.compiled(balanced_sum(parts)),
                lambda amount: {"amount": amount},
                to_cents,
            )
        ]

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:
        """One expression."""
        return scoring_text(rules).encode()

    def opened(self, data: bytes) -> Call:
        """Parsed."""
        return self.compiled(data.decode())

    def compiled(self, expression: str) -> Call:
        """An expression over a mapping."""
        call: Call = self.module().Rule(expression).evaluate
        return call

    def _table(self, rows: Sequence[Row]) -> Call:
        rule = self.module().Rule
        tests = [rule(" and ".join(map(text, row))).matches for row in rows]

        def call(lead: Any) -> int:
            return next((at for at, test in enumerate(tests) if test(lead)), -1)

        return call


FAMILY: Final = RuleEngine()
