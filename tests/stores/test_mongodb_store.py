"""What only MongoDB needs: filters that lists, nulls and other types never pass, validators, turns of writers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from bson import Decimal128, Int64
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.errors import WriteError
from record_samples import draft, lead, of

from adapters.stores import open_store
from adapters.stores.mongodb import open_mongodb
from adapters.stores.mongodb.conditions import filter_of, successor
from adapters.stores.mongodb.documents import document_of, key_of
from adapters.stores.mongodb.schema import FACTS, append_only_role
from adapters.stores.mongodb.store import MongoStore
from adapters.stores.typed import resolve
from engine.predicate import Compare, Has, In, Predicate, StartsWith, both, either, matches
from engine.problems import InvalidError, UnavailableError
from engine.records import RECORD_TYPES, record_type


@pytest.fixture
def raw(mongodb_url: str, mongodb_store: MongoStore) -> Iterator[MongoClient[dict[str, Any]]]:
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_url)
    yield client
    client.close()


@pytest.fixture
def leads(raw: MongoClient[dict[str, Any]]) -> Collection[dict[str, Any]]:
    return raw.get_default_database()["lead"]


HOSTILE: dict[str, Any] = {
    "owner_id": [["ann"], ["ann", "bob"], None, 7, {"$ne": None}, {"id": "ann"}, True],
    "score": ["7", [Decimal128("7")], None, Decimal128("NaN"), Decimal128("Infinity"), Decimal128("-Infinity"), True],
    "band": [["A"], None, 1, {"x": "A"}],
    "created_at": [["2026-11-02T09:00:00.000000Z"], None, Int64(5)],
}
"""Values of another type than the field's: what a hand, a migration or an attacker could leave in the database."""

ASKED: list[Predicate] = [
    *(Compare("owner_id", operator, "ann") for operator in ("=", "!=", "<", ">=")),
    *(Compare("score", operator, 7) for operator in ("=", "!=", "<", "<=", ">", ">=")),
    In("owner_id", ("ann", "bob")),
    In("band", ("A", "B")),
    StartsWith("owner_id", "a"),
    StartsWith("owner_id", ""),
    Has("owner_id", "ann"),
    Compare("created_at", "!=", "2026"),
]


def test_lists_nulls_and_other_types_match_nothing(
    mongodb_store: MongoStore, leads: Collection[dict[str, Any]], organisation: str
) -> None:
    """A value of another type than its field's, a list of the right values and a null never match, even for `!=`."""
    known = record_type("lead")
    for name, values in HOSTILE.items():
        for number, value in enumerate(values):
            document = document_of(lead(organisation, 1), known)
            document["id"] = f"{name}-{number}"
            document |= {"_id": key_of(organisation, document["id"]), "revision": Int64(1), name: value}
            leads.insert_one(document, bypass_document_validation=True)
    good = document_of(lead(organisation, 2, owner_id="ann", band="A"), known) | {"revision": Int64(1)}
    leads.insert_one(good)
    for predicate in ASKED:
        wanted = filter_of(resolve(both(of(organisation), predicate), known))
        found = {document["id"] for document in leads.find(wanted)}
        asked = getattr(predicate, "field", "")
        assert not {one for one in found if one.startswith(asked)}, predicate
        expected = matches(predicate, {"owner_id": "ann", "band": "A"})
        assert expected == ("lead-0002" in found)


def test_validators_refuse_what_is_not_declared(leads: Collection[dict[str, Any]], organisation: str) -> None:
    """The database itself refuses undeclared fields and values of another type, whoever writes them."""
    document = document_of(lead(organisation), record_type("lead")) | {"revision": Int64(1)}
    for wrong in ({"owner_id": ["ann"]}, {"owner_id": None}, {"score": "7"}, {"score": 7.5}, {"admin": True}):
        with pytest.raises(WriteError):
            leads.insert_one({**document, **wrong})


@pytest.mark.parametrize(
    ("text", "expected"), [("a", "b"), ("a\U0010ffff", "b"), ("\ud7ff", "\ue000"), ("\U0010ffff", None), ("", None)]
)
def test_the_end_of_a_range_of_beginnings(text: str, expected: str | None) -> None:
    """The end of a prefix search is the next text, passing over half surrogates, or open at the last character."""
    assert expected == successor(text)


def test_writers_of_different_organisations_do_not_wait(mongodb_store: MongoStore, organisation: str) -> None:
    """A transaction of one organisation does not wait for an open one of another."""
    other = f"{organisation}-other"
    done = threading.Event()

    def write() -> None:
        with mongodb_store.transaction() as transaction:
            transaction.append_audit(draft(other))
        done.set()

    with mongodb_store.transaction() as transaction:
        transaction.append_audit(draft(organisation))
        writer = threading.Thread(target=write)
        writer.start()
        assert done.wait(20)
    writer.join()


def test_two_programs_take_turns(mongodb_store: MongoStore, mongodb_url: str, organisation: str) -> None:
    """Two clients that write to one organisation follow each other: neither fails, and the log has no gap."""
    with closing(open_mongodb(mongodb_url)) as second:
        failures: list[BaseException] = []

        def write(store: MongoStore) -> None:
            try:
                for _ in range(8):
                    with store.transaction() as transaction:
                        transaction.append_audit(draft(organisation))
            except UnavailableError as error:
                failures.append(error)

        writers = [threading.Thread(target=write, args=(store,)) for store in (mongodb_store, second) * 2]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
    assert failures == []
    entries = mongodb_store.scan("audit_entry", of(organisation))
    assert list(range(1, 33)) == [entry["sequence"] for entry in entries]


def test_a_turn_is_taken_by_whatever_names_one_organisation(mongodb_store: MongoStore, organisation: str) -> None:
    """Transactions that first ask in alternatives, all of the one organisation, wait for each other and do not fail."""
    mine = of(organisation)
    asked = either(both(mine, Compare("id", "=", "lead-0001")), both(mine, StartsWith("name", "lead")))
    with mongodb_store.transaction() as transaction:
        transaction.insert(lead(organisation, name="Lead 0"))

    def rename() -> None:
        for _ in range(6):
            with mongodb_store.transaction() as transaction:
                found = transaction.get("lead", "lead-0001", asked)
                transaction.update(found.with_fields(name=f"Lead {found.revision}"))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(rename) for _ in range(4)]:
            done.result()
    assert mongodb_store.get("lead", "lead-0001", mine).revision == 25


def test_a_write_that_lost_its_turn_is_told_to_try_again(mongodb_store: MongoStore, organisation: str) -> None:
    """A transaction that read before it took a turn, and then meets another's write, fails with a sentence."""
    with mongodb_store.transaction() as transaction:
        first = transaction.insert(lead(organisation))

    def interfere() -> None:
        with mongodb_store.transaction() as other:
            other.update(first.with_fields(band="B"))

    with pytest.raises(UnavailableError) as refused, mongodb_store.transaction() as transaction:  # noqa: PT012  # one transaction
        transaction.count("lead", In("organisation_id", (organisation, "x")))  # says no one organisation: takes no turn
        thread = threading.Thread(target=interfere)
        thread.start()
        thread.join()
        transaction.update(first.with_fields(band="C"))
    assert refused.value.code == "store.locked"
    assert mongodb_store.get("lead", "lead-0001", of(organisation))["band"] == "B"


def test_reports_are_read_from_secondaries_where_there_are_any(mongodb_store: MongoStore, organisation: str) -> None:
    """The analytical reader answers the same questions, preferring a secondary."""
    with mongodb_store.transaction() as transaction:
        transaction.insert(lead(organisation, band="A"))
    reports = mongodb_store.analytical()
    assert reports.tally("lead", "band", of(organisation)) == {"A": 1}
    preference = reports._collection("lead").read_preference
    assert preference.mongos_mode == "secondaryPreferred"


def test_opening_twice_changes_nothing(mongodb_store: MongoStore, mongodb_url: str, organisation: str) -> None:
    """A database that is up to date is opened as it is, with its records."""
    with mongodb_store.transaction() as transaction:
        transaction.insert(lead(organisation))
    with closing(open_store(mongodb_url)) as again:
        assert again.count("lead", of(organisation)) == 1


def test_fields_that_were_added_later_are_added(mongodb_server: str) -> None:
    """A database of an earlier version gets the validators and indexes of fields added since."""
    url = f"{mongodb_server}/bylaw_earlier_{os.getpid()}"
    client: MongoClient[dict[str, Any]] = MongoClient(url)
    database = client.get_default_database()
    try:
        open_mongodb(url).close()
        database.command({"collMod": "lead", "validator": {"$jsonSchema": {"required": ["nothing"]}}})
        database["lead"].drop_index("by_band_and_falling_score")
        database[FACTS].update_one({"_id": "format"}, {"$set": {"record_types": "earlier"}})
        with closing(open_mongodb(url)) as store:
            with store.transaction() as transaction:
                transaction.insert(lead("org", band="A"))
            assert "by_band_and_falling_score" in database["lead"].index_information()
    finally:
        client.drop_database(database.name)
        client.close()


def test_a_newer_format_and_a_collation_are_refused(mongodb_server: str) -> None:
    """A database written by a newer version, or one that compares texts without letter case, is refused."""
    url = f"{mongodb_server}/bylaw_refused_{os.getpid()}"
    client: MongoClient[dict[str, Any]] = MongoClient(url)
    database = client.get_default_database()
    try:
        database[FACTS].insert_one({"_id": "format", "number": 99})
        with pytest.raises(UnavailableError) as refused:
            open_mongodb(url)
        assert refused.value.code == "store.newer_schema"
        database[FACTS].delete_many({})
        database.create_collection("lead", collation={"locale": "en", "strength": 2})
        with pytest.raises(UnavailableError) as refused:
            open_mongodb(url)
        assert refused.value.code == "store.unsuitable"
    finally:
        client.drop_database(database.name)
        client.close()


def test_a_server_that_does_not_answer_says_so_without_the_password() -> None:
    """When no server answers there is one sentence, without the address's password."""
    url = "mongodb://ann:secret@127.0.0.1:9/bylaw?serverSelectionTimeoutMS=200"
    with pytest.raises(UnavailableError) as refused:
        open_store(url)
    assert refused.value.code == "store.unavailable"
    assert "secret" not in str(refused.value)


def test_an_address_that_cannot_be_read_is_refused() -> None:
    """A malformed MongoDB address is refused as an address."""
    with pytest.raises(InvalidError) as refused:
        open_store("mongodb://host:port:port/")
    assert refused.value.code == "store.address"


def test_the_applications_role_may_only_add_to_append_only_collections() -> None:
    """The role that operations create grants update and remove on no append-only collection."""
    role = append_only_role("bylaw")
    granted = {one["resource"]["collection"]: set(one["actions"]) for one in role["privileges"]}
    for known in RECORD_TYPES:
        assert ({"update", "remove"} <= granted[known.name]) is not known.append_only
        assert {"find", "insert"} <= granted[known.name]
