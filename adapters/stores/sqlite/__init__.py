"""The store in one SQLite file: the default on one machine."""

from __future__ import annotations

from adapters.stores.audit import Notary, common_notary
from adapters.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore", "open_sqlite"]


def open_sqlite(path: str, notary: Notary | None = None) -> SQLiteStore:
    """The store in this file, created if need be. Raises `UnavailableError` with what stands in the way."""
    return SQLiteStore(path, notary or common_notary())
