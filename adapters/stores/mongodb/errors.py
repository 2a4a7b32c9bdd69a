"""PyMongo's errors in our words. The address may hold a password, so it is never repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)

from engine.problems import BylawError, InvalidError, Problem, UnavailableError

_ACCESS = {13: "may not do this", 18: "refused the user name or password"}


@contextmanager
def translated() -> Iterator[None]:
    """The driver's errors become ours."""
    try:
        yield
    except BylawError:
        raise
    except PyMongoError as error:
        raise in_our_words(error) from error


@contextmanager
def readable_address() -> Iterator[None]:
    """What the driver's address reader says may repeat a password, so it is replaced by our sentence."""
    try:
        yield
    except (ValueError, ConfigurationError):
        raise _unreadable_address() from None


def _unreadable_address() -> InvalidError:
    message = "the MongoDB address cannot be read"
    return InvalidError(Problem("store.address", message, help="write `mongodb://user:password@host:port/database`"))


def in_our_words(error: PyMongoError) -> BylawError:
    """One sentence for what went wrong."""
    if error.has_error_label("TransientTransactionError") and not isinstance(error, ConnectionFailure):
        message = "another writer changed the same records at the same moment"
        return UnavailableError(Problem("store.locked", message, help="try again"))
    match error:
        case ConfigurationError():
            return _unreadable_address()
        case DocumentTooLarge():
            return InvalidError(Problem("record.mistyped", "the record is larger than the database accepts (16 MB)"))
        case OperationFailure() if error.code in _ACCESS:
            message = f"the database {_ACCESS[error.code]}"
            return UnavailableError(Problem("store.not_writable", message, help="check the user and its roles"))
        case OperationFailure():
            return UnavailableError(Problem("store.unavailable", f"the database refused with error {error.code}"))
        case InvalidOperation():
            return UnavailableError(Problem("store.unavailable", "the store is closed"))
    return UnavailableError(Problem("store.unavailable", "the database does not answer"))
