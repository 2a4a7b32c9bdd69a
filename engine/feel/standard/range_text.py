"""What `range("[1..10)")` reads: two literals of one kind between brackets, nothing that would have to be evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.feel import syntax
from engine.feel.parser import Names, parse
from engine.feel.places import TextPlaces
from engine.feel.standard import temporal
from engine.feel.standard.operations import kind_of, order
from engine.feel.values import NUMBERS, Fault, Range
from engine.problems import InvalidError

_MADE: Final[Mapping[str, Callable[[str], Any]]] = {
    "date": temporal.date_from,
    "time": temporal.time_from,
    "date and time": temporal.date_time_from,
    "duration": temporal.duration_from,
}
_NAMES: Final = Names(_MADE)


def range_from(text: str) -> Range:
    """The range that a text describes. Raises `Fault` `feel.wrong_arguments`."""
    text = text.strip()
    try:
        tree = parse(TextPlaces(_with_ends(text)), Names(), _NAMES, standard=True)
    except InvalidError:
        raise _unreadable(text) from None
    if not isinstance(tree, syntax.Interval):
        raise _unreadable(text)
    low, high = _end(tree.low, text), _end(tree.high, text)
    if (low is None and high is None) or "null" in text:
        raise _unreadable(text)
    if low is not None and high is not None and (kind_of(low) != kind_of(high) or order("<=", low, high) is not True):
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


def _end(node: syntax.Node, text: str) -> Any:
    match node:
        case syntax.Literal(value=value) if not isinstance(value, bool):
            return value
        case syntax.Negative(operand=syntax.Literal(value=Decimal() as value)):
            return NUMBERS.minus(value)
        case syntax.AtLiteral(text=written):
            return temporal.temporal_from(written)
        case syntax.Invocation(callee=syntax.Name(name=name), arguments=(syntax.Literal(value=str() as written),)):
            if name in _MADE:
                return _MADE[name](written)
    raise _unreadable(text)


def _unreadable(text: str) -> Fault:
    return Fault("feel.wrong_arguments", f"`{text[:60]}` is not a range", "for instance `[1..10)`")
