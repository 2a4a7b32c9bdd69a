"""Options that several commands have, so that they are spelt and explained alike everywhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


class Instant(click.ParamType[datetime]):
    """An instant with its zone, `2026-11-02T09:00:00Z`, or a date, which means its first moment in UTC."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the text."""
        if isinstance(value, datetime):
            return value
        try:
            if len(value) == len("2026-11-02"):
                return datetime.combine(date.fromisoformat(value), time(), UTC)
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"`{value}` is no instant such as `2026-11-02T09:00:00Z` or date such as `2026-11-02`", param, ctx
            )
        if found.tzinfo is None:
            self.fail(f"`{value}` has no zone: end it with `Z` or an offset such as `+01:00`", param, ctx)
        try:
            return found.astimezone(UTC)
        except OverflowError:
            self.fail(f"`{value}` lies outside the years 1 to 9999 in UTC", param, ctx)


class PathName(click.Path):
    """A path, which an empty text is not: it would mean the current directory.

    Whether it can be read is found, and told, by whoever reads it.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read the text."""
        if value == "":
            self.fail("an empty text names no file or directory; write `.` for the current one", param, ctx)
        return super().convert(value, param, ctx)


INSTANT = Instant()
FILE = PathName(path_type=Path, readable=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Exact JSON on standard output, for programs.")
home_option = click.option("--home", type=FILE, help="The home directory (BYLAW_HOME).")
organisation_option = click.option(
    "--organisation", metavar="ID", help="The organisation; the only one that is not the example by default."
)
person_option = click.option(
    "--as", "person", metavar="PERSON", help="Act as this person instead of the platform itself."
)
at_option = click.option("--at", type=INSTANT, help="When the facts hold; now by default.")
as_of_option = click.option("--as-of", "as_of", type=INSTANT, help="What was known then decides; now by default.")


class Whose(TypedDict):
    """What `caller_options` give a command, taken as `**whose: Unpack[Whose]`: the arguments of `cli.opened.opened`."""

    home: Path | None
    organisation: str | None
    person: str | None


def caller_options(command: Command) -> Command:
    """`--home`, `--organisation` and `--as`: whose records, and on whose behalf. See `Whose`."""
    return home_option(organisation_option(person_option(command)))
