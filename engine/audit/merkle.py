"""Merkle trees over SHA-256 as RFC 6962, section 2, and RFC 9162, section 2, define them, with both kinds of proof.

A tree is a sequence of leaf hashes; its root stands for exactly this sequence. An inclusion proof shows that one leaf
is in the tree of a root, a consistency proof that the tree of one root begins with the tree of an older root. Hashes
are always 32 bytes, leaves are counted from 0, and a proof is a sequence of hashes from the leaf's side to the root's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.problems import InvalidError

HASH_BYTES = 32
EMPTY_ROOT = sha256().digest()
LEAF_PREFIX, NODE_PREFIX = b"\x00", b"\x01"
"""What stands before hashed bytes, so that no inner node can pass for a leaf and no leaf for an inner node."""


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf's bytes."""
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of an inner node from the hashes of its two sides."""
    return sha256(NODE_PREFIX + left + right).digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root of the tree of these leaf hashes; `EMPTY_ROOT` if there is none."""
    return Frontier().extend(leaves).root()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append leaves and to know the root, in at most 64 hashes.

    `nodes` are the roots of the perfect subtrees that the tree is made of, the largest first: one for each bit of
    `size` that is set.
    """

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is the edge of no tree, with `ValueError`."""
        if self.size < 0 or len(self.nodes) != self.size.bit_count() or not _are_hashes(self.nodes):
            raise ValueError("a frontier has one hash of 32 bytes for each bit of its size that is set")

    def append(self, leaf: bytes) -> Frontier:
        """The edge after one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> Frontier:
        """The edge after these leaf hashes, in their order."""
        size, nodes = self.size, list(self.nodes)
        for leaf in leaves:
            node, position = leaf, size
            while position & 1:  # the last perfect subtree has a sibling now
                node = node_hash(nodes.pop(), node)
                position >>= 1
            nodes.append(node)
            size += 1
        return Frontier(size, tuple(nodes))

    def root(self) -> bytes:
        """The root of the whole tree."""
        if not self.nodes:
            return EMPTY_ROOT
        *others, root = self.nodes
        for node in reversed(others):
            root = node_hash(node, root)
        return root

    def to_text(self) -> str:
        """Canonical JSON, for keeping: `{"nodes": [hexadecimal], "size": 3}`."""
        return exact_json.canonical({"nodes": [node.hex() for node in self.nodes], "size": self.size}).decode()

    @classmethod
    def from_text(cls, text: str) -> Frontier:
        """What `to_text` has written. Raises `ValueError` for anything else."""
        try:
            value: Any = exact_json.parse(text)
            frontier = cls(int(value["size"]), tuple(bytes.fromhex(node) for node in value["nodes"]))
        except (TypeError, LookupError, ValueError, InvalidError) as error:
            raise ValueError("this is no frontier") from error
        if frontier.to_text() != text:
            raise ValueError("this is no frontier as it is written")
        return frontier


class Proofs(ABC):
    """Roots and proofs of the tree of some leaf hashes, whose perfect subtrees a subclass knows.

    Every method takes a `size` (None: all leaves) and answers for the tree of that many first leaves. Raises
    `ValueError` for a size or an index outside the tree.
    """

    def __init__(self, size: int) -> None:
        """`size`: how many leaves there are."""
        self.size = size
        self._imperfect: dict[tuple[int, int], bytes] = {}

    @abstractmethod
    def perfect(self, place: int, level: int) -> bytes:
        """The root of the perfect subtree over the leaves `place << level` to `(place + 1) << level`."""

    def leaf(self, index: int) -> bytes:
        """The hash of a leaf."""
        self._check_size(index + 1)
        return self.perfect(index, 0)

    def root(self, size: int | None = None) -> bytes:
        """The root."""
        size = self._check_size(size)
        return self._node(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that the leaf is in the tree (RFC 9162, 2.1.3.1)."""
        size = self._check_size(size)
        if not 0 <= index < size:
            raise ValueError(f"a tree of {size} leaves has no leaf {index}")
        start, end, path = 0, size, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._node(middle, end))
                end = middle
            else:
                path.append(self._node(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency(self, old_size: int, size: int | None = None) -> tuple[bytes, ...]:
        """The proof that the tree begins with its first `old_size` leaves (RFC 9162, 2.1.4.1).

        Every tree begins with the empty one, which leaves nothing to prove: an `old_size` of 0 is refused.
        """
        size = self._check_size(size)
        if not 0 < old_size <= size:
            raise ValueError(f"a tree of {size} leaves is not consistent with one of {old_size}")
        start, end, path, whole = 0, size, [], True
        while end != old_size:
            middle = start + _split(end - start)
            if old_size <= middle:
                path.append(self._node(middle, end))
                end = middle
            else:
                path.append(self._node(start, middle))
                start, whole = middle, False
        if not whole:  # the old tree is not one of the new tree's nodes, so its last part is given first
            path.append(self._node(start, end))
        return tuple(reversed(path))

    def _check_size(self, size: int | None) -> int:
        if size is None:
            return self.size
        if not 0 <= size <= self.size:
            raise ValueError(f"there are {self.size} leaves, not {size}")
        return size

    def _node(self, start: int, end: int) -> bytes:
        """The root over the leaves `start` to `end`, of which `start` is where a subtree of the tree begins."""
        width = end - start
        level = width.bit_length() - 1
        if width == 1 << level:
            return self.perfect(start >> level, level)
        # Nodes of the right edge, of which a tree has one a level; every proof has some of them.
        if (start, end) not in self._imperfect:
            middle = start + _split(width)
            self._imperfect[start, end] = node_hash(self._node(start, middle), self._node(middle, end))
        return self._imperfect[start, end]


class Tree(Proofs):
    """All nodes in memory: twice as many hashes as leaves, each made once."""

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Make the nodes. `_levels[k][i]` is the root of the perfect subtree over leaves `i << k` to `(i + 1) << k`."""
        level = list(leaves)
        if not _are_hashes(level):
            raise ValueError(f"a leaf hash has {HASH_BYTES} bytes")
        super().__init__(len(level))
        self._levels = [level]
        while len(level) > 1:
            level = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
            self._levels.append(level)

    def perfect(self, place: int, level: int) -> bytes:
        """See `Proofs.perfect`."""
        return self._levels[level][place]


def includes(root: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the leaf hash stands at this index of the tree (RFC 9162, 2.1.3.2)."""
    if not _are_hashes((root, leaf, *proof)) or not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if not last:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return not last and node == root


def is_consistent(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the tree begins with the old tree (RFC 9162, 2.1.4.2). Never from the empty tree."""
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    if not _are_hashes((old_root, root, *proof)):
        return False
    # An old tree that is perfect is a node of the new one; its root then stands for the proof's first hash.
    hashes = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not hashes:
        return False
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for sibling in hashes[1:]:
        if not last:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return not last and old == old_root and new == root


def _split(width: int) -> int:
    """The largest power of two smaller than the width: where RFC 6962 splits a tree of more than one leaf."""
    return 1 << ((width - 1).bit_length() - 1)


def _are_hashes(found: Iterable[bytes]) -> bool:
    return all(len(item) == HASH_BYTES for item in found)
