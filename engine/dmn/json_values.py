"""Values of models from and to JSON, where dates, times and durations are texts and the model says which is which."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.feel.standard import temporal
from engine.feel.standard.text import literal
from engine.feel.standard.types import plain
from engine.feel.types import (
    ANY,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    TIME,
    YEARS_MONTHS_DURATION,
    ContextType,
    Field,
    ListType,
    Type,
)
from engine.feel.values import Fault

_READERS = {
    DATE: temporal.date_from,
    TIME: temporal.time_from,
    DATE_TIME: temporal.date_time_from,
    DAYS_TIME_DURATION: temporal.duration_from,
    YEARS_MONTHS_DURATION: temporal.duration_from,
}


def from_json(value: Any, wanted: Type) -> Any:
    """A JSON value as the language takes it where a type is wanted. Raises `Fault` for a text that is no such value."""
    base = plain(wanted)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str):
        reader = _READERS.get(base)  # type: ignore[call-overload]  # other types are just not there
        return value if reader is None else reader(value)
    if isinstance(value, Mapping):
        fields = base.fields if isinstance(base, ContextType) else {}
        return {key: from_json(item, _field(fields, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        item_type = base.item if isinstance(base, ListType) else base
        return tuple(from_json(item, item_type) for item in value)
    if isinstance(value, Decimal):
        return value
    raise Fault("dmn.bad_input", "the value is not of JSON")


def _field(fields: Mapping[str, Field], key: str) -> Type:
    given = fields.get(key)
    return ANY if given is None else given.type


def to_json(value: Any) -> Any:
    """A value with JSON's types only: numbers stay exact decimals, what JSON lacks is its FEEL text."""
    if value is None or isinstance(value, bool | str | Decimal):
        return value
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return literal(value)
