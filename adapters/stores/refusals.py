"""The errors that every store raises in the same words."""

from __future__ import annotations

from engine.ports import Message
from engine.problems import ConflictError, NotFoundError, Problem, StaleError
from engine.records import Record, record_type


def not_found(type_name: str, record_id: str) -> NotFoundError:
    """There is no such record among those that the predicate matches."""
    return NotFoundError(Problem("record.not_found", f"there is no {spoken(type_name)} `{record_id}` that you may see"))


def exists(record: Record, names: tuple[str, ...] = ()) -> ConflictError:
    """The id, or the values of a unique key, are taken."""
    if not names:
        return ConflictError(Problem("record.exists", f"there is a {spoken(record.type)} `{record.id}` already"))
    said = ", ".join(f"{name} `{record[name]}`" for name in names)
    return ConflictError(Problem("record.exists", f"there is a {spoken(record.type)} with {said} already"))


def stale(record: Record, current: int) -> StaleError:
    """The stored revision is not the one that the writer saw."""
    message = f"{spoken(record.type)} `{record.id}` is at revision {current}; you saw revision {record.revision}"
    return StaleError(Problem("record.stale", message, help="read it again and repeat the change"), current)


def append_only(record: Record) -> ConflictError:
    """Records of this type are never changed or removed."""
    message = f"{spoken(record.type)} `{record.id}` cannot be changed or removed: its kind is append-only"
    return ConflictError(Problem("store.append_only", message))


def refuse_if_append_only(record: Record) -> None:
    """Raise unless records of this type may change."""
    if record_type(record.type).append_only:
        raise append_only(record)


def refuse_audit_insert(record: Record) -> None:
    """Audit entries get their number from the store: they are never inserted as records."""
    if record.type == "audit_entry":
        message = "audit entries are appended with their number, never inserted as records"
        raise ConflictError(Problem("store.append_only", message))


def spoken(type_name: str) -> str:
    """The record type's name in a sentence: `rule version`."""
    return type_name.replace("_", " ")


def message_exists(message: Message) -> ConflictError:
    """The outbox has had a message with this id."""
    return ConflictError(Problem("record.exists", f"the outbox has had a message `{message.id}` already"))
