"""The policies in force: loaded once from texts, asked for predicates, answering point checks with the same predicates.

Oso reads the files and evaluates a rule partially for a concrete actor; the result becomes a `Predicate` and is kept
for that actor. A point check matches the record against that predicate, so lists, checks, exports and sync scope have
one meaning. Oso's own `is_allowed` stays available as the reference that tests compare with.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from engine.caller import ACTIONS, Actor
from engine.policy.oso_border import Loaded, build, filter_for, is_allowed
from engine.policy.rows import place_of
from engine.policy.translation import UnknownFieldError, UnsupportedShapeError, predicate_of
from engine.policy.vocabulary import RESOURCES, asked_fields
from engine.predicate import Always, Never, Predicate, matches
from engine.problems import InvalidError, Place, Problem
from engine.records import Record
from engine.scopes import narrowed

if TYPE_CHECKING:
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
        self._kept: dict[tuple[Actor, str, str], Predicate] = {}

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
            kept = narrowed(self._asked(actor, action, record_type), actor, action, record_type)
            with self._oso_lock:
                while len(self._kept) >= KEPT_PREDICATES:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = kept
        return kept

    def allows(self, actor: Actor, action: str, record: Record) -> bool:
        """Whether the actor may do this to this record, as it stands."""
        return matches(self.predicate(actor, action, record.type), record.values())

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

    def _asked(self, actor: Actor, action: str, record_type: str) -> Predicate:
        if action not in ACTIONS:
            raise LookupError(f"no action {action!r}: actions are {', '.join(ACTIONS)}")
        if record_type not in RESOURCES:
            raise LookupError(f"no record type {record_type!r}")
        with self._oso_lock:
            found = filter_for(self._oso, actor, action, record_type)
        if isinstance(found, Problem):
            raise InvalidError(found)
        known = asked_fields(RESOURCES[record_type].record_type)
        try:
            return Never() if found is None else predicate_of(found, known)
        except UnknownFieldError as error:
            near = get_close_matches(str(error), known, n=1)
            raise self._refusal(
                "policy.unknown_name",
                f"`{record_type}` has no field `{error}` that a policy may ask",
                place_of(self.files, action, record_type),
                f"did you mean `{near[0]}`?" if near else "policies ask texts, whole numbers and truth values",
            ) from None
        except UnsupportedShapeError as error:
            raise self._refusal(
                "policy.shape",
                f"the rule for `{action}` on `{record_type}` cannot become a database query: {error}",
                place_of(self.files, action, record_type),
                "write the condition positively, comparing a field with a value",
            ) from None

    def _refusal(self, code: str, message: str, place: Place, help_text: str) -> InvalidError:
        problem = Problem(code, message, place, help_text)
        return InvalidError(problem.in_text(place.source, self.files[place.source]) if place.source else problem)
