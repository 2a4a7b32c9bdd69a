"""A user whose attributes are symbols: what Oso does with them is seen, so a rule is evaluated once for all users.

Oso compares what it does not know by asking Python. A symbol answers such a question as it is told to and notes it;
what Oso does with a symbol and a record's field stays in its answer. So one evaluation of a rule is right for every
user of whom the same answers are true, and the noted questions tell which users these are. Whatever else a rule might
do to a symbol (order it, call it, take a list apart) is noted as a refusal: the evaluation would not be right for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from engine.caller import Actor
from engine.policy.vocabulary import User

TEXTS = ("id", "organisation_id", "region_id", "branch_id", "team_id")
"""The attributes of a user that are one text. The role is no symbol: every role is evaluated by itself."""
LIST = "territory_ids"
EVERY = "every_territory"


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule asks about the user alone.

    `attribute` equals the text `value`; or the other attribute `value` where `other` is set; or, for the list, that it
    is empty.
    """

    attribute: str
    value: str = ""
    other: bool = False

    def answer(self, user: User) -> bool:
        """The answer for this user."""
        held = getattr(user, self.attribute)
        if self.attribute == LIST:
            return not held
        return bool(held == (getattr(user, self.value) if self.other else self.value))

    def __str__(self) -> str:
        if self.attribute == LIST:
            return f"user.{LIST} is empty"
        return f"user.{self.attribute} = " + (f"user.{self.value}" if self.other else f'"{self.value}"')


@dataclass(slots=True)
class Oracle:
    """The answers of one evaluation: first those that are given, then "no"; each question is answered once."""

    given: tuple[bool, ...]
    asked: dict[Question, bool] = field(default_factory=dict)
    refusal: str = ""
    elements: int = 0

    def answer(self, question: Question) -> bool:
        """The answer, the same for the same question."""
        number = len(self.asked)
        return self.asked.setdefault(question, self.given[number] if number < len(self.given) else False)

    def refuse(self, what: str) -> None:
        """Note what cannot be a predicate; the first one is told."""
        self.refusal = self.refusal or what


class Symbol:
    """An attribute (`name`) of the user, whatever its value. Compared with anything but a field, it asks the oracle."""

    def __init__(self, oracle: Oracle, name: str) -> None:
        """A symbol is bound to one evaluation."""
        self._oracle, self.name = oracle, name

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Symbol):
            if type(self) is not Symbol or type(other) is not Symbol:
                return _only_with_fields(self._oracle)
            first, second = sorted((self.name, other.name))
            return first == second or self._oracle.answer(Question(first, second, other=True))
        if type(self) is not Symbol:
            return _only_with_fields(self._oracle)
        return isinstance(other, str) and self._oracle.answer(Question(self.name, other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.name)

    def __lt__(self, other: object) -> bool:
        self._oracle.refuse(f"it orders the user's `{self.name}`")
        return False

    __le__ = __gt__ = __ge__ = __lt__

    def __getattr__(self, name: str) -> NoReturn:
        self._oracle.refuse(f"it asks for `{name}` of the user's `{self.name}`")
        raise AttributeError(name)


class Element(Symbol):
    """Any one territory of the user."""


class EveryTerritory(Symbol):
    """All territories of the user at once: a field that differs from it differs from each of them."""


class Territories:
    """The user's list. A list that is not empty has any one element: what holds for it holds for some of them."""

    def __init__(self, oracle: Oracle) -> None:
        """As for symbols."""
        self._oracle = oracle

    def __iter__(self) -> Iterator[Element]:
        if not self._oracle.answer(Question(LIST)):
            self._oracle.elements += 1
            yield Element(self._oracle, f"{LIST} {self._oracle.elements}")

    def __eq__(self, other: object) -> bool:
        return _only_with_fields(self._oracle)

    def __ne__(self, other: object) -> bool:
        return _only_with_fields(self._oracle)

    def __hash__(self) -> int:
        return 0

    def __getattr__(self, name: str) -> NoReturn:
        self._oracle.refuse(f"it asks for `{name}` of the user's `{LIST}`")
        raise AttributeError(name)


def _only_with_fields(oracle: Oracle) -> bool:
    oracle.refuse(f"it compares the user's `{LIST}` with something else than a field of the record")
    return False


def symbolic_user(role: str, oracle: Oracle) -> User:
    """A user of this role with symbols for everything else."""
    user = User(Actor("", "", role, "", "", "", ""))
    symbols: Mapping[str, Any] = {
        **{name: Symbol(oracle, name) for name in TEXTS},
        LIST: Territories(oracle),
        EVERY: EveryTerritory(oracle, LIST),
    }
    for name, symbol in symbols.items():
        setattr(user, name, symbol)
    return user
