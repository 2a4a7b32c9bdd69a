"""The only code that talks to Oso: building it from texts, asking it, and putting its errors into our words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, cast

from oso import Oso
from polar.exceptions import OsoError
from polar.ffi import PolarSource, process_messages
from polar.partial import TypeConstraint
from polar.variable import Variable

from engine.caller import Actor
from engine.policy.rows import place_of
from engine.policy.vocabulary import RESOURCES, User, asked_fields, class_name, resource
from engine.problems import InvalidError, Place, Problem, Report
from engine.records import Record

_AT = re.compile(r" at line (\d+), column (\d+)(?: of file ([^\n]+?))?:?(?:\n|$)")
_LINK = re.compile(r"\s*Get help with Oso from our engineers:.*", re.DOTALL)
_LITTLE_SOURCE = re.compile(r":?\n\t?\d{3}: .*", re.DOTALL)
_ATTRIBUTE = re.compile(r"'(\w+)' object has no attribute '(\w+)'")
_SENTENCES = (
    (re.compile(r"Unsupported operation:\s+Not/"), "it uses `not` about the record"),
    (re.compile(r"Unsupported operation:"), "it does something with the record that a database query cannot"),
    (re.compile(r"cannot call method on unbound variable"), "it calls something on the record"),
    (re.compile(r"RestVariable"), "it takes a list of the user apart"),
    (re.compile(r"Query timeout|stack overflow"), "it does not come to an end"),
)
_SOMEBODY = Actor("", "", "", "", "", "", "")
_SPECIALIZER = re.compile(r"Unknown specializer (\w+)")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Oso with our classes and policies."""

    oso: Any
    files: Mapping[str, str]


_NOBODY = PolarSource("allow(_user, _action, _record) if false;", "")
"""Without any `allow` rule Oso fails instead of denying."""


def build(files: Mapping[str, str]) -> Loaded:
    """Oso with our classes and these files. Raises `InvalidError`: `policy.syntax`, `policy.unknown_name`."""
    oso: Any = Oso()
    oso.register_class(User)
    for name, model in RESOURCES.items():
        oso.register_class(model, name=class_name(name), fields=dict(asked_fields(model.record_type)))
    said: list[str] = []
    border = oso.ffi_polar
    # Oso prints what it only suspects; a name that it does not know is an error here. Standard output is the whole
    # process's, and policies are loaded by any thread, so the messages are taken before they are printed.
    taken = cast("Any", process_messages)
    border.process_messages = lambda: said.extend(map(border.enrich_message, taken(border.next_message)))
    try:
        sources = [PolarSource(text, name) for name, text in sorted(files.items())]
        oso._load_sources([*sources, _NOBODY])  # noqa: SLF001  # its file loaders read paths, and we are given texts
    except OsoError as error:
        raise InvalidError(_translated(error, "policy.syntax", files)) from None
    finally:
        del border.process_messages
    report, warnings = Report(), "\n".join(said)
    for unknown in _SPECIALIZER.finditer(warnings):
        report.found.append(_unknown_type(unknown.group(1), warnings[unknown.start() :], files))
    report.raise_if_any()
    return Loaded(oso, dict(files))


def alternatives_for(loaded: Loaded, user: User, action: str, record_type: str) -> list[Any] | Problem:
    """Oso's partial evaluation: what must hold of `_this` record, one expression for each way to be allowed.

    These are the steps of Oso's `partial_query`, whose results stay expressions: a user with symbols for attributes is
    nothing that its data filters could describe. A problem (`policy.shape`) if Oso cannot evaluate a rule.
    """
    record, constraint = Variable("resource"), cast("Any", TypeConstraint)
    try:
        results = loaded.oso.query_rule(
            "allow",
            user,
            action,
            record,
            bindings={"resource": constraint(record, class_name(record_type))},
            accept_expression=True,
        )
        return [result["bindings"]["resource"] for result in results]
    except OsoError as error:
        problem = _translated(error, "policy.shape", loaded.files)
        if problem.code == "policy.unknown_name":
            return problem
        place = problem.place if problem.place.line else place_of(loaded.files, action, record_type)
        refused = Problem(
            problem.code,
            f"the rule for `{action}` on `{record_type}` cannot become a database query: {problem.message}",
            place,
            help="write the condition positively, without `not` about the record, arithmetic or calls",
        )
        return refused.in_text(place.source, loaded.files[place.source]) if place.source else refused


def is_allowed(loaded: Loaded, actor: Actor, action: str, record: Record) -> bool:
    """Oso's own point check of the record as policies see it."""
    return bool(loaded.oso.is_allowed(User(actor), action, resource(record)))


def _translated(error: OsoError, code: str, files: Mapping[str, str]) -> Problem:
    """One lower-case sentence with its place; trace, source excerpt and the vendor's link are left out."""
    text = _LINK.sub("", str(error)).split("\n\n")[-1] if str(error).startswith("trace") else _LINK.sub("", str(error))
    source, line, column = "", 0, 0
    if found := _AT.search(text):
        line, column, source = int(found.group(1)), int(found.group(2)), found.group(3) or ""
        text = text[: found.start()]
    place = Place(source, line, column)
    if attribute := _ATTRIBUTE.search(text):
        return _unknown_attribute(attribute.group(1), attribute.group(2), place, files)
    for pattern, sentence in _SENTENCES:
        if pattern.search(text):
            text = sentence
    text = _LITTLE_SOURCE.sub("", text).strip().rstrip(".")
    problem = Problem(code, text[:1].lower() + text[1:].replace("'", "`").replace("\n", " "), place)
    return problem.in_text(source, files[source]) if source in files else problem


def _unknown_attribute(owner: str, name: str, place: Place, files: Mapping[str, str]) -> Problem:
    known = [*vars(User(_SOMEBODY))] if owner == "User" else []
    near = get_close_matches(name, known, n=1)
    help_text = f"did you mean `{near[0]}`?" if near else f"it has {', '.join(known)}" if known else ""
    what = "a user" if owner == "User" else f"a `{owner}`"
    problem = Problem("policy.unknown_name", f"{what} has no `{name}`", place, help_text)
    return problem.in_text(place.source, files[place.source]) if place.source in files else problem


def _unknown_type(name: str, warning: str, files: Mapping[str, str]) -> Problem:
    known = ["User", *(class_name(known) for known in RESOURCES)]
    near = get_close_matches(name, known, n=1)
    place = Place()
    if found := _AT.search(warning):
        place = Place(found.group(3) or "", int(found.group(1)), int(found.group(2)), len(name))
    problem = Problem(
        "policy.unknown_name",
        f"there is no record type `{name}`",
        place,
        help=f"did you mean `{near[0]}`?" if near else f"record types are {', '.join(known[1:])}",
    )
    return problem.in_text(place.source, files[place.source]) if place.source in files else problem
