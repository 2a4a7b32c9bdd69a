"""The texts of the JSON Schemas, handed in by an adapter, parsed when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine import exact_json
from engine.problems import InvalidError, Problem
from engine.rulefile.facts import FactSchema
from engine.rulefile.nearest import did_you_mean


@dataclass(frozen=True, slots=True)
class SchemaSource:
    """Schemas by path below `schemas/`: `rules/<kind>.schema.json` and `facts/<name>-<n>.schema.json`.

    Parsed schemas are kept; the texts never change once handed in.
    """

    texts: Mapping[str, str | bytes]
    _parsed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _facts: dict[str, FactSchema] = field(default_factory=dict, repr=False, compare=False)
    _validators: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def document(self, path: str) -> Any:
        """The parsed schema at a path. Raises `InvalidError` if there is none (`facts.schema`) or it is not JSON."""
        if path not in self._parsed:
            if path not in self.texts:
                help_text = "give the schemas that come with Bylaw: `engine.schemas(Shipped.find().schemas())`"
                raise InvalidError(Problem("facts.schema", f"there is no schema `{path}`", help=help_text))
            self._parsed[path] = exact_json.parse(self.texts[path], source=f"schemas/{path}")
        return self._parsed[path]

    def facts(self, name: str) -> FactSchema:
        """The fact schema `lead/2`. Raises `InvalidError` (`facts.unknown_schema`) if there is none of this name."""
        if name not in self._facts:
            base, _, version = name.rpartition("/")
            path = f"facts/{base}-{version}.schema.json"
            if path not in self.texts:
                known = self.fact_names
                message = f"there is no fact schema `{name}`{did_you_mean(name, known)}"
                raise InvalidError(
                    Problem("facts.unknown_schema", message, help=f"known: {', '.join(known) or 'none'}")
                )
            self._facts[name] = FactSchema.of(name, self.document(path), source=f"schemas/{path}")
        return self._facts[name]

    def validator(self, path: str, make: Callable[[str, SchemaSource], Any]) -> Any:
        """What `make` builds for the schema at a path, built once."""
        if path not in self._validators:
            self._validators[path] = make(path, self)
        return self._validators[path]

    @property
    def fact_names(self) -> tuple[str, ...]:
        """The names of all fact schemas, such as `lead/2`, sorted."""
        found = []
        for path in self.texts:
            if path.startswith("facts/") and path.endswith(".schema.json"):
                base, _, version = path.removeprefix("facts/").removesuffix(".schema.json").rpartition("-")
                found.append(f"{base}/{version}")
        return tuple(sorted(found))
