"""A form made from a fact schema: values into fields, fields back into JSON facts. The schema judges."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine import exact_json
from engine.problems import InvalidError, Place, Problem
from engine.rulefile import FactField, FactSchema

PREFIX = "fact."
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?\Z")
_TOP_LEVEL = re.compile(r"\$\.([A-Za-z_]\w*)")
_HINTS: Mapping[str, str] = {
    "date": "2026-11-02",
    "date-time": "2026-11-02T09:00:00Z",
    "time": "09:00:00",
    "duration": "P14D or PT8H",
    "year-month-duration": "P1Y6M",
}
LONGEST_NUMBER = 60


@dataclass(frozen=True, slots=True)
class Input:
    """One field of the form. `control` is `text`, `number`, `date`, `choice` or `json`; `text` is what stands in it."""

    name: str
    label: str
    control: str
    text: str
    hint: str
    required: bool
    choices: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def id(self) -> str:
        """For the label and the list of problems."""
        return f"fact-{self.name}"


def inputs(schema: FactSchema, facts: Mapping[str, Any]) -> tuple[Input, ...]:
    """The fields for facts in JSON's own types; what the schema does not know is left to the schema's problems."""
    return tuple(_input(field, text_of(facts.get(field.name))) for field in schema.fields)


def inputs_again(schema: FactSchema, form: Mapping[str, str]) -> tuple[Input, ...]:
    """The fields with exactly what somebody typed, for a form that could not be read."""
    return tuple(_input(field, form.get(PREFIX + field.name, "")) for field in schema.fields)


def read_form(schema: FactSchema, form: Mapping[str, str]) -> dict[str, Any]:
    """JSON facts from the fields; empty fields are absent facts. Raises `InvalidError` for parts that are no JSON.

    Whether a value fits its field is not judged here: the schema does that for every door alike.
    """
    facts: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in schema.fields:
        text = form.get(PREFIX + field.name, "").strip()
        if not text:
            continue
        try:
            facts[field.name] = _value(field, text)
        except InvalidError as error:
            at = Place("facts", path=f"$.{field.name}")
            problems += [replace(one, place=at, message=f"`{field.name}`: {one.message}") for one in error.problems]
    if problems:
        raise InvalidError(problems)
    return facts


def with_problems(fields: Sequence[Input], problems: Sequence[Problem]) -> tuple[Input, ...]:
    """Each problem at the field that its path begins with."""
    by_field: dict[str, list[Problem]] = {}
    for problem in problems:
        found = _TOP_LEVEL.match(problem.place.path)
        if found:
            by_field.setdefault(found[1], []).append(problem)
    return tuple(replace(field, problems=tuple(by_field.get(field.name, ()))) for field in fields)


def text_of(value: Any) -> str:
    """What stands in a field for a JSON value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    plain = exact_json.plain(value)
    return pretty(value) if isinstance(plain, list | dict) else str(plain)


def pretty(value: Any) -> str:
    """JSON over several lines, numbers with all their digits and without quotes, as people write facts."""
    return "".join(_pieces(value, 0))


def compact(value: Any) -> str:
    """The same on one line, for addresses."""
    if isinstance(value, Mapping):
        inner = (f"{json.dumps(str(key), ensure_ascii=False)}:{compact(item)}" for key, item in value.items())
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(compact(item) for item in value) + "]"
    return "".join(_pieces(value, 0))


def _pieces(value: Any, depth: int) -> list[str]:
    pad, closing = "  " * (depth + 1), "  " * depth
    if isinstance(value, Mapping) and value:
        named = [(json.dumps(str(key), ensure_ascii=False), item) for key, item in value.items()]
        inner = [[pad, name, ": ", *_pieces(item, depth + 1)] for name, item in named]
        return ["{\n", *_joined(inner), "\n", closing, "}"]
    if isinstance(value, list | tuple) and value:
        return ["[\n", *_joined([[pad, *_pieces(item, depth + 1)] for item in value]), "\n", closing, "]"]
    if isinstance(value, Decimal):
        return [exact_json.decimal_text(value)]
    return [json.dumps(exact_json.plain(value), ensure_ascii=False)]


def _joined(parts: list[list[str]]) -> list[str]:
    found: list[str] = []
    for index, part in enumerate(parts):
        found += [",\n", *part] if index else part
    return found


def _input(field: FactField, text: str) -> Input:
    hint = field.description
    control, choices = "text", tuple[tuple[str, str], ...]()
    if field.form in {"object", "array"}:
        control = "json"
    elif field.enum is not None:
        control, choices = "choice", tuple((text_of(value), text_of(value)) for value in field.enum)
    elif field.form == "boolean":
        control, choices = "choice", (("true", "yes"), ("false", "no"))
    elif field.form in {"number", "integer"}:
        control = "number"
    elif field.form == "date":
        control = "date"
    elif field.form in _HINTS:
        hint = f"{hint} (such as {_HINTS[field.form]})" if hint else f"such as {_HINTS[field.form]}"
    if choices and text and text not in {value for value, _ in choices}:
        choices = (*choices, (text, text))  # what was given stays visible beside its problem
    return Input(field.name, field.name, control, text, hint, not field.optional, choices)


def _value(field: FactField, text: str) -> Any:
    if field.form in {"object", "array"}:
        return exact_json.parse(text, source=field.name)
    if field.form in {"number", "integer"} and len(text) <= LONGEST_NUMBER and _NUMBER.match(text):
        return exact_json.parse(text, source=field.name)
    if field.form == "boolean" and text in {"true", "false"}:
        return text == "true"
    if field.enum is not None:
        return next((value for value in field.enum if text_of(value) == text), text)
    return text
