"""The application over the small world, in two kinds of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from api_fixtures import admin, analyst, published, rep, stranger
from flask import Flask
from small_world import STORES, Clock, fill, settings

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.records import Record
from webapp.app import create_app

__all__ = ["admin", "analyst", "published", "rep", "stranger"]


@pytest.fixture(params=STORES)
def kind_of_store(request: pytest.FixtureRequest) -> str:
    """Tests that touch the store run over the reference and over a real SQLite file; some name MongoDB too."""
    return str(request.param)


@pytest.fixture
def database_url(
    request: pytest.FixtureRequest, kind_of_store: str, tmp_path: Path, real: Callable[[str], None]
) -> str:
    """The address of an empty store of the kind."""
    match kind_of_store:
        case "sqlite":
            real("SQLite")
            return f"sqlite:///{tmp_path / 'bylaw.sqlite3'}"
        case "mongodb":
            real(request.getfixturevalue("mongodb_kind"))
            return str(request.getfixturevalue("empty_mongodb"))
    return "memory:"


@pytest.fixture
def wiring(database_url: str, tmp_path: Path, texts: Texts, published: tuple[Record, ...]) -> Iterator[Wiring]:
    """The small world in a store."""
    with build_in_memory(settings(tmp_path, database_url), texts=texts) as built:
        fill(built, published)
        yield built


@pytest.fixture
def memory(tmp_path: Path, texts: Texts, published: tuple[Record, ...]) -> Iterator[Wiring]:
    """The small world in memory only, for tests of what does not depend on the store."""
    with build_in_memory(settings(tmp_path), texts=texts) as built:
        fill(built, published)
        yield built


@pytest.fixture
def clock() -> Clock:
    """Nine o'clock until a test sets another time."""
    return Clock()


@pytest.fixture
def app(wiring: Wiring, clock: Clock) -> Flask:
    """The application over either store."""
    return create_app(wiring, clock=clock)


@pytest.fixture
def app_in_memory(memory: Wiring, clock: Clock) -> Flask:
    """The application over the reference store."""
    return create_app(memory, clock=clock)
