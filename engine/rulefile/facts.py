"""Fact schemas: what a rule set may be asked about, and how given facts become typed ones.

A fact schema is a JSON Schema of a small, closed part of the standard: objects with `properties` and `required`,
arrays with `items`, texts (with `format` date, date-time, time, duration or year-month-duration), numbers, integers,
truth values, `enum`, `minimum`, `maximum`, `maxItems`, and `["type", "null"]` for what may be null.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.feel import types
from engine.feel.domains import Domain, Domains
from engine.once import once
from engine.problems import Place, Report
from engine.rulefile.fact_fields import FactField, read_field
from engine.rulefile.fact_quick import DoubtfulError, Read, quick_reader
from engine.rulefile.fact_reading import Reading

__all__ = ["FactField", "FactSchema"]


@dataclass(frozen=True)
class FactSchema:
    """The facts a rule set reads. `name` is `lead/2`; `read` makes typed facts from given ones."""

    name: str
    description: str
    root: FactField
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, name: str, schema: Any, *, source: str = "") -> FactSchema:
        """From a parsed JSON Schema. Raises `InvalidError` (`facts.schema`) for what is outside the part we read."""
        report = Report()
        root = read_field(name, schema, Place(source, path="$"), report, required=True)
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
        if "scope" not in self._made:
            self._made["scope"] = types.Scope({part.name: part.feel_field for part in self.fields})
        found: types.Scope = self._made["scope"]
        return found

    @property
    def domains(self) -> Domains:
        """What each number and text may be, by its dotted path; the items of lists are left out."""
        if "domains" not in self._made:
            self._made["domains"] = dict(_domains(self.root, ""))
        found: Domains = self._made["domains"]
        return found

    def field(self, path: str) -> FactField | None:
        """The field at a dotted path; lists are passed through: `events.type` is the type of each event."""
        found: FactField | None = self.root
        for step in path.split("."):
            while found is not None and found.item is not None:
                found = found.item
            found = next((field for field in found.fields if field.name == step), None) if found is not None else None
        return found

    def read(self, given: Any, *, source: str = "facts") -> dict[str, Any]:
        """Typed facts: decimals, dates, instants, tuples, dicts. An absent or null optional fact is left out.

        Takes what `exact_json.parse` gives, or values that are typed already. Raises `InvalidError` with all problems,
        each at its path (`$.events[0].at`).
        """
        try:
            found: dict[str, Any] = self._quick(given)
        except DoubtfulError:
            report = Report()
            found = Reading(source, report).value(self.root, given, "$")
            report.raise_if_any()
        return found

    @once
    def _quick(self) -> Read:
        return quick_reader(self.root)

    def __reduce__(self) -> tuple[type[FactSchema], tuple[str, str, FactField]]:
        return FactSchema, (self.name, self.description, self.root)


def _domains(field: FactField, prefix: str) -> Iterator[tuple[str, Domain]]:
    for part in field.fields:
        path = f"{prefix}{part.name}"
        longest = part.longest if part.form == "string" else None
        yield path, Domain(part.minimum, part.maximum, part.form == "integer", longest)
        yield from _domains(part, f"{path}.")
