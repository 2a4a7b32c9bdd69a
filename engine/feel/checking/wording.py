"""How the checker words what it says about types."""

from __future__ import annotations

from collections.abc import Iterable

from engine.feel import ir
from engine.feel.checking.operator_types import DURATIONS
from engine.feel.types import (
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    ListType,
    Type,
)


def a_type(type_: Type) -> str:
    """A type with its article."""
    text = str(type_)
    if text in {"Any", "null"}:
        return "null" if text == "null" else "something of unknown type"
    return f"{'an' if text[0] in 'aeiou' else 'a'} {text}"


def shown_names(names: Iterable[str], *, quote: bool = True) -> str:
    """Names in back-ticks, as many as fit a line."""
    listed = sorted(names) if quote else list(names)
    few = [f"`{name}`" for name in listed[:12]]
    return ", ".join(few) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")  # a line's worth


def arithmetic_help(op: str, left: Type, right: Type) -> str:
    """What to do when an operator is not defined for two types."""
    if STRING in (left, right) and op == "+":
        return "make texts with `string(x)`, or numbers with `number(x)`"
    if STRING in (left, right):
        return "make numbers with `number(x)`"
    if NUMBER in (left, right) and ({left, right} & {DATE, DATE_TIME, TIME}):
        return 'add a duration: `duration("P14D")` or `@"P14D"`'
    if left == right == DATE and op == "+":
        return "only a duration can be added to a date"
    return ""


def compare_help(left: ir.Node, right: ir.Node) -> str:
    """What to do when two nodes do not compare."""
    types = {left.type, right.type}
    if types == {DATE, DATE_TIME}:
        return "take the day with `date(x)`"
    if STRING in types and types & {DATE, DATE_TIME, TIME, *DURATIONS}:
        return 'a date in an expression is written `date("2026-11-02")` or `@"2026-11-02"`'
    if types == {STRING, NUMBER}:
        return "numbers stand without quotes; make a number of a text with `number(x)`"
    if types == {STRING, BOOLEAN}:
        return "`true` and `false` stand without quotes"
    if types == {DAYS_TIME_DURATION, YEARS_MONTHS_DURATION}:
        return "days and months do not compare: a month has no fixed length"
    if isinstance(left.type, ListType) and not isinstance(right.type, ListType):
        return "ask with `list contains(list, x)`"
    return ""


def order_help(type_: Type) -> str:
    """What to ask instead of an order that a type does not have."""
    if isinstance(type_, ListType):
        return "ask for `count(list)`, or go through it with `some x in list satisfies ...`"
    if type_ == BOOLEAN:
        return "`true` and `false` have no order; use `=`, or the condition itself"
    return ""
