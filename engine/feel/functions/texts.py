"""Functions on texts, and conversions from and to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.feel.functions.signature import Builtin, form, function
from engine.feel.operations import Operations, article, joined, number, text_limit
from engine.feel.text import feel_text
from engine.feel.types import BOOLEAN, NUMBER, STRING, ListType
from engine.feel.values import NUMBERS, Fault


@dataclass(frozen=True, slots=True)
class Patterns:
    """What a mode does with regular expressions.

    `matches(text, pattern, flags=None)`, `replace(text, pattern, replacement, flags=None)`, `split(text, delimiter)`;
    with `wants_run` the evaluation's `Budget` goes before these arguments.
    """

    matches: Callable[..., bool]
    replace: Callable[..., str]
    split: Callable[..., Sequence[str]]
    wants_run: bool = False


def texts(operations: Operations, patterns: Patterns) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's values and patterns."""

    def string(value: Any) -> str:
        return text_limit(feel_text(value, operations.calendar))

    def string_join(items: Sequence[Any], delimiter: str | None = None) -> str:
        for item in items:
            if item is not None and not isinstance(item, str):
                raise Fault(
                    "feel.wrong_type",
                    f"`string join` joins texts, not {article(operations.kind_of(item))}",
                    "make texts with `string(x)`",
                )
        return joined((item for item in items if item is not None), delimiter or "")

    two = "string: string, match: string"
    return (
        function("string", "from: any", STRING, string, total=True),
        Builtin(
            "number",
            (
                form("from: string", NUMBER, _number),
                form("from: string, grouping separator: string?, decimal separator: string?", NUMBER, _number),
            ),
        ),
        function("upper case", "string: string", STRING, str.upper, total=True),
        function("lower case", "string: string", STRING, str.lower, total=True),
        Builtin("trim", (form("string: string", STRING, str.strip, total=True),), extension=True),
        function("string length", "string: string", NUMBER, lambda text: Decimal(len(text)), total=True),
        function("contains", two, BOOLEAN, lambda text, match: match in text, total=True),
        function("starts with", two, BOOLEAN, str.startswith, total=True),
        function("ends with", two, BOOLEAN, str.endswith, total=True),
        function("substring", "string: string, start position: number, length?: number?", STRING, _substring),
        function("substring before", two, STRING, _before, total=True),
        function("substring after", two, STRING, _after, total=True),
        function(
            "matches",
            "input: string, pattern: string, flags?: string?",
            BOOLEAN,
            patterns.matches,
            wants_run=patterns.wants_run,
        ),
        function(
            "replace",
            "input: string, pattern: string, replacement: string, flags?: string?",
            STRING,
            patterns.replace,
            wants_run=patterns.wants_run,
        ),
        function(
            "split",
            "string: string, delimiter: string",
            ListType(STRING),
            patterns.split,
            wants_run=patterns.wants_run,
        ),
        function("string join", "list: list<string>, delimiter?: string?", STRING, string_join),
    )


def _substring(text: str, start: Decimal, length: Decimal | None = None) -> str:
    if start != start.to_integral_value() or start == 0 or abs(start) > len(text):
        raise Fault(
            "feel.wrong_arguments",
            f"`{start}` is not a position in a text of {len(text)} characters",
            "the first character is 1, the last is -1",
        )
    begin = int(start) - 1 if start > 0 else len(text) + int(start)
    if length is None:
        return text[begin:]
    if length < 1:
        raise Fault("feel.wrong_arguments", f"`{length}` is not a number of characters", "the length is 1 or more")
    return text[begin : begin + int(min(length, Decimal(len(text))))]


def _before(text: str, match: str) -> str:
    head, found, _ = text.partition(match) if match else ("", "", "")
    return head if found else ""


def _after(text: str, match: str) -> str:
    _, found, tail = text.partition(match) if match else ("", "x", text)
    return tail if found else ""


_GROUPINGS: Final = {" ", ",", "."}


def _number(text: str, grouping: str | None = None, point: str | None = None) -> Decimal:
    grouping = grouping or ""
    point = point or "."
    if (grouping and grouping not in _GROUPINGS) or point not in {".", ","} or grouping == point:
        raise Fault("feel.wrong_arguments", "the separators of a number are a space, `,` or `.`, and must differ")
    plain = text.replace(grouping, "") if grouping else text
    plain = plain.replace(point, ".") if point != "." else plain
    if not re.fullmatch(r"-?([0-9]{1,6200}(\.[0-9]{0,6200})?|\.[0-9]{1,6200})([eE][+-]?[0-9]{1,5})?", plain):
        raise Fault("feel.bad_number", f"`{text[:60]}` is not a number", "numbers are written `12345.67`")
    return number(NUMBERS.create_decimal, plain)  # type: ignore[arg-type]  # a context also makes numbers from text
