"""JSON Logic, through panzi-json-logic: trees of JSON, interpreted; no dates and no decimals.

Days since an instant are computed by the caller, inside the timing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from benchmarks.contest import Call, Entrant
from benchmarks.generated import AT, BANDS, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family, as_floats, to_cents


def tree(condition: Condition) -> Any:
    """A condition; the age of an instant is the field `<name>_days`."""
    field = {"var": condition.field}
    match condition:
        case Between(_, low, high):
            return {"and": [{"<=": [low, field]}, {"<": [field, high]}]}
        case AtLeast(_, bound):
            return {">=": [field, bound]}
        case OneOf(_, (value,)):
            return {"===": [field, value]}
        case OneOf(_, values):
            return {"in": [field, list(values)]}
        case IsTrue():
            return field
        case Within(name, days):
            return {"<=": [{"var": f"{name}_days"}, days]}


def scoring_tree(rules: Sequence[Rule]) -> Any:
    """All rules as one sum."""
    return {"+": [{"if": [{"and": [tree(c) for c in rule.conditions]}, rule.points, 0]} for rule in rules]}


class JsonLogic(Family):
    """The complete one of the implementations for Python."""

    name = "json-logic (panzi)"
    package = "json_logic"
    distribution = "panzi-json-logic"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """One sum."""
        return [Entrant(self.title, "one tree", lambda: self.scored(scoring_tree(rules)), as_floats, int)]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """One `if` with a branch for each row."""
        return [Entrant(self.title, "one if of all rows", lambda: self._table(rows), as_floats)]

    def commission(self) -> list[Entrant]:
        """One sum of binary numbers, rounded outside."""
        amount = {"var": "amount"}
        tops = [*(start for start, _ in BANDS[1:]), None]
        parts = []
        for (start, rate), top in zip(BANDS, tops, strict=True):
            within = amount if top is None else {"min": [amount, top]}
            parts.append({"if": [{">": [amount, start]}, {"*": [{"-": [within, start]}, float(rate)]}, 0]})
        return [
            Entrant(
                self.title,
                "one tree, binary numbers",
                lambda: self._call({"+": parts}),
                lambda given: {"amount": float(given)},
                to_cents,
            )
        ]

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:
        """One tree."""
        return json.dumps(scoring_tree(rules)).encode()

    def opened(self, data: bytes) -> Call:
        """There is nothing to compile."""
        return self.scored(json.loads(data))

    def converted(self, lead: Any) -> Any:
        """Binary numbers."""
        return as_floats(lead)

    def _call(self, rules: Any) -> Call:
        apply = self.module().jsonLogic
        return lambda given: apply(rules, given)

    def scored(self, rules: Any) -> Call:
        """The tree over a lead with the days since its last activity."""
        apply = self.module().jsonLogic

        def call(lead: dict[str, Any]) -> Any:
            days = (AT - lead["last_activity"]).total_seconds() / 86_400
            return apply(rules, {**lead, "last_activity_days": days})

        return call

    def _table(self, rows: Sequence[Row]) -> Call:
        branches: list[Any] = []
        for at, row in enumerate(rows):
            branches += [{"and": [tree(condition) for condition in row]}, at]
        return self._call({"if": [*branches, -1]})


FAMILY: Final = JsonLogic()
