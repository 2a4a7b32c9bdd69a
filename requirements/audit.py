"""Ask an advisory source whether a locked requirement has a known vulnerability, and say whether it was asked at all.

The last line printed is one of three: `dependency audit: passed (...)`, `FAILED (...)` (exit code 1) or `NOT CHECKED
(...)`. On a closed network nothing answers; that is no reason to stop work, and no reason to say that all is well.

A proxy may answer anything to everybody, so the source is first asked about a package that is known to be vulnerable:
what does not know it, is no advisory source.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCKED = Path(__file__).with_name("run.txt")
SOURCE = "https://api.osv.dev/v1/query"
KNOWN_VULNERABLE = "jinja2==2.4.1"
"""CVE-2014-0012, CVE-2016-10745, CVE-2019-10906 and more."""

ANSWER_SECONDS = 10
WHOLE_SECONDS = 120
NOBODY = "no advisory source answered"


@dataclass(frozen=True, slots=True)
class Found:
    """What `pip-audit` reported: package names with version, and a line for each known vulnerability."""

    audited: tuple[str, ...]
    vulnerable: tuple[str, ...]
    skipped: tuple[str, ...]


def main(arguments: list[str]) -> int:
    """Print the outcome; 1 for a known vulnerability, else 0."""
    parser = argparse.ArgumentParser(description="look for known vulnerabilities of the locked requirements")
    parser.add_argument("--source", default=SOURCE, help="address of an OSV query service")
    parser.add_argument("--locked", type=Path, default=LOCKED, help="the requirements with versions and hashes")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.txt"
        known.write_text(f"{KNOWN_VULNERABLE}\n", encoding="utf-8")
        trial = ask(known, given.source)
    if trial is None:
        return not_checked(NOBODY)
    if not trial.vulnerable:
        return not_checked(f"{given.source} does not know that {KNOWN_VULNERABLE} is vulnerable")
    found = ask(given.locked, given.source)
    if found is None:
        return not_checked(f"{given.source} stopped answering")
    for line in found.vulnerable:
        print(line)
    if found.vulnerable:
        print(f"dependency audit: FAILED ({len(found.vulnerable)} known vulnerabilities)")
        return 1
    if found.skipped or not found.audited:
        return not_checked(f"not known to {given.source}: {', '.join(found.skipped) or 'anything'}")
    print(
        f"dependency audit: passed ({len(found.audited)} packages, none with a vulnerability known to {given.source})"
    )
    return 0


def not_checked(why: str) -> int:
    """Say that nothing is known."""
    print(f"dependency audit: NOT CHECKED ({why})")
    return 0


def ask(requirements: Path, source: str) -> Found | None:
    """What the source knows about pinned requirements, or None if it does not answer in time or in its own form."""
    command = [
        sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip",
        "--vulnerability-service", "osv", "--osv-url", source, "--timeout", str(ANSWER_SECONDS),
        "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=WHOLE_SECONDS, check=False)  # noqa: S603  # the command line is ours
    except subprocess.TimeoutExpired:
        return None
    try:
        return _read(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):  # a traceback instead of a report
        return None


def _read(report: dict[str, Any]) -> Found:
    known = [entry for entry in report["dependencies"] if "skip_reason" not in entry]
    return Found(
        tuple(f"{entry['name']}=={entry['version']}" for entry in known),
        tuple(
            f"{entry['name']} {entry['version']}: {one['id']}, fixed in {', '.join(one['fix_versions']) or 'none'}"
            for entry in known
            for one in entry["vulns"]
        ),
        tuple(entry["name"] for entry in report["dependencies"] if "skip_reason" in entry),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
