"""Many boolean rules as one compiled function: the hot path of every rule kind."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from engine.feel import ir, syntax
from engine.feel.expression import Expression, interpret_all
from engine.feel.failing import FindFailed, compile_failed
from engine.feel.interpret import interpret
from engine.feel.matching import compile_rows
from engine.feel.operations import Run
from engine.feel.types import BOOLEAN, fits
from engine.feel.values import Facts, Fault, Value


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


@dataclass(frozen=True, slots=True)
class _Rule:
    id: str
    expression: Expression
    clauses: tuple[ir.Node, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Failed:
    """What finds a rule's first conjunct that is not true; `names` are the facts that each conjunct reads."""

    find: FindFailed
    needs_run: bool
    texts: tuple[str, ...]
    names: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, rule: _Rule) -> _Failed:
        names = tuple(tuple(fact.name for fact in ir.facts_of(clause)) for clause in rule.clauses)
        return cls(*compile_failed(rule.clauses), rule.texts, names)


def conjuncts(expression: Expression) -> tuple[tuple[ir.Node, ...], tuple[str, ...]]:
    """The top-level `and` conjuncts of a condition, and their texts."""
    node, tree = expression.ir, expression.tree
    if isinstance(node, ir.And) and isinstance(tree, syntax.Logic) and tree.op == "and":
        return node.items, tuple(expression.part(item.span) for item in tree.items)
    return (node,), (expression.text.strip(),)


class ConditionSet:
    """Compiled rules. Immutable, safe to share between threads, picklable."""

    __slots__ = ("_bits", "_failed", "_find", "_index", "_needs_run", "_rules", "reads")

    def __init__(self, rules: Sequence[tuple[str, Expression]]) -> None:
        """See `compile`."""
        made = []
        for rule_id, expression in rules:
            if not fits(expression.type, BOOLEAN):
                raise TypeError(f"rule {rule_id!r} is no condition: check it with expect=types.BOOLEAN")
            made.append(_Rule(rule_id, expression, *conjuncts(expression)))
        self._rules = tuple(made)
        self._index = {rule.id: at for at, rule in enumerate(self._rules)}
        if len(self._index) != len(self._rules):
            raise ValueError("two rules have the same id")
        bits: list[tuple[int, int]] = []
        for rule in self._rules:
            start = bits[-1][0] + bits[-1][1] if bits else 0
            bits.append((start, len(rule.clauses)))
        self._bits = tuple(bits)
        self.reads: frozenset[str] = frozenset().union(*(rule.expression.reads for rule in self._rules))
        compiled = compile_rows([rule.clauses for rule in self._rules])
        self._find, self._needs_run = compiled.find, compiled.needs_run
        self._failed: dict[str, _Failed | None] = {}

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
        return tuple(rule.clauses for rule in self._rules)

    def evaluate(self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> Fired:
        """Which rules are true.

        Raises `InvalidError`: for facts that are missing or of wrong types with all of them, else for the first rule
        that cannot be computed.
        """
        try:
            return Fired(*self._find(facts, Run(facts, at, zone) if self._needs_run else None))
        except Exception as error:
            interpret_all([rule.expression for rule in self._rules], facts, at=at, zone=zone)
            raise AssertionError("generated code and interpreter disagree about a set of rules") from error

    def interpret(
        self, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
    ) -> tuple[bool | None, ...]:
        """Each rule's value by the reference interpreter, in order. Raises as `evaluate` does."""
        values = interpret_all([rule.expression for rule in self._rules], facts, at=at, zone=zone)
        return tuple(value if isinstance(value, bool) else None for value in values)

    def clauses(self, rule_id: str) -> tuple[str, ...]:
        """The texts of a rule's top-level `and` conjuncts, in order."""
        return self._rules[self._index[rule_id]].texts

    def clause_bits(self, rule_id: str) -> range:
        """The bits of `Fired.clauses` that are a rule's conjuncts."""
        start, count = self._bits[self._index[rule_id]]
        return range(start, start + count)

    def why_not(
        self, rule_id: str, facts: Facts, *, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC
    ) -> FailedClause | None:
        """The first conjunct that is not true, with the values it saw; None for a true rule. Raises `InvalidError`."""
        # Compiling costs as much as interpreting some dozens of times: it begins when a rule is asked about again.
        known = self._failed.get(rule_id)
        if known is None:
            if rule_id not in self._failed:
                self._failed[rule_id] = None
                return self._interpreted_failure(rule_id, facts, at, zone)
            known = self._failed[rule_id] = _Failed.of(self._rules[self._index[rule_id]])
        try:
            found = known.find(facts, Run(facts, at, zone) if known.needs_run else None)
        except Exception:  # noqa: BLE001  # the interpreter knows what is wrong and where
            return self._interpreted_failure(rule_id, facts, at, zone)
        if found is None:
            return None
        position, values = found
        return FailedClause(known.texts[position], tuple(zip(known.names[position], values, strict=True)))

    def _interpreted_failure(
        self, rule_id: str, facts: Facts, at: dt.datetime | None, zone: dt.tzinfo
    ) -> FailedClause | None:
        rule = self._rules[self._index[rule_id]]
        run = Run(facts, at, zone)
        try:
            for node, text in zip(rule.clauses, rule.texts, strict=True):
                if interpret(node, run) is not True:
                    seen = tuple((fact.name, interpret(fact, run)) for fact in ir.facts_of(node))
                    return FailedClause(text, seen)
        except Fault as fault:
            raise rule.expression.located(fault) from None
        return None

    def __reduce__(self) -> tuple[Callable[..., ConditionSet], tuple[Any, ...]]:
        return ConditionSet, (tuple((rule.id, rule.expression) for rule in self._rules),)
