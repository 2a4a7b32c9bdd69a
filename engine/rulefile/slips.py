"""Tests of expressions that look like a range and are a number: `employees in [1-5]` looks for -4."""

from __future__ import annotations

from collections.abc import Sequence

from engine.exact_json import facts_text
from engine.feel import ir
from engine.feel.domains import Domains, complete_record
from engine.feel.interpret import interpret
from engine.feel.operations import Run
from engine.feel.slips import MeantRange, meant_ranges
from engine.problems import Problem, Report
from engine.rulefile.conditions import WrittenCondition, as_given, domains_of
from engine.rulefile.facts import FactSchema


def look_at_ranges(expressions: Sequence[WrittenCondition], facts: FactSchema, warnings: Report) -> None:
    """Add a warning for each such test."""
    for written in expressions:
        for meant in meant_ranges(written.expression):
            place = written.node.exact_place(written.expression.places.place(meant.span))
            given = _given(written, meant, facts, domains_of(facts, written.scope))
            message = f"`{meant.text}` {meant.said}"
            warnings.extend([Problem("rules.no_range", message, place, meant.help, given=given)])


def _given(written: WrittenCondition, meant: MeantRange, facts: FactSchema, domains: Domains) -> str:
    """Facts with the lower end for which the test is not true; empty where it is not about a fact."""
    for node in ir.walk(written.expression.ir):
        if isinstance(node, ir.Compare) and node.span == meant.difference and isinstance(node.left, ir.Fact):
            record = complete_record(written.scope, {node.left.path: meant.low}, domains)
            if interpret(node, Run(record)) is False:
                return facts_text(as_given(record, facts, written.scope))
    return ""
