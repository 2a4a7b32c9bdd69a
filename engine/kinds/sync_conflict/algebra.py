"""Whether a strategy's outcome depends on which device gets a signal first: decided by trying every small case.

Three devices edit the same field while offline, from the same base. Every combination of their edits is delivered in
every order; a case agrees when all orders end alike. Values are 0, 1, 2 (for sets, all subsets of two elements) from
every base; `last_write` also tries instants 0, 1, 2 for each device, from one base (it looks only at whether values are
equal, so the others are the same case with other names). `keep_both` ends with the set of values a person will see.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from typing import Any

from engine.kinds.sync_conflict.strategies import SET_STRATEGIES, Edit, Stamp, Ties, merge

DEVICES = ("A", "B", "C")


@dataclass(frozen=True, slots=True)
class Write:
    """One device's edit in the small model."""

    device: str
    value: Any
    at: int


@dataclass(frozen=True, slots=True)
class Algebra:
    """How many cases of two and of three edits agree, and the first one that does not, in words."""

    pairs: int
    pairs_agree: int
    triples: int
    triples_agree: int
    witness: str = ""

    @property
    def order_free(self) -> bool:
        """Whether no case depends on the order of arrival."""
        return self.pairs == self.pairs_agree and self.triples == self.triples_agree


@lru_cache(maxsize=64)
def algebra(strategy: str, ties: Ties = "device") -> Algebra:
    """Try every small case of a strategy. The same strategy always gives the same result, so it is tried once."""
    pairs, pairs_agree, first = _try(strategy, ties, 2)
    triples, triples_agree, second = _try(strategy, ties, 3)
    return Algebra(pairs, pairs_agree, triples, triples_agree, first or second)


def _try(strategy: str, ties: Ties, count: int) -> tuple[int, int, str]:
    cases = agree = 0
    witness = ""
    for base, writes in _cases(strategy, count):
        cases += 1
        ends: dict[Any, tuple[Write, ...]] = {}
        for order in permutations(writes):
            ends.setdefault(_deliver(strategy, ties, base, order), order)
        if len(ends) == 1:
            agree += 1
        elif not witness:
            witness = _in_words(base, writes, ends)
    return cases, agree, witness


def _cases(strategy: str, count: int) -> Iterator[tuple[Any, tuple[Write, ...]]]:
    values: Sequence[Any] = (0, 1, 2)
    bases: Sequence[Any] = values
    instants: Sequence[int] = (0,)
    if strategy in SET_STRATEGIES:
        values = bases = ((), ("x",), ("y",), ("x", "y"))
    if strategy == "last_write":
        bases, instants = (0,), (0, 1, 2)
    edits = tuple(product(values, instants))
    for base in bases:
        for chosen in product(edits, repeat=count):
            pairs = zip(DEVICES, chosen, strict=False)
            yield base, tuple(Write(device, value, at) for device, (value, at) in pairs)


def _deliver(strategy: str, ties: Ties, base: Any, order: Sequence[Write]) -> Any:
    """What the server holds after these edits arrived in this order."""
    value, stamp = base, Stamp(-1)
    waiting: frozenset[Any] = frozenset()
    for write in order:
        own = Stamp(write.at, write.device)
        merged = merge(strategy, Edit(base, write.value, value, own, stamp), ties)
        if merged.needs_person:
            waiting |= {value, write.value}
        if merged.winner == "client" or (merged.how == "same_change" and own > stamp):
            stamp = own
        value = merged.value
    return waiting or value


def _in_words(base: Any, writes: Sequence[Write], ends: dict[Any, tuple[Write, ...]]) -> str:
    timed = any(write.at for write in writes)
    edits = ", ".join(
        f"{write.device} writes {_shown(write.value)}" + (f" at {write.at}" if timed else "") for write in writes
    )
    results = "; ".join(
        f"arriving {', '.join(write.device for write in order)} gives {_shown(value)}"
        for value, order in list(ends.items())[:2]
    )
    return f"from {_shown(base)}, {edits}: {results}"


def _shown(value: Any) -> str:
    return "{" + ", ".join(map(str, value)) + "}" if isinstance(value, tuple | frozenset) else str(value)
