"""Checking policies before they are used: cells become predicates, every record type has its row, names are known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from engine.caller import ACTIONS, Actor
from engine.policy.policies import Policies
from engine.policy.rows import rows, without_comments
from engine.policy.vocabulary import ALL_ROLES, RESOURCES, class_name
from engine.problems import InvalidError, Place, Problem

_TEXT = re.compile(r'"((?:[^"\\\n]|\\.)*)"')


def problems_of(policies: Policies) -> tuple[Problem, ...]:
    """Everything wrong with loaded policies, sorted: `policy.shape`, `policy.no_row`, `policy.unknown_name`."""
    found = dict.fromkeys((*_shapes(policies), *_missing_rows(policies), *_misspelt(policies)))
    return tuple(sorted(found, key=lambda problem: (problem.place, problem.code, problem.message)))


def _shapes(policies: Policies) -> Iterator[Problem]:
    for role in ALL_ROLES:
        everything = Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1", "t2"))
        nothing = Actor("bob", "Bob", role, "acme", "north", "oslo", "", ())
        for record_type, actions in _actions_of_rows(policies.files).items():
            # A shape may work for an actor with territories and fail for one without, or the other way round.
            for actor, action in [*((everything, action) for action in actions), (nothing, "read")]:
                try:
                    policies.predicate(actor, action, record_type)
                except InvalidError as error:
                    yield from error.problems


def _actions_of_rows(files: Mapping[str, str]) -> dict[str, set[str]]:
    """The actions worth asking for each record type: those of its rows; for a row about any action, all its file names.

    An action that is left out here and has a bad shape is refused when it is asked for, never allowed.
    """
    by_class: dict[str, set[str]] = {}
    for named, model, place in rows(files):
        if named.startswith('"'):
            actions = {named.strip('"')}
        else:
            actions = {"read", "write", *_TEXT.findall(without_comments(files[place.source]))}
        by_class.setdefault(model, set()).update(actions & set(ACTIONS))
    return {record_type: by_class.get(class_name(record_type), {"read"}) for record_type in RESOURCES}


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
