"""What one evaluation carries along, and the variables it sees."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from engine.feel.limits import MAX_STANDARD_CALLS, MAX_STEPS, STEPS_OF_A_CALL
from engine.feel.values import Fault

MAX_NOTES: Final = 100
"""Notes kept of one evaluation."""

LIMITS: Final = frozenset({"feel.step_limit", "feel.call_depth"})
"""Faults that end the evaluation instead of becoming null."""


@dataclass(frozen=True, slots=True)
class Note:
    """Why something became null: a problem's code and sentence, the text it came from, and the model's element."""

    code: str
    message: str
    text: str = ""
    element: str = ""


class Session:
    """The instant, the budget left, and what was noted."""

    __slots__ = ("at", "calls", "notes", "steps")

    def __init__(self, at: dt.datetime | None = None) -> None:
        """`at`, with its zone, is what `now()` means; without it, asking for the time gives null."""
        self.at = at
        self.steps = MAX_STEPS
        self.calls = 0
        self.notes: list[Note] = []

    def spend(self, steps: int) -> None:
        """Take steps from the budget. Raises `Fault` `feel.step_limit`."""
        self.steps -= steps
        if self.steps < 0:
            raise Fault("feel.step_limit", f"the evaluation takes more than {MAX_STEPS} steps")

    def invoke(self, function: Any, arguments: Sequence[Any]) -> Any:
        """Call a function value with arguments by position. Raises `Fault`."""
        return function.positional(self, arguments)

    def now(self) -> dt.datetime:
        """The instant of the evaluation. Raises `Fault` `feel.no_instant`."""
        if self.at is None:
            raise Fault("feel.no_instant", "the model asks for the time, but the evaluation was given none")
        return self.at

    def enter(self) -> None:
        """Begin a call. Raises `Fault` `feel.call_depth`."""
        self.calls += 1
        if self.calls > MAX_STANDARD_CALLS:
            raise Fault("feel.call_depth", f"functions call each other more than {MAX_STANDARD_CALLS} deep")
        self.spend(STEPS_OF_A_CALL)

    def leave(self) -> None:
        """End a call."""
        self.calls -= 1

    def within(self, element: str, since: int) -> None:
        """Say of the notes after the first `since` ones that lack it which element of a model they are about."""
        for at in range(since, len(self.notes)):
            if not self.notes[at].element:
                self.notes[at] = replace(self.notes[at], element=element)

    def note(self, fault: Fault, text: str = "") -> None:
        """Keep why something is null. Raises the fault again if it is a limit."""
        if fault.code in LIMITS:
            raise fault
        if len(self.notes) < MAX_NOTES:
            self.notes.append(Note(fault.code, fault.message, text))


class Environment:
    """Variables, each hiding one of the same name further out."""

    __slots__ = ("outer", "session", "values")

    def __init__(self, values: Mapping[str, Any], session: Session, outer: Environment | None = None) -> None:
        self.values = values
        self.session = session
        self.outer = outer

    def child(self, values: Mapping[str, Any]) -> Environment:
        """This environment with variables added."""
        return Environment(values, self.session, self)

    def find(self, name: str) -> Any:
        """A variable's value, or `MISSING`."""
        at: Environment | None = self
        while at is not None:
            if name in at.values:
                return at.values[name]
            at = at.outer
        return MISSING


MISSING: Final = object()
"""What `Environment.find` gives for a name that means nothing."""
