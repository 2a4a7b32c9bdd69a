"""The end of a log, kept beside its entries: damaged behind the product's back, it is told and nothing is changed."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bson import Int64
from log_checks import entries_agree
from pymongo import MongoClient
from record_samples import draft, lead, of

from adapters.stores import open_store
from adapters.stores.mongodb.schema import AUDIT_HEADS
from engine.ports import Store
from engine.problems import UnavailableError

Values = dict[str, Any]
Damage = Callable[[Values], Values]

ENTRIES = 3


def _frontier(change: Damage) -> Damage:
    return lambda head: {"frontier": json.dumps(change(json.loads(head["frontier"])), separators=(",", ":"))}


DAMAGES: dict[str, Damage] = {
    "nothing at all": lambda _: {"frontier": ""},
    "no JSON": lambda _: {"frontier": "\0"},
    "another value": lambda _: {"frontier": "[]"},
    "nested without end": lambda _: {"frontier": "[" * 5_000},
    "a huge number": lambda _: {"frontier": '{"nodes":[],"size":1e6144}'},
    "cut off": lambda head: {"frontier": head["frontier"][:-9]},
    "one letter": lambda head: {"frontier": head["frontier"].replace(head["frontier"][12], "x", 1)},
    "another spelling": lambda head: {"frontier": head["frontier"].upper().replace("NODES", "nodes")},
    "a hash too few": _frontier(lambda value: {**value, "nodes": value["nodes"][:-1]}),
    "a short hash": _frontier(lambda value: {**value, "nodes": [value["nodes"][0][2:], *value["nodes"][1:]]}),
    "a number for a hash": _frontier(lambda value: {**value, "nodes": [7, *value["nodes"][1:]]}),
    "a size below nothing": _frontier(lambda value: {**value, "size": -3}),
    "another size": _frontier(lambda value: {**value, "size": 5}),
    "another number": lambda _: {"last_sequence": 2},
    "no leaf": lambda _: {"last_leaf": ""},
    "another leaf": lambda head: {"last_leaf": head["last_leaf"][::-1]},
    "an earlier end": lambda head: {
        "last_sequence": 2,
        "frontier": json.dumps({"nodes": json.loads(head["frontier"])["nodes"][:1], "size": 2}, separators=(",", ":")),
    },
}


Change = Callable[[Damage], None]


def _in_sqlite(file: Path, organisation: str) -> Change:
    def change(damage: Damage) -> None:
        with closing(sqlite3.connect(file)) as plain:
            for (name,) in plain.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                if name.startswith("audit_head"):
                    plain.execute(f'DROP TRIGGER "{name}"')
            plain.row_factory = sqlite3.Row
            (row,) = plain.execute("SELECT * FROM audit_head WHERE organisation_id = ?", [organisation])
            for name, value in damage(dict(row)).items():
                plain.execute(f'UPDATE audit_head SET "{name}" = ? WHERE organisation_id = ?', [value, organisation])
            plain.commit()

    return change


def _in_mongodb(url: str, organisation: str) -> Change:
    def change(damage: Damage) -> None:
        client: MongoClient[Values] = MongoClient(url)
        with closing(client):
            heads = client.get_default_database()[AUDIT_HEADS]
            found = heads.find_one({"_id": organisation})
            assert found is not None
            values = {name: Int64(value) if type(value) is int else value for name, value in damage(found).items()}
            assert heads.update_one({"_id": organisation}, {"$set": values}).modified_count == 1

    return change


@pytest.fixture(params=["sqlite", "mongodb"])
def damaged(request: pytest.FixtureRequest, organisation: str, tmp_path: Path) -> Iterator[tuple[Store, Change]]:
    """A store with three entries, and what damages their log's head. In memory there is no text to damage."""
    if request.param == "mongodb":
        store = request.getfixturevalue("mongodb_store")
        change = _in_mongodb(request.getfixturevalue("mongodb_url"), organisation)
    else:
        file = tmp_path / "records.db"
        store, change = open_store(f"sqlite:///{file}"), _in_sqlite(file, organisation)
    with store.transaction() as transaction:
        for number in range(ENTRIES):
            transaction.append_audit(draft(organisation, f"lead-{number}"))
    yield store, change
    if request.param == "sqlite":
        store.close()


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_end_is_told_and_changes_nothing(
    damaged: tuple[Store, Change], organisation: str, damage: Damage
) -> None:
    """A change over a log whose end cannot be read is refused as a whole, with one code; what is there is readable."""
    store, change = damaged
    change(damage)
    with pytest.raises(UnavailableError) as refused, store.transaction() as transaction:  # noqa: PT012  # one change
        transaction.insert(lead(organisation))
        transaction.append_audit(draft(organisation))
    assert refused.value.code == "audit.edge_damaged"
    assert organisation in str(refused.value)
    assert store.count("lead", of(organisation)) == 0
    assert [entry["sequence"] for entry in store.scan("audit_entry", of(organisation))] == [1, 2, 3]


def test_a_damaged_end_holds_up_no_other_log(damaged: tuple[Store, Change], organisation: str) -> None:
    """Other organisations of the same database go on."""
    store, change = damaged
    other = f"{organisation}-other"
    change(DAMAGES["cut off"])
    with store.transaction() as transaction:
        transaction.append_audit(draft(other))
    assert entries_agree(store, other) == 1
    with pytest.raises(UnavailableError):
        store.log_head(organisation)
