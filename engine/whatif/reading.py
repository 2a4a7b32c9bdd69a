"""What conditions say about each fact: the constants that divide its values, and the conditions that compute with it.

A comparison of a fact with something that reads no fact (`employees >= 500`, `last_contacted_on > today() -
duration("P3D")`) divides the fact's values: within one position all behave alike. Any other use of a fact is *opaque*:
where it changes can only be probed.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.feel import ir
from engine.feel.interpret import interpret
from engine.feel.operations import Run
from engine.feel.text import literal
from engine.feel.types import BOOLEAN, DATE, DAYS_TIME_DURATION, NUMBER, STRING, YEARS_MONTHS_DURATION, ListType, Type
from engine.feel.values import Fault, Value

_DIVIDED: Final = frozenset({NUMBER, DATE, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION})
MAX_OPAQUE: Final = 64
"""Conditions computing with one fact that are probed."""

Facts = Mapping[str, Any]


@dataclass(slots=True)
class Reads:
    """How one fact is used: `constants` divide its values, `opaque` tell how conditions computing with it come out."""

    path: tuple[str, ...]
    type: Type
    constants: set[Value] = field(default_factory=set)
    opaque: list[Callable[[Facts], Hashable]] = field(default_factory=list)

    def signature(self, facts: Facts) -> Hashable:
        """How all the conditions that compute with the fact come out."""
        return tuple([each(facts) for each in self.opaque[:MAX_OPAQUE]])


class Reading:
    """Gathers, over many conditions, what is said about each fact of a decision at an instant."""

    def __init__(self, at: dt.datetime, zone: dt.tzinfo) -> None:
        """`zone` is where `today()` is read."""
        self.at, self.zone = at, zone
        self.facts: dict[str, Reads] = {}

    def read(self, nodes: Iterable[ir.Node]) -> None:
        """Take in some conditions, or expressions whose value matters."""
        for node in nodes:
            self._visit(node)

    def computed(self, node: ir.Node, named: Iterable[Value]) -> None:
        """Take in a computed value: its facts matter where it passes one of the named values."""
        values = list(named)
        bounds = sorted({value for value in values if isinstance(value, Decimal)})

        def position(facts: Facts) -> Hashable:
            value = self._value(node, facts)
            if isinstance(value, Decimal):
                return bisect_left(bounds, value), bisect_right(bounds, value)
            return literal(value)

        for fact in ir.facts_of(node):
            reads = self._reads(fact)
            reads.opaque.append(position)
            if fact.type == STRING:
                reads.constants |= {value for value in values if isinstance(value, str)} | _texts(node)

    def _visit(self, node: ir.Node) -> None:
        if isinstance(node, ir.And | ir.Or | ir.Not | ir.If):
            for child in ir.children(node):
                self._visit(child)
        elif isinstance(node, ir.Fact) and node.type == BOOLEAN:
            self._reads(node)
        elif not (isinstance(node, ir.Compare) and self._divides(node)):
            self._opaque(node)

    def _divides(self, node: ir.Compare) -> bool:
        for about, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(about, ir.Fact) and not ir.facts_of(other):
                if about.type not in _DIVIDED and (node.op not in {"=", "!="} or about.type not in {STRING, BOOLEAN}):
                    return False
                try:
                    constant = interpret(other, Run({}, self.at, self.zone))
                except Fault:
                    return False
                reads = self._reads(about)
                if constant is not None:
                    reads.constants.add(constant)
                return True
        return False

    def _opaque(self, node: ir.Node) -> None:
        def value(facts: Facts) -> Hashable:
            return literal(self._value(node, facts))

        for fact in ir.facts_of(node):
            reads = self._reads(fact)
            reads.opaque.append(value)
            if fact.type == STRING or isinstance(fact.type, ListType):
                reads.constants |= _texts(node)

    def _value(self, node: ir.Node, facts: Facts) -> Value:
        try:
            return interpret(node, Run(facts, self.at, self.zone))
        except Fault as fault:
            return fault.code

    def _reads(self, fact: ir.Fact) -> Reads:
        return self.facts.setdefault(fact.name, Reads(fact.path, fact.type))


def _texts(node: ir.Node) -> set[Value]:
    """The texts that a node names, by themselves or in lists."""
    found: set[Value] = set()
    for each in ir.walk(node):
        if isinstance(each, ir.Const):
            values = each.value if isinstance(each.value, tuple) else (each.value,)
            found |= {value for value in values if isinstance(value, str)}
    return found
