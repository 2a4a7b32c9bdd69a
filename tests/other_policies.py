"""Another version of the policies, as a second process might have it: like the first, but for one cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.caller import Actor
from engine.ports import Authorizer
from engine.predicate import Predicate, both, matches
from engine.records import Record


@dataclass(frozen=True)
class OtherPolicies:
    """Any authorizer, with one cell (`write:lead`) narrowed further, and a digest of its own."""

    behind: Authorizer
    cell: str
    narrowed_to: Predicate
    digest: str = "0" * 64

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """As the first has it, and in the one cell this too."""
        found = self.behind.predicate(actor, action, record_type)
        return both(found, self.narrowed_to) if f"{action}:{record_type}" == self.cell else found

    def allows(self, actor: Actor, action: str, record: Record) -> bool:
        """By the predicate, as in the first."""
        return matches(self.predicate(actor, action, record.type), record.values())

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)
