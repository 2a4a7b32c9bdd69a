"""Looking up a dotted fact path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.rulefile.facts import FactSchema


def at_path(facts: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; a list on the way is the value, None what is absent."""
    value: Any = facts
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return value
        value = value.get(step)
    return value


def in_schema_order(paths: Iterable[str], facts: FactSchema) -> tuple[str, ...]:
    """Paths in the order of the fact schema's fields; a path into a list is the list's."""
    order = {field.name: index for index, field in enumerate(facts.fields)}
    cut = {_up_to_list(path, facts) for path in paths}
    known = (path for path in cut if path.split(".")[0] in order)
    return tuple(sorted(known, key=lambda path: (order[path.split(".")[0]], path)))


def missing(paths: Iterable[str], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the paths at which there is no value."""
    return tuple([path for path in paths if (facts.get(path) if "." not in path else at_path(facts, path)) is None])


def _up_to_list(path: str, facts: FactSchema) -> str:
    steps = path.split(".")
    for end in range(1, len(steps)):
        above = facts.field(".".join(steps[:end]))
        if above is not None and above.item is not None:
            return ".".join(steps[:end])
    return path
