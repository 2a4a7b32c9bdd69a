"""Which rows of a table match: a small decision tree whose cost follows the rows that may still match, not all rows.

A cell about one fact and constants only is *simple*: it is true for some of finitely many classes of that fact's values
(`engine.feel.clauses`). From the rows whose cells are all simple a tree is built when the table is loaded. A node takes
the column that leaves the fewest rows on average and looks its value up, and the rows that remain are told apart by
their other cells:

* texts and booleans: a dictionary from each named value to the node below, and one node for all other values;
* ordered values: a bisection among the constants, and a list of rows for each place; these are tested in turn;
* where every column leaves too many rows for lists, masks of bits for all of them (`engine.feel.matching`).

A row stands in every place where it can match, so an unconditional cell is repeated. `ENTRIES_PER_ROW` bounds how often
over the whole tree; beyond, masks take over, whose size has a bound of its own. If only the first row counts, what
stands behind a row without further tests, or behind one with the same tests, is left out.

Rows with a cell that is not simple are looked at one by one as generated code, on every evaluation, since computing
them may fail and failures must not depend on what the index leaves out.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from engine.feel import ir
from engine.feel.clauses import INDEXED_ORDERED, constants, stretches, truth_at
from engine.feel.generate import Source
from engine.feel.matching import BITS_BUDGET, Clause, bits, compile_rows
from engine.feel.types import BOOLEAN
from engine.feel.values import Value
from engine.tables.cell import SEVERAL, Cell

ENTRIES_PER_ROW: Final = 32
"""How often a row may stand in the tree's lists, on average."""
SPARE_ENTRIES: Final = 1_024
"""And so many more, for small tables."""
SHORT: Final = 4
"""So few rows are tested in turn without a look-up."""
FEW: Final = 64
"""Up to so many rows no masks are made: writing code for each small node would take longer than all evaluations."""
MOST_CANDIDATES: Final = 96
"""With more rows in a place's list than this on average, masks are faster."""

Values = tuple[Any, ...]
Rows = Sequence[int]
Node = Callable[[Values], Any]
"""From the facts' values to the first matching row (-1: none), or to all of them in order."""
Test = Callable[[Any], bool]
Find = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Named:
    """A cell about texts or booleans: its truth is `usual`, and the other one for `others` (None: the null)."""

    usual: bool
    others: frozenset[Value]

    def truths_of(self, fact: ir.Fact) -> set[bool]:
        """The truths it has for some value of its fact."""
        values = {True, False, *((None,) if fact.nullable else ())} if fact.type == BOOLEAN else None
        if values is not None:
            return {(value in self.others) is not self.usual for value in values}
        return {self.usual, not self.usual} if self.others else {self.usual}

    def test(self) -> Test:
        """Whether a value makes the cell true."""
        others = self.others
        return (lambda value: value not in others) if self.usual else others.__contains__


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A cell about ordered values: its truths below, at, between, ..., above its `bounds`, and of null."""

    null: bool
    bounds: tuple[Any, ...]
    truths: tuple[bool, ...]

    def truths_of(self, fact: ir.Fact) -> set[bool]:
        """The truths it has for some value of its fact."""
        return {*self.truths, self.null} if fact.nullable else set(self.truths)

    def test(self) -> Test:
        """Whether a value makes the cell true. Null takes the way round over `null`."""
        plain, null = self._plain(), self.null
        return lambda value: null if value is None else plain(value)

    def _plain(self) -> Test:
        bounds, truths = self.bounds, self.truths
        if len(bounds) == 1:
            (bound,) = bounds
            match truths:
                case (False, True, True):
                    return lambda value: value >= bound
                case (False, False, True):
                    return lambda value: value > bound
                case (True, True, False):
                    return lambda value: value <= bound
                case (True, False, False):
                    return lambda value: value < bound
        if len(bounds) == 2:
            low, high = bounds
            match truths:
                case (False, True, True, False, False):
                    return lambda value: low <= value < high
                case (False, True, True, True, False):
                    return lambda value: low <= value <= high
        return lambda value: truths[bisect_left(bounds, value) + bisect_right(bounds, value)]


_Cell = _Named | _Ordered
_Row = tuple[int, dict[int, _Cell]]
"""A row's number, and its cells that are not always true by the place of their fact."""


def compile_index(
    rows: Sequence[Sequence[Cell]],
    *,
    columns: Sequence[tuple[ir.Fact, ir.Node]] = (),
    only_first: bool,
    budget: int = BITS_BUDGET,
) -> tuple[Find, bool]:
    """A function `(facts, run)` that finds the rows whose cells are all true, and whether it needs a `Run`.

    It gives the first row, or -1 for none, where `only_first`, else all of them in ascending order. `columns` as for
    `engine.feel.matching.compile_rows`; `budget` bounds the bits of a column's masks.
    """
    about = {id(cell): cell for cells in rows for cell in cells}
    known = {key: cell.fact for key, cell in about.items()}
    opaque = {key for key, fact in known.items() if fact is SEVERAL}
    others = [at for at, cells in enumerate(rows) if opaque and any(id(cell) in opaque for cell in cells)]
    skipped = set(others)
    simple = [at for at in range(len(rows)) if at not in skipped]
    used = {id(cell): None for at in simple for cell in rows[at]} if others else known
    facts = {fact.path: fact for key in used if (fact := known[key])}
    tree = _Tree(tuple(facts.values()), rows, known, only_first=only_first, budget=budget)
    root = tree.node([(at, cells) for at in simple if (cells := tree.cells_of(at)) is not None])
    source = Source()
    values = source.read_all(facts.values(), columns)
    found = f"{source.bind(root)}(({''.join(f'{value}, ' for value in values)}))"
    needs_run = source.needs_run
    if others:
        nodes = [[cell.node for cell in rows[at]] for at in others]
        rest = compile_rows(nodes, columns=columns, with_clauses=False, budget=budget)
        merged = _first_of(others) if only_first else _all_of(others)
        source.line(f"m = {source.bind(rest.find)}(facts, run)[0]")
        source.line(f"return {source.bind(merged)}({found}, m) if m else {found}")
        needs_run = needs_run or rest.needs_run
    else:
        source.line(f"return {found}")
    return source.function_of("facts, run"), needs_run


def _first_of(others: Rows) -> Callable[[int, int], int]:
    def merged(first: int, mask: int) -> int:
        other = others[(mask & -mask).bit_length() - 1]
        return other if first < 0 else min(first, other)

    return merged


def _all_of(others: Rows) -> Callable[[Rows, int], Rows]:
    return lambda found, mask: sorted((*found, *(others[bit] for bit in bits(mask))))


class _NowhereElse(dict[Any, int]):
    """Gives every constant a position that is not the asked one."""

    def __missing__(self, key: object) -> int:
        return 0


_NOWHERE: Final = _NowhereElse()


def _together(fact: ir.Fact, cells: Sequence[Cell]) -> _Cell:
    """What a row's cells about one fact say together."""
    if len(cells) == 1 and (drawn := cells[0].outline) is not None:
        bounds, truths, of_null = drawn
        return _Ordered(fact.nullable and of_null, bounds, truths)
    nodes = [cell.node for cell in cells]

    def holds(position: Any, places: Mapping[Value, int]) -> bool:
        return all(truth_at(node, position, places) is True for node in nodes)

    named = set().union(*map(constants, nodes))
    null = fact.nullable and holds(None, _NOWHERE)
    places: dict[Value, int]
    if fact.type in INDEXED_ORDERED:
        constants_ = sorted(cast("set[Any]", named))
        places = {bound: 2 * at + 1 for at, bound in enumerate(constants_)}
        return _Ordered(null, tuple(constants_), tuple(holds(spot, places) for spot in range(2 * len(constants_) + 1)))
    if fact.type == BOOLEAN:
        usual, places = False, {True: 1, False: 0}
    else:
        usual, places = holds(-1, _NOWHERE), {text: at for at, text in enumerate(named)}
    others = {value for value, at in places.items() if holds(at, places) is not usual}
    if fact.nullable and null is not usual:
        others.add(None)
    return _Named(usual, frozenset(others))


class _Tree:
    """Builds the nodes."""

    def __init__(
        self,
        facts: tuple[ir.Fact, ...],
        rows: Sequence[Sequence[Cell]],
        about: Mapping[int, ir.Fact | None],
        *,
        only_first: bool,
        budget: int,
    ) -> None:
        self.facts = facts
        self.rows = rows
        self.only_first = only_first
        self.budget = budget
        self.entries = ENTRIES_PER_ROW * len(rows) + SPARE_ENTRIES
        places = {fact.path: at for at, fact in enumerate(facts)}
        self.place_of = {key: None if fact is None else places.get(fact.path) for key, fact in about.items()}
        self.known: dict[tuple[int, ...], tuple[_Cell, set[bool]]] = {}
        self.cells: dict[_Cell, _Cell] = {}
        self.tests: dict[int, Test] = {}

    # -- cells

    def cells_of(self, row: int) -> dict[int, _Cell] | None:
        """A row's cells that are not always true, by the place of their fact; None if one of them never is."""
        by_place: dict[int, tuple[Cell, ...]] = {}
        for given in self.rows[row]:
            place = self.place_of[id(given)]
            if place is not None:
                by_place[place] = (*by_place[place], given) if place in by_place else (given,)
        cells: dict[int, _Cell] = {}
        for place, alike in by_place.items():
            key = (place, *map(id, alike))  # they live as long as `self.rows` does
            if key not in self.known:
                fact = self.facts[place]
                made = _together(fact, alike)
                self.known[key] = self.cells.setdefault(made, made), made.truths_of(fact)
            cell, truths = self.known[key]
            if True not in truths:
                return None
            if False in truths:
                cells[place] = cell
        return cells

    def test(self, cell: _Cell) -> Test:
        """The cell's test, one for all its uses."""
        found = self.tests.get(id(cell))  # equal cells are one object
        if found is None:
            found = self.tests[id(cell)] = cell.test()
        return found

    # -- nodes

    def node(self, rows: list[_Row]) -> Node:
        """The node that tells these rows apart."""
        if self.only_first:
            first = set(_needed([number for number, _ in rows], _kinds(rows)))
            rows = [row for row in rows if row[0] in first]
        if not any(cells for _, cells in rows):
            numbers = tuple(number for number, _ in rows)
            return _always((numbers[0] if numbers else -1) if self.only_first else numbers)
        if len(rows) > SHORT:
            columns = sorted({place for _, cells in rows for place in cells})
            made = self.split(rows, [place for place in columns if self.facts[place].type not in INDEXED_ORDERED])
            if made is None:
                made = self.lists(rows, [place for place in columns if self.facts[place].type in INDEXED_ORDERED])
            if made is None and len(rows) > FEW:
                made = self.masks(rows)
            if made is not None:
                return made
        every = [number for number, _ in rows]
        return self.looked_up(0, bisect_left, (), (every, every), dict(rows))

    def split(self, rows: list[_Row], columns: Sequence[int]) -> Node | None:
        """A dictionary on the column of named values that leaves the fewest rows, where one leaves at most half."""
        best: tuple[float, int] | None = None
        for place in columns:
            sizes = self.sizes(rows, place)
            total, average = sum(sizes), sum(sizes) / len(sizes)
            if (
                average <= len(rows) / 2
                and total - len(rows) <= self.entries
                and (best is None or (average, place) < best)
            ):
                best = average, place
        if best is None:
            return None
        place = best[1]
        below: dict[Value, list[_Row]] = {}
        other: list[_Row] = []
        for _, cells in rows:
            for value in cast("_Named", cells[place]).others if place in cells else ():
                below.setdefault(value, [])
        for number, cells in rows:
            cell = cast("_Named | None", cells.get(place))
            row = number, {at: each for at, each in cells.items() if at != place}
            if cell is None or cell.usual:
                other.append(row)
                for value, found in below.items():
                    if cell is None or value not in cell.others:
                        found.append(row)
            else:
                for value in cell.others:
                    below[value].append(row)
        self.entries -= max(0, len(other) + sum(map(len, below.values())) - len(rows))
        nodes = {value: self.node(found) for value, found in below.items()}
        return _named(place, nodes, self.node(other))

    def sizes(self, rows: list[_Row], place: int) -> list[int]:
        """How many rows each named value of a column leaves, and last how many any other one does."""
        counts: dict[Value, int] = {}
        decided: dict[Value, int] = {}
        usual = 0
        for _, cells in rows:
            cell = cast("_Named | None", cells.get(place))
            usual += cell is None or cell.usual
            if cell is not None:
                for value in cell.others:
                    counts[value] = counts.get(value, 0) + (-1 if cell.usual else 1)
                    if self.only_first and len(cells) == 1 and not cell.usual:
                        decided.setdefault(value, usual + counts[value])
        return [*(decided.get(value, usual + count) for value, count in counts.items()), usual]

    def lists(self, rows: list[_Row], columns: Sequence[int]) -> Node | None:
        """A list of rows for each place among the bounds of the ordered column that leaves the fewest."""
        best: tuple[float, int, list[Any], dict[Any, int], int] | None = None
        for place in columns:
            # equal cells are one object, and hashing many bounds takes long
            found = {id(cells[place]): cast("_Ordered", cells[place]) for _, cells in rows if place in cells}
            bounds: list[Any] = sorted({bound for cell in found.values() for bound in cell.bounds})
            places = {bound: 2 * at + 1 for at, bound in enumerate(bounds)}
            last = 2 * len(bounds) + 1
            lengths = {
                key: sum(end - start for start, end in stretches(cell.bounds, cell.truths, places, last))
                for key, cell in found.items()
            }
            total = sum(lengths[id(cells[place])] if place in cells else last for _, cells in rows)
            if best is None or total / last < best[0]:
                best = total / last, place, bounds, places, total
        if best is None:
            return None
        average, place, bounds, places, total = best
        if total // 2 > self.entries or (average > MOST_CANDIDATES and len(rows) > FEW):
            return None
        return self.sweep(rows, place, bounds, places)

    def sweep(self, rows: list[_Row], place: int, bounds: list[Any], places: Mapping[Any, int]) -> Node:
        """The lists of rows, from the lowest place to the highest."""
        last = 2 * len(bounds) + 1
        flips: dict[int, list[int]] = {}
        at_null: list[int] = []
        without: dict[int, dict[int, _Cell]] = {}
        for number, cells in rows:
            cell = cast("_Ordered | None", cells.get(place))
            without[number] = {at: each for at, each in cells.items() if at != place}
            for start, end in stretches(cell.bounds, cell.truths, places, last) if cell else ((0, last),):
                flips.setdefault(start, []).append(number)
                flips.setdefault(end, []).append(number)
            if cell is None or cell.null:
                at_null.append(number)
        kinds = _kinds(without.items()) if self.only_first else {}
        flips.pop(last, None)
        inner = flips.keys() - {0}
        find: Callable[[Sequence[Any], Any], int]
        if all(spot % 2 for spot in inner):
            find, spots = bisect_right, range(0, last, 2)
        elif not any(spot % 2 for spot in inner):
            find, spots = bisect_left, range(0, last, 2)
        else:
            find, spots = _between_and_at, range(last)
        step = 1 if find is _between_and_at else 2
        active: list[int] = []
        found: list[list[int]] = []
        for spot in spots:
            changed = [number for each in range(spot - step + 1, spot + 1) for number in flips.get(each, ())]
            for number in changed:
                at = bisect_left(active, number)
                if at < len(active) and active[at] == number:
                    del active[at]
                else:
                    insort(active, number)
            if changed or not found:
                listed = _needed(active, kinds) if self.only_first else active.copy()
                self.entries -= len(listed)
            found.append(listed)
        found.append(_needed(at_null, kinds) if self.only_first else at_null)
        return self.looked_up(place, find, bounds, found, without)

    def looked_up(
        self,
        place: int,
        find: Find,
        bounds: Sequence[Any],
        lists: Sequence[Sequence[int]],
        cells_of: Mapping[int, dict[int, _Cell]],
    ) -> Node:
        """The node that finds a list of rows, the last one for null, and tests them in turn by their cells."""
        distinct = {id(rows): rows for rows in lists}
        listed = sorted(set().union(*distinct.values()))
        tested = sorted({at for number in listed for at in cells_of[number]})
        entries = {number: self.entry(number, cells_of[number], tested) for number in listed}
        made = {
            key: tuple(map(entries.__getitem__, rows)) if tested else self.untested(rows)
            for key, rows in distinct.items()
        }
        *found, at_null = (made[id(rows)] for rows in lists)
        if not tested:
            return _untested(place, find, bounds, found, at_null)
        if len(tested) == 1:
            make = _first_by_one if self.only_first else _all_by_one
            return make(place, find, bounds, found, at_null, tested=tested[0])
        return (_first_by_many if self.only_first else _all_by_many)(place, find, bounds, found, at_null)

    def untested(self, rows: Sequence[int]) -> Any:
        """A list of rows by which nothing is tested."""
        return (rows[0] if rows else -1) if self.only_first else tuple(rows)

    def entry(self, number: int, cells: Mapping[int, _Cell], tested: Sequence[int]) -> Any:
        """A row with what tests it; one for all lists in which it stands."""
        if len(tested) == 1:
            (at,) = tested
            return number, self.test(cells[at]) if at in cells else None
        return number, tuple([(at, self.test(cell)) for at, cell in cells.items()])

    def masks(self, rows: list[_Row]) -> Node:
        """Bits for all rows at once, of the columns they are still tested by."""
        numbers = [number for number, _ in rows]
        nodes = [
            [_clause(given) for given in self.rows[number] if self.place_of[id(given)] in cells]
            for number, cells in rows
        ]
        share = max(1, self.budget * len(rows) // len(self.rows))
        found = compile_rows(nodes, with_clauses=False, budget=share, given=self.facts).find
        if self.only_first:

            def first(values: Values) -> int:
                mask = found(values, None)[0]
                return numbers[(mask & -mask).bit_length() - 1] if mask else -1

            return first
        return lambda values: [numbers[bit] for bit in bits(found(values, None)[0])]


def _clause(cell: Cell) -> Clause:
    return cell.node if cell.outline is None else cell


def _kinds(rows: Iterable[_Row]) -> dict[int, int]:
    """For each row a number that is equal for equal cells, and 0 where there are none."""
    numbers: dict[tuple[int, ...], int] = {(): 0}
    return {number: numbers.setdefault((*cells, *map(id, cells.values())), len(numbers)) for number, cells in rows}


def _needed(rows: Sequence[int], kinds: Mapping[int, int]) -> list[int]:
    """The rows that can be the first: not those behind an unconditional one or one with the same cells."""
    kept: list[int] = []
    seen: set[int] = set()
    for row in rows:
        kind = kinds[row]
        if kind not in seen:
            seen.add(kind)
            kept.append(row)
            if not kind:
                break
    return kept


# -- what nodes do


def _always(found: Any) -> Node:
    return lambda _: found


def _named(place: int, nodes: Mapping[Value, Node], other: Node) -> Node:
    get = nodes.get
    return lambda values: get(values[place], other)(values)


def _between_and_at(bounds: Sequence[Any], value: Any) -> int:
    return bisect_left(bounds, value) + bisect_right(bounds, value)


def _untested(place: int, find: Find, bounds: Sequence[Any], lists: Sequence[Any], at_null: Any) -> Node:
    def node(values: Values) -> Any:
        value = values[place]
        return at_null if value is None else lists[find(bounds, value)]

    return node


def _first_by_one(
    place: int, find: Find, bounds: Sequence[Any], lists: Sequence[Any], at_null: Any, *, tested: int
) -> Node:
    def node(values: Values) -> int:
        value, other = values[place], values[tested]
        for number, test in at_null if value is None else lists[find(bounds, value)]:
            if test is None or test(other):
                return cast("int", number)
        return -1

    return node


def _all_by_one(
    place: int, find: Find, bounds: Sequence[Any], lists: Sequence[Any], at_null: Any, *, tested: int
) -> Node:
    def node(values: Values) -> Rows:
        value, other = values[place], values[tested]
        found = at_null if value is None else lists[find(bounds, value)]
        return [number for number, test in found if test is None or test(other)]

    return node


def _first_by_many(place: int, find: Find, bounds: Sequence[Any], lists: Sequence[Any], at_null: Any) -> Node:
    def node(values: Values) -> int:
        value = values[place]
        for number, tests in at_null if value is None else lists[find(bounds, value)]:
            for at, test in tests:
                if not test(values[at]):
                    break
            else:
                return cast("int", number)
        return -1

    return node


def _all_by_many(place: int, find: Find, bounds: Sequence[Any], lists: Sequence[Any], at_null: Any) -> Node:
    def node(values: Values) -> Rows:
        value = values[place]
        found = []
        for number, tests in at_null if value is None else lists[find(bounds, value)]:
            for at, test in tests:
                if not test(values[at]):
                    break
            else:
                found.append(number)
        return found

    return node
