"""The store in a MongoDB replica set: majority writes, transactions, analytical reads on secondaries."""

from __future__ import annotations

import os
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Lock, local
from typing import Any

from bson import Int64
from pymongo import MongoClient, ReadPreference
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from adapters.stores.audit import AUDIT_ENTRY, Notary
from adapters.stores.cursors import Question
from adapters.stores.mongodb.audit_log import head_of, keep_head, keys_of, refuse_another_end, seal_entries
from adapters.stores.mongodb.conditions import Filter, Pipeline, filter_of, selection
from adapters.stores.mongodb.documents import document_of, encode, identified, paths_of, record_of
from adapters.stores.mongodb.errors import in_our_words, readable_address, translated
from adapters.stores.mongodb.paging import after_record, pipelines
from adapters.stores.mongodb.schema import AUDIT_HEADS, AUDIT_KEYS, FACTS, LOCKS, OUTBOX, migrate
from adapters.stores.refusals import (
    exists,
    message_exists,
    not_found,
    refuse_audit_insert,
    refuse_if_append_only,
    stale,
)
from adapters.stores.tally import tallied_field
from adapters.stores.typed import resolve
from adapters.stores.values import checked, instant_from_text, instant_to_text, is_text
from engine.ports import AuditDraft, LogHead, Message, Page, Sort
from engine.predicate import And, Compare, Or, Predicate, Scalar
from engine.problems import Problem, UnavailableError
from engine.records import Record, RecordType, record_type

BUSY_SECONDS = 30
"""How long a writer waits for its organisation's turn, and a commit for its outcome."""

Documents = Collection[dict[str, Any]]


class _Reader:
    """Reading collections, in a session or not."""

    _session: ClientSession | None = None
    _notary: Notary

    def _collection(self, name: str) -> Documents:
        raise NotImplementedError

    def _asking(self, predicate: Predicate) -> None:
        """Called before a question is asked: a transaction takes its organisation's turn here."""

    def get(self, record_type: str, record_id: str, predicate: Predicate) -> Record:
        """See `engine.ports.Reader.get`."""
        known = _known(record_type)
        if not is_text(record_id):
            raise not_found(record_type, record_id)
        self._asking(predicate)
        with translated():
            # The id in a stage of its own, as the organisation in `selection`.
            wanted: Pipeline = [
                {"$match": {"id": {"$eq": record_id}}},
                {"$match": filter_of(resolve(predicate, known))},
            ]
            found = self._documents(record_type, [*wanted, {"$limit": 1}])
            if found:
                return self._records(found, known)[0]
        raise not_found(record_type, record_id)

    def find(
        self,
        record_type: str,
        predicate: Predicate,
        *,
        sort: Sequence[Sort] = (),
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """See `engine.ports.Reader.find`."""
        known = _known(record_type)
        question = Question.of(known, predicate, sort, limit)
        position = question.position(cursor) if cursor is not None else None
        records: list[Record] = []
        self._asking(predicate)
        with translated():
            for pipeline in pipelines(question, position, resolve(predicate, known), limit + 1):
                records.extend(self._records(self._documents(record_type, pipeline), known))
                if len(records) > limit:
                    break
        shown = tuple(records[:limit])
        return Page(shown, question.cursor_after(shown[-1]) if len(records) > limit else None)

    def scan(self, record_type: str, predicate: Predicate, *, after_id: str = "", batch: int = 500) -> Iterator[Record]:
        """See `engine.ports.Reader.scan`."""
        known = _known(record_type)
        condition = resolve(predicate, known)
        after: Filter = {"id": {"$gt": after_id}}
        ordered: Pipeline = [{"$sort": {"id": 1, "organisation_id": 1}}, {"$limit": batch}]
        while True:
            self._asking(predicate)
            with translated():
                found = self._documents(record_type, [*selection(condition, after), *ordered])
                records = self._records(found, known)
            yield from records
            if len(found) < batch:
                return
            after = after_record(found[-1]["id"], found[-1]["organisation_id"])

    def count(self, record_type: str, predicate: Predicate) -> int:
        """See `engine.ports.Reader.count`."""
        wanted = selection(resolve(predicate, _known(record_type)))
        self._asking(predicate)
        with translated():
            found = self._documents(record_type, [*wanted, {"$count": "number"}])
        return int(found[0]["number"]) if found else 0

    def tally(self, record_type: str, field: str, predicate: Predicate) -> dict[Scalar | None, int]:
        """See `engine.ports.Reader.tally`."""
        known = _known(record_type)
        tallied = tallied_field(known, field)
        grouped: Pipeline = [{"$group": {"_id": f"${tallied.name}", "number": {"$sum": 1}}}]
        self._asking(predicate)
        with translated():
            found = self._documents(record_type, [*selection(resolve(predicate, known)), *grouped])
        return {_plain(document["_id"]): int(document["number"]) for document in found}

    def log_head(self, organisation_id: str) -> LogHead:
        """See `engine.ports.Reader.log_head`."""
        self._asking(Compare("organisation_id", "=", organisation_id))
        with translated():
            frontier = head_of(self._collection(AUDIT_HEADS), organisation_id, self._session).frontier
        return LogHead(frontier.size, frontier.root())

    def log_leaves(self, organisation_id: str, first: int, last: int) -> tuple[str, ...]:
        """See `engine.ports.Reader.log_leaves`."""
        wanted = {"organisation_id": {"$eq": organisation_id}, "sequence": {"$gte": first, "$lte": last}}
        self._asking(Compare("organisation_id", "=", organisation_id))
        with translated():
            found = self._collection(AUDIT_ENTRY).find(wanted, {"leaf_hash": 1}, session=self._session)
            return tuple(str(document.get("leaf_hash")) for document in found.sort([("sequence", 1)]))

    def _documents(self, record_type: str, pipeline: Pipeline) -> list[dict[str, Any]]:
        return list(self._collection(record_type).aggregate(pipeline, session=self._session))

    def _records(self, documents: list[dict[str, Any]], known: RecordType) -> list[Record]:
        """The documents' records; audit entries with their personal values in them."""
        records = [record_of(document, known) for document in documents]
        if known.name != AUDIT_ENTRY:
            return records
        return self._notary.opened(records, partial(keys_of, self._collection(AUDIT_KEYS), self._session))


class MongoTransaction(_Reader):
    """A transaction. Its first operation takes the turn of the organisation it is about.

    The turn is a document that every transaction of the organisation writes first, so writers of one organisation
    follow each other; waiting happens before anything was read or written, where beginning again is safe.
    """

    def __init__(self, store: MongoStore, session: ClientSession) -> None:
        """In a session with a transaction begun."""
        self._store = store
        self._notary = store.notary
        self._session: ClientSession = session
        self._turns: set[str] = set()
        self._untouched = True
        self.held: Lock | None = None
        self.ended = False

    def _collection(self, name: str) -> Documents:
        if self.ended:
            raise RuntimeError("the transaction has ended")
        return self._store.collection(name)

    def _asking(self, predicate: Predicate) -> None:
        organisation = _organisation(predicate)
        if organisation is not None:
            self._take_turn(organisation)
        self._untouched = False

    def insert(self, record: Record) -> Record:
        """See `engine.ports.Transaction.insert`."""
        refuse_audit_insert(record)
        return self._insert(replace(checked(record), revision=1))

    def update(self, record: Record) -> Record:
        """See `engine.ports.Transaction.update`."""
        refuse_if_append_only(record)
        after = checked(record)
        after = replace(after, revision=record.revision + 1)
        known = _known(record.type)
        self._take_turn(record.organisation_id)
        with translated():
            self._must_be_seen(record)
            self._refuse_taken(after, known)
            seen = {**identified(record.organisation_id, record.id), "revision": {"$eq": Int64(record.revision)}}
            self._collection(record.type).replace_one(seen, document_of(after, known), session=self._session)
        return after

    def delete(self, record: Record) -> None:
        """See `engine.ports.Transaction.delete`."""
        refuse_if_append_only(record)
        self._take_turn(record.organisation_id)
        with translated():
            self._must_be_seen(record)
            one = identified(record.organisation_id, record.id)
            self._collection(record.type).delete_one(one, session=self._session)

    def append_audit(self, draft: AuditDraft) -> int:
        """See `engine.ports.Transaction.append_audit`."""
        organisation = draft.organisation_id
        self._take_turn(organisation)
        heads = self._collection(AUDIT_HEADS)
        with translated():
            head = head_of(heads, organisation, self._session)
            refuse_another_end(self._collection(AUDIT_ENTRY), organisation, head, self._session)
            entry = self._notary.entry(draft, head, lambda subject: self._key(organisation, subject))
            self._insert(entry)
            keep_head(heads, organisation, head.after(entry), self._session)
        return head.frontier.size + 1

    def erase_subject(self, organisation_id: str, subject: str) -> bool:
        """See `engine.ports.Transaction.erase_subject`."""
        self._take_turn(organisation_id)
        keys, which = self._collection(AUDIT_KEYS), {"organisation_id": organisation_id, "subject": subject}
        with translated():
            found = keys.find_one({"_id": {"$eq": which}}, session=self._session)
            if found is None:
                keys.insert_one({"_id": which, "wrapped": None}, session=self._session)
            elif found["wrapped"] is not None:
                keys.update_one({"_id": {"$eq": which}}, {"$set": {"wrapped": None}}, session=self._session)
        return found is None or found["wrapped"] is not None

    def _key(self, organisation_id: str, subject: str) -> bytes | None:
        keys, which = self._collection(AUDIT_KEYS), {"organisation_id": organisation_id, "subject": subject}
        found = keys.find_one({"_id": {"$eq": which}}, session=self._session)
        if found is not None:
            return None if found["wrapped"] is None else bytes(found["wrapped"])
        made = self._notary.new_key(organisation_id, subject)
        keys.insert_one({"_id": which, "wrapped": made}, session=self._session)
        return made

    def enqueue(self, message: Message) -> None:
        """See `engine.ports.Transaction.enqueue`."""
        self._take_turn(message.organisation_id)
        outbox = self._collection(OUTBOX)
        document = {
            "_id": message.id,
            "organisation_id": message.organisation_id,
            "topic": message.topic,
            "payload": dict(message.payload),
            "created_at": instant_to_text(message.created_at),
            "delivered": False,
        }
        with translated():
            # A duplicate key would end the whole transaction, so it is looked for first.
            if outbox.find_one({"_id": {"$eq": message.id}}, session=self._session) is not None:
                raise message_exists(message)
            outbox.insert_one(document, session=self._session)

    def _insert(self, record: Record) -> Record:
        known = _known(record.type)
        self._take_turn(record.organisation_id)
        documents = self._collection(record.type)
        with translated():
            one = identified(record.organisation_id, record.id)
            if documents.find_one(one, {"_id": 1}, session=self._session) is not None:
                raise exists(record)
            self._refuse_taken(record, known)
            try:
                documents.insert_one(document_of(record, known), session=self._session)
            except DuplicateKeyError:  # a writer that took no turn: another program
                raise exists(record) from None
        return record

    def _must_be_seen(self, record: Record) -> None:
        one = identified(record.organisation_id, record.id)
        found = self._collection(record.type).find_one(one, {"revision": 1}, session=self._session)
        if found is None:
            raise not_found(record.type, record.id)
        if int(found["revision"]) != record.revision:
            raise stale(record, int(found["revision"]))

    def _refuse_taken(self, record: Record, known: RecordType) -> None:
        for names in known.unique:
            wanted: Filter = {"organisation_id": {"$eq": record.organisation_id}}
            for name in names:
                field, value = known.field(name), record[name]
                if field is None or value is None:
                    break
                encoded = encode(field, value)
                parts = encoded.values() if isinstance(encoded, dict) else (encoded,)
                wanted |= {path: {"$eq": part} for path, part in zip(paths_of(field), parts, strict=True)}
            else:
                found = self._collection(record.type).find_one(wanted, {"id": 1}, session=self._session)
                if found is not None and found["id"] != record.id:
                    raise exists(record, names)

    def _take_turn(self, organisation_id: str) -> None:
        if self.ended:
            raise RuntimeError("the transaction has ended")
        if organisation_id in self._turns:
            return
        if self._untouched:
            self.held = self._store.take_turn(organisation_id, self._session)
        else:
            with translated():
                self._store.mark_turn(organisation_id, self._session)
        self._turns.add(organisation_id)
        self._untouched = False


class _Analytical(_Reader):
    """Reading for reports: from a secondary where there is one, which may lag behind."""

    def __init__(self, store: MongoStore) -> None:
        self._store = store
        self._notary = store.notary

    def _collection(self, name: str) -> Documents:
        return self._store.collection(name).with_options(read_preference=ReadPreference.SECONDARY_PREFERRED)


class MongoStore(_Reader):
    """The store; see the module."""

    def __init__(self, url: str, notary: Notary) -> None:
        """Connect and bring collections and indexes up to date. Raises `UnavailableError`, `InvalidError`."""
        self._url = url
        self.notary = self._notary = notary
        self._connect()
        try:
            with translated():
                migrate(self._database, partial(seal_entries, notary=notary))
        except BaseException:
            self._client.close()
            raise

    def _connect(self) -> None:
        with translated(), readable_address():
            self._client: MongoClient[dict[str, Any]] = MongoClient(self._url, appname="bylaw", **_defaults(self._url))
            self._database: Database[dict[str, Any]] = self._client.get_default_database(
                "bylaw",
                write_concern=WriteConcern("majority", j=True),
                read_concern=ReadConcern("majority"),
                read_preference=ReadPreference.PRIMARY,
            )
        self._process = os.getpid()
        self._writing = local()
        self._turn_locks: dict[str, Lock] = defaultdict(Lock)
        self._known_turns: set[str] = set()

    def collection(self, name: str) -> Documents:
        """A collection of this process's own connection: a driver's connections do not survive a fork."""
        if self._process != os.getpid():
            self._connect()
        return self._database[name]

    def _collection(self, name: str) -> Documents:
        return self.collection(name)

    def analytical(self) -> _Analytical:
        """The same records for reports: answers come from a secondary where there is one, and may lag behind."""
        return _Analytical(self)

    @contextmanager
    def transaction(self) -> Iterator[MongoTransaction]:
        """See `engine.ports.Store.transaction`."""
        self.collection(LOCKS)
        if getattr(self._writing, "now", False):
            raise RuntimeError("a transaction is already open in this thread")
        with translated(), self._client.start_session() as session:
            self._writing.now = True
            begin(session)
            open_transaction = MongoTransaction(self, session)
            try:
                yield open_transaction
                _commit(session)
            finally:
                open_transaction.ended = True
                self._writing.now = False
                try:
                    if session.in_transaction:
                        session.abort_transaction()
                finally:
                    if open_transaction.held is not None:
                        open_transaction.held.release()

    def take_turn(self, organisation_id: str, session: ClientSession) -> Lock:
        """Wait until no other transaction of the organisation is open, here or elsewhere, and begin in that moment."""
        end = time.monotonic() + BUSY_SECONDS
        here = self._turn_locks[organisation_id]
        if not here.acquire(timeout=BUSY_SECONDS):
            raise _busy()
        try:
            if organisation_id not in self._known_turns:
                self._make_turn(organisation_id)
            pause = 0.002
            while True:
                try:
                    self.mark_turn(organisation_id, session)
                except OperationFailure as error:
                    if not error.has_error_label("TransientTransactionError"):
                        raise
                    if session.in_transaction:
                        session.abort_transaction()
                    if time.monotonic() > end:
                        raise _busy() from error
                    time.sleep(pause * (0.5 + random.random()))  # noqa: S311  # spreads waiting writers, keeps no secret
                    pause = min(pause * 1.6, 0.2)
                    begin(session)
                else:
                    return here
        except PyMongoError as error:
            here.release()
            raise in_our_words(error) from error
        except BaseException:
            here.release()
            raise

    def mark_turn(self, organisation_id: str, session: ClientSession) -> None:
        """Write the organisation's turn document in this transaction: two cannot."""
        change = {"$inc": {"turn": Int64(1)}}
        self.collection(LOCKS).update_one({"_id": {"$eq": organisation_id}}, change, upsert=True, session=session)

    def _make_turn(self, organisation_id: str) -> None:
        """Create the turn document outside transactions: two that created it would not see each other."""
        try:
            change = {"$setOnInsert": {"turn": Int64(0)}}
            self.collection(LOCKS).update_one({"_id": {"$eq": organisation_id}}, change, upsert=True)
        except DuplicateKeyError:
            pass
        self._known_turns.add(organisation_id)

    def pending_messages(self, limit: int = 100) -> tuple[Message, ...]:
        """See `engine.ports.Store.pending_messages`."""
        with translated():
            waiting = self.collection(OUTBOX).find({"delivered": False})
            found = waiting.sort([("created_at", 1), ("_id", 1)]).limit(limit)
            return tuple(
                Message(
                    one["_id"],
                    one["organisation_id"],
                    one["topic"],
                    dict(one["payload"]),
                    instant_from_text(one["created_at"]),
                )
                for one in found
            )

    def mark_delivered(self, message_id: str) -> None:
        """See `engine.ports.Store.mark_delivered`."""
        with translated():
            self.collection(OUTBOX).update_one({"_id": {"$eq": message_id}}, {"$set": {"delivered": True}})

    def ping(self) -> None:
        """See `engine.ports.Store.ping`."""
        with translated():
            self.collection(FACTS).find_one({"_id": "format"})

    def close(self) -> None:
        """See `engine.ports.Store.close`."""
        if self._process == os.getpid():
            self._client.close()


_known = record_type
"""`record_type` is also what the port calls an argument."""


def begin(session: ClientSession) -> None:
    """Begin a transaction of one moment, durable on a majority when committed."""
    session.start_transaction(
        read_concern=ReadConcern("snapshot"),
        write_concern=WriteConcern("majority", j=True),
        read_preference=ReadPreference.PRIMARY,
    )


def _commit(session: ClientSession) -> None:
    """Commit; ask again while the outcome is unknown, which MongoDB answers truly."""
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            session.commit_transaction()
        except PyMongoError as error:
            if not error.has_error_label("UnknownTransactionCommitResult") or time.monotonic() > end:
                raise
        else:
            return


def _busy() -> UnavailableError:
    return UnavailableError(Problem("store.locked", "other writers keep the database busy", help="try again"))


def _defaults(url: str) -> dict[str, Any]:
    """Options that the address does not name itself."""
    wanted = {"serverSelectionTimeoutMS": 5_000, "connectTimeoutMS": 5_000, "retryWrites": True, "retryReads": True}
    return {name: value for name, value in wanted.items() if name.lower() not in url.lower()}


def _organisation(predicate: Predicate) -> str | None:
    """The one organisation that a predicate is about, if it says so: in any part, or in every alternative alike."""
    match predicate:
        case Compare("organisation_id", "=", value):
            return str(value)
        case And(parts):
            return next((named for part in parts if (named := _organisation(part)) is not None), None)
        case Or(parts):
            each = {_organisation(part) for part in parts}
            return each.pop() if len(each) == 1 else None
    return None


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Int64) else value
