"""Facts from a JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.files import read
from engine import exact_json
from engine.problems import InvalidError, Place, Problem


def read_facts(path: Path) -> dict[str, Any]:
    """The object in a JSON file, exactly. Raises `InvalidError` with a `json.*` or `facts.*` code and the place."""
    source = "standard input" if str(path) == "-" else str(path)
    value = exact_json.parse(read(path), source=source)
    if not isinstance(value, dict):
        problem = Problem(
            "cli.facts_no_object",
            'facts are a JSON object such as `{"employees": 800}`',
            Place(source),
            help="put the facts between braces, each under its name",
        )
        raise InvalidError(problem)
    return value
