"""The policies in force: loaded once from texts, asked for predicates, answering point checks with the same predicates.

Oso evaluates each cell for a symbolic user (`engine.policy.cells`); an actor's attributes make the result a predicate,
without asking Oso again. A point check matches the record against that predicate, so lists, checks, exports and sync
scope have one meaning. Oso's own `is_allowed` stays available as the reference that tests compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from engine.caller import ACTIONS, Actor
from engine.policy.cells import Cell
from engine.policy.oso_border import Loaded, build, is_allowed
from engine.policy.rows import Rule, only
from engine.policy.vocabulary import ALL_ROLES, RESOURCES, User
from engine.predicate import Always, Predicate, matches
from engine.problems import Problem
from engine.records import Record
from engine.scopes import narrowed

if TYPE_CHECKING:
    from engine.policy.explaining import Explanation
    from engine.policy.matrix import MatrixRow

KEPT_PREDICATES = 20_000
"""How many predicates are kept: about a thousand actors' worth. The oldest go first."""


class Policies:
    """A loaded set of policy files; an `engine.ports.Authorizer`."""

    def __init__(self, files: Mapping[str, str], oso: Loaded) -> None:
        """Use `Policies.load`."""
        self.files = dict(files)
        self._oso = oso
        self._oso_lock = Lock()  # one Oso knowledge base is not asked by two threads at once
        self._keeping = Lock()
        self._kept: dict[tuple[Actor, str, str], Predicate] = {}
        self._alone: dict[Rule, Policies] = {}
        self._cells: dict[tuple[str, str, str], Cell] = {}

    @classmethod
    def load(cls, files: Mapping[str, str]) -> Policies:
        """The policies of these `.polar` files (name to text). Raises `InvalidError` with `policy.*` codes."""
        return cls(files, build(files))

    @cached_property
    def digest(self) -> str:
        """SHA-256 over the names and texts of the files, in the names' order."""
        found = sha256()
        for name, text in sorted(self.files.items()):
            for part in (name.encode(), text.encode()):
                found.update(len(part).to_bytes(8, "big") + part)
        return found.hexdigest()

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """Which records of the type the actor may do this to.

        An unknown action or record type is a programming error (`LookupError`). Raises `InvalidError` (`policy.shape`)
        if a rule cannot become a predicate; `check` finds such rules before a policy is used.
        """
        key = (actor, action, record_type)
        kept = self._kept.get(key)
        if kept is None:
            user = User(actor)
            kept = narrowed(
                self.cell(user.role, action, record_type).template(user).filled(user), actor, action, record_type
            )
            with self._keeping:
                while len(self._kept) >= KEPT_PREDICATES:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = kept
        return kept

    def cell(self, role: str, action: str, record_type: str) -> Cell:
        """What a role may do this to, for all users at once. Raises `LookupError` as `predicate` does."""
        if action not in ACTIONS:
            raise LookupError(f"no action {action!r}: actions are {', '.join(ACTIONS)}")
        if record_type not in RESOURCES:
            raise LookupError(f"no record type {record_type!r}")
        key = (role if role in ALL_ROLES else "", action, record_type)
        found = self._cells.get(key)
        if found is None:
            found = self._cells.setdefault(key, Cell(self._oso, self._oso_lock, *key))
        return found

    def alone(self, rule: Rule) -> Policies:
        """The same policies with one `allow` rule and no other: what this rule grants by itself."""
        found = self._alone.get(rule)
        if found is None:
            found = self._alone.setdefault(rule, Policies.load(only(self.files, rule)))
        return found

    def allows(self, actor: Actor, action: str, record: Record) -> bool:
        """Whether the actor may do this to this record, as it stands."""
        return matches(self.predicate(actor, action, record.type), record.values())

    def explain(self, actor: Actor, action: str, record: Record) -> Explanation:
        """Why the actor may, or may not: the rule that grants it, or what a denial misses least."""
        from engine.policy.explaining import explain  # noqa: PLC0415  # it reads this class

        return explain(self, actor, action, record)

    def reference_allows(self, actor: Actor, action: str, record: Record) -> bool:
        """What Oso itself says: slow, for tests and `bylaw check`."""
        if not matches(narrowed(Always(), actor, action, record.type), record.values()):
            return False  # scopes are no part of the policy files
        with self._oso_lock:
            return is_allowed(self._oso, actor, action, record)

    def check(self) -> tuple[Problem, ...]:
        """Everything wrong with these policies: shapes, record types without a row, misspelt names. Takes a second."""
        from engine.policy.checks import problems_of  # noqa: PLC0415  # it reads this class

        return problems_of(self)

    def matrix(self) -> tuple[MatrixRow, ...]:
        """The role matrix as these policies are."""
        from engine.policy.matrix import matrix  # noqa: PLC0415  # it reads this class

        return matrix(self)
