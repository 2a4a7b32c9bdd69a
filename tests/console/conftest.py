"""The example organisation behind the real application, for the console's pages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from console_house import NOW, Visitor, house, visitor
from flask import Flask

from adapters.wiring import Texts, Wiring
from webapp.app import create_app

sys.path.append(str(Path(__file__).resolve().parents[1] / "attack"))  # the texts that nobody expects


@pytest.fixture(scope="session")
def shared_house(tmp_path_factory: pytest.TempPathFactory, texts: Texts) -> Iterator[Wiring]:
    """One house for all tests that only look."""
    with house(tmp_path_factory.mktemp("house"), texts) as wiring:
        yield wiring


@pytest.fixture(scope="session")
def shared_app(shared_house: Wiring) -> Flask:
    """The application for tests that only look."""
    return create_app(shared_house, clock=lambda: NOW)


@pytest.fixture
def looking(shared_app: Flask, shared_house: Wiring) -> Callable[[str | None], Visitor]:
    """Somebody who only looks: `looking("sales_rep")` is the example person of that role, None a stranger."""
    return lambda role: visitor(shared_app, shared_house, f"person-{role}" if role else None)


@pytest.fixture
def own_house(tmp_path: Path, texts: Texts) -> Iterator[Wiring]:
    """A house for one test that changes something."""
    with house(tmp_path, texts) as wiring:
        yield wiring


@pytest.fixture
def acting(own_house: Wiring) -> Callable[[str | None], Visitor]:
    """Somebody who changes things."""
    app = create_app(own_house, clock=lambda: NOW)
    return lambda role: visitor(app, own_house, f"person-{role}" if role else None)
