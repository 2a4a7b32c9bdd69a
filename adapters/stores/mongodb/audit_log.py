"""What stands beside the audit entries: each log's head, the subjects' keys; and leaves for entries of format 1."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from bson import Int64
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from adapters.stores.audit import AUDIT_ENTRY, Head, Notary, edge_damaged, note_of_sealing, sealed_log
from adapters.stores.mongodb.documents import document_of, identified, record_of
from adapters.stores.mongodb.schema import AUDIT_HEADS, AUDIT_KEYS
from engine.audit.leaf import entry_id
from engine.problems import Problem, UnavailableError
from engine.records import Record, record_type

Documents = Collection[dict[str, Any]]


def head_of(heads: Documents, organisation_id: str, session: ClientSession | None) -> Head:
    """Where an organisation's log stands."""
    found = heads.find_one({"_id": {"$eq": organisation_id}}, session=session)
    names = ("last_sequence", "frontier", "last_leaf")
    return Head() if found is None else Head.read(organisation_id, *(found.get(name) for name in names))


def refuse_another_end(entries: Documents, organisation_id: str, head: Head, session: ClientSession | None) -> None:
    """Raise `UnavailableError` (`audit.edge_damaged`) unless the entries end where the head says that they do."""
    size = head.frontier.size
    beyond = entries.find_one(identified(organisation_id, entry_id(size + 1)), {"_id": 1}, session=session)
    last = entries.find_one(identified(organisation_id, entry_id(size)), {"leaf_hash": 1}, session=session)
    if beyond is not None or (last or {}).get("leaf_hash") != head.last_leaf:
        raise edge_damaged(organisation_id)


def keep_head(heads: Documents, organisation_id: str, head: Head, session: ClientSession | None) -> None:
    """Move the head on."""
    size = head.frontier.size
    change = {"$set": {"last_sequence": Int64(size), "frontier": head.frontier.to_text(), "last_leaf": head.last_leaf}}
    heads.update_one({"_id": {"$eq": organisation_id}}, change, upsert=True, session=session)


def keys_of(
    keys: Documents, session: ClientSession | None, organisation_id: str, subjects: list[str]
) -> dict[str, bytes]:
    """The wrapped keys of those subjects that have not been erased."""
    wanted = [{"organisation_id": organisation_id, "subject": subject} for subject in subjects]
    found = keys.find({"_id": {"$in": wanted}}, session=session) if wanted else ()
    return {one["_id"]["subject"]: bytes(one["wrapped"]) for one in found if one["wrapped"] is not None}


def seal_entries(database: Database[dict[str, Any]], notary: Notary) -> None:
    """Give the entries of format 1 their leaves, once; one entry of each log says so. Goes on where it was interrupted.

    Raises `UnavailableError`: `store.damaged` for a log with a gap, `store.locked` if another process does the same.
    """
    entries, keys, heads = database[AUDIT_ENTRY], database[AUDIT_KEYS], database[AUDIT_HEADS]
    for organisation in sorted(str(one["_id"]) for one in heads.find({"frontier": {"$exists": False}})):

        def subject_key(subject: str, organisation: str = organisation) -> bytes:
            which = {"organisation_id": organisation, "subject": subject}
            with suppress(DuplicateKeyError):  # made before an interruption
                keys.insert_one({"_id": which, "wrapped": notary.new_key(organisation, subject)})
            found = keys.find_one({"_id": {"$eq": which}})
            assert found is not None
            return bytes(found["wrapped"])

        head = Head()
        last: Record | None = None
        for entry, head in sealed_log(notary, _entries(entries, organisation), subject_key):  # noqa: B007  # the last is wanted
            last = entry
            _replace(entries, entry)
        if last is not None and last["action"] != "seal":
            note = notary.entry(note_of_sealing(last, datetime.now(UTC)), head, subject_key)
            entries.insert_one(document_of(note, record_type(AUDIT_ENTRY)))
            head = head.after(note)
        keep_head(heads, organisation, head, None)


def _replace(entries: Documents, entry: Record) -> None:
    document = document_of(entry, record_type(AUDIT_ENTRY))
    known = entries.find_one({"_id": {"$eq": document["_id"]}}, {"leaf_hash": 1}) or {}
    if known.get("leaf_hash") == entry["leaf_hash"]:
        return
    unsealed = {"_id": {"$eq": document["_id"]}, "leaf_hash": {"$exists": False}}
    if entries.replace_one(unsealed, document).matched_count == 0:
        message = "another process is giving the audit log its leaves"
        raise UnavailableError(Problem("store.locked", message, help="try again when it has finished"))


def _entries(entries: Documents, organisation: str) -> Iterator[Record]:
    known = record_type(AUDIT_ENTRY)
    found = entries.find({"organisation_id": {"$eq": organisation}}).sort([("sequence", 1)])
    return (record_of(document, known) for document in found)
