"""Writing: revisions, keys, all or nothing."""

from __future__ import annotations

import threading

import pytest
from record_samples import NOW, draft, lead, of, statement

from engine.ports import Message, Store
from engine.problems import BylawError, ConflictError, InvalidError, NotFoundError, StaleError
from engine.records import Record


def test_insert_gives_revision_one(store: Store, organisation: str) -> None:
    """A new record has revision 1, in what the insert returns and in what is read afterwards."""
    with store.transaction() as transaction:
        inserted = transaction.insert(lead(organisation))
    assert inserted.revision == 1
    assert inserted == store.get("lead", "lead-0001", of(organisation))


def test_update_counts_revisions(store: Store, organisation: str) -> None:
    """Every accepted change adds one to the revision and replaces all fields."""
    with store.transaction() as transaction:
        first = transaction.insert(lead(organisation, company="Acme"))
    with store.transaction() as transaction:
        second = transaction.update(first.with_fields(company=None, band="A"))
    found = store.get("lead", "lead-0001", of(organisation))
    assert second == found
    assert found.revision == 2
    assert "company" not in found.fields
    assert found["band"] == "A"


def test_stale_revision_is_refused(store: Store, organisation: str) -> None:
    """A writer who saw an older revision is told the present one, and changes nothing."""
    with store.transaction() as transaction:
        first = transaction.insert(lead(organisation))
    with store.transaction() as transaction:
        transaction.update(first.with_fields(band="A"))
    for write in ("update", "delete"):
        with pytest.raises(StaleError) as refused, store.transaction() as transaction:
            getattr(transaction, write)(first.with_fields(band="B"))
        assert refused.value.code == "record.stale"
        assert refused.value.current_revision == 2
    assert store.get("lead", "lead-0001", of(organisation))["band"] == "A"


def test_a_record_that_is_gone_cannot_be_written(store: Store, organisation: str) -> None:
    """Updating or deleting a record that is not there says that it is not found."""
    with store.transaction() as transaction:
        first = transaction.insert(lead(organisation))
    with store.transaction() as transaction:
        transaction.delete(first)
    for write in ("update", "delete"):
        with pytest.raises(NotFoundError), store.transaction() as transaction:
            getattr(transaction, write)(first)
    with pytest.raises(NotFoundError):
        store.get("lead", "lead-0001", of(organisation))


def test_used_id_is_refused_and_the_transaction_goes_on(store: Store, organisation: str) -> None:
    """A used id is refused with `record.exists`; whoever catches that may go on in the same transaction."""
    with store.transaction() as transaction:
        transaction.insert(lead(organisation))
        with pytest.raises(ConflictError) as refused:
            transaction.insert(lead(organisation, company="Other"))
        assert refused.value.code == "record.exists"
        transaction.insert(lead(organisation, 2))
    assert store.count("lead", of(organisation)) == 2
    assert store.get("lead", "lead-0001", of(organisation))["company"] is None


def test_two_organisations_may_use_one_id(store: Store, organisation: str) -> None:
    """An id is taken within its organisation only, so nobody learns from a refusal what another organisation has."""
    other = f"{organisation}-other"
    with store.transaction() as transaction:
        transaction.insert(lead(organisation, company="Here"))
    with store.transaction() as transaction:
        transaction.insert(lead(other, company="There"))
    assert store.get("lead", "lead-0001", of(organisation))["company"] == "Here"
    assert store.get("lead", "lead-0001", of(other))["company"] == "There"


def test_unique_keys_hold_within_an_organisation(store: Store, organisation: str) -> None:
    """Two records of one organisation never share a unique key, whether by insert or by update."""
    with store.transaction() as transaction:
        transaction.insert(statement(organisation, "s1"))
        second = transaction.insert(statement(organisation, "s2", owner_id="bob"))
    with pytest.raises(ConflictError) as refused, store.transaction() as transaction:
        transaction.insert(statement(organisation, "s3"))
    assert "owner_id `ann`" in str(refused.value)
    with pytest.raises(ConflictError), store.transaction() as transaction:
        transaction.update(second.with_fields(owner_id="ann"))
    with store.transaction() as transaction:
        transaction.update(second.with_fields(state="paid"))
        transaction.insert(statement(f"{organisation}-other", "s1"))


def test_a_key_with_a_null_part_is_not_unique(store: Store, organisation: str) -> None:
    """Records whose unique key has a null part do not exclude each other."""
    with store.transaction() as transaction:
        transaction.insert(statement(organisation, "s1", owner_id=None))
        transaction.insert(statement(organisation, "s2", owner_id=None))
    assert store.count("statement", of(organisation)) == 2


def test_a_freed_key_can_be_taken(store: Store, organisation: str) -> None:
    """A unique key is free again when its record is deleted or takes another."""
    with store.transaction() as transaction:
        first = transaction.insert(statement(organisation, "s1"))
        second = transaction.insert(statement(organisation, "s2", owner_id="bob"))
    with store.transaction() as transaction:
        transaction.delete(first)
        transaction.update(second.with_fields(owner_id="ann"))
        transaction.insert(statement(organisation, "s3", owner_id="bob"))
    assert store.count("statement", of(organisation)) == 2


def test_everything_rolls_back_together(store: Store, organisation: str) -> None:
    """When a transaction fails, its records, its audit entries and its outbox rows are all as if never written."""
    with store.transaction() as transaction:
        first = transaction.insert(lead(organisation))
        assert transaction.append_audit(draft(organisation)) == 1
    with pytest.raises(ZeroDivisionError):  # noqa: PT012, SIM117  # all of it belongs to the failing transaction
        with store.transaction() as transaction:
            transaction.update(first.with_fields(band="A"))
            transaction.insert(lead(organisation, 2))
            assert transaction.append_audit(draft(organisation)) == 2
            transaction.enqueue(Message(f"{organisation}-m", organisation, "job", {"job": "1"}, NOW))
            raise ZeroDivisionError
    assert store.get("lead", "lead-0001", of(organisation)) == first
    assert store.count("lead", of(organisation)) == 1
    assert store.count("audit_entry", of(organisation)) == 1
    assert [] == [one for one in store.pending_messages(1000) if one.organisation_id == organisation]
    with store.transaction() as transaction:
        assert transaction.append_audit(draft(organisation)) == 2


def test_nothing_is_seen_before_commit(store: Store, organisation: str) -> None:
    """Others see a transaction's writes only once it has committed; the transaction sees its own at once."""
    seen: list[int] = []

    def look() -> None:
        seen.append(store.count("lead", of(organisation)))

    with store.transaction() as transaction:
        transaction.insert(lead(organisation))
        assert transaction.count("lead", of(organisation)) == 1
        assert transaction.get("lead", "lead-0001", of(organisation))["name"] == "Lead 1"
        other = threading.Thread(target=look)
        other.start()
        other.join()
    look()
    assert seen == [0, 1]


def test_a_second_transaction_in_the_same_thread_is_an_error(store: Store) -> None:
    """A transaction inside a transaction would wait for itself for ever, so it is refused at once."""
    with store.transaction(), pytest.raises(RuntimeError), store.transaction():
        pass


def test_what_does_not_fit_the_record_type_is_refused(store: Store, organisation: str) -> None:
    """A record with unknown, missing and mistyped fields is refused with all of them named, and nothing is written."""
    fields = {"nmae": "x", "facts": "text", "score": "12", "created_at": NOW.replace(tzinfo=None)}
    wrong = Record("lead", "lead-1", organisation, fields)
    with pytest.raises(InvalidError) as refused, store.transaction() as transaction:
        transaction.insert(wrong)
    paths = {problem.place.path for problem in refused.value.problems}
    assert paths == {"$.nmae", "$.name", "$.facts", "$.facts_schema", "$.score", "$.created_at"}
    assert {problem.code for problem in refused.value.problems} == {"record.mistyped"}
    assert store.count("lead", of(organisation)) == 0


def test_binary_floats_are_refused(store: Store, organisation: str) -> None:
    """A binary float is refused in every field, also deep inside a document: it has no exact value to keep."""
    for fields in ({"score": 0.1}, {"facts": {"a": [{"b": 0.1}]}}):
        with pytest.raises(InvalidError), store.transaction() as transaction:
            transaction.insert(lead(organisation, **fields))


def test_writers_of_one_organisation_follow_each_other(store: Store, organisation: str) -> None:
    """Threads that read, add one and write lose no addition: writers of one organisation are serialised."""
    with store.transaction() as transaction:
        transaction.insert(lead(organisation, facts={"count": 0}))
    failures: list[BaseException] = []

    def add() -> None:
        try:
            for _ in range(5):
                with store.transaction() as transaction:
                    found = transaction.get("lead", "lead-0001", of(organisation))
                    transaction.update(found.with_fields(facts={"count": found["facts"]["count"] + 1}))
        except (BylawError, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = store.get("lead", "lead-0001", of(organisation))
    assert found["facts"] == {"count": 20}
    assert found.revision == 21


def test_a_reader_cannot_change_what_is_stored(store: Store, organisation: str) -> None:
    """Documents are copies at every border: changing one that was written or read changes nothing in the store."""
    facts = {"tags": ["a"]}
    with store.transaction() as transaction:
        written = transaction.insert(lead(organisation, facts=facts))
    facts["tags"].append("b")
    written["facts"]["tags"].append("c")
    store.get("lead", "lead-0001", of(organisation))["facts"]["tags"].append("d")
    assert store.get("lead", "lead-0001", of(organisation))["facts"] == {"tags": ["a"]}
