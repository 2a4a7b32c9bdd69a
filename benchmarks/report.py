"""Sections and verdicts as Markdown tables and on the terminal."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.results import Line, Section, Tally
from benchmarks.targets import Verdict

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
UNITS = {"us": ("µs", 1e3), "ms": ("ms", 1e6)}
LEFT = {"engine", "form", "work", "wanted", "measured", "wrong answers"}

Cells = tuple[str, ...]


def headings(section: Section) -> Cells:
    """The columns of a section: only those that some line fills."""
    unit = UNITS[section.unit][0]
    found = ["engine", "form", f"p50 {unit}", f"p99 {unit}", "to ours"]
    if any(line.rate for line in section.lines):
        found.append("rows/s")
    if any(line.prepared is not None for line in section.lines):
        found.append("compile ms")
    return (*found, "wrong answers")


def cells(section: Section, line: Line) -> Cells:
    """A line. The ratio is the engine's median over ours."""
    size = UNITS[section.unit][1]
    ratio = section.ratio(line)
    found = [line.engine, line.form, number(line.median / size), number(line.p99 / size)]
    found.append("" if ratio is None else number(ratio))
    if any(one.rate for one in section.lines):
        found.append(f"{line.rate:,.0f}" if line.rate else "")
    if any(one.prepared is not None for one in section.lines):
        found.append("" if line.prepared is None else number(line.prepared / 1e6))
    wrong = "; ".join(_tally(sort, tally) for sort, tally in line.right.items())
    return (*found, wrong or "not asked")


def number(value: float) -> str:
    """Three digits that matter."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _tally(sort: str, tally: Tally) -> str:
    return f"{tally.wrong:,} of {tally.answers:,}{f' {sort}' if sort else ''}"


def absent(section: Section) -> list[Cells]:
    """The lines of the engines that were not measured."""
    blanks = ("",) * (len(headings(section)) - 3)
    return [(absence.engine, f"not measured: {absence.reason}", *blanks, "") for absence in section.absences]


VERDICT_HEADINGS = ("work", "wanted", "measured", "verdict")


def verdict_cells(verdict: Verdict) -> Cells:
    """A target's line."""
    word = "not judged" if verdict.met is None else "met" if verdict.met else "**not met**"
    return verdict.work, verdict.wanted, verdict.measured, word


def markdown(sections: Sequence[Section], verdicts: Sequence[Verdict]) -> str:
    """Everything between the page's markers."""
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}."
    parts = [machine, "### Targets", _table(VERDICT_HEADINGS, [verdict_cells(verdict) for verdict in verdicts])]
    for section in sections:
        lines = [cells(section, line) for line in section.lines]
        parts += [f"### {section.title}", _table(headings(section), [*lines, *absent(section)])]
    return "\n\n".join(parts)


def _table(names: Cells, lines: Sequence[Cells]) -> str:
    rule = tuple("---" if name in LEFT else "---:" for name in names)
    escaped = (tuple(cell.replace("|", "\\|") for cell in line) for line in (names, rule, *lines))
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def write(text: str, page: Path = PAGE) -> None:
    """Replace what stands between the page's markers."""
    begin, end = "<!-- measured -->", "<!-- end -->"
    before = page.read_text(encoding="utf-8")
    start, stop = before.index(begin) + len(begin), before.index(end)
    page.write_text(f"{before[:start]}\n{text}\n{before[stop:]}", encoding="utf-8")


def show(console: Console, title: str, names: Cells, lines: Sequence[Cells]) -> None:
    """A table on the terminal."""
    table = Table(title=title, title_justify="left")
    for name in names:
        table.add_column(name, justify="left" if name in LEFT else "right")
    for line in lines:
        table.add_row(*line)
    console.print(table)


def show_section(console: Console, section: Section) -> None:
    """A section on the terminal."""
    lines = [cells(section, line) for line in section.lines]
    show(console, section.title, headings(section), [*lines, *absent(section)])
