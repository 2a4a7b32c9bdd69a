"""The three stores, each empty, for use cases of which more is asked than one read or write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from adapters.stores import open_store
from engine.ports import Store

if TYPE_CHECKING:
    from adapters.stores.mongodb import MongoStore


@pytest.fixture(scope="session")
def shared_mongodb(new_mongodb: Callable[[], str]) -> Iterator[MongoStore]:
    """One database for the session: making its indexes for each test would be slow."""
    from adapters.stores.mongodb import open_mongodb

    with closing(open_mongodb(new_mongodb())) as store:
        yield store


@pytest.fixture
def emptied_mongodb(shared_mongodb: MongoStore, mongodb_kind: str, real: Callable[[str], None]) -> Store:
    """That database without records, log and messages; the writers' turns stay, which an open store relies on."""
    from adapters.stores.mongodb.schema import FACTS, LOCKS

    database = shared_mongodb.collection("lead").database
    for name in database.list_collection_names():
        if name not in (FACTS, LOCKS):
            database[name].delete_many({})
    real(mongodb_kind)
    return shared_mongodb


@pytest.fixture(params=["memory", "sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, real: Callable[[str], None]) -> Iterator[Store]:
    """Each store in turn, empty."""
    if request.param == "mongodb":
        yield request.getfixturevalue("emptied_mongodb")
        return
    if request.param == "sqlite":
        real("SQLite")
    with closing(
        open_store("memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'records.db'}")
    ) as opened:
        yield opened
