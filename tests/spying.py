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


@dataclass
class ReadingSpy:
    """Any store or transaction, with the record types that were read from it."""

    behind: Any
    read: set[str] = field(default_factory=set)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.behind, name)
        if name == "transaction":
            return self._transaction
        if name not in {"get", "find", "scan", "count", "tally"}:
            return found

        def noting(record_type: str, *arguments: Any, **named: Any) -> Any:
            self.read.add(record_type)
            return found(record_type, *arguments, **named)

        return noting

    @contextmanager
    def _transaction(self) -> Iterator[ReadingSpy]:
        with self.behind.transaction() as transaction:
            yield ReadingSpy(transaction, self.read)


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
