"""Bands of a score: half-open ranges that together hold every score from 0 on, each score in one of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import zip_longest

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
    ordered = sorted(nodes, key=_start)
    _check_labels(nodes, report)
    bands: list[Band] = []
    for node, following in zip_longest(ordered, ordered[1:]):
        stated = node.number_of("to")
        end = stated if stated is not None or following is None else _start(following)
        bands.append(Band(node.text_of("label"), _start(node), end, node.text_of("because")))
        if stated is not None and stated <= _start(node):
            message = f"the band `{node.text_of('label')}` ends at {decimal_text(stated)}, where it starts or before"
            report.add("rules.bands_order", message, node["to"].place, "`to` is the first score above the band")
    if bands and bands[0].from_ > 0:
        place = ordered[0]["from"].place
        report.add("rules.bands_gap", "a score of 0 lies in no band", place, "let the lowest band start at 0")
    _check_cover(bands, ordered, cap, report)
    return Bands.of(bands)


def _check_cover(bands: Sequence[Band], nodes: Sequence[Node], cap: Decimal | None, report: Report) -> None:
    """Walk up the scores: each band must start where those below it end."""
    if not bands:
        return
    highest, place = bands[0], nodes[0]
    for band, node in zip(bands[1:], nodes[1:], strict=True):
        start = decimal_text(band.from_)
        # Of two bands the one written later is shown: it is the one that was added last.
        later = max(node, place, key=lambda each: (each.place.line, each.place.column))["from"].place
        if highest.to is None or band.from_ < highest.to or band.from_ == highest.from_:
            message = f"a score of {start} lies in both `{highest.label}` and `{band.label}`"
            report.add("rules.bands_overlap", message, later, "bands are half-open: one ends where the next starts")
        elif band.from_ > highest.to:
            witness = decimal_text(highest.to)
            message = f"a score of {witness} lies in no band, between `{highest.label}` and `{band.label}`"
            report.add("rules.bands_gap", message, later, "leave `to` out; a band ends where the next starts")
        if highest.to is not None and (band.to is None or band.to >= highest.to):
            highest, place = band, node
    if highest.to is not None and (cap is None or highest.to <= cap):
        message = f"a score of {decimal_text(highest.to)} lies in no band"
        ends = place.get("to") or place["from"]
        report.add("rules.bands_gap", message, ends.place, "leave `to` out of the highest band")


def _check_labels(nodes: Sequence[Node], report: Report) -> None:
    labels: dict[str, int] = {}
    for node in nodes:
        label = node.text_of("label")
        if label in labels:
            message = f"`{label}` is the label of two bands"
            report.add("rules.duplicate_id", message, node["label"].place, f"the first stands on line {labels[label]}")
        labels.setdefault(label, node.place.line)


def _start(node: Node) -> Decimal:
    return node.number_of("from") or Decimal(0)
