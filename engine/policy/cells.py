"""Every (role, action, record type) cell of the policies, evaluated by Oso for a symbolic user.

A cell is explored way by way: one evaluation gives the questions about the user that it asked and the template at their
end; answering one of them differently is another way. All ways are explored, so what cannot be a predicate for some
user is found whoever asks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from threading import Lock
from typing import Any

from engine.policy.oso_border import Loaded, alternatives_for, build
from engine.policy.rows import Rule, place_of, told_apart, without, without_comments
from engine.policy.symbols import EVERY, LIST, Oracle, symbolic_user
from engine.policy.template import EMPTY_CELL, Branch, Cell, Template, Tree
from engine.policy.translation import UnknownFieldError, UnsupportedShapeError, template_of
from engine.policy.vocabulary import RESOURCES, asked_fields, class_name
from engine.problems import InvalidError, Place, Problem

MOST_PATHS = 512
"""Ways through one cell. The shipped policies have at most twenty; a cell with more is refused."""

_CUT = re.compile(r'"(?:[^"\\\n]|\\.)*"|\b(cut)\b')
_POSITIVELY = (
    "write the condition positively, without `not` about the record: compare one field with a value or with the user "
    f"(`=`, `!=`, `<`, `in`; `record.field != user.{EVERY}` for none of them)"
)
_LIST_HELP = f"use `record.field in user.{LIST}`, or `record.field != user.{EVERY}`"


class Evaluator:
    """Policy files that can be asked for any of their cells.

    For a record type Oso is given only the `allow` rules that can be about it: Oso would ask of each of the others
    whether it is, which takes most of the time of a cell that grants nothing.
    """

    def __init__(self, files: Mapping[str, str]) -> None:
        """Raises `InvalidError` for files that cannot be read: `policy.syntax`, `policy.unknown_name`."""
        self.files = dict(files)
        self.whole = build(files)
        self._rules = told_apart(files)
        self._bases: dict[tuple[Rule, ...], Loaded] = {}
        self._cells: dict[tuple[str, str, str], Cell] = {}
        self._lock = Lock()  # one Oso knowledge base is not asked by two threads at once

    def cell(self, role: str, action: str, record_type: str) -> Cell:
        """Evaluate a cell, or remember it.

        Raises `InvalidError` (`policy.shape`, `policy.unknown_name`) where a way through it cannot be a predicate.
        """
        key = (role, action, record_type)
        with self._lock:
            if key not in self._cells:
                self._cells[key] = self._evaluated(role, action, record_type)
            return self._cells[key]

    def _evaluated(self, role: str, action: str, record_type: str) -> Cell:
        loaded = self._knowing(action, record_type)
        if loaded is None:
            return EMPTY_CELL
        return Cell(_Exploration(loaded, role, action, record_type).tree())

    def _knowing(self, action: str, record_type: str) -> Loaded | None:
        """Oso with the rules about a record type, or None where no rule can be about the action on it."""
        if self._rules is None:
            return self.whole
        about = tuple(rule for rule in self._rules if rule.is_about_type(record_type))
        if not any(rule.is_about(action, record_type) for rule in about):
            return None
        found = self._bases.get(about)
        if found is None:
            found = self._bases.setdefault(about, build(without(self.files, set(self._rules) - set(about))))
        return found


class _Exploration:
    """One cell, way by way."""

    def __init__(self, loaded: Loaded, role: str, action: str, record_type: str) -> None:
        self.role, self.action, self.record_type = role, action, record_type
        self._loaded = loaded
        self._found = 0

    def tree(self, given: tuple[bool, ...] = ()) -> Tree:
        """What follows from these answers to the first questions."""
        self._found += 1
        if self._found > MOST_PATHS:
            raise self._refused("it asks too many questions about the user", "ask the record instead")
        oracle = Oracle(given)
        user = symbolic_user(self.role, oracle)
        alternatives = alternatives_for(self._loaded, user, self.action, self.record_type)
        if oracle.refusal:
            raise self._refused(oracle.refusal, _LIST_HELP if LIST in oracle.refusal else _POSITIVELY, alternatives)
        if isinstance(alternatives, Problem):
            raise InvalidError(alternatives)
        node: Tree = self._translated(alternatives)
        # What was asked beyond the given answers was answered "no": each such question has another way.
        asked = list(oracle.asked)
        for number in reversed(range(len(given), len(asked))):
            otherwise = self.tree((*given, *[False] * (number - len(given)), True))
            if otherwise != node:
                node = Branch(asked[number], no=node, yes=otherwise)
        return node

    def _translated(self, found: list[Any]) -> Template:
        model = RESOURCES[self.record_type]
        known = asked_fields(model.record_type)
        try:
            return template_of(found, class_name(self.record_type), known)
        except UnknownFieldError as error:
            near = get_close_matches(str(error), known, n=1)
            raise self._problem(
                "policy.unknown_name",
                f"`{self.record_type}` has no field `{error}` that a policy may ask",
                f"did you mean `{near[0]}`?" if near else "policies ask texts, whole numbers and truth values",
            ) from None
        except UnsupportedShapeError as error:
            raise self._refused(str(error), _POSITIVELY) from None

    def _refused(self, why: str, help_text: str, found: object = None) -> InvalidError:
        message = f"the rule for `{self.action}` on `{self.record_type}` cannot become a database query: {why}"
        place = found.place if isinstance(found, Problem) else None
        return self._problem("policy.shape", message, help_text, place)

    def _problem(self, code: str, message: str, help_text: str, place: Place | None = None) -> InvalidError:
        files = self._loaded.files
        at = place if place is not None and place.line else place_of(files, self.action, self.record_type)
        problem = Problem(code, message, at, help_text)
        return InvalidError(problem.in_text(at.source, files[at.source]) if at.source else problem)


def cuts(files: Mapping[str, str]) -> Iterator[Problem]:
    """Uses of Oso's `cut`: it stops at the first rule that *may* apply, so its answer differs from the check's."""
    for source, text in sorted(files.items()):
        for number, line in enumerate(without_comments(text).splitlines(), start=1):
            for found in _CUT.finditer(line):
                if found.group(1):
                    message = "`cut` cannot become a database query"
                    place = Place(source, number, found.start() + 1, len("cut"))
                    help_text = "say in each rule when it applies"
                    yield Problem("policy.shape", message, place, help_text).in_text(source, text)
