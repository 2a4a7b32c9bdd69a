"""`bylaw up`: the whole product on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import click

from cli.options import home_option
from cli.output import colours


@click.command("up")
@home_option
@click.option("--host", help="The address to listen on (BYLAW_HOST); this machine only by default.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The port (BYLAW_PORT); 0 takes a free one.")
@click.option("--reload", is_flag=True, help="Start the web server again when a source file changes (for development).")
@click.option("--no-example", is_flag=True, help="Do not install the example organisation (BYLAW_EXAMPLE=false).")
def command(*, home: Path | None, host: str | None, port: int | None, no_example: bool, reload: bool) -> None:
    """Start web server, worker and queue, show one log, and stop everything on Ctrl-C.

    What the settings name elsewhere (a database, a Redis) is used and not started here. The first start installs an
    example organisation to look at.
    """
    from adapters.wiring import Settings, supervise

    settings = Settings.from_environment(
        home=home.absolute() if home else None, host=host, port=port, example=False if no_example else None
    )
    with ExitStack() as stack:
        # Lines must appear at once even where standard output is a file.
        stream = stack.enter_context(os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8", errors="replace"))
        supervise(settings, stream, colour=colours(sys.stdout), reload=reload)
