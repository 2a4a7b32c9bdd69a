"""Deciding about a whole population with one rule set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.columns import points, tables
from engine.columns.conditions import Bits, typed_facts
from engine.columns.encoding import Column
from engine.columns.look_up import column_of, patched
from engine.columns.population import Population
from engine.columns.values import Values, evaluate_expression
from engine.decision import Decision
from engine.kinds.decision.expression import ExpressionBody
from engine.kinds.decision.expression_nearest import RESULT
from engine.kinds.decision.table import TableBody
from engine.kinds.lead_priority.body import LeadPriority
from engine.problems import BylawError, InvalidError, Place, Problem
from engine.rulefile import RuleSet
from engine.rulefile.rule_set import require_instant


class _Outcomes(Protocol):
    """What a kind finds in columns: outcomes of all records but the unsure ones, and problems of some."""

    @property
    def names(self) -> tuple[str, ...]:
        """The members of the outcome."""

    def column(self, name: str) -> Column:
        """The column of one member of the outcome."""

    @property
    def unsure(self) -> NDArray[np.intp]:
        """The records that must be decided one by one."""

    def outcome(self, row: int) -> Mapping[str, Any]:
        """The outcome of a record that is not unsure."""


@dataclass(frozen=True, eq=False)
class Decisions:
    """The decisions of one rule set about a population.

    Outcomes are at hand for all records, in columns; a whole `Decision` with its reasons is made when somebody looks at
    one, by deciding about that record alone, and its outcome is the same. `errors` holds the problems of records that
    cannot be decided, by their number; `recomputed` are the records that columns could not vouch for.
    """

    rule_set: RuleSet
    population: Population
    at: datetime
    as_of: datetime
    release: str
    errors: Mapping[int, BylawError]
    recomputed: NDArray[np.intp]
    _found: _Outcomes | None
    _alone: Mapping[int, Mapping[str, Any]]

    def __len__(self) -> int:
        return len(self.population)

    def __getitem__(self, row: int) -> Decision:
        """The decision about one record, with its reasons. Raises its error where it has one, `IndexError` outside."""
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        given = self.population.given(row % len(self))
        return self.rule_set.decide(given, at=self.at, as_of=self.as_of, release=self.release)

    def __iter__(self) -> Iterator[Decision]:
        return (self[row] for row in range(len(self)))

    @property
    def share_recomputed(self) -> float:
        """The part of the records, from 0 to 1, that were decided one by one."""
        return len(self.recomputed) / len(self) if len(self) else 0.0

    @property
    def bits(self) -> Bits | None:
        """Which rules fired, for the kind `lead-priority`."""
        return self._found.bits if isinstance(self._found, points.Scores) else None

    def outcome(self, row: int) -> Mapping[str, Any]:
        """A record's outcome, like `Decision.outcome`. Raises its error where it has one."""
        if row in self.errors:
            raise self.errors[row]
        if row in self._alone or self._found is None:
            return self._alone[row]
        return self._found.outcome(row)

    def outcome_columns(self) -> Mapping[str, Column]:
        """A column for each member of the outcome (`groups.fit` for one within a group); null where there is an error.

        Numbers are whole numbers with a scale (`values`, `scale`, `nulls`), texts are codes with a `dictionary`. Each
        is made when it is first asked for.
        """
        return self._columns

    @cached_property
    def _columns(self) -> _Columns:
        return _Columns(self._found, {row: _flat(each) for row, each in self._alone.items()}, self.errors, len(self))


def decide_many(
    rule_set: RuleSet, population: Population, *, at: datetime, as_of: datetime, release: str = ""
) -> Decisions:
    """Decide about every record of a population; a record that cannot be decided disturbs no other.

    Lead priorities, decision tables and expressions are decided in columns, other kinds record by record. Raises
    `InvalidError` for instants without a zone (`rules.instant`) and for a population of other facts (`facts.schema`).

    Like this, with money in cents and texts encoded before:

        columns = {"employees": employees, "annual_revenue": scaled(cents, 2), "industry": coded(codes, industries)}
        decisions = decide_many(rule_set, Population.from_columns(rule_set.facts, columns), at=at, as_of=at)
        score, fired = decisions.outcome_columns()["score"], decisions.bits.rules
    """
    for name, instant in (("at", at), ("as_of", as_of)):
        require_instant(name, instant)
    if population.schema != rule_set.facts:
        held = population.schema.name if population.schema is not None else "a bare scope"
        message = f"the population holds facts of `{held}`, but `{rule_set.name}` reads `{rule_set.facts.name}`"
        help_text = "encode the records with the rule set's own `facts`"
        raise InvalidError(Problem("facts.schema", message, Place("facts", path="$"), help_text))

    def decide(row: int) -> Decision:
        if population.unfit is not None and population.unfit[row]:
            return rule_set.decide(population.given(row), at=at, as_of=as_of, release=release)
        return rule_set.decide_typed(population.facts(row), at=at, as_of=as_of, release=release)

    found, errors = _in_columns(rule_set, population, at, decide)
    recomputed = np.arange(len(population)) if found is None else found.unsure
    alone: dict[int, Mapping[str, Any]] = {}
    for row in recomputed.tolist():
        try:
            alone[row] = decide(row).outcome
        except BylawError as error:
            errors[row] = error
    return Decisions(rule_set, population, at, as_of, release, errors, recomputed, found, alone)


def _in_columns(
    rule_set: RuleSet, population: Population, at: datetime, decide: Callable[[int], Decision]
) -> tuple[_Outcomes | None, dict[int, BylawError]]:
    body = rule_set.body
    if isinstance(body, LeadPriority):
        return points.score(body, population, at), {}
    if isinstance(body, TableBody):
        hits = tables.matching(body.table, population, at, body.zone)
        found = tables.outcomes(
            hits,
            lambda row: decide(row).outcome,
            lambda row: body.table.matching(typed_facts(population, row), at=at, zone=body.zone),
        )
        return found, dict(found.errors)
    if isinstance(body, ExpressionBody):
        return _Result(evaluate_expression(body.expression, population, at=at, zone=body.zone)), {}
    return None, {}


@dataclass(frozen=True, eq=False)
class _Result:
    """The outcomes of a decision that is one expression."""

    values: Values

    @property
    def names(self) -> tuple[str, ...]:
        return (RESULT,)

    def column(self, name: str) -> Column:  # noqa: ARG002  # there is only one
        return self.values.column

    @property
    def unsure(self) -> NDArray[np.intp]:
        return self.values.recomputed

    def outcome(self, row: int) -> Mapping[str, Any]:
        return {RESULT: self.values.column.value(row)}


class _Columns(Mapping[str, Column]):
    """The columns of outcomes, each made when it is first asked for."""

    def __init__(
        self,
        found: _Outcomes | None,
        alone: Mapping[int, Mapping[str, Any]],
        errors: Mapping[int, BylawError],
        count: int,
    ) -> None:
        self._found, self._alone, self._errors, self._count = found, alone, errors, count
        names = dict.fromkeys(found.names if found is not None else ())
        names.update(dict.fromkeys(name for outcome in alone.values() for name in outcome))
        self._made: dict[str, Column | None] = dict(names)

    def __getitem__(self, name: str) -> Column:
        made = self._made[name]
        if made is None:
            values = {row: outcome.get(name) for row, outcome in self._alone.items()} | dict.fromkeys(self._errors)
            if self._found is not None and name in self._found.names:
                made = patched(self._found.column(name), values)
            else:
                made = column_of([values.get(row) for row in range(self._count)])
            self._made[name] = made
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _flat(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An outcome with the members of its groups as `group.member`, as the columns are named."""
    found: dict[str, Any] = {}
    for name, value in outcome.items():
        if name == "groups" and isinstance(value, Mapping):
            found.update({f"{name}.{inner}": each for inner, each in value.items()})
        else:
            found[name] = value
    return found
