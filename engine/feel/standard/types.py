"""Types at run time: what a value is an instance of, and the implicit conversions on its way into a typed place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from engine.feel import syntax
from engine.feel.standard.operations import kind_of
from engine.feel.standard.temporal import Date, DateTime, midnight
from engine.feel.types import (
    ANY,
    ANY_FUNCTION,
    NULL,
    TYPE_NAMES,
    ContextType,
    Field,
    FunctionType,
    ListType,
    RangeType,
    SimpleType,
    Type,
)
from engine.feel.values import Fault, Range


@dataclass(frozen=True, slots=True, eq=False)
class ConstrainedType(Type):
    """A named type: `base`, and tests that a value must pass. `is_allowed` is called with the value, not with null."""

    name: str
    base: Type
    is_allowed: Callable[[Any], bool] | None = None
    allows_null: bool = True

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class TypeNames:
    """What the names of types mean: FEEL's own and a model's."""

    find: Callable[[str], Type | None] = field(default=lambda _: None)

    def resolve(self, written: syntax.TypeName) -> Type:
        """The type that is written. Raises `Fault` `feel.unknown_type`."""
        name, parts = written.name, written.parts
        if name == "list":
            return ListType(self.resolve(parts[0]) if parts else ANY)
        if name == "range":
            return RangeType(self.resolve(parts[0]) if parts else ANY)
        if name == "context":
            return ContextType(
                {
                    label: Field(self.resolve(part), optional=True)
                    for label, part in zip(written.labels, parts, strict=True)
                }
            )
        if name == "function":
            if not parts:
                return ANY_FUNCTION
            return FunctionType(tuple(map(self.resolve, parts[:-1])), self.resolve(parts[-1]))
        own = self.find(name)
        if own is not None:
            return own
        found = named(name)
        if found is None:
            raise Fault("feel.unknown_type", f"there is no type `{name}`")
        return found


_EXTRA: Final[Mapping[str, Type]] = {
    "Null": NULL,
    "days and time duration": TYPE_NAMES["days and time duration"],
    "date and time": TYPE_NAMES["date and time"],
    "function": ANY_FUNCTION,
    "context": ContextType({}),
    "list": ListType(ANY),
    "range": RangeType(ANY),
}


def named(name: str) -> Type | None:
    """FEEL's own type of that name, if there is one."""
    return TYPE_NAMES.get(name) or _EXTRA.get(name)


def is_instance(value: Any, wanted: Type) -> bool:
    """What `instance of` gives: null is of no type but `Null`; the values that a type is limited to do not count."""
    return (value is not None or wanted == NULL) and conforms(value, unconstrained(wanted))


def unconstrained(wanted: Type) -> Type:
    """The type without the tests of its values, at any depth."""
    wanted = plain(wanted)
    if isinstance(wanted, ListType):
        return ListType(unconstrained(wanted.item))
    if isinstance(wanted, ContextType):
        return ContextType(
            {name: Field(unconstrained(given.type), optional=True) for name, given in wanted.fields.items()}
        )
    return wanted


def conforms(value: Any, wanted: Type) -> bool:
    """Whether a value may stand in a place of a type: null may, everywhere."""
    if wanted == ANY or value is None:
        return True if not isinstance(wanted, ConstrainedType) else _null_conforms(wanted)
    if isinstance(wanted, ConstrainedType):
        return conforms(value, wanted.base) and (wanted.is_allowed is None or wanted.is_allowed(value))
    if isinstance(wanted, SimpleType):
        return kind_of(value) == wanted.name
    if isinstance(wanted, ListType):
        return isinstance(value, list | tuple) and all(conforms(item, wanted.item) for item in value)
    if isinstance(wanted, ContextType):
        return isinstance(value, Mapping) and all(
            name in value and conforms(value[name], given.type) for name, given in wanted.fields.items()
        )
    if isinstance(wanted, RangeType):
        return isinstance(value, Range) and conforms(value.low, wanted.item) and conforms(value.high, wanted.item)
    return isinstance(wanted, FunctionType) and _is_function(value, wanted)


def _null_conforms(wanted: ConstrainedType) -> bool:
    return wanted.allows_null


def _is_function(value: Any, wanted: FunctionType) -> bool:
    own = getattr(value, "type", None)
    if not isinstance(own, FunctionType):
        return False
    return type_conforms(own, wanted)


def type_conforms(given: Type, wanted: Type) -> bool:
    """Whether every value of a type may stand where the other is asked for."""
    if wanted == ANY or given in (wanted, NULL):
        return True
    if isinstance(wanted, ConstrainedType):
        return given is wanted or (not isinstance(given, ConstrainedType) and type_conforms(given, wanted.base))
    if isinstance(given, ConstrainedType):
        return type_conforms(given.base, wanted)
    if isinstance(given, ListType) and isinstance(wanted, ListType):
        return type_conforms(given.item, wanted.item)
    if isinstance(given, RangeType) and isinstance(wanted, RangeType):
        return type_conforms(given.item, wanted.item)
    if isinstance(given, ContextType) and isinstance(wanted, ContextType):
        return all(
            name in given.fields and type_conforms(given.fields[name].type, need.type)
            for name, need in wanted.fields.items()
        )
    if isinstance(given, FunctionType) and isinstance(wanted, FunctionType):
        return (
            len(given.parameters) == len(wanted.parameters)
            and type_conforms(given.result, wanted.result)
            and all(type_conforms(w, g) for g, w in zip(given.parameters, wanted.parameters, strict=True))
        )
    return isinstance(given, FunctionType) and wanted == ANY_FUNCTION


def converted(value: Any, wanted: Type) -> Any:
    """The value as a place of that type takes it. Raises `Fault` `feel.wrong_type` when it does not fit even so.

    A single value becomes a list of it, a list of one its item, a date its midnight.
    """
    if conforms(value, wanted):
        return value
    base = plain(wanted)
    if isinstance(base, ListType):
        if not isinstance(value, list | tuple):
            if conforms((value,), wanted):
                return (value,)
        else:
            items = tuple(_converted_item(item, base.item) for item in value)
            if conforms(items, wanted):
                return items
    elif isinstance(value, list | tuple) and len(value) == 1 and not isinstance(value[0], list | tuple):
        return converted(value[0], wanted)
    if isinstance(value, Date) and base == TYPE_NAMES["date and time"]:
        moment: DateTime = midnight(value, None)
        if conforms(moment, wanted):
            return moment
    raise Fault("feel.wrong_type", f"expected a {wanted}, found a {kind_of(value)}")


def _converted_item(value: Any, wanted: Type) -> Any:
    try:
        return converted(value, wanted)
    except Fault:
        return value


def plain(wanted: Type) -> Type:
    """The type under its names and constraints."""
    while isinstance(wanted, ConstrainedType):
        wanted = wanted.base
    return wanted
