"""Rate bands: what an amount earns, as one exact function, split into the bands it passed through.

A table has bands `[L_k, L_k+1)` from 0 upward, the last one open, with a rate `r_k` and an optional flat amount that is
added once when the band is entered. A band applies to the `excess` over its start (marginal) or to `all` that was
measured (retroactive). With `j` the last `all` band that the total `P` reached and `k` the band `P` lies in:

    F(P) = r_j * min(P, L_j+1)  +  sum over j < i <= k of r_i * (min(P, L_i+1) - L_i)  +  the flats of j..k

All bands `excess` is the marginal table, all bands `all` the retroactive one; a mixture is a cliff or a decelerator
with an accelerator above it. Once `P` is known the table in force is marginal, so every credit's line is a difference
`H(P_i) - H(P_i-1)` of that one function and the lines telescope to `F(P)` whatever the number or order of credits.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from engine.kinds.rounding import EXACT

Boundary = Literal["upper", "lower"]
ZERO = Decimal(0)
_LINES: Final = EXACT.copy()
"""What payouts are computed in, whatever the caller's context is; it only ever traps, so threads may share it."""


@dataclass(frozen=True, slots=True)
class Band:
    """One band. `start` is in the table's own unit: money, a count, or a fraction of quota."""

    start: Decimal
    rate: Decimal
    flat: Decimal = ZERO
    to_all: bool = False
    because: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """The part of a line that fell into one band: `earned = amount * rate`, exact. `to` is None in the open band.

    `flat` is the amount for entering the band, on the slice of the credit that entered it.
    """

    start: Decimal
    to: Decimal | None
    amount: Decimal
    rate: Decimal
    flat: Decimal = ZERO

    @property
    def earned(self) -> Decimal:
        """What this slice earned, exact."""
        return self.amount * self.rate


@dataclass(frozen=True, slots=True)
class Step:
    """A band of the table in force: the first one is open below, the last one above."""

    start: Decimal
    to: Decimal | None
    rate: Decimal
    flat: Decimal
    entered_at: Decimal
    band: int


@dataclass(frozen=True, slots=True)
class Tiers:
    """A table of bands whose starts are amounts of the measure (attainment bands have been multiplied by the quota)."""

    bands: tuple[Band, ...]
    at_boundary: Boundary = "upper"
    _above: tuple[Decimal, ...] = field(init=False, repr=False, compare=False)
    _lines: tuple[tuple[Decimal, Decimal], ...] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Keep the starts apart, for looking a total up."""
        object.__setattr__(self, "_above", tuple(band.start for band in self.bands[1:]))
        object.__setattr__(self, "_lines", None)

    def reached(self, total: Decimal) -> int:
        """The index of the band in which a total lies; below zero it is the first."""
        return (bisect_right if self.at_boundary == "upper" else bisect_left)(self._above, total)

    def in_force(self, total: Decimal) -> tuple[Step, ...]:
        """The marginal table that holds for a period with this total."""
        top = self.reached(total)
        base = max((index for index in range(top + 1) if self.bands[index].to_all), default=0)
        steps: list[Step] = []
        for index in range(base, len(self.bands)):
            band = self.bands[index]
            if index > top and band.to_all:
                break
            start = ZERO if index == base else band.start
            steps.append(Step(start, None, band.rate, band.flat, band.start, index))
            if len(steps) > 1:
                steps[-2] = Step(
                    steps[-2].start, start, steps[-2].rate, steps[-2].flat, steps[-2].entered_at, steps[-2].band
                )
        return tuple(steps)

    def entered(self, step: Step, position: Decimal) -> bool:
        """Whether a running total has entered a step, for its flat amount: zero enters nothing."""
        return self._enters(step.entered_at, position)

    def _enters(self, start: Decimal, position: Decimal) -> bool:
        return position > start or (self.at_boundary == "upper" and position == start and position > 0)

    def slices(self, before: Decimal, after: Decimal, steps: tuple[Step, ...]) -> tuple[Slice, ...]:
        """What moving the running total from `before` to `after` earned, band by band; going down gives it back."""
        low, high, sign = (before, after, 1) if before <= after else (after, before, -1)
        found: list[Slice] = []
        for index, step in enumerate(steps):
            lower = low if index == 0 or low > step.start else step.start
            upper = high if step.to is None or high < step.to else step.to
            flat = step.flat * (int(self.entered(step, after)) - int(self.entered(step, before))) if step.flat else ZERO
            if upper > lower or flat:
                amount = sign * (upper - lower) if upper > lower else ZERO
                found.append(Slice(step.start, step.to, amount, step.rate, flat))
        return tuple(found)

    def payout(self, total: Decimal) -> Decimal:
        """F(P): what a total earns, exact and unrounded.

        In the band it lies in F is a line. Zero or less enters nothing, so it earns the first rate and no flat.
        """
        if total <= ZERO:
            return _LINES.multiply(self.bands[0].rate, total)
        lines = self._lines
        if lines is None:  # worked out when first asked for: most tables are only ever asked for slices
            lines = self._line_of_each_band()
            object.__setattr__(self, "_lines", lines)
        find = bisect_right if self.at_boundary == "upper" else bisect_left
        rate, constant = lines[find(self._above, total)]
        return total.fma(rate, constant, _LINES)

    def _line_of_each_band(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """`r` and `c` of F(P) = r * P + c for a total above zero in each band.

        `c` makes up for the lower rates of the bands since the last `all` band, and holds their flats.
        """
        lines: list[tuple[Decimal, Decimal]] = []
        for band in self.bands:
            constant = ZERO
            if lines and not band.to_all:
                rate, constant = lines[-1]
                constant = _LINES.subtract(constant, _LINES.multiply(_LINES.subtract(band.rate, rate), band.start))
            lines.append((band.rate, _LINES.add(constant, band.flat) if band.flat else constant))
        return tuple(lines)

    def jump(self, index: int) -> Decimal:
        """By how much the payout leaps where a band starts, exact: zero in a marginal table without flats."""
        start = self.bands[index].start
        if index == 0 or not any(band.to_all or band.flat for band in self.bands[1:]):
            return ZERO
        above = Tiers(self.bands, "upper")
        below = Tiers(self.bands, "lower")
        return above.payout(start) - below.payout(start)


def scaled(tiers: Tiers, quota: Decimal) -> Tiers:
    """Attainment bands as amounts: every start times the quota, unrounded."""
    return Tiers(
        tuple(Band(band.start * quota, band.rate, band.flat, band.to_all, band.because) for band in tiers.bands),
        tiers.at_boundary,
    )
