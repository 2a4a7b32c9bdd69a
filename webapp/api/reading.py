"""Typed values from a request's texts and JSON members. Each reader carries the schema that the document shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from webapp.api.operation import Reader, UnreadableError

MAX_TEXT = 200
MAX_NOTE = 1_000
MAX_LARGEST = 2**31 - 1
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")
FIRST, LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Instants outside are typing errors; within, no zone's arithmetic leaves the calendar."""
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or "\0" in value:
        raise UnreadableError(f"a text of 1 to {MAX_TEXT} characters")
    return value


def _note(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_NOTE or "\0" in value:
        raise UnreadableError(f"the text of a signed checkpoint, of at most {MAX_NOTE:,} characters")
    return value


def _instant(value: Any) -> datetime:
    wanted = "an instant with its zone such as `2026-11-02T09:00:00Z`, between 1900 and 2200"
    if not isinstance(value, str) or not INSTANT.fullmatch(value):
        # A `+` that was not written `%2B` arrives as a space.
        hint = "; write `+` as `%2B`" if isinstance(value, str) and INSTANT.fullmatch(value.replace(" ", "+")) else ""
        raise UnreadableError(wanted + hint)
    try:
        instant = datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableError(wanted) from None
    if not FIRST <= instant < LAST:
        raise UnreadableError(wanted)
    return instant


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise UnreadableError("a date such as `2026-11-02`")


def _number(value: Any) -> Decimal:
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        raise UnreadableError("a number such as `48.5`")
    try:
        return Decimal(value)
    except InvalidOperation:
        raise UnreadableError("a number such as `48.5`") from None


def _flag(value: Any) -> bool:
    if value not in ("true", "false"):
        raise UnreadableError("`true` or `false`")
    return bool(value == "true")


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise UnreadableError("true or false")
    return value


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise UnreadableError("an object")
    return value


TEXT = Reader({"type": "string", "minLength": 1, "maxLength": MAX_TEXT}, _text)
NOTE = Reader({"type": "string", "minLength": 1, "maxLength": MAX_NOTE}, _note)
INSTANT_TEXT = Reader({"type": "string", "format": "date-time", "examples": ["2026-11-02T09:00:00Z"]}, _instant)
DAY = Reader({"type": "string", "format": "date", "examples": ["2026-11-02"]}, _day)
NUMBER_TEXT = Reader({"type": "string", "pattern": f"^{NUMBER.pattern}$", "examples": ["48.5"]}, _number)
FLAG = Reader({"type": "boolean"}, _flag)
TRUTH = Reader({"type": "boolean"}, _truth)
OBJECT = Reader({"type": "object"}, _object)


def nearest_change(most: int) -> Reader:
    """What is asked about a nearest change of up to `most` facts: `{target?, fixed?, most?}`."""
    wanted = f"an object with `target` (an object), `fixed` (a list of texts) and `most` (1 to {most}), all optional"

    def read(value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict) or not set(value) <= {"target", "fixed", "most"}:
            raise UnreadableError(wanted)
        fixed = value.get("fixed", [])
        if not isinstance(value.get("target", {}), dict) or not isinstance(fixed, list) or len(fixed) > MAX_TEXT:
            raise UnreadableError(wanted)
        read_so = {"fixed": tuple(map(_text, fixed))}
        limit = {"most": whole(1, most).read(value["most"])} if "most" in value else {}
        return {**({"target": value["target"]} if "target" in value else {}), **read_so, **limit}

    properties: dict[str, Any] = {
        "target": {"type": "object", "minProperties": 1, "examples": [{"band": "A"}]},
        "fixed": {"type": "array", "maxItems": MAX_TEXT, "items": TEXT.schema, "examples": [["employees"]]},
        "most": {"type": "integer", "minimum": 1, "maximum": most},
    }
    return Reader({"type": "object", "additionalProperties": False, "properties": properties}, read)


def choice(*choices: str) -> Reader:
    """One of the given texts."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise UnreadableError("one of " + ", ".join(f"`{known}`" for known in choices))
        return value

    return Reader({"type": "string", "enum": list(choices)}, read)


def whole_text(low: int, high: int = MAX_LARGEST) -> Reader:
    """A whole number in a query parameter."""

    def read(value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,10}", value) or not low <= int(value) <= high:
            raise UnreadableError(f"a whole number from {low:,} to {high:,}")
        return int(value)

    return Reader({"type": "integer", "minimum": low, "maximum": high}, read)


def whole(low: int, high: int = MAX_LARGEST) -> Reader:
    """A whole number in a JSON body, where every number is read as a decimal."""

    def read(value: Any) -> int:
        if not isinstance(value, Decimal) or value != value.to_integral_value() or not low <= value <= high:
            raise UnreadableError(f"a whole number from {low:,} to {high:,}")
        return int(value)

    return Reader({"type": "integer", "minimum": low, "maximum": high}, read)


def texts(most: int) -> Reader:
    """1 to `most` different short texts."""
    wanted = f"a list of 1 to {most} different texts"

    def read(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not 1 <= len(value) <= most:
            raise UnreadableError(wanted)
        found = tuple(map(_text, value))
        if len(set(found)) < len(found):
            raise UnreadableError(wanted)
        return found

    schema = {"type": "array", "items": TEXT.schema, "minItems": 1, "maxItems": most, "uniqueItems": True}
    return Reader(schema, read)


def long_text(limit: int) -> Reader:
    """A text of any kind up to a number of characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str) or len(value) > limit:
            raise UnreadableError(f"a text of at most {limit:,} characters")
        return value

    return Reader({"type": "string", "maxLength": limit}, read)


def choices(*options: str, most: int = 200) -> Reader:
    """An object whose members each are one of the given texts."""

    def read(value: Any) -> Mapping[str, str]:
        if (
            not isinstance(value, dict)
            or len(value) > most
            or not all(isinstance(one, str) and one in options for one in value.values())
        ):
            named = " or ".join(f"`{option}`" for option in options)
            raise UnreadableError(f"an object of at most {most} fields, each with {named}")
        return value

    member = {"type": "string", "enum": list(options)}
    return Reader({"type": "object", "maxProperties": most, "additionalProperties": member}, read)


def objects(most: int) -> Reader:
    """A list of objects."""

    def read(value: Any) -> list[Any]:
        if (
            not isinstance(value, list)
            or not 1 <= len(value) <= most
            or not all(isinstance(item, dict) for item in value)
        ):
            raise UnreadableError(f"a list of 1 to {most:,} objects")
        return value

    return Reader({"type": "array", "minItems": 1, "maxItems": most, "items": {"type": "object"}}, read)
