"""Geometry of the charts: exact, in a box 100 wide, so that templates only place what is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from engine import exact_json
from engine.decision import Reason

BOX = Decimal(100)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a waterfall: its reason, the total after it, and its bar."""

    reason: Reason
    total: Decimal
    x: str
    width: str
    axis: str
    tone: str


def waterfall(reasons: Sequence[Reason]) -> tuple[Step, ...]:
    """Each contribution from where the one before ended. Reasons without a contribution are left out."""
    moves = [(reason, reason.contribution) for reason in reasons if reason.contribution is not None]
    totals = [Decimal(0)]
    for _, change in moves:
        totals.append(totals[-1] + change)
    low, high = min(totals), max(totals)
    span = (high - low) or Decimal(1)
    return tuple(
        Step(
            reason,
            after,
            coordinate((min(before, after) - low) / span * BOX),
            coordinate(abs(change) / span * BOX),
            coordinate(-low / span * BOX),
            "plus" if change >= 0 else "minus",
        )
        for (reason, change), before, after in zip(moves, totals, totals[1:], strict=False)
    )


def shares(parts: Sequence[Decimal]) -> tuple[str, ...]:
    """The width of each part against the largest, for bars beside a table."""
    most = max([abs(part) for part in parts] or [Decimal(0)]) or Decimal(1)
    return tuple(coordinate(abs(part) / most * BOX) for part in parts)


def coordinate(value: Decimal) -> str:
    """A coordinate with two places."""
    return exact_json.decimal_text(value.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN))
