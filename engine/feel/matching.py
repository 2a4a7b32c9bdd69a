"""Many conjunctions at once: which rows of conditions are true, at a cost that follows facts and not rows.

A row is a conjunction of clauses. A clause about one fact and constants only (`employees >= 500`, `industry in
("retail", "logistics")`, `not(status = null)`) is indexed: its fact's values fall into finitely many positions (at and
between the constants), and for each position a bit mask tells the rows that stay true. One evaluation finds each fact's
position and combines masks. The other clauses run as generated code, in order, for the rows that are still undecided.

The order of clauses is kept where it can be seen: nothing that stands behind a clause that might fail is looked at
before it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Protocol, cast

from engine.feel import ir
from engine.feel.clauses import (
    INDEXED_ORDERED,
    Outline,
    Position,
    constants,
    indexable,
    outline,
    stretches,
    truth_at,
)
from engine.feel.generate import Source
from engine.feel.types import (
    BOOLEAN,
    DATE_TIME,
    ORDERED,
    STRING,
    TIME,
)
from engine.feel.values import Value

__all__ = [
    "BITS_BUDGET",
    "INDEXED_ORDERED",
    "Conjunctions",
    "bits",
    "compile_rows",
    "constants",
    "indexable",
    "truth_at",
]

BITS_BUDGET: Final = 64_000_000
"""Bits one column's exact masks may take (8 MB); beyond, neighbouring positions share a mask and rows are verified."""
TEXT_BUDGET_FACTOR: Final = 1
"""A column of texts may take so many times the budget: making masks from row numbers costs more than the memory."""
INLINE_BOUNDS: Final = 3
"""Up to so many bounds a chain of comparisons is faster than a bisection."""
RESIDUAL_CHUNK: Final = 32
LONG_MASK: Final = 256
FEW_BITS: Final = 4
"""In masks of more bits, with more than so many set, it is faster to search the mask's text."""

Found = tuple[int, int, int]
Masks = Sequence[int]


def may_fail(node: ir.Node) -> bool:
    """Whether computing a node can be an error for some facts."""
    if isinstance(
        node, ir.Const | ir.Fact | ir.Local | ir.And | ir.Or | ir.Not | ir.If | ir.Let | ir.ListOf | ir.InstanceOf
    ):
        return any(may_fail(child) for child in ir.children(node))
    if isinstance(node, ir.Compare):
        types = node.left.type, node.right.type
        safe = types[0] == types[1] and (
            node.op in {"=", "!="} or (types[0] in ORDERED and types[0] not in {TIME, DATE_TIME})
        )
        null = any(isinstance(side, ir.Const) and side.value is None for side in (node.left, node.right))
        return not (safe or null) or may_fail(node.left) or may_fail(node.right)
    if isinstance(node, ir.Member):
        return not str(node.base.type).startswith("context") or may_fail(node.base)
    if isinstance(node, ir.Call) and len(node.signatures) == 1:
        signature = node.signatures[0]
        loose = any(signature.parameter(i).is_loose(a.type) for i, a in enumerate(node.arguments))
        return loose or not signature.total or any(may_fail(argument) for argument in node.arguments)
    return True


class Outlined(Protocol):
    """A clause about one fact of ordered values that is known by its outline; there may be no node for it."""

    @property
    def subject(self) -> ir.Fact:
        """The fact."""

    @property
    def outline(self) -> Outline | None:
        """What it says, which is never None here."""


Clause = ir.Node | Outlined


@dataclass(slots=True)
class _Column:
    """The indexed clauses about one fact."""

    fact: ir.Fact
    clauses: list[tuple[int, int, Clause]] = field(default_factory=list)

    def by_row(self) -> Iterator[tuple[int, list[tuple[int, Clause]]]]:
        """The clauses of each row: several of one row about one fact hold together or not at all."""
        for row, of_row in groupby(self.clauses, itemgetter(0)):
            yield row, [(clause, node) for _, clause, node in of_row]


@dataclass(frozen=True, slots=True)
class Conjunctions:
    """The compiled rows. `find(facts, run)` gives bit masks: rows true, clauses true, rows unknown (null).

    Bit `i` of a row mask is row `i`; clauses are numbered through, row by row. A clause of a row that is false already
    may be left out of the second mask when it was not needed. `needs_run`: `find` wants a `Run`.
    """

    find: Callable[..., Found]
    needs_run: bool
    indexed: int
    residual: int


def compile_rows(
    rows: Sequence[Sequence[Clause]],
    *,
    columns: Sequence[tuple[ir.Fact, ir.Node]] = (),
    with_clauses: bool = True,
    budget: int = BITS_BUDGET,
    given: Sequence[ir.Fact] | None = None,
) -> Conjunctions:
    """Compile conjunctions.

    `columns` are computed values the clauses speak of as facts: (the fact that stands for it, how it is computed).
    `given` are facts that have been read: `find` then takes a tuple of their values, in this order, for the facts.
    """
    everything = (1 << len(rows)) - 1
    indexed: dict[tuple[str, ...], _Column] = {}
    residual: list[tuple[int, list[tuple[int, ir.Node]]]] = []
    clause = 0
    order: dict[tuple[str, ...], ir.Fact] = {}
    for row, nodes in enumerate(rows):
        behind_failing = False
        left_over: list[tuple[int, ir.Node]] = []
        for node in nodes:
            if not isinstance(node, ir.Node):
                subject = node.subject
                order.setdefault(subject.path, subject)
                indexed.setdefault(subject.path, _Column(subject)).clauses.append((row, clause, node))
                clause += 1
                continue
            for fact in ir.facts_of(node):
                order.setdefault(fact.path, fact)
            about = None if behind_failing else indexable(node)
            if about is not None:
                indexed.setdefault(about.path, _Column(about)).clauses.append((row, clause, node))
            elif not (isinstance(node, ir.Const) and node.value is True and not with_clauses):
                left_over.append((clause, node))
                behind_failing = behind_failing or may_fail(node)
            clause += 1
        if left_over:
            residual.append((row, left_over))
    source = Source()
    if given is None:
        source.read_all(order.values(), columns)
    else:
        source.take(given)
    writer = _Writer(source, with_clauses=with_clauses, everything=everything, budget=budget)
    return writer.write(list(indexed.values()), residual, len(rows))


class _Writer:
    """Writes the function that combines the columns' masks."""

    def __init__(self, source: Source, *, with_clauses: bool, everything: int, budget: int) -> None:
        self.source = source
        self.with_clauses = with_clauses
        self.everything = everything
        self.budget = budget
        self.nulls = False
        self.verified: list[tuple[str, str]] = []

    def write(
        self, columns: list[_Column], residual: list[tuple[int, list[tuple[int, ir.Node]]]], count: int
    ) -> Conjunctions:
        source = self.source
        source.line(f"q = {source.bind(self.everything)}")
        if self.with_clauses:
            source.line("c = 0")
        if any(column.fact.nullable for column in columns):
            self.nulls = True
            source.line("y = x = q")
        for column in columns:
            self.column(column, count)
        for exact, position in self.verified:  # last, when the other columns have left few rows
            source.line(f"if q and {position} >= 0: q = {exact}(q, {position})")
        if self.nulls:
            source.line("r = q & y; n = q & x")
        elif residual:
            source.line("r = n = q")
        for start in range(0, len(residual), RESIDUAL_CHUNK):
            self.residual(residual[start : start + RESIDUAL_CHUNK])
        clauses = "c" if self.with_clauses else "0"
        decided = not self.nulls and not residual
        source.line(f"return q, {clauses}, 0" if decided else f"return r, {clauses}, n & ~r")
        return Conjunctions(
            source.function_of("facts, run"),
            source.needs_run,
            sum(len(column.clauses) for column in columns),
            sum(len(nodes) for _, nodes in residual),
        )

    # -- indexed columns

    def column(self, column: _Column, count: int) -> None:
        source = self.source
        value = source.facts[column.fact.path]
        indent = 1
        if column.fact.nullable:
            true, not_false, seen = self.masks_at(column, None, _NowhereElse())
            source.line(f"if {value} is None:")
            source.line(f"y &= {source.bind(true)}; x &= {source.bind(not_false)}", 2)
            if self.with_clauses and seen:
                source.line(f"c |= {source.bind(seen)}", 2)
            source.line("else:")
            indent = 2
        if column.fact.type == BOOLEAN:
            self.boolean(column, value, indent)
        elif column.fact.type == STRING:
            self.text(column, value, indent, count)
        else:
            self.ordered(column, value, indent, count)

    def masks_at(self, column: _Column, position: Position, places: Mapping[Value, int]) -> Found:
        """Rows that stay true, rows that are not false, clauses that are true."""
        true = not_false = self.everything
        seen = 0
        for row, clause, node in column.clauses:
            truth = _truth_at(node, position, places)
            if truth is not True:
                true &= ~(1 << row)
                if truth is False:
                    not_false &= ~(1 << row)
            else:
                seen |= 1 << clause
        return true, not_false, seen

    def apply(self, rows: str, clauses: str, indent: int) -> None:
        self.source.line(f"q &= {rows}", indent)
        if self.with_clauses:
            self.source.line(f"c |= {clauses}", indent)

    def boolean(self, column: _Column, value: str, indent: int) -> None:
        source = self.source
        places: Mapping[Value, int] = {True: 1, False: 0}
        yes, no = (self.masks_at(column, truth, places) for truth in (True, False))
        for each, word in ((yes, "if"), (no, "else")):
            source.line(f"if {value}:" if word == "if" else "else:", indent)
            self.apply(source.bind(each[0]), source.bind(each[2]), indent + 1)

    def text(self, column: _Column, value: str, indent: int, count: int) -> None:
        """Equality only: a dictionary from each named text to its masks; every other text is in one class."""
        source = self.source
        other_rows, _, other_clauses = self.masks_at(column, -1, _NowhereElse())
        rows: dict[str, int] = {}
        clauses: dict[str, int] = {}
        for row, nodes in column.by_row():
            named = sorted(cast("set[str]", set().union(*(_constants(node) for _, node in nodes))))
            places = cast("Mapping[Value, int]", {text: at for at, text in enumerate(named)})
            usual = [truth_at(node, -1, places) is True for _, node in nodes]
            for at, text in enumerate(named):
                truths = [truth_at(node, at, places) is True for _, node in nodes]
                if all(truths) != all(usual):
                    rows[text] = rows.get(text, 0) ^ (1 << row)
                for (clause, _), truth, before in zip(nodes, truths, usual, strict=True):
                    if truth != before:
                        clauses[text] = clauses.get(text, 0) ^ (1 << clause)
                rows.setdefault(text, 0)
                clauses.setdefault(text, 0)
        # `rows` holds what differs from every other text; it is small even where there are many rows
        if len(rows) * count > TEXT_BUDGET_FACTOR * self.budget:
            self.sparse(rows, other_rows, value, indent)
            return
        table = {text: other_rows ^ different for text, different in rows.items()}
        if not self.with_clauses:
            source.line(f"q &= {source.bind(table.get)}({value}, {source.bind(other_rows)})", indent)
            return
        both = {text: (table[text], other_clauses ^ clauses[text]) for text in rows}
        source.line(f"a, b = {source.bind(both.get)}({value}, {source.bind((other_rows, other_clauses))})", indent)
        self.apply("a", "b", indent)

    def sparse(self, rows: Mapping[str, int], other_rows: int, value: str, indent: int) -> None:
        """Very many texts over very many rows: keep row numbers, and make the mask when asked."""
        listed = {text: bits(different) for text, different in rows.items()}

        def mask(text: str) -> int:
            found = other_rows
            for row in listed.get(text, ()):
                found ^= 1 << row
            return found

        self.source.line(f"q &= {self.source.bind(mask)}({value})", indent)

    def ordered(self, column: _Column, value: str, indent: int, count: int) -> None:
        """Positions 0, 2, 4, ... lie between the sorted constants, 1, 3, 5, ... at them."""
        source = self.source
        bounds: list[Any] = sorted(set().union(*(_constants(node) for _, _, node in column.clauses)))
        places: dict[Value, int] = {bound: 2 * at + 1 for at, bound in enumerate(bounds)}
        last = 2 * len(bounds)
        row_flips: list[int] = [0] * (last + 2)
        clause_flips: list[int] = [0] * (last + 2)
        for row, nodes in column.by_row():
            clause, node = nodes[0]
            drawn = None if len(nodes) > 1 else outline(node) if isinstance(node, ir.Node) else node.outline
            if drawn is not None:
                found = stretches(drawn[0], drawn[1], places, last + 1)
                row_flips[0] ^= 1 << row  # every row counts as true before the first position
                for spot in (spot for stretch in found for spot in stretch):
                    row_flips[spot] ^= 1 << row
                    clause_flips[spot] ^= 1 << clause
                continue
            own = {places[constant] for _, node in nodes for constant in _constants(node)}
            before = [True, *(False for _ in nodes)]
            for spot in sorted({0, *own, *(place + 1 for place in own)}):
                truths = [_truth_at(node, spot, places) is True for _, node in nodes]
                now = [all(truths), *truths]
                if now[0] != before[0]:
                    row_flips[spot] ^= 1 << row
                for (clause, _), truth, was in zip(nodes, truths, before[1:], strict=True):
                    if truth != was:
                        clause_flips[spot] ^= 1 << clause
                before = now
        del row_flips[-1], clause_flips[-1]  # beyond the last position
        row_mask, clause_mask = self.everything, 0
        if (last + 1) * count > self.budget and not self.with_clauses:
            self.blocks(bounds, row_mask, row_flips, value, indent)
            return
        row_masks: list[int] = []
        clause_masks: list[int] = []
        for row_flip, clause_flip in zip(row_flips, clause_flips, strict=True):
            row_mask, clause_mask = row_mask ^ row_flip, clause_mask ^ clause_flip
            row_masks.append(row_mask)
            clause_masks.append(clause_mask)
        pairs = list(zip(row_masks, clause_masks, strict=True))
        position, kept = self.position(bounds, pairs, value)
        rows = [pair[0] for pair in kept]
        clauses = [pair[1] for pair in kept]
        if position is None:
            self.inline(bounds, kept, value, indent)
            return
        if not self.with_clauses:
            source.line(f"q &= {source.bind(rows)}[{position}]", indent)
            return
        source.line(f"p = {position}", indent)
        self.apply(f"{source.bind(rows)}[p]", f"{source.bind(clauses)}[p]", indent)

    def position(
        self, bounds: list[Any], pairs: list[tuple[int, int]], value: str
    ) -> tuple[str | None, list[tuple[int, int]]]:
        """Code for the position, and the masks by it. Half-open intervals need one bisection instead of two."""
        at = self.source.bind(bounds)
        left, right = self.source.operation(bisect_left), self.source.operation(bisect_right)
        if all(pairs[2 * i + 1] == pairs[2 * i + 2] for i in range(len(bounds))):
            kept = pairs[::2]
            return (None if len(bounds) <= INLINE_BOUNDS else f"{right}({at}, {value})"), kept
        if all(pairs[2 * i + 1] == pairs[2 * i] for i in range(len(bounds))):
            return f"{left}({at}, {value})", pairs[::2]
        return f"{left}({at}, {value}) + {right}({at}, {value})", pairs

    def inline(self, bounds: list[Any], kept: list[tuple[int, int]], value: str, indent: int) -> None:
        """A chain of comparisons for a few half-open intervals."""
        source = self.source
        if not bounds:
            self.apply(source.bind(kept[0][0]), source.bind(kept[0][1]), indent)
            return
        for at, (rows, clauses) in enumerate(kept):
            if at == 0:
                head = f"if {value} < {source.bind(bounds[0])}:"
            elif at < len(bounds):
                head = f"elif {value} < {source.bind(bounds[at])}:"
            else:
                head = "else:"
            source.line(head, indent)
            self.apply(source.bind(rows), source.bind(clauses), indent + 1)

    def blocks(self, bounds: list[Any], row_mask: int, flips: list[int], value: str, indent: int) -> None:
        """Too many positions for a mask each: neighbours share one for any of them, and what it leaves is verified.

        A row that is true over several stretches is verified against each of them.
        """
        source = self.source
        size = max(2, -(-len(flips) * self.everything.bit_length() // self.budget))
        masks: list[int] = []
        doubtful: list[int] = []
        began: dict[int, int] = dict.fromkeys(bits(row_mask), 0)
        stretches: dict[int, list[tuple[int, int]]] = {}
        for start in range(0, len(flips), size):
            some, always = 0, -1
            for spot in range(start, min(start + size, len(flips))):
                row_mask ^= flips[spot]
                some |= row_mask
                always &= row_mask
                for row in bits(flips[spot]):
                    if row in began:
                        stretches.setdefault(row, []).append((began.pop(row), spot))
                    else:
                        began[row] = spot
            masks.append(some)
            doubtful.append(some & ~always)
        for row, spot in began.items():
            stretches.setdefault(row, []).append((spot, len(flips)))

        def exact(found: int, position: int) -> int:
            """The rows of `found` that are true at just this position."""
            rest = found & doubtful[position // size]
            while rest:
                low = rest & -rest
                rest ^= low
                for start, end in stretches[low.bit_length() - 1]:
                    if start <= position < end:
                        break
                else:
                    found ^= low
            return found

        at = source.bind(bounds)
        name = source.fresh("p")
        left, right = source.operation(bisect_left), source.operation(bisect_right)
        if any(flips[2 * i + 2] for i in range(len(bounds))):
            source.line(f"{name} = {left}({at}, {value}) + {right}({at}, {value})", indent)
        else:
            source.line(f"{name} = 2 * {right}({at}, {value})", indent)
        source.line(f"q &= {source.bind(masks)}[{name} // {size}]", indent)
        if indent > 1:
            source.line(f"if {value} is None: {name} = -1")
        self.verified.append((source.bind(exact), name))

    # -- residual clauses

    def residual(self, rows: Sequence[tuple[int, list[tuple[int, ir.Node]]]]) -> None:
        source = self.source
        chunk = 0
        for row, _ in rows:
            chunk |= 1 << row
        source.line(f"if n & {source.bind(chunk)}:")
        for row, nodes in rows:
            bit, rest = source.bind(1 << row), source.bind(self.everything & ~(1 << row))
            source.line(f"if n & {bit}:", 2)
            source.line("while True:", 3)
            for clause, node in nodes:
                source.line(f"t = {source.expression(node)}", 4)
                source.line(f"if t is False: r &= {rest}; n &= {rest}; break", 4)
                if node.nullable:
                    source.line(f"if t is None: r &= {rest}", 4)
                    if self.with_clauses:
                        source.line(f"else: c |= {source.bind(1 << clause)}", 4)
                elif self.with_clauses:
                    source.line(f"c |= {source.bind(1 << clause)}", 4)
            source.line("break", 4)


def _constants(clause: Clause) -> set[Value]:
    return constants(clause) if isinstance(clause, ir.Node) else set(cast("Outline", clause.outline)[0])


def _truth_at(clause: Clause, position: Position, places: Mapping[Value, int]) -> bool | None:
    if isinstance(clause, ir.Node):
        return truth_at(clause, position, places)
    bounds, truths, of_null = cast("Outline", clause.outline)
    if position is None:
        return of_null
    own = [places[bound] for bound in bounds]
    return truths[bisect_left(own, position) + bisect_right(own, position)]


class _NowhereElse(dict[Any, int]):
    """Gives every constant a position that is not the asked one."""

    def __missing__(self, key: object) -> int:
        return 0


def bits(mask: int) -> tuple[int, ...]:
    """The numbers of the bits that are set, in ascending order."""
    if mask.bit_length() > LONG_MASK and mask.bit_count() > FEW_BITS:
        text = f"{mask:b}"[::-1]  # linear in the mask's length, whatever the number of bits
        found = []
        at = text.find("1")
        while at >= 0:
            found.append(at)
            at = text.find("1", at + 1)
        return tuple(found)
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return tuple(found)
