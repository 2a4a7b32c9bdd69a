"""The rules in readable form, with the strategy table that the small model proves."""

from __future__ import annotations

from engine.kinds.sync_conflict.algebra import algebra
from engine.kinds.sync_conflict.read import Rule, Rules
from engine.kinds.sync_conflict.strategies import STRATEGIES
from engine.rulefile.kind import DescribedRow, Section


def describe(rules: Rules) -> tuple[Section, ...]:
    """Which rule decides which field, and how each strategy used depends on the order of arrival."""
    return (_fields(rules), _strategies(rules))


def _fields(rules: Rules) -> Section:
    rows = [_row(rule, " and ".join(rule.fields)) for rule in rules.listed]
    rows.append(_row(rules.otherwise, "every other field"))
    note = (
        "A change that only one side made stands, and so does one that both made alike. "
        "A rule decides only where both sides changed a field differently."
    )
    return Section(
        f"Who wins for a {rules.record}", note, ("Field", "Strategy", "When", "Order of arrival"), tuple(rows)
    )


def _row(rule: Rule, fields: str) -> DescribedRow:
    ties = f", ties by {rule.ties}" if rule.strategy == "last_write" else ""
    arrival = "matters" if rule.arrival_matters else "does not matter"
    return DescribedRow(rule.id, (fields, f"{rule.strategy}{ties}", rule.when or "always", arrival), rule.because)


def _strategies(rules: Rules) -> Section:
    used = {(rule.strategy, rule.ties) for rule in (*rules.listed, rules.otherwise)}
    rows = []
    for strategy in STRATEGIES:
        for ties in ("device", "server"):
            if (strategy, ties) not in used:
                continue
            found = algebra(strategy, ties)
            name = f"{strategy}, ties by server" if strategy == "last_write" and ties == "server" else strategy
            cells = (
                STRATEGIES[strategy],
                f"{found.pairs_agree} of {found.pairs}",
                f"{found.triples_agree} of {found.triples}",
            )
            rows.append(DescribedRow(name, cells, found.witness))
    note = (
        "Every small case of two and three offline edits, in every order of arrival: in how many all orders end alike."
    )
    return Section("What the strategies promise", note, ("What it does", "Two edits", "Three edits"), tuple(rows))
