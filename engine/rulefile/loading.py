"""From the bytes of a rule file to a rule set: read, shape, check, compile; all problems of a stage at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, time
from hashlib import sha256
from typing import Final

from engine.problems import InvalidError, Place, Problem, Report
from engine.rulefile import yaml_reader
from engine.rulefile.beside import rows_of, self_contained
from engine.rulefile.cases import read_cases
from engine.rulefile.conditions import look_at_conditions
from engine.rulefile.head import Head, read_head
from engine.rulefile.kind import Draft, Kind
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node, NodeKind
from engine.rulefile.rule_set import RuleSet
from engine.rulefile.schema_source import SchemaSource
from engine.rulefile.shape import check_shape
from engine.rulefile.slips import look_at_ranges

_SCHEMA_LINE: Final = re.compile(r"#\s*yaml-language-server:\s*\$schema=(?P<path>\S+)")
_FILE_NAME: Final = re.compile(r"(?P<name>[^/\\@]+)@(?P<version>\d{1,9})\.ya?ml")
_VERSION_FOLDER: Final = re.compile(r"(?:^|[/\\])rules[/\\](?P<kind>[^/\\]+)[/\\][^/\\]+$")


def load(
    data: bytes,
    *,
    source: str,
    schemas: SchemaSource,
    kinds: Sequence[Kind],
    beside: Mapping[str, bytes] | None = None,
) -> RuleSet:
    """The rule set that a file's bytes define.

    `source` names the file in problems; when it looks like `rules/<kind>/<name>@<n>.yaml` it must agree with the head.
    `beside` are the CSV files in its folder, by name: see `engine.rulefile.beside`.
    Raises `InvalidError` with every problem found, sorted by place, each with its line of the file.
    """
    tree = yaml_reader.read(data, source)
    text = yaml_reader.decode(data, source)
    try:
        return _load(tree, data, text, source, schemas=schemas, kinds=kinds, beside=beside or {})
    except InvalidError as error:
        raise InvalidError(_located(error.problems, source, {source: text})) from None


def _load(
    tree: Node,
    data: bytes,
    text: str,
    source: str,
    *,
    schemas: SchemaSource,
    kinds: Sequence[Kind],
    beside: Mapping[str, bytes],
) -> RuleSet:
    kind = _kind(tree, kinds)
    report, warnings, hints = Report(), Report(), Report()
    _check_schema_line(text, kind, source, report, warnings)
    check_shape(tree, kind.schema, schemas, report)
    report.raise_if_any()
    head, zone = read_head(tree, report)
    _check_path(source, head, tree, report)
    try:
        facts = schemas.facts(head.facts)
    except InvalidError as error:
        place = tree["facts"].place
        report.extend(_at(problem, place) for problem in error.problems)
        report.raise_if_any()
        raise
    tests = read_cases(tree, head, zone, report, warnings)
    if not tests:
        warnings.add(
            "rules.no_tests", "the file has no tests", Place(source, 1, 1), "add `tests` with at least one case"
        )
    rows = rows_of(tree, source, beside)
    excerpts = {source: text} | ({rows.source: "\n".join(rows.lines)} if rows is not None else {})
    draft = Draft(head, tree, facts, report, zone, rows)
    try:
        body = kind.build(draft)
        report.raise_if_any()
    except InvalidError as error:
        raise InvalidError(_located(error.problems, source, excerpts)) from None
    whole = self_contained(text, tree, rows)
    warnings.extend(body.warnings)
    hints.extend(body.hints)
    at = datetime.combine(head.effective.from_, time(12), zone)
    look_at_ranges(draft.expressions, facts, warnings)
    look_at_conditions(draft.conditions, facts, at=at, zone=zone, warnings=warnings, hints=hints)
    return RuleSet(
        head=head,
        digest=sha256(data if whole is text else whole.encode()).hexdigest(),
        text=whole,
        source=source,
        zone=zone if head.zone_name != "UTC" else UTC,
        facts=facts,
        tests=tests,
        warnings=tuple(_located(warnings, source, excerpts)),
        hints=tuple(_located(hints, source, excerpts)),
        body=body,
        excerpts=excerpts,
    )


def _kind(tree: Node, kinds: Sequence[Kind]) -> Kind:
    names = [kind.name for kind in kinds]
    if tree.kind is not NodeKind.MAPPING:
        message = f"a rule file is a group of fields; {tree.kind.value} stands here"
        raise InvalidError(
            Problem("rules.wrong_type", message, Place(tree.place.source, tree.place.line, tree.place.column))
        )
    node = tree.get("kind")
    if node is None:
        message = "the file does not say which kind of rules it holds"
        help_text = f"add `kind:` with one of: {', '.join(names)}"
        raise InvalidError(
            Problem("rules.missing_field", message, Place(tree.place.source, tree.place.line, 1), help_text)
        )
    for kind in kinds:
        if kind.name == node.text:
            return kind
    message = f"`{node.text}` is not a kind of rules{did_you_mean(node.text, names)}"
    raise InvalidError(Problem("rules.unknown_kind", message, node.place, f"one of: {', '.join(names)}"))


def _check_schema_line(text: str, kind: Kind, source: str, report: Report, warnings: Report) -> None:
    first = text.split("\n", 1)[0].rstrip("\r")
    named = _SCHEMA_LINE.search(first)
    wanted = f"../../schemas/{kind.schema}"
    help_text = f"write: # yaml-language-server: $schema={wanted}"
    if named is None:
        warnings.add("rules.no_schema_line", "the first line names no schema", Place(source, 1, 1), help_text)
    elif named["path"].rsplit("/", 1)[-1] != kind.schema.rsplit("/", 1)[-1]:
        place = Place(source, 1, named.start("path") + 1, len(named["path"]))
        found = named["path"].rsplit("/", 1)[-1]
        message = f"the first line names the schema `{found}`, but the file's kind is `{kind.name}`"
        report.add("rules.schema_line", message, place, help_text)


def _check_path(source: str, head: Head, tree: Node, report: Report) -> None:
    """A file that lies where rule files lie must be called what it is: people find versions by their paths."""
    base = source.replace("\\", "/").rsplit("/", 1)[-1]
    found = _FILE_NAME.fullmatch(base)
    if found is None:
        return
    folder = _VERSION_FOLDER.search(source)
    if folder is not None and folder["kind"] != head.kind:
        message = f"the file lies in `rules/{folder['kind']}` but its kind is `{head.kind}`"
        report.add("rules.path", message, tree["kind"].place, f"move it to rules/{head.kind}/")
    if found["name"] != head.name:
        message = f"the file is called `{found['name']}` but the rule set's name is `{head.name}`"
        report.add("rules.path", message, tree["name"].place, f"call it {head.name}@{head.version}.yaml")
    if int(found["version"]) != head.version:
        message = f"the file's name says version {found['version']}, the file says {head.version}"
        report.add("rules.path", message, tree["version"].place, f"call it {head.name}@{head.version}.yaml")


def _at(problem: Problem, place: Place) -> Problem:
    return problem if problem.place.source else Problem(problem.code, problem.message, place, problem.help)


def _located(problems: Sequence[Problem] | Report, source: str, texts: Mapping[str, str]) -> list[Problem]:
    """Problems of the file, and of what lies beside it, with name and line; those of another (a schema) as they are."""
    found = []
    for problem in problems:
        name = problem.place.source or source
        found.append(problem.in_text(name, texts[name]) if name in texts else problem)
    return found
