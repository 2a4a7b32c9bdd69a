"""What an import noticed, cell by cell, and the counts of what became of every row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One noticed cell or row: where (`column` is empty for a whole row), what, and what was done about it."""

    file: str
    line: int
    column: str
    code: str
    value: str
    message: str
    done: str

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return {name: getattr(self, name) for name in ("file", "line", "column", "code", "value", "message", "done")}


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that are the same but for their line."""

    file: str
    column: str
    code: str
    value: str
    message: str
    done: str
    lines: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many."""
        return len(self.lines)

    def to_json(self, *, lines: bool = True) -> dict[str, Any]:
        """All fields by name, `count`, and the line numbers unless they are not wanted."""
        shown: dict[str, Any] = {
            name: getattr(self, name) for name in ("file", "column", "code", "value", "message", "done", "count")
        }
        return {**shown, "lines": list(self.lines)} if lines else shown


def grouped(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """The findings by everything but their line, in the files' order, the largest groups of a file first."""
    found: dict[tuple[str, str, str, str, str, str], list[int]] = {}
    for one in findings:
        found.setdefault((one.file, one.column, one.code, one.value, one.message, one.done), []).append(one.line)
    files = {file: index for index, file in enumerate(dict.fromkeys(key[0] for key in found))}
    ordered = sorted(found.items(), key=lambda item: (files[item[0][0]], -len(item[1]), item[0]))
    return tuple(
        Group(file, column, code, value, message, done, tuple(sorted(lines)))
        for (file, column, code, value, message, done), lines in ordered
    )


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of a file's rows.

    `rows` = `imported` (of which `changed` were there before) + `unchanged` + `rejected`.
    """

    file: str
    rows: int
    imported: int
    changed: int
    unchanged: int
    rejected: int

    def to_json(self) -> dict[str, Any]:
        """All fields by name."""
        return {
            "file": self.file,
            "rows": self.rows,
            "imported": self.imported,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "rejected": self.rejected,
        }


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The whole import: counts of rows by file and of records by type, and every finding."""

    organisation_id: str
    mapping: str
    files: tuple[RowCounts, ...]
    records: Mapping[str, Mapping[str, int]]
    findings: tuple[Finding, ...] = field(repr=False)
    batch_id: str | None = None

    @property
    def groups(self) -> tuple[Group, ...]:
        """See `grouped`."""
        return grouped(self.findings)

    @property
    def changed(self) -> int:
        """Records created or changed."""
        return sum(counts["created"] + counts["changed"] for counts in self.records.values())

    def to_json(self, *, every_finding: bool = False) -> dict[str, Any]:
        """Shape: `{organisation_id, mapping, changed, files: [...], records: {type.

        {created, changed, unchanged}}, findings: {count, groups: [...]}, batch_id}`; with `every_finding` also
        `findings.each`.
        """
        found: dict[str, Any] = {
            "count": len(self.findings),
            "groups": [group.to_json(lines=every_finding) for group in self.groups],
        }
        if every_finding:
            found["each"] = [finding.to_json() for finding in self.findings]
        return {
            "organisation_id": self.organisation_id,
            "mapping": self.mapping,
            "changed": self.changed,
            "files": [counts.to_json() for counts in self.files],
            "records": {name: dict(counts) for name, counts in self.records.items()},
            "findings": found,
            "batch_id": self.batch_id,
        }
