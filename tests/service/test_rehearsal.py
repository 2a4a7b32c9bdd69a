"""Doing something as if: what is checked is checked, and nothing of it stays."""

from __future__ import annotations

from world import NOW, make_world, platform, version

from engine.ports import Message, Reader, Transaction
from engine.predicate import Always
from engine.service.rehearsal import rehearsed
from engine.service.rulesets import list_rule_sets, publish


def names(ports) -> list[str]:
    return [one.name for one in list_rule_sets(ports, platform(), at=NOW)]


def test_nothing_of_a_rehearsal_stays() -> None:
    """What is published in a rehearsal is seen in its answer alone: not in the store, not in the library."""
    ports = make_world()
    before = names(ports)
    published = publish(rehearsed(ports), platform(), version(1, "from: 2026-01-01"), "body")
    assert "lead-priority/small" == published.rule_set.name
    assert before == names(ports)
    assert before == names(rehearsed(ports))


def test_a_rehearsal_leaves_the_library_its_memory() -> None:
    """A rehearsal does not make the next request read every published version again."""
    ports = make_world()
    publish(ports, platform(), version(1, "from: 2026-01-01"), "body")
    names(ports)
    count = ports.store.count("rule_version", Always())
    known = ports.library.published(platform().actor.organisation_id, ports.store, count)
    assert known is not None
    names(rehearsed(ports))
    assert known is ports.library.published(platform().actor.organisation_id, ports.store, count)


def test_whatever_a_transaction_writes_is_taken_back() -> None:
    """Every method that a transaction has beyond reading is taken for a change, also one that there is not yet."""
    ports = make_world()
    writing = {name for name in vars(Transaction) if not name.startswith("_")} - set(vars(Reader))
    assert {"insert", "update", "delete", "append_audit", "erase_subject", "enqueue"} == writing
    with rehearsed(ports).store.transaction() as transaction:
        transaction.enqueue(Message("m", "org", "job", {}, NOW))
    assert () == ports.store.pending_messages()
