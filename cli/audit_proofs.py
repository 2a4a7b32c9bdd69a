"""`bylaw audit export`, `verify`, `proof`, `verifier` and `check`: the log for outsiders, and for whoever keeps it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import click

from cli.options import FILE, INSTANT, Whose, caller_options, json_option

if TYPE_CHECKING:
    from engine.audit.note import PublicKey
    from engine.audit.verification import Verdict
    from engine.service.audit_check import LogCheck


@click.command("export")
@click.option(
    "--scope",
    default="organisation",
    show_default=True,
    metavar="SCOPE",
    help="`organisation`, `region:ID`, `branch:ID`, `team:ID`, `territory:ID`, `owner:ID`, `actor:ID` or "
    "`subject:TYPE/ID`.",
)
@click.option("--from", "from_", type=INSTANT, help="Only entries at this instant or later.")
@click.option("--to", type=INSTANT, help="Only entries before this instant.")
@click.option("--since", type=FILE, help="An older checkpoint that was kept: the file proves what it covers.")
@click.option("--out", type=FILE, help="The file to write; standard output by default.")
@caller_options
def export(
    *,
    scope: str,
    from_: datetime | None,
    to: datetime | None,
    since: Path | None,
    out: Path | None,
    **whose: Unpack[Whose],
) -> None:
    """Write what may be read of the log into one file that an outsider can check."""
    from cli.files import read_text, written
    from cli.opened import opened
    from cli.output import note, progress
    from engine.service.audit_export import export_audit

    kept = None if since is None else read_text(since)
    with opened(**whose, log=True) as session:
        signer = session.wiring.signer
        with progress("reading the log", quiet=out is None and sys.stdout.isatty()) as advance:
            made = export_audit(
                session.ports, session.caller, signer, scope, from_=from_, to=to, since=kept,
                progress=lambda done, total: advance(done, total, "entries written"),
            )  # fmt: skip
            with written(out) as put:
                for line in made.lines:
                    put(line)
        note(
            f"{made.entries:,} of the log's {made.size:,} entries; "
            f"SHA-256 of the key: {signer.key(session.organisation_id).fingerprint}"
        )


@click.command("verify")
@click.argument("file", type=FILE)
@click.option("--key", type=FILE, help="A file with the public key that you trust, as `bylaw audit key` prints it.")
@click.option("--fingerprint", metavar="HEX", help="The SHA-256 of that key, instead of the key.")
@click.option("--since", type=FILE, help="An older checkpoint that you have kept.")
@json_option
def verify(*, file: Path, key: Path | None, fingerprint: str | None, since: Path | None, as_json: bool) -> None:
    """Check an exported file offline, and name the first entry that is not the one that was logged."""
    from adapters.wiring import check_signature
    from cli.exit_codes import PROBLEMS
    from cli.files import lines_of, read_text
    from cli.output import print_json, progress
    from engine.audit.verification import MAX_LINE_BYTES
    from engine.audit.verification import verify as check

    trusted = None if key is None else _public_key(read_text(key))
    kept = None if since is None else read_text(since)
    with lines_of(file, MAX_LINE_BYTES) as lines, progress("entries checked") as advance:
        verdict = check(
            lines,
            check_signature,
            source=str(file),
            key=trusted,
            fingerprint=fingerprint.lower() if fingerprint else None,
            since=kept,
            progress=lambda done, total: advance(done, total, ""),
        )
    if as_json:
        print_json(verdict.to_json())
    else:
        _tell(verdict)
    if not verdict.good:
        raise click.exceptions.Exit(PROBLEMS)


@click.command("proof")
@click.argument("file", type=FILE)
@click.argument("number", type=click.IntRange(min=1))
def proof(*, file: Path, number: int) -> None:
    """Print one entry's proof out of an exported file, as the text that other tools check (C2SP tlog-proof)."""
    from adapters.wiring import check_signature
    from cli.files import lines_of
    from cli.output import print_bytes
    from engine.audit.verification import MAX_LINE_BYTES, inclusion_proof

    with lines_of(file, MAX_LINE_BYTES) as lines:
        print_bytes(str(inclusion_proof(lines, number, check_signature)).encode())


@click.command("verifier")
def verifier() -> None:
    """Print the program that checks exported files by itself: one file, Python 3.9 or newer, nothing to install."""
    from adapters.wiring import Shipped
    from cli.output import print_bytes

    print_bytes(Shipped.verifier())


@click.command("check")
@click.option(
    "--since", type=FILE, help="A checkpoint that was kept elsewhere: shows whether an older state came back."
)
@caller_options
@json_option
def check(*, since: Path | None, as_json: bool, **whose: Unpack[Whose]) -> None:
    """Read the whole log where it is kept, and name the first entry that was tampered with."""
    from adapters.wiring import check_signature
    from cli.exit_codes import PROBLEMS
    from cli.files import read_text
    from cli.opened import opened
    from cli.output import print_json, progress, say
    from engine.service.audit_check import check_log

    kept = None if since is None else read_text(since)
    with opened(**whose, log=True) as session, progress("entries checked") as advance:
        found = check_log(
            session.ports, session.caller, session.wiring.signer, check_signature, since=kept,
            progress=lambda done, total: advance(done, total, ""),
        )  # fmt: skip
    if as_json:
        print_json(_found_value(found))
    else:
        if found.problem is not None:
            say(f"NOT GOOD{_place(found.number, found.last)}: {found.problem.message} [{found.problem.code}]")
        say(f"{found.entries:,} entries and {found.checkpoints:,} checkpoints are as they were logged")
    if found.problem is not None:
        raise click.exceptions.Exit(PROBLEMS)


def commands() -> Iterator[click.Command]:
    """All of them."""
    yield from (export, verify, proof, verifier, check)


def _public_key(text: str) -> PublicKey:
    from engine.audit.note import PublicKey

    return PublicKey.parse(text.strip())


def _tell(verdict: Verdict) -> None:
    """The verdict for people: the same sentences as the verifier that stands by itself."""
    from cli.output import note, say

    if verdict.problem is not None:
        number = [] if verdict.number is None else [f"entry {verdict.number}"]
        where = ", ".join([*number, *([f"line {verdict.line}"] if verdict.line else [])])
        say(f"NOT GOOD{f' ({where})' if where else ''}: {verdict.problem.message} [{verdict.problem.code}]")
        say(f"{verdict.entries} entries before it are as they were logged")
        if verdict.problem.help:
            note(verdict.problem.help)
        return
    assert verdict.checkpoint is not None
    assert verdict.key is not None
    say(f"good: {verdict.entries} entries are as they were logged, in scope {verdict.head['scope']}")
    say(f"the log has {verdict.checkpoint.size} entries and the root {verdict.checkpoint.root.hex()}")
    say(f"signed by the key with the fingerprint {verdict.key.fingerprint}")
    if not verdict.trusted_key:
        say("compare the fingerprint with one that came to you by another way, or give it: --fingerprint")


def _place(number: int | None, last: int | None) -> str:
    if number is None:
        return ""
    return f" (entry {number})" if last in (None, number) else f" (an entry from {number} to {last})"


def _found_value(found: LogCheck) -> dict[str, object]:
    problem = found.problem and {"code": found.problem.code, "message": found.problem.message}
    return {
        "good": found.problem is None,
        "problem": problem,
        "number": found.number,
        "last": found.last,
        "entries": found.entries,
        "checkpoints": found.checkpoints,
    }
