"""Chance that comes out the same every time."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Chance:
    """A stream of its own for everything that is drawn: what one draws, or whether it is there, shifts no other."""

    seed: int

    def of(self, *names: object) -> Random:
        """The stream of what has these names. The same seed and names give the same draws, on any machine."""
        return Random("/".join(map(str, (self.seed, *names))))  # noqa: S311  # an example, not a secret
