"""What a good programmer would write by hand for exactly this work: generated source, as fast as plain Python is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from benchmarks.contest import Call, Entrant
from benchmarks.generated import AT, BANDS, CENT, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family

AS_WRITTEN = [(Decimal(start), Decimal(rate)) for start, rate in BANDS]


def source(condition: Condition) -> str:
    """A condition in Python, over local names. Bounds are whole numbers: comparing with them is exact."""
    match condition:
        case Between(name, low, high):
            return f"{low} <= {name} < {high}"
        case AtLeast(name, bound):
            return f"{name} >= {bound}"
        case OneOf(name, (value,)):
            return f"{name} == {value!r}"
        case OneOf(name, values):
            return f"{name} in {values!r}"
        case IsTrue(name):
            return name
        case Within(name, days):
            return f"{name} >= days[{days}]"


class ByHand(Family):
    """Plain Python without checks, reasons or trace; it cannot be changed by who owns the rules."""

    name = "plain Python"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """One function with an `if` for each rule."""
        return [Entrant(self.name, "one function with 50 ifs, no trace", lambda: _scoring(rules))]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """A loop over tuples, and the same behind a dictionary of the first column."""
        return [
            Entrant(self.name, "loop over tuples", lambda: _loop(rows)),
            Entrant(self.name, "dictionary of the text column, then a loop", lambda: _indexed(rows)),
        ]

    def commission(self) -> list[Entrant]:
        """A loop over decimal bands, and the binary numbers that many would reach for."""
        return [
            Entrant(self.name, "a loop with Decimal", lambda: _exact),
            Entrant(
                self.name,
                "a loop with float",
                lambda: _binary,
                convert=float,
                read=lambda found: Decimal(f"{found:.2f}"),
            ),
        ]


def _scoring(rules: Sequence[Rule]) -> Call:
    lines = ["def score(lead):"]
    lines += [f"    {name} = lead[{name!r}]" for name in sorted({c.field for rule in rules for c in rule.conditions})]
    lines.append("    total = 0")
    for rule in rules:
        lines.append(f"    if {' and '.join(source(condition) for condition in rule.conditions)}:")
        lines.append(f"        total += {rule.points}")
    lines.append("    return total")
    known: dict[str, Any] = {"days": [AT - timedelta(days=days) for days in range(121)]}
    exec("\n".join(lines), known)  # our own text, made above
    made: Call = known["score"]
    return made


def _plain(rows: Sequence[Row]) -> list[tuple[str, int, int, int]]:
    made = []
    for industry, employees, visits in rows:
        assert isinstance(industry, OneOf)
        assert isinstance(employees, Between)
        assert isinstance(visits, AtLeast)
        made.append((industry.values[0], employees.low, employees.high, visits.bound))
    return made


def _loop(rows: Sequence[Row]) -> Call:
    plain = _plain(rows)

    def call(lead: Mapping[str, Any]) -> int:
        industry, employees, visits = lead["industry"], lead["employees"], lead["visits"]
        for at, (text, low, high, least) in enumerate(plain):
            if industry == text and low <= employees < high and visits >= least:
                return at
        return -1

    return call


def _indexed(rows: Sequence[Row]) -> Call:
    by_text: dict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
    for at, (text, low, high, least) in enumerate(_plain(rows)):
        by_text[text].append((at, low, high, least))

    def call(lead: Mapping[str, Any]) -> int:
        employees, visits = lead["employees"], lead["visits"]
        for at, low, high, least in by_text.get(lead["industry"], ()):
            if low <= employees < high and visits >= least:
                return at
        return -1

    return call


def _exact(amount: Decimal) -> Decimal:
    total = Decimal(0)
    for at, (start, rate) in enumerate(AS_WRITTEN):
        if amount <= start:
            break
        top = AS_WRITTEN[at + 1][0] if at + 1 < len(AS_WRITTEN) else amount
        total += (min(amount, top) - start) * rate
    return total.quantize(CENT, ROUND_HALF_UP)


BINARY = [(float(start), float(rate)) for start, rate in BANDS]


def _binary(amount: float) -> float:
    total = 0.0
    for at, (start, rate) in enumerate(BINARY):
        if amount <= start:
            break
        top = BINARY[at + 1][0] if at + 1 < len(BINARY) else amount
        total += (min(amount, top) - start) * rate
    return round(total, 2)


FAMILY: Final = ByHand()
