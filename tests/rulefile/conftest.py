"""Rule files for tests: the shipped schemas, and loading a text."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from engine.kinds import load
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def schemas() -> SchemaSource:
    """The shipped schemas."""
    folder = ROOT / "schemas"
    return SchemaSource(
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.schema.json")}
    )


@pytest.fixture
def load_text(schemas):
    """Load a rule file given as an indented text."""

    def loaded(text: str, source: str = "sample.yaml") -> RuleSet:
        return load(dedent(text).lstrip("\n").encode(), source=source, schemas=schemas)

    return loaded
