"""The nearest change: the smallest change of the fewest facts that gives another outcome, as data and as a sentence.

`docs/nearest-change.md` defines what is smallest; `engine.whatif` finds it, and the reference interpreter proves it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.feel.text import feel_text, literal

MOST_FACTS: Final = 3
"""Facts that are changed together, unless the caller says otherwise."""
MOST_FACTS_ALLOWED: Final = 6
"""Facts that a caller may ask to be changed together."""
STEPS: Final = 20_000
"""Changes that are tried for each number of facts, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class FactChange:
    """One fact and its other value; None is a fact that is not known. `name` is the fact's dotted path."""

    name: str
    from_: Any
    to: Any

    @property
    def added(self) -> tuple[Any, ...] | None:
        """The items put behind a list; None for any other change."""
        if isinstance(self.to, tuple) and isinstance(self.from_, tuple | None):
            return self.to[len(self.from_ or ()) :]
        return None

    def __str__(self) -> str:
        if (added := self.added) is not None:
            return _added(self.name, added)
        if self.from_ is None:
            return f"{self.name} {_shown(self.to)} where nothing is known"
        return f"{self.name} {_shown(self.to)} instead of {_shown(self.from_)}"

    def to_json(self) -> dict[str, Any]:
        """Shape: `{fact, from, to}`; for items put behind a list `{fact, added: [...]}`."""
        if (added := self.added) is not None:
            return {"fact": self.name, "added": list(added)}
        return {"fact": self.name, "from": self.from_, "to": self.to}


@dataclass(frozen=True, slots=True)
class NearestChange:
    """What would have to be different, proved by deciding about it.

    `changes` is empty and `outcome_after` None where nothing was found; where the target holds already, `changes` is
    empty too. `exact`: there is no smaller change (or none at
    all, of up to `most` facts); False when the search was cut after its steps or a condition computes with a fact, so
    that the result is only the best found. `compared` names the members of the outcome that are spoken of; `tried` is
    the number of changes that were decided about.
    """

    changes: tuple[FactChange, ...]
    outcome_before: Mapping[str, Any]
    outcome_after: Mapping[str, Any] | None
    exact: bool
    compared: tuple[str, ...] = ()
    most: int = MOST_FACTS
    tried: int = 0

    @property
    def found(self) -> bool:
        """Whether there is a change."""
        return self.outcome_after is not None

    @property
    def sentence(self) -> str:
        """`with employees 500 instead of 480 the band is B instead of C`, or that there is none."""
        if self.outcome_after is None:
            facts = "one fact" if self.most == 1 else f"up to {self.most} facts"
            return f"no change of {facts} {'gives' if self.exact else 'was found that gives'} it"
        if not self.changes:
            holds = [f"the {name} is {_shown(self.outcome_after.get(name))}" for name in self.compared]
            return f"nothing has to change: {_listed(holds)}"
        members = [
            f"{'the ' if at == 0 else ''}{name.replace('_', ' ')} is {_shown(self.outcome_after.get(name))}"
            f" instead of {_shown(self.outcome_before.get(name))}"
            for at, name in enumerate(self.compared)
        ]
        return f"with {_listed([str(change) for change in self.changes])} {_listed(members)}"

    @property
    def facts(self) -> dict[str, Any]:
        """The other values by dotted path."""
        return {change.name: change.to for change in self.changes}

    def to_json(self) -> dict[str, Any]:
        """The document every door shows."""
        return {
            "found": self.found,
            "exact": self.exact,
            "sentence": self.sentence,
            "changes": [change.to_json() for change in self.changes],
            "outcome_before": dict(self.outcome_before),
            "outcome_after": None if self.outcome_after is None else dict(self.outcome_after),
            "compared": list(self.compared),
            "most": self.most,
            "tried": self.tried,
        }


def _added(name: str, added: Sequence[Any]) -> str:
    kinds: dict[str, int] = {}
    for item in added:
        kind = feel_text(item.get("type")) if isinstance(item, Mapping) else feel_text(item)
        kinds[kind] = kinds.get(kind, 0) + 1
    return _listed([f"{count} more `{kind}` in {name}" for kind, count in kinds.items()])


def _shown(value: Any) -> str:
    """A value as people read it; texts of several words in quotes."""
    if isinstance(value, str):
        return value if value and " " not in value else literal(value)
    return literal(value)


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
