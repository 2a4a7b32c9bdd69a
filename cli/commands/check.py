"""`bylaw check`: rule files and policies, without any database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.options import FILE, json_option

if TYPE_CHECKING:
    from cli.checking import Checked


@click.command("check")
@click.argument("paths", metavar="PATHS...", nargs=-1, required=True, type=FILE)
@json_option
@click.pass_context
def command(context: click.Context, *, paths: tuple[Path, ...], as_json: bool) -> None:
    """Check rule files (`.yaml`) and policies (`.polar`), and run the tests that they carry.

    PATHS are files and folders; a folder that holds `.polar` files is a folder of policies. Needs no database. Ends
    with 1 if anything is wrong, and shows every problem with its code, place, line and what to do.
    """
    from cli import exit_codes
    from cli.checking import check_paths
    from cli.output import note, print_json, progress

    with progress("checking") as advance:
        checked = check_paths(paths, advance)
    if as_json:
        print_json(_value(checked))
    else:
        _show(checked)
    if not checked.ok and as_json:
        note(checked.summary)
    context.exit(exit_codes.OK if checked.ok else exit_codes.PROBLEMS)


def _show(checked: Checked) -> None:
    import sys

    from cli.output import problem_text, say

    for hint in checked.hints:
        say(f"hint: {problem_text(hint, sys.stdout)}\n")
    for warning in checked.warnings:
        say(f"warning: {problem_text(warning, sys.stdout)}\n")
    for problem in checked.problems:
        say(f"{problem_text(problem, sys.stdout)}\n")
    for test in (*checked.tests, *checked.policy_tests):
        if not test.passed:
            say(f"failed: {test.source}: {test.name}")
            for problem in test.problems:
                say(f"{problem_text(problem, sys.stdout)}\n")
    say(checked.summary)


def _value(checked: Checked) -> dict[str, Any]:
    """Shape: `{ok, rule_files: [{source, rule_set, version, digest}], policy_files, problems, warnings, hints, ..}`."""
    return {
        "ok": checked.ok,
        "rule_files": list(checked.rule_files),
        "policy_files": list(checked.policy_files),
        "problems": [problem.to_json() for problem in checked.problems],
        "warnings": [warning.to_json() for warning in checked.warnings],
        "hints": [hint.to_json() for hint in checked.hints],
        "tests": [
            {
                "source": test.source,
                "name": test.name,
                "passed": test.passed,
                "problems": [problem.to_json() for problem in test.problems],
            }
            for test in (*checked.tests, *checked.policy_tests)
        ],
        "summary": checked.summary,
    }
