"""The audit log: gapless, append-only, in the same transaction as the change. And the outbox beside it."""

from __future__ import annotations

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from log_checks import entries_agree
from record_samples import NOW, draft, lead, of, statement

from engine.audit.leaf import commitment, leaf_bytes
from engine.audit.merkle import EMPTY_ROOT, leaf_hash, root_of
from engine.ports import Message, Sort, Store
from engine.problems import ConflictError, InvalidError, NotFoundError
from engine.records import Record
from engine.service.directory import service_actor


def test_entries_are_numbered_within_their_organisation(store: Store, organisation: str) -> None:
    """Every organisation's log begins at 1 and goes on by one, whatever other organisations do."""
    other = f"{organisation}-other"
    with store.transaction() as transaction:
        numbers = [transaction.append_audit(draft(organisation)) for _ in range(3)]
    with store.transaction() as transaction:
        others = [transaction.append_audit(draft(other)) for _ in range(2)]
    with store.transaction() as transaction:
        numbers.append(transaction.append_audit(draft(organisation)))
    assert (numbers, others) == ([1, 2, 3, 4], [1, 2])


def test_an_entry_says_who_did_what_to_which_record(store: Store, organisation: str) -> None:
    """An entry keeps the draft exactly, with the place of the touched record, and is read like any record."""
    with store.transaction() as transaction:
        transaction.append_audit(
            draft(
                organisation,
                outcome="denied",
                place={"region_id": "north", "branch_id": "oslo", "team_id": "red", "owner_id": "ann"},
                rule_set="sync-conflict/deals",
                rule_version=3,
                reason="access.denied",
                before_digest="b",
                after_digest="a",
                changes={"amount": {"before": Decimal("1.10"), "after": None}},
            )
        )
    (found,) = store.scan("audit_entry", of(organisation))
    assert found.revision == 1
    personal = found["personal"]["/actor/name"]
    assert (personal["subject"], personal["value"]) == ("person/ann", "Ann")
    assert personal["commitment"] == commitment(bytes.fromhex(personal["salt"]), "Ann")
    assert found["leaf_hash"] == leaf_hash(leaf_bytes(found)).hex()
    assert {name: value for name, value in found.fields.items() if name not in {"personal", "leaf_hash"}} == {
        "region_id": "north", "branch_id": "oslo", "team_id": "red", "owner_id": "ann", "sequence": 1, "at": NOW,
        "actor_id": "ann", "actor_name": "Ann", "actor_role": "sales_rep", "channel": "api", "request_id": "r1",
        "action": "update", "outcome": "denied", "record_type": "lead", "record_id": "lead-0001",
        "rule_set": "sync-conflict/deals", "rule_version": 3, "reason": "access.denied", "before_digest": "b",
        "after_digest": "a", "changes": {"amount": {"before": Decimal("1.10"), "after": None}},
    }  # fmt: skip


def test_the_log_is_read_by_number(store: Store, organisation: str) -> None:
    """Entries are listed by their sequence, newest first or oldest first."""
    with store.transaction() as transaction:
        for _ in range(12):
            transaction.append_audit(draft(organisation))
    newest = store.find("audit_entry", of(organisation), sort=[Sort("sequence", descending=True)], limit=3)
    assert [12, 11, 10] == [record["sequence"] for record in newest.records]
    assert list(range(1, 13)) == [record["sequence"] for record in store.scan("audit_entry", of(organisation))]


def test_records_of_append_only_types_are_never_changed(store: Store, organisation: str) -> None:
    """Updating or deleting an audit entry, a decision or another append-only record is refused."""
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation))
        place = {"latitude": Decimal("59.9"), "longitude": Decimal("10.7"), "at": NOW}
        check_in = transaction.insert(Record("check_in", "c1", organisation, place))
    (entry,) = store.scan("audit_entry", of(organisation))
    for record in (entry, check_in):
        for write in ("update", "delete"):
            with pytest.raises(ConflictError) as refused, store.transaction() as transaction:
                getattr(transaction, write)(record)
            assert refused.value.code == "store.append_only"
            assert record == store.get(record.type, record.id, of(organisation))


def test_entries_are_not_inserted_as_records(store: Store, organisation: str) -> None:
    """An audit entry gets its number from the store: inserting one as a record is refused."""
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation))
    (entry,) = store.scan("audit_entry", of(organisation))
    forged = Record("audit_entry", "audit-000000000007", organisation, {**entry.fields, "sequence": 7})
    with pytest.raises(ConflictError), store.transaction() as transaction:
        transaction.insert(forged)
    assert store.count("audit_entry", of(organisation)) == 1


def test_the_log_has_no_gaps_under_concurrent_writers(store: Store, organisation: str) -> None:
    """Threads that append at once, some of them failing, leave 1, 2, 3, ... without a gap or a double."""
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            for number in range(6):
                with pytest.raises(NotFoundError), store.transaction() as transaction:  # noqa: PT012  # one transaction
                    transaction.append_audit(draft(organisation))
                    transaction.get("lead", "nobody", of(organisation))
                with store.transaction() as transaction:
                    transaction.append_audit(draft(organisation, f"{name}-{number}"))
        except BaseException as error:  # noqa: BLE001  # handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=write, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    entries = list(store.scan("audit_entry", of(organisation)))
    assert entries_agree(store, organisation) == 24
    assert len({entry["record_id"] for entry in entries}) == 24


def test_a_caught_refusal_leaves_the_log_going(store: Store, organisation: str) -> None:
    """A refused insert inside a transaction takes no number from the log."""
    with store.transaction() as transaction:
        transaction.insert(statement(organisation, "s1"))
        transaction.append_audit(draft(organisation))
        with pytest.raises(ConflictError):
            transaction.insert(statement(organisation, "s2"))
        with pytest.raises(InvalidError):
            transaction.append_audit(draft(organisation, at="yesterday"))
        assert transaction.append_audit(draft(organisation)) == 2


def test_every_entry_follows_on_the_one_before_and_the_root_is_known(store: Store, organisation: str) -> None:
    """Each leaf names the hash of the leaf before; the head's root is that of the tree of all leaves, at once."""
    assert (store.log_head(organisation).size, store.log_head(organisation).root) == (0, EMPTY_ROOT)
    roots = []
    for number in range(9):
        with store.transaction() as transaction:
            transaction.append_audit(draft(organisation, f"lead-{number}"))
            roots.append(transaction.log_head(organisation).root)
    entries = list(store.scan("audit_entry", of(organisation)))
    leaves = [leaf_hash(leaf_bytes(entry)) for entry in entries]
    assert [leaf.hex() for leaf in leaves] == [entry["leaf_hash"] for entry in entries]
    assert [None, *(leaf.hex() for leaf in leaves[:-1])] == [entry["previous_hash"] for entry in entries]
    assert roots == [root_of(leaves[: number + 1]) for number in range(9)]
    for first, last in ((1, 0), (1, 4), (4, 4), (3, 9), (8, 12), (10, 12)):
        assert store.log_leaves(organisation, first, last) == tuple(leaf.hex() for leaf in leaves[first - 1 : last])
    assert (store.log_head(organisation).size, store.log_head(organisation).root) == (9, roots[-1])


def with_names(organisation: str) -> dict[str, object]:
    return {"changes": {"name": {"before": "Eve", "after": "Eva"}, "status": {"before": None, "after": "open"}}}


def test_personal_values_are_read_back_and_bound_to_the_leaf(store: Store, organisation: str) -> None:
    """Names are read as they were written, and each opens the commitment that stands in the leaf in its place."""
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation, **with_names(organisation)))
        (inside,) = transaction.scan("audit_entry", of(organisation))
    (found,) = store.scan("audit_entry", of(organisation))
    assert found == inside == store.get("audit_entry", found.id, of(organisation))
    assert (found,) == store.find("audit_entry", of(organisation)).records
    assert found["changes"] == with_names(organisation)["changes"]
    assert {place: one["subject"] for place, one in found["personal"].items()} == {
        "/actor/name": "person/ann",
        "/changes/name/before": "lead/lead-0001",
        "/changes/name/after": "lead/lead-0001",
    }
    for one in found["personal"].values():
        assert one["commitment"] == commitment(bytes.fromhex(one["salt"]), one["value"])
    assert b"Ev" not in leaf_bytes(found)


def test_what_was_erased_is_not_read_again_and_every_leaf_stays(store: Store, organisation: str) -> None:
    """After erasing a subject its values are read as `erased`, in old entries and new; leaves, hashes and root stay."""
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation, **with_names(organisation)))
        transaction.append_audit(draft(organisation, "lead-0002", **with_names(organisation)))
    before = list(store.scan("audit_entry", of(organisation)))
    head = store.log_head(organisation)
    with store.transaction() as transaction:
        assert transaction.erase_subject(organisation, "lead/lead-0001")
        assert not transaction.erase_subject(organisation, "lead/lead-0001")
    after = list(store.scan("audit_entry", of(organisation)))
    assert list(map(leaf_bytes, before)) == list(map(leaf_bytes, after))
    assert head == store.log_head(organisation)
    assert after[0]["changes"] == {
        "name": {"before": "erased", "after": "erased"},
        "status": {"before": None, "after": "open"},
    }
    assert after[0]["personal"]["/changes/name/after"]["erased"] is True
    assert "salt" not in after[0]["personal"]["/changes/name/after"]
    assert (after[0]["actor_name"], after[1]) == ("Ann", before[1])
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation, **with_names(organisation)))
        assert not transaction.erase_subject(organisation, "lead/lead-0001")
    (_, _, later) = store.scan("audit_entry", of(organisation))
    assert later["changes"]["name"] == {"before": "erased", "after": "erased"}
    assert later["leaf_hash"] == leaf_hash(leaf_bytes(later)).hex()


def test_erasing_somebody_the_log_has_never_named_holds_for_later(store: Store, organisation: str) -> None:
    """Somebody may be erased before the first entry about them: none keeps anything then, in that organisation."""
    other = f"{organisation}-other"
    with store.transaction() as transaction:
        assert transaction.erase_subject(organisation, "person/ann")
    for one in (organisation, other):
        with store.transaction() as transaction:
            transaction.append_audit(draft(one))
    read = [next(iter(store.scan("audit_entry", of(one))))["actor_name"] for one in (organisation, other)]
    assert read == ["erased", "Ann"]


def test_an_erasure_that_is_rolled_back_has_erased_nothing(store: Store, organisation: str) -> None:
    """Erasing is part of its transaction: without the commit the values are there as before."""
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation))
    with pytest.raises(NotFoundError), store.transaction() as transaction:  # noqa: PT012  # one transaction
        transaction.erase_subject(organisation, "person/ann")
        transaction.get("lead", "nobody", of(organisation))
    assert next(iter(store.scan("audit_entry", of(organisation))))["actor_name"] == "Ann"


def test_the_platforms_own_name_is_nobodys(store: Store, organisation: str) -> None:
    """Entries of the platform itself hold its name in clear: it is no person."""
    with store.transaction() as transaction:
        transaction.append_audit(draft(organisation, actor=service_actor(organisation)))
    (found,) = store.scan("audit_entry", of(organisation))
    assert (found["actor_name"], found["personal"]) == ("Bylaw", None)
    assert b'"name":"Bylaw"' in leaf_bytes(found)


# -- the outbox


def message(organisation: str, number: int) -> Message:
    later = NOW + timedelta(microseconds=number)
    return Message(f"{organisation}-{number}", organisation, "job", {"job": str(number)}, later)


def pending(store: Store, organisation: str) -> list[Message]:
    return [one for one in store.pending_messages(1000) if one.organisation_id == organisation]


def test_messages_wait_until_delivered(store: Store, organisation: str) -> None:
    """Messages of committed transactions wait, oldest first, until they are marked delivered; marking twice is once."""
    wanted = [message(organisation, number) for number in (3, 1, 2)]
    with store.transaction() as transaction:
        for one in wanted:
            transaction.enqueue(one)
    expected = sorted(wanted, key=lambda one: one.created_at)
    assert expected == pending(store, organisation)
    for _ in range(2):
        store.mark_delivered(expected[0].id)
    store.mark_delivered("nothing")
    assert expected[1:] == pending(store, organisation)


def test_a_message_is_enqueued_once(store: Store, organisation: str) -> None:
    """An id that the outbox has had, delivered or not, is refused: it is the idempotency key."""
    with store.transaction() as transaction:
        transaction.enqueue(message(organisation, 1))
        transaction.insert(lead(organisation))
        with pytest.raises(ConflictError):
            transaction.enqueue(message(organisation, 1))
    store.mark_delivered(message(organisation, 1).id)
    with pytest.raises(ConflictError), store.transaction() as transaction:
        transaction.enqueue(message(organisation, 1))
    assert [] == pending(store, organisation)
    assert store.count("lead", of(organisation)) == 1


def test_pending_messages_are_limited(store: Store, organisation: str) -> None:
    """No more messages are given than were asked for."""
    with store.transaction() as transaction:
        for number in range(3):
            transaction.enqueue(message(organisation, number))
    assert len(store.pending_messages(2)) == 2
