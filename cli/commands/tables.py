"""`bylaw tables`: decision tables as files, in spreadsheets, and with their rows beside or within."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import FILE


@click.group("tables")
def command() -> None:
    """Decision tables: with their rows within or beside the rule file, and in spreadsheets."""


@command.command("embed")
@click.argument("rule_file", metavar="RULEFILE", type=FILE)
def embed(*, rule_file: Path) -> None:
    """Print RULEFILE as it is published: with the rows of the CSV file beside it in its text.

    A file that names no CSV file is printed as it is. Send a table so over the API, or paste it in the console.
    """
    from cli.files import read, rows_beside  # noqa: PLC0415  # keeps `bylaw --help` quick
    from cli.output import print_bytes  # noqa: PLC0415  # the same
    from engine.rulefile.beside import document  # noqa: PLC0415  # the same

    data = read(rule_file)
    print_bytes(document(data, rule_file.as_posix(), rows_beside(rule_file, data)))
