"""What a kind of rule is made of, and what it is given: the protocol between `engine.rulefile` and `engine.kinds`.

A kind's module says which JSON Schema its files have and how a draft becomes a body that decides:

    KIND = Kind("decision", "rules/decision.schema.json", build)

    def build(draft: Draft) -> RuleSetBody:
        when = draft.expression(draft.tree["when"], expect=types.BOOLEAN)   # problems go to the report
        ...
        draft.report.raise_if_any()     # before compiling: from here on every expression is there
        return Body(...)

The shape is checked against the schema before `build` is called, so required members exist and have the right type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from typing import Any, Protocol, runtime_checkable

from engine import feel
from engine.decision import Explanation
from engine.nearest_change import NearestChange
from engine.problems import InvalidError, Place, Problem, Report
from engine.rulefile.beside import CsvRows
from engine.rulefile.conditions import WrittenCondition
from engine.rulefile.facts import FactSchema
from engine.rulefile.head import Head
from engine.rulefile.nodes import Node
from engine.rulefile.question import Question


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a body decided.

    `missing` are dotted paths of optional facts that were absent and are read by a condition; `explain` makes the
    reasons when somebody looks, and is pure.
    """

    outcome: Mapping[str, Any]
    missing: tuple[str, ...]
    explain: Callable[[], Explanation]


@dataclass(frozen=True, slots=True)
class DescribedRow:
    """One line of a section: a rule, a table row, a band."""

    id: str
    cells: tuple[str, ...]
    because: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A table with a heading and a sentence: what the console and `rules show` print."""

    heading: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[DescribedRow, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """The readable form of a rule set."""

    title: str
    summary: str
    sections: tuple[Section, ...]


class RuleSetBody(Protocol):
    """The compiled part of a rule set that its kind makes. Immutable, safe to use from several threads."""

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is allowed but surely not meant: gaps, rows that can never match, thresholds out of reach."""

    @property
    def hints(self) -> tuple[Problem, ...]:
        """What could be simpler, or is worth knowing: rows that could be one, what was not looked at."""

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The ids that can stand in a decision's reasons because somebody wrote a rule: what tests should cover."""

    def decide(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime) -> Outcome:
        """Decide about typed facts (read through the fact schema). Raises `InvalidError` for a fault in the rules."""

    def describe(self) -> tuple[Section, ...]:
        """The readable form."""


@runtime_checkable
class AnswersChange(Protocol):
    """A body that can say which nearest change of facts gives another outcome."""

    def nearest(self, question: Question) -> NearestChange:
        """The nearest change, proved. Raises `InvalidError` for a target that makes no sense (`change.*`)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule file whose shape is right, on its way to a body.

    `tree` is the whole file, head included; `zone` is where `today()` and `now()` are read; `rows` are the rows that
    are written as CSV; `expressions` are those that `expression` has checked, and `conditions` those of them that must
    be conditions. Kinds add problems to `report` and call `report.raise_if_any()` before they compile.
    """

    head: Head
    tree: Node
    facts: FactSchema
    report: Report
    zone: tzinfo
    rows: CsvRows | None = None
    expressions: list[WrittenCondition] = field(default_factory=list)
    conditions: list[WrittenCondition] = field(default_factory=list)

    def expression(
        self, node: Node, *, expect: feel.types.Type | None = None, scope: feel.types.Scope | None = None
    ) -> feel.Expression | None:
        """The checked expression a scalar holds, over the facts or over `scope`; None after reporting its problems."""

        def check(place: Place, line_columns: tuple[tuple[int, int], ...] | None) -> feel.Expression:
            return feel.check(
                node.text, scope or self.facts.scope, expect=expect, place=place, line_columns=line_columns
            )

        found = self._checked(node, check)
        if found is not None:
            written = WrittenCondition(node, found, scope or self.facts.scope)
            self.expressions.append(written)
            if expect == feel.types.BOOLEAN:
                self.conditions.append(written)
        return found

    def unary_tests(
        self, node: Node, input_type: feel.types.Type, *, scope: feel.types.Scope | None = None
    ) -> feel.Expression | None:
        """The checked table cell a scalar holds, such as `>= 5`; None after reporting its problems."""

        def check(place: Place, line_columns: tuple[tuple[int, int], ...] | None) -> feel.Expression:
            return feel.check_unary_tests(
                node.text, input_type, scope or self.facts.scope, place=place, line_columns=line_columns
            )

        return self._checked(node, check)

    def unique_ids(self, nodes: Iterable[Node], what: str = "rule") -> None:
        """Report every `id` that a node before has already: ids name rules in reasons, tests and audit."""
        seen: dict[str, int] = {}
        for node in nodes:
            if (given := node.get("id")) is None:
                continue
            if given.text in seen:
                message = f"`{given.text}` is the id of two {what}s"
                self.report.add(
                    "rules.duplicate_id", message, given.place, f"the first stands on line {seen[given.text]}"
                )
            seen.setdefault(given.text, given.place.line)

    def _checked(
        self, node: Node, check: Callable[[Place, tuple[tuple[int, int], ...] | None], feel.Expression]
    ) -> feel.Expression | None:
        try:
            return check(node.text_place, node.line_columns)
        except InvalidError as error:
            for problem in error.problems:
                self.report.found.append(replace(problem, place=node.exact_place(problem.place), excerpt=""))
        return None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of rule: its name, the path of its JSON Schema among the schemas, and how its body is built."""

    name: str
    schema: str
    build: Callable[[Draft], RuleSetBody]
