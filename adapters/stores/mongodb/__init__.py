"""The store in a MongoDB replica set: for several machines."""

from __future__ import annotations

from adapters.stores.audit import Notary, common_notary
from adapters.stores.mongodb.store import MongoStore

__all__ = ["MongoStore", "open_mongodb"]


def open_mongodb(url: str, notary: Notary | None = None) -> MongoStore:
    """The store at this address; its database is the one the address names, else `bylaw`.

    Raises `InvalidError` (`store.address`) and `UnavailableError`.
    """
    return MongoStore(url, notary or common_notary())
