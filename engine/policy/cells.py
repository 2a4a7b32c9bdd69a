"""Every (role, action, record type) cell of the policies, evaluated by Oso for a symbolic user.

A cell is explored way by way: one evaluation gives the questions about the user that it asked and the template at their
end; answering one of them differently is another way. `Cell.template` walks to the template that is an actor's, and
explores a way that nobody took before; `Cell.paths` explores all of them, which is how shapes are checked for any user.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from threading import Lock
from typing import Any

from engine.policy.oso_border import Loaded, alternatives_for
from engine.policy.rows import place_of, without_comments
from engine.policy.symbols import EVERY, LIST, Oracle, Question, symbolic_user
from engine.policy.template import Path, Template
from engine.policy.translation import UnknownFieldError, UnsupportedShapeError, template_of
from engine.policy.vocabulary import RESOURCES, User, asked_fields, class_name
from engine.problems import InvalidError, Place, Problem

MOST_PATHS = 512
"""Ways through one cell. The shipped policies have at most twenty; a cell with more is refused."""

_CUT = re.compile(r'"(?:[^"\\\n]|\\.)*"|\b(cut)\b')
_POSITIVELY = (
    "write the condition positively, without `not` about the record: compare one field with a value or with the user "
    f"(`=`, `!=`, `<`, `in`; `record.field != user.{EVERY}` for none of them)"
)
_LIST_HELP = f"use `record.field in user.{LIST}`, or `record.field != user.{EVERY}`"


class Cell:
    """One cell. Raises `InvalidError` (`policy.shape`, `policy.unknown_name`) where a way cannot be a predicate."""

    def __init__(self, loaded: Loaded, lock: Lock, role: str, action: str, record_type: str) -> None:
        """Nothing is evaluated yet."""
        self.role, self.action, self.record_type = role, action, record_type
        self._loaded = loaded
        self._lock = lock  # one Oso knowledge base is not asked by two threads at once
        self._nodes: dict[tuple[bool, ...], Question | Template] = {}

    def template(self, user: User) -> Template:
        """The template that this user's answers lead to."""
        way: tuple[bool, ...] = ()
        while not isinstance(node := self._node(way), Template):
            way = (*way, node.answer(user))
        return node

    def paths(self) -> Iterator[Path]:
        """Every way through the cell."""
        open_ways: list[tuple[tuple[bool, ...], tuple[tuple[Question, bool], ...]]] = [((), ())]
        found = 0
        while open_ways:
            way, answers = open_ways.pop()
            node = self._node(way)
            if isinstance(node, Question):
                open_ways += [((*way, answer), (*answers, (node, answer))) for answer in (True, False)]
                continue
            found += 1
            if found > MOST_PATHS:
                raise self._refused("it asks too many questions about the user", "ask the record instead")
            yield Path(answers, node)

    def _node(self, way: tuple[bool, ...]) -> Question | Template:
        if (known := self._nodes.get(way)) is None:
            with self._lock:
                self._explore(way)
            known = self._nodes[way]
        return known

    def _explore(self, way: tuple[bool, ...]) -> None:
        oracle = Oracle(way)
        user = symbolic_user(self.role, oracle)
        found = alternatives_for(self._loaded, user, self.action, self.record_type)
        if oracle.refusal:
            raise self._refused(oracle.refusal, _LIST_HELP if LIST in oracle.refusal else _POSITIVELY, found)
        if isinstance(found, Problem):
            raise InvalidError(found)
        template = self._translated(found)
        taken: tuple[bool, ...] = ()
        for question, answer in oracle.asked.items():
            self._nodes.setdefault(taken, question)
            taken = (*taken, answer)
        self._nodes[taken] = template

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
