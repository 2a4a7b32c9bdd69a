"""The one table: every built-in function of the language, over the values of a mode."""

from __future__ import annotations

from engine.feel.functions.aggregates import aggregates
from engine.feel.functions.contexts import contexts
from engine.feel.functions.dates import dates
from engine.feel.functions.lists import lists
from engine.feel.functions.numbers import numbers
from engine.feel.functions.ranges import ranges
from engine.feel.functions.signature import Builtin
from engine.feel.functions.texts import Patterns, texts
from engine.feel.operations import Operations


def table(operations: Operations, patterns: Patterns) -> tuple[Builtin, ...]:
    """All built-in functions: the same names, parameters and meaning for whatever values the operations are over."""
    return (
        *texts(operations, patterns),
        *numbers(operations),
        *aggregates(operations),
        *lists(operations),
        *dates(operations.calendar),
        *contexts(operations),
        *ranges(operations),
    )
