"""The only code that talks to Oso: building it from texts, asking it, and putting its errors into our words."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from oso import Oso
from polar.data.adapter.adapter import DataAdapter
from polar.exceptions import OsoError
from polar.ffi import PolarSource

from engine.caller import Actor
from engine.policy.translation import Filter
from engine.policy.vocabulary import RESOURCES, User, asked_fields, class_name, resource
from engine.problems import InvalidError, Place, Problem, Report
from engine.records import Record

_AT = re.compile(r" at line (\d+), column (\d+)(?: of file ([^\n]*?))?(?::?\n|:?$|\.)")
_LINK = re.compile(r"\s*Get help with Oso from our engineers:.*", re.DOTALL)
_LITTLE_SOURCE = re.compile(r":?\n\t?\d{3}: .*", re.DOTALL)
_SPECIALIZER = re.compile(r"Unknown specializer (\w+)")


class _Unexecuted(DataAdapter):
    """Hands Oso's filter back instead of running it."""

    def build_query(self, found: Filter) -> Filter:
        return found

    def execute_query(self, query: Filter) -> Filter:
        return query


def build(files: Mapping[str, str]) -> Any:
    """Oso with our classes and these files. Raises `InvalidError`: `policy.syntax`, `policy.unknown_name`."""
    oso: Any = Oso()
    oso.set_data_filtering_adapter(_Unexecuted())
    oso.register_class(User)
    for name, model in RESOURCES.items():
        oso.register_class(model, name=class_name(name), fields=dict(asked_fields(model.record_type)))
    said = io.StringIO()
    try:
        # Oso prints what it only suspects; a name that it does not know is an error here.
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            oso._load_sources([PolarSource(text, name) for name, text in sorted(files.items())])  # noqa: SLF001  # its file loaders read paths, and we are given texts
    except OsoError as error:
        raise InvalidError(_translated(error, "policy.syntax", files)) from None
    report = Report()
    for unknown in _SPECIALIZER.finditer(said.getvalue()):
        report.found.append(_unknown_type(unknown.group(1), said.getvalue()[unknown.start() :], files))
    report.raise_if_any()
    return oso


def filter_for(oso: Any, actor: Actor, action: str, record_type: str) -> Filter | Problem | None:
    """Oso's filter; None if no rule applies; a problem (`policy.shape`) if Oso cannot make one."""
    try:
        found: Filter = oso.authorized_query(User(actor), action, RESOURCES[record_type])
    except OsoError as error:
        problem = _translated(error, "policy.shape", {})
        return Problem(
            problem.code,
            f"the rule for `{action}` on `{record_type}` cannot become a database query: {problem.message}",
            problem.place if problem.place.line else Place(path=f"$.{record_type}.{action}"),
            help="write the condition positively, without `not` about the record, arithmetic or calls",
        )
    except AttributeError as error:
        name = str(error)
        return Problem("policy.unknown_name", f"a rule about `{record_type}` asks for something unknown: {name}")
    return found


def is_allowed(oso: Any, actor: Actor, action: str, record: Record) -> bool:
    """Oso's own point check of the record as policies see it."""
    return bool(oso.is_allowed(User(actor), action, resource(record)))


def _translated(error: OsoError, code: str, files: Mapping[str, str]) -> Problem:
    """One lower-case sentence with its place; the vendor's link and source excerpt are left out."""
    text = _LINK.sub("", str(error))
    source, line, column = "", 0, 0
    if found := _AT.search(text):
        line, column, source = int(found.group(1)), int(found.group(2)), (found.group(3) or "").rstrip(":")
        text = text[: found.start()]
    sentence = _LITTLE_SOURCE.sub("", text).strip().rstrip(".")
    sentence = sentence[:1].lower() + sentence[1:].replace("'", "`").replace("\n", " ")
    problem = Problem(code, sentence, Place(source, line, column))
    return problem.in_text(source, files[source]) if source in files else problem


def _unknown_type(name: str, warning: str, files: Mapping[str, str]) -> Problem:
    known = ["User", *(class_name(known) for known in RESOURCES)]
    near = get_close_matches(name, known, n=1)
    place = Place()
    if found := _AT.search(warning):
        place = Place((found.group(3) or "").rstrip(":"), int(found.group(1)), int(found.group(2)), len(name))
    problem = Problem(
        "policy.unknown_name",
        f"there is no record type `{name}`",
        place,
        help=f"did you mean `{near[0]}`?" if near else f"record types are {', '.join(known[1:])}",
    )
    return problem.in_text(place.source, files[place.source]) if place.source in files else problem
