"""The application over the small world, in two kinds of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from small_world import Api, Clock, as_person, fill, publish_shipped, settings

from adapters.wiring import Texts, Wiring, build_in_memory, load_texts
from engine.records import Record
from webapp.app import create_app


@pytest.fixture(scope="session")
def texts() -> Texts:
    """The shipped policies and schemas, compiled once."""
    return load_texts()


@pytest.fixture(scope="session")
def published(texts: Texts) -> tuple[Record, ...]:
    """The shipped rules as published versions."""
    with build_in_memory(texts=texts) as built:
        return publish_shipped(built)


@pytest.fixture(params=["memory", "sqlite"])
def kind_of_store(request: pytest.FixtureRequest) -> str:
    """Tests that touch the store run over the reference and over a real SQLite file."""
    return str(request.param)


@pytest.fixture
def wiring(
    kind_of_store: str, tmp_path: Path, texts: Texts, published: tuple[Record, ...], real: Callable[[str], None]
) -> Iterator[Wiring]:
    """The small world in a store."""
    url = "memory:" if kind_of_store == "memory" else f"sqlite:///{tmp_path / 'bylaw.sqlite3'}"
    if kind_of_store == "sqlite":
        real("SQLite")
    with build_in_memory(settings(tmp_path, url), texts=texts) as built:
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


@pytest.fixture
def analyst(app: Flask) -> Api:
    """The RevOps analyst."""
    return as_person(app, "person-revops_analyst")


@pytest.fixture
def rep(app: Flask) -> Api:
    """The sales representative."""
    return as_person(app, "person-sales_rep")


@pytest.fixture
def admin(app: Flask) -> Api:
    """The platform administrator."""
    return as_person(app, "person-platform_admin")


@pytest.fixture
def stranger(app: Flask) -> Api:
    """Somebody without a key."""
    return as_person(app, None)
