"""The application over the small world of the API's tests, attacked by people who have a key."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

sys.path.append(str(Path(__file__).resolve().parents[1] / "api"))

from api_fixtures import admin, analyst, published, rep
from small_world import STORES, UNLIMITED, Clock, fill
from small_world import settings as settings_of

from adapters.wiring import Texts, Wiring, build_in_memory
from engine.records import Record
from webapp.app import create_app

__all__ = ["admin", "analyst", "published", "rep"]


@pytest.fixture(scope="module", params=STORES)
def wiring(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    texts: Texts,
    published: tuple[Record, ...],
) -> Iterator[Wiring]:
    """One small world for all attacks of a module: what they leave behind is attacked by the next ones."""
    home = tmp_path_factory.mktemp("attacked")
    url = "memory:" if request.param == "memory" else f"sqlite:///{home / 'bylaw.sqlite3'}"
    if request.param == "mongodb":
        url = request.getfixturevalue("new_mongodb")()
    with build_in_memory(settings_of(home, url, rate_limits=UNLIMITED), texts=texts) as built:
        fill(built, published)
        yield built


@pytest.fixture
def store_is_real(wiring: Wiring, mongodb_kind: str, real: Callable[[str], None]) -> None:
    """Note that a real database was asked."""
    scheme = wiring.settings.database_url.partition(":")[0]
    if scheme != "memory":
        real({"sqlite": "SQLite", "mongodb": mongodb_kind}[scheme])


@pytest.fixture(scope="module")
def clock() -> Clock:
    """Nine o'clock until a test sets another time."""
    return Clock()


@pytest.fixture(scope="module")
def app(wiring: Wiring, clock: Clock) -> Flask:
    """The application over it."""
    return create_app(wiring, clock=clock)
