"""What `range("[1..10)")` reads: two literals of one kind between brackets, nothing that would have to be evaluated."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from engine.feel import syntax
from engine.feel.calendar import Calendar
from engine.feel.operations import Operations
from engine.feel.parser import Names, parse
from engine.feel.places import TextPlaces
from engine.feel.values import NUMBERS, Fault, Range
from engine.problems import InvalidError

_NAMES: Final = Names(("date", "time", "date and time", "duration"))


def range_from(text: str, operations: Operations) -> Range:
    """The range that a text describes. Raises `Fault` `feel.wrong_arguments`."""
    text = text.strip()
    try:
        tree = parse(TextPlaces(_with_ends(text)), Names(), _NAMES, standard=True)
    except InvalidError:
        raise _unreadable(text) from None
    if not isinstance(tree, syntax.Interval):
        raise _unreadable(text)
    low, high = (_end(end, text, operations.calendar) for end in (tree.low, tree.high))
    if (low is None and high is None) or "null" in text:
        raise _unreadable(text)
    if low is not None and high is not None and operations.order("<=", low, high) is not True:
        raise _unreadable(text)
    if (low is None and tree.low_closed) or (high is None and tree.high_closed):
        raise _unreadable(text)  # what has no end cannot include it
    return Range(low, high, tree.low_closed, tree.high_closed)


def _with_ends(text: str) -> str:
    """The text with `null` for an end that is left out, as in `(..10]`."""
    if text[1:].lstrip().startswith(".."):
        text = f"{text[0]}null{text[1:].lstrip()}"
    if text[:-1].rstrip().endswith(".."):
        text = f"{text[:-1].rstrip()}null{text[-1]}"
    return text


def _end(node: syntax.Node, text: str, calendar: Calendar) -> Any:
    match node:
        case syntax.Literal(value=value) if not isinstance(value, bool):
            return value
        case syntax.Negative(operand=syntax.Literal(value=Decimal() as value)):
            return NUMBERS.minus(value)
        case syntax.AtLiteral(text=written):
            return calendar.temporal_from(written)
        case syntax.Invocation(callee=syntax.Name(name=name), arguments=(syntax.Literal(value=str() as written),)):
            match name:
                case "date":
                    return calendar.date_from(written)
                case "time":
                    return calendar.time_from(written)
                case "date and time":
                    return calendar.date_time_from(written)
                case "duration":
                    return calendar.duration_from(written)
    raise _unreadable(text)


def _unreadable(text: str) -> Fault:
    return Fault("feel.wrong_arguments", f"`{text[:60]}` is not a range", "for instance `[1..10)`")
