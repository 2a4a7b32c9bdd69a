"""Rows that match together where the hit policy forbids it: overlaps under UNIQUE, contradictions under ANY."""

from __future__ import annotations

from engine.tables.analysis.finding import Finding, Severity
from engine.tables.analysis.study import MAX_TOLD, OutputKey, Study, bits


def overlaps(study: Study) -> list[Finding]:
    """Pairs of rows that match the same record, where at most one row may."""
    return _conflicts(
        study, "table.overlap", "both match", "narrow one of them (`[10..20)` leaves 20 out), or use FIRST", {}
    )


def contradictions(study: Study) -> list[Finding]:
    """Pairs of rows that match the same record and give different outputs, where all that match must agree."""
    same: dict[OutputKey, int] = {}
    for row, key in enumerate(study.keys):
        same[key] = same.get(key, 0) | 1 << row
    return _conflicts(
        study,
        "table.contradiction",
        "both match and give different outputs",
        "make them agree, narrow one of them, or use FIRST or PRIORITY to choose",
        {key: mask | same.get(None, 0) for key, mask in same.items()},
    )


def _conflicts(study: Study, code: str, what: str, help_text: str, allowed: dict[OutputKey, int]) -> list[Finding]:
    """`allowed` are the rows that may match together with those of a key."""
    found: list[Finding] = []
    number = 0
    table, pairs = study.table, study.pairs
    for row in bits(pairs.clear):
        if allowed and study.keys[row] is None:
            continue
        together = pairs.meets[row] >> (row + 1) << (row + 1)
        together &= ~allowed.get(study.keys[row], 0)
        number += together.bit_count()
        for other in bits(together):
            if len(found) == MAX_TOLD:
                break
            point = study.shared_point(row, other)
            record = study.records.record(point) if point is not None else None
            matching = study.records.matches(record or {})
            if point is None or record is None or not (matching.row(row) and matching.row(other)):
                study.unproved += 1
                number -= 1
                if study.unproved > MAX_TOLD:
                    break
                continue
            names = table.rows[row], table.rows[other]
            message = f"the rows `{names[0]}` and `{names[1]}` {what}, for instance with {study.records.shown(point)}"
            found.append(Finding(code, message, names, record, help_text, Severity.ERROR))
    study.too_many(len(found), number, f"pairs of rows that {what}")
    return found
