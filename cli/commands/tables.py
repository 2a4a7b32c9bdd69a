"""`bylaw tables`: decision tables as files, in spreadsheets, and with their rows beside or within."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import FILE

if TYPE_CHECKING:
    from engine.interchange.document import TableDocument
    from engine.interchange.sheets import Sheet
    from engine.rulefile import FactSchema


@click.group("tables")
def command() -> None:
    """Decision tables: with their rows within or beside the rule file, and in spreadsheets."""


@command.command("embed")
@click.argument("rule_file", metavar="RULEFILE", type=FILE)
def embed(*, rule_file: Path) -> None:
    """Print RULEFILE as it is published: with the rows of the CSV file beside it in its text.

    A file that names no CSV file is printed as it is. Send a table so over the API, or paste it in the console.
    """
    from cli.files import read, rows_beside
    from cli.output import print_bytes
    from engine.rulefile.beside import document

    data = read(rule_file)
    print_bytes(document(data, rule_file.as_posix(), rows_beside(rule_file, data)))


@command.command("export")
@click.argument("rule_file", metavar="RULEFILE", type=FILE)
@click.argument("out", metavar="OUT", type=FILE)
def export(*, rule_file: Path, out: Path) -> None:
    """Write the decision table of RULEFILE to OUT: a spreadsheet (`.xlsx`) with everything, or its rows (`.csv`)."""
    from adapters.wiring import workbook_bytes
    from cli.exchange import loaded, put
    from cli.output import note
    from engine.interchange.document import document_of
    from engine.interchange.rows import rows_csv, rows_taken_for_formulas
    from engine.interchange.sheets import to_sheets

    rule_set = loaded(rule_file)
    document = document_of(rule_set)
    if out.suffix == ".csv":
        put(rows_csv(document).encode(), out)
        if found := rows_taken_for_formulas(document):
            more = f" and of {len(found) - 1:,} more" if len(found) > 1 else ""
            note(
                f"a spreadsheet that opens {out.name} runs a text of the row `{found[0]}`{more} as a formula; "
                "in an .xlsx it is a text"
            )
    elif out.suffix == ".xlsx":
        put(workbook_bytes(to_sheets(document, enums_of(document, rule_set.facts))), out)
    else:
        raise click.BadParameter(f"`{out}` must end with `.xlsx` or `.csv`", param_hint="OUT")


def enums_of(document: TableDocument, facts: FactSchema) -> dict[str, tuple[str, ...]]:
    """The texts that a fact may be, by the id of the input column that asks for it."""
    found = {}
    for column in document.inputs:
        fact = facts.field(column.expression or column.id)
        if fact is not None and fact.form == "string" and fact.enum:
            found[column.id] = tuple(map(str, fact.enum))
    return found


@command.command("import")
@click.argument("table", metavar="IN", type=FILE)
@click.option("--into", type=FILE, help="Put the rows into this rule file, or into the CSV file that it names.")
@click.option("--out", type=FILE, help="Write the rule file to this file instead of printing it.")
@click.pass_context
def import_(context: click.Context, *, table: Path, into: Path | None, out: Path | None) -> None:
    """Read a decision table from IN: a spreadsheet (`.xlsx`), `.csv`, or cells pasted on standard input (`-`).

    A spreadsheet that `export` wrote becomes a whole rule file, which is printed. With --into only the rows are taken,
    by the columns' ids or titles, and nothing is written unless the rule file is right with them.
    """
    from cli import exit_codes
    from cli.exchange import check_converted, put, sheets_of
    from engine.interchange.rule_text import rule_text
    from engine.interchange.sheets import from_sheets

    if into is not None and out is not None:
        raise click.UsageError("--into changes that file: leave out --out")
    sheets = sheets_of(table)
    if into is not None:
        right = _put_into(into, next((each for each in sheets if each.name == "Table"), sheets[0]))
    else:
        text = rule_text(from_sheets(sheets)).encode()
        put(text, out)
        right = check_converted(text, out, {})
    context.exit(exit_codes.OK if right else exit_codes.PROBLEMS)


def _put_into(into: Path, sheet: Sheet) -> bool:
    """Write the rows where the rule file has its own; whether everything was right."""
    from cli.exchange import check_converted, loaded, put_file
    from cli.files import read
    from cli.output import note
    from engine.interchange.document import document_of
    from engine.interchange.rows import with_rows
    from engine.interchange.sheets import rows_of_sheet

    document = document_of(loaded(into))
    rows = rows_of_sheet(sheet, document)
    text = read(into).decode("utf-8-sig")
    changed = with_rows(text, into.as_posix(), document, rows)
    beside = {changed.csv_name: changed.text.encode()} if changed.csv_name else {}
    if not check_converted((text if beside else changed.text).encode(), into, {}, beside):
        note("nothing was written")
        return False
    target = into.parent / changed.csv_name if changed.csv_name else into
    put_file(target, changed.text.encode())
    note(f"wrote {len(rows):,} rows to {target}")
    return True
