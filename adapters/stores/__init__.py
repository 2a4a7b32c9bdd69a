"""The operations database behind one port: memory (the reference), SQLite (the embedded default) and MongoDB."""

from __future__ import annotations

from adapters.stores.audit import Notary, common_notary
from engine.ports import Store
from engine.problems import InvalidError, Problem


def open_store(url: str, notary: Notary | None = None) -> Store:
    """The store at an address: `memory:`, `sqlite:///path/to/file.db` or `mongodb://...` (also `mongodb+srv://`).

    The `notary` makes its audit entries; without one their personal values are sealed with a key that is no secret.

    Raises `InvalidError` (`store.address`) for any other address and `UnavailableError` if the database cannot be
    opened. Drivers are imported only for the address that needs them.
    """
    scheme, _, rest = url.partition(":")
    if scheme == "memory" and not rest:
        from adapters.stores.memory import MemoryStore  # noqa: PLC0415  # each store loads alone

        return MemoryStore(notary or common_notary())
    if scheme == "sqlite" and rest.startswith("///") and len(rest) > 3:
        from adapters.stores.sqlite import open_sqlite  # noqa: PLC0415  # each store loads alone

        return open_sqlite(rest[3:], notary)
    if scheme in ("mongodb", "mongodb+srv") and rest.startswith("//"):
        from adapters.stores.mongodb import open_mongodb  # noqa: PLC0415  # each store loads alone

        return open_mongodb(url, notary)
    # The address may hold a password, so only its scheme is repeated.
    raise InvalidError(
        Problem(
            "store.address",
            f"no database can be opened at a `{scheme[:20]}:` address",
            help="use `memory:`, `sqlite:///path/to/file.db` or `mongodb://host/database?replicaSet=name`",
        )
    )
