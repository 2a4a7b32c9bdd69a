"""All cells of some policies, evaluated: what requests are answered from, and what a file keeps of a version.

Evaluating them takes seconds, nearly all of it inside Oso, so the result is kept in a file beside the policies, by the
digest of their texts. It is used for these texts alone, and only while roles, actions and record types are still those
it was made for; `bylaw check` evaluates anew and compares. Of an earlier version such a file is all that is kept:
enough to say what that version granted, when its texts can no longer be loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import product

from engine.caller import ACTIONS, Actor
from engine.policy.cells import Evaluator
from engine.policy.checks import loading_problems
from engine.policy.template import EMPTY_CELL, Cell
from engine.policy.vocabulary import ALL_ROLES, RESOURCES, User, asked_fields
from engine.predicate import Predicate
from engine.problems import InvalidError
from engine.records import record_type as type_named
from engine.scopes import narrowed

ROLES = ("", *ALL_ROLES)
"""Every role that is evaluated. The empty one stands for whatever is no role."""

Key = tuple[str, str, str]
"""A role, an action and a record type."""

KEPT = 8


def digest_of(files: Mapping[str, str]) -> str:
    """SHA-256 over the names and texts of policy files, in the names' order."""
    found = sha256()
    for name, text in sorted(files.items()):
        for part in (name.encode(), text.encode()):
            found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()


@dataclass(frozen=True, slots=True)
class Compiled:
    """Every cell of the policies with this digest. Cells that grant nobody anything are left out.

    `roles` and `actions` are those that were evaluated, `fields` the fields that any cell asks for, with their Python
    types, by record type; a type that asks for none is there too.
    """

    digest: str
    roles: tuple[str, ...]
    actions: tuple[str, ...]
    fields: Mapping[str, Mapping[str, str]]
    cells: Mapping[Key, Cell] = field(repr=False)

    def is_for(self, digest: str) -> bool:
        """Whether it is what evaluating the policies with this digest would give now."""
        return (digest, ROLES, ACTIONS, set(RESOURCES)) == (
            self.digest,
            self.roles,
            self.actions,
            set(self.fields),
        ) and all(asked.items() <= _kinds(name).items() for name, asked in self.fields.items())

    def cell(self, role: str, action: str, record_type: str) -> Cell:
        """What a role may do this to: for a cell that this version did not know, nothing.

        What is no role counts as the empty one.
        """
        return self.cells.get((role if role in ALL_ROLES else "", action, record_type), EMPTY_CELL)

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """Which records of the type the actor may do this to, within the scopes of the actor's token."""
        user = User(actor)
        found = self.cell(user.role, action, record_type).template(user).filled(user)
        return narrowed(found, actor, action, record_type)


def compiled(files: Mapping[str, str]) -> Compiled:
    """Evaluate every cell; the same texts are evaluated once. Takes some seconds for the shipped policies.

    Raises `InvalidError` with everything that keeps these policies from being used, in order: `policy.syntax`,
    `policy.unknown_name`, `policy.shape`, `policy.organisation`.
    """
    return _compiled(tuple(sorted(files.items())))


@lru_cache(maxsize=KEPT)
def _compiled(texts: tuple[tuple[str, str], ...]) -> Compiled:
    files = dict(texts)
    evaluator = Evaluator(files)
    problems = loading_problems(evaluator, ROLES)
    if problems:
        raise InvalidError(problems)
    keys = product(ROLES, ACTIONS, RESOURCES)
    cells = {key: cell for key in keys if (cell := evaluator.cell(*key)) != EMPTY_CELL}
    return Compiled(digest_of(files), ROLES, ACTIONS, _fields(cells), cells)


def _fields(cells: Mapping[Key, Cell]) -> dict[str, dict[str, str]]:
    """The fields that are asked for, with their types, in the order of their names."""
    asked: dict[str, set[str]] = {name: set() for name in RESOURCES}
    for (_, _, record_type), cell in cells.items():
        for path in cell.paths():
            asked[record_type].update(one.field for literals in path.template.conjunctions() for one in literals)
    return {name: {one: _kinds(name)[one] for one in sorted(names)} for name, names in asked.items()}


def _kinds(record_type: str) -> dict[str, str]:
    return {name: kind.__name__ for name, kind in asked_fields(type_named(record_type)).items()}
