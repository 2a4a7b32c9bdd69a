"""Checking policies: every cell becomes a predicate inside the wall, every record type has its row, names are known.

What a predicate cannot say, and what reaches beyond the organisation, is refused when policies are loaded. What merely
grants less than was meant (a type without a row, a misspelt role) is told by `bylaw check`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import product

from engine.caller import ACTIONS, Actor
from engine.policy.cells import Evaluator, cuts
from engine.policy.oso_border import is_allowed
from engine.policy.rows import place_of, rows, without_comments
from engine.policy.template import Cell, Template, ToUser, filled
from engine.policy.vocabulary import ALL_ROLES, RESOURCES, User, class_name
from engine.policy.worlds import records, users
from engine.predicate import both, matches
from engine.problems import InvalidError, Place, Problem
from engine.records import Record

_TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def loading_problems(evaluator: Evaluator, roles: Iterable[str]) -> tuple[Problem, ...]:
    """Everything that keeps policies from being used, in order. Evaluates every cell of these roles.

    Codes: `policy.shape`, `policy.unknown_name`, `policy.organisation`.
    """
    return _sorted((*cuts(evaluator.files), *_shapes(evaluator, roles)))


def text_problems(files: Mapping[str, str]) -> tuple[Problem, ...]:
    """What policies hardly mean, in order: rules that never grant. Codes: `policy.no_row`, `policy.unknown_name`."""
    return _sorted((*_missing_rows(files), *_misspelt(files)))


def _sorted(found: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: (problem.place, problem.code, problem.message)))


def _shapes(evaluator: Evaluator, roles: Iterable[str]) -> Iterator[Problem]:
    """Every way through every cell, for any user: what cannot be a predicate, and what has no wall around it."""
    files = evaluator.files

    def allows(actor: Actor, action: str, record: Record) -> bool:
        return is_allowed(evaluator.whole, actor, action, record)

    for role, action, record_type in product(roles, ACTIONS, RESOURCES):
        try:
            cell = evaluator.cell(role, action, record_type)
        except InvalidError as error:
            yield from error.problems
            continue
        if lost_a_condition(cell, role, action, record_type, allows):
            message = f"the rule for `{action}` on `{record_type}` compares fields of the record with each other"
            help_text = "compare each field with a value or with the user"
            yield _placed(Problem("policy.shape", message, place_of(files, action, record_type), help_text), files)
        if any(not walled(path.template) for path in cell.paths()):
            message = f"a rule for `{action}` on `{record_type}` reaches beyond the user's organisation"
            help_text = "add `record.organisation_id = user.organisation_id`"
            yield _placed(
                Problem("policy.organisation", message, place_of(files, action, record_type), help_text), files
            )


def _placed(problem: Problem, files: Mapping[str, str]) -> Problem:
    source = problem.place.source
    return problem.in_text(source, files[source]) if source else problem


def lost_a_condition(
    cell: Cell, role: str, action: str, record_type: str, allows: Callable[[Actor, str, Record], bool]
) -> bool:
    """Whether Oso's own check (`allows`) denies a record that meets all conditions of a way to be granted, and no more.

    Then Oso has lost a condition while it evaluated the rule, as it does with `record.a in [record.b]`.
    """
    seen: set[Template] = set()
    for actor in users(role, cell.paths()):
        user = User(actor)
        template = cell.template(user)
        if template in seen:
            continue
        seen.add(template)
        for literals in template.conjunctions():
            wanted = both(*(filled(literal, user) for literal in literals))
            met = (record for record in records(record_type, actor, literals) if matches(wanted, record.values()))
            record = next(met, None)
            if record is not None and not allows(actor, action, record):
                return True
    return False


def walled(template: Template) -> bool:
    """Whether everything that the template grants lies in the user's own organisation."""
    wall = ToUser("organisation_id", "=", "organisation_id")
    return all(wall in literals for literals in template.conjunctions())


def _missing_rows(files: Mapping[str, str]) -> Iterator[Problem]:
    """Record types that no `allow` rule names; the service role's rule for everything does not count."""
    named = {model for _, model, _ in rows(files)}
    for record_type in RESOURCES:
        if class_name(record_type) not in named:
            yield Problem(
                "policy.no_row",
                f"no rule says who may do what to `{record_type}`",
                help=f"write `allow(user: User, action: String, record: {class_name(record_type)}) if ...`",
            )


def _misspelt(files: Mapping[str, str]) -> Iterator[Problem]:
    """Texts that look like a role or an action but are none: such a rule would silently never apply."""
    for source, text in files.items():
        for number, line in enumerate(without_comments(text).splitlines(), start=1):
            for literal in _TEXT.finditer(line):
                near = _near(literal.group(1), (*ALL_ROLES, *ACTIONS))
                if near is not None:
                    place = Place(source, number, literal.start() + 1, len(literal.group()))
                    message = f"there is no role or action `{literal.group(1)}`"
                    problem = Problem("policy.unknown_name", message, place, f"did you mean `{near}`?")
                    yield problem.in_text(source, text)


def _near(word: str, known: Iterable[str]) -> str | None:
    names = list(known)
    if word in names or word in RESOURCES:
        return None
    found = get_close_matches(word, names, n=1, cutoff=0.8)
    return found[0] if found else None
