"""Every cell of the policies in words: what must hold for somebody of a role to do something to a record of a type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from engine.caller import ACTIONS
from engine.policy.compiled import Compiled
from engine.policy.explaining import written
from engine.policy.symbols import Question
from engine.policy.template import Cell, Path
from engine.policy.vocabulary import ALL_ROLES, RESOURCES


@dataclass(frozen=True, slots=True)
class CellInWords:
    """What a role may do to records of a type: in any of these `ways`, each a condition; in none where there are none.

    A way reads `organisation_id = user.organisation_id and ...`: fields of the record, compared with the user's.
    """

    role: str
    action: str
    record_type: str
    ways: tuple[str, ...]


def cells_in_words(policies: Compiled) -> Iterator[CellInWords]:
    """Every cell of the roles, by role, record type and action."""
    for role, record_type, action in product(ALL_ROLES, RESOURCES, ACTIONS):
        yield CellInWords(role, action, record_type, in_words(policies.cell(role, action, record_type)))


def in_words(cell: Cell) -> tuple[str, ...]:
    """The ways to be granted in a cell, each as a condition."""
    ways = list(dict.fromkeys(way for path in cell.paths() for way in _ways(path)))
    told = (way for way in ways if not any(_absorbs(other, way) for other in ways))
    return tuple(" and ".join((*user, *record)) or "always" for user, record in told)


_Way = tuple[tuple[str, ...], tuple[str, ...]]
"""What is asked of the user, and of the record."""


def _ways(path: Path) -> Iterator[_Way]:
    """The ways along a path. That the user has an id is not told: an empty one is no id anywhere."""
    about_user = tuple(_answered(question, said) for question, said in path.answers if said or question.value)
    for literals in path.template.conjunctions():
        yield about_user, tuple(map(written, literals))


def _absorbs(other: _Way, way: _Way) -> bool:
    """Whether the other asks the same of the record and less of the user."""
    return other[1] == way[1] and set(other[0]) < set(way[0])


def _answered(question: Question, said: bool) -> str:  # noqa: FBT001  # an answer
    text = str(question)
    if said:
        return text
    return text.replace(" is empty", " is not empty").replace(" = ", " != ", 1)
