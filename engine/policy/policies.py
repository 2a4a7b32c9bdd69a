"""The policies in force: loaded once from texts, asked for predicates, answering point checks with the same predicates.

Every cell is evaluated for a symbolic user when policies are loaded (`engine.policy.compiled`), so that what cannot be
a predicate for some user is refused before anybody asks; an actor's attributes then make a cell a predicate. A point
check matches the record against that predicate, so lists, checks, exports and sync scope have one meaning. Oso's own
`is_allowed` stays available as the reference that tests compare with.

A loaded set of policies never changes, and any thread may ask it.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

from engine.caller import ACTIONS, Actor
from engine.policy.cells import Evaluator
from engine.policy.compiled import Compiled, compiled, digest_of
from engine.policy.oso_border import Loaded, build, is_allowed
from engine.policy.rows import Rule, only
from engine.policy.template import Cell
from engine.policy.vocabulary import RESOURCES
from engine.predicate import Always, Predicate, matches
from engine.records import Record
from engine.scopes import narrowed

if TYPE_CHECKING:
    from engine.policy.explaining import Explanation
    from engine.policy.matrix import MatrixRow

KEPT_PREDICATES = 20_000
"""How many predicates are kept: about a thousand actors' worth. The oldest go first."""


class Policies:
    """A loaded set of policy files; an `engine.ports.Authorizer`."""

    def __init__(self, files: Mapping[str, str], cells: Compiled) -> None:
        """Use `Policies.load`."""
        self.files = dict(files)
        self.compiled = cells
        self._oso: Loaded | None = None
        self._oso_lock = Lock()  # one Oso knowledge base is not asked by two threads at once
        self._keeping = Lock()
        self._kept: dict[tuple[Actor, str, str], Predicate] = {}
        self._alone: dict[Rule, Evaluator] = {}

    @classmethod
    def load(cls, files: Mapping[str, str], kept: Compiled | None = None) -> Policies:
        """The policies of these `.polar` files (name to text). `kept` saves evaluating them, if it is theirs.

        Raises `InvalidError` with everything that keeps them from being used: `policy.syntax`, `policy.unknown_name`,
        `policy.shape` and `policy.organisation`, each with its line and what to write instead.
        """
        return cls(files, kept if kept is not None and kept.is_for(digest_of(files)) else compiled(files))

    @property
    def digest(self) -> str:
        """SHA-256 over the names and texts of the files, in the names' order."""
        return self.compiled.digest

    def predicate(self, actor: Actor, action: str, record_type: str) -> Predicate:
        """Which records of the type the actor may do this to.

        An unknown action or record type is a programming error (`LookupError`).
        """
        key = (actor, action, record_type)
        kept = self._kept.get(key)
        if kept is None:
            _require_known(action, record_type)
            kept = self.compiled.predicate(actor, action, record_type)
            with self._keeping:
                while len(self._kept) >= KEPT_PREDICATES:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = kept
        return kept

    def cell(self, role: str, action: str, record_type: str) -> Cell:
        """What a role may do this to, for all users at once. Raises `LookupError` as `predicate` does."""
        _require_known(action, record_type)
        return self.compiled.cell(role, action, record_type)

    def alone(self, rule: Rule) -> Evaluator:
        """The same policies with one `allow` rule and no other: what this rule grants by itself."""
        found = self._alone.get(rule)
        if found is None:
            found = self._alone.setdefault(rule, Evaluator(only(self.files, rule)))
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
            if self._oso is None:
                self._oso = build(self.files)
            return is_allowed(self._oso, actor, action, record)

    def matrix(self) -> tuple[MatrixRow, ...]:
        """The role matrix as these policies are."""
        from engine.policy.matrix import matrix  # noqa: PLC0415  # it reads this class

        return matrix(self)


def _require_known(action: str, record_type: str) -> None:
    if action not in ACTIONS:
        raise LookupError(f"no action {action!r}: actions are {', '.join(ACTIONS)}")
    if record_type not in RESOURCES:
        raise LookupError(f"no record type {record_type!r}")
