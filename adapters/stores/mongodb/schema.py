"""The database's collections, validators and indexes, made from `RECORD_TYPES`.

`store_facts` holds the format's number (a newer one is refused) and the fingerprint of the wanted collections; when it
differs, validators and indexes are brought up to date. Fields are only ever added.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure

from adapters.stores.mongodb.documents import index_fields, validator
from engine.problems import Problem, UnavailableError
from engine.records import RECORD_TYPES, RecordType, signed

FORMAT = 2
"""2: audit entries have leaves, and their personal values lie sealed."""

FACTS, LOCKS, OUTBOX = "store_facts", "store_locks", "outbox"
AUDIT_HEADS, AUDIT_KEYS = "audit_heads", "audit_keys"

_LOG_RULES: dict[str, dict[str, Any]] = {
    AUDIT_HEADS: {
        "last_sequence": {"bsonType": "long", "minimum": 1},
        "frontier": {"bsonType": "string"},
        "last_leaf": {"bsonType": "string"},
    },
    AUDIT_KEYS: {"wrapped": {"bsonType": ["binData", "null"]}},
}
"""What the documents beside the log hold; a key that is null was destroyed."""


def migrate(database: Database[dict[str, Any]], seal_entries: Callable[[Database[dict[str, Any]]], None]) -> None:
    """Bring the collections to the present shape; doing it twice, or from two processes, is the same as once.

    `seal_entries` gives the audit entries of format 1 their leaves.

    Raises `UnavailableError` (`store.newer_schema`) for a database that a newer version wrote.
    """
    facts = database[FACTS].find_one({"_id": "format"}) or {}
    found = int(facts.get("number", 0))
    if found > FORMAT:
        message = f"the database has format {found}, written by a newer version; this one knows up to {FORMAT}"
        raise UnavailableError(Problem("store.newer_schema", message, help="install the newer version again"))
    _refuse_collations(database)
    fingerprint = _fingerprint()
    if found == FORMAT and facts.get("record_types") == fingerprint:
        return
    present = set(database.list_collection_names())
    for known in RECORD_TYPES:
        _bring_up(database, known, exists=known.name in present)
    for name in (LOCKS, OUTBOX):
        if name not in present:
            _create(database, name)
    if found == 1:
        seal_entries(database)
    for name, properties in _LOG_RULES.items():
        rule = {"$jsonSchema": {"bsonType": "object", "required": [*properties], "properties": properties}}
        if name not in present:
            _create(database, name, rule)
        else:
            database.command({"collMod": name, "validator": rule})
    database[OUTBOX].create_index(
        [("created_at", 1), ("_id", 1)], name="pending", partialFilterExpression={"delivered": False}
    )
    database[FACTS].update_one(
        {"_id": "format"}, {"$set": {"number": FORMAT, "record_types": fingerprint}}, upsert=True
    )


def append_only_role(database_name: str) -> dict[str, Any]:
    """The `createRole` command of the role that the application should run with.

    It may read and write, but only insert into and read from append-only collections: the log's first wall in MongoDB.
    """
    setting_up = ["createCollection", "createIndex", "collMod"]
    actions = {known.name: ["find", "insert", "update", "remove"] for known in RECORD_TYPES}
    actions |= {known.name: ["find", "insert"] for known in RECORD_TYPES if known.append_only}
    actions |= {name: ["find", "insert", "update", "remove"] for name in (FACTS, LOCKS, OUTBOX)}
    # The log's heads go forward and its keys are destroyed, but neither is ever forgotten.
    actions |= {name: ["find", "insert", "update"] for name in (AUDIT_HEADS, AUDIT_KEYS)}
    privileges: list[dict[str, Any]] = [
        {"resource": {"db": database_name, "collection": name}, "actions": [*allowed, *setting_up]}
        for name, allowed in actions.items()
    ]
    privileges.append({"resource": {"db": database_name, "collection": ""}, "actions": ["listCollections"]})
    return {"createRole": "bylaw_application", "privileges": privileges, "roles": []}


def _bring_up(database: Database[dict[str, Any]], known: RecordType, *, exists: bool) -> None:
    if not exists:
        _create(database, known.name, validator(known))
    else:
        database.command({"collMod": known.name, "validator": validator(known)})
    for specification in indexes(known):
        database[known.name].create_index(specification.pop("keys"), **specification)


def _create(database: Database[dict[str, Any]], name: str, rule: dict[str, Any] | None = None) -> None:
    """Create a collection, unless another process just did."""
    try:
        if rule is None:
            database.create_collection(name)
        else:
            database.create_collection(name, validator=rule)
    except CollectionInvalid:
        return
    except OperationFailure as error:
        if error.code != 48:  # NamespaceExists
            raise


def indexes(known: RecordType) -> list[dict[str, Any]]:
    """The collection's indexes: `keys` as (path, direction), `name`, and options.

    A name says what is in the index and which keys descend, so that one in another direction has another name: an index
    is never replaced by one of the same name.
    """
    found: list[dict[str, Any]] = [
        {"keys": [("id", 1), ("organisation_id", 1)], "name": "by_id"},
        {"keys": [("organisation_id", 1), ("id", 1)], "name": "by_organisation"},
    ]
    for names in (*known.usual_indexes, *known.other_indexes):
        # An order is read from an index only if every key has its direction, or every key the other one.
        parts = [signed(name) for name in names]
        keys = [(path, -1 if falls else 1) for name, falls in parts for path in index_fields(known, (name,))]
        title = "_and_".join(f"falling_{name}" if falls else name for name, falls in parts)
        found.append({"keys": [("organisation_id", 1), *keys, ("id", 1)], "name": f"by_{title}"})
    for names in known.unique:
        paths = ["organisation_id", *index_fields(known, names)]
        found.append(
            {
                "keys": [(path, 1) for path in paths],
                "name": f"one_per_{'_and_'.join(names)}",
                "unique": True,
                # A key with a missing part is not unique, as in SQL.
                "partialFilterExpression": {name: {"$exists": True} for name in names},
            }
        )
    return found


def _refuse_collations(database: Database[dict[str, Any]]) -> None:
    """Texts are compared by code point, as in Python: a collection that ignores letter case would show too much."""
    for found in database.list_collections():
        locale = found.get("options", {}).get("collation", {}).get("locale", "simple")
        if locale != "simple":
            message = f"the collection `{found['name']}` has the collation `{locale}`, which would match too much"
            help_text = "create the database without a default collation"
            raise UnavailableError(Problem("store.unsuitable", message, help=help_text))


def _fingerprint() -> str:
    wanted = [[known.name, validator(known), indexes(known)] for known in RECORD_TYPES]
    return sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
