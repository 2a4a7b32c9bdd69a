"""Bands of a score: half-open ranges that together hold every score from 0 on, each score in one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.exact_json import decimal_text
from engine.problems import Report
from engine.rulefile.nodes import Node


@dataclass(frozen=True, slots=True)
class Band:
    """`from_` is the lowest score in the band, `to` the first above it; the highest band has none."""

    label: str
    from_: Decimal
    to: Decimal | None
    because: str = ""

    def __str__(self) -> str:
        upper = f" to below {decimal_text(self.to)}" if self.to is not None else " or more"
        return f"{decimal_text(self.from_)}{upper}"


@dataclass(frozen=True, slots=True)
class Bands:
    """Bands in ascending order, checked to be without gap and overlap."""

    bands: tuple[Band, ...]
    starts: tuple[Decimal, ...]

    @classmethod
    def of(cls, bands: Sequence[Band]) -> Bands:
        """Bands that `read_bands` has checked."""
        ordered = tuple(sorted(bands, key=lambda band: band.from_))
        return cls(ordered, tuple(band.from_ for band in ordered))

    def holding(self, score: Decimal) -> Band:
        """The band that holds a score of 0 or more."""
        return self.bands[bisect_right(self.starts, score) - 1]

    def above(self, score: Decimal) -> Band | None:
        """The next higher band, None for a score in the highest."""
        index = bisect_right(self.starts, score)
        return self.bands[index] if index < len(self.bands) else None


def read_bands(nodes: Sequence[Node], cap: Decimal | None, report: Report) -> Bands:
    """The bands of a file; a score that lies in none or in two is reported as a witness.

    With a `cap`, scores above it do not occur, so the highest band may end above it.
    """
    ordered = sorted(nodes, key=lambda node: node.number_of("from") or Decimal(0))
    found: list[Band] = []
    labels: dict[str, int] = {}
    for index, node in enumerate(ordered):
        label = node.text_of("label")
        if label in labels:
            message = f"`{label}` is the label of two bands"
            report.add("rules.duplicate_id", message, node["label"].place, f"the first stands on line {labels[label]}")
        labels.setdefault(label, node.place.line)
        low = node.number_of("from") or Decimal(0)
        stated = node.number_of("to")
        following = ordered[index + 1] if index + 1 < len(ordered) else None
        next_low = following.number_of("from") if following is not None else None
        if stated is not None and stated <= low:
            message = f"the band `{label}` ends at {decimal_text(stated)}, where it starts or before"
            report.add("rules.bands_order", message, node["to"].place, "`to` is the first score above the band")
        elif following is not None and next_low is not None:
            _check_neighbours(report, node=node, following=following, low=low, stated=stated, next_low=next_low)
        elif stated is not None and (cap is None or stated <= cap):
            message = f"a score of {decimal_text(stated)} lies in no band"
            report.add("rules.bands_gap", message, node["to"].place, "leave `to` out of the highest band")
        found.append(Band(label, low, stated if stated is not None else next_low, node.text_of("because")))
    if found and found[0].from_ > 0:
        help_text = "let the lowest band start at 0"
        report.add("rules.bands_gap", "a score of 0 lies in no band", ordered[0]["from"].place, help_text)
    return Bands.of(found)


def _check_neighbours(
    report: Report, *, node: Node, following: Node, low: Decimal, stated: Decimal | None, next_low: Decimal
) -> None:
    label, next_label = node.text_of("label"), following.text_of("label")
    # Of two bands the one written later is shown: it is the one that was added last.
    later = max(node, following, key=lambda each: (each.place.line, each.place.column))
    if next_low == low or (stated is not None and stated > next_low):
        message = f"a score of {decimal_text(next_low)} lies in both `{label}` and `{next_label}`"
        report.add(
            "rules.bands_overlap", message, later["from"].place, "bands are half-open: one ends where the next starts"
        )
    elif stated is not None and stated < next_low:
        message = f"a score of {decimal_text(stated)} lies in no band, between `{label}` and `{next_label}`"
        report.add("rules.bands_gap", message, later["from"].place, "leave `to` out; a band ends where the next starts")
