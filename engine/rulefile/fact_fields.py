"""The fields a fact schema describes, read from its JSON Schema: a small, closed part of the standard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.feel import types
from engine.feel.values import YearMonthDuration
from engine.problems import Place, Report
from engine.rulefile import temporal
from engine.rulefile.nearest import did_you_mean

MAX_TEXT: Final = 10_000
"""Longest text a fact may be, in characters, where its schema states no `maxLength`."""

MAX_ITEMS: Final = 10_000
"""Longest list a fact may be, where its schema states no `maxItems`."""

_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$comment", "title", "description", "examples", "type"})
_KEYWORDS: Final[dict[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items", "maxItems"}),
    "string": frozenset({"format", "enum", "maxLength"}),
    "number": frozenset({"minimum", "maximum", "enum"}),
    "integer": frozenset({"minimum", "maximum", "enum"}),
    "boolean": frozenset(),
}


@dataclass(frozen=True, slots=True)
class FactField:
    """One field of the facts or of a part of them. `form` is the schema's word for its type (`date`, ...)."""

    name: str
    type: types.Type
    form: str
    required: bool
    nullable: bool
    description: str = ""
    enum: tuple[Any, ...] | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    longest: int = MAX_TEXT
    fields: tuple[FactField, ...] = ()
    open: bool = False
    item: FactField | None = None

    @property
    def optional(self) -> bool:
        """Whether it may be absent or null."""
        return not self.required or self.nullable

    @property
    def feel_field(self) -> types.Field:
        """What the language knows about it."""
        return types.Field(self.type, self.optional, self.enum, zoned=self.form == "date-time")


@dataclass(frozen=True, slots=True)
class Format:
    """A `format` of texts: its type, words, an example, how it is read; `ready` is the type of a read value."""

    feel_type: types.Type
    words: str
    example: str
    parse: Callable[[str], Any]
    ready: type


FORMATS: Final[dict[str, Format]] = {
    "date": Format(types.DATE, "a date", "2026-11-02", temporal.parse_date, date),
    "date-time": Format(
        types.DATE_TIME, "an instant with its zone", "2026-11-02T09:00:00Z", temporal.parse_instant, datetime
    ),
    "time": Format(types.TIME, "a time of day", "09:30", temporal.parse_time, time),
    "duration": Format(
        types.DAYS_TIME_DURATION, "a duration of days and time", "P14D", temporal.parse_duration, timedelta
    ),
    "year-month-duration": Format(
        types.YEARS_MONTHS_DURATION, "a duration of years and months", "P1Y6M", temporal.parse_months, YearMonthDuration
    ),
}
_SIMPLE: Final[dict[str, types.Type]] = {
    "string": types.STRING,
    "number": types.NUMBER,
    "integer": types.NUMBER,
    "boolean": types.BOOLEAN,
}


def read_field(name: str, schema: Any, place: Place, report: Report, *, required: bool) -> FactField:
    """The field that a part of a JSON Schema describes; what is outside the part we read goes to the report."""
    unusable = FactField(name, types.ANY, "any", required, nullable=True)
    if not isinstance(schema, Mapping):
        report.add("facts.schema", "a field is described by an object", place)
        return unusable
    stated = schema.get("type")
    kinds = [stated] if isinstance(stated, str) else list(stated) if isinstance(stated, list) else []
    nullable = "null" in kinds
    kinds = [kind for kind in kinds if kind != "null"]
    if len(kinds) != 1 or kinds[0] not in _KEYWORDS:
        message = f"`{name}` needs one `type` of {', '.join(_KEYWORDS)}, with `null` beside it if it may be null"
        report.add("facts.schema", message, place)
        return unusable
    kind = kinds[0]
    for keyword in schema:
        if keyword not in _KEYWORDS[kind] and keyword not in _ANNOTATIONS:
            report.add("facts.schema", f"`{keyword}` is not read in a fact schema for a {kind}", place)
    description = str(schema.get("description", ""))
    if kind == "object":
        return _object(FactField(name, types.ANY, "object", required, nullable, description), schema, place, report)
    if kind == "array":
        item = read_field(f"{name}[]", schema.get("items"), _below(place, "items"), report, required=True)
        longest = int(schema.get("maxItems", MAX_ITEMS))
        made = types.ListType(item.type)
        return FactField(name, made, "array", required, nullable, description, longest=longest, item=item)
    form, made_type = kind, _SIMPLE[kind]
    if "format" in schema:
        form = str(schema["format"])
        if form not in FORMATS:
            report.add("facts.schema", f"the format `{form}` is not known{did_you_mean(form, FORMATS)}", place)
            return unusable
        made_type = FORMATS[form].feel_type
    return FactField(
        name=name,
        type=made_type,
        form=form,
        required=required,
        nullable=nullable,
        description=description,
        enum=tuple(value for value in schema["enum"] if value is not None) if "enum" in schema else None,
        minimum=schema.get("minimum"),
        maximum=schema.get("maximum"),
        longest=int(schema.get("maxLength", MAX_TEXT)),
    )


def _object(bare: FactField, schema: Mapping[str, Any], place: Place, report: Report) -> FactField:
    properties = schema.get("properties", {})
    needed = schema.get("required", [])
    for unknown in (key for key in needed if key not in properties):
        message = f"`{unknown}` is required but not described{did_you_mean(unknown, properties)}"
        report.add("facts.schema", message, place)
    fields = tuple(
        read_field(key, part, _below(place, key), report, required=key in needed) for key, part in properties.items()
    )
    made = types.ContextType({field.name: field.feel_field for field in fields})
    is_open = schema.get("additionalProperties", False) is True
    return replace(bare, type=made, fields=fields, open=is_open)


def _below(place: Place, name: str) -> Place:
    return Place(place.source, path=f"{place.path}.{name}")
