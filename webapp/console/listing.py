"""Lists: reading filters from the address, and the address of the next page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import request

from engine.ports import Page, Sort
from engine.predicate import Always, Compare, Predicate, StartsWith, both, either
from engine.records import Record
from engine.service import records
from engine.service.directory import SERVICE_ID
from webapp.console.frame import caller, link, ports

PAGE_SIZE = 50
LONGEST_SEARCH = 100
NAMES_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list with the addresses around it."""

    records: tuple[Record, ...]
    total: int
    next_url: str | None
    first_url: str | None

    @property
    def count_text(self) -> str:
        """How many there are in all, and how many are shown."""
        if self.total == len(self.records):
            return f"{self.total:,} shown"
        return f"{len(self.records):,} of {self.total:,} shown"


def asked(name: str) -> str:
    """One filter from the address, trimmed; empty if it is not there."""
    return request.args.get(name, "").strip()[:LONGEST_SEARCH]


def equal(field: str, value: str) -> Predicate:
    """`field = value`, or everything if no value is asked for."""
    return Compare(field, "=", value) if value else Always()


def beginning(value: str, *fields: str) -> Predicate:
    """One of the fields begins with the text, or everything if none is asked for."""
    return either(*(StartsWith(name, value) for name in fields)) if value else Always()


def listing(
    endpoint: str,
    record_type: str,
    *conditions: Predicate,
    sort: Sequence[Sort],
    filters: Mapping[str, str],
    size: int = PAGE_SIZE,
) -> Listing:
    """One page of the records that the person may read and the filters leave. The cursor comes from the address."""
    where = both(*conditions)
    cursor = request.args.get("cursor") or None
    found: Page = records.list_records(
        ports(), caller(), record_type, where=where, sort=tuple(sort), limit=size, cursor=cursor
    )
    total = records.count_records(ports(), caller(), record_type, where=where)
    kept = {name: value for name, value in filters.items() if value}
    return Listing(
        found.records,
        total,
        link(endpoint, **kept, cursor=found.next_cursor) if found.next_cursor else None,
        link(endpoint, **kept) if cursor else None,
    )


def some(
    record_type: str, where: Predicate, *, sort: Sequence[Sort] = (), limit: int = PAGE_SIZE
) -> tuple[Record, ...]:
    """The first records that the person may read."""
    return records.list_records(
        ports(), caller(), record_type, where=where, sort=tuple(sort), limit=limit, cursor=None
    ).records


def names(record_type: str) -> dict[str, str]:
    """Names by id of the people, teams or branches that the person may read; one question instead of one a row."""
    return {record.id: record["name"] for record in some(record_type, Always(), limit=NAMES_AT_ONCE)}


def people_by_name() -> list[tuple[str, str]]:
    """People for a select: id and name, by name. Bylaw's own jobs and imports are no person."""
    return sorted(names("person").items(), key=lambda pair: pair[1].casefold())


def person_names() -> dict[str, str]:
    """Names by id of everybody who may have done something here, Bylaw itself included."""
    return {SERVICE_ID: "Bylaw", **names("person")}


def present(record: Record, fields: Sequence[str]) -> list[tuple[str, Any]]:
    """The fields that hold something, in the given order."""
    return [(name, record[name]) for name in fields if record[name] is not None]
