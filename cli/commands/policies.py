"""`bylaw policies compile`: what is kept beside a folder of policies."""

from __future__ import annotations

from pathlib import Path

import click

from cli.options import FILE


@click.group("policies")
def command() -> None:
    """Keep what evaluating policies gives beside them."""


@command.command("compile")
@click.argument("folder", metavar="FOLDER", type=FILE)
def compile_(*, folder: Path) -> None:
    """Evaluate the policies of FOLDER and keep the result in `FOLDER/compiled`, by the digest of their texts.

    Processes then start without evaluating them. What is kept of versions that are neither these nor released goes.
    """
    from cli.files import written  # noqa: PLC0415  # keeps `bylaw --help` quick
    from cli.output import say  # noqa: PLC0415  # the same
    from cli.policies import texts_of  # noqa: PLC0415  # the same
    from engine.policy import compiled, compiled_name, compiled_text  # noqa: PLC0415  # loads Oso

    found = compiled(texts_of(folder))
    path = folder / compiled_name(found.digest)
    path.parent.mkdir(exist_ok=True)
    with written(path) as write:
        write(compiled_text(found).encode())
    for other in path.parent.glob("*.json"):
        if other != path:
            other.unlink()
    say(path.as_posix())
