"""An authorizer that remembers what it was asked: whether what an address declares is what it really asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.wiring import Wiring
from engine.caller import Actor
from engine.policy import Policies
from engine.ports import Authorizer
from engine.predicate import Always, Never, Predicate
from engine.records import Record


@dataclass
class Spy:
    """Any authorizer, with the cells that it was asked for, as `action:record_type`.

    Only questions about people who exist count: the role matrix is drawn by asking about people who do not.
    """

    behind: Authorizer
    organisations: frozenset[str]
    asked: set[str] = field(default_factory=set)

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """Ask it, and remember."""
        self._note(actor, f"{action}:{record_type}")
        return self.behind.predicate(actor, action, record_type)

    def allows(self, actor: Actor, action: str, record: Record) -> bool:
        """Ask it, and remember."""
        self._note(actor, f"{action}:{record.type}")
        return self.behind.allows(actor, action, record)

    def _note(self, actor: Actor, cell: str) -> None:
        if actor.organisation_id in self.organisations:
            self.asked.add(cell)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)

    @contextmanager
    def watching(self) -> Iterator[set[str]]:
        """The cells that are asked for within the block."""
        self.asked = set()
        yield self.asked


READS = frozenset({"get", "find", "scan", "count", "tally"})
WRITES = frozenset({"insert", "update", "delete"})


@dataclass
class StoreSpy:
    """Any store or transaction, with the record types that were read from it and those that were written."""

    behind: Any
    read: set[str] = field(default_factory=set)
    written: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.behind, name)
        if name == "transaction":
            return self._transaction
        if name not in READS | WRITES:
            return found

        def noting(what: Any, *arguments: Any, **named: Any) -> Any:
            if name in READS:
                self.read.add(what)
            else:
                self.written.add(what.type)
            return found(what, *arguments, **named)

        return noting

    @contextmanager
    def _transaction(self) -> Iterator[StoreSpy]:
        with self.behind.transaction() as transaction:
            yield StoreSpy(transaction, self.read, self.written)

    @contextmanager
    def watching(self) -> Iterator[set[str]]:
        """The record types that are written within the block."""
        self.written = set()
        yield self.written


OF_THE_PLATFORM = {
    "idempotency_key": "what was answered, kept for whoever asked and looked up for nobody else",
    "checkpoint": "a signature of how long the log is, which an export must end with",
}
"""Record types that are written on nobody's behalf, beside what is asked for, and what they are."""

WITH_WHAT_IT_IS_ABOUT = {"decision": "write:lead"}
"""A lead's score is stored with the decision that it follows from, where the lead lies, by the right to write that."""


def without_a_right(written: set[str], asked: set[str]) -> set[str]:
    """The record types that were written although no right on them, but to see or ask, was asked for."""
    having = {cell.partition(":")[2] for cell in asked if not cell.startswith(("read:", "ask:", "preview:"))}
    return {name for name in written - having - set(OF_THE_PLATFORM) if WITH_WHAT_IT_IS_ABOUT.get(name) not in asked}


def watched(wiring: Wiring) -> tuple[Wiring, Spy]:
    """The same wiring with a spy for its authorizer."""
    known = frozenset(record.id for record in wiring.ports.store.scan("organisation", Always()))
    spy = Spy(wiring.ports.authorizer, known)
    return replace(wiring, ports=replace(wiring.ports, authorizer=spy)), spy


def cells_that_grant(policies: Policies) -> set[str]:
    """Every cell in which the policies grant somebody something: what may be declared."""
    from engine.caller import ACTIONS
    from engine.policy import ALL_ROLES
    from engine.records import RECORD_TYPES

    people = [Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1",)) for role in ALL_ROLES]
    return {
        f"{action}:{known.name}"
        for action in ACTIONS
        for known in RECORD_TYPES
        if any(policies.predicate(person, action, known.name) != Never() for person in people)
    }
