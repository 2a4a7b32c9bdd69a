"""The kind `lead-priority` over a population: points from the words of fired rules, summed byte by byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.columns.conditions import STRETCH, Bits, evaluate_conditions
from engine.columns.encoding import Bools, Coded, Column, Ints, Scaled
from engine.columns.places import Words
from engine.columns.population import Population
from engine.feel.types import ANY, NUMBER, STRING
from engine.feel.values import NUMBERS
from engine.kinds.lead_priority.body import LeadPriority
from engine.kinds.lead_priority.decay import PLACES, decayed
from engine.kinds.lead_priority.model import Group
from engine.kinds.lead_priority.nearest import EVENTS

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
    _columns: dict[str, Column] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """`state`, `score`, `raw`, `band`, `gate`, and `groups.<id>` for each group."""
        return ("state", "score", "raw", "band", "gate", *(f"groups.{group.id}" for group in self.body.groups))

    def column(self, name: str) -> Column:
        """The column of one member of the outcome."""
        gates, bands = self.body.gates, self.body.bands.bands
        match name:
            case "state":
                state = np.where(self.absent, 1, np.where(self._excluded, 2, 0)).astype(np.uint8)
                return Coded(STRING, state, ("scored", "not_scored", "excluded"))
            case "score":
                return _points(self.score, self._empty)
            case "raw":
                return _points(self.raw, self._empty)
            case "gate":
                return Coded(STRING, self._gate, tuple(each.id for each in gates))
            case "band":
                return Coded(STRING, self._band(), tuple(each.label for each in bands))
        return _points(self._total(name.removeprefix("groups.")), self._empty)

    @cached_property
    def _gate(self) -> NDArray[np.intp]:
        """The place of the first gate that is true; behind the last where none is."""
        gates = self.body.gates
        found = np.full(len(self.raw), len(gates), np.intp)
        for at in reversed(range(len(gates))):
            found[_has(self.bits.rules, gates[at].bit)] = at
        found[self.absent] = len(gates)
        return found

    @cached_property
    def _excluded(self) -> Bools:
        gates = self.body.gates
        found: Bools = np.array([*(each.band is None for each in gates), False])[self._gate]
        return found

    @cached_property
    def _empty(self) -> Bools:
        return self.absent | self._excluded

    def _band(self) -> NDArray[np.intp]:
        gates, bands = self.body.gates, self.body.bands.bands
        labels = [each.label for each in bands]
        starts = np.array([_first_at(band.from_) for band in bands], np.int64)
        by_score = np.searchsorted(starts, self.score, side="right") - 1
        by_gate = np.array([*(labels.index(each.band) if each.band is not None else -1 for each in gates), -1], np.intp)
        found = np.where(by_gate[self._gate] >= 0, by_gate[self._gate], by_score)
        found[self._empty] = len(labels)
        return found

    def outcome(self, row: int) -> dict[str, Any]:
        """The outcome of a record that is not unsure, as `RuleSet.decide` gives it."""
        flat = {name: self._kept(name).value(row) for name in self.names[:5]}
        groups: dict[str, Any] = {}
        if flat["state"] == "scored":
            groups = {each.id: self._kept(f"groups.{each.id}").value(row) for each in self.body.groups}
        return {**flat, "groups": groups}

    def _kept(self, name: str) -> Column:
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self.column(name)
        return found

    def _total(self, group_id: str) -> Ints:
        group = next(each for each in self.body.groups if each.id == group_id)
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
    octets = words.astype("<u8", copy=False).view(np.uint8)
    tables = {}
    for octet in range(-(-len(points) // 8)):
        part = points[8 * octet : 8 * octet + 8]
        if any(part):
            sums = [sum(each for at, each in enumerate(part) if value >> at & 1) for value in range(256)]
            tables[octet] = np.array(sums, np.int64)
    found = np.zeros(len(words), np.int64)
    for start in range(0, len(words), STRETCH):
        rows = slice(start, start + STRETCH)
        for octet, table in tables.items():
            found[rows] += table[octets[rows, octet]]
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
        if not found.any():
            break
        described = None if population.schema is None else population.schema.field(name)
        nulls = population.column(tuple(name.split(".")), ANY if described is None else described.type).nulls
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
