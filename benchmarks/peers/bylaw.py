"""Ours: compiled conditions and tables, and whole rule files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from functools import cache
from typing import Any, Final

from adapters.shipped import Shipped
from benchmarks.contest import Call, Entrant
from benchmarks.generated import AT, BANDS, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family, to_cents
from benchmarks.results import OURS
from engine.decision import Decision
from engine.feel import ConditionSet, Field, Scope, check, types
from engine.kinds import load
from engine.kinds.incentive_plan.tiers import Band, Tiers
from engine.rulefile import RuleSet, SchemaSource
from engine.tables import HitPolicy, Input, Output, Table, TableModel, Text
from engine.tables import Row as TableRow

FORMS: Final = {"number": types.NUMBER, "string": types.STRING, "boolean": types.BOOLEAN, "date-time": types.DATE_TIME}
FACTS: Final = {
    "employees": "number",
    "annual_revenue": "number",
    "visits": "number",
    "minutes": "number",
    "industry": "string",
    "source": "string",
    "consent": "boolean",
    "last_activity": "date-time",
}
SCOPE: Final = Scope({name: Field(FORMS[form]) for name, form in FACTS.items()})
COLUMNS: Final = ("industry", "employees", "visits")


def condition_text(condition: Condition) -> str:
    """A condition in FEEL."""
    match condition:
        case IsTrue(name):
            return name
        case Within(name, days):
            return f'{name} >= now() - duration("P{days}D")'
        case OneOf(name, (value,)):
            return f'{name} = "{value}"'
        case _:
            return f"{condition.field} {'' if isinstance(condition, AtLeast) else 'in '}{cell(condition)}"


def cell(condition: Condition) -> str:
    """A condition as a cell of a table."""
    match condition:
        case Between(_, low, high):
            return f"[{low}..{high})"
        case AtLeast(_, bound):
            return f">= {bound}"
        case OneOf(_, (value,)):
            return f'"{value}"'
        case OneOf(_, values):
            return "(" + ", ".join(f'"{value}"' for value in values) + ")"
        case _:
            raise ValueError(f"{condition} stands in no table")


def when(rule: Rule) -> str:
    """A rule's condition in FEEL."""
    return " and ".join(condition_text(condition) for condition in rule.conditions)


def rule_file(rules: Sequence[Rule]) -> bytes:
    """The rules as a `lead-priority` file over the facts `bench-lead/1`."""
    written = "\n".join(
        f"      - {{id: {rule.id}, when: '{when(rule)}', points: {rule.points}, because: Rule {rule.id}}}"
        for rule in rules
    )
    return (
        "# yaml-language-server: $schema=../../schemas/rules/lead-priority.schema.json\n"
        f"kind: lead-priority\nname: generated\nversion: 1\ntitle: Generated\neffective: {{from: 2026-01-01}}\n"
        f"facts: bench-lead/1\ngroups:\n  - id: all\n    rules:\n{written}\n"
        "bands: [{from: 0, label: C}, {from: 60, label: A}]\n"
    ).encode()


def schemas() -> SchemaSource:
    """The shipped schemas with the facts of the generated leads."""
    properties = ", ".join(
        f'"{name}": {{"type": "string", "format": "date-time"}}'
        if form == "date-time"
        else f'"{name}": {{"type": "{form}"}}'
        for name, form in FACTS.items()
    )
    required = ", ".join(f'"{name}"' for name in FACTS)
    text = (
        f'{{"type": "object", "additionalProperties": false, "required": [{required}], "properties": {{{properties}}}}}'
    )
    return SchemaSource({**Shipped.find().schemas(), "facts/bench-lead-1.schema.json": text})


@cache
def _known_schemas() -> SchemaSource:
    return schemas()


def rule_set(rules: Sequence[Rule]) -> RuleSet:
    """The rules, loaded from the text of their file."""
    return load(rule_file(rules), source="generated@1.yaml", schemas=_known_schemas())


def tiers() -> Tiers:
    """The six bands as a plan's rate table."""
    return Tiers(tuple(Band(Decimal(start), Decimal(rate)) for start, rate in BANDS))


class Bylaw(Family):
    """Rules as text of ours, checked, compiled and explained."""

    name = OURS

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """The conditions compiled together, and the same rules as a rule file that decides."""
        return [
            Entrant(OURS, "compiled conditions, a bit for every rule and conjunct", lambda: _scored(rules)),
            Entrant(
                OURS,
                "rule file, whole decision with reasons and why-not",
                lambda: _decided(rule_set(rules)),
                read=lambda decision: int(decision.outcome["score"]),
            ),
        ]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """A decision table with the hit policy FIRST; its result names the row."""
        return [Entrant(OURS, "decision table, FIRST, row named", lambda: compiled_table(rows), read=int)]

    def commission(self) -> list[Entrant]:
        """An expression that rounds in the language, and the rate table of a plan, rounded as a plan's lines are."""
        return [
            Entrant(OURS, "expression", _commission, convert=lambda amount: {"amount": amount}),
            Entrant(OURS, "rate table of a plan", lambda: tiers().payout, read=to_cents),
        ]

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:
        """A rule file."""
        return rule_file(rules)

    def opened(self, data: bytes) -> Call:
        """Loaded with everything that loading checks."""
        rules = load(data, source="generated@1.yaml", schemas=_known_schemas())
        return lambda lead: rules.decide_typed(lead, at=AT, as_of=AT).outcome["score"]


def _scored(rules: Sequence[Rule]) -> Call:
    conditions = ConditionSet.compile([(rule.id, check(when(rule), SCOPE, expect=types.BOOLEAN)) for rule in rules])
    evaluate, points = conditions.evaluate, [rule.points for rule in rules]

    def call(lead: Mapping[str, Any]) -> int:
        fired = evaluate(lead, at=AT, zone=UTC).rules
        total = 0
        while fired:
            lowest = fired & -fired
            total += points[lowest.bit_length() - 1]
            fired ^= lowest
        return total

    return call


def _decided(rules: RuleSet) -> Call:
    def call(lead: Mapping[str, Any]) -> Decision:
        decision = rules.decide_typed(lead, at=AT, as_of=AT)
        decision.to_json()
        return decision

    return call


def compiled_table(rows: Sequence[Row]) -> Call:
    """The table checked, compiled and analysed; the call gives the first row's position."""
    made = tuple(
        TableRow(f"row{at}", tuple(Text(cell(condition)) for condition in row), (Text(str(at)),))
        for at, row in enumerate(rows)
    )
    inputs = tuple(Input(Text(name)) for name in COLUMNS)
    outputs = (Output("row", types.NUMBER, default=Text("-1")),)
    table = Table.check(TableModel(inputs, outputs, made, HitPolicy.FIRST), SCOPE)
    evaluate = table.evaluate
    return lambda lead: evaluate(lead).value


def _commission() -> Call:
    tops = [*(start for start, _ in BANDS[1:]), None]
    parts = [
        f"(if amount > {start} then ({'amount' if top is None else f'min(amount, {top})'} - {start}) * {rate} else 0)"
        for (start, rate), top in zip(BANDS, tops, strict=True)
    ]
    expression = check(f"round half up({' + '.join(parts)}, 2)", Scope({"amount": Field(types.NUMBER)}))
    evaluate = expression.evaluate
    return lambda facts: evaluate(facts, at=AT)


FAMILY: Final = Bylaw()
