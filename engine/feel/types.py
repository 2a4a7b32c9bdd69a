"""The types of the language: what a fact, a cell or an expression may be. `str(type)` is FEEL's own name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final


class Type:
    """Base of all types. Types are immutable values: equal when they mean the same."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SimpleType(Type):
    """A type without parts, such as `number`."""

    name: str

    def __str__(self) -> str:
        return self.name


NUMBER: Final = SimpleType("number")
STRING: Final = SimpleType("string")
BOOLEAN: Final = SimpleType("boolean")
DATE: Final = SimpleType("date")
TIME: Final = SimpleType("time")
DATE_TIME: Final = SimpleType("date and time")
DAYS_TIME_DURATION: Final = SimpleType("days and time duration")
YEARS_MONTHS_DURATION: Final = SimpleType("years and months duration")
NULL: Final = SimpleType("null")
ANY: Final = SimpleType("Any")
ANY_FUNCTION: Final = SimpleType("function")
"""A function of whatever parameters; `function<...> -> ...` says which."""

SIMPLE_TYPES: Final = (
    NUMBER,
    STRING,
    BOOLEAN,
    DATE,
    TIME,
    DATE_TIME,
    DAYS_TIME_DURATION,
    YEARS_MONTHS_DURATION,
    NULL,
    ANY,
)

TYPE_NAMES: Final[Mapping[str, SimpleType]] = MappingProxyType(
    {t.name: t for t in SIMPLE_TYPES}
    | {"dateTime": DATE_TIME, "dayTimeDuration": DAYS_TIME_DURATION, "yearMonthDuration": YEARS_MONTHS_DURATION}
)
"""The names `instance of` and function parameters may use for a simple type."""

ORDERED: Final = frozenset({NUMBER, STRING, DATE, TIME, DATE_TIME, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION})
"""Types with `<` and the like."""


@dataclass(frozen=True, slots=True)
class ListType(Type):
    """`list<item>`."""

    item: Type

    def __str__(self) -> str:
        return f"list<{self.item}>"


@dataclass(frozen=True, slots=True)
class RangeType(Type):
    """`range<item>`: an interval used as a value."""

    item: Type

    def __str__(self) -> str:
        return f"range<{self.item}>"


@dataclass(frozen=True, slots=True)
class FunctionType(Type):
    """`function<parameters> -> result`; `names` are those that arguments may be given by, where they are known."""

    parameters: tuple[Type, ...]
    result: Type
    names: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"function<{', '.join(map(str, self.parameters))}> -> {self.result}"


EnumValue = str | Decimal | bool


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a context, or a fact: its type, whether it may be absent or null, and the values it is limited to.

    `zoned` says that its values surely have a time zone.
    """

    type: Type
    optional: bool = False
    enum: tuple[EnumValue, ...] | None = None
    zoned: bool = False


@dataclass(frozen=True, slots=True)
class ContextType(Type):
    """`context<name: type, ...>`. Hashable as long as its fields are."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash(tuple(sorted((name, hash(given)) for name, given in self.fields.items())))

    def __str__(self) -> str:
        if not self.fields:
            return "context"
        return f"context<{', '.join(f'{name}: {given.type}' for name, given in self.fields.items())}>"


ANY_CONTEXT: Final = ContextType({})
ANY_LIST: Final = ListType(ANY)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the names in an expression mean."""

    fields: Mapping[str, Field] = field(default_factory=dict)

    def child(self, fields: Mapping[str, Field]) -> Scope:
        """This scope with names added; an added name hides one of the same spelling."""
        return Scope({**self.fields, **fields})

    def at(self, path: Sequence[str]) -> Field | None:
        """The fact at the end of a way of names; None where there is none."""
        fields, found = self.fields, None
        for name in path:
            found = fields.get(name)
            fields = found.type.fields if found is not None and isinstance(found.type, ContextType) else {}
        return found


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of type `given` may stand where `wanted` is asked.

    `Any` fits both ways (the check then happens at run time) and `null` fits everything.
    """
    if ANY in (given, wanted) or given in (NULL, wanted):
        return True
    if ANY_FUNCTION in (given, wanted):
        return isinstance(given, FunctionType) or isinstance(wanted, FunctionType)
    if isinstance(given, ListType) and isinstance(wanted, ListType):
        return fits(given.item, wanted.item)
    if isinstance(given, RangeType) and isinstance(wanted, RangeType):
        return fits(given.item, wanted.item)
    if isinstance(given, ContextType) and isinstance(wanted, ContextType):
        return all(
            (name in given.fields and fits(given.fields[name].type, need.type))
            or (name not in given.fields and need.optional)
            for name, need in wanted.fields.items()
        )
    if isinstance(given, FunctionType) and isinstance(wanted, FunctionType):
        return (
            len(given.parameters) == len(wanted.parameters)
            and fits(given.result, wanted.result)
            and all(fits(w, g) for g, w in zip(given.parameters, wanted.parameters, strict=True))
        )
    return False


def comparable(left: Type, right: Type) -> bool:
    """Whether `=` between the two can ever be true other than for two nulls."""
    return fits(left, right) or fits(right, left)


def only_known_at_run_time(given: Type, wanted: Type) -> bool:
    """Whether a value of type `given` must be looked at to tell that it fits."""
    if wanted == ANY:
        return False
    if given == ANY:
        return True
    if isinstance(given, ListType) and isinstance(wanted, ListType):
        return only_known_at_run_time(given.item, wanted.item)
    return given == ANY_CONTEXT and isinstance(wanted, ContextType) and bool(wanted.fields)


def common(left: Type, right: Type) -> Type:
    """The narrowest type here that both fit."""
    if right in (left, NULL):
        return left
    if left == NULL:
        return right
    if isinstance(left, ListType) and isinstance(right, ListType):
        return ListType(common(left.item, right.item))
    if isinstance(left, RangeType) and isinstance(right, RangeType):
        return RangeType(common(left.item, right.item))
    if isinstance(left, ContextType) and isinstance(right, ContextType):
        shared = {
            name: Field(common(a.type, right.fields[name].type), a.optional or right.fields[name].optional)
            for name, a in left.fields.items()
            if name in right.fields
        }
        return ContextType(shared)
    return ANY
