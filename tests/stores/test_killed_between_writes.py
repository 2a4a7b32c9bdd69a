"""Killing a process between every two commands to MongoDB of a change: state, audit log and outbox agree afterwards.

A child process makes one change through its use case and kills itself, with the signal that nothing can catch, before
its n-th command is sent or its answer is used. n grows until the change comes through, so that no gap between two
writes is left out. On SQLite every use case that writes is killed so: `tests/service/test_killed_use_cases.py`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.ids import new_id
from adapters.queue import MemoryQueue
from adapters.stores import open_store
from adapters.wiring import Shipped, load_policies
from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import leaf_hash, root_of
from engine.caller import Actor, Caller
from engine.kinds import KINDS
from engine.policy import Policies
from engine.ports import Ports, Store
from engine.predicate import Compare
from engine.records import Record
from engine.rulefile import SchemaSource
from engine.service.auditing import accepted, digest_of
from engine.service.erasure import erase_subject
from engine.service.jobs import start_job
from engine.service.library import Library
from engine.service.records import update_record

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
PLACE = {"region_id": "north", "branch_id": "oslo", "team_id": "red", "territory_id": "t1"}


class World:
    """One organisation in a store: an admin, a representative with a deal, and a lead."""

    def __init__(self, store: Store, policies: Policies, organisation: str) -> None:
        library = Library(SchemaSource({}), KINDS)
        self.organisation = organisation
        self.ports = Ports(store=store, queue=MemoryQueue(), authorizer=policies, library=library, new_id=new_id)

    def caller(self, person: str, role: str) -> Caller:
        actor = Actor(person, person.title(), role, self.organisation, "north", "oslo", "red", ("t1",))
        return Caller(actor, NOW, "api", "r1")

    @property
    def mine(self) -> Compare:
        return Compare("organisation_id", "=", self.organisation)

    def fill(self) -> None:
        with self.ports.store.transaction() as transaction:
            organisation, owned = self.organisation, {**PLACE, "owner_id": "rep"}
            transaction.insert(Record("organisation", organisation, organisation, {"name": "Acme", "currency": "USD"}))
            person = {**owned, "name": "Rep", "role": "sales_rep", "territory_ids": ("t1",)}
            transaction.insert(Record("person", "rep", organisation, person))
            transaction.insert(Record("deal", "d1", organisation, {**owned, "name": "Fleet", "stage": "Engaging"}))
            lead = {**owned, "name": "Eve", "facts_schema": "lead/2", "facts": {"employees": Decimal(3)}}
            transaction.insert(Record("lead", "l1", organisation, lead))
        self.update()

    def update(self) -> None:
        revision = self.ports.store.get("deal", "d1", self.mine).revision
        changes = {"next_step": f"step {revision}"}
        update_record(self.ports, self.caller("rep", "sales_rep"), "deal", "d1", changes, revision=revision)

    def start(self) -> None:
        start_job(self.ports, self.caller("admin", "platform_admin"), "score-leads", "Score", {"at": "x", "as_of": "x"})

    def erase(self) -> None:
        erase_subject(self.ports, self.caller("admin", "platform_admin"), "lead/l1", "request 1")

    def assert_agreement(self) -> None:
        """State, audit and outbox tell the same story."""
        store = self.ports.store
        entries = list(store.scan("audit_entry", self.mine))
        leaves = [leaf_hash(leaf_bytes(entry)) for entry in entries]
        head = store.log_head(self.organisation)
        assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
        assert [leaf.hex() for leaf in leaves] == [entry["leaf_hash"] for entry in entries]
        assert (head.size, head.root) == (len(leaves), root_of(leaves))
        accepted = [entry for entry in entries if entry["outcome"] == "accepted"]
        for deal in store.scan("deal", self.mine):
            own = [entry for entry in accepted if entry["record_id"] == deal.id]
            assert len(own) == deal.revision - (deal.id == "d1"), "one entry for each accepted change"
            if own:
                assert own[-1]["after_digest"] == digest_of(deal)
        started = {entry["record_id"] for entry in accepted if entry["record_type"] == "job"}
        waiting = {
            one.payload["job_id"] for one in store.pending_messages(1000) if one.payload.get("job_id") in started
        }
        assert started == waiting == {job.id for job in store.scan("job", self.mine)}
        erased = any(entry["action"] == "erase" for entry in accepted)
        assert erased == (store.get("lead", "l1", self.mine)["name"] == "erased")


CHANGES: dict[str, Callable[[World], None]] = {
    "an update": World.update,
    "a job": World.start,
    "an erasure": World.erase,
}


@pytest.fixture(scope="module")
def policies() -> Policies:
    return load_policies(Shipped.find())


class Killer:
    """Ends this process at once, before the n-th thing that happens once it is armed."""

    def __init__(self, number: int) -> None:
        self.left, self.armed = number, False

    def __call__(self, *_: Any) -> None:
        if self.armed:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)


def sqlite_store(url: str, killer: Killer) -> Store:
    """A store that tells the killer of each statement before it is run."""
    store = open_store(url)
    with store._connections.lent() as connection:
        connection.set_trace_callback(killer)
    return store


def mongodb_store(url: str, killer: Killer) -> Store:
    """A store that tells the killer of each command before it is sent, and of each answer before it is used."""
    from pymongo import monitoring

    class Listener(monitoring.CommandListener):
        started = succeeded = failed = staticmethod(killer)

    monitoring.register(Listener())
    return open_store(url)


def is_killed(make: Callable[[Killer], World], change: str, number: int) -> bool:
    """Whether a child process that makes the change was killed on the way."""
    child = os.fork()
    if child == 0:
        try:
            killer = Killer(number)
            world = make(killer)
            killer.armed = True
            CHANGES[change](world)
            os._exit(0)
        except BaseException as error:  # noqa: BLE001  # a child of the test's process must not go on as a test
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), change
    return os.waitstatus_to_exitcode(status) != 0


def test_a_change_in_two_transactions_would_be_found(policies: Policies, tmp_path: Path) -> None:
    """The check itself: where record and entry are written one after the other, some kill leaves them apart."""

    def torn(world: World) -> None:
        store = world.ports.store
        with store.transaction() as transaction:
            before = transaction.get("deal", "d1", world.mine)
            after = transaction.update(before.with_fields(next_step="torn"))
        with store.transaction() as transaction:
            transaction.append_audit(accepted(world.caller("rep", "sales_rep"), "update", before=before, after=after))

    CHANGES["torn"] = torn
    apart = 0
    try:
        for number in count(1):
            url = f"sqlite:///{tmp_path / f'{number}.db'}"
            world = World(open_store(url), policies, "acme")
            world.fill()
            killed = is_killed(
                lambda killer, url=url: World(sqlite_store(url, killer), policies, "acme"), "torn", number
            )
            try:
                world.assert_agreement()
            except AssertionError:
                apart += 1
            world.ports.store.close()
            if not killed:
                break
    finally:
        del CHANGES["torn"]
    assert apart


@pytest.mark.parametrize("change", CHANGES)
def test_in_mongodb_a_killed_change_is_whole_or_absent(
    policies: Policies, mongodb_url: str, mongodb_kind: str, real: Callable[[str], None], change: str
) -> None:
    """Killed before any of its commands is sent or answered a change has happened wholly or not at all."""
    store = open_store(mongodb_url)
    for number in count(1):
        organisation = f"org-{uuid4().hex[:12]}"
        World(store, policies, organisation).fill()

        def make(killer: Killer, organisation: str = organisation) -> World:
            return World(mongodb_store(mongodb_url, killer), policies, organisation)

        killed = is_killed(make, change, number)
        World(store, policies, organisation).assert_agreement()
        if not killed:
            break
    assert number > 10
    store.close()
    real(mongodb_kind)
