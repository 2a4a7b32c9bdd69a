"""Properties that are computed once."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

from engine.once import once

COMPUTED: list[str] = []


@dataclass(frozen=True)
class Named:
    """Something with a computed property."""

    name: str

    @once
    def loud(self) -> str | None:
        """The name in capitals."""
        COMPUTED.append(self.name)
        return self.name.upper() or None


def test_a_value_is_computed_at_the_first_look_and_kept() -> None:
    """Each object computes its own value once, whatever the value is; equality and copies do not see it."""
    COMPUTED.clear()
    first, second, empty = Named("a"), Named("b"), Named("")
    assert ["A", "A", "B", None, None] == [first.loud, first.loud, second.loud, empty.loud, empty.loud]
    assert ["a", "b", ""] == COMPUTED
    assert first == Named("a") == pickle.loads(pickle.dumps(first))


def test_the_class_shows_the_property_itself() -> None:
    """Asked of the class it is the property, with its docstring."""
    assert "The name in capitals." == Named.loud.__doc__
