"""Which scores leads can have: the most and the least points of each group and of all together, and facts for them.

Rules over facts are taken apart into facts' positions (`engine.feel.truth_table`), so that rules that exclude each
other are never counted together, and neither are leads that a gate excludes. Rules that share no fact are combined by
what they give alone. Events may repeat: without a cap there is no most. What cannot be seen through counts as if it
could be had, so the limits always hold; whether they are reached is for the record to say, which is scored.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import add, itemgetter
from typing import Final

from engine.feel import ir
from engine.feel.domains import Domains
from engine.feel.truth_table import MAX_POINTS, Point, Points, TruthTable
from engine.feel.values import Value

MAX_SUMS: Final = 20_000
"""Different sums that are kept while parts are combined; beyond, each group is taken alone."""


@dataclass(frozen=True, slots=True)
class Giver:
    """A rule: the group's number, its points in millionths, and its condition."""

    id: str
    group: int
    points: int
    condition: ir.Node


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the most points in millionths; None is without limit."""

    least: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Extreme:
    """Facts, by path, and kinds of events with their numbers that give the most or the least."""

    facts: Mapping[tuple[str, ...], Value] = field(default_factory=dict)
    events: tuple[tuple[Mapping[tuple[str, ...], Value], int], ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """Limits of each group and of the sum before cap and floor, and what is to be tried to reach them.

    `idle` are rules whose points never count because their group's cap is reached without them whenever they are true,
    each with facts at which it is true.
    """

    groups: tuple[Limits, ...]
    total: Limits
    highest: Extreme
    lowest: Extreme
    idle: tuple[tuple[Giver, Extreme], ...]


Sums = tuple[int, ...]
"""For each group what is added, then for each group what is taken away; last whether any fact is known (1) or none."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Rules that share facts: the different sums they can give, each with a point, and who fired at which sum."""

    givers: tuple[Giver, ...]
    sums: Mapping[Sums, Point]
    fired: Mapping[str, Mapping[Sums, Point]]


def score_range(
    rules: Sequence[Giver],
    on_events: Sequence[Giver],
    excluding: Sequence[ir.Node],
    caps: Sequence[int | None],
    domains: Domains,
    *,
    may_know_nothing: bool,
) -> ScoreRange:
    """The range; `excluding` are the conditions of gates that take a lead out.

    A lead of which none of the facts that rules or gates read is known has no score. `may_know_nothing`: something else
    may be known of a lead, so that it has one.
    """
    table = TruthTable([*(rule.condition for rule in rules), *excluding], domains)
    parts = [_part(table, givers, gates, len(caps)) for givers, gates in _together(table, rules, excluding)]
    kinds = _event_kinds(on_events, len(caps), domains)
    needed = 0 if may_know_nothing else 1
    groups = tuple(_limits_of_group(parts, kinds, group, cap, needed) for group, cap in enumerate(caps))
    highest, most = _extreme(table, parts, kinds, caps, sign=1, needed=needed)
    lowest, least = _extreme(table, parts, kinds, caps, sign=-1, needed=needed)
    if most is None and all(limits.most is not None for limits in groups):
        most = sum(limits.most or 0 for limits in groups)
    if least is None and all(limits.least is not None for limits in groups):
        least = sum(limits.least or 0 for limits in groups)
    idle = tuple(_idle(table, parts, caps))
    return ScoreRange(groups, Limits(least, most), highest, lowest, idle)


def _together(
    table: TruthTable, rules: Sequence[Giver], excluding: Sequence[ir.Node]
) -> Iterator[tuple[list[Giver], list[ir.Node]]]:
    """Rules and gates in the smallest groups that share no fact."""
    items: list[tuple[set[Hashable], list[Giver], list[ir.Node]]] = [
        *((set(table.variables(rule.condition)), [rule], []) for rule in rules),
        *((set(table.variables(gate)), [], [gate]) for gate in excluding if table.sees_through(gate)),
    ]
    found: list[tuple[set[Hashable], list[Giver], list[ir.Node]]] = []
    for variables, givers, gates in items:
        apart = []
        for known in found:
            if known[0] & variables:
                variables, givers, gates = known[0] | variables, known[1] + givers, known[2] + gates  # noqa: PLW2901  # they grow
            else:
                apart.append(known)
        found = [*apart, (variables, givers, gates)]
    return ((givers, gates) for _, givers, gates in found)


def _part(table: TruthTable, givers: Sequence[Giver], gates: Sequence[ir.Node], groups: int) -> _Part:
    variables = tuple(dict.fromkeys(v for node in _nodes(givers, gates) for v in table.variables(node)))
    sums: dict[Sums, Point] = {}
    fired: dict[str, dict[Sums, Point]] = {giver.id: {} for giver in givers}
    nothing = (0,) * (2 * groups)
    if table.size(variables) > MAX_POINTS:
        # too many facts together: each rule is taken as if it could be true or not, whatever the others are
        sums = {(*nothing, 1): {}}
        for giver in givers:
            for before in tuple(sums):
                sums.setdefault((*_added(before[:-1], [giver], groups), 1), {})
        return _Part(tuple(givers), sums, {})
    points = table.points(variables)
    wanted = points.everything
    for gate in gates:
        wanted &= ~points.true(gate)
    for number, true, known in _alike(points, givers, wanted):
        point = points.point(number)
        given = (*_added(nothing, true, groups), int(known))
        sums.setdefault(given, point)
        for giver in true:
            fired[giver.id].setdefault(given, point)
    return _Part(tuple(givers), sums or {(*nothing, 0): {}}, fired)


_TOGETHER: Final = 4_096
"""Points that are told apart together; more would be many long masks at once."""


def _alike(points: Points, givers: Sequence[Giver], wanted: int) -> Iterator[tuple[int, tuple[Giver, ...], bool]]:
    """The wanted points told apart by the rules that are true and by whether any fact is known.

    Of points that are alike the first one is given, in the points' order, and once more now and then.
    """
    masks = [(giver, points.true(giver.condition)) for giver in givers]
    known = points.known()
    for start in range(0, points.size, _TOGETHER):
        here = wanted >> start & ((1 << _TOGETHER) - 1)
        groups: list[tuple[int, tuple[Giver, ...]]] = [(here, ())] if here else []
        for giver, mask in masks:
            own = mask >> start & here
            if own:
                groups = [
                    (part, true)
                    for same, before in groups
                    for part, true in ((same & own, (*before, giver)), (same & ~own, before))
                    if part
                ]
        own = known >> start & here
        told = [(same & own, true, True) for same, true in groups] + [
            (same & ~own, true, False) for same, true in groups
        ]
        firsts = [(start + (part & -part).bit_length() - 1, true, is_known) for part, true, is_known in told if part]
        yield from sorted(firsts, key=itemgetter(0))


def _nodes(givers: Sequence[Giver], gates: Sequence[ir.Node]) -> tuple[ir.Node, ...]:
    return (*(giver.condition for giver in givers), *gates)


def _added(sums: Sums, givers: Sequence[Giver], groups: int) -> Sums:
    made = list(sums)
    for giver in givers:
        made[giver.group + (groups if giver.points < 0 else 0)] += giver.points
    return tuple(made)


@dataclass(frozen=True, slots=True)
class _EventKind:
    """An event that can be, and what it gives."""

    event: Mapping[tuple[str, ...], Value]
    sums: Sums


def _event_kinds(on_events: Sequence[Giver], groups: int, domains: Domains) -> list[_EventKind]:
    """The different things that one event can give; each event rule alone where they cannot be seen through."""
    table = TruthTable([giver.condition for giver in on_events], domains)
    variables = tuple(dict.fromkeys(v for giver in on_events for v in table.variables(giver.condition)))
    nothing = (0,) * (2 * groups)
    if not all(table.sees_through(giver.condition) for giver in on_events) or table.size(variables) > MAX_POINTS:
        return [_EventKind({}, _added(nothing, [giver], groups)) for giver in on_events]
    found: dict[Sums, _EventKind] = {}
    points = table.points(variables)
    for number, true, _ in _alike(points, on_events, points.everything):
        given = _added(nothing, true, groups)
        if true and given not in found:
            found[given] = _EventKind(table.values(points.point(number)), given)
    return list(found.values())


def _limits_of_group(
    parts: Sequence[_Part], kinds: Sequence[_EventKind], group: int, cap: int | None, needed: int
) -> Limits:
    """The pairs of what is added and what is taken away that the group can have, from the parts one after another."""
    at_down = group + (len(next(iter(parts[0].sums))) - 1) // 2 if parts else group
    found = {(0, 0, 0)}
    for part in parts:
        own = {(sums[group], sums[at_down], sums[-1]) for sums in part.sums}
        found = {(up + more, down + less, old | new) for up, down, old in found for more, less, new in own}
        if len(found) > MAX_SUMS:  # a wider range than there is
            ups, downs = [up for up, _, _ in found], [down for _, down, _ in found]
            found = {(max(ups), max(downs), 1), (min(ups), min(downs), 1)}
    pairs = {(up, down) for up, down, known in found if known >= needed} or {(0, 0)}
    totals = [(up if cap is None else min(up, cap)) + down for up, down in pairs]
    half = len(kinds[0].sums) // 2 if kinds else 0
    gains = any(kind.sums[group] > 0 for kind in kinds)
    loses = any(kind.sums[group + half] < 0 for kind in kinds)
    most: int | None = max(totals)
    if gains:
        most = None if cap is None else cap + max(down for _, down in pairs)
    return Limits(None if loses else min(totals), most)


def _extreme(
    table: TruthTable,
    parts: Sequence[_Part],
    kinds: Sequence[_EventKind],
    caps: Sequence[int | None],
    *,
    sign: int,
    needed: int,
) -> tuple[Extreme, int | None]:
    """What gives the most (or with a sign of -1 the least), and how much; None for no limit or too many sums."""
    groups = len(caps)
    start, is_limited = [0] * (2 * groups), True
    events: list[tuple[Mapping[tuple[str, ...], Value], int]] = []
    for group, cap in enumerate(caps):
        if sign > 0:
            able = [kind for kind in kinds if kind.sums[group] > 0]
            if able and cap is None:
                is_limited = False
            elif able and cap is not None:
                # the kind that takes nothing away, if there is one
                kind = max(able, key=lambda each: (sum(each.sums[groups:]), each.sums[group]))
                start[group] = cap
                events.append((kind.event, -(-cap // kind.sums[group])))
        elif any(kind.sums[groups + group] < 0 for kind in kinds):
            is_limited = False
    capped = [(group, cap) for group, cap in enumerate(caps) if cap is not None]
    reached: dict[Sums, tuple[Point, ...]] = {(*start, 0): ()}
    for part in parts:
        longer: dict[Sums, tuple[Point, ...]] = {}
        for sums, chain in reached.items():
            for more, point in part.sums.items():
                made = list(map(add, sums, more))
                made[-1] = sums[-1] | more[-1]
                for group, cap in capped:
                    if made[group] > cap:  # noqa: PLR1730  # as fast as it can be
                        made[group] = cap
                longer.setdefault(tuple(made), (*chain, point))
        if len(longer) > MAX_SUMS:
            best = sorted(longer.items(), key=lambda item: -sign * sum(item[0][:-1]))[:MAX_SUMS]
            longer, is_limited = dict(best), False
        reached = longer
    scored = {sums: chain for sums, chain in reached.items() if sums[-1] >= needed} or reached
    sums, chain = max(scored.items(), key=lambda item: sign * sum(item[0][:-1]))
    facts = {path: value for point in chain for path, value in table.values(point).items()}
    return Extreme(facts, tuple(events)), sum(sums[:-1]) if is_limited else None


def _idle(table: TruthTable, parts: Sequence[_Part], caps: Sequence[int | None]) -> Iterator[tuple[Giver, Extreme]]:
    for part in parts:
        for giver in part.givers:
            cap = caps[giver.group]
            own = part.fired.get(giver.id)
            if cap is None or giver.points <= 0 or not own:
                continue
            elsewhere = sum(min(sums[giver.group] for sums in other.sums) for other in parts if other is not part)
            lowest = min(own, key=lambda sums: sums[giver.group])
            if lowest[giver.group] - giver.points + elsewhere >= cap:
                chain = [own[lowest]]
                chain += [
                    other.sums[min(other.sums, key=lambda sums: sums[giver.group])]
                    for other in parts
                    if other is not part
                ]
                facts = {path: value for point in chain for path, value in table.values(point).items()}
                yield giver, Extreme(facts)
