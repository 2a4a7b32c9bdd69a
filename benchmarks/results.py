"""What was measured: a section for each workload, a line for each engine's form, an absence for what could not run."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

OURS = "Bylaw"


@dataclass(frozen=True)
class Tally:
    """Answers of one sort, and how many of them differ from the oracle's."""

    answers: int
    wrong: int


@dataclass(frozen=True)
class Line:
    """One engine in one form on one workload.

    `taken` are the nanoseconds of single calls of the best round; `prepared` those from the rules' text to the first
    answer, where that is measured; `right` the tallies by sort of input. `rate` is rows a second, for populations.
    `speed` stands for the ratio of medians where another measure is the fair one.
    """

    engine: str
    form: str
    taken: Sequence[int]
    right: Mapping[str, Tally]
    prepared: int | None = None
    rate: float | None = None
    speed: float | None = None

    @property
    def median(self) -> float:
        """Nanoseconds."""
        return statistics.median(self.taken)

    @property
    def p99(self) -> float:
        """Nanoseconds; the slowest call where there are fewer than a hundred."""
        return max(self.taken) if len(self.taken) < 100 else statistics.quantiles(self.taken, n=100)[98]

    @property
    def wrong(self) -> int:
        """Wrong answers of every sort."""
        return sum(tally.wrong for tally in self.right.values())

    @property
    def answers(self) -> int:
        """Answers that were compared."""
        return sum(tally.answers for tally in self.right.values())


@dataclass(frozen=True)
class Absence:
    """An engine that is not measured on a workload, and why."""

    engine: str
    reason: str


@dataclass(frozen=True)
class Section:
    """A workload's result, in the order in which it is shown; `unit` of the times is `us` or `ms`."""

    key: str
    title: str
    unit: str
    lines: Sequence[Line] = ()
    absences: Sequence[Absence] = field(default=())

    @property
    def ours(self) -> Line | None:
        """Our first line, to which ratios are taken."""
        return next((line for line in self.lines if line.engine == OURS), None)

    def ratio(self, line: Line) -> float | None:
        """The line's median over ours, above 1 where ours is faster; None where ours was not measured."""
        if line.speed is not None:
            return line.speed
        return line.median / self.ours.median if self.ours else None

    def line(self, engine: str, form: str) -> Line | None:
        """The line of an engine, whatever its version, whose form begins so."""
        return next((one for one in self.lines if one.engine.startswith(engine) and one.form.startswith(form)), None)
