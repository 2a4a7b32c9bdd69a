"""Every use case that changes something: each transaction that writes business records appends to the log too.

The memory store's transactions are watched while the use cases run, whatever they are called through. What is no
business record is listed here, so that a new type cannot slip past.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from world import (
    COMMISSION,
    DEAL_SYNC,
    INBOUND,
    NOW,
    as_person,
    deal,
    insert,
    lead,
    make_ports,
    make_world,
    platform,
    shipped,
    shipped_rules,
    staff,
)

from adapters.example import install_example
from adapters.signing import signer_of
from adapters.stores.memory import MemoryTransaction
from engine.ports import Store
from engine.predicate import Compare
from engine.problems import BylawError
from engine.records import Record
from engine.service import idempotency
from engine.service.checkpoints import take_checkpoint
from engine.service.conflicts import resolve_conflict
from engine.service.directory import place_owned_by
from engine.service.erasure import erase_subject
from engine.service.evaluate import evaluate
from engine.service.identities import link_identity, unlink_identity
from engine.service.importing import import_crm, import_leads
from engine.service.incentives import start_run
from engine.service.jobs import cancel_job, run_job, start_job
from engine.service.key_ring import create_api_key, revoke_api_key, rotate_api_key
from engine.service.leads import score_lead, start_scoring
from engine.service.records import create_record, update_record
from engine.service.rulesets import publish
from engine.service.sign_ins import check_may_end_sessions

MACHINERY = frozenset({"idempotency_key", "checkpoint", "audit_entry"})
"""Types that are no business records; a job's lease and progress, which change a job alone, are machinery too."""


KEY = f"byl_abcdefgh_{'x' * 43}"
CONFLICT = Record(
    "conflict",
    "c1",
    "acme",
    {
        **place_owned_by(staff()["rep"]),
        "record_type": "deal",
        "record_id": "d1",
        "record_name": "D1",
        "device_id": "phone-7",
        "state": "open",
        "rule_set": "sync-conflict/deal",
        "schema": "deal-conflict/1",
        "base": {"stage": "Engaging"},
        "client": {"stage": "Prospecting"},
        "server": {"stage": "Lost"},
        "client_at": NOW - timedelta(hours=1),
        "server_at": NOW - timedelta(minutes=30),
        "found_at": NOW,
    },
)
"""Both sides have changed the stage, which the rules leave to a person."""


class Watch:
    """What transactions write, and those that committed business records without an entry beside them."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.unlogged: list[set[str]] = []
        self.now: WeakKeyDictionary[MemoryTransaction, tuple[set[str], list[int]]] = WeakKeyDictionary()

    def of(self, transaction: MemoryTransaction) -> tuple[set[str], list[int]]:
        return self.now.setdefault(transaction, (set(), []))

    def committed(self, transaction: MemoryTransaction) -> None:
        types, entries = self.of(transaction)
        self.seen |= types
        if types - MACHINERY - {"job"} and not entries:
            self.unlogged.append(types)


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watch every transaction of the memory store; fails at the end for writes without an entry beside them."""
    watch = Watch()

    def noting(name: str) -> Any:
        original = getattr(MemoryTransaction, name)

        def call(self: MemoryTransaction, given: Any) -> Any:
            result = original(self, given)
            types, entries = watch.of(self)
            if name == "append_audit":
                entries.append(result)
            else:
                types.add(given.type)
            return result

        return call

    state = MemoryTransaction.state.fget
    assert state is not None

    def committed(self: MemoryTransaction) -> Any:
        watch.committed(self)
        return state(self)

    with monkeypatch.context() as patched:
        for name in ("insert", "update", "delete", "append_audit"):
            patched.setattr(MemoryTransaction, name, noting(name))
        patched.setattr(MemoryTransaction, "state", property(committed))
        yield watch
    assert watch.unlogged == []


def test_everything_that_the_example_is_made_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installing, publishing, scoring, incentive runs and edits: nothing is written beside the log."""
    with watched(monkeypatch) as watch:
        assert install_example(make_ports(), NOW)
    assert watch.seen >= {"account", "product", "lead", "deal", "check_in", "statement", "rule_version", "decision"}


def test_everything_that_people_and_programs_do_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Single changes of every kind, each with its entry in the same transaction."""
    ports = make_world(shipped(*INBOUND, *COMMISSION, *DEAL_SYNC))
    insert(ports, deal("d1", staff()["rep"]), lead("l1", staff()["rep"], employees=9), CONFLICT)
    rep, admin, analyst = (as_person(ports, who) for who in ("rep", "admin", "analyst"))
    with watched(monkeypatch) as watch:
        update_record(ports, rep, "deal", "d1", {"next_step": "call"}, revision=1)
        create_record(ports, rep, "deal", {"name": "New", "stage": "Prospecting"})
        score_lead(ports, rep, "l1", revision=1)
        evaluate(ports, rep, "lead-priority/inbound", {"employees": 3}, at=NOW, as_of=NOW, record=True)
        run_job(ports, start_scoring(ports, analyst).id, clock=lambda: NOW, worker="w")
        cancel_job(ports, analyst, start_job(ports, analyst, "score-leads", "t", {"at": "x", "as_of": "x"}).id)
        key = create_api_key(ports, admin, "rep", "nightly", KEY)
        rotated = rotate_api_key(ports, admin, key.id, KEY.replace("x", "y"))
        revoke_api_key(ports, admin, rotated.id)
        link_identity(ports, admin, "rep", "https://id.example.com", "s-1")
        unlink_identity(ports, admin, "rep")
        resolve_conflict(ports, rep, "c1", revision=1, choices={"stage": "client"}, reason="agreed")
        run_job(ports, start_run(ports, platform(), "sales-commission", "2026-Q4").id, clock=lambda: NOW, worker="w")
        erase_subject(ports, admin, "lead/l1", "request 1")
        take_checkpoint(ports, signer_of("00" * 32), "acme", NOW)
        idempotency.claim(ports, rep, "k1", "f1")
    assert watch.seen >= {
        "deal", "lead", "decision", "job", "api_key", "person", "conflict", "statement", "checkpoint", "idempotency_key"
    }  # fmt: skip


def test_a_change_beside_the_log_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch itself: a record that is written without an entry fails the test."""
    ports = make_world()
    with pytest.raises(AssertionError), watched(monkeypatch):
        insert(ports, deal("d1", staff()["rep"]))


INBOUND_3 = shipped_rules()["rules/lead-priority/inbound@3.yaml"]
REFUSED = {
    "a changed record": lambda ports, rep: update_record(ports, rep, "deal", "d1", {"stage": "Won"}, revision=1),
    "a new record": lambda ports, rep: create_record(ports, rep, "deal", {"stage": "x"}),
    "a scored lead": lambda ports, rep: score_lead(ports, rep, "l1", revision=9),
    "a job of no kind": lambda ports, rep: start_job(ports, rep, "nothing", "t", {}),
    "a job": lambda ports, rep: start_job(ports, rep, "score-leads", "t", {}),
    "a scoring job of no rule set": lambda ports, rep: start_scoring(ports, rep, "lead-priority/none"),
    "a cancelled job": lambda ports, rep: cancel_job(ports, rep, "job-none"),
    "a key without a name": lambda ports, rep: create_api_key(ports, rep, "rep", " ", KEY),
    "a key of another form": lambda ports, rep: create_api_key(ports, rep, "rep", "n", "password"),
    "somebody else's key": lambda ports, rep: create_api_key(ports, rep, "field", "n", KEY),
    "a key that lives too long": lambda ports, rep: create_api_key(
        ports, rep, "rep", "n", KEY, life=timedelta(days=999)
    ),
    "a rotated key of nobody": lambda ports, rep: rotate_api_key(ports, rep, "k0", KEY),
    "a key rotated for too long an overlap": lambda ports, rep: rotate_api_key(
        ports, rep, "k1", KEY, overlap=timedelta(days=99)
    ),
    "a rotated key that lives too long": lambda ports, rep: rotate_api_key(
        ports, rep, "k1", KEY, life=timedelta(days=999)
    ),
    "a revoked key of nobody": lambda ports, rep: revoke_api_key(ports, rep, "k0"),
    "an account of somebody else": lambda ports, rep: link_identity(ports, rep, "field", "https://id.example.com", "s"),
    "an account at no address": lambda ports, rep: link_identity(ports, rep, "rep", "id.example.com", "s"),
    "an unlinked account": lambda ports, rep: unlink_identity(ports, rep, "field"),
    "ended sessions of somebody else": lambda ports, rep: check_may_end_sessions(ports, rep, "field"),
    "a conflict that waits for a person": lambda ports, rep: resolve_conflict(ports, rep, "c1", revision=1),
    "a conflict with a wrong choice": lambda ports, rep: resolve_conflict(
        ports, rep, "c1", revision=1, choices={"name": "client"}
    ),
    "a conflict without a reason": lambda ports, rep: resolve_conflict(ports, rep, "c1", revision=1, reason=" "),
    "a conflict of nobody": lambda ports, rep: resolve_conflict(ports, rep, "c0", revision=1),
    "an incentive run of no period": lambda ports, rep: start_run(ports, rep, "sales-commission", "soon"),
    "an incentive run": lambda ports, rep: start_run(ports, rep, "sales-commission", "2026-Q4"),
    "an import without a mapping": lambda ports, rep: import_crm(ports, rep, {}, b"nothing: here"),
    "an import of leads": lambda ports, rep: import_leads(ports, rep, b"", b"nothing: here"),
    "a published version": lambda ports, rep: publish(ports, rep, INBOUND_3, "x"),
    "a broken version": lambda ports, rep: publish(ports, rep, b"nothing: here", "x"),
    "an erasure": lambda ports, rep: erase_subject(ports, rep, "lead/l1", "r"),
    "an erasure of nobody": lambda ports, rep: erase_subject(ports, rep, "lead/l0", "r"),
    "an erasure without a reason": lambda ports, rep: erase_subject(ports, rep, "lead/l1", " "),
    "a stored decision": lambda ports, rep: evaluate(
        ports, rep, "lead-priority/inbound", {"employees": "x"}, at=NOW, as_of=NOW, record=True
    ),
}  # fmt: skip


@pytest.mark.parametrize("attempt", REFUSED.values(), ids=REFUSED.keys())
def test_a_refused_attempt_has_exactly_one_entry(store: Store, attempt: Any) -> None:
    """A denied or failed attempt leaves one entry, and nothing else."""
    ports = make_world(shipped(*INBOUND, *COMMISSION, *DEAL_SYNC), store=store)
    insert(ports, deal("d1", staff()["rep"]), lead("l1", staff()["rep"], employees=9), CONFLICT)
    create_api_key(ports, as_person(ports, "rep"), "rep", "own", KEY.replace("x", "z"), key_id="k1")
    before = ports.store.log_head("acme").size
    with pytest.raises(BylawError):
        attempt(ports, as_person(ports, "rep"))
    (last,) = list(ports.store.scan("audit_entry", Compare("sequence", ">", before)))
    assert last["outcome"] in ("denied", "failed")
    assert last["reason"]


def test_an_error_of_the_program_is_an_entry_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that stops on a fault in Bylaw itself leaves one failed entry that says so."""
    from engine.service import records

    ports = make_world()
    insert(ports, deal("d1", staff()["rep"]))

    def fault(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(records, "require_write", fault)
    with pytest.raises(ZeroDivisionError):
        update_record(ports, as_person(ports, "rep"), "deal", "d1", {"next_step": "x"}, revision=1)
    (entry,) = ports.store.scan("audit_entry", Compare("action", "=", "update"))
    assert (entry["outcome"], entry["reason"]) == ("failed", "audit.unexpected")
