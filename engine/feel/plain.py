"""Cells and values that are written plainly, read without tokens and tree to the typed form that the checker gives.

Nearly all cells of a large table are a constant, a comparison with one, an interval, or some of these after commas.
Whatever is not surely so (another type, a bound on the wrong side, a sign too much) is left to the parser and the
checker, which also know what to say about it. That both give the same is a property of the tests.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final, NamedTuple

from engine.feel import ir
from engine.feel.clauses import INDEXED_ORDERED, Outline, outline_of
from engine.feel.operations import negate
from engine.feel.temporal import temporal_from
from engine.feel.types import BOOLEAN, DATE, NUMBER, STRING, Field, Type
from engine.feel.values import Fault

_CONSTANT: Final = (
    r'(-?(?!0[0-9])[0-9]{1,17}(?:\.[0-9]{1,16})?|"[^"\\\n\r\u202a-\u202e\u2066-\u2069]*"|@"[0-9]{4}-[0-9]{2}-[0-9]{2}")'
)
"""Numbers of fewer digits than are kept, texts without escapes, days."""
_VALUE: Final = re.compile(rf" *{_CONSTANT} *")
_ONE_COMPARISON: Final = re.compile(rf" *(?:([<>]=?|!?=) *)?{_CONSTANT} *")
_ONE_INTERVAL: Final = re.compile(rf" *([\[(]) *{_CONSTANT} *\.\. *{_CONSTANT} *([\])\[]) *")
_COMPARISON: Final = re.compile(_ONE_COMPARISON.pattern + r"(?:,|\Z)")
_INTERVAL: Final = re.compile(_ONE_INTERVAL.pattern + r"(?:,|\Z)")
_LONGEST: Final = 1_000
"""Characters of a text that is looked at."""


class _Test(NamedTuple):
    """A comparison, or (with a `high`) an interval: its operators, constants, their spans, and its own span."""

    op: str
    low: Any
    low_span: ir.Span
    span: ir.Span
    last: str = ""
    high: Any = None
    high_span: ir.Span = (0, 0)


def plain_outline(text: str, type_: Type) -> Outline | None:
    """What a cell of one test says about a column of ordered values; None where it is not plain, or is another cell.

    It is `engine.feel.clauses.outline` of the cell's typed form, which need not be made for it.
    """
    if not (type_ is NUMBER or type_ in INDEXED_ORDERED) or len(text) > _LONGEST:
        return None
    if ".." in text:
        match = _ONE_INTERVAL.fullmatch(text)
        if match is None:
            return None
        opening, below, above, closing = match.groups()
        low, high = _constant(below, type_), _constant(above, type_)
        if low is None or high is None or not low < high:
            return None
        return outline_of(">=" if opening == "[" else ">", low, "<=" if closing == "]" else "<", high)
    match = _ONE_COMPARISON.fullmatch(text)
    value = None if match is None else _constant(match[2], type_)
    return None if match is None or value is None else outline_of(match[1] or "=", value)


def plain_test(text: str, subject: Field, name: str) -> ir.Node | None:
    """A table's cell as a condition about the fact `name`; None where it is not plain."""
    if text == "-":
        return ir.truth(value=True, span=(0, 1))
    if subject.enum is not None or len(text) > _LONGEST:
        return None
    tests: list[_Test] = []
    at = 0
    while at < len(text) or not tests:
        found = _test(text, at, subject.type)
        if found is None:
            return None
        test, at = found
        tests.append(test)
    if text[at - 1] == ",":
        return None
    whole = 0, tests[-1].span[1]
    fact = ir.Fact((name,), type=subject.type, nullable=subject.optional, span=whole)
    nodes = tuple([_condition(fact, test) for test in tests])
    if len(nodes) == 1:
        return nodes[0]
    return ir.Or(nodes, type=BOOLEAN, nullable=any(node.nullable for node in nodes), span=whole)


def plain_value(text: str, expect: Type | None) -> ir.Const | None:
    """An expression that is one constant of the expected type; None where it is not plain."""
    if len(text) > _LONGEST or (match := _VALUE.fullmatch(text)) is None:
        return None
    piece = match[1]
    type_ = STRING if piece[0] == '"' else DATE if piece[0] == "@" else NUMBER
    if expect is not None and expect is not type_ and expect != type_:
        return None
    value = _constant(piece, type_)
    return None if value is None else ir.Const(value, type=type_, span=match.span(1))


def _test(text: str, at: int, type_: Type) -> tuple[_Test, int] | None:
    """The test that begins here, and where it ends: behind a comma, or with the text."""
    match = _COMPARISON.match(text, at)
    if match is not None:
        op, piece = match.groups()
        value = _constant(piece, type_)
        if value is None:
            return None
        span = match.span(2)
        return _Test(op or "=", value, span, (match.start(1), span[1]) if op else span), match.end()
    match = _INTERVAL.match(text, at)
    if match is None:
        return None
    opening, below, above, closing = match.groups()
    low, high = _constant(below, type_), _constant(above, type_)
    first, last = ">=" if opening == "[" else ">", "<=" if closing == "]" else "<"
    if low is None or high is None or low > high or (low == high and (first, last) != (">=", "<=")):
        return None
    return _Test(first, low, match.span(2), (match.start(1), match.end(4)), last, high, match.span(3)), match.end()


def _constant(piece: str, type_: Type) -> Any:
    """The value of a constant of this type; None for another one."""
    if type_ is NUMBER and piece.isdecimal():  # nearly always
        return Decimal(piece)
    if piece[0] == '"':
        return piece[1:-1] if type_ == STRING else None
    if piece[0] == "@":
        if type_ != DATE:
            return None
        try:
            return temporal_from(piece[2:-1])
        except Fault:
            return None
    if type_ != NUMBER:
        return None
    return negate(Decimal(piece[1:])) if piece[0] == "-" else Decimal(piece)


def _condition(fact: ir.Fact, test: _Test) -> ir.Node:
    first = _compared(fact, test.op, test.low, test.low_span, test.span)
    if not test.last:
        return first
    last = _compared(fact, test.last, test.high, test.high_span, test.span)
    return ir.And((first, last), type=BOOLEAN, nullable=fact.nullable, span=test.span)


def _compared(fact: ir.Fact, op: str, value: Any, value_span: ir.Span, span: ir.Span) -> ir.Compare:
    constant = ir.Const(value, type=fact.type, span=value_span)
    nullable = fact.nullable and op not in {"=", "!="}
    return ir.Compare(op, fact, constant, type=BOOLEAN, nullable=nullable, span=span)
