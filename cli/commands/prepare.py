"""`bylaw prepare`: database made, shipped rules published, example installed; what `bylaw up` does first."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import home_option
from cli.output import note, say


@click.command("prepare")
@home_option
@click.option("--no-example", is_flag=True, help="Do not install the example organisation.")
@click.option("--quiet", is_flag=True, help="Say only what was done.")
def command(*, home: Path | None, no_example: bool, quiet: bool) -> None:
    """Make the database ready: create it, publish shipped rule versions that it lacks, install the example once."""
    from adapters.wiring import Settings, build, now

    settings = Settings.from_environment(home=home.absolute() if home else None, example=False if no_example else None)
    with build(settings) as wiring:
        done = wiring.prepare(now())
    for sentence in done.sentences:
        say(sentence)
    for problem in done.problems:
        note(problem.render())
    if not done.sentences and not quiet:
        say("everything was ready already")
