"""The lists of every governed type, under the policies, are served by indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.stores import open_store
from engine.caller import ROLES, Actor
from engine.policy import Policies
from engine.ports import Sort, Store
from engine.predicate import Never
from engine.records import RECORD_TYPES, FieldKind, RecordType

GOVERNED = [known for known in RECORD_TYPES if known.field("owner_id")]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and index. Without statistics, the planner's choice does not follow the rows."""
    path = tmp_path_factory.mktemp("plans") / "records.db"
    open_store(f"sqlite:///{path}").close()
    return path


def orders(known: RecordType) -> Iterator[list[Sort]]:
    """By id, and by the fields of every index that is not about the place."""
    yield []
    place = {"owner_id", "team_id", "branch_id"}
    for names in known.indexes:
        if place.isdisjoint(names):
            assert all(field.kind is not FieldKind.DOCUMENT for name in names if (field := known.field(name)))
            yield [Sort(name, descending=True) for name in names]


def questions(file: Path, known: RecordType, policies: Policies) -> Iterator[str]:
    """The statements of the first pages, counts and scans of every role that may read the type."""
    asked: list[str] = []
    with closing(open_store(f"sqlite:///{file}")) as store:
        with store._connections.lent() as connection:  # type: ignore[attr-defined]
            connection.set_trace_callback(asked.append)
        for role in ROLES:
            actor = Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1", "t2"))
            predicate = policies.predicate(actor, "read", known.name)
            assert predicate != Never() or known.name == "import_batch"
            if predicate != Never():
                _ask(store, known, predicate)
    yield from (text for text in asked if text.startswith("SELECT"))


def _ask(store: Store, known: RecordType, predicate: object) -> None:
    for sort in orders(known):
        store.find(known.name, predicate, sort=sort, limit=50)  # type: ignore[arg-type]
    store.count(known.name, predicate)  # type: ignore[arg-type]
    list(store.scan(known.name, predicate))  # type: ignore[arg-type]


@pytest.mark.parametrize("known", GOVERNED, ids=lambda known: known.name)
def test_every_list_of_a_governed_type_uses_an_index(file: Path, policies: Policies, known: RecordType) -> None:
    """Pages in every order, counts and scans under each role's predicate search an index; none reads the table."""
    asked = list(questions(file, known, policies))
    assert len(asked) >= 3
    with closing(sqlite3.connect(file)) as plain:
        for text in asked:
            plan = [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {text}")]
            assert any("INDEX" in step for step in plan), (text, plan)
            assert not any(step.startswith("SCAN") and "INDEX" not in step for step in plan), (text, plan)
