"""The three stores under one suite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import adapters.stores.sqlite.store as sqlite_store
from adapters.stores import open_store
from adapters.stores.sqlite.conditions import Sql
from adapters.wiring import Shipped, load_policies
from engine.policy import Policies
from engine.ports import Store


@pytest.fixture(scope="session")
def mongodb_store(mongodb_url: str) -> Iterator[Store]:
    """One store for the session: making a hundred indexes for each test would be slow."""
    with closing(open_store(mongodb_url)) as store:
        yield store


@pytest.fixture(params=["memory", "sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, real: Callable[[str], None]) -> Iterator[Store]:
    """Each store in turn. MongoDB's is shared by the session: tests use organisations of their own."""
    if request.param == "mongodb":
        shared = request.getfixturevalue("mongodb_store")
        real(request.getfixturevalue("mongodb_kind"))
        yield shared
        return
    if request.param == "sqlite":
        real("SQLite")
    opened = open_store("memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'records.db'}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def policies() -> Policies:
    """The shipped policies."""
    return load_policies(Shipped.find())


@pytest.fixture
def by_holder(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on nothing that SQLite is given steps for is done in time, but what it reads holder by holder."""

    def in_time(connection: sqlite3.Connection, asked: Sql, _: int) -> list[tuple[Any, ...]] | None:
        return connection.execute(*asked).fetchall() if "held_id" in asked[0] else None

    monkeypatch.setattr(sqlite_store, "rows_within_steps", in_time)


@pytest.fixture
def organisation() -> str:
    """The id of an organisation that no other test uses."""
    return f"org-{uuid4().hex[:12]}"
