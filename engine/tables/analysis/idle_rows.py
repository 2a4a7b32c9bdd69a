"""Rows that could go: those that never decide because others go before them, and those that change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.tables.analysis.boxes import (
    Entry,
    OutOfStepsError,
    Steps,
    Verdict,
    entries_of,
    search,
    space_of_row,
    uncovered,
)
from engine.tables.analysis.finding import Finding, Severity
from engine.tables.analysis.study import MAX_TOLD, OutputKey, Study, bits

ROW_STEPS: Final = 20_000
"""Steps for one row."""
ALL_STEPS: Final = 400_000
"""Steps for all rows; rows beyond are said not to have been looked at."""
_NAMED: Final = 4
"""Rows that are named where several together go before one."""


class _Allowance:
    """Steps for each row out of those for all, and the rows for which they were not enough."""

    def __init__(self) -> None:
        self.left = ALL_STEPS
        self.unseen = 0

    def search(
        self, study: Study, row: int, others: int, verdict: Verdict
    ) -> tuple[tuple[int, ...] | None, Sequence[Entry]] | None:
        """A point of the row for which the verdict is False, and the entries; None if the steps were not enough."""
        steps = Steps(min(ROW_STEPS, self.left))
        before = steps.left
        try:
            space = space_of_row(study.columns, row)
            entries = entries_of(study.columns, list(bits(others)), space, steps)
            return search(space, entries, verdict, steps), entries
        except OutOfStepsError:
            self.unseen += 1
            return None
        finally:
            self.left -= before - max(0, steps.left)


def masked_rows(study: Study) -> list[Finding]:
    """Rows that never decide, because another or several others together always match and go before them."""
    allowance = _Allowance()
    found: list[Finding] = []
    pairs = study.pairs
    number = 0
    for row in bits(pairs.clear):
        before = pairs.meets[row] & ((1 << row) - 1)
        whole = pairs.holds[row] & before
        winners: Sequence[int] = ()
        if whole:
            winners = [(whole & -whole).bit_length() - 1]
        elif pairs.low[row] & before and pairs.high[row] & before:
            outcome = allowance.search(study, row, before, uncovered(pairs.meets))
            if outcome is not None and outcome[0] is None:
                winners = [entry.row for entry in outcome[1]]
                if len(found) < MAX_TOLD:
                    winners = _needed(study, row, winners)
        if not winners:
            continue
        study.gone |= 1 << row
        number += 1
        if len(found) < MAX_TOLD and (finding := _masked(study, row, winners)) is not None:
            found.append(finding)
    study.too_many(len(found), number, "rows that can never decide")
    if allowance.unseen:
        study.unseen.append(
            f"for {allowance.unseen:,} rows it is not known whether rows before them leave them anything"
        )
    return found


def _needed(study: Study, row: int, winners: list[int]) -> list[int]:
    """Of rows that together hold a row, so few that none of them can be left out; all where that takes too long."""
    if len(winners) > MAX_TOLD:
        return winners
    for each in tuple(winners):
        fewer = sum(1 << other for other in winners if other != each)
        outcome = _Allowance().search(study, row, fewer, uncovered(study.pairs.meets))
        if outcome is not None and outcome[0] is None:
            winners.remove(each)
    return winners


def _masked(study: Study, row: int, winners: Sequence[int]) -> Finding | None:
    point = study.low_point(row)
    record = study.records.record(point)
    matching = study.records.matches(record or {})
    if record is None or not matching.row(row) or not any(matching.row(winner) for winner in winners):
        study.unproved += 1
        return None
    name, names = study.table.rows[row], [study.table.rows[winner] for winner in winners]
    if len(names) == 1:
        always = f"`{names[0]}` always matches first"
    else:
        rest = f" and {len(names) - _NAMED} others" if len(names) > _NAMED else ""
        always = f"{', '.join(f'`{each}`' for each in names[:_NAMED])}{rest} together always match first"
    message = f"the row `{name}` can never decide: {always}, for instance with {study.records.shown(point)}"
    return Finding("table.masked_row", message, (*names, name), record, "move it up, or remove it")


def redundant_rows(study: Study) -> list[Finding]:
    """Rows without which every record has the same outputs. All that are told may be removed together."""
    if not study.all_clear:
        study.unseen.append("redundant rows were not looked for, since some cells cannot be seen through")
        return []
    allowance = _Allowance()
    found: list[Finding] = []
    first_decides = study.table.policy.name != "ANY"
    rows = range(len(study.table.rows))
    number = 0
    for row in rows if first_decides else reversed(rows):
        if study.gone >> row & 1 or study.keys[row] is None or not study.pairs.meets[row]:
            continue
        others = study.pairs.meets[row] & ~study.gone & ~(1 << row)
        if not (_may_go(study, row, others) if first_decides else _is_held(study, row, others)):
            continue
        verdict = _others_agree(row, study.keys) if first_decides else uncovered(study.pairs.meets)
        outcome = allowance.search(study, row, others, verdict)
        if outcome is None or outcome[0] is not None:
            continue
        number += 1
        finding = _redundant(study, row, others, allowance) if len(found) < MAX_TOLD else None
        if finding is not None:
            found.append(finding)
        study.gone |= 1 << row
    study.too_many(len(found), number, "redundant rows")
    if allowance.unseen:
        study.unseen.append(f"for {allowance.unseen:,} rows it is not known whether they are redundant")
    return found


def _is_held(study: Study, row: int, others: int) -> bool:
    return bool(study.pairs.low[row] & others and study.pairs.high[row] & others)


def _may_go(study: Study, row: int, others: int) -> bool:
    """Whether the row's first and last points do not show yet that it is needed."""
    for at in (study.pairs.low[row], study.pairs.high[row]):
        matching = at & others
        if matching & ((1 << row) - 1):
            continue
        following = (matching & -matching).bit_length() - 1
        if following < 0 or study.keys[following] != study.keys[row]:
            return False
    return True


def _others_agree(row: int, keys: Sequence[OutputKey]) -> Verdict:
    """The verdict that seeks a point where the row decides, and without it something else would come out."""

    def verdict(entries: Sequence[Entry], sizes: tuple[int, ...]) -> bool | None:
        certain = True
        for entry in entries:  # in the order of precedence
            whole = entry.taken == sizes
            if entry.row < row or keys[entry.row] == keys[row]:
                if whole:
                    return True
                certain = False
            else:
                return False if whole and certain else None
        return False if certain else None

    return verdict


def _redundant(study: Study, row: int, others: int, allowance: _Allowance) -> Finding | None:
    before = others & ((1 << row) - 1) if study.table.policy.name != "ANY" else 0
    point: tuple[int, ...] | None = study.low_point(row)
    if study.pairs.low[row] & before:
        outcome = allowance.search(study, row, before, uncovered(study.pairs.meets))
        point = outcome[0] if outcome is not None else None
    record = study.records.record(point) if point is not None else None
    matching = study.records.matches(record or {})
    following = next((each for each in bits(others) if matching.row(each)), None)
    if point is None or record is None or following is None or not matching.row(row):
        study.unproved += 1
        return None
    names = study.table.rows[following], study.table.rows[row]
    message = (
        f"the row `{names[1]}` changes nothing: without it the same comes out, "
        f"for instance by `{names[0]}` with {study.records.shown(point)}"
    )
    return Finding("table.redundant_row", message, names, record, "remove it", Severity.HINT)
