"""How the checker words what it says about types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from engine.feel import habits, ir
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
    ContextType,
    ListType,
    Type,
)

CONDITION_HELP: Final = "compare it with something, for instance `employees >= 500`"


def a_type(type_: Type) -> str:
    """A type with its article."""
    if isinstance(type_, ContextType) and type_.fields:
        return "a context"  # whose fields may be a page
    if isinstance(type_, ListType) and isinstance(type_.item, ContextType) and type_.item.fields:
        return "a list of contexts"
    text = str(type_)
    if text in {"Any", "null"}:
        return "null" if text == "null" else "something of unknown type"
    return with_article(text)


def with_article(text: str) -> str:
    """A noun with its article."""
    if text == "Any":
        return "something"
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
    if BOOLEAN in (left, right):
        return "a condition counts as a number with `if condition then 1 else 0`"
    if any(isinstance(side, ListType) for side in (left, right)):
        return (
            "`sum(list)` adds up a list, `concatenate(a, b)` joins two, `for x in list return x * 2` goes through one"
        )
    return ""


def compare_help(left: ir.Node, right: ir.Node) -> str:
    """What to do when two nodes do not compare."""
    types = {left.type, right.type}
    if types == {DATE, DATE_TIME}:
        return "take the day with `date(x)`"
    if STRING in types and types & {DATE, DATE_TIME, TIME, *DURATIONS}:
        return 'a date in an expression is written `date("2026-11-02")` or `@"2026-11-02"`'
    if NUMBER in types and types & {DATE, DATE_TIME}:
        return 'a date in an expression is written `@"2026-11-02"`; `2026-11-02` is a subtraction'
    if NUMBER in types and types & set(DURATIONS):
        return 'a duration is written `@"P14D"` (days), `@"PT8H"` (hours) or `@"P6M"` (months); its days are `x.days`'
    if types == {STRING, NUMBER}:
        return "numbers stand without quotes; make a number of a text with `number(x)`"
    if types == {STRING, BOOLEAN}:
        return "`true` and `false` stand without quotes"
    if types == {DAYS_TIME_DURATION, YEARS_MONTHS_DURATION}:
        return "days and months do not compare: a month has no fixed length"
    if isinstance(left.type, ListType) and not isinstance(right.type, ListType):
        return "ask with `list contains(list, x)`"
    if isinstance(right.type, ListType) and not isinstance(left.type, ListType):
        return "ask with `x in (1, 2)`"
    return ""


def expected_help(node: ir.Node, wanted: Type) -> str:
    """What to write where a value of the type `wanted` should stand and another does."""
    if wanted in {DATE, DATE_TIME, TIME, *DURATIONS} and node.type in {NUMBER, STRING}:
        written = {
            DATE: '@"2026-11-02"',
            DATE_TIME: '@"2026-11-02T09:30:00Z"',
            TIME: '@"09:30:00"',
            DAYS_TIME_DURATION: '@"P14D"',
            YEARS_MONTHS_DURATION: '@"P6M"',
        }
        return f"it is written `{written[wanted]}`"
    if wanted == STRING:
        return 'texts stand in double quotes: `"text"`; `string(x)` makes one'
    if wanted == NUMBER and node.type == STRING:
        return "numbers stand without quotes; make a number of a text with `number(x)`"
    return ""


def negative_help(type_: Type) -> str:
    """What to write instead of a minus before a value that has none."""
    if type_ == BOOLEAN:
        return "`not(x)` turns a condition round"
    return "make a number of a text with `number(x)`" if type_ == STRING else "only numbers and durations have a sign"


def count_of_arguments(least: int, most: int | None, given: int) -> str:
    """How many arguments a function takes, and how many it is given. `most` is None where there is no end."""
    many = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
    noun = "argument" if many == "1" else "arguments"
    return f"{many} {noun}, not {given}"


def condition_help(node: ir.Node, where: str, *, in_cell: bool) -> str:
    """What to do about an operand of `where` that is no condition."""
    if where in {"`and`", "`or`"} and isinstance(node, ir.Const):
        if in_cell and where == "`or`":
            return "the values of a cell are separated by commas: `5, 6`"
        example = "`x = 1 or x = 2`, which is `x in (1, 2)`" if where == "`or`" else "`x >= 1 and x <= 2`"
        return f"each side of {where} is a whole condition: {example}"
    return CONDITION_HELP


def looks_alike(name: str, near: str) -> str:
    """Which character of a name only looks like one of the name that is near; or ''."""
    for character in name:
        if not character.isascii() and character not in near:
            shown = f"`{character}` (U+{ord(character):04X})" if character.isprintable() else f"U+{ord(character):04X}"
            return f" {shown} is not one of its letters"
    return ""


def name_help(name: str) -> str:
    """What to write instead of a name of another language; or ''."""
    constant = habits.constant_meant(name)
    return f"write `{constant}`" if constant else ""


def order_help(type_: Type) -> str:
    """What to ask instead of an order that a type does not have."""
    if isinstance(type_, ListType):
        return "ask for `count(list)`, or go through it with `some x in list satisfies ...`"
    if type_ == BOOLEAN:
        return "`true` and `false` have no order; use `=`, or the condition itself"
    if isinstance(type_, ContextType):
        return "compare one of its parts: `account.employees > 5`"
    return ""
