"""What is asked when somebody wants to know what would change a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.nearest_change import MOST_FACTS, STEPS
from engine.rulefile.facts import FactSchema


@dataclass(frozen=True, slots=True)
class Question:
    """The nearest change that is asked for.

    `facts` are typed, as `schema` reads them. `target` names members of the outcome with the values they shall have;
    None asks for the kind's own next outcome. `fixed` are dotted paths that must stay; a path fixes all below it.
    """

    schema: FactSchema
    facts: Mapping[str, Any]
    at: datetime
    as_of: datetime
    target: Mapping[str, Any] | None = None
    fixed: frozenset[str] = frozenset()
    most: int = MOST_FACTS
    steps: int = STEPS

    def is_fixed(self, name: str) -> bool:
        """Whether the fact at a dotted path must stay."""
        steps = name.split(".")
        return any(".".join(steps[:end]) in self.fixed for end in range(1, len(steps) + 1))
