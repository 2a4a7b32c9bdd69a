"""Whether values are of a type, and facts as the language needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Final, cast

from engine.feel.types import (
    ANY,
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NULL,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    ContextType,
    Field,
    FunctionType,
    ListType,
    RangeType,
    SimpleType,
    Type,
    common,
    fits,
)
from engine.feel.values import Facts, Fault, Range, Value, YearMonthDuration, kind_of

_BY_KIND: Final[Mapping[str, SimpleType]] = {
    t.name: t for t in (NUMBER, STRING, BOOLEAN, DATE, TIME, DATE_TIME, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION, NULL)
}

PYTHON_TYPES: Final[Mapping[Type, type]] = {
    NUMBER: Decimal,
    STRING: str,
    BOOLEAN: bool,
    DATE: date,
    DATE_TIME: datetime,
    TIME: time,
    DAYS_TIME_DURATION: timedelta,
    YEARS_MONTHS_DURATION: YearMonthDuration,
}
"""What the values of simple types are, exactly."""


def type_of(value: Value) -> Type:
    """The type of a value."""
    kind = kind_of(value)
    if kind in _BY_KIND:
        return _BY_KIND[kind]
    if kind == "list":
        item: Type | None = None
        for each in cast("list[Value]", value):
            item = type_of(each) if item is None else common(item, type_of(each))
        return ListType(item or ANY)
    if kind == "context":
        entries = cast("Mapping[str, Value]", value)
        return ContextType({key: Field(type_of(each), optional=each is None) for key, each in entries.items()})
    if isinstance(value, Range):
        return RangeType(common(type_of(value.low), type_of(value.high)))
    own = getattr(value, "type", ANY)  # a function value knows its own
    return own if isinstance(own, Type) else ANY


def is_a(value: Value, wanted: Type) -> bool:
    """Whether a value is of a type; null is of none but `null` and `Any`."""
    if wanted == ANY:
        return True
    if isinstance(wanted, SimpleType):
        return kind_of(value) == wanted.name
    if isinstance(wanted, ListType):
        return isinstance(value, list | tuple) and all(item is None or is_a(item, wanted.item) for item in value)
    if isinstance(wanted, ContextType):
        return isinstance(value, Mapping) and all(
            value.get(name) is None if value.get(name) is None and given.optional else is_a(value.get(name), given.type)
            for name, given in wanted.fields.items()
        )
    if isinstance(wanted, RangeType):
        return isinstance(value, Range) and all(
            end is None or is_a(end, wanted.item) for end in (value.low, value.high)
        )
    return isinstance(wanted, FunctionType) and callable(value) and fits(getattr(value, "type", wanted), wanted)


def is_instance(value: Value, tested: Type) -> bool:
    """What `instance of` gives: null is an instance of nothing but `null`."""
    return (value is not None or tested == NULL) and is_a(value, tested)


def fitted(value: object, wanted: Type, name: str) -> Value:
    """A fact's value as the language needs it: whole numbers become decimals, the rest must be right as it is.

    Raises `Fault` `feel.wrong_fact` for any other type and `feel.missing_fact` for null where a value must stand.
    """
    if wanted == ANY:
        return _any(value, name)
    if isinstance(wanted, SimpleType):
        return _simple(value, wanted, name)
    if isinstance(wanted, ListType):
        if not isinstance(value, list | tuple):
            raise _wrong(value, wanted, name)
        return tuple(fitted(item, wanted.item, f"{name}[{at}]") for at, item in enumerate(value, 1))
    if isinstance(wanted, ContextType):
        if not isinstance(value, Mapping):
            raise _wrong(value, wanted, name)
        made = dict(value)
        for key, given in wanted.fields.items():
            entry = made.get(key)
            if entry is not None:
                made[key] = fitted(entry, given.type, f"{name}.{key}")
            elif not given.optional:
                raise missing(f"{name}.{key}")
        return made
    if not is_a(cast("Value", value), wanted):
        raise _wrong(value, wanted, name)
    return cast("Value", value)


def _simple(value: object, wanted: SimpleType, name: str) -> Value:
    if wanted == NUMBER:
        if isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        if isinstance(value, Decimal):
            if not value.is_finite():
                raise Fault("feel.wrong_fact", f"the fact `{name}` is {value}, which is no number", "give a finite one")
            return value
    if kind_of(value) != wanted.name:
        raise missing(name) if value is None else _wrong(value, wanted, name)
    return cast("Value", value)


def _any(value: object, name: str) -> Value:
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, list | tuple):
        return tuple(_any(item, f"{name}[{at}]") for at, item in enumerate(value, 1))
    if isinstance(value, Mapping):
        return {str(key): _any(item, f"{name}.{key}") for key, item in value.items()}
    if kind_of(value) == "unknown":
        raise _wrong(value, ANY, name)
    return cast("Value", value)


def missing(name: str) -> Fault:
    """The fault of a required fact that is absent."""
    return Fault(
        "feel.missing_fact", f"the fact `{name}` is missing", "give it, or make it optional in the fact schema"
    )


def _wrong(value: object, wanted: Type, name: str) -> Fault:
    if value is None:
        return missing(name)
    if isinstance(value, float):
        return Fault(
            "feel.wrong_fact",
            f"the fact `{name}` is a binary fraction, which is not exact",
            "give the number as text or decimal",
        )
    kind = kind_of(value)
    shown = f"is a {kind}" if kind != "unknown" else "is of no kind the language has"
    return Fault("feel.wrong_fact", f"the fact `{name}` {shown}; it must be a {wanted}")


def read_fact(facts: Facts, path: tuple[str, ...], wanted: Type, *, optional: bool) -> Value:
    """A fact by its path. Absent or null on an optional way is null. Raises `Fault` as `fitted` does."""
    value: object = facts
    for depth, name in enumerate(path):
        if not isinstance(value, Mapping):
            raise _wrong(value, ContextType({}), ".".join(path[:depth]))
        value = value.get(name)
        if value is None:
            if optional:
                return None
            raise missing(".".join(path[: depth + 1]))
    return fitted(value, wanted, ".".join(path))


def ready(wanted: Type) -> Callable[[object], bool] | None:
    """What tells quickly that `fitted` would give a value as it is; None for types that are not so simple.

    It may say no of a value that is right, and never says yes of one that is not.
    """
    if isinstance(wanted, SimpleType):
        if wanted == NUMBER:
            return lambda value: type(value) is Decimal and value.is_finite()
        kind = PYTHON_TYPES.get(wanted)
        return None if kind is None else lambda value: type(value) is kind
    if isinstance(wanted, ListType):
        item = ready(wanted.item)
        return None if item is None else lambda value: type(value) is tuple and all(map(item, value))
    return _ready_context(wanted) if isinstance(wanted, ContextType) else None


def _ready_context(wanted: ContextType) -> Callable[[object], bool] | None:
    known = [(name, given.optional, ready(given.type)) for name, given in wanted.fields.items()]
    fields = [(name, optional, is_ready) for name, optional, is_ready in known if is_ready is not None]
    if len(fields) < len(known):
        return None

    def context(value: object) -> bool:
        if type(value) is not dict:
            return False
        for name, optional, is_ready in fields:
            part = value.get(name)
            if not (optional if part is None else is_ready(part)):
                return False
        return True

    return context


Reader = Callable[[Facts], Value]


def reader(path: tuple[str, ...], wanted: Type, *, optional: bool) -> Reader:
    """`read_fact` for one fact, for generated code to call when the quick look was not enough."""
    return lambda facts: read_fact(facts, path, wanted, optional=optional)
