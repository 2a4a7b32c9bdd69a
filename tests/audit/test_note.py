"""Signed notes, checkpoints and proofs are read and written as C2SP and Go's own examples have them."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys import SigningKey, check

from engine.audit.merkle import EMPTY_ROOT, Tree, includes, leaf_hash
from engine.audit.note import (
    Checkpoint,
    InclusionProof,
    Note,
    PublicKey,
    open_checkpoint,
    sign_checkpoint,
    sign_note,
)
from engine.problems import InvalidError

# The example of the package documentation of golang.org/x/mod/sumdb/note.
SECRET = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
"""The last part of its secret key: a byte for the kind, then the seed."""
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
OWN_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
OTHER_LINE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)

LOG = SigningKey.of_seed("bylaw.example/acme", bytes(range(32)))
CHECKPOINT = Checkpoint("bylaw.example/acme", 3, leaf_hash(b"root"))

RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]
"""Section 7.1, tests 1 to 3: seed, public key, message, signature."""


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_standards_signatures(seed: str, public: str, message: str, signature: str):
    """Keys and signatures are those of RFC 8032."""
    key = SigningKey.of_seed("log", bytes.fromhex(seed))
    assert public == key.public.value.hex()
    assert signature == key.sign(bytes.fromhex(message)).hex()
    assert check(key.public.value, bytes.fromhex(message), bytes.fromhex(signature))
    assert not check(key.public.value, bytes.fromhex(message) + b"!", bytes.fromhex(signature))
    assert not check(key.public.value, bytes.fromhex(message), bytes.fromhex(signature)[:-1])
    assert not check(b"short", bytes.fromhex(message), bytes.fromhex(signature))


def test_the_example_of_go():
    """The note that Go's documentation signs comes out byte for byte, and its public key is read and written."""
    key = SigningKey.of_seed("PeterNeumann", b64decode(SECRET)[1:])
    assert PUBLIC == str(key.public) == str(PublicKey.parse(PUBLIC))
    assert sign_note(TEXT, key.public, key.sign) == f"{TEXT}\n{OWN_LINE}"


def test_more_signatures_than_one():
    """A note may carry other keys' signatures too: they are kept, and passed over when ours is checked."""
    both = f"{TEXT}\n{OWN_LINE}{OTHER_LINE}"
    note = Note.parse(both)
    assert both == str(note)
    assert ["PeterNeumann", "EnochRoot"] == [one.key_name for one in note.signatures]
    note.check(PublicKey.parse(PUBLIC), check)
    key = SigningKey.of_seed("PeterNeumann", b64decode(SECRET)[1:])
    assert f"{TEXT}\n{OTHER_LINE}{OWN_LINE}" == sign_note(TEXT, key.public, key.sign, note.signatures[1:])


@pytest.mark.parametrize(
    "note",
    [
        f"{TEXT.replace('is', 'was')}\n{OWN_LINE}",
        f"{TEXT}\n{OWN_LINE.replace('wJnAM', 'wJnAA')}",
        f"{TEXT}\n{OTHER_LINE}",
        f"{TEXT}\n{OWN_LINE.replace('PeterNeumann', 'PeterNewmann')}",
        f"{TEXT}\n{OTHER_LINE}{OWN_LINE.replace('x08go/Z', 'x08go/a')}",
    ],
)
def test_a_note_that_the_key_has_not_signed(note: str):
    """Another text, a changed signature, and signatures of other keys only are no signature by the key."""
    with pytest.raises(InvalidError) as caught:
        Note.parse(note).check(PublicKey.parse(PUBLIC), check)
    assert caught.value.code == "audit.signature"


@pytest.mark.parametrize(
    "note",
    [
        "",
        TEXT,
        f"{TEXT}\n",
        f"{TEXT}{OWN_LINE}",
        f"{TEXT}\n{OWN_LINE}".rstrip("\n"),
        f"{TEXT}\n{OWN_LINE}\n",
        f"{TEXT}\n{OWN_LINE}{TEXT}",
        f"{TEXT}\r\n\r\n{OWN_LINE}",
        f"\t{TEXT}\n{OWN_LINE}",
        f"{TEXT}\ud800\n\n{OWN_LINE}",
        f"{TEXT}\n{OWN_LINE.replace('— ', '- ')}",
        f"{TEXT}\n{OWN_LINE.replace('PeterNeumann', 'Peter+Neumann')}",
        f"{TEXT}\n{OWN_LINE.replace('PeterNeumann', 'Peter Neumann')}",
        f"{TEXT}\n{OWN_LINE.replace('PeterNeumann ', 'PeterNeumann  ')}",
        f"{TEXT}\n{OWN_LINE.replace('AM=', 'AN=')}",
        f"{TEXT}\n{OWN_LINE.replace('AM=', 'AM')}",
        f"{TEXT}\n— PeterNeumann x08gow==\n",
        f"{TEXT}\n{OWN_LINE * 101}",
    ],
)
def test_what_is_no_note(note: str):
    """Whatever the specification does not allow is refused before any signature is looked at."""
    with pytest.raises(InvalidError) as caught:
        Note.parse(note)
    assert caught.value.code == "audit.note"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "PeterNeumann",
        PUBLIC.replace("c74f20a3", "c74f20a4"),
        PUBLIC.replace("PeterNeumann", "Peter Neumann"),
        PUBLIC.replace("PeterNeumann", ""),
        PUBLIC[:-4],
        PUBLIC.replace("+ARpc", "+BRpc"),
        f"{PUBLIC}=",
    ],
)
def test_what_is_no_public_key(key: str):
    """A key of another kind, with another id, or cut is refused."""
    with pytest.raises(InvalidError) as caught:
        PublicKey.parse(key)
    assert caught.value.code == "audit.note"


@given(st.integers(0, 10**17), st.binary(min_size=32, max_size=32), st.lists(st.text("ab c", min_size=1), max_size=2))
def test_checkpoints_are_read_as_they_are_written(size: int, root: bytes, extensions: list[str]):
    """A signed checkpoint opens to what was signed."""
    checkpoint = Checkpoint(LOG.public.name, size, root, tuple(extensions))
    note = sign_checkpoint(checkpoint, LOG.public, LOG.sign)
    assert checkpoint == open_checkpoint(note, LOG.public, check)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n3\n",
        f"log\n03\n{'A' * 43}=\n",
        f"log\n-3\n{'A' * 43}=\n",
        f"log\n٣\n{'A' * 43}=\n",
        f"log\n1{'0' * 18}\n{'A' * 43}=\n",
        f"\n3\n{'A' * 43}=\n",
        f"log\n3\n{'A' * 43}=\n\n",
        f"log\n3\n{'A' * 43}=",
        "log\n3\nAAAA\n",
        f"log\n3\n{'A' * 42}B=\n",
    ],
)
def test_what_is_no_checkpoint(text: str):
    """A size with zeros before it, a root of another length, an empty line: no checkpoint."""
    with pytest.raises(InvalidError) as caught:
        Checkpoint.parse(text)
    assert caught.value.code == "audit.note"


def test_a_checkpoint_of_another_log():
    """A log's key does not speak for another log, whatever it signs."""
    elsewhere = Checkpoint("bylaw.example/other", 3, EMPTY_ROOT)
    with pytest.raises(InvalidError) as caught:
        open_checkpoint(sign_note(str(elsewhere), LOG.public, LOG.sign), LOG.public, check)
    assert caught.value.code == "audit.signature"


@pytest.mark.parametrize("text", ["no line feed", "tab\t\n", "half \ud800\n", "return\r\n"])
def test_a_text_that_no_note_holds(text: str):
    """A text that could not be read back is never signed."""
    with pytest.raises(InvalidError) as caught:
        sign_note(text, LOG.public, LOG.sign)
    assert caught.value.code == "audit.note"


@given(st.integers(1, 40), st.data())
def test_a_proof_is_one_text(size: int, data: st.DataObject):
    """A proof's text reads back to itself and shows, with its own checkpoint, that the entry is in the log."""
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(leaf_hash(str(number).encode()) for number in range(size))
    note = sign_checkpoint(Checkpoint(LOG.public.name, size, tree.root()), LOG.public, LOG.sign)
    extra = data.draw(st.none() | st.binary(min_size=1, max_size=4))
    proof = InclusionProof.parse(str(InclusionProof(index, tree.inclusion(index), note, extra)))
    checkpoint = open_checkpoint(proof.checkpoint, LOG.public, check)
    assert (index, extra) == (proof.index, proof.extra)
    assert includes(checkpoint.root, checkpoint.size, proof.index, leaf_hash(str(index).encode()), proof.hashes)


def test_the_layout_of_a_proof():
    """The lines stand in the specification's order."""
    note = sign_checkpoint(CHECKPOINT, LOG.public, LOG.sign)
    hashes = (leaf_hash(b"1"), leaf_hash(b"2"))
    lines = [
        "c2sp.org/tlog-proof@v1",
        "extra QQ==",
        "index 5",
        b64encode(hashes[0]).decode(),
        b64encode(hashes[1]).decode(),
        "",
        note,
    ]
    assert "\n".join(lines) == str(InclusionProof(5, hashes, note, b"A"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 5", "index 05"),
        ("index 5", "5"),
        ("index 5\n", ""),
        ("index 5\n", "index 5\nAAAA\n"),
        ("index 5\n", "index 5\nextra QQ==\n"),
        ("\n\nbylaw", "\nbylaw"),
        ("— ", "- "),
    ],
)
def test_what_is_no_proof(old: str, new: str):
    """A line that is missing, moved or written in another way makes it no proof."""
    text = str(InclusionProof(5, (leaf_hash(b"1"),), sign_checkpoint(CHECKPOINT, LOG.public, LOG.sign)))
    assert old in text
    with pytest.raises(InvalidError) as caught:
        InclusionProof.parse(text.replace(old, new, 1))
    assert caught.value.code == "audit.note"
