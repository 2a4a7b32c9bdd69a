"""The lists of every governed type, under the policies, are served by indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from adapters.stores import open_store
from adapters.stores.sqlite.columns import column_names, quoted
from engine.caller import ROLES, Actor
from engine.policy import Policies
from engine.ports import Sort
from engine.predicate import Never
from engine.records import RECORD_TYPES, RecordType, signed

GOVERNED = [known for known in RECORD_TYPES if known.field("owner_id")]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with every table and index. Without statistics, the planner's choice does not follow the rows."""
    path = tmp_path_factory.mktemp("plans") / "records.db"
    open_store(f"sqlite:///{path}").close()
    return path


def orders(known: RecordType, turns: Sequence[bool]) -> Iterator[list[Sort]]:
    """By id, and the orders of the type's lists, as they are or turned round."""
    yield []
    for names in known.orders:
        for turned in turns:
            yield [Sort(name, descending=falls is not turned) for name, falls in map(signed, names)]


def questions(file: Path, known: RecordType, policies: Policies, turns: Sequence[bool] = (False, True)) -> list[str]:
    """The statements of the first pages, counts, tallies and scans of every role that may read the type."""
    asked: list[str] = []
    with closing(open_store(f"sqlite:///{file}")) as store:
        with store._connections.lent() as connection:
            connection.set_trace_callback(asked.append)
        for role in ROLES:
            actor = Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1", "t2"))
            predicate = policies.predicate(actor, "read", known.name)
            assert predicate != Never() or known.name == "import_batch"
            if predicate != Never():
                for sort in orders(known, turns):
                    store.find(known.name, predicate, sort=sort, limit=50)
                store.count(known.name, predicate)
                store.tally(known.name, "revision", predicate)
                list(store.scan(known.name, predicate))
    return [text for text in asked if text.startswith("SELECT")]


def plans(file: Path, asked: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Each statement with the steps of its plan."""
    with closing(sqlite3.connect(file)) as plain:
        for text in asked:
            yield text, [row[3] for row in plain.execute(f"EXPLAIN QUERY PLAN {text}")]


@pytest.mark.parametrize("way", ["in_order", "by_holder"])
@pytest.mark.parametrize("known", GOVERNED, ids=lambda known: known.name)
def test_every_list_of_a_governed_type_uses_an_index(
    file: Path, policies: Policies, known: RecordType, request: pytest.FixtureRequest, way: str
) -> None:
    """Pages in every order, counts, tallies and scans under each role's predicate search indexes, by holder or not."""
    if way == "by_holder":
        request.getfixturevalue(way)
    asked = questions(file, known, policies)
    assert len(asked) >= 4
    for text, plan in plans(file, asked):
        assert any("INDEX" in step for step in plan), (text, plan)
        scans = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
        assert all(step.startswith("SCAN (subquery") for step in scans), (text, plan)


@pytest.mark.usefixtures("by_holder")
@pytest.mark.parametrize("known", [known for known in GOVERNED if known.orders], ids=lambda known: known.name)
def test_a_page_by_holder_sorts_nothing_but_itself(file: Path, policies: Policies, known: RecordType) -> None:
    """In the usual order each holder's records come from an index, and are merged as they come.

    But for the log: its numbers are unique, so that what SQLite sorts by id after them are single entries.
    """
    field = known.field(signed(known.orders[0][0])[0])
    assert field is not None
    in_order = f"{quoted(column_names(field)[0])} IS NOT NULL"
    asked = [text for text in questions(file, known, policies, (False,)) if "held_id" in text and in_order in text]
    assert asked or known.name == "import_batch"
    for text, plan in plans(file, asked):
        sorting = [step for step in plan if "TEMP B-TREE" in step]
        if (field.name,) in known.unique:
            sorting = [step for step in sorting if step != "USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"]
        assert [plan[-1]] == sorting == ["USE TEMP B-TREE FOR ORDER BY"], (text, plan)
