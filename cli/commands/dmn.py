"""`bylaw dmn`: decision models of the DMN standard, run as they are, and their tables from and to rule files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import FILE, at_option, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.dmn_kit import FileResult
    from engine.dmn import Outcome


@click.group("dmn")
def command() -> None:
    """Decision models of the DMN standard, versions 1.1 to 1.5."""


@command.command("run")
@click.argument("model", metavar="MODEL", type=FILE)
@click.option("--input", "inputs", type=FILE, help="A JSON file with the model's inputs; `-` reads standard input.")
@click.option(
    "--decision", "names", multiple=True, metavar="NAME", help="Only this decision or service; may be repeated."
)
@at_option
@json_option
def run(*, model: Path, inputs: Path | None, names: tuple[str, ...], at: datetime | None, as_json: bool) -> None:
    """Decide by MODEL, a `.dmn` file; the models that it imports are looked for in its folder.

    Dates, times and durations are texts in the input; the model says which is which. Where something could not be
    computed the value is null, as the standard asks, and a note says why.
    """
    from cli.dmn_kit import decide, load
    from cli.facts import read_facts
    from cli.output import print_json
    from engine.dmn.json_values import to_json

    loaded = load(model)
    outcomes = decide(loaded, read_facts(inputs) if inputs else {}, names, at)
    if as_json:
        print_json(
            {
                "decisions": {name: to_json(outcome.value) for name, outcome in outcomes.items()},
                "notes": {name: _notes(outcome) for name, outcome in outcomes.items() if outcome.notes},
                "warnings": [problem.to_json() for problem in loaded.warnings],
            }
        )
    else:
        _show(outcomes, [problem.render() for problem in loaded.warnings])


def _notes(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {"code": note.code, "message": note.message, "text": note.text, "element": note.element}
        for note in outcome.notes
    ]


def _show(outcomes: dict[str, Outcome], warnings: Sequence[str]) -> None:
    from cli.output import note, say
    from engine.feel.standard.text import shown

    for warning in warnings:
        note(f"warning: {warning}")
    for name, outcome in outcomes.items():
        say(f"{name}: {shown(outcome.value)}")
        for each in dict.fromkeys(outcome.notes):
            where = f"in `{each.element}`: " if each.element else ""
            say(f"  {where}{each.message}{f': `{_short(each.text)}`' if each.text else ''}")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}..."


_LONGEST = 100


@command.command("test")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=FILE)
@click.option("--csv", "csv_file", type=FILE, help="Write each case's result in the kit's own columns.")
@at_option
@json_option
@click.pass_context
def test(
    context: click.Context, *, folders: tuple[Path, ...], csv_file: Path | None, at: datetime | None, as_json: bool
) -> None:
    """Run the test cases of the public DMN Technology Compatibility Kit that lie below each DIR.

    Ends with 1 if a case fails; the last line counts them.
    """
    from cli import exit_codes
    from cli.dmn_kit import csv_text, run_folders, write
    from cli.output import print_json, progress, say

    with progress("testing") as advance:
        results = run_folders(folders, at, advance)
    if csv_file:
        write(csv_file, csv_text(results))
    failed = _count(results, passed=False)
    if as_json:
        print_json({"passed": _count(results, passed=True), "failed": failed, "failures": _failures(results)})
    else:
        for each in _failures(results):
            say(f"{each['file']} {each['case']}: {each['detail']}")
        say(f"{_count(results, passed=True)} passed, {failed} failed")
    context.exit(exit_codes.PROBLEMS if failed else exit_codes.OK)


@command.command("export")
@click.argument("rule_file", metavar="RULEFILE", type=FILE)
@click.option("--dmn-version", type=click.Choice(["1.3", "1.4", "1.5"]), default="1.5", show_default=True)
@click.option("--out", type=FILE, help="Write to this file instead of printing.")
def export(*, rule_file: Path, dmn_version: str, out: Path | None) -> None:
    """Write the decision of RULEFILE as a model that other engines read."""
    from cli.exchange import loaded, put
    from engine.interchange.dmn_export import to_dmn

    put(to_dmn(loaded(rule_file), dmn_version).encode(), out)


@command.command("import")
@click.argument("model", metavar="MODEL", type=FILE)
@click.option("--decision", metavar="NAME", help="The decision whose table is wanted; the only one if left out.")
@click.option("--facts", metavar="NAME/N", default="", help="A fact schema that there is already, such as `lead/2`.")
@click.option("--schema", "schema_file", type=FILE, help="Write the schema of the model's inputs to this file.")
@click.option("--from", "from_day", metavar="DATE", help="The day from which the rules hold; today if left out.")
@click.option("--out", type=FILE, help="Write the rule file to this file instead of printing it.")
@click.pass_context
def import_(
    context: click.Context,
    *,
    model: Path,
    decision: str | None,
    facts: str,
    schema_file: Path | None,
    from_day: str | None,
    out: Path | None,
) -> None:
    """Write a decision table of MODEL, a `.dmn` file, as a rule file.

    Names become snake_case. What has no place in a rule file is told; the rule file is checked as `bylaw check` does.
    """
    from cli import exit_codes
    from cli.checking import schemas, schemas_for
    from cli.exchange import check_converted, day, put, put_file
    from cli.files import read
    from cli.output import note
    from engine.interchange.dmn_import import from_dmn
    from engine.interchange.rule_text import rule_text

    found = from_dmn(read(model), model.as_posix(), decision, effective_from=day(from_day), facts=facts)
    text = rule_text(found.document).encode()
    if schema_file is not None:
        put_file(schema_file, found.fact_schema.encode())
    put(text, out)
    for each in found.notes:
        note(f"note: {each}")
    made = found.document.facts not in (schemas() if out is None else schemas_for(out)).fact_names
    if made and schema_file is None:
        name, _, number = found.document.facts.partition("/")
        note(f"note: the facts need a schema: give --schema schemas/facts/{name}-{number}.schema.json")
    right = check_converted(text, out, {found.document.facts: found.fact_schema} if made else {})
    context.exit(exit_codes.OK if right else exit_codes.PROBLEMS)


def _count(results: Sequence[FileResult], *, passed: bool) -> int:
    return sum(case.passed is passed for result in results for case in result.cases)


def _failures(results: Sequence[FileResult]) -> list[dict[str, str]]:
    return [
        {"file": result.path.as_posix(), "case": case.case, "detail": case.detail}
        for result in results
        for case in result.cases
        if not case.passed
    ]
