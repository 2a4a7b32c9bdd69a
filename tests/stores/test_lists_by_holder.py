"""What somebody may read put together holder by holder (`adapters.stores.sqlite.holders`) is the same, and is quick."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_samples import lead, of
from store_strategies import predicates, records

import adapters.stores.sqlite.store as sqlite_store
from adapters.stores import open_store
from adapters.stores.sqlite.holders import STEPS, by_holder, rows_within_steps
from adapters.stores.typed import resolve
from engine.caller import ROLES, Actor
from engine.policy import Policies
from engine.ports import Sort, Store
from engine.predicate import Always, And, Compare, Never, Or, Predicate, both, either
from engine.records import PLACE, Record, record_type, signed

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[Store, Store]]:
    """An SQLite store and the one in memory, to hold the same."""
    with (
        closing(open_store(f"sqlite:///{tmp_path / 'records.db'}")) as sqlite,
        closing(open_store("memory:")) as memory,
    ):
        yield sqlite, memory


@pytest.fixture(params=["in_time", "by_holder", "never"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is given some steps is always done within them, only by holder, or never."""
    if request.param == "by_holder":
        request.getfixturevalue("by_holder")
    elif request.param == "never":
        monkeypatch.setattr(sqlite_store, "rows_within_steps", lambda *_: None)


PLACES = st.fixed_dictionaries({}, optional={field.name: st.sampled_from("ab") for field in PLACE})


def drawn(examples: st.DataObject, type_name: str, organisation: str) -> Iterator[Record]:
    """Records in few places, some of them without one."""
    for number in range(examples.draw(st.integers(0, 12))):
        record = examples.draw(records(type_name, f"r{number}", organisation))
        fields = {name: value for name, value in record.fields.items() if not name.endswith("_id")}
        unique = {"period": f"Q{number}"} if type_name == "statement" else {}
        yield Record(type_name, record.id, organisation, {**fields, **unique, **examples.draw(PLACES)})


def has_hash(predicate: Predicate) -> bool:
    """Whether no signalling NaN is in it: such conditions cannot be put together with others."""
    try:
        hash(predicate)
    except TypeError:
        return False
    return True


def ids(store: Store, type_name: str, predicate: Predicate, sort: tuple[Sort, ...], limit: int) -> list[list[str]]:
    """The pages of a list, as ids."""
    pages, cursor = list[list[str]](), None
    while not pages or cursor is not None:
        page = store.find(type_name, predicate, sort=sort, limit=limit, cursor=cursor)
        pages.append([record.id for record in page.records])
        cursor = page.next_cursor
    return pages


@MANY
@given(examples=st.data())
def test_what_is_read_by_holder_is_the_same(
    stores: tuple[Store, Store], policies: Policies, way: None, examples: st.DataObject
) -> None:
    """Under each role, filtered or not, pages in the usual order, its reverse and by id are the same.

    However long they take, and counts and tallies likewise.
    """
    organisation = f"org-{uuid4().hex}"
    type_name = examples.draw(st.sampled_from(["lead", "statement", "person"]))
    made = list(drawn(examples, type_name, organisation))
    for store in stores:
        with store.transaction() as transaction:
            for record in made:
                transaction.insert(record)
    actor = Actor("a", "Ann", examples.draw(st.sampled_from(ROLES)), organisation, "a", "a", "a", ("a",))
    more = examples.draw(st.one_of(st.just(Always()), predicates(type_name).filter(has_hash)))
    predicate = both(policies.predicate(actor, "read", type_name), more)
    usual = [signed(name) for names in record_type(type_name).orders[:1] for name in names]
    orders = {(), *(tuple(Sort(name, falls is not turned) for name, falls in usual) for turned in (False, True))}
    limit = examples.draw(st.integers(1, 4))
    for sort in orders:
        sqlite, memory = (ids(store, type_name, predicate, sort, limit) for store in stores)
        assert memory == sqlite, sort
    asked = [(store.count(type_name, predicate), store.tally(type_name, "owner_id", predicate)) for store in stores]
    assert asked[0] == asked[1]


MINE, OWN, TEAM = of("org"), Compare("owner_id", "=", "ann"), Compare("team_id", "=", "red")
NORTH, HIGH = Compare("region_id", "=", "north"), Compare("score", ">", Decimal(5))


@pytest.mark.parametrize(
    ("predicate", "holders"),
    [
        (both(MINE, OWN), ["owner_id"]),
        (both(MINE, OWN, TEAM), ["owner_id"]),
        (both(MINE, NORTH, either(TEAM, both(HIGH, OWN))), ["team_id", "owner_id"]),
        (both(MINE, either(HIGH, NORTH), either(OWN, TEAM)), ["owner_id", "team_id"]),
        (both(MINE, TEAM, either(OWN, HIGH)), ["team_id"]),
        (MINE, []),
        (both(MINE, HIGH), []),
        (both(MINE, either(OWN, HIGH)), []),
        (both(MINE, Compare("owner_id", "!=", "ann")), []),
        (either(both(MINE, OWN), both(of("other"), TEAM)), []),
        (either(OWN, TEAM), []),
        (Or((And((MINE, OWN)), Never())), ["owner_id"]),
        (both(MINE, either(*(Compare("owner_id", "=", f"p{number}") for number in range(600)))), []),
    ],
)
def test_what_is_divided_by_holder(predicate: Predicate, holders: list[str]) -> None:
    """Inside one organisation, one holder for all or one for each alternative; of several the narrowest."""
    assert holders == [one.holder for one in by_holder(resolve(predicate, record_type("lead")))]


@pytest.fixture(scope="module")
def long_list(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five thousand leads, of which the ten with the lowest scores and the last ids are the red team's."""
    file = tmp_path_factory.mktemp("long") / "records.db"
    with closing(open_store(f"sqlite:///{file}")) as store, store.transaction() as transaction:
        for number in range(5000):
            team = "red" if number >= 4990 else "blue"
            place = {"region_id": "north", "branch_id": team, "team_id": team, "owner_id": f"p{number % 40}"}
            transaction.insert(lead("org", number, score=Decimal(5000 - number), **place))
    return file


@pytest.mark.parametrize("sort", [(), (Sort("score", descending=True),)], ids=["by id", "by score"])
def test_few_at_the_end_of_a_long_list_are_found_by_holder(
    long_list: Path, policies: Policies, sort: tuple[Sort, ...]
) -> None:
    """Passing over thousands is broken off, and the holders are asked; what is near the front is found in the order."""
    ran: list[str] = []
    with closing(open_store(f"sqlite:///{long_list}")) as store:
        with store._connections.lent() as connection:
            connection.set_trace_callback(ran.append)
        for team, by_holder_too in (("red", True), ("blue", False)):
            actor = Actor("ann", "Ann", "sales_manager", "org", "north", team, team, ())
            predicate = policies.predicate(actor, "read", "lead")
            ran.clear()
            found = store.find("lead", predicate, sort=sort, limit=5).records
            first = 4990 if team == "red" else 0
            assert [f"lead-{first + number:04d}" for number in range(5)] == [record.id for record in found]
            assert by_holder_too == any("held_id" in text for text in ran)
            assert store.count("lead", predicate) == (10 if team == "red" else 4990)


def test_breaking_off_leaves_a_transaction_as_it_was(long_list: Path, policies: Policies) -> None:
    """A list that is broken off within a transaction sees what was written before, and does not undo it."""
    actor = Actor("ann", "Ann", "sales_manager", "org", "north", "red", "red", ())
    predicate = policies.predicate(actor, "read", "lead")
    sort = (Sort("score", descending=True),)
    with closing(open_store(f"sqlite:///{long_list}")) as store:
        with store.transaction() as transaction:
            known = transaction.get("lead", "lead-4995", predicate)
            transaction.update(known.with_fields(company="Written"))
            found = transaction.find("lead", predicate, sort=sort, limit=20).records
            assert {record.id: record["company"] for record in found}["lead-4995"] == "Written"
        assert store.get("lead", "lead-4995", predicate)["company"] == "Written"


def test_only_the_steps_are_an_end() -> None:
    """What takes too many steps gives nothing, what takes few gives its rows, and other errors are what they were."""
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?) SELECT max(i) FROM n"
    with closing(sqlite3.connect(":memory:")) as connection:
        assert rows_within_steps(connection, (many, [1_000_000]), STEPS) is None
        assert rows_within_steps(connection, (many, [10]), STEPS) == [(10,)]
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            rows_within_steps(connection, ("SELECT * FROM no_table", []), STEPS)
        assert connection.execute(many, [1_000_000]).fetchall() == [(1_000_000,)]
