"""A cell of the policies for all users at once: a predicate with places for the user's attributes.

A cell is a tree. Its inner nodes are questions about the user alone ("has she a team?"); its leaves are templates,
which an actor's attributes make a predicate. Most users take the same way through it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.policy.symbols import EVERY, LIST, TEXTS, Question
from engine.policy.vocabulary import User
from engine.predicate import Compare, In, Never, Operator, Predicate, both, either


@dataclass(frozen=True, slots=True)
class ToUser:
    """`field operator user.attribute`."""

    field: str
    operator: Operator
    attribute: str

    def filled(self, user: User) -> Predicate:
        """For one user."""
        assert self.attribute in TEXTS
        return Compare(self.field, self.operator, getattr(user, self.attribute))

    def __str__(self) -> str:
        return f"{self.field} {self.operator} user.{self.attribute}"


@dataclass(frozen=True, slots=True)
class OneOfTheirs:
    """The field is one of the user's territories."""

    field: str

    def filled(self, user: User) -> Predicate:
        """For one user: without territories it matches nothing."""
        held = tuple(sorted(set(user.territory_ids)))
        return Never() if not held else Compare(self.field, "=", held[0]) if len(held) == 1 else In(self.field, held)

    def __str__(self) -> str:
        return f"{self.field} in user.{LIST}"


@dataclass(frozen=True, slots=True)
class NoneOfTheirs:
    """The field is a text and none of the user's territories."""

    field: str

    def filled(self, user: User) -> Predicate:
        """For one user: without territories every text matches."""
        held = sorted(set(user.territory_ids))
        return both(*(Compare(self.field, "!=", value) for value in held)) if held else Compare(self.field, ">=", "")

    def __str__(self) -> str:
        return f"{self.field} != user.{EVERY}"


Literal = Compare | In | ToUser | OneOfTheirs | NoneOfTheirs
"""One condition on one field: with a constant, or with what the user has."""


@dataclass(frozen=True, slots=True)
class Template:
    """All of `shared` and, where there are any, one of the `alternatives`. `granted` is False for one that never does.

    Both are in the order in which a reader thinks of them: the organisation first.
    """

    shared: tuple[Literal, ...] = ()
    alternatives: tuple[tuple[Literal, ...], ...] = ()
    granted: bool = True

    def filled(self, user: User) -> Predicate:
        """The predicate for one user."""
        if not self.granted:
            return Never()
        shared = (filled(literal, user) for literal in self.shared)
        if not self.alternatives:
            return both(*shared)
        return both(*shared, either(*(both(*(filled(one, user) for one in part)) for part in self.alternatives)))

    def conjunctions(self) -> Iterator[tuple[Literal, ...]]:
        """The ways to be granted: each a conjunction."""
        if self.granted:
            yield from ((*self.shared, *part) for part in self.alternatives or ((),))


NEVER = Template(granted=False)


def filled(literal: Literal, user: User) -> Predicate:
    """One condition for one user."""
    return literal if isinstance(literal, Compare | In) else literal.filled(user)


@dataclass(frozen=True, slots=True)
class Path:
    """A way through a cell: the answers that lead to a template, in the order of asking."""

    answers: tuple[tuple[Question, bool], ...]
    template: Template


@dataclass(frozen=True, slots=True)
class Branch:
    """A question about the user, and what follows from either answer."""

    question: Question
    no: Tree
    yes: Tree


Tree = Branch | Template


@dataclass(frozen=True, slots=True)
class Cell:
    """What a role may do one action to, of one type of record: for all users at once, so for any thread."""

    tree: Tree

    def template(self, user: User) -> Template:
        """The template that this user's answers lead to."""
        node = self.tree
        while isinstance(node, Branch):
            node = node.yes if node.question.answer(user) else node.no
        return node

    def paths(self) -> Iterator[Path]:
        """Every way through the cell, "no" before "yes"."""
        yield from _paths(self.tree, ())


def _paths(tree: Tree, answers: tuple[tuple[Question, bool], ...]) -> Iterator[Path]:
    if isinstance(tree, Template):
        yield Path(answers, tree)
        return
    yield from _paths(tree.no, (*answers, (tree.question, False)))
    yield from _paths(tree.yes, (*answers, (tree.question, True)))


EMPTY_CELL = Cell(NEVER)
"""Nobody may."""
