"""The three stores, each empty, for use cases of which more is asked than one read or write."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.stores import open_store
from engine.ports import Store


@pytest.fixture(params=["memory", "sqlite", "mongodb"])
def store(request: pytest.FixtureRequest, tmp_path: Path, real: Callable[[str], None]) -> Iterator[Store]:
    """Each store in turn, empty."""
    url = "memory:"
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'records.db'}"
        real("SQLite")
    elif request.param == "mongodb":
        url = request.getfixturevalue("empty_mongodb")
        real(request.getfixturevalue("mongodb_kind"))
    with closing(open_store(url)) as opened:
        yield opened
