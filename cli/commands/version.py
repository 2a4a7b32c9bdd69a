"""`bylaw version`."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import click

from cli.options import json_option
from cli.output import print_json, say


@click.command("version")
@json_option
def command(*, as_json: bool) -> None:
    """Say which version this is."""
    try:
        number = installed("bylaw")
    except PackageNotFoundError:
        number = "checkout"
    if as_json:
        print_json({"bylaw": number, "python": platform.python_version()})
    else:
        say(f"bylaw {number} (Python {platform.python_version()})")
