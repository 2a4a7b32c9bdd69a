"""An exported file is checked with nothing but the file: by the engine and by a script that shares no code with it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from exported import KEY, LOG, both, engine_verdict, log_of, script_verdict
from hypothesis import given, settings
from hypothesis import strategies as st
from keys import SigningKey, check
from test_merkle import official, proof_of
from test_note import OWN_LINE, PUBLIC, RFC_8032, TEXT

from adapters.shipped import verify_audit
from engine import exact_json
from engine.audit.export_file import ExportedEntry, ExportHead, write
from engine.audit.merkle import Tree, includes, leaf_hash
from engine.audit.note import InclusionProof, open_checkpoint
from engine.audit.verification import inclusion_proof
from engine.problems import InvalidError

SCRIPT = Path(verify_audit.__file__)


@settings(max_examples=40)
@given(st.integers(0, 40), st.data())
def test_whatever_is_exported_is_good(size: int, data: st.DataObject):
    """Any part of a log of any size, with any older checkpoints, is found to be what was logged."""
    log = LOG(size)
    first = data.draw(st.integers(1, size + 1))
    numbers = range(first, data.draw(st.integers(first, size + 1)), data.draw(st.integers(1, 5)))
    older = tuple(sorted(data.draw(st.sets(st.integers(1, max(1, size - 1)), max_size=3)))) if size > 1 else ()
    file = log.export(numbers, older=older)
    assert both(file, key=KEY.public) == (None, None, None)
    assert len(numbers) == engine_verdict(file).entries
    for kept in older:
        assert both(file, since=log.checkpoint(kept)) == (None, None, None)


def test_what_a_verdict_says():
    """A good verdict names the log's size and root, the scope, the key, and whether the key was one that is trusted."""
    file = LOG(64).export()
    verdict = engine_verdict(file, fingerprint=KEY.public.fingerprint)
    assert verdict.good
    assert (64, 64, (5, 32, 64)) == (verdict.entries, verdict.to_json()["size"], verdict.older)
    assert LOG(64).tree.root().hex() == verdict.to_json()["root"]
    assert ("organisation", True) == (verdict.to_json()["scope"], verdict.trusted_key)
    assert not engine_verdict(file).trusted_key


@pytest.mark.parametrize("size", [1, 4, 5, 17, 32, 63, 64])
def test_an_older_checkpoint_that_was_kept(size: int):
    """Against a whole log any older checkpoint can be held, against a part of it those that the file proves."""
    kept = LOG(64).checkpoint(size)
    assert both(LOG(64).export(), since=kept) == (None, None, None)
    found = both(LOG(64).export(range(2, 65, 2)), since=kept)
    assert (None if size in {5, 32, 64} else "audit.no_proof") == found[0]


def test_an_older_checkpoint_of_something_else():
    """A checkpoint of a longer log, of another history, of another key or of none is no proof of anything."""
    file = LOG(64).export()
    assert both(file, since=log_of(65).checkpoint())[0] == "audit.history_changed"
    assert both(file, since=log_of(70).checkpoint(5)) == (None, None, None)
    other = Tree([leaf_hash(b"other")] * 5)
    forged = type(LOG(64))((b"other",) * 5, (), other)
    assert both(file, since=forged.checkpoint())[0] == "audit.history_changed"
    assert both(file, since=LOG(64).checkpoint(5, SigningKey.of_seed("other", bytes(32))))[0] == "audit.signature"
    assert both(file, since="")[0] == "audit.file_unreadable"
    assert both(file, since=type(LOG(64))((), (), Tree(())).checkpoint())[0] == "audit.no_proof"


def test_an_erased_person():
    """A file that was made before a person was erased stays good, and so is one that is made after."""
    before, after = LOG(64).export(), LOG(64).export(erased="person/p3")
    assert both(before) == both(after) == (None, None, None)
    names = [len(file.decode().split("Zoë Nuñez")) - 1 for file in (before, after)]
    assert names == [64, 64 - len([number for number in range(1, 65) if number % 5 == 3])]


@pytest.mark.parametrize("numbers", [range(1, 65), range(3, 64, 5), range(64, 65)])
def test_one_entry_out_of_a_file(numbers: range):
    """Any entry's proof can be taken out of a file as a text that other tools check."""
    file = LOG(64).export(numbers)
    for number in numbers:
        proof = InclusionProof.parse(str(inclusion_proof(BytesIO(file), number, check)))
        checkpoint = open_checkpoint(proof.checkpoint, KEY.public, check)
        leaf = leaf_hash(LOG(64).leaves[number - 1])
        assert includes(checkpoint.root, checkpoint.size, number - 1, leaf, proof.hashes)


@pytest.mark.parametrize("number", [0, 2, 65])
def test_an_entry_that_is_not_in_the_file(number: int):
    """An entry that a file does not hold has no proof in it."""
    with pytest.raises(InvalidError) as caught:
        inclusion_proof(BytesIO(LOG(64).export(range(1, 65, 2))), number, check)
    assert caught.value.code == "audit.entry_missing"


def test_a_proof_out_of_a_bad_file():
    """No proof is taken out of a file that is not good up to there."""
    file = LOG(64).export().replace(b'"id":"p2"', b'"id":"p3"', 1)
    assert inclusion_proof(BytesIO(file), 1, check).index == 0
    with pytest.raises(InvalidError) as caught:
        inclusion_proof(BytesIO(file), 3, check)
    assert caught.value.code == "audit.entry_changed"


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"\xff\n",
        b'{"entries":',
        b"[" * 5_000 + b"\n",
        b'{"entries":9007199254740993}\n',
    ],
)
def test_what_is_no_export(file: bytes):
    """Any other file is refused on its first line."""
    code, line, number = both(file)
    assert code in {"audit.file_unreadable", "audit.file_cut"}
    assert (1, None) == (line, number)


MEMBERS = ["entries", "format", "from", "key", "older_checkpoints", "size", "to"]


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(MEMBERS), st.none() | st.text() | st.integers(-9, 2**53 - 1) | st.booleans()))
def test_a_head_of_any_kind(values: dict[str, object]):
    """Whatever stands in the head, both verifiers give a verdict."""
    first, *rest = LOG(3).export(older=()).splitlines(keepends=True)
    head = exact_json.canonical(json.loads(first) | values) + b"\n"
    assert (both(b"".join([head, *rest]))[0] is None) == (head == first)


def test_entries_that_do_not_fit_the_head():
    """A file whose entries are not those that the head announces is never finished."""
    head = ExportHead("acme", "organisation", None, None, *[_now(), "platform"], size=3, entries=2, key=KEY.public)
    log = log_of(3)
    for numbers in ((1,), (2, 1), (1, 1), (3, 4)):
        entries = [ExportedEntry(number, b"{}", {}) for number in numbers]
        with pytest.raises(ValueError, match="entr"):
            list(write(head, log.tree, entries, checkpoint=log.checkpoint(), sign=KEY.sign))


def _now():
    from exported import START

    return START


# -- the script by itself


def test_the_script_needs_nothing():
    """The script is one file for Python 3.9 that imports the standard library alone."""
    tree = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names
    assert "__future__" in imported


def run(*arguments: str, file: bytes = b"") -> subprocess.CompletedProcess[str]:
    """The script in a Python that knows no installed package."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), *arguments]
    done = subprocess.run(command, input=file, capture_output=True, check=False)
    return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_the_script_at_the_command_line(tmp_path: Path):
    """The script says in words or JSON what it found, and its exit code says it too."""
    file, key, kept = tmp_path / "a.jsonl", tmp_path / "log.key", tmp_path / "old"
    file.write_bytes(LOG(64).export())
    key.write_text(f"{KEY.public}\n")
    kept.write_text(LOG(64).checkpoint(7))
    good = run(str(file), "--key", str(key), "--since", str(kept))
    assert (0, "") == (good.returncode, good.stderr)
    assert good.stdout.startswith("good: 64 entries are as they were logged")
    assert "compare" not in good.stdout
    assert "compare" in run(str(file)).stdout
    assert script_verdict(file.read_bytes()) == json.loads(run("-", "--json", file=file.read_bytes()).stdout)

    bad = run("-", file=file.read_bytes().replace(b'"number":9', b'"number":8'))
    assert 1 == bad.returncode
    assert bad.stdout.startswith("NOT GOOD (entry 9, line 21): ")
    assert "audit.entry_changed" in bad.stdout
    assert "8 entries before it" in bad.stdout
    assert 1 == run(str(file), "--fingerprint", "00").returncode
    assert 2 == run().returncode
    assert 3 == run(str(tmp_path / "none")).returncode


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_the_scripts_signatures(seed: str, public: str, message: str, signature: str):
    """The script's own arithmetic accepts the signatures of RFC 8032, and none of them changed."""
    key, text, signed = bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature)
    assert verify_audit.is_signed(key, text, signed)
    for at in range(0, 64, 7):
        changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
        assert not verify_audit.is_signed(key, text, changed)
    order = (int.from_bytes(signed[32:], "little") + verify_audit.ORDER).to_bytes(32, "little")
    assert not verify_audit.is_signed(key, text, signed[:32] + order)
    assert not verify_audit.is_signed(key, text, signed[:63])


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.data())
def test_the_scripts_signatures_are_those_of_the_library(seed: bytes, message: bytes, data: st.DataObject):
    """Script and library agree about every key, message and signature, true or false."""
    key = SigningKey.of_seed("log", seed)
    signature = key.sign(message)
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, 63))
        signature = signature[:at] + data.draw(st.binary(min_size=1, max_size=1)) + signature[at + 1 :]
    expected = check(key.public.value, message, signature)
    assert expected == verify_audit.is_signed(key.public.value, message, signature)


def test_the_script_reads_the_example_of_go():
    """The script reads and checks the note that Go's documentation signs."""
    text, signatures = verify_audit.split_note(f"{TEXT}\n{OWN_LINE}")
    key = verify_audit.Key(PUBLIC)
    assert TEXT == text
    assert [key.name] == [name for name, _ in signatures]
    assert verify_audit.is_signed(key.value, text.encode(), signatures[0][1][4:])


def test_the_scripts_official_verdicts(shared: Path, counted):
    """The script gives all 196 official proofs the official verdict, by the definitions and not by the algorithms."""
    cases = 0
    for case in official(shared, "inclusion"):
        leaf, root, path = (_bytes(case["leafHash"]), _bytes(case["root"]), proof_of(case))
        inside = 0 <= case["leafIdx"] < case["treeSize"] and all(len(one) == 32 for one in (leaf, root, *path))
        found = inside and verify_audit.root_from(leaf, case["leafIdx"], case["treeSize"], path) == root
        assert case["wantErr"] != found, case["name"]
        cases += 1
    for case in official(shared, "consistency"):
        old, new, path = _bytes(case["root1"]), _bytes(case["root2"]), proof_of(case)
        inside = 0 < case["size1"] <= case["size2"] and all(len(one) == 32 for one in path)
        found = inside and verify_audit.roots_from(case["size1"], case["size2"], old, path) == (old, new)
        assert case["wantErr"] != found, case["name"]
        cases += 1
    counted(f"{cases} official verdicts on proofs, which the script that outsiders use gives too")


def _bytes(text: str) -> bytes:
    from base64 import b64decode

    return b64decode(text)
