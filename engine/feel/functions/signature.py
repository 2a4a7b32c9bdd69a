"""What a built-in function is: a name, and forms of parameters, each with what it gives and how it is computed.

A form is written as FEEL writes parameters: `string: string, start position: number, length?: number`. `?` after a
name means that the argument may be left out, `+` that the parameter takes all that follow, `*` that there may be none;
`|` stands between alternative types, and `?` after them means that null is a value like any other. A null anywhere
else gives null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.feel.types import (
    ANY,
    ANY_CONTEXT,
    ANY_LIST,
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    FunctionType,
    ListType,
    RangeType,
    SimpleType,
    Type,
    fits,
    only_known_at_run_time,
)

Result = Type | Callable[[Sequence[Type]], Type | None]
"""A form's type, or what computes it from the types of the arguments; None where these do not go together."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A formal parameter; `types` are alternatives, `shown` says them in a help text.

    The last `optional` ones may be left out; a `rest` parameter takes all arguments that follow.
    """

    name: str
    types: tuple[Type, ...]
    shown: str
    optional: bool = False
    rest: bool = False
    takes_null: bool = False

    def takes(self, given: Type) -> bool:
        """Whether a value of a type may be right here."""
        return any(fits(given, type_) for type_ in self.types)

    def is_loose(self, given: Type) -> bool:
        """Whether a value of a type must be looked at to tell that it is right here."""
        return all(only_known_at_run_time(given, type_) for type_ in self.types if fits(given, type_))

    def __str__(self) -> str:
        return f"{self.name}{'...' if self.rest else ''}{'?' if self.optional and not self.rest else ''}: {self.shown}"


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """One form of a function.

    `may_be_null`: null can come out of arguments that are not null. `total`: cannot fail on values of the right types.
    `wants_run`: takes the evaluation's `Budget` as first argument. `reads_clock`: gives another value at another time.
    """

    parameters: tuple[Parameter, ...]
    result: Result
    call: Callable[..., Any]
    may_be_null: bool = False
    total: bool = False
    wants_run: bool = False
    reads_clock: bool = False

    @property
    def rest(self) -> bool:
        """Whether the last parameter takes all arguments that follow."""
        return bool(self.parameters) and self.parameters[-1].rest

    @property
    def least(self) -> int:
        """How few arguments can be right."""
        return sum(1 for p in self.parameters if not p.optional)

    def accepts(self, count: int) -> bool:
        """Whether that many positional arguments can be right."""
        return self.least <= count and (self.rest or count <= len(self.parameters))

    def parameter(self, index: int) -> Parameter:
        """The parameter that positional argument `index` (from 0) fills."""
        return self.parameters[min(index, len(self.parameters) - 1)]

    def is_in_order(self, names: Iterable[str]) -> bool:
        """Whether named arguments stand in the parameters' order: it tells `(point, range)` from `(range, point)`."""
        return [p.name for p in self.parameters] == list(names)

    def lacks(self, arguments: Sequence[Any]) -> bool:
        """Whether a null stands where none may, so that the result is null."""
        return any(value is None and not self.parameter(at).takes_null for at, value in enumerate(arguments))

    def result_of(self, types: Sequence[Type]) -> Type | None:
        """The result's type for arguments of these types; None where they do not go together."""
        return self.result(types) if callable(self.result) else self.result


@dataclass(frozen=True, slots=True, eq=False)
class Builtin:
    """A function by its FEEL name. `extension`: the standard does not have it, so that `.dmn` files do not either."""

    name: str
    signatures: tuple[Signature, ...]
    extension: bool = False

    def usage(self) -> str:
        """How it is called, for help texts."""
        return " or ".join(f"{self.name}({', '.join(map(str, form.parameters))})" for form in self.signatures)


# -- forms from text

ORDERED_TYPES: Final = (NUMBER, STRING, DATE, TIME, DATE_TIME, DAYS_TIME_DURATION, YEARS_MONTHS_DURATION)
LENGTHS: Final = (DAYS_TIME_DURATION, YEARS_MONTHS_DURATION)
_TYPES: Final[Mapping[str, tuple[Type, ...]]] = {
    "any": (ANY,),
    "boolean": (BOOLEAN,),
    "context": (ANY_CONTEXT,),
    "function": (FunctionType((ANY, ANY), BOOLEAN),),
    "list": (ANY_LIST,),
    "range": (RangeType(ANY),),
    "ordered": ORDERED_TYPES,
    "point": ORDERED_TYPES,
    "addable": (NUMBER, *LENGTHS),
    **{type_.name: (type_,) for type_ in ORDERED_TYPES},
}


def _types(word: str) -> tuple[Type, ...]:
    if word.startswith("list<"):
        return tuple(ListType(item) for item in _types(word[5:-1]))
    return _TYPES[word]


_SHOWN: Final = {
    "any": "Any",
    "ordered": "number, string, date, time or duration",
    "point": "point",
    "list<ordered>": "list of numbers, strings, dates, times or durations",
    "addable": "number or duration",
    "list<addable>": "list of numbers or durations",
}


def _parameter(text: str) -> Parameter:
    name, _, written = text.partition(": ")
    words = written.rstrip("?").split("|")
    return Parameter(
        name.rstrip("?*+"),
        tuple(type_ for word in words for type_ in _types(word)),
        " or ".join(_SHOWN.get(word, word) for word in words),
        optional=name[-1] in "?*",
        rest=name[-1] in "*+",
        takes_null=written.endswith("?"),
    )


def form(parameters: str, result: Result, call: Callable[..., Any], **flags: bool) -> Signature:
    """A form, its parameters written as above."""
    return Signature(tuple(_parameter(part) for part in parameters.split(", ") if part), result, call, **flags)


def function(name: str, parameters: str, result: Result, call: Callable[..., Any], **flags: bool) -> Builtin:
    """A function of one form."""
    return Builtin(name, (form(parameters, result, call, **flags),))


# -- results that depend on the arguments


def _alike(types: Sequence[Type]) -> Type | None:
    """What values of these types have in common, if they can be one type."""
    known: SimpleType | Type = ANY
    for type_ in types:
        if type_ in (ANY, known):
            continue
        if known != ANY and not (fits(type_, known) or fits(known, type_)):
            return None
        known = type_ if known == ANY else known
    return ANY if ANY in types else known


def item_of(types: Sequence[Type]) -> Type:
    """The type of the items of the one list."""
    return types[0].item if isinstance(types[0], ListType) else types[0]


def one_kind(types: Sequence[Type]) -> Type | None:
    """The type that all arguments share."""
    return _alike(types)


def first(types: Sequence[Type]) -> Type:
    """The type of the first argument."""
    return types[0]


def one_order(types: Sequence[Type]) -> Type | None:
    """A boolean, where points and the items of ranges are of one kind."""
    items = [type_.item if isinstance(type_, RangeType) else type_ for type_ in types]
    return None if _alike(items) is None else BOOLEAN


def aggregate(name: str, of: str, result: Result, call: Callable[..., Any], **flags: bool) -> Builtin:
    """Both forms of an aggregate: over one list, or over its items."""
    of_items: Result = one_kind if result is item_of else result
    return Builtin(
        name,
        (
            form(f"list: list<{of.rstrip('?')}>", result, call, **flags),
            form(f"c+: {of}", of_items, call, **flags),
        ),
    )


def spread(items: Sequence[Any]) -> Sequence[Any]:
    """The items of the one list argument, or the arguments themselves."""
    return items[0] if len(items) == 1 and isinstance(items[0], list | tuple) else items
