"""From given facts to typed ones, with every problem at its path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.exact_json import decimal_text
from engine.problems import Place, Report
from engine.rulefile.fact_fields import FORMATS, FactField, Format
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import PlainNumber

_WORDS: Final = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "a group of fields",
    "array": "a list",
    "any": "a value",
}

MOST_UNKNOWN: Final = 20
"""Unknown names told one by one, each with what may have been meant; who sends thousands does not misspell them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of facts: `source` names them in problems, which go to the report."""

    source: str
    report: Report

    def value(self, field: FactField, given: Any, path: str) -> Any:
        """The typed value of one field; problems go to the report."""
        form = field.form
        if form == "object":
            return self._read_object(field, given, path)
        if form == "array":
            return self._read_list(field, given, path)
        if form == "string":
            value = given.text if type(given) is PlainNumber else given
            if type(value) is not str:
                self._wrong(field, given, path)
            elif field.enum is not None and value not in field.enum:
                self._outside_enum(field, value, path)
            elif len(value) > field.longest:
                message = f"{_called(path)} has {len(value):,} characters; at most {field.longest:,} are read"
                self.report.add("facts.too_long", message, Place(self.source, path=path))
            return value
        if form in ("number", "integer"):
            return self._read_number(field, given, path)
        if form == "boolean":
            if type(given) is not bool:
                self._wrong(field, given, path)
            return given
        if form == "any":
            return given
        return self._read_formatted(field, FORMATS[form], given, path)

    def _read_object(self, field: FactField, given: Any, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if not isinstance(given, Mapping):
            self._wrong(field, given, path)
            return found
        unread = len(given)
        for part in field.fields:
            name = part.name
            if name not in given:
                if part.required:
                    message = f"{_called(f'{path}.{name}')} is missing, and the rules need it"
                    self.report.add(
                        "facts.missing", message, Place(self.source, path=f"{path}.{name}"), part.description
                    )
                continue
            unread -= 1
            value = given[name]
            if value is not None:
                found[name] = self.value(part, value, f"{path}.{name}")
            elif not part.optional:
                message = f"{_called(f'{path}.{name}')} is null, and the rules need a value"
                self.report.add("facts.null", message, Place(self.source, path=f"{path}.{name}"), part.description)
        if unread:
            known = {part.name for part in field.fields}
            unknown = [name for name in given if name not in known]
            if field.open:
                found |= {name: given[name] for name in unknown}
                return found
            for name in unknown[:MOST_UNKNOWN]:
                shown = str(name)[:60]
                message = f"`{shown}` is not a known fact{did_you_mean(str(name), known)}"
                self.report.add(
                    "facts.unknown_field",
                    message,
                    Place(self.source, path=f"{path}.{shown}"),
                    f"known: {_listed(known)}",
                )
            if len(unknown) > MOST_UNKNOWN:
                message = f"{len(unknown) - MOST_UNKNOWN:,} more names are no known facts"
                self.report.add("facts.unknown_field", message, Place(self.source, path=path))
        return found

    def _read_list(self, field: FactField, given: Any, path: str) -> tuple[Any, ...]:
        item = field.item
        if not isinstance(given, Sequence) or isinstance(given, str | bytes) or item is None:
            self._wrong(field, given, path)
            return ()
        if len(given) > field.longest:
            message = f"{_called(path)} has {len(given):,} items; at most {field.longest:,} are read"
            self.report.add("facts.too_long", message, Place(self.source, path=path))
            return ()
        found = []
        for index, value in enumerate(given):
            if value is not None:
                found.append(self.value(item, value, f"{path}[{index}]"))
            elif item.nullable:
                found.append(None)
            else:
                self.report.add(
                    "facts.null", f"{_called(f'{path}[{index}]')} is null", Place(self.source, path=f"{path}[{index}]")
                )
        return tuple(found)

    def _read_number(self, field: FactField, given: Any, path: str) -> Any:
        kind = type(given)
        if kind is Decimal:
            value = given
        elif kind is int or kind is PlainNumber:
            value = Decimal(given)
        elif kind is float:
            message = f"{_called(path)} is a binary float ({given!r}), which has no exact value"
            help_text = "read the JSON with `engine.from_json`, or give a decimal"
            self.report.add("facts.binary_float", message, Place(self.source, path=path), help_text)
            return None
        else:
            self._wrong(field, given, path)
            return None
        if not value.is_finite() or len(value.as_tuple().digits) > 34:
            message = f"{_called(path)} has more digits than are kept exactly (34)"
            self.report.add("facts.too_long", message, Place(self.source, path=path))
            return None
        if field.form == "integer" and value != value.to_integral_value():
            self._wrong(field, given, path)
        elif field.minimum is not None and value < field.minimum:
            message = f"{_called(path)} is {decimal_text(value)}; it is at least {decimal_text(field.minimum)}"
            self.report.add("facts.out_of_range", message, Place(self.source, path=path), field.description)
        elif field.maximum is not None and value > field.maximum:
            message = f"{_called(path)} is {decimal_text(value)}; it is at most {decimal_text(field.maximum)}"
            self.report.add("facts.out_of_range", message, Place(self.source, path=path), field.description)
        elif field.enum is not None and value not in field.enum:
            self._outside_enum(field, decimal_text(value), path)
        return value

    def _read_formatted(self, field: FactField, form: Format, given: Any, path: str) -> Any:
        if type(given) is form.ready:
            if not isinstance(given, datetime) or given.tzinfo is not None:
                return given
            message = f"{_called(path)} has no time zone"
            self.report.add("facts.bad_date", message, Place(self.source, path=path), f"like this: `{form.example}`")
            return None
        if type(given) is not str:
            self._wrong(field, given, path)
            return None
        value = form.parse(given)
        if value is None:
            message = f"{_called(path)} is {form.words}; `{given[:60]}` is not one"
            self.report.add("facts.bad_date", message, Place(self.source, path=path), f"like this: `{form.example}`")
        return value

    def _wrong(self, field: FactField, given: Any, path: str) -> None:
        words = FORMATS[field.form].words if field.form in FORMATS else _WORDS[field.form]
        subject = "the facts are" if path == "$" else f"{_called(path)} is"
        code = "facts.binary_float" if type(given) is float else "facts.wrong_type"
        self.report.add(
            code, f"{subject} {words}; {_shown(given)} was given", Place(self.source, path=path), field.description
        )

    def _outside_enum(self, field: FactField, value: str, path: str) -> None:
        known = [str(choice) for choice in field.enum or ()]
        message = f"`{value[:60]}` is not a value of {_called(path)}{did_you_mean(value, known)}"
        self.report.add("facts.enum", message, Place(self.source, path=path), f"one of: {_listed(known)}")


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
