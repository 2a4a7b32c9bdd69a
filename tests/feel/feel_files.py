"""Reading the language's case files: scopes, facts and expectations written in the language itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from engine.feel import Field, Scope, check, types
from engine.feel.types import FunctionType, Type

CASES = Path(__file__).parents[1] / "cases" / "feel"


def type_named(text: str) -> Type:
    """A type by its FEEL name, such as `list<number>`."""
    made = check(f"function(x: {text}) x", Scope()).type
    assert isinstance(made, FunctionType)
    return made.parameters[0]


def field_of(given: Any) -> Field:
    """`number`, `number?` for an optional one, or a list of texts for an enumeration."""
    if isinstance(given, list):
        return Field(types.STRING, enum=tuple(given))
    return Field(type_named(given.rstrip("?")), optional=given.endswith("?"))


def scope_of(given: Mapping[str, Any]) -> Scope:
    """A scope from names and types."""
    return Scope({name: field_of(each) for name, each in given.items()})


def facts_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Facts from names and expressions."""
    return {name: None if text is None else check(text, Scope()).interpret({}) for name, text in given.items()}


def document(name: str) -> dict[str, Any]:
    """A case file."""
    read: dict[str, Any] = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return read


def lines_of(name: str) -> list[tuple[str, str]]:
    """The expressions of a page, each with the text of its value."""
    lines = (CASES / f"{name}.feel").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line and not line.startswith("//"):
            text, wanted = re.split(r" +-> (?=[^>]*$)", line)
            found.append((text, wanted))
    return found
