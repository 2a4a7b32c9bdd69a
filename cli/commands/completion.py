"""`bylaw completion`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.output import say


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete `bylaw`.

    For bash: `bylaw completion bash > ~/.local/share/bash-completion/completions/bylaw`.
    """
    from cli.main import bylaw

    found = get_completion_class(shell)
    assert found is not None
    if shell == "bash":
        # click's own class asks the installed bash for its version, which printing a script does not need.
        found._check_version = staticmethod(lambda: None)  # type: ignore[attr-defined]  # noqa: SLF001  # as said
    say(found(bylaw, {}, "bylaw", "_BYLAW_COMPLETE").source())
