"""Whatever is done to an exported log of 64 entries, both verifiers find it and name the first entry that it hit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from io import BytesIO
from typing import Any

import pytest
from exported import KEY, LOG, OTHER_KEY, both, entry_of, log_of
from keys import check

from adapters.shipped import verify_audit
from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import Tree, leaf_hash
from engine.audit.verification import _FoundError, _Verification

SIZE = 64
BEFORE = 3
"""Lines before the first entry: head, checkpoint, one older checkpoint."""

Found = tuple[str | None, int | None, int | None]


class Readings:
    """Both verifiers' readings of a file, kept before every entry, so that what follows can be read again and again."""

    def __init__(self, file: bytes) -> None:
        self.lines = file.splitlines(keepends=True) if b"\r" not in file else []
        assert b"".join(self.lines) == file
        assert file.count(b"\n") == len(self.lines)
        ours = _Verification(BytesIO(file), check, source="export")
        theirs = verify_audit.Export(BytesIO(file), None, None, None)
        ours.beginning()
        theirs.read_beginning()
        self._kept = [self._twins(ours, theirs)]
        while ours.entry():
            theirs.read_entry(*theirs.next_object())
            self._kept.append(self._twins(ours, theirs))

    @staticmethod
    def _twins(ours: _Verification, theirs: verify_audit.Export) -> tuple[_Verification, verify_audit.Export]:
        ours, theirs = copy(ours), copy(theirs)
        ours._digest, theirs.sum_before = ours._digest.copy(), theirs.sum_before.copy()
        theirs.parts = list(theirs.parts)
        return ours, theirs

    def after(self, entries: int, rest: bytes) -> Found:
        """What both find where the bytes after so many entries, which are untouched, are these."""
        ours, theirs = self._twins(*self._kept[entries])
        ours._lines, theirs.file = iter(BytesIO(rest)), BytesIO(rest)
        found: list[Found] = []
        try:
            ours.entries()
            found.append((None, None, None))
        except _FoundError as error:
            found.append((error.problem.code, error.line, error.number))
        try:
            theirs.read_entries()
            found.append((None, None, None))
        except verify_audit.Wrong as wrong:
            found.append((wrong.code, wrong.line, wrong.number))
        assert found[0] == found[1]
        return found[0]


def flips(line: bytes) -> Iterator[bytes]:
    """The line with one bit of one byte turned over, for every byte; which bit goes around with the place."""
    for at, byte in enumerate(line):
        yield line[:at] + bytes([byte ^ (1 << at % 8)]) + line[at + 1 :]


def both_lines(lines: list[bytes]) -> Found:
    """What both verifiers find in a file of these lines."""
    return both(b"".join(lines))


def entry_lines(lines: list[bytes], number: int) -> slice:
    """Where an entry's two lines are in a whole file."""
    first = BEFORE + 2 * (number - 1)
    return slice(first, first + 2)


@pytest.fixture(scope="module")
def whole() -> Readings:
    """A file with the whole log."""
    return Readings(LOG(SIZE).export(older=(32,)))


@pytest.fixture(scope="module")
def part() -> list[bytes]:
    """The lines of a file with every second entry."""
    return LOG(SIZE).export(range(1, SIZE + 1, 2), older=(32,)).splitlines(keepends=True)


def test_every_byte(whole: Readings, counted: Callable[[str], None]):
    """A change of any byte of the file is found, on the line where it is, with the number of the entry there."""
    lines = whole.lines
    seen: Counter[str | None] = Counter()
    for at, line in enumerate(lines[:BEFORE]):
        before, rest = b"".join(lines[:at]), b"".join(lines[at + 1 :])
        for changed in flips(line):
            code, found_line, named = both(before + changed + rest)
            assert (True, None) == (found_line in {1, at + 1}, named), (changed, code, found_line)
            seen[code] += 1
    for number in range(1, SIZE + 1):
        where = entry_lines(lines, number)
        pair, rest = b"".join(lines[where]), b"".join(lines[where.stop :])
        for changed in flips(pair):
            code, found_line, named = whole.after(number - 1, changed + rest)
            assert (number, True) == (named, found_line in {where.start + 1, where.stop}), (changed, code, found_line)
            seen[code] += 1
    for changed in flips(lines[-1]):
        code, found_line, named = whole.after(SIZE, changed)
        assert (len(lines), None) == (found_line, named)
        seen[code] += 1
    assert None not in seen
    assert len(b"".join(lines)) == seen.total()
    counted(f"{seen.total():,} changed bytes of an exported audit log of {SIZE} entries, all found by both verifiers")


def test_every_byte_of_a_part(counted: Callable[[str], None]):
    """In a file with some of the entries too, a change of any byte of an entry is found and its number is named."""
    numbers = range(3, 14, 5)
    file = LOG(SIZE).export(numbers, older=())
    readings = Readings(file)
    lines = readings.lines
    tried = 0
    for at, number in enumerate(numbers):
        where = slice(2 + 2 * at, 4 + 2 * at)
        first, second = lines[where]
        rest = b"".join(lines[where.stop :])
        for changed in [*(one + second for one in flips(first)), *(first + one for one in flips(second))]:
            _, found_line, named = readings.after(at, changed + rest)
            assert found_line in {where.start + 1, where.stop}
            # Where a line feed went, two lines are one, and no number can be read.
            assert named == number or (named is None and changed.count(b"\n") < 2)
            tried += 1
    counted(f"{tried:,} changed bytes of an exported part of that log, all found by both verifiers")


def test_every_cut(whole: Readings, counted: Callable[[str], None]):
    """A file that ends before its own end, wherever, is found, with the first entry that is not in it."""
    tried = 0
    for number in range(1, SIZE + 1):
        pair = b"".join(whole.lines[entry_lines(whole.lines, number)])
        for end in range(0, len(pair), 5):
            code, _, named = whole.after(number - 1, pair[:end])
            assert ("audit.file_cut", number) == (code, named)
            tried += 1
    for end in range(len(whole.lines[-1])):
        assert whole.after(SIZE, whole.lines[-1][:end])[0] == "audit.file_cut"
        tried += 1
    counted(f"{tried:,} cuts through that log, all found by both verifiers")


def test_every_deletion(whole: Readings, part: list[bytes], counted: Callable[[str], None]):
    """A deleted entry is found, and named where every entry of the log is in the file."""
    for number in range(1, SIZE + 1):
        rest = whole.lines[entry_lines(whole.lines, number).stop :]
        assert whole.after(number - 1, b"".join(rest))[::2] == ("audit.entry_missing", number)
    for at in range(SIZE // 2):
        lines = part[: BEFORE + 2 * at] + part[BEFORE + 2 * at + 2 :]
        # The next entry that is there is named: the number of the one before it stands in its proof.
        named = 2 * at + 3 if at < SIZE // 2 - 1 else None
        assert both_lines(lines)[::2] == ("audit.entry_missing", named)
    counted(f"{SIZE + SIZE // 2} deletions from that log and a part of it, all found by both verifiers")


def test_every_truncation(whole: Readings, counted: Callable[[str], None]):
    """A log whose last entries were taken away is found with the first that is missing, whatever the head says."""
    lines, shorter = whole.lines, 0
    for number in range(1, SIZE + 1):
        assert whole.after(number - 1, lines[-1])[::2] == ("audit.entry_missing", number)
    for number in range(1, SIZE + 1, 7):
        for what in (b'"size":64', b'"entries":64'):
            head = lines[0].replace(what, what.replace(b"64", str(number - 1).encode()))
            kept = lines[1 : entry_lines(lines, number).start]
            assert both_lines([head, *kept, lines[-1]])[0] == "audit.file_changed"
            shorter += 1
    counted(f"{SIZE + shorter} truncations of that log, all found by both verifiers")


def test_every_insertion(whole: Readings, counted: Callable[[str], None]):
    """An entry that is put in, again or made up, is found and named."""
    lines, tried = whole.lines, 0
    for number in range(1, SIZE + 1):
        where, other = entry_lines(lines, number), entry_lines(lines, number % SIZE + 1)
        own, rest = lines[where], lines[where.stop :]
        again = whole.after(number, b"".join([*own, *rest]))
        assert again[::2] == ("audit.entry_misplaced", number)
        elsewhere = whole.after(number - 1, b"".join([*lines[other], *own, *rest]))
        assert elsewhere[0] in {"audit.entry_missing", "audit.entry_misplaced"}
        made_up = leaf_bytes(entry_of(number, None)[0].with_fields(actor_id="mallory")) + b"\n"
        before = whole.after(number - 1, b"".join([made_up, own[1], *own, *rest]))
        assert before[::2] == ("audit.entry_changed", number)
        tried += 3
    counted(f"{tried} insertions into that log, all found by both verifiers")


def test_every_exchange(whole: Readings, counted: Callable[[str], None]):
    """Two entries that stand in each other's place are found, at the first of the two."""
    tried = 0
    for one in range(1, SIZE + 1):
        for other in range(one + 1, SIZE + 1):
            first, second = entry_lines(whole.lines, one), entry_lines(whole.lines, other)
            lines = list(whole.lines)
            lines[first], lines[second] = whole.lines[second], whole.lines[first]
            assert whole.after(one - 1, b"".join(lines[first.start :]))[::2] == ("audit.entry_missing", one)
            # The leaves alone, each beside the other's proof.
            lines = list(whole.lines)
            lines[first.start], lines[second.start] = whole.lines[second.start], whole.lines[first.start]
            assert whole.after(one - 1, b"".join(lines[first.start :]))[::2] == ("audit.entry_changed", one)
            tried += 2
    counted(f"{tried:,} exchanges in that log, all found by both verifiers")


@pytest.mark.parametrize("number", [1, 2, 31, 32, 63, 64])
def test_a_log_that_was_rewritten_with_its_proofs(number: int):
    """Whoever rewrites an entry, links and proves everything again but cannot sign is found at the first entry."""
    leaves = list(LOG(SIZE).leaves)
    record, _ = entry_of(number, None)
    leaves[number - 1] = leaf_bytes(record.with_fields(actor_id="mallory"))
    forged = log_of(SIZE)
    forged = type(forged)(tuple(leaves), forged.opened, Tree(map(leaf_hash, leaves)))
    true, false = (
        LOG(SIZE).export(older=()).splitlines(keepends=True),
        forged.export(older=()).splitlines(keepends=True),
    )
    assert both_lines([*true[:2], *false[2:]])[::2] == ("audit.entry_changed", 1)


def test_a_log_that_was_signed_by_another_key():
    """Whoever rewrites everything and signs with a key of their own is found by the key that the reader trusts."""
    file = LOG(SIZE).export(key=OTHER_KEY)
    assert both(file) == (None, None, None)
    assert both(file, key=KEY.public) == ("audit.key_unknown", 1, None)
    assert both(file, fingerprint=KEY.public.fingerprint) == ("audit.key_unknown", 1, None)
    stolen = file.replace(str(OTHER_KEY.public).encode(), str(KEY.public).encode())
    assert both(stolen, key=KEY.public)[:2] == ("audit.signature", 2)


def test_a_log_that_was_rewritten_by_the_key_itself():
    """Even whoever holds the key is found by a checkpoint that somebody has kept."""
    kept = LOG(SIZE).checkpoint(40)
    leaves = list(LOG(SIZE).leaves)
    record, _ = entry_of(39, leaf_hash(leaves[37]).hex())
    leaves[38:] = [leaf_bytes(record.with_fields(actor_id="mallory"))]
    forged = type(LOG(SIZE))(tuple(leaves), LOG(SIZE).opened, Tree(map(leaf_hash, leaves)))
    assert both(LOG(SIZE).export(), since=kept) == (None, None, None)
    assert both(forged.export(older=()), since=kept)[0] == "audit.history_changed"
    assert both(forged.export(older=()), since=LOG(SIZE).checkpoint(38)) == (None, None, None)


def other_personal(value: Any) -> bytes:
    """The second line of entry 3 with another value at the actor's name."""
    lines = LOG(SIZE).export(older=()).splitlines(keepends=True)
    return lines[7].replace("Zoë Nuñez".encode(), str(value).encode())


def test_a_personal_value_that_was_replaced():
    """A person's name that was never logged is found, though no name is in the leaf."""
    lines = LOG(SIZE).export(older=()).splitlines(keepends=True)
    assert both_lines([*lines[:7], other_personal("Mallory"), *lines[8:]]) == ("audit.personal_changed", 8, 3)


def test_the_order_of_an_inner_line():
    """What is written in another way says the same and is refused all the same: there is one way to write it."""
    lines = LOG(SIZE).export(older=()).splitlines(keepends=True)
    for old, new in ((b'{"above":', b'{ "above":'), (b'"number":3', b'"number":3.0'), (b'"number":3', b'"number":03')):
        assert old in lines[7]
        changed = [*lines[:7], lines[7].replace(old, new, 1), *lines[8:]]
        assert both_lines(changed) == ("audit.file_unreadable", 8, 3)
    assert both_lines([*lines, b"\n"]) == ("audit.file_changed", len(lines) + 1, None)
