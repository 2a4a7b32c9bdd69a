"""Opaque cursors: where a list stopped, bound to the question that was asked.

A cursor holds the last record's sort values, id and organisation (keyset paging), so a page neither skips nor repeats a
record when others are inserted or removed meanwhile. Its checksum covers the record type, the predicate and the sort: a
cursor used with another question, or altered, is refused. It is no secret: it says only what its reader has seen, and
the predicate is applied again, so a forged one shows nothing more.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from adapters.stores.values import SORTABLE, from_sort_key, is_text, settled, sort_key
from engine.ports import Sort
from engine.predicate import Predicate
from engine.problems import InvalidError, Problem
from engine.records import Record, RecordField, RecordType

MAX_LIMIT = 1000
MAX_SORT_KEYS = 8
_CHECKSUM_BYTES = 12


@dataclass(frozen=True, slots=True)
class SortKey:
    """A sort key with the field that it names."""

    field: RecordField
    descending: bool


@dataclass(frozen=True, slots=True)
class Position:
    """After which record the page begins: a value (or None) for each sort key, then id and organisation."""

    values: tuple[Any, ...]
    record_id: str
    organisation_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a list was asked: the part of `find`'s arguments that a cursor is bound to."""

    type: RecordType
    predicate: Predicate
    keys: tuple[SortKey, ...]

    @classmethod
    def of(cls, known: RecordType, predicate: Predicate, sort: Sequence[Sort], limit: int) -> Question:
        """The question, checked. Raises `InvalidError` (`list.invalid`) for a sort or a limit that there is not."""
        if not 1 <= limit <= MAX_LIMIT:
            raise InvalidError(Problem("list.invalid", f"a page holds 1 to {MAX_LIMIT} records, not `{limit}`"))
        if len(sort) > MAX_SORT_KEYS:
            raise InvalidError(Problem("list.invalid", f"a list is sorted by at most {MAX_SORT_KEYS} fields"))
        keys = []
        for one in sort:
            field = known.field(one.field)
            if field is None or field.kind not in SORTABLE:
                raise InvalidError(Problem("list.invalid", f"`{known.name}` cannot be sorted by `{one.field}`"))
            keys.append(SortKey(field, one.descending))
        return cls(known, predicate, tuple(keys))

    def cursor_after(self, record: Record) -> str:
        """The cursor of the page that follows this record."""
        values = record.values()
        keys = [
            None if values.get(key.field.name) is None else sort_key(key.field, values[key.field.name])
            for key in self.keys
        ]
        body = json.dumps([*keys, record.id, record.organisation_id], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._checksum(body) + body).decode().rstrip("=")

    def position(self, cursor: str) -> Position:
        """What the cursor says. Raises `InvalidError` (`cursor.invalid`) if it is not this question's."""
        try:
            found = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            checksum, body = found[:_CHECKSUM_BYTES], found[_CHECKSUM_BYTES:]
            if checksum != self._checksum(body):
                raise ValueError("checksum")
            *keys, record_id, organisation_id = json.loads(body)
            if not (is_text(record_id) and is_text(organisation_id)):
                raise ValueError("ids")
            values = tuple(
                None if key is None else settled(wanted.field.kind, from_sort_key(wanted.field, key))
                for wanted, key in zip(self.keys, keys, strict=True)
            )
        except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
            # The checksum can be computed by anybody, so what it covers is not trusted either.
            raise InvalidError(
                Problem(
                    "cursor.invalid",
                    "the cursor is not one that this list gave out with these filters",
                    help="start again without a cursor",
                )
            ) from None
        return Position(values, record_id, organisation_id)

    def _checksum(self, body: bytes) -> bytes:
        keys = [(key.field.name, key.descending) for key in self.keys]
        asked = f"{self.type.name}\0{keys!r}\0{self.predicate!r}\0".encode("utf-8", "surrogatepass")
        return sha256(asked + body).digest()[:_CHECKSUM_BYTES]
