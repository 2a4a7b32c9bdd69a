"""Reading and changing records, the part that all record types share.

Every read is narrowed by the predicate of the policies before it reaches the store. Every write is checked on the
record as it is and as it will be, so that nothing can be moved to where its writer could not write. A record outside
the read scope is not found; one inside it that may not be written is denied. Refused attempts leave an audit entry too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.caller import Caller
from engine.ports import Page, Ports, Reader, Sort, Transaction
from engine.predicate import Always, Predicate, Scalar, both
from engine.problems import DeniedError, InvalidError, Place, Problem, Report, StaleError
from engine.records import Record
from engine.records import record_type as type_of
from engine.service.actions import READ, WRITE
from engine.service.auditing import Attempt, accepted, audited
from engine.service.derivations import DERIVATIONS, Change
from engine.service.directory import people_known_to, place_of_owner
from engine.service.fields import read_fields
from engine.service.work import with_whole_numbers

READABLE = (
    "organisation",
    "region",
    "branch",
    "team",
    "territory",
    "person",
    "account",
    "product",
    "lead",
    "deal",
    "check_in",
    "conflict",
    "statement",
    "decision",
    "job",
    "import_batch",
    "audit_entry",
    "checkpoint",
)
"""Record types that lists and pages show. Rule versions have their own use cases; keys are shown to nobody."""


@dataclass(frozen=True, slots=True)
class Writable:
    """What a request may say about one record type.

    `required` at creation, `settable` then and (if `changeable`) later.
    """

    prefix: str
    settable: tuple[str, ...]
    required: tuple[str, ...]
    changeable: bool = True


WRITABLE: Mapping[str, Writable] = {
    "lead": Writable(
        "lead", ("name", "company", "status", "source", "reference", "facts_schema", "facts", "owner_id"), ("name",)
    ),
    "deal": Writable(
        "deal",
        (
            "name",
            "stage",
            "account_id",
            "product",
            "next_step",
            "amount",
            "contract_target",
            "engaged_on",
            "closed_on",
            "expected_close",
            "tags",
            "splits",
            "owner_id",
        ),
        ("name", "stage"),
    ),
    "check_in": Writable(
        "check-in",
        ("account_id", "note", "device_id", "outcome", "at", "latitude", "longitude", "accuracy_metres"),
        ("at", "latitude", "longitude"),
        changeable=False,
    ),
}
"""Everything else about these records is derived: the place from the owner, names from references, times from the
clock."""


def list_records(
    ports: Ports,
    caller: Caller,
    record_type: str,
    *,
    where: Predicate = Always(),
    sort: Sequence[Sort] = (),
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """A page of the records that the caller may read and that match `where`.

    Raises `InvalidError` for a type that is not listed (`record.kind_not_readable`) and for a foreign cursor.
    """
    scope = _readable(ports, caller, record_type, where)
    page = ports.store.find(record_type, scope, sort=sort, limit=limit, cursor=cursor)
    return replace(page, records=tuple(_presented(record) for record in page.records))


def get_record(ports: Ports, caller: Caller, record_type: str, record_id: str) -> Record:
    """The record. Raises `NotFoundError` if there is none that the caller may read."""
    return _presented(ports.store.get(record_type, record_id, _readable(ports, caller, record_type, Always())))


def count_records(
    ports: Ports,
    caller: Caller,
    record_type: str,
    *,
    where: Predicate = Always(),
) -> int:
    """How many records the caller may read that match `where`."""
    return ports.store.count(record_type, _readable(ports, caller, record_type, where))


def tally_records(
    ports: Ports,
    caller: Caller,
    record_type: str,
    field: str,
    *,
    where: Predicate = Always(),
) -> dict[Scalar | None, int]:
    """How many of them for each value of a text, whole-number or truth-value field."""
    return ports.store.tally(record_type, field, _readable(ports, caller, record_type, where))


def may_write(ports: Ports, caller: Caller, record: Record) -> bool:
    """Whether the caller may change this record: for pages that offer a form only to those who can use it."""
    return ports.authorizer.allows(caller.actor, WRITE, record)


def create_record(
    ports: Ports, caller: Caller, record_type: str, fields: Mapping[str, Any], record_id: str | None = None
) -> Record:
    """Create a lead, deal or check-in from JSON fields. Without an `owner_id` it belongs to the caller.

    Raises `InvalidError` with every problem of the fields, `DeniedError` if the caller may not write such a record
    there, `ConflictError` for a used id.
    """
    attempt = [Attempt("create", record_type, record_id or "")]
    with audited(ports, caller, attempt):
        writable = _writable(record_type)
        new_id = record_id or f"{writable.prefix}-{ports.new_id()}"
        attempt[0] = replace(attempt[0], record_id=new_id)
        with ports.store.transaction() as transaction:
            draft = Record(record_type, new_id, caller.actor.organisation_id)
            after = _changed(ports, caller, transaction, draft, fields, writable=writable, required=writable.required)
            attempt[0] = replace(attempt[0], record=after)
            require_write(ports, caller, after)
            stored = transaction.insert(after)
            transaction.append_audit(accepted(caller, "create", after=stored))
            return stored


def update_record(
    ports: Ports, caller: Caller, record_type: str, record_id: str, changes: Mapping[str, Any], *, revision: int
) -> Record:
    """Change some fields of a lead or deal, seen at `revision`. A change that changes nothing writes nothing.

    Raises `NotFoundError` outside the read scope, `DeniedError` inside it if the record as it is or as it would be may
    not be written, `StaleError` if it has changed since, `InvalidError` with every problem of the changes.
    """
    attempt = [Attempt("update", record_type, record_id)]
    with audited(ports, caller, attempt):
        writable = _writable(record_type)
        if not writable.changeable:
            raise _not_writable(record_type, "is never changed once it is written")
        with ports.store.transaction() as transaction:
            before = read_for_write(
                ports, caller, transaction, record_type, record_id, revision=revision, attempt=attempt
            )
            after = _changed(ports, caller, transaction, before, changes, writable=writable, required=())
            require_write(ports, caller, after)
            if after.fields == before.fields:
                return before
            stored = transaction.update(after)
            transaction.append_audit(accepted(caller, "update", before=before, after=stored))
            return stored


def read_for_write(
    ports: Ports,
    caller: Caller,
    reader: Reader,
    record_type: str,
    record_id: str,
    *,
    revision: int | None,
    attempt: list[Attempt],
) -> Record:
    """The record as it is, checked: found in the read scope, writable by the caller, still at the revision seen."""
    readable = ports.authorizer.predicate(caller.actor, READ, record_type)
    record = reader.get(record_type, record_id, readable)
    attempt[0] = replace(attempt[0], record=record)
    require_write(ports, caller, record)
    if revision is not None and record.revision != revision:
        raise StaleError(
            Problem(
                "record.stale",
                f"`{record_id}` is at revision {record.revision}; the change was made on revision {revision}",
                help="read the record again and repeat the change on what it is now",
            ),
            record.revision,
        )
    return record


def require_write(ports: Ports, caller: Caller, record: Record) -> None:
    """Raise `DeniedError` unless the caller may write the record as given."""
    if not ports.authorizer.allows(caller.actor, WRITE, record):
        title = record.type.replace("_", "-")
        raise DeniedError(
            Problem(
                "access.denied",
                f"the role `{caller.actor.role}` may not write the {title} `{record.id}` where it lies",
                help="own, team and branch records are three different rights; the narrowest that applies decides",
            )
        )


def _presented(record: Record) -> Record:
    return with_whole_numbers(record) if record.type == "job" else record


def _readable(ports: Ports, caller: Caller, record_type: str, where: Predicate) -> Predicate:
    if record_type not in READABLE:
        raise InvalidError(Problem("record.kind_not_readable", f"records of type `{record_type[:60]}` are not listed"))
    return both(ports.authorizer.predicate(caller.actor, READ, record_type), where)


def _writable(record_type: str) -> Writable:
    found = WRITABLE.get(record_type)
    if found is None:
        raise _not_writable(record_type, "is not created or changed by a request")
    return found


def _not_writable(record_type: str, why: str) -> InvalidError:
    return InvalidError(Problem("record.kind_not_writable", f"a record of type `{record_type[:60]}` {why}"))


def _changed(
    ports: Ports,
    caller: Caller,
    transaction: Transaction,
    before: Record,
    given: Mapping[str, Any],
    *,
    writable: Writable,
    required: tuple[str, ...],
) -> Record:
    """The record with the given JSON fields in it and everything derived anew. Raises `InvalidError`."""
    report = Report()
    typed = read_fields(type_of(before.type), given, writable.settable, report, required=required)
    named = typed.pop("owner_id", None)
    owner_id = named if named is not None else before["owner_id"] or caller.actor.id
    place: dict[str, str | None] = {}
    if owner_id != before["owner_id"]:
        found = place_of_owner(transaction, people_known_to(ports, caller), owner_id)
        if found is None:
            report.add(
                "field.unknown_reference", f"there is no person `{owner_id[:80]}`", Place("body", path="$.owner_id")
            )
        place = found or {}
    after = before.with_fields(**typed, **place)
    for derive in DERIVATIONS.get(before.type, ()):
        after = derive(Change(ports, caller, transaction, report), before, after)
    report.raise_if_any()
    return after
