"""`bylaw policies compile` and `release`: what is kept beside a folder of policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.options import FILE

if TYPE_CHECKING:
    from engine.policy import Compiled


@click.group("policies")
def command() -> None:
    """Keep policies compiled, and release versions of them."""


@command.command("compile")
@click.argument("folder", metavar="FOLDER", type=FILE)
def compile_(*, folder: Path) -> None:
    """Evaluate the policies of FOLDER and keep the result in `FOLDER/compiled`, by the digest of their texts.

    Processes then start without evaluating them. What is kept of versions that are neither these nor released goes.
    """
    from cli.output import say
    from cli.policies import texts_of
    from engine.policy import compiled

    say(_keep(folder, compiled(texts_of(folder))).as_posix())


@command.command("release")
@click.argument("version", metavar="VERSION")
@click.argument("folder", metavar="FOLDER", type=FILE)
@click.pass_context
def release(context: click.Context, *, version: str, folder: Path) -> None:
    """Note that the policies of FOLDER are released as VERSION, such as 1.4.0, and keep what they grant.

    From then on `bylaw check` refuses what grants more without stating it in `FOLDER/widenings.yaml`; what stands there
    now moves into the list of releases. Ends with 1 if the policies grant more than the release before, unstated, or if
    a test beside them fails.
    """
    import sys

    from cli import exit_codes
    from cli.checking import policy_tests, releases_in, statements_in, unstated_widenings
    from cli.files import written
    from cli.output import problem_text, say
    from cli.policies import texts_of
    from engine.policy import (
        NO_WIDENINGS,
        RELEASES_FILE,
        WIDENINGS_FILE,
        Policies,
        Release,
        releases_text,
        with_release,
    )

    policies = Policies.load(texts_of(folder))
    releases = with_release(releases_in(folder), Release(version, policies.digest, statements_in(folder)))
    failed = [problem for test in policy_tests(policies, folder) if not test.passed for problem in test.problems]
    problems = [*unstated_widenings(folder, policies), *failed]
    for problem in problems:
        say(f"{problem_text(problem, sys.stdout)}\n")
    if problems:
        context.exit(exit_codes.PROBLEMS)
    # What is granted first: a release that is listed can always be compared with.
    _keep(folder, policies.compiled)
    for name, text in ((RELEASES_FILE, releases_text(releases)), (WIDENINGS_FILE, NO_WIDENINGS)):
        with written(folder / name) as write:
            write(text.encode())
    say(f"{version}: {policies.digest}")


def _keep(folder: Path, found: Compiled) -> Path:
    """Write what the policies grant, and remove what is kept of others that were not released."""
    from cli.checking import releases_in
    from cli.files import written
    from engine.policy import compiled_name, compiled_text

    wanted = {
        folder / compiled_name(digest) for digest in (found.digest, *(one.policies for one in releases_in(folder)))
    }
    path = folder / compiled_name(found.digest)
    path.parent.mkdir(exist_ok=True)
    with written(path) as write:
        write(compiled_text(found).encode())
    for other in path.parent.glob("*.json"):
        if other not in wanted:
            other.unlink()
    return path
