"""Fact schemas: what a rule set may be asked about, and how given facts become typed ones.

A fact schema is a JSON Schema of a small, closed part of the standard: objects with `properties` and `required`,
arrays with `items`, texts (with `format` date, date-time, time, duration or year-month-duration), numbers, integers,
truth values, `enum`, `minimum`, `maximum`, `maxItems`, and `["type", "null"]` for what may be null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.exact_json import decimal_text
from engine.feel import types
from engine.feel.values import YearMonthDuration
from engine.problems import InvalidError, Place, Problem, Report
from engine.rulefile import temporal
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import PlainNumber

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
    """One field of the facts or of a part of them. `form` is the schema's word for its type (`integer`, `date`, ...)."""

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
        return types.Field(self.type, self.optional, self.enum)


@dataclass(frozen=True, slots=True)
class FactSchema:
    """The facts a rule set reads. `name` is `lead/2`; `read` makes typed facts from given ones."""

    name: str
    description: str
    root: FactField

    @classmethod
    def of(cls, name: str, schema: Any, *, source: str = "") -> FactSchema:
        """From a parsed JSON Schema. Raises `InvalidError` (`facts.schema`) for what is outside the part we read."""
        report = Report()
        root = _field(name, schema, True, Place(source, path="$"), report)
        if root.form != "object" and not report:
            report.add("facts.schema", "a fact schema describes an object", Place(source, path="$"))
        report.raise_if_any()
        return cls(name, root.description, root)

    @property
    def fields(self) -> tuple[FactField, ...]:
        """The top-level fields, in the schema's order."""
        return self.root.fields

    @property
    def scope(self) -> types.Scope:
        """What the facts' names mean in an expression."""
        return types.Scope({field.name: field.feel_field for field in self.fields})

    def field(self, path: str) -> FactField | None:
        """The field at a dotted path; lists are passed through: `events.type` is the type of each event."""
        found: FactField | None = self.root
        for step in path.split("."):
            while found is not None and found.item is not None:
                found = found.item
            found = next((field for field in found.fields if field.name == step), None) if found is not None else None
        return found

    def read(self, given: Any, *, source: str = "facts") -> dict[str, Any]:
        """Typed facts: decimals, dates, instants, durations, tuples, dicts. An absent or null optional fact is left out.

        Takes what `exact_json.parse` gives, or values that are typed already. Raises `InvalidError` with all problems,
        each at its path (`$.events[0].at`).
        """
        report = Report()
        found = _read(self.root, given, "$", source, report)
        report.raise_if_any()
        return found  # type: ignore[no-any-return]  # the root is an object, so its value is a dict


# -- from a JSON Schema to fields


def _field(name: str, schema: Any, required: bool, place: Place, report: Report) -> FactField:  # noqa: FBT001  # internal recursion
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
        return _object(name, schema, required, nullable, description, place, report)
    if kind == "array":
        item = _field(f"{name}[]", schema.get("items"), True, _below(place, "items"), report)
        longest = int(schema.get("maxItems", MAX_ITEMS))
        made = types.ListType(item.type)
        return FactField(name, made, "array", required, nullable, description, longest=longest, item=item)
    form, made_type = kind, _SIMPLE[kind]
    if "format" in schema:
        form = str(schema["format"])
        if form not in _FORMATS:
            report.add("facts.schema", f"the format `{form}` is not known{did_you_mean(form, _FORMATS)}", place)
            return unusable
        made_type = _FORMATS[form].type
    enum = tuple(value for value in schema["enum"] if value is not None) if "enum" in schema else None
    return FactField(
        name,
        made_type,
        form,
        required,
        nullable,
        description,
        enum,
        schema.get("minimum"),
        schema.get("maximum"),
        int(schema.get("maxLength", MAX_TEXT)),
    )


def _object(
    name: str,
    schema: Mapping[str, Any],
    required: bool,  # noqa: FBT001  # internal recursion
    nullable: bool,  # noqa: FBT001
    description: str,
    place: Place,
    report: Report,
) -> FactField:
    properties = schema.get("properties", {})
    needed = schema.get("required", [])
    for unknown in (key for key in needed if key not in properties):
        report.add("facts.schema", f"`{unknown}` is required but not described{did_you_mean(unknown, properties)}", place)
    fields = tuple(
        _field(key, part, key in needed, _below(place, key), report) for key, part in properties.items()
    )
    made = types.ContextType({field.name: field.feel_field for field in fields})
    is_open = schema.get("additionalProperties", False) is True
    return FactField(name, made, "object", required, nullable, description, fields=fields, open=is_open)


def _below(place: Place, name: str) -> Place:
    return Place(place.source, path=f"{place.path}.{name}")


# -- from given facts to typed ones


@dataclass(frozen=True, slots=True)
class _Format:
    type: types.Type
    words: str
    example: str
    parse: Callable[[str], Any]
    ready: type


_FORMATS: Final[dict[str, _Format]] = {
    "date": _Format(types.DATE, "a date", "2026-11-02", temporal.parse_date, date),
    "date-time": _Format(
        types.DATE_TIME, "an instant with its zone", "2026-11-02T09:00:00Z", temporal.parse_instant, datetime
    ),
    "time": _Format(types.TIME, "a time of day", "09:30", temporal.parse_time, time),
    "duration": _Format(types.DAYS_TIME_DURATION, "a duration of days and time", "P14D", temporal.parse_duration, timedelta),
    "year-month-duration": _Format(
        types.YEARS_MONTHS_DURATION, "a duration of years and months", "P1Y6M", temporal.parse_months, YearMonthDuration
    ),
}
_SIMPLE: Final[dict[str, types.Type]] = {
    "string": types.STRING,
    "number": types.NUMBER,
    "integer": types.NUMBER,
    "boolean": types.BOOLEAN,
}
_WORDS: Final = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a group of fields",
    "array": "a list",
    "any": "a value",
}


def _read(field: FactField, given: Any, path: str, source: str, report: Report) -> Any:
    form = field.form
    if form == "object":
        return _read_object(field, given, path, source, report)
    if form == "array":
        return _read_list(field, given, path, source, report)
    if form == "string":
        value = given.text if type(given) is PlainNumber else given
        if type(value) is not str:
            _wrong(field, given, path, source, report)
        elif field.enum is not None and value not in field.enum:
            _outside_enum(field, value, path, source, report)
        elif len(value) > field.longest:
            message = f"{_called(path)} has {len(value):,} characters; at most {field.longest:,} are read"
            report.add("facts.too_long", message, Place(source, path=path))
        return value
    if form in ("number", "integer"):
        return _read_number(field, given, path, source, report)
    if form == "boolean":
        if type(given) is not bool:
            _wrong(field, given, path, source, report)
        return given
    if form == "any":
        return given
    return _read_formatted(field, _FORMATS[form], given, path, source, report)


def _read_object(field: FactField, given: Any, path: str, source: str, report: Report) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not isinstance(given, Mapping):
        _wrong(field, given, path, source, report)
        return found
    unread = len(given)
    for part in field.fields:
        name = part.name
        if name not in given:
            if part.required:
                message = f"{_called(f'{path}.{name}')} is missing, and the rules need it"
                report.add("facts.missing", message, Place(source, path=f"{path}.{name}"), part.description)
            continue
        unread -= 1
        value = given[name]
        if value is not None:
            found[name] = _read(part, value, f"{path}.{name}", source, report)
        elif not part.optional:
            message = f"{_called(f'{path}.{name}')} is null, and the rules need a value"
            report.add("facts.null", message, Place(source, path=f"{path}.{name}"), part.description)
    if unread:
        known = {part.name for part in field.fields}
        for name in given:
            if name in known:
                continue
            if field.open:
                found[name] = given[name]
                continue
            message = f"`{name}` is not a known fact{did_you_mean(str(name), known)}"
            report.add("facts.unknown_field", message, Place(source, path=f"{path}.{name}"), f"known: {_listed(known)}")
    return found


def _read_list(field: FactField, given: Any, path: str, source: str, report: Report) -> tuple[Any, ...]:
    item = field.item
    if not isinstance(given, Sequence) or isinstance(given, str | bytes) or item is None:
        _wrong(field, given, path, source, report)
        return ()
    if len(given) > field.longest:
        message = f"{_called(path)} has {len(given):,} items; at most {field.longest:,} are read"
        report.add("facts.too_long", message, Place(source, path=path))
        return ()
    found = []
    for index, value in enumerate(given):
        if value is not None:
            found.append(_read(item, value, f"{path}[{index}]", source, report))
        elif item.nullable:
            found.append(None)
        else:
            report.add("facts.null", f"{_called(f'{path}[{index}]')} is null", Place(source, path=f"{path}[{index}]"))
    return tuple(found)


def _read_number(field: FactField, given: Any, path: str, source: str, report: Report) -> Any:
    kind = type(given)
    if kind is Decimal:
        value = given
    elif kind is int or kind is PlainNumber:
        value = Decimal(given)
    elif kind is float:
        message = f"{_called(path)} is a binary float ({given!r}), which has no exact value"
        help_text = "read the JSON with `engine.exact_json.parse`, or give a decimal"
        report.add("facts.binary_float", message, Place(source, path=path), help_text)
        return None
    else:
        _wrong(field, given, path, source, report)
        return None
    if not value.is_finite() or len(value.as_tuple().digits) > 34:
        message = f"{_called(path)} has more digits than are kept exactly (34)"
        report.add("facts.too_long", message, Place(source, path=path))
        return None
    if field.form == "integer" and value != value.to_integral_value():
        _wrong(field, given, path, source, report)
    elif field.minimum is not None and value < field.minimum:
        message = f"{_called(path)} is {decimal_text(value)}; it is at least {decimal_text(field.minimum)}"
        report.add("facts.out_of_range", message, Place(source, path=path), field.description)
    elif field.maximum is not None and value > field.maximum:
        message = f"{_called(path)} is {decimal_text(value)}; it is at most {decimal_text(field.maximum)}"
        report.add("facts.out_of_range", message, Place(source, path=path), field.description)
    elif field.enum is not None and value not in field.enum:
        _outside_enum(field, decimal_text(value), path, source, report)
    return value


def _read_formatted(field: FactField, form: _Format, given: Any, path: str, source: str, report: Report) -> Any:
    if type(given) is form.ready:
        if form.ready is not datetime or given.tzinfo is not None:
            return given
        message = f"{_called(path)} has no time zone"
        report.add("facts.bad_date", message, Place(source, path=path), f"like this: `{form.example}`")
        return None
    if type(given) is not str:
        _wrong(field, given, path, source, report)
        return None
    value = form.parse(given)
    if value is None:
        message = f"{_called(path)} is {form.words}; `{given[:60]}` is not one"
        report.add("facts.bad_date", message, Place(source, path=path), f"like this: `{form.example}`")
    return value


def _wrong(field: FactField, given: Any, path: str, source: str, report: Report) -> None:
    words = _FORMATS[field.form].words if field.form in _FORMATS else _WORDS[field.form]
    subject = "the facts are" if path == "$" else f"{_called(path)} is"
    code = "facts.binary_float" if type(given) is float else "facts.wrong_type"
    report.add(code, f"{subject} {words}; {_shown(given)} was given", Place(source, path=path), field.description)


def _outside_enum(field: FactField, value: str, path: str, source: str, report: Report) -> None:
    known = [str(choice) for choice in field.enum or ()]
    message = f"`{value[:60]}` is not a value of {_called(path)}{did_you_mean(value, known)}"
    report.add("facts.enum", message, Place(source, path=path), f"one of: {_listed(known)}")


def _called(path: str) -> str:
    """A fact's name as people know it: the last part, or the whole path within lists."""
    return f"`{path.removeprefix('$.')}`"


def _listed(names: Sequence[str] | set[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:12]) + (f" and {len(ordered) - 12} more" if len(ordered) > 12 else "")


def _shown(given: Any) -> str:
    """A given value in an author's words, never a type of the implementation's language."""
    if given is None:
        return "null"
    if isinstance(given, bool):
        return f"`{'true' if given else 'false'}`"
    if isinstance(given, str):
        return f'a text `"{given[:60]}"`'
    if isinstance(given, Decimal | int):
        return f"the number `{decimal_text(Decimal(given))}`"
    if isinstance(given, float):
        return "a binary float"
    if isinstance(given, Mapping):
        return "a group of fields"
    if isinstance(given, Sequence):
        return "a list"
    return f"`{given}`"
