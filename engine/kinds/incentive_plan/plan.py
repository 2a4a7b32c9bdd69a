"""An incentive plan as checked values: what `read` makes of a rule file and `calculate` works on."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from engine.kinds.incentive_plan.tiers import Tiers
from engine.kinds.rounding import Mode

PERIOD_MONTHS: dict[str, int] = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Condition:
    """A FEEL condition with its rule's id and sentence. `bit` is its place in the compiled set it belongs to."""

    id: str
    because: str
    bit: int
    text: str


@dataclass(frozen=True, slots=True)
class Kicker:
    """A multiplier on what qualifying credits earn by rate."""

    condition: Condition
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap or a floor, in money, on each credit's line or on the period's sum."""

    id: str
    because: str
    amount: Decimal
    per: Literal["credit", "period"]


@dataclass(frozen=True, slots=True)
class Component:
    """One way of earning: which credits count, what is measured, the bands, and what multiplies or limits it."""

    id: str
    because: str
    condition: Condition | None
    measure: Literal["amount", "count"]
    on: Literal["amount", "attainment"]
    window: Literal["period", "credit"]
    tiers: Tiers
    kickers: tuple[Kicker, ...] = ()
    caps: tuple[Limit, ...] = ()
    floors: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Quota:
    """What the quota is where the payee's facts have none, and what happens where there is none at all.

    `rate_without` is the flat rate of attainment components then; None holds the statement until a quota is set.
    """

    amount: Decimal | None = None
    rate_without: Decimal | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan, independent of where it was written."""

    currency: str
    unit: Decimal
    period: Literal["month", "quarter", "year"]
    rounding: Mode
    splits: Literal["revenue", "overlay"]
    eligible: tuple[Condition, ...]
    quota: Quota
    components: tuple[Component, ...]
    caps: tuple[Limit, ...] = ()
    floors: tuple[Limit, ...] = ()

    @property
    def needs_quota(self) -> bool:
        """Whether any component's bands are fractions of quota."""
        return any(component.on == "attainment" for component in self.components)
