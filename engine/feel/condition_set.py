"""Many boolean rules as one compiled function: the hot path of every rule kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from engine.feel import ir, syntax
from engine.feel.expression import Expression, interpret_all
from engine.feel.failing import Failure, FindFailures, compile_failures
from engine.feel.interpret import interpret
from engine.feel.matching import Conjunctions, compile_rows
from engine.feel.operations import Run
from engine.feel.types import BOOLEAN, fits
from engine.feel.values import Facts, Fault, Value

INTERPRETED: Final = 8
"""So many times a set is interpreted before it is compiled: a file that is only checked need not be."""


class Fired(NamedTuple):
    """What a set of rules found, as bits: bit `i` of `rules` is the `i`-th rule.

    `clauses` numbers the rules' top-level `and` conjuncts through, rule by rule (see `ConditionSet.clause_bits`);
    a bit says the conjunct was found true. Conjuncts behind a false one may not have been looked at. `unknown` are the
    rules that were null.
    """

    rules: int
    clauses: int
    unknown: int


class FailedClause(NamedTuple):
    """The first conjunct of a rule that is not true, with the facts it read, in order of reading."""

    text: str
    seen: tuple[tuple[str, Value], ...]


class Clause(NamedTuple):
    """One of a rule's top-level `and` conjuncts: its text, and the names of the facts it reads, in that order."""

    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    expression: Expression
    nodes: tuple[ir.Node, ...]
    clauses: tuple[Clause, ...]

    @classmethod
    def of(cls, rule_id: str, expression: Expression) -> _Rule:
        nodes, texts = conjuncts(expression)
        names = (tuple(fact.name for fact in ir.facts_of(node)) for node in nodes)
        return cls(rule_id, expression, nodes, tuple(map(Clause, texts, names)))


@dataclass(frozen=True, slots=True)
class _Finder:
    """What finds the failures of some rules."""

    find: FindFailures
    needs_run: bool


def conjuncts(expression: Expression) -> tuple[tuple[ir.Node, ...], tuple[str, ...]]:
    """The top-level `and` conjuncts of a condition, and their texts."""
    node, tree = expression.ir, expression.tree
    if isinstance(node, ir.And) and isinstance(tree, syntax.Logic) and tree.op == "and":
        return node.items, tuple(expression.part(item.span) for item in tree.items)
    return (node,), (expression.text.strip(),)


class ConditionSet:
    """Compiled rules. Immutable, safe to share between threads, picklable."""

    __slots__ = ("_asked", "_bits", "_compiled", "_facts", "_finders", "_index", "_rules", "reads")

    def __init__(self, rules: Sequence[tuple[str, Expression]]) -> None:
        """See `compile`."""
        made = []
        for rule_id, expression in rules:
            if not fits(expression.type, BOOLEAN):
                raise TypeError(f"rule {rule_id!r} is no condition: check it with expect=types.BOOLEAN")
            made.append(_Rule.of(rule_id, expression))
        self._rules = tuple(made)
        self._index = {rule.id: at for at, rule in enumerate(self._rules)}
        if len(self._index) != len(self._rules):
            raise ValueError("two rules have the same id")
        bits: list[tuple[int, int]] = []
        for rule in self._rules:
            start = bits[-1][0] + bits[-1][1] if bits else 0
            bits.append((start, len(rule.nodes)))
        self._bits = tuple(bits)
        self.reads: frozenset[str] = frozenset().union(*(rule.expression.reads for rule in self._rules))
        self._asked = 0
        self._compiled: Conjunctions | None = None
        self._facts: tuple[ir.Fact, ...] = ()
        self._finders: dict[range, _Finder | None] = {}

    @classmethod
    def compile(cls, rules: Sequence[tuple[str, Expression]]) -> ConditionSet:
        """Compile conditions, each with a different id. They must be boolean: checked with `expect=types.BOOLEAN`."""
        return cls(rules)

    @property
    def ids(self) -> tuple[str, ...]:
        """The rules' ids, in order; the position is the bit."""
        return tuple(self._index)

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The rules' conditions, in order."""
        return tuple(rule.expression for rule in self._rules)

    @property
    def rows(self) -> tuple[tuple[ir.Node, ...], ...]:
        """The rules' top-level `and` conjuncts, rule by rule."""
        return tuple(rule.nodes for rule in self._rules)

    def evaluate(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> Fired:
        """Which rules are true.

        Raises `InvalidError`: for facts that are missing or of wrong types with all of them, else for the first rule
        that cannot be computed.
        """
        compiled = self._compiled
        if compiled is None:
            # Compiling costs as much as interpreting some ten records: it begins when a set is asked again and again.
            if self._asked < INTERPRETED:
                self._asked += 1
                return self._interpreted(facts, at, zone)
            compiled = self._compiled = compile_rows([rule.nodes for rule in self._rules])
        try:
            return Fired(*compiled.find(facts, Run(facts, at, zone) if compiled.needs_run else None))
        except Exception as error:
            interpret_all(self.expressions, facts, at=at, zone=zone)
            raise AssertionError("generated code and interpreter disagree about a set of rules") from error

    def _interpreted(self, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> Fired:
        """What the compiled set finds, clause by clause."""
        if not self._facts:
            every = (fact for rule in self._rules for fact in ir.facts_of(rule.expression.ir))
            self._facts = tuple({fact.path: fact for fact in every}.values())
        rules = clauses = unknown = 0
        try:
            for fact in self._facts:  # unfit ones are told even where no clause comes to ask for them
                interpret(fact, Run(facts, at, zone))
            for number, (rule, (first, _)) in enumerate(zip(self._rules, self._bits, strict=True)):
                truth: bool | None = True
                run = Run(facts, at, zone)
                for bit, node in enumerate(rule.nodes, first):
                    found = interpret(node, run)
                    if found is True:
                        clauses |= 1 << bit
                    elif found is False:
                        truth = False
                        break
                    else:
                        truth = None
                if truth is not False:
                    rules, unknown = (rules | 1 << number, unknown) if truth else (rules, unknown | 1 << number)
        except (Fault, RecursionError) as error:
            interpret_all(self.expressions, facts, at=at, zone=zone)
            raise AssertionError("a rule and its clauses disagree") from error
        return Fired(rules, clauses, unknown)

    def interpret(
        self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
    ) -> tuple[bool | None, ...]:
        """Each rule's value by the reference interpreter, in order. Raises as `evaluate` does."""
        values = interpret_all(self.expressions, facts, at=at, zone=zone)
        return tuple(value if isinstance(value, bool) else None for value in values)

    def clauses(self, rule_id: str) -> tuple[Clause, ...]:
        """A rule's top-level `and` conjuncts, in order."""
        return self._rules[self._index[rule_id]].clauses

    def clause_bits(self, rule_id: str) -> range:
        """The bits of `Fired.clauses` that are a rule's conjuncts."""
        start, count = self._bits[self._index[rule_id]]
        return range(start, start + count)

    def why_not(
        self, rule_id: str, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
    ) -> FailedClause | None:
        """The first conjunct that is not true, with the values it saw; None for a true rule. Raises `InvalidError`."""
        position = self._index[rule_id]
        (failure,) = self._failures(range(position, position + 1), facts, at, zone)
        if failure is None:
            return None
        first, values = failure
        clause = self._rules[position].clauses[first]
        return FailedClause(clause.text, tuple(zip(clause.facts, values, strict=True)))

    def failures(
        self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
    ) -> Sequence[Failure | None]:
        """What `why_not` says of each rule: the position of the conjunct among its `clauses`, and the values it saw."""
        return self._failures(range(len(self._rules)), facts, at, zone)

    def _failures(
        self, asked: range, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo
    ) -> Sequence[Failure | None]:
        rules = self._rules[asked.start : asked.stop]
        # Compiling costs as much as interpreting some dozens of times: it begins when rules are asked about again.
        finder = self._finders.get(asked)
        if finder is None:
            if asked not in self._finders:
                self._finders[asked] = None
                return [_interpreted_failure(rule, facts, at, zone) for rule in rules]
            finder = self._finders[asked] = _Finder(*compile_failures([rule.nodes for rule in rules]))
        try:
            return finder.find(facts, Run(facts, at, zone) if finder.needs_run else None)
        except Exception:  # noqa: BLE001  # the interpreter knows what is wrong and where
            return [_interpreted_failure(rule, facts, at, zone) for rule in rules]

    def __reduce__(self) -> tuple[Callable[..., ConditionSet], tuple[Any, ...]]:
        return ConditionSet, (tuple((rule.id, rule.expression) for rule in self._rules),)


def _interpreted_failure(rule: _Rule, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo) -> Failure | None:
    run = Run(facts, at, zone)
    try:
        for position, node in enumerate(rule.nodes):
            if interpret(node, run) is not True:
                return position, tuple(interpret(fact, run) for fact in ir.facts_of(node))
    except Fault as fault:
        raise rule.expression.located(fault) from None
    return None
