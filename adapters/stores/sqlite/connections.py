"""Opening SQLite safely: pragmas, our function, the authorizer, a pool, and its errors in one sentence each."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

from adapters.stores.audit import Notary
from adapters.stores.sqlite.conditions import BEGINS
from adapters.stores.sqlite.first_leaves import seal_entries
from adapters.stores.sqlite.schema import migrate
from engine.problems import BylawError, ConflictError, Problem, UnavailableError
from engine.records import RECORD_TYPES

log = logging.getLogger("bylaw.store")

BUSY_SECONDS = 30
"""How long a writer waits for another process before it gives up."""

_APPEND_ONLY = frozenset(known.name for known in RECORD_TYPES if known.append_only)

_NEVER_SHORTER = frozenset({"audit_head", "audit_key"})

_REFUSED_ACTIONS = frozenset(
    code
    for name, code in vars(sqlite3).items()
    if isinstance(code, int)
    and name.startswith(("SQLITE_DROP_", "SQLITE_CREATE_", "SQLITE_ALTER_TABLE", "SQLITE_ATTACH", "SQLITE_DETACH"))
)


class Connections:
    """A pool of connections to one database file, used by any thread; each is lent to one at a time.

    A forked child never uses its parent's connections: SQLite's locks do not survive a fork.
    """

    def __init__(self, path: str, notary: Notary) -> None:
        """Open the file, create it if need be, migrate it. Raises `UnavailableError`."""
        self.path = path
        self._inherited: list[sqlite3.Connection] = []
        self._start()
        with translated(path):
            _make_file(path)
            connection = _open(path)
            migrate(connection, partial(seal_entries, notary=notary))
        self._idle.append(_guarded(connection))

    def _start(self) -> None:
        self._process = os.getpid()
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False

    @contextmanager
    def lent_to_writer(self) -> Iterator[sqlite3.Connection]:
        """The same for a writer: threads of one process queue here, fairer and faster than SQLite's waiting is."""
        if self._process != os.getpid():
            self._after_fork()
        with self._writing, self.lent() as connection:
            yield connection

    @contextmanager
    def lent(self) -> Iterator[sqlite3.Connection]:
        """A connection for the block; SQLite's errors inside become ours."""
        if self._process != os.getpid():
            self._after_fork()
        if self._closed:
            raise UnavailableError(Problem("store.unavailable", "the store is closed"))
        with translated(self.path):
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                connection = _guarded(_open(self.path))
            try:
                yield connection
            finally:
                self._take_back(connection)

    def _take_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        with self._lock:
            keep = not self._closed and not connection.in_transaction
            if keep:
                self._idle.append(connection)
        if not keep:
            connection.close()

    def _after_fork(self) -> None:
        # Closing the parent's connections here would release the parent's file locks, so they are kept and not touched.
        inherited = self._idle
        self._start()
        self._inherited = inherited

    def empty_log(self) -> None:
        """Move everything from the write-ahead log into the file, and empty the log.

        A key that was destroyed is overwritten in the file; the log still has the page as it was before. While a reader
        holds on to that the log stays, which is told; it is emptied at the next erasure or when the last process ends.
        """
        with translated(self.path), closing(_open(self.path)) as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            log.warning("a reader keeps the write-ahead log of %s: it still holds what was erased", self.path)

    def close(self) -> None:
        """Close what is idle now, and what is lent when it comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _make_file(path: str) -> None:
    """A new database can be read by its owner only: it holds personal data."""
    with suppress(FileExistsError):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise
        except OSError as error:
            reason = (error.strerror or "it failed").lower()
            message = f"the database `{Path(path).name}` cannot be created: {reason}"
            code = "store.full" if error.errno == 28 else "store.not_writable"
            raise UnavailableError(Problem(code, message, help=_HELP.get(code, ""))) from None


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512
    )
    try:
        _use_write_ahead_log(connection)
        # A commit is on the disk when it returns: an acknowledged change and its audit entry survive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Without this INSERT OR REPLACE would remove rows past the append-only triggers.
        connection.execute("PRAGMA recursive_triggers = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        # What is removed or replaced is overwritten, in pages that become free too: what was erased leaves no trace.
        connection.execute("PRAGMA secure_delete = ON")
        connection.create_function(BEGINS, 2, _begins, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """The switch does not wait for other processes that switch at the same moment, so it is tried again."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _begins(text: str | None, folded: str) -> bool:
    return text is not None and text.casefold().startswith(folded)


def _guarded(connection: sqlite3.Connection) -> sqlite3.Connection:
    """From here on the connection can neither change the schema nor touch an append-only table but by adding to it."""
    connection.set_authorizer(_allowed)
    return connection


def _allowed(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    if action in _REFUSED_ACTIONS:
        return sqlite3.SQLITE_DENY
    if action in (sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE) and first in _APPEND_ONLY:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_DELETE and first in _NEVER_SHORTER:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and second is not None:  # `writable_schema`, for one, opens every door
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


# -- errors

_MESSAGES = {
    "SQLITE_BUSY": ("store.locked", "another process keeps the database `{name}` busy"),
    "SQLITE_LOCKED": ("store.locked", "another process keeps the database `{name}` busy"),
    "SQLITE_FULL": ("store.full", "the disk that holds the database `{name}` is full"),
    "SQLITE_READONLY": ("store.not_writable", "the database `{name}` cannot be written: permission is missing"),
    "SQLITE_PERM": ("store.not_writable", "the database `{name}` cannot be opened: permission is missing"),
    "SQLITE_CANTOPEN": ("store.not_writable", "the database `{name}` cannot be opened: check path and permissions"),
    "SQLITE_CORRUPT": ("store.damaged", "the database `{name}` is damaged"),
    "SQLITE_NOTADB": ("store.damaged", "the file `{name}` is no SQLite database"),
    "SQLITE_IOERR": ("store.unavailable", "the disk does not read or write the database `{name}`"),
}

_HELP = {
    "store.locked": "try again; if it stays so, look for a process that holds the file open",
    "store.full": "free some space; nothing that was answered as done is lost",
    "store.not_writable": "the directory and the file must be writable for the user that runs this program",
    "store.damaged": "restore the file from a backup",
}


@contextmanager
def translated(path: str) -> Iterator[None]:
    """SQLite's errors become ours."""
    try:
        yield
    except BylawError:
        raise
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name == "SQLITE_CONSTRAINT_TRIGGER":
            raise ConflictError(Problem("store.append_only", str(error))) from None
        for prefix, (code, message) in _MESSAGES.items():
            if name.startswith(prefix):
                problem = Problem(code, message.format(name=Path(path).name), help=_HELP.get(code, ""))
                raise UnavailableError(problem) from error
        raise
