"""What somebody may read put together from what single holders hold, for whoever may read little of much.

A list is read in its order, passing over what its reader may not see. Whoever may see one record in ten has a page of
them soon; for a dozen among a million everything would be read. So a list is first given some steps of SQLite's
machine. If they do not do, and what the reader may see is divided by owner, team and branch, as the policies do, the
page is merged from the lists of those: each is an index of its own in that order, so that hardly more is read than is
shown. Counting begins likewise, but the holders' records are given some steps too: many are counted best as they lie.

There are no statistics to choose by: they would tell how many records a team has, and not where in the order.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.stores.cursors import Question
from adapters.stores.sqlite.columns import TableShape
from adapters.stores.sqlite.conditions import Sql, joined, where
from adapters.stores.sqlite.paging import Stretch
from adapters.stores.sqlite.schema import index_name
from adapters.stores.typed import Condition, Every, Some, Test
from engine.records import HOLDERS, RecordType, signed

STEPS = 20_000
"""Steps of SQLite's machine for a way that may be the wrong one: some thousand records passed over, a third of a ms."""

FEW_STEPS = 4_000
"""The same where another way is sure to be quick for few."""

MOST_HELD = 16
"""Beyond so many alternatives nothing is read by holder: each is a query of its own, of which SQLite allows 500."""

_STRIDE = 1_000
"""After so many steps SQLite asks whether to go on. It counts those of a statement's earlier runs, too."""


@dataclass(frozen=True, slots=True)
class Held:
    """An alternative of a condition that demands one holder (`owner_id`, `team_id` or `branch_id`)."""

    holder: str
    condition: Sql


def by_holder(condition: Condition) -> tuple[Held, ...]:
    """The condition as alternatives with a holder each; none if it is not one of these inside one organisation."""
    parts = _parts(condition)
    if not any(_demands(part, "organisation_id") for part in parts):
        return ()
    if holder := _holder(parts):
        return (Held(holder, where(condition)),)
    for part in parts:
        if isinstance(part, Some) and len(part.parts) <= MOST_HELD:
            holders = [_holder(_parts(one)) for one in part.parts]
            if all(holders):
                rest = tuple(other for other in parts if other is not part)
                conditions = (where(Every((*rest, one))) for one in part.parts)
                return tuple(Held(str(holder), one) for holder, one in zip(holders, conditions, strict=True))
    return ()


def _parts(condition: Condition) -> tuple[Condition, ...]:
    return condition.parts if isinstance(condition, Every) else (condition,)


def _holder(parts: Sequence[Condition]) -> str | None:
    return next((name for name in HOLDERS if any(_demands(part, name) for part in parts)), None)


def _demands(condition: Condition, name: str) -> bool:
    return isinstance(condition, Test) and condition.operator == "=" and condition.field.name == name


def is_kept_by_holder(question: Question) -> bool:
    """Whether the holders' indexes are of use: the list is in the type's usual order or its reverse, or by id."""
    return not question.keys or _fields(question.type) == [key.field.name for key in question.keys]


def _fields(known: RecordType) -> list[str]:
    return [signed(name)[0] for name in known.orders[0]] if known.orders else []


def page_by_holder(shape: TableShape, question: Question, stretch: Stretch, held: Sequence[Held], limit: int) -> Sql:
    """The first records of the stretch that are in any of the alternatives, in order and each once."""
    narrowed = [Held(one.holder, joined("AND", [one.condition, stretch.condition])) for one in held]
    text, values = _united(shape, narrowed, stretch.columns, by_id=not question.keys)
    page = f"{text} ORDER BY {stretch.order_by} LIMIT {limit}"
    return f"SELECT {shape.select} FROM ({page}) {_joined_to(shape)} ORDER BY {stretch.order_by}", values  # noqa: S608  # names are ours, values are bound


def count_by_holder(shape: TableShape, held: Sequence[Held]) -> Sql:
    """How many records are in any of the alternatives."""
    text, values = _united(shape, held)
    return f"SELECT count(*) FROM ({text})", values  # noqa: S608  # the same


def tally_by_holder(shape: TableShape, held: Sequence[Held], column: str) -> Sql:
    """How many they are for each value of a column."""
    text, values = _united(shape, held)
    return f"SELECT {column}, count(*) FROM ({text}) {_joined_to(shape)} GROUP BY {column}", values  # noqa: S608  # the same


def _united(shape: TableShape, held: Sequence[Held], columns: Sequence[str] = (), *, by_id: bool = False) -> Sql:
    """The keys of the records in any of the alternatives, and some columns, each once."""
    ordering = (f'{column} AS "by_{number}"' for number, column in enumerate(columns))
    listed = ", ".join([*ordering, '"id" AS "held_id"', '"organisation_id" AS "held_in"'])
    texts, values = [], list[Any]()
    for one in held:
        index = _index(shape.type, one.holder, by_id=by_id)
        texts.append(f"SELECT {listed} FROM {shape.name} INDEXED BY {index} WHERE {one.condition[0]}")  # noqa: S608  # the same
        values.extend(one.condition[1])
    return " UNION ".join(texts), values


def _joined_to(shape: TableShape) -> str:
    return f'CROSS JOIN {shape.name} ON "organisation_id" = "held_in" AND "id" = "held_id"'


def _index(known: RecordType, holder: str, *, by_id: bool) -> str:
    usual = (holder, *known.orders[0]) if known.orders else (holder,)
    return index_name(known, (holder,) if by_id and (holder,) in known.other_indexes else usual)


def rows_within_steps(connection: sqlite3.Connection, asked: Sql, steps: int) -> list[tuple[Any, ...]] | None:
    """The rows, or None if SQLite's machine does not have them after about so many steps."""
    left = steps // _STRIDE

    def is_too_long() -> bool:
        nonlocal left
        left -= 1
        return left < 0

    connection.set_progress_handler(is_too_long, _STRIDE)
    try:
        return connection.execute(*asked).fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname != "SQLITE_INTERRUPT":
            raise
        return None
    finally:
        connection.set_progress_handler(None, 0)
