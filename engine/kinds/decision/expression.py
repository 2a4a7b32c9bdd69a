"""A decision that is one expression: its value is the outcome's `result`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from engine import feel
from engine.decision import Explanation, Reason, WhyNot
from engine.feel import ir
from engine.feel.interpret import interpret
from engine.feel.operations import Run
from engine.feel.types import BOOLEAN
from engine.kinds.decision.expression_nearest import RESULT, expression_nearest
from engine.kinds.paths import at_path, in_schema_order, missing
from engine.nearest_change import NearestChange
from engine.problems import Problem
from engine.rulefile.kind import DescribedRow, Draft, Outcome, Section
from engine.rulefile.question import Question


@dataclass(frozen=True, slots=True)
class ExpressionBody:
    """The compiled body of a decision with an `expression`."""

    expression: feel.Expression
    because: str
    zone: tzinfo
    reads: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()
    hints: tuple[Problem, ...] = ()

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The one rule."""
        return (RESULT,)

    def decide(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime) -> Outcome:  # noqa: ARG002  # facts carry no second time
        """The expression's value."""
        value = self.expression.evaluate(facts, at=at, zone=self.zone)

        def explain() -> Explanation:
            seen = {path: at_path(facts, path) for path in self.reads}
            detail = {"expression": " ".join(self.expression.text.split()), "seen": seen, "value": value}
            return Explanation.of([Reason(RESULT, self.because, detail=detail)], self._why_not(facts, at))

        return Outcome({RESULT: value}, missing(self.reads, facts), explain)

    def _why_not(self, facts: Mapping[str, Any], at: datetime) -> Iterator[WhyNot]:
        """The first failing part of the condition of each `if` not taken, and of a condition that is the result."""
        run = Run(facts, at, self.zone)
        node = self.expression.ir
        while isinstance(node, ir.If):
            failed = self._failed(node.condition, run)
            if failed is not None:
                yield failed
            node = node.yes if failed is None else node.no
        if node.type == BOOLEAN and not isinstance(node, ir.Const) and (failed := self._failed(node, run)) is not None:
            yield failed

    def _failed(self, condition: ir.Node, run: Run) -> WhyNot | None:
        for part in condition.items if isinstance(condition, ir.And) else (condition,):
            if interpret(part, run) is not True:
                seen = {fact.name: interpret(fact, run) for fact in ir.facts_of(part)}
                return WhyNot(RESULT, self.because, self.expression.part(part.span), seen)
        return None

    def nearest(self, question: Question) -> NearestChange:
        """The nearest change of facts that gives another value."""
        return expression_nearest(self.expression, question, self.zone)

    def describe(self) -> tuple[Section, ...]:
        """One section with the expression."""
        row = DescribedRow(RESULT, (" ".join(self.expression.text.split()), str(self.expression.type)), self.because)
        return (Section("Result", "The value of one expression.", ("Expression", "Gives"), (row,)),)


def build_expression(draft: Draft) -> ExpressionBody:
    """The body of a file with an `expression`. Raises `InvalidError` with all problems."""
    found = draft.expression(draft.tree["expression"])
    draft.report.raise_if_any()
    if found is None:
        raise AssertionError("an expression that cannot be read is reported")
    because = draft.tree.text_of("because") or draft.head.title
    return ExpressionBody(found, because, draft.zone, in_schema_order(found.reads, draft.facts))
