"""Released versions of the policies, and the rule that no role gains anything after one without saying so.

`releases.json` beside the policies lists the versions that were released, each by the digest of its policies; what they
granted is kept in `compiled/` (`engine.policy.compiled_file`). `widenings.yaml` states what roles may do that they
could not in the last release:

```yaml
widenings:
  - roles: [sales_manager]
    action: erase
    record_types: [lead]
    granted_when: [organisation_id = user.organisation_id and team_id = user.team_id]   # all that is granted now
    reason: managers answer requests to be forgotten
```

Policies and statements must agree exactly, so a statement cannot cover a later change of the same cell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from engine.caller import ACTIONS
from engine.policy.compiled import ROLES, Compiled
from engine.policy.rows import place_of
from engine.policy.vocabulary import RESOURCES
from engine.policy.widening import Change, widening
from engine.policy.words import in_words
from engine.problems import NOWHERE, InvalidError, Place, Problem, Report

if TYPE_CHECKING:
    from engine.rulefile import Node

RELEASES_FILE = "releases.json"
WIDENINGS_FILE = "widenings.yaml"
NO_WIDENINGS = """\
# What a role may do that it could not in the last release, each with all that is granted now and the reason.
# `bylaw check` compares (docs/authorization.md); `bylaw policies release` moves this into the list of releases.
widenings: []
"""

_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_PARTS = ("roles", "action", "record_types", "granted_when", "reason")


@dataclass(frozen=True, slots=True)
class Statement:
    """A widening that is meant: in these cells of the roles exactly this is granted now, for this reason."""

    roles: tuple[str, ...]
    action: str
    record_types: tuple[str, ...]
    granted_when: tuple[str, ...]
    reason: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Release:
    """A released version: the digest of its policies, and what it stated against the one before."""

    version: str
    policies: str
    widened: tuple[Statement, ...] = ()


def is_version(text: str) -> bool:
    """Whether the text is a version such as `1.4.0`."""
    return _VERSION.fullmatch(text) is not None


def read_releases(text: str, source: str) -> tuple[Release, ...]:
    """The releases, the oldest first. Raises `InvalidError` (`policy.releases`) for a text that is no such list."""
    try:
        found = tuple(
            Release(one["version"], one["policies"], tuple(_statement(part) for part in one["widened"]))
            for one in json.loads(text)["releases"]
        )
    except (KeyError, TypeError, ValueError):
        message = f"`{source}` is not what `bylaw policies release` wrote"
        raise InvalidError(Problem("policy.releases", message, Place(source))) from None
    numbers = [_number(one.version) for one in found]
    if not numbers or numbers != sorted(set(numbers)):
        raise InvalidError(
            Problem("policy.releases", "releases have ascending versions such as `1.4.0`", Place(source))
        )
    return found


def releases_text(releases: Iterable[Release]) -> str:
    """The list as a file."""
    listed = [
        {
            "version": one.version,
            "policies": one.policies,
            "widened": [{name: getattr(part, name) for name in _PARTS} for part in one.widened],
        }
        for one in releases
    ]
    return json.dumps({"releases": listed}, indent=2, ensure_ascii=False) + "\n"


def with_release(releases: tuple[Release, ...], release: Release) -> tuple[Release, ...]:
    """The list with another release. Raises `InvalidError` (`policy.releases`) for a version that is no later one."""
    if not is_version(release.version):
        message = f"`{release.version[:40]}` is no version such as `1.4.0`"
    elif releases and _number(release.version) <= _number(releases[-1].version):
        message = f"`{release.version}` does not come after `{releases[-1].version}`"
    else:
        return (*releases, release)
    raise InvalidError(Problem("policy.releases", message))


def read_statements(text: str, source: str) -> tuple[Statement, ...]:
    """What `widenings.yaml` states. Raises `InvalidError` (`policy.widening_malformed`, `rules.*` for its YAML)."""
    from engine.rulefile.yaml_reader import read  # noqa: PLC0415  # policies alone need no YAML

    report = Report()
    tree = read(text.encode(), source)
    _known(report, tree, ("widenings",))
    found = [_read(report, node) for node in tree.list_of("widenings")]
    if report:
        raise InvalidError(problem.in_text(source, text) for problem in report)
    return tuple(found)


def release_problems(
    released: Compiled, version: str, present: Compiled, stated: Iterable[Statement], files: Mapping[str, str]
) -> tuple[Problem, ...]:
    """Where the present policies grant more than the release without saying so, and what is stated and not so.

    Nothing is sampled (`engine.policy.widening`). Codes: `policy.widened` at the rule, `policy.widening_not_so` at the
    statement. `files` are the texts of the present policies, for the place of the rule.
    """
    gained = {(one.role, one.action, one.record_type): one for one in widening(released, present) if one.gains}
    left, problems = dict(gained), []
    for statement in stated:
        action = statement.action
        for role, record_type in product(statement.roles, statement.record_types):
            now = in_words(present.cell(role, action, record_type))
            what = f"{_who(role)} may `{action}` `{record_type}`"
            if left.pop((role, action, record_type), None) is None:
                message = f"{what} no more than in {version}, or that is stated twice"
                problems.append(_not_so(statement, message, "leave it out"))
            elif now != statement.granted_when:
                message = f"the conditions under which {what} are not those that are stated"
                problems.append(_not_so(statement, message, f"they are {json.dumps(now, ensure_ascii=False)}"))
    return (*(_unstated(one, version, present, files) for one in left.values()), *problems)


def _unstated(change: Change, version: str, present: Compiled, files: Mapping[str, str]) -> Problem:
    role, action, record_type = change.role, change.action, change.record_type
    ways = in_words(present.cell(role, action, record_type))
    statement = (role,), action, (record_type,), ways, "..."
    stated = json.dumps(dict(zip(_PARTS, statement, strict=True)), ensure_ascii=False)
    place = place_of(files, action, record_type)
    problem = Problem(
        "policy.widened",
        f"{_who(role)} may `{action}` `{record_type}` records that {version} did not let them: {change.example()}",
        place,
        f"take it back, or state it with its reason in `{WIDENINGS_FILE}`: {stated}",
    )
    return problem.in_text(place.source, files[place.source]) if place.source else problem


def _not_so(statement: Statement, message: str, help_text: str) -> Problem:
    return Problem("policy.widening_not_so", message, statement.place, help_text)


def _who(role: str) -> str:
    return f"`{role}`" if role else "whoever has no known role"


def _number(version: str) -> tuple[int, ...]:
    found = _VERSION.fullmatch(version)
    return tuple(map(int, found.groups())) if found else ()


def _statement(value: Mapping[str, Any]) -> Statement:
    roles, action, record_types, granted_when, reason = (value[name] for name in _PARTS)
    return Statement(tuple(roles), action, tuple(record_types), tuple(granted_when), reason)


def _read(report: Report, node: Node) -> Statement:
    _known(report, node, _PARTS)
    for name in _PARTS:
        given = node.get(name)
        if given is None or not (given.items or given.text.strip()):
            report.add("policy.widening_malformed", f"a widening says its `{name}`", node.place)
    roles, types = node.list_of("roles"), node.list_of("record_types")
    action = [one for one in (node.get("action"),) if one is not None]
    for known, named in ((ROLES, roles), (ACTIONS, action), (tuple(RESOURCES), types)):
        for one in named:
            _one_of(report, one, known)
    return Statement(
        tuple(one.text for one in roles),
        node.text_of("action"),
        tuple(one.text for one in types),
        tuple(one.text for one in node.list_of("granted_when")),
        node.text_of("reason"),
        node.place,
    )


def _one_of(report: Report, node: Node, known: tuple[str, ...]) -> None:
    from engine.rulefile.nearest import did_you_mean  # noqa: PLC0415  # as above

    if node.members or node.text not in known:
        message = f"`{node.text[:60]}` is none of {', '.join(known)}{did_you_mean(node.text, known)}"
        report.add("policy.widening_malformed", message, node.place)


def _known(report: Report, node: Node, known: tuple[str, ...]) -> None:
    for name, child in node.members.items():
        if name not in known:
            place = child.key_place or child.place
            report.add("policy.widening_malformed", f"`{name[:60]}` is none of {', '.join(known)}", place)
