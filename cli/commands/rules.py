"""`bylaw rules list` and `bylaw rules show`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Unpack

import click

from cli.options import Whose, as_of_option, at_option, caller_options, json_option

if TYPE_CHECKING:
    from engine.service.rulesets import PublishedVersion


@click.group("rules")
def command() -> None:
    """See the rule sets and their versions."""


@command.command("list")
@click.option("--kind", help="Only this kind, such as `lead-priority`.")
@at_option
@caller_options
@json_option
def list_rules(*, kind: str | None, at: datetime | None, as_json: bool, **whose: Unpack[Whose]) -> None:
    """List the rule sets with the version in force."""
    from cli.opened import opened
    from cli.output import print_json, table
    from engine.service.rulesets import list_rule_sets

    if kind is not None:
        _require_kind(kind)
    with opened(**whose, else_shipped=True) as session:
        found = list_rule_sets(session.ports, session.caller, kind=kind, at=at or session.caller.now)
        if as_json:
            print_json({"items": [asdict(summary) for summary in found]})
            return
        table(
            ("rule set", "title", "version", "of", "state", "from", "until", "digest"),
            [
                (
                    one.name,
                    one.title,
                    one.version,
                    one.versions,
                    one.state,
                    one.effective_from,
                    one.effective_to,
                    one.digest[:12],
                )
                for one in found
            ],
            right=("version", "of"),
        )


def _require_kind(kind: str) -> None:
    """Refuse a kind that there is none of: an empty list would look like an answer."""
    from engine.kinds import KINDS
    from engine.service.spelling import did_you_mean

    names = [known.name for known in KINDS]
    if kind not in names:
        hint = did_you_mean(kind, names) or f"there are: {', '.join(names)}"
        raise click.BadParameter(f"`{kind}` is no kind of rules: {hint}", param_hint="--kind")


@command.command("show")
@click.argument("rule_set", metavar="RULE-SET")
@click.option("--version", "number", type=click.IntRange(min=1), help="This version instead of the one in force.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the version's own text, byte for byte.")
@at_option
@as_of_option
@caller_options
@json_option
def show_rule_set(
    *,
    rule_set: str,
    number: int | None,
    at: datetime | None,
    as_of: datetime | None,
    as_yaml: bool,
    as_json: bool,
    **whose: Unpack[Whose],
) -> None:
    """Show a rule set in readable form: its sections, its tests and its versions."""
    if as_yaml and as_json:
        raise click.UsageError("--yaml prints the file's own text and --json a document: choose one")
    from cli.opened import opened
    from cli.output import print_bytes, print_json
    from engine.service.rulesets import get_version, list_versions

    with opened(**whose, else_shipped=True) as session:
        version = get_version(session.ports, session.caller, rule_set, number, at=at, as_of=as_of)
        if as_yaml:
            print_bytes(version.record["text"].encode())
            return
        versions = list_versions(session.ports, session.caller, rule_set)
        if as_json:
            print_json(_value(version, versions))
        else:
            _show(version, versions)


def _value(version: PublishedVersion, versions: tuple[PublishedVersion, ...]) -> dict[str, object]:
    from cli.records import record_value

    return {
        **record_value(version.record),
        "description": asdict(version.rule_set.describe()),
        "tests": [{"name": result.name, "passed": result.passed} for result in version.rule_set.run_tests()],
        "versions": [{"version": one.record["version"], "digest": one.record["digest"]} for one in versions],
    }


def _show(version: PublishedVersion, versions: tuple[PublishedVersion, ...]) -> None:
    from cli.output import say, table

    record, rule_set = version.record, version.rule_set
    until = f" until {record['effective_to']}" if record["effective_to"] else ""
    say(f"{record['rule_set']}, version {record['version']}: {record['title']}")
    say(f"in force from {record['effective_from']}{until}; facts {rule_set.facts.name}; digest {record['digest'][:12]}")
    description = rule_set.describe()
    if description.summary:
        say(description.summary)
    for section in description.sections:
        columns = ("id", *section.columns, "because")
        rows = [(row.id, *row.cells, row.because) for row in section.rows]
        used = [index for index in range(len(columns)) if any(index < len(row) and row[index] for row in rows)]
        heading = f"{section.heading}: {section.note}" if section.note else section.heading
        table(
            [columns[index] for index in used],
            [[row[index] if index < len(row) else "" for index in used] for row in rows],
            title=heading,
        )
    results = rule_set.run_tests()
    say(f"{sum(result.passed for result in results)} of {len(results)} tests of its own pass")
    say(f"versions: {', '.join(str(one.record['version']) for one in versions)}")
