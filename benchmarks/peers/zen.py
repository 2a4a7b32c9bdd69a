"""zen-engine (Rust): always through `ZenEngine.evaluate` with a loader; `ZenDecision.evaluate` is several times slower.

A `Decimal` argument is a `TypeError`, and numbers come back as floats: for exact money they go in and out as text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from benchmarks.contest import Call, Entrant
from benchmarks.generated import AT, BANDS, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family, as_floats, balanced_sum, to_cents

NOW = "2026-11-02T09:00:00Z"


def convert(lead: Any) -> dict[str, Any]:
    """A lead with floats and instants as text."""
    return {
        name: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in as_floats(lead).items()
    }


def subject(condition: Condition) -> str:
    """What a condition is about, in Zen's language."""
    return f"date({condition.field})" if isinstance(condition, Within) else condition.field


def cell(condition: Condition) -> str:
    """A condition as a cell."""
    match condition:
        case Between(_, low, high):
            return f"[{low}..{high})"
        case AtLeast(_, bound):
            return f">= {bound}"
        case OneOf(_, values):
            return ", ".join(f"'{value}'" for value in values)
        case IsTrue():
            return "true"
        case Within(_, days):
            return f">= {int(AT.timestamp()) - days * 86_400}"


def text(condition: Condition) -> str:
    """A condition as an expression."""
    match condition:
        case Between(name, low, high):
            return f"{name} in [{low}..{high})"
        case OneOf(name, (value,)):
            return f"{name} == '{value}'"
        case OneOf(name, values):
            return f"{name} in [{', '.join(repr(value) for value in values)}]"
        case IsTrue(name):
            return name
        case Within(name, days):
            return f"date({name}) >= date('{NOW}') - {days * 86_400}"
        case AtLeast(name, bound):
            return f"{name} >= {bound}"


def graph(kind: str, content: Mapping[str, Any]) -> str:
    """A decision with one node, as JSON."""
    place = {"x": 0, "y": 0}
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in", "position": place},
        {"id": "it", "type": kind, "name": "it", "position": place, "content": content},
        {"id": "out", "type": "outputNode", "name": "out", "position": place},
    ]
    edges = [
        {"id": "1", "sourceId": "in", "targetId": "it", "type": "edge"},
        {"id": "2", "sourceId": "it", "targetId": "out", "type": "edge"},
    ]
    return json.dumps({"nodes": nodes, "edges": edges})


def expression_graph(expression: str) -> str:
    """A node that computes `answer`."""
    return graph("expressionNode", {"expressions": [{"id": "1", "key": "answer", "value": expression}]})


def table_graph(rows: Sequence[tuple[Sequence[Condition], int]], policy: str) -> str:
    """A decision table whose rows have conditions and the number that is their output `answer`."""
    fields: dict[str, str] = {}
    for conditions, _ in rows:
        for condition in conditions:
            fields.setdefault(subject(condition), f"c{len(fields)}")
    inputs = [{"id": known, "name": field, "field": field} for field, known in fields.items()]
    written = []
    for at, (conditions, output) in enumerate(rows):
        cells = dict.fromkeys(fields.values(), "")
        cells.update({fields[subject(condition)]: cell(condition) for condition in conditions})
        written.append({"_id": f"row{at}", **cells, "o": str(output)})
    outputs = [{"id": "o", "name": "answer", "field": "answer"}]
    return graph("decisionTableNode", {"hitPolicy": policy, "inputs": inputs, "outputs": outputs, "rules": written})


def scoring_graph(rules: Sequence[Rule]) -> str:
    """Rules as a table that collects points."""
    return table_graph([(rule.conditions, rule.points) for rule in rules], "collect")


class Zen(Family):
    """GoRules' engine."""

    name = "zen-engine"
    package = "zen"
    distribution = "zen-engine"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """A collecting table with and without trace, and one expression."""
        terms = [f"({' and '.join(text(c) for c in rule.conditions)} ? {rule.points} : 0)" for rule in rules]
        expression = expression_graph(balanced_sum(terms))
        collect = scoring_graph(rules)
        return [
            Entrant(self.title, "table, trace on", lambda: self.collected(collect, trace=True), convert, int),
            Entrant(self.title, "table, no trace", lambda: self.collected(collect, trace=False), convert, int),
            Entrant(self.title, "one expression, no trace", lambda: self._answer(expression), convert, int),
        ]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """A first-hit table with and without trace."""
        first = table_graph([(row, at) for at, row in enumerate(rows)], "first")
        return [
            Entrant(self.title, "table, no trace", lambda: self._first(first, trace=False), convert, int),
            Entrant(self.title, "table, trace on", lambda: self._first(first, trace=True), convert, int),
        ]

    def commission(self) -> list[Entrant]:
        """One expression: exact with text in and out, and with numbers as most callers pass them."""

        def asked(value: Any) -> dict[str, Any]:
            return {"amount": value}

        exact = expression_graph(f"string(round({_bands('number(amount)')}, 2))")
        numbers = expression_graph(f"round({_bands('amount')}, 2)")
        return [
            Entrant(
                self.title, "expression, text in and out", lambda: self._answer(exact), lambda a: asked(str(a)), Decimal
            ),
            Entrant(
                self.title, "expression, numbers", lambda: self._answer(numbers), lambda a: asked(float(a)), to_cents
            ),
        ]

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:
        """A decision of one collecting table."""
        return scoring_graph(rules).encode()

    def opened(self, data: bytes) -> Call:
        """Compiled when first asked."""
        return self.collected(data.decode(), trace=False)

    def converted(self, lead: Any) -> Any:
        """Floats and texts."""
        return convert(lead)

    def engine(self, content: str) -> Any:
        """An engine whose loader gives one decision, compiled once."""
        return self.module().ZenEngine({"loader": {"type": "static", "content": {"it": json.loads(content)}}})

    def _answer(self, content: str) -> Call:
        evaluate = self.engine(content).evaluate
        return lambda given: evaluate("it", given)["result"]["answer"]

    def collected(self, content: str, *, trace: bool) -> Call:
        """The sum of what a table collects."""
        evaluate, options = self.engine(content).evaluate, {"trace": trace}
        return lambda lead: sum(found["answer"] for found in evaluate("it", lead, options)["result"])

    def _first(self, content: str, *, trace: bool) -> Call:
        evaluate, options = self.engine(content).evaluate, {"trace": trace}

        def call(lead: Any) -> Any:
            result = evaluate("it", lead, options)["result"]
            return result["answer"] if result else -1

        return call


def _bands(amount: str) -> str:
    tops = [*(start for start, _ in BANDS[1:]), None]
    parts = [
        f"({amount} > {start} ? ({amount if top is None else f'min([{amount}, {top}])'} - {start}) * {rate} : 0)"
        for (start, rate), top in zip(BANDS, tops, strict=True)
    ]
    return " + ".join(parts)


FAMILY: Final = Zen()
