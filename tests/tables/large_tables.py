"""Tables of any size without gap and overlap, by cutting the space of facts in two again and again; and faults in them.

`python tests/tables/large_tables.py FOLDER` writes rule files of 10,000 rows and 8 columns with one gap, overlap,
masked row and contradiction planted; `bylaw check FOLDER` finds them.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

ELSE = "else"
"""What stands for every other text of a column."""
ENUMS: Mapping[str, tuple[str, ...]] = {
    "country": ("AU", "DE", "FR", "GB", "IN", "JP", "US", ELSE),
    "seniority": ("executive", "director", "manager", "specialist", "other"),
    "source": ("web form", "referral", "partner", "trade show", "advertising", "organic search", "outbound", "other"),
}
"""Columns of texts with the texts that are told apart."""

NUMBERS: Mapping[str, int] = {"employees": 100_000, "annual_revenue": 1_000_000_000, "last_contacted_on": 20_000}
FLAGS = ("consent", "competitor")
COLUMNS = (*NUMBERS, *ENUMS, *FLAGS)
_FIRST_DAY = date(2000, 1, 1)

Bounds = tuple[int | None, int | None]


@dataclass(frozen=True)
class Leaf:
    """A row's cells: bounds of numbers (half-open, None is endless), the values of a text column or flag."""

    bounds: Mapping[str, Bounds] = field(default_factory=lambda: dict.fromkeys(NUMBERS, (None, None)))
    values: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: {**ENUMS, **dict.fromkeys(FLAGS, ("true", "false"))}
    )

    def cells(self) -> dict[str, str]:
        """The cells as texts; a column left out matches everything."""
        texts = {name: _interval(name, *self.bounds[name]) for name in NUMBERS}
        texts |= {name: _choice(name, self.values[name]) for name in (*ENUMS, *FLAGS)}
        return {name: text for name, text in texts.items() if text}


def leaves(count: int) -> list[Leaf]:
    """So many rows that every record with a value in every column matches exactly one of."""
    return list(_cut(Leaf(), count, 0))


def _cut(leaf: Leaf, count: int, turn: int) -> Iterator[Leaf]:
    if count == 1:
        yield leaf
        return
    for step in range(len(COLUMNS)):
        halves = _halves(leaf, COLUMNS[(turn + step) % len(COLUMNS)])
        if halves is not None:
            for half, number in zip(halves, (count // 2, count - count // 2), strict=True):
                yield from _cut(half, number, turn + step + 1)
            return
    raise ValueError("the columns cannot be cut so often")


def _halves(leaf: Leaf, name: str) -> tuple[Leaf, Leaf] | None:
    if name in NUMBERS:
        low, high = leaf.bounds[name]
        start, end = low or 0, NUMBERS[name] if high is None else high
        if end - start < 2:
            return None
        middle = (start + end) // 2
        return tuple(Leaf({**leaf.bounds, name: each}, leaf.values) for each in ((low, middle), (middle, high)))
    values = leaf.values[name]
    if len(values) < 2:
        return None
    half = len(values) // 2
    return tuple(Leaf(leaf.bounds, {**leaf.values, name: each}) for each in (values[:half], values[half:]))


def _interval(name: str, low: int | None, high: int | None) -> str:
    a, b = (None if each is None else _bound(name, each) for each in (low, high))
    if a is None:
        return "" if b is None else f"< {b}"
    return f">= {a}" if b is None else f"[{a}..{b})"


def _bound(name: str, value: int) -> str:
    return f'@"{_FIRST_DAY + timedelta(days=value)}"' if name == "last_contacted_on" else str(value)


def _choice(name: str, values: Sequence[str]) -> str:
    if name in FLAGS:
        return "" if len(values) == 2 else values[0]
    if len(values) == len(ENUMS[name]):
        return ""
    if ELSE in values:
        return "not(" + ", ".join(f'"{each}"' for each in ENUMS[name] if each not in values) + ")"
    return ", ".join(f'"{each}"' for each in values)


@dataclass(frozen=True)
class Planted:
    """A table with faults: its rows' ids, cells and outputs, and the rows that each fault is about, by problem code."""

    policy: str
    rows: tuple[tuple[str, Mapping[str, str], str], ...]
    faults: Mapping[str, tuple[str, ...]]


def planted(policy: str, count: int) -> Planted:
    """A table with the faults that its hit policy can have."""
    made = [(f"r{at:05}", leaf, f"queue-{at % 7}") for at, leaf in enumerate(leaves(count))]
    inside = made[count // 3]
    narrow = Leaf({**inside[1].bounds, "employees": _part(inside[1].bounds["employees"])}, inside[1].values)
    faults: dict[str, tuple[str, ...]] = {}
    if policy == "UNIQUE":
        made.append(("planted-overlap", narrow, "queue-8"))
        faults["table.overlap"] = (inside[0], "planted-overlap")
        removed = made.pop(count // 2)
        faults["table.gap"] = (removed[0],)
    elif policy == "FIRST":
        made.append(("planted-masked", narrow, "queue-8"))
        faults["table.masked_row"] = (inside[0], "planted-masked")
    elif policy == "ANY":
        made.append(("planted-contradiction", narrow, "queue-8"))
        faults["table.contradiction"] = (inside[0], "planted-contradiction")
    return Planted(policy, tuple((name, leaf.cells(), output) for name, leaf, output in made), faults)


def _part(bounds: Bounds) -> Bounds:
    low, high = bounds[0] or 0, NUMBERS["employees"] if bounds[1] is None else bounds[1]
    return low, (low + high + 1) // 2


def rule_file(table: Planted) -> tuple[str, str]:
    """The table as a rule file over `lead/2`, and the CSV file beside it that has its rows."""
    name = f"large-{table.policy.lower()}"
    head = [
        "# yaml-language-server: $schema=../../schemas/rules/decision.schema.json",
        "kind: decision",
        f"name: {name}",
        "version: 1",
        "title: A large table",
        "effective: {from: 2026-01-01}",
        "facts: lead/2",
        f"hit_policy: {table.policy}",
        "columns:",
        f"  inputs: [{', '.join(f'{{id: {column}}}' for column in COLUMNS)}]",
        f"  outputs: [{{id: queue, values: [{', '.join(f'queue-{number}' for number in range(9))}]}}]",
        f"rows_file: {name}@1.csv",
    ]
    rows = StringIO()
    writer = csv.writer(rows, lineterminator="\n")
    writer.writerow(["id", *COLUMNS, "queue", "because"])
    for row, cells, output in table.rows:
        writer.writerow([row, *(cells.get(column, "") for column in COLUMNS), output, "planted"])
    return "\n".join(head) + "\n", rows.getvalue()


def write(folder: Path, policy: str, count: int) -> Path:
    """Write both files; gives the rule file's path."""
    folder.mkdir(parents=True, exist_ok=True)
    text, rows = rule_file(planted(policy, count))
    file = folder / f"large-{policy.lower()}@1.yaml"
    file.write_text(text, encoding="utf-8")
    file.with_suffix(".csv").write_text(rows, encoding="utf-8")
    return file


if __name__ == "__main__":
    for wanted in ("UNIQUE", "FIRST", "ANY"):
        write(Path(sys.argv[1]), wanted, 10_000)
