"""Merkle trees give the official roots and verdicts, and agree with another implementation."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.audit.merkle import EMPTY_ROOT, Frontier, Tree, includes, is_consistent, leaf_hash, node_hash, root_of
from engine.audit.stored_tree import CHUNK, StoredTree

LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes.fromhex("606162636465666768696a6b6c6d6e6f"))
"""The leaves of the reference implementation's own tests (transparency-dev/merkle, `testonly/constants.go`)."""

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Their roots by size."""


def hashes(count: int) -> list[bytes]:
    """Leaf hashes of so many different leaves."""
    return [leaf_hash(str(number).encode()) for number in range(count)]


def test_the_official_hashes():
    """A leaf and a node hash to what the reference implementation states."""
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"


@pytest.mark.parametrize("size", range(9))
def test_the_official_roots(size: int):
    """A tree's root is the official one, made in one pass, leaf by leaf and from a larger tree."""
    leaves = [leaf_hash(data) for data in LEAVES]
    frontier = Frontier()
    for leaf in leaves[:size]:
        frontier = frontier.append(leaf)
    made = {root_of(leaves[:size]), frontier.root(), Tree(leaves).root(size), Tree(leaves[:size]).root()}
    assert {ROOTS[size]} == {root.hex() for root in made}


def test_the_official_proofs():
    """The proofs that are made are the reference implementation's."""
    tree = Tree(leaf_hash(data) for data in LEAVES)
    assert [one.hex() for one in tree.inclusion(0)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [one.hex() for one in tree.consistency(6)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def official(shared: Path, kind: str) -> list[dict[str, Any]]:
    """The 98 cases of a kind of proof, with their verdicts."""
    return json.loads((shared / "data/hostile/merkle/proofs.json").read_bytes())[kind]


def proof_of(case: dict[str, Any]) -> list[bytes]:
    """A case's hashes."""
    return [b64decode(text) for text in case["proof"] or ()]


def test_all_official_verdicts_on_inclusion(shared: Path):
    """All 98 official inclusion proofs get the official verdict."""
    verdicts = {
        case["name"]: includes(
            b64decode(case["root"]), case["treeSize"], case["leafIdx"], b64decode(case["leafHash"]), proof_of(case)
        )
        for case in official(shared, "inclusion")
    }
    assert {case["name"]: not case["wantErr"] for case in official(shared, "inclusion")} == verdicts
    assert len(verdicts) == 98


def test_all_official_verdicts_on_consistency(shared: Path):
    """All 98 official consistency proofs get the official verdict."""
    verdicts = {
        case["name"]: is_consistent(
            case["size1"], b64decode(case["root1"]), case["size2"], b64decode(case["root2"]), proof_of(case)
        )
        for case in official(shared, "consistency")
    }
    assert {case["name"]: not case["wantErr"] for case in official(shared, "consistency")} == verdicts
    assert len(verdicts) == 98


@given(st.integers(1, 200), st.data())
def test_another_implementation_makes_the_same_proofs(size: int, data: st.DataObject):
    """Roots, inclusion proofs and consistency proofs are those of pymerkle, and both verify."""
    entries = [str(number).encode() for number in range(size)]
    oracle = pymerkle.InmemoryTree.init_from_entries(entries)
    tree = Tree(leaf_hash(entry) for entry in entries)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    assert oracle.get_root() == tree.root()
    assert oracle.get_root(old) == tree.root(old)

    # pymerkle's path begins with the leaf's own hash.
    own, *path = oracle.prove_inclusion(index + 1).path
    assert (own, tuple(path)) == (tree.leaf(index), tree.inclusion(index))
    assert includes(tree.root(), size, index, tree.leaf(index), path)
    assert includes(tree.root(old), old, old - 1, tree.leaf(old - 1), tree.inclusion(old - 1, old))
    assert is_consistent(old, tree.root(old), size, tree.root(), tree.consistency(old))


def stored(leaves: list[bytes]) -> tuple[StoredTree, list[range]]:
    """The tree over leaves that stay where they are, and which of them were read, one after the other."""
    reads: list[range] = []

    def read(start: int, end: int) -> list[bytes]:
        reads.append(range(start, end))
        return leaves[start:end]

    return StoredTree(len(leaves), read), reads


SIZES = st.one_of(
    st.integers(0, 40),
    st.sampled_from([CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK, 4 * CHUNK - 1, 5 * CHUNK + 77]),
)


@settings(max_examples=60)
@given(SIZES, st.data())
def test_leaves_that_stay_stored_have_the_same_proofs(size: int, data: st.DataObject):
    """Roots and proofs are the same whether all nodes are in memory or a chunk of them, for every size and index."""
    leaves = hashes(size)
    whole, (tree, _) = Tree(leaves), stored(leaves)
    assert whole.root() == tree.root()
    for _ in range(4 if size else 0):
        part = data.draw(st.integers(1, size))
        index = data.draw(st.integers(0, part - 1))
        assert (whole.root(part), whole.leaf(index)) == (tree.root(part), tree.leaf(index))
        assert whole.inclusion(index, part) == tree.inclusion(index, part)
        assert whole.consistency(part) == tree.consistency(part)


def test_all_proofs_in_order_read_every_chunk_twice():
    """Once for the root, once for the proofs: what is held is a chunk, however many leaves there are."""
    leaves = hashes(4 * CHUNK + 5)
    tree, reads = stored(leaves)
    whole = Tree(leaves)
    assert [whole.inclusion(index) for index in range(len(leaves))] == [
        tree.inclusion(index) for index in range(len(leaves))
    ]
    assert 2 * 5 + 1 >= len(reads)
    assert max(map(len, reads)) == CHUNK


@pytest.mark.parametrize("place", [0, CHUNK - 1, CHUNK, 2 * CHUNK + 1])
def test_leaves_that_change_under_way(place: int):
    """A leaf that is another one when it is read again, or has gone, is no leaf of the tree any more."""
    leaves = hashes(2 * CHUNK + 2)
    tree, _ = stored(leaves)
    leaves[place] = leaf_hash(b"other")
    with pytest.raises(ValueError, match="changed"):
        [tree.inclusion(index) for index in range(len(leaves))]
    gone, _ = stored(leaves)
    del leaves[place]
    with pytest.raises(ValueError, match=r"expected|changed"):
        [gone.inclusion(index) for index in range(len(leaves) + 1)]


def test_a_changed_chunk_never_answers():
    """Leaves that have changed are refused at every question, not only at the first."""
    leaves = hashes(CHUNK)
    tree, _ = stored(leaves)
    leaves[3] = leaf_hash(b"other")
    for _ in range(2):
        with pytest.raises(ValueError, match="changed"):
            tree.leaf(3)


@given(st.integers(1, 70), st.data())
def test_no_other_leaf_has_a_proof(size: int, data: st.DataObject):
    """A proof fits one leaf at one index of one tree: another leaf, index, size, root or hash refutes it."""
    tree = Tree(hashes(size))
    index = data.draw(st.integers(0, size - 1))
    root, leaf, proof = tree.root(), tree.leaf(index), tree.inclusion(index)
    other = leaf_hash(b"other")
    assert not includes(root, size, index, other, proof)
    assert not includes(other, size, index, leaf, proof)
    assert not any(includes(root, size, wrong, leaf, proof) for wrong in {*range(-1, size + 1)} - {index})
    assert not includes(root, size, index, leaf, (*proof, other))
    for at in range(len(proof)):
        assert not includes(root, size, index, leaf, proof[:at] + proof[at + 1 :])
        assert not includes(root, size, index, leaf, (*proof[:at], other, *proof[at + 1 :]))
        assert not includes(root, size, index, leaf, (*proof[:at], proof[at][:31], *proof[at + 1 :]))


@given(st.integers(1, 70), st.data())
def test_no_rewritten_log_is_consistent(size: int, data: st.DataObject):
    """A log of which one old entry was rewritten is consistent with no checkpoint that covers the entry."""
    leaves = hashes(size)
    old = data.draw(st.integers(1, size))
    before = Tree(leaves)
    leaves[data.draw(st.integers(0, old - 1))] = leaf_hash(b"rewritten")
    after = Tree(leaves)
    assert not is_consistent(old, before.root(old), size, after.root(), after.consistency(old))
    assert not is_consistent(old, before.root(old), size, after.root(), before.consistency(old))


@given(st.integers(0, 300), st.integers(0, 40))
def test_a_frontier_goes_on_where_it_was_kept(first: int, more: int):
    """A frontier that was written down and read back goes on as if it had never been put away."""
    leaves = hashes(first + more)
    kept = Frontier.from_text(Frontier().extend(leaves[:first]).to_text())
    assert kept.size == first
    assert root_of(leaves) == kept.extend(leaves[first:]).root()
    assert len(kept.nodes) == first.bit_count()


def test_the_empty_tree():
    """The empty tree has the root of no bytes, and proves nothing."""
    assert EMPTY_ROOT == Tree(()).root() == Frontier().root()
    assert not is_consistent(0, EMPTY_ROOT, 1, root_of(hashes(1)), ())
    with pytest.raises(ValueError, match="consistent"):
        Tree(hashes(3)).consistency(0)
    with pytest.raises(ValueError, match="no leaf"):
        Tree(hashes(3)).inclusion(3)
    with pytest.raises(ValueError, match="3 leaves"):
        Tree(hashes(3)).root(4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"nodes":[],"size":1}',
        '{"nodes":["00"],"size":1}',
        '{"nodes":["zz"],"size":1}',
        '{"nodes":[],"size":-1}',
        '{"nodes":[],"size":0.5}',
        '{"nodes":[], "size":0}',
        '{"size":0,"nodes":[]}',
    ],
)
def test_a_damaged_frontier(text: str):
    """What is no frontier, or not written as one is, is refused."""
    with pytest.raises(ValueError, match="frontier"):
        Frontier.from_text(text)


def test_hashes_of_another_length():
    """No node is ever made of a hash that is not 32 bytes long."""
    with pytest.raises(ValueError, match="32"):
        Tree([b"short"])
    with pytest.raises(ValueError, match="32"):
        Frontier(1, (b"short",))
