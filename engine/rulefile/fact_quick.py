"""Typed facts where nothing is wrong with what is given: a third of the time that telling what is wrong takes.

It gives what `fact_reading` gives, or doubts, and then that is asked. It doubts whatever is rare, wrong or not.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from engine.rulefile.fact_fields import FORMATS, FactField

MAX_CHARACTERS: Final = 34
"""A number whose text is no longer than so many characters has no more digits than are kept exactly."""

Read = Callable[[Any], Any]


class DoubtfulError(Exception):
    """What is given is not plainly right."""


def quick_reader(field: FactField) -> Read:
    """The function that gives a field's typed value, or raises `DoubtfulError`."""
    if field.form == "object":
        return _object(field)
    if field.form == "array" and field.item is not None:
        return _list(quick_reader(field.item), field.longest)
    if field.form == "string":
        return _text(field.longest, None if field.enum is None else frozenset(field.enum))
    if field.form in ("number", "integer"):
        return _number(field)
    if field.form == "boolean":
        return _truth
    return _formatted(FORMATS[field.form].parse) if field.form in FORMATS else _doubt


def _object(field: FactField) -> Read:
    parts = tuple((part.name, part.required, part.optional, quick_reader(part)) for part in field.fields)

    def read(given: Any) -> dict[str, Any]:
        if type(given) is not dict:
            raise DoubtfulError
        found: dict[str, Any] = {}
        unread = len(given)
        for name, required, optional, read_part in parts:
            if name in given:
                unread -= 1
                value = given[name]
                if value is not None:
                    found[name] = read_part(value)
                elif not optional:
                    raise DoubtfulError
            elif required:
                raise DoubtfulError
        if unread:
            raise DoubtfulError
        return found

    return read


def _list(read_item: Read, longest: int) -> Read:
    def read(given: Any) -> tuple[Any, ...]:
        if type(given) not in (list, tuple) or len(given) > longest:
            raise DoubtfulError
        return tuple([read_item(item) for item in given])

    return read


def _text(longest: int, enum: frozenset[Any] | None) -> Read:
    def read(given: Any) -> str:
        if type(given) is str and len(given) <= longest and (enum is None or given in enum):
            return given
        raise DoubtfulError

    return read


def _number(field: FactField) -> Read:
    whole, low, high, enum = field.form == "integer", field.minimum, field.maximum, field.enum

    def read(given: Any) -> Decimal:
        value = given
        if type(value) is int:
            value = Decimal(value)
        if (
            type(value) is Decimal
            and value.is_finite()
            and len(str(value)) <= MAX_CHARACTERS
            and (not whole or value == value.to_integral_value())
            and (low is None or value >= low)
            and (high is None or value <= high)
            and (enum is None or value in enum)
        ):
            return value
        raise DoubtfulError

    return read


def _truth(given: Any) -> bool:
    if type(given) is bool:
        return given
    raise DoubtfulError


def _formatted(parse: Callable[[str], Any]) -> Read:
    def read(given: Any) -> Any:
        value = parse(given) if type(given) is str else None
        if value is None:
            raise DoubtfulError
        return value

    return read


def _doubt(_: Any) -> Any:
    raise DoubtfulError
