"""What a lead-priority rule set is made of, and a score with everything that made it. Points are in millionths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

TOTAL_CAP: Final = "total.cap"
TOTAL_FLOOR: Final = "total.floor"
"""The ids of the two reasons that no rule has written: the whole score's cap and its floor at 0."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that adds `points` millionths of a point; `bit` is its place in its condition set."""

    id: str
    when: str
    points: int
    because: str
    bit: int


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that share a cap (millionths) and a half-life."""

    id: str
    title: str
    cap: int | None
    half_life: timedelta | None
    rules: tuple[Rule, ...]
    events: tuple[Rule, ...]

    @property
    def cap_id(self) -> str:
        """The id of the reason that shows what the cap took."""
        return f"{self.id}.cap"


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition that decides beside the score; without a band it excludes."""

    id: str
    when: str
    band: str | None
    because: str
    bit: int


@dataclass(frozen=True, slots=True)
class EventPoints:
    """What one event has given to one rule, in millionths."""

    event: Mapping[str, Any]
    contribution: int


@dataclass(frozen=True, slots=True)
class Scored:
    """A score with everything that made it, in millionths: the raw material of outcome and explanation.

    `fired` has the bits of the rules over facts and gates that are true; `events` are by the bits of their rules.
    """

    fired: int
    events: Mapping[int, Sequence[EventPoints]]
    groups: tuple[int, ...]
    cut: tuple[int, ...]
    raw: int
    score: int
    gate: Gate | None
