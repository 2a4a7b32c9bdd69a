"""The Merkle tree of a log that is too long to be held in memory: its leaves are read where they are stored, twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.audit.merkle import Proofs, Tree

CHUNK_LEVEL = 10
CHUNK = 1 << CHUNK_LEVEL
"""Leaves that are read together: those of a perfect subtree."""


class StoredTree(Proofs):
    """The nodes over leaves that stay where they are stored: a hash of every chunk is held, and the nodes of one chunk.

    Proofs of neighbouring leaves read each chunk once. A chunk that has changed meanwhile raises `ValueError`.
    """

    def __init__(self, size: int, leaves: Callable[[int, int], Iterable[bytes]]) -> None:
        """Read all leaves once. `leaves` gives the hashes from one index to another, without the latter."""
        super().__init__(size)
        self._leaves = leaves
        self._roots = [self._read(chunk).root() for chunk in range((size + CHUNK - 1) >> CHUNK_LEVEL)]
        self._tops = Tree(self._roots[: size >> CHUNK_LEVEL])
        self._held: tuple[int, Tree] = (-1, self._tops)

    def perfect(self, place: int, level: int) -> bytes:
        """See `Proofs.perfect`."""
        if level >= CHUNK_LEVEL:
            return self._tops.perfect(place, level - CHUNK_LEVEL)
        chunk = place >> (CHUNK_LEVEL - level)
        if self._held[0] != chunk:
            tree = self._read(chunk)
            if tree.root() != self._roots[chunk]:
                raise ValueError("the leaves have changed since they were read first")
            self._held = (chunk, tree)
        return self._held[1].perfect(place - (chunk << (CHUNK_LEVEL - level)), level)

    def _read(self, chunk: int) -> Tree:
        start = chunk << CHUNK_LEVEL
        end = min(start + CHUNK, self.size)
        tree = Tree(self._leaves(start, end))
        if tree.size != end - start:
            raise ValueError(f"there are {tree.size} leaves where {end - start} were expected")
        return tree
