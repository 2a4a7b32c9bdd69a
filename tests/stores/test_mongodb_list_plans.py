"""The lists of every governed type, under the policies, are served by indexes in MongoDB too.

What is asked is told from definitions (`index_fit`) and put to the server's own `explain`. The server that runs without
`BYLAW_TEST_MONGODB` plans by a pipeline's first stage alone and sorts by itself: what it explains is which index finds
the documents, and the number of documents makes no difference to it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from index_fit import Keys, branches, fit
from pymongo import MongoClient
from pymongo.database import Database
from record_samples import lead

from adapters.stores.cursors import Question
from adapters.stores.mongodb.documents import document_of
from adapters.stores.mongodb.schema import indexes
from adapters.stores.mongodb.store import MongoStore, _Reader
from adapters.stores.values import checked
from engine.caller import ROLES, Actor
from engine.policy import Policies
from engine.ports import Sort
from engine.predicate import Compare, Never, Predicate
from engine.records import RECORD_TYPES, FieldKind, Money, Record, RecordType, record_type, signed

GOVERNED = [known for known in RECORD_TYPES if known.field("owner_id") and known.name != "import_batch"]
ORGANISATION = "plans"
MINE = Compare("organisation_id", "=", ORGANISATION)
A_VALUE: dict[FieldKind, Any] = {
    FieldKind.TEXT: "x", FieldKind.INTEGER: 7, FieldKind.DECIMAL: Decimal(7), FieldKind.DATE: date(2026, 11, 2),
    FieldKind.INSTANT: datetime(2026, 11, 2, tzinfo=UTC), FieldKind.MONEY: Money(Decimal(7), "USD"),
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """A pipeline that the store sends; `continues` if it follows on a record."""

    pipeline: list[dict[str, Any]]
    continues: bool = False

    @property
    def filter(self) -> dict[str, Any]:
        return {"$and": [stage["$match"] for stage in self.pipeline if "$match" in stage]}

    @property
    def order(self) -> Keys:
        return next(list(stage["$sort"].items()) for stage in self.pipeline if "$sort" in stage)


class Recorder(_Reader):
    """A reader whose pipelines are written down and find nothing."""

    def __init__(self) -> None:
        self.pipelines: list[list[dict[str, Any]]] = []

    def _documents(self, record_type: str, pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
        self.pipelines.append(pipeline)
        return []

    def _records(self, documents: list[dict[str, Any]], known: RecordType) -> list[Record]:
        return []


def orders(known: RecordType) -> Iterator[tuple[Sort, ...]]:
    """By id, and the orders of the type's lists."""
    yield ()
    for names in known.orders:
        yield tuple(Sort(name, descending=falls) for name, falls in map(signed, names))


def lists(known: RecordType, predicate: Predicate) -> Iterator[Asked]:
    """The pages in every order."""
    for sort in orders(known):
        yield from pages(known, predicate, sort)


def pages(known: RecordType, predicate: Predicate, sort: tuple[Sort, ...]) -> Iterator[Asked]:
    """The first page, one that follows on a record, and one that follows on a record without values."""
    fields = {field.name: A_VALUE[field.kind] for field in known.fields if field.kind in A_VALUE}
    somewhere, nowhere = (Record(known.name, "r5", ORGANISATION, held) for held in (fields, {}))
    question = Question.of(known, predicate, sort, 50)
    for cursor in (None, question.cursor_after(somewhere), question.cursor_after(nowhere)):
        recorder = Recorder()
        recorder.find(known.name, predicate, sort=sort, limit=50, cursor=cursor)
        for number, pipeline in enumerate(recorder.pipelines):
            # The stretch without values begins at its first record where the one before has been walked.
            yield Asked(pipeline, continues=cursor is not None and number == 0)


def predicates(policies: Policies, known: RecordType) -> dict[str, Predicate]:
    """Which records of the type each role may read."""
    found = {}
    for role in ROLES:
        actor = Actor("ann", "Ann", role, ORGANISATION, "north", "oslo", "red", ("t1", "t2"))
        found[role] = policies.predicate(actor, "read", known.name)
        assert found[role] != Never()
    return found


@pytest.mark.parametrize("known", GOVERNED, ids=lambda known: known.name)
def test_every_page_has_an_index_in_its_order(policies: Policies, known: RecordType) -> None:
    """Each page of each role has an index that fixes the organisation and has the order; later pages begin in it."""
    for role, predicate in predicates(policies, known).items():
        asked = list(lists(known, predicate))
        assert len(asked) >= 3
        for one in asked:
            fits = [fit(index["keys"], one.filter, one.order) for index in indexes(known)]
            ordered = [found for found in fits if found.fixed and found.ordered]
            assert ordered, (role, one.pipeline)
            if one.continues:
                assert any(found.bounded > found.fixed for found in ordered), (role, one.pipeline)


@pytest.mark.parametrize("known", GOVERNED, ids=lambda known: known.name)
def test_every_alternative_of_a_role_has_an_index(policies: Policies, known: RecordType) -> None:
    """Each alternative of a role's predicate (owner, team, branch) bounds the organisation and more of some index."""
    for role, predicate in predicates(policies, known).items():
        recorder = Recorder()
        recorder.count(known.name, predicate)
        list(recorder.scan(known.name, predicate))
        for pipeline in recorder.pipelines:
            for branch in branches(Asked(pipeline).filter):
                fits = [fit(index["keys"], branch, ()) for index in indexes(known)]
                assert any(found.bounded >= 2 for found in fits), (role, branch)


WALL = {"organisation_id": {"$eq": "a", "$type": "string"}}
SCORES = (("organisation_id", 1), ("score", -1), ("id", 1))


@pytest.mark.parametrize(
    ("filter_", "order", "expected"),
    [
        (WALL, (("score", -1), ("id", 1)), (1, 1, True)),
        (WALL, (("score", -1), ("id", 1), ("organisation_id", 1)), (1, 1, True)),
        (WALL, (("score", 1), ("id", -1)), (1, 1, True)),
        (WALL, (("score", 1), ("id", 1)), (1, 1, False)),
        (WALL, (("id", 1),), (1, 1, False)),
        ({**WALL, "score": None}, (("id", 1),), (2, 2, True)),
        ({**WALL, "score": {"$lte": 7}}, (("score", -1), ("id", 1)), (1, 2, True)),
        ({**WALL, "score": {"$in": [1, 2]}}, (("id", 1),), (1, 2, False)),
        ({"score": {"$eq": 7}}, (("id", 1),), (0, 0, False)),
        ({"$or": [WALL, {"score": {"$eq": 7}}]}, (), (0, 0, True)),
        ({"$and": [{"$and": [WALL]}, {"id": {"$gt": "a"}}]}, (("score", -1),), (1, 1, True)),
    ],
)
def test_how_an_index_fits(filter_: dict[str, Any], order: Keys, expected: tuple[int, int, bool]) -> None:
    """What is fixed leads, what orders follows in one direction or its reverse; alternatives fix nothing together."""
    found = fit(SCORES, filter_, order)
    assert (found.fixed, found.bounded, found.ordered) == expected


def test_the_branches_of_a_filter() -> None:
    """Each combination of alternatives is one branch, nested ones too."""
    nested = {"$and": [{"a": 1}, {"$or": [{"b": 1}, {"$and": [{"c": 1}, {"$or": [{"d": 1}, {"e": 1}]}]}]}]}
    found = [sorted(path for part in branch["$and"] for path in part) for branch in branches(nested)]
    assert [len(list(branches(branch))) for branch in branches(nested)] == [1, 1, 1]
    assert [["a", "b"], ["a", "c", "d"], ["a", "c", "e"]] == found


# -- the server's own word


@pytest.fixture(scope="module")
def loaded(mongodb_url: str, mongodb_store: MongoStore) -> Iterator[Database[dict[str, Any]]]:
    """A database with leads: 100,000 where a server counts them before it chooses, few where it does not."""
    known, number = record_type("lead"), 100_000 if "BYLAW_TEST_MONGODB" in os.environ else 500
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_url)
    database = client.get_default_database()
    made = (lead(ORGANISATION, one, score=Decimal(one * 7919 % 1000)) for one in range(number))
    database["lead"].insert_many(document_of(replace(checked(record), revision=1), known) for record in made)
    yield database
    client.close()


def plan_of(database: Database[dict[str, Any]], known: RecordType, asked: Asked) -> tuple[set[str], set[str]]:
    """The stages of the winning plan, and those of the pipeline that stand outside it."""
    command = {"aggregate": known.name, "pipeline": asked.pipeline, "cursor": {}}
    answer = database.command("explain", command, verbosity="queryPlanner")
    outside = {name for stage in answer.get("stages", ()) for name in stage}
    planner = answer["queryPlanner"] if "queryPlanner" in answer else answer["stages"][0]["$cursor"]["queryPlanner"]
    return set(_stages(planner["winningPlan"])), outside


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if "stage" in plan:
            yield str(plan["stage"])
        for value in plan.values():
            yield from _stages(value)
    elif isinstance(plan, list):
        for value in plan:
            yield from _stages(value)


@pytest.mark.parametrize("known", GOVERNED, ids=lambda known: known.name)
def test_the_server_explains_every_list_with_an_index(
    loaded: Database[dict[str, Any]],
    policies: Policies,
    known: RecordType,
    real: Callable[[str], None],
    mongodb_kind: str,
) -> None:
    """The winning plan of every role's every page scans an index and never the collection."""
    for role, predicate in predicates(policies, known).items():
        for asked in lists(known, predicate):
            stages, _ = plan_of(loaded, known, asked)
            assert any(stage.endswith("IXSCAN") for stage in stages), (role, asked, stages)
            assert "COLLSCAN" not in stages, (role, asked)
    real(mongodb_kind)


UNTESTED = "untested: this server sorts outside its plans (BYLAW_TEST_MONGODB names one that does not)"


def test_the_server_reads_the_order_from_the_index(loaded: Database[dict[str, Any]]) -> None:
    """First and later pages of an organisation's leads, by id and by score, are read in their order without a sort."""
    known = record_type("lead")
    for first, sort in (("id", ()), ("score", (Sort("score", descending=True),))):
        for asked in (one for one in pages(known, MINE, sort) if one.order[0][0] == first):
            stages, outside = plan_of(loaded, known, asked)
            if "$sort" in outside:
                pytest.xfail(
                    "untested: this server sorts outside its plans (BYLAW_TEST_MONGODB names one that does not)"
                )
            assert "SORT" not in stages, asked
