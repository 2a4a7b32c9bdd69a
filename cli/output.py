"""How commands speak: tables and sentences for people, exact JSON for programs, progress on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from engine import exact_json
from engine.problems import Problem, UnavailableError

if TYPE_CHECKING:
    from rich.console import Console

PLAIN_WIDTH = 160
"""Columns where nobody's terminal sets a width: files and pipes."""

Progress = Callable[[int, int, str], None]
"""Called with how much is done, how much there is (0: unknown) and what is being done."""


def colours(stream: TextIO) -> bool:
    """Whether to colour: on a terminal, unless `NO_COLOR` is set (no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def console(stream: TextIO | None = None) -> Console:
    """A rich console on standard output; plain and wide where nobody looks."""
    from rich.console import Console

    stream = stream or sys.stdout
    terminal = stream.isatty()
    return Console(
        file=stream, force_terminal=terminal, no_color=not colours(stream), width=None if terminal else PLAIN_WIDTH,
        highlight=False, soft_wrap=False, markup=False,
    )  # fmt: skip


@contextmanager
def writing() -> Iterator[None]:
    """Turn what prevents writing to standard output into `UnavailableError` (`cli.output`).

    Whoever has read enough of a pipe is no problem: `BrokenPipeError` goes through.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        problem = Problem("cli.output", f"standard output cannot be written: {reason}", help="the answer is incomplete")
        raise UnavailableError(problem) from None


def print_bytes(data: bytes) -> None:
    """Bytes to standard output as they are."""
    with writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def print_json(value: Any) -> None:
    """One line of canonical JSON (RFC 8785) to standard output."""
    print_bytes(exact_json.canonical(value) + b"\n")


def say(text: str = "") -> None:
    """A line for people to standard output."""
    with writing():
        sys.stdout.write(text + "\n")


def note(text: str) -> None:
    """A line beside the result, to standard error."""
    sys.stderr.write(text + "\n")


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]], *, right: Sequence[str] = (), title: str = "") -> None:
    """A table with a header row; the columns named in `right` hold numbers and end together."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(shown(cell)) for cell in row))
    with writing():
        console().print(made)


def shown(value: Any) -> str:
    """A value as a person reads it: decimals and instants in plain notation, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    plain = exact_json.plain(value)
    if isinstance(plain, dict) and set(plain) == {"amount", "currency"}:
        return str(value) if not isinstance(value, dict) else f"{plain['amount']} {plain['currency']}"
    return plain if isinstance(plain, str) else exact_json.canonical(plain).decode()


def problem_text(problem: Problem, stream: TextIO) -> str:
    """A problem for people: place and code, the sentence, the line with a caret, help; coloured on a terminal."""
    text = problem.render()
    if not colours(stream):
        return text
    first, *rest = text.split("\n")
    return "\n".join([first.replace(problem.code, f"\033[31m{problem.code}\033[0m", 1), *rest])


@contextmanager
def progress(what: str, *, quiet: bool = False) -> Iterator[Progress]:
    """A progress bar on standard error if it is a terminal; else nothing, so that logs stay readable.

    `quiet` is for a result that goes to the terminal itself meanwhile.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _total, _message: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, total: int, message: str) -> None:
            bar.update(task, completed=done, total=total or None, description=message or what)

        yield advance
