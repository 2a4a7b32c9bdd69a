"""Fixtures of all tests that ask the application over the small world; each conftest brings its own `app`."""

from __future__ import annotations

import pytest
from flask import Flask
from small_world import Api, as_person, publish_shipped

from adapters.wiring import Texts, build_in_memory
from engine.records import Record

__all__ = ["admin", "analyst", "published", "rep", "stranger"]


@pytest.fixture(scope="session")
def published(texts: Texts) -> tuple[Record, ...]:
    """The shipped rules as published versions."""
    with build_in_memory(texts=texts) as built:
        return publish_shipped(built)


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
