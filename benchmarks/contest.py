"""A workload put to every engine: compiled, warmed, measured in rounds that take turns, each answer compared."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.results import Absence, Line, Section, Tally

if TYPE_CHECKING:
    from benchmarks.peers.family import Family

Call = Callable[[Any], Any]
ROUNDS = 3
FEWEST = 20
"""Even the slowest engine answers this many inputs a round."""


class CannotError(Exception):
    """An engine cannot do a workload; the text says why."""


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Entrant:
    """An engine in one form.

    `prepare` compiles the rules and gives the call that is measured. `convert` makes an input of the types that the
    engine takes, `read` a comparable answer of what it gives: both stand outside the timing. With `apart` everything
    runs in a process of its own, so all three must be picklable.
    """

    engine: str
    form: str
    prepare: Callable[[], Call]
    convert: Call = _same
    read: Call = _same
    apart: bool = False


@dataclass(frozen=True)
class Work:
    """Inputs with the right answers; `sorts` groups the answers in the count of wrong ones.

    `seconds` bounds one round of one entrant: slow ones are asked fewer inputs, and the count is shown.
    """

    key: str
    title: str
    inputs: Sequence[Any]
    expected: Sequence[Any]
    sorts: Sequence[str] = ()
    unit: str = "us"
    seconds: float = 1.0


class Runner(Protocol):
    """A prepared entrant. `prepared` is nanoseconds from the rules' text to the first answer."""

    prepared: int

    def round(self, count: int) -> tuple[list[int], list[Any]]:
        """Nanoseconds of each call over the first `count` inputs, and the answers."""

    def close(self) -> None:
        """Release what the runner holds."""


class Here:
    """A runner in this process."""

    def __init__(self, entrant: Entrant, inputs: Sequence[Any]) -> None:
        """Compile and answer once."""
        self._inputs = [entrant.convert(given) for given in inputs]
        self._read = entrant.read
        start = time.perf_counter_ns()
        self._call = entrant.prepare()
        self._call(self._inputs[0])
        self.prepared = time.perf_counter_ns() - start

    def round(self, count: int) -> tuple[list[int], list[Any]]:
        """Measured with garbage collection off, for every engine alike."""
        call, clock = self._call, time.perf_counter_ns
        taken, answers = [], []
        gc.collect()
        gc.disable()
        try:
            for given in self._inputs[:count]:
                start = clock()
                answer = call(given)
                taken.append(clock() - start)
                answers.append(answer)
        finally:
            gc.enable()
        return taken, [self._read(answer) for answer in answers]

    def close(self) -> None:
        """Nothing is held."""


def contest(work: Work, entrants: Sequence[Entrant], absences: Sequence[Absence] = ()) -> Section:
    """Measure every entrant; one that fails is an absence with its reason, never left out."""
    missing = list(absences)
    running: list[tuple[Entrant, Runner, int]] = []
    best: dict[int, Line] = {}
    try:
        for entrant in entrants:
            try:
                runner = _runner(entrant, work.inputs)
                running.append((entrant, runner, _affordable(runner, work)))
            except Exception as error:  # noqa: BLE001  # whatever a peer raises is the reason why it is absent
                missing.append(Absence(f"{entrant.engine}, {entrant.form}", reason(error)))
        for number in range(ROUNDS):
            for at, (entrant, runner, count) in enumerate(running):
                taken, answers = runner.round(count)
                line = Line(entrant.engine, entrant.form, taken, _tallies(work, answers), runner.prepared)
                if not number or line.wrong or line.median < best[at].median:
                    best[at] = line
    finally:
        for _, runner, _ in running:
            runner.close()
    return Section(work.key, work.title, work.unit, [best[at] for at in sorted(best)], missing)


def entered(
    families: Sequence[Family], enter: Callable[[Family], list[Entrant]]
) -> tuple[list[Entrant], list[Absence]]:
    """The forms in which each family enters a workload, and the families that cannot or are not installed."""
    entrants: list[Entrant] = []
    absences: list[Absence] = []
    for family in families:
        try:
            if family.package:
                family.module()
            entrants += enter(family)
        except CannotError as error:
            absences.append(Absence(family.name, str(error)))
    return entrants, absences


def _runner(entrant: Entrant, inputs: Sequence[Any]) -> Runner:
    if entrant.apart:
        from benchmarks.apart import Apart  # noqa: PLC0415  # it runs `Here` in another process

        return Apart(entrant, inputs)
    return Here(entrant, inputs)


def _affordable(runner: Runner, work: Work) -> int:
    """How many inputs fit into a round."""
    taken, _ = runner.round(3)
    fit = int(work.seconds * 1e9 / max(min(taken), 1))
    return min(len(work.inputs), max(FEWEST, fit))


def _tallies(work: Work, answers: Sequence[Any]) -> dict[str, Tally]:
    sorts = work.sorts or [""] * len(work.inputs)
    asked: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for sort, answer, expected in zip(sorts, answers, work.expected, strict=False):
        asked[sort] += 1
        wrong[sort] += answer != expected
    return {sort: Tally(asked[sort], wrong[sort]) for sort in dict.fromkeys(sorts) if asked[sort]}


def reason(error: BaseException) -> str:
    """An error as half a line: its first line, without the trace that some peers add."""
    text = " ".join(str(error).replace("\\n", "\n").split("\n")[0].split())
    kind = "" if isinstance(error, CannotError) else f"{type(error).__name__}: "
    return f"{kind}{text[:160]}"
