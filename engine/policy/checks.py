"""Checking policies before they are used: cells become predicates, every record type has its row, names are known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import product

from engine.caller import ACTIONS
from engine.policy.cells import cuts
from engine.policy.policies import Policies
from engine.policy.rows import place_of, rows, without_comments
from engine.policy.template import Path, Template, ToUser, filled
from engine.policy.vocabulary import ALL_ROLES, RESOURCES, User, class_name
from engine.policy.worlds import records, users
from engine.predicate import both, matches
from engine.problems import InvalidError, Place, Problem

_TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def problems_of(policies: Policies) -> tuple[Problem, ...]:
    """Everything wrong with loaded policies, sorted.

    Codes: `policy.shape`, `policy.organisation`, `policy.no_row`, `policy.unknown_name`.
    """
    found = dict.fromkeys((*cuts(policies.files), *_shapes(policies), *_missing_rows(policies), *_misspelt(policies)))
    return tuple(sorted(found, key=lambda problem: (problem.place, problem.code, problem.message)))


def _shapes(policies: Policies) -> Iterator[Problem]:
    """Every way through every cell, for any user: what cannot be a predicate, and what has no wall around it."""
    for role, action, record_type in product(ALL_ROLES, ACTIONS, RESOURCES):
        try:
            paths = list(policies.cell(role, action, record_type).paths())
        except InvalidError as error:
            yield from error.problems
            continue
        if lost_a_condition(policies, role, action, record_type, paths):
            place = place_of(policies.files, action, record_type)
            message = f"the rule for `{action}` on `{record_type}` compares fields of the record with each other"
            problem = Problem("policy.shape", message, place, "compare each field with a value or with the user")
            yield problem.in_text(place.source, policies.files[place.source]) if place.source else problem
        if any(not walled(path.template) for path in paths):
            place = place_of(policies.files, action, record_type)
            problem = Problem(
                "policy.organisation",
                f"a rule for `{action}` on `{record_type}` reaches beyond the user's organisation",
                place,
                help="add `record.organisation_id = user.organisation_id`",
            )
            yield problem.in_text(place.source, policies.files[place.source]) if place.source else problem


def lost_a_condition(policies: Policies, role: str, action: str, record_type: str, paths: list[Path]) -> bool:
    """Whether Oso's check denies a record that meets all conditions of a way to be granted, and nothing else.

    Then Oso has lost a condition while it evaluated the rule, as it does with `record.a in [record.b]`.
    """
    seen: set[Template] = set()
    for actor in users(role, paths):
        user = User(actor)
        template = policies.cell(role, action, record_type).template(user)
        if template in seen:
            continue
        seen.add(template)
        for literals in template.conjunctions():
            wanted = both(*(filled(literal, user) for literal in literals))
            met = (record for record in records(record_type, actor, literals) if matches(wanted, record.values()))
            record = next(met, None)
            if record is not None and not policies.reference_allows(actor, action, record):
                return True
    return False


def walled(template: Template) -> bool:
    """Whether everything that the template grants lies in the user's own organisation."""
    wall = ToUser("organisation_id", "=", "organisation_id")
    return all(wall in literals for literals in template.conjunctions())


def _missing_rows(policies: Policies) -> Iterator[Problem]:
    """Record types that no `allow` rule names; the service role's rule for everything does not count."""
    named = {model for _, model, _ in rows(policies.files)}
    for record_type in RESOURCES:
        if class_name(record_type) not in named:
            yield Problem(
                "policy.no_row",
                f"no rule says who may do what to `{record_type}`",
                help=f"write `allow(user: User, action: String, record: {class_name(record_type)}) if ...`",
            )


def _misspelt(policies: Policies) -> Iterator[Problem]:
    """Texts that look like a role or an action but are none: such a rule would silently never apply."""
    for source, text in policies.files.items():
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
