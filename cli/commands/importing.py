"""`bylaw import crm` and `bylaw import leads`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import FILE, home_option, json_option

if TYPE_CHECKING:
    from cli.opened import Opened
    from engine.importing.findings import ImportReport
    from engine.problems import Problem

GROUPS_SHOWN = 40
LINES_SHOWN = 8


def _organisation_id(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """An id that people can type: an import makes the organisation that it names."""
    if value is not None and re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,78}[a-z0-9])?", value) is None:
        raise click.BadParameter(f"`{value[:80]}` is no id: at most 80 small letters, digits and hyphens between them")
    return value


organisation_option = click.option(
    "--organisation",
    metavar="ID",
    callback=_organisation_id,
    help="Import into this organisation; by default the only one that is not the example, else the mapping's own.",
)
mapping_option = click.option("--mapping", help="A shipped mapping's name, or a mapping file (`.yaml`).")
all_option = click.option("--all", "every", is_flag=True, help="Print every finding, line by line.")


@click.group("import")
def command() -> None:
    """Read a CRM's or a lead source's original files.

    What cannot be read is reported by file, line and column; a second import of the same files changes nothing.
    """


@command.command("crm")
@click.argument("folder", metavar="DIR", type=FILE)
@mapping_option
@organisation_option
@home_option
@all_option
@json_option
@click.pass_context
def crm(
    context: click.Context,
    *,
    folder: Path,
    mapping: str | None,
    organisation: str | None,
    home: Path | None,
    every: bool,
    as_json: bool,
) -> None:
    """Import a folder of CSV files: people and teams, accounts, products, deals."""
    from cli.files import csv_files_in
    from engine.service.importing import import_crm

    files = csv_files_in(folder)

    def work(session: Opened, text: bytes, source: str, progress: Callable[[str, int, int], None]) -> ImportReport:
        return import_crm(session.ports, session.caller, files, text, progress, source=source)

    report = _import(home, organisation, mapping or "maven-crm", work, lambda name: str(folder / name))
    context.exit(_show(report, every=every, as_json=as_json))


@command.command("leads")
@click.argument("file", type=FILE)
@mapping_option
@organisation_option
@home_option
@all_option
@json_option
@click.pass_context
def leads(
    context: click.Context,
    *,
    file: Path,
    mapping: str | None,
    organisation: str | None,
    home: Path | None,
    every: bool,
    as_json: bool,
) -> None:
    """Import one CSV file of leads."""
    from cli.files import read
    from engine.service.importing import import_leads

    data = read(file)

    def work(session: Opened, text: bytes, source: str, progress: Callable[[str, int, int], None]) -> ImportReport:
        return import_leads(session.ports, session.caller, data, text, progress, source=source)

    report = _import(home, organisation, mapping or "xeducation-leads", work, lambda _: str(file))
    context.exit(_show(report, every=every, as_json=as_json))


Work = Callable[["Opened", bytes, str, Callable[[str, int, int], None]], "ImportReport"]


def _import(
    home: Path | None, organisation: str | None, mapping: str, work: Work, path_of: Callable[[str], str]
) -> ImportReport:
    """Import with a progress bar, then publish the shipped rule files for the organisation if it lacks them.

    The mapping knows files by their names; problems name them as `path_of` says, as people gave them.
    """
    from adapters.wiring import now
    from cli.output import note, progress
    from engine.problems import InvalidError

    with _receiving(home, organisation, mapping) as (session, text, source), progress("importing") as advance:

        def shown(what: str, done: int, total: int) -> None:
            advance(done, total, f"importing: {what}")

        try:
            report = work(session, text, source, shown)
        except InvalidError as error:
            raise InvalidError(_with_path(problem, path_of) for problem in error.problems) from None
        seeded = session.wiring.seed(session.organisation_id, now())
    if seeded.published:
        note(f"published for `{report.organisation_id}`: {', '.join(seeded.published)}")
    for problem in seeded.problems:
        note(problem.render())
    return report


def _with_path(problem: Problem, path_of: Callable[[str], str]) -> Problem:
    if not problem.place.source.endswith(".csv"):
        return problem
    return replace(problem, place=replace(problem.place, source=path_of(problem.place.source)))


@contextmanager
def _receiving(home: Path | None, organisation: str | None, mapping: str) -> Iterator[tuple[Opened, bytes, str]]:
    """The product opened as the platform of the organisation that receives the import, the mapping and its place."""
    from adapters.wiring import build, now
    from cli.opened import Opened, settings_for
    from engine.caller import Caller
    from engine.service.directory import organisations, service_actor
    from engine.service.importing import default_organisation

    with build(settings_for(home)) as wiring:
        text, source = _mapping(wiring.shipped.mappings(), mapping)
        own = [record.id for record in organisations(wiring.ports) if not record["example"]]
        target = organisation or (own[0] if len(own) == 1 else default_organisation(wiring.ports, text, source))
        caller = Caller(service_actor(target), now(), "cli", f"cli-{wiring.ports.new_id()}")
        yield Opened(wiring, caller), text, source


def _mapping(shipped: Mapping[str, bytes], name: str) -> tuple[bytes, str]:
    from cli.files import read
    from engine.problems import NotFoundError, Problem
    from engine.service.spelling import did_you_mean

    if name.endswith((".yaml", ".yml")):
        return read(Path(name)), name
    if name not in shipped:
        help_text = did_you_mean(name, shipped) or f"there are: {', '.join(f'`{known}`' for known in shipped)}"
        raise NotFoundError(Problem("cli.no_mapping", f"there is no shipped mapping `{name}`", help=help_text))
    return shipped[name], f"schemas/mappings/{name}.yaml"


def _show(report: ImportReport, *, every: bool, as_json: bool) -> int:
    """Print the report; 1 if a row could not be imported."""
    from cli import exit_codes
    from cli.output import print_json

    if as_json:
        print_json(report.to_json(every_finding=True))
    else:
        _tables(report, every=every)
    return exit_codes.PROBLEMS if any(counts.rejected for counts in report.files) else exit_codes.OK


def _tables(report: ImportReport, *, every: bool) -> None:
    from cli.output import say, table

    numbers = ("rows", "imported", "unchanged", "rejected")
    files: list[tuple[Any, ...]] = [
        (counts.file, counts.rows, counts.imported, counts.unchanged, counts.rejected) for counts in report.files
    ]
    table(("file", *numbers), files, right=numbers)
    kinds = ("created", "changed", "unchanged")
    table(
        ("records", *kinds),
        [(name, *(counts[kind] for kind in kinds)) for name, counts in report.records.items()],
        right=kinds,
    )
    groups = report.groups
    if every:
        table(
            ("file", "line", "column", "value", "finding", "done"),
            [(one.file, one.line, one.column, one.value, one.message, one.done) for one in report.findings],
            right=("line",),
        )
    elif groups:
        table(
            ("findings", "file", "column", "value", "finding", "done", "lines"),
            [
                (one.count, one.file, one.column, one.value, one.message, one.done, _lines(one.lines))
                for one in groups[:GROUPS_SHOWN]
            ],
            right=("findings",),
        )
        if len(groups) > GROUPS_SHOWN:
            say(f"... and {len(groups) - GROUPS_SHOWN:,} more kinds of findings; --all shows every one")
    what = f"{report.changed:,} records created or changed" if report.changed else "nothing changed"
    say(f"{report.organisation_id}: {what}, {len(report.findings):,} findings")


def _lines(lines: tuple[int, ...]) -> str:
    shown = ", ".join(str(line) for line in lines[:LINES_SHOWN])
    return f"{shown}, ..." if len(lines) > LINES_SHOWN else shown
