"""The lists of `listing` on MongoDB, or on what plays its part: each once, and from fewer leads.

SecantusDB decodes every lead of the organisation in Python for each list: seconds for 100,000 of them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from adapters.stores.cursors import Question
from adapters.stores.typed import resolve
from adapters.stores.values import checked
from benchmarks.contest import reason
from benchmarks.listing import ORDERS, PAGE, WITHOUT, asked, held, wall
from benchmarks.results import OURS, Absence, Line, Section, Tally
from engine.predicate import Predicate
from engine.records import record_type
from tests.mongodb_server import NAMED, kind, mongodb_server

if TYPE_CHECKING:
    from adapters.stores.mongodb import MongoStore

BATCH = 1_000
LEAD = record_type("lead")


@dataclass(frozen=True)
class Lists:
    """What a line is about: predicates, with the number of records that the first page under each has."""

    engine: str
    form: str
    predicates: Sequence[Predicate]
    expected: Sequence[int]


def lists(records: int) -> list[Section]:
    """For each order, the first page of every role's readable leads, and of how many lists the plan has no index."""
    try:
        with TemporaryDirectory() as folder, mongodb_server(Path(folder)) as address:
            return _measured(f"{address}/bylaw_bench_{os.getpid()}", records)
    except OSError as error:
        return [Section("mongodb list", "Lists on MongoDB", "ms", [], [Absence("MongoDB", reason(error))])]


def _measured(url: str, records: int) -> list[Section]:
    from adapters.stores.mongodb import open_mongodb  # noqa: PLC0415  # each store loads alone
    from adapters.stores.mongodb.documents import document_of  # noqa: PLC0415  # the same

    made, predicates, expected = asked(records)
    ours = Lists(OURS, "the role's predicate", predicates, expected)
    without = Lists(WITHOUT, "the whole organisation", [wall(one) for one in predicates], [PAGE] * len(predicates))
    with closing(open_mongodb(url)) as store:
        leads = store.collection(LEAD.name)
        try:
            for start in range(0, records, BATCH):
                batch = made[start : start + BATCH]
                leads.insert_many(document_of(replace(checked(record), revision=1), LEAD) for record in batch)
            return [
                Section(
                    f"mongodb list {order}",
                    f"List of {PAGE} from {records:,} leads, {order}, every role once, on {kind()}",
                    "ms",
                    [_line(store, order, one) for one in (ours, without)],
                )
                for order in ORDERS
            ]
        finally:
            if NAMED in os.environ:  # our own server's files go with its folder
                leads.database.client.drop_database(leads.database.name)


def _line(store: MongoStore, order: str, lists: Lists) -> Line:
    taken, wrong, unplanned = [], 0, 0
    for predicate, number in zip(lists.predicates, lists.expected, strict=True):
        start = time.perf_counter_ns()
        page = store.find(LEAD.name, predicate, sort=ORDERS[order], limit=PAGE)
        taken.append(time.perf_counter_ns() - start)
        wrong += held((predicate, page)) != number
        unplanned += "COLLSCAN" in _plan(store, order, predicate)
    tallies = {"": Tally(len(taken), wrong), "planned without an index": Tally(len(taken), unplanned)}
    return Line(lists.engine, lists.form, taken, tallies)


def _plan(store: MongoStore, order: str, predicate: Predicate) -> str:
    """The server's plan for the first page, as text."""
    from adapters.stores.mongodb.paging import pipelines  # noqa: PLC0415  # each store loads alone

    question = Question.of(LEAD, predicate, ORDERS[order], PAGE)
    pipeline = next(pipelines(question, None, resolve(predicate, LEAD), PAGE + 1))
    command = {"aggregate": LEAD.name, "pipeline": pipeline, "cursor": {}}
    return repr(store.collection(LEAD.name).database.command("explain", command, verbosity="queryPlanner"))
