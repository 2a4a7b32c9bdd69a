"""Facts from a JSON file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.files import read
from engine import exact_json
from engine.problems import InvalidError, Place, Problem


def read_facts(path: Path) -> dict[str, Any]:
    """The object in a JSON file, exactly. Raises `InvalidError` with a `json.*` or `facts.*` code and the place."""
    source = _name(path)
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


def read_target(given: Sequence[str]) -> dict[str, Any] | None:
    """`band=A` as `{"band": "A"}`; what is JSON (a number, true, null, a quoted text) is read so, all else is a text.

    Raises `InvalidError` (`cli.target`) for what has no `=`.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            help_text = "like this: `--target band=A`"
            raise InvalidError(Problem("cli.target", f"`{text}` names no member of the outcome", help=help_text))
        try:
            found[name] = exact_json.parse(value, source="target")
        except InvalidError:
            found[name] = value
    return found or None


@contextmanager
def facts_named(path: Path) -> Iterator[None]:
    """Problems of the facts inside name the file that the facts came from, so that it can be opened."""
    try:
        yield
    except InvalidError as error:
        raise InvalidError(
            replace(problem, place=replace(problem.place, source=_name(path)))
            if problem.place.source == "facts" and not problem.place.line
            else problem
            for problem in error.problems
        ) from None


def _name(path: Path) -> str:
    return "standard input" if str(path) == "-" else str(path)
