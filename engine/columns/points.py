"""The kind `lead-priority` over a population: points from the words of fired rules, summed byte by byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.columns.conditions import Bits, evaluate_conditions
from engine.columns.encoding import Bools, Coded, Column, Ints, Scaled
from engine.columns.places import Words
from engine.columns.population import Population
from engine.feel.types import ANY, NUMBER, STRING
from engine.feel.values import NUMBERS
from engine.kinds._decay import PLACES, decayed
from engine.kinds._lead_nearest import EVENTS
from engine.kinds.lead_priority import Group, LeadPriority

_MOST: Final = 2**62
"""Points in millionths up to which sums stay within 64 bits."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores in millionths of a point; `unsure` are the records that must be decided one by one."""

    body: LeadPriority
    bits: Bits
    events: Mapping[str, tuple[Ints, Ints]]
    raw: Ints
    score: Ints
    absent: Bools
    unsure: NDArray[np.intp]

    @cached_property
    def columns(self) -> dict[str, Column]:
        """`state`, `score`, `raw`, `band`, `gate`, and `groups.<id>` for each group."""
        gates, bands = self.body.gates, self.body.bands.bands
        gate = np.full(len(self.raw), len(gates), np.int64)
        for at in reversed(range(len(gates))):
            gate[_has(self.bits.rules, gates[at].bit)] = at
        gate[self.absent] = len(gates)
        excludes = np.array([*(each.band is None for each in gates), False])
        excluded = excludes[gate]
        empty = self.absent | excluded
        starts = [_first_at(band.from_) for band in bands]
        band = np.searchsorted(np.array(starts, np.int64), self.score, side="right") - 1
        labels = [each.label for each in bands]
        fixed = np.array([*(labels.index(each.band) if each.band is not None else -1 for each in gates), -1], np.int64)
        band = np.where(fixed[gate] >= 0, fixed[gate], band)
        band[empty] = len(labels)
        state = np.where(self.absent, 1, np.where(excluded, 2, 0)).astype(np.uint8)
        found: dict[str, Column] = {
            "state": Coded(STRING, state, ("scored", "not_scored", "excluded")),
            "score": _points(self.score, empty),
            "raw": _points(self.raw, empty),
            "band": Coded(STRING, band, tuple(labels)),
            "gate": Coded(STRING, gate, tuple(each.id for each in gates)),
        }
        for group in self.body.groups:
            found[f"groups.{group.id}"] = _points(self._total(group), empty)
        return found

    def outcome(self, row: int) -> dict[str, Any]:
        """The outcome of a record that is not unsure, as `RuleSet.decide` gives it."""
        found: dict[str, Any] = {
            name: self.columns[name].value(row) for name in ("state", "score", "raw", "band", "gate")
        }
        found["groups"] = {}
        if found["state"] == "scored":
            found["groups"] = {each.id: self.columns[f"groups.{each.id}"].value(row) for each in self.body.groups}
        return found

    def _total(self, group: Group) -> Ints:
        up, down = _ups_and_downs(self.body, [group])
        ups, downs = summed(self.bits.rules, up), summed(self.bits.rules, down)
        if group.id in self.events:
            ups, downs = ups + self.events[group.id][0], downs + self.events[group.id][1]
        return (ups if group.cap is None else np.minimum(ups, group.cap)) + downs


def score(body: LeadPriority, population: Population, at: datetime) -> Scores | None:
    """Score a population; None where points are too large for columns."""
    if not _small(body):
        return None
    bits = evaluate_conditions(body.conditions, population, at=at, zone=body.zone)
    unsure = [bits.recomputed]
    events: dict[str, tuple[Ints, Ints]] = {}
    if body.event_conditions is not None:
        events, failed = _event_points(body, population, at)
        unsure.append(failed)
    plain = [group for group in body.groups if group.cap is None]
    capped = [group for group in body.groups if group.cap is not None]
    up, _ = _ups_and_downs(body, plain)
    _, down = _ups_and_downs(body, body.groups)
    raw = summed(bits.rules, [a + b for a, b in zip(up, down, strict=True)])
    for group in plain:
        if group.id in events:
            raw += events[group.id][0]
    for group in capped:
        ups = summed(bits.rules, _ups_and_downs(body, [group])[0])
        if group.id in events:
            ups += events[group.id][0]
        raw += np.minimum(ups, np.int64(group.cap or 0))
    for each in events.values():
        raw += each[1]
    found = np.maximum(raw, 0) if body.cap is None else np.clip(raw, 0, max(0, body.cap))
    absent = _absent(body, population)
    return Scores(body, bits, events, raw, found, absent, np.unique(np.concatenate(unsure)))


def summed(words: Words, points: Sequence[int]) -> Ints:
    """For each record the sum of the points whose bits are set: a table of 256 sums for each byte of the words."""
    found = np.zeros(len(words), np.int64)
    octets = words.astype("<u8", copy=False).view(np.uint8)
    for octet in range(-(-len(points) // 8)):
        part = points[8 * octet : 8 * octet + 8]
        if not any(part):
            continue
        sums = [sum(each for at, each in enumerate(part) if value >> at & 1) for value in range(256)]
        found += np.array(sums, np.int64)[octets[:, octet]]
    return found


def _ups_and_downs(body: LeadPriority, groups: Sequence[Group]) -> tuple[list[int], list[int]]:
    """The positive and the negative points of each bit that belongs to one of the groups."""
    chosen = {body.groups.index(group) for group in groups}
    own = [points if group in chosen else 0 for group, points in body.by_bit]
    return [max(points, 0) for points in own], [min(points, 0) for points in own]


def _small(body: LeadPriority) -> bool:
    rules = [abs(points) for _, points in body.by_bit]
    limits = [abs(limit) for limit in (body.cap, *(group.cap for group in body.groups)) if limit is not None]
    bands = [abs(_first_at(band.from_)) for band in body.bands.bands]
    return sum(rules) + sum(limits) + max(bands, default=0) < _MOST


def _absent(body: LeadPriority, population: Population) -> Bools:
    """The records of which nothing is known that the rules read."""
    found = np.full(len(population), bool(body.reads), np.bool_)
    for name in body.reads:
        field = None if population.schema is None else population.schema.field(name)
        nulls = population.column(tuple(name.split(".")), ANY if field is None else field.type).nulls
        found &= False if nulls is None else nulls
    return found


def _event_points(
    body: LeadPriority, population: Population, at: datetime
) -> tuple[dict[str, tuple[Ints, Ints]], NDArray[np.intp]]:
    """Positive and negative points of events by group, and the records whose events cannot be counted here."""
    owners, items = population.items_of(EVENTS, "event")
    conditions = body.event_conditions
    assert conditions is not None
    bits = evaluate_conditions(conditions, items, at=at, zone=body.zone)
    failed = [int(owners[row]) for row in bits.errors]
    totals = {group.id: ([0] * len(population), [0] * len(population)) for group in body.groups if group.events}
    for row in np.flatnonzero(bits.rules.any(axis=1)).tolist():
        event = items.facts(row)["event"]
        if event["at"] > at:
            continue
        fired, owner = bits.mask(row), int(owners[row])
        for group in body.groups:
            for rule in group.events:
                if fired >> rule.bit & 1:
                    left = rule.points
                    if group.half_life is not None:
                        left = decayed(left, at - event["at"], group.half_life)
                    totals[group.id][left < 0][owner] += left
    found = {}
    most = _MOST // (2 * max(1, len(totals)))
    for name, (ups, downs) in totals.items():
        failed += [row for row, (up, down) in enumerate(zip(ups, downs, strict=True)) if max(up, -down) >= most]
        kept = [[each if abs(each) < most else 0 for each in side] for side in (ups, downs)]
        found[name] = (np.array(kept[0], np.int64), np.array(kept[1], np.int64))
    return found, np.array(sorted(set(failed)), np.intp)


def _first_at(start: Decimal) -> int:
    """The first whole millionth that is not below a score."""
    return int(NUMBERS.scaleb(start, PLACES).to_integral_value("ROUND_CEILING"))


def _has(words: Words, bit: int) -> Bools:
    found: Bools = (words[:, bit // 64] >> np.uint64(bit % 64) & np.uint64(1)).astype(np.bool_)
    return found


def _points(values: Ints, empty: Bools) -> Scaled:
    return Scaled(NUMBER, np.where(empty, 0, values), PLACES, empty if empty.any() else None)
