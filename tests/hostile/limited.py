"""Runs hostile inputs in a process of their own, whose memory is bounded and whose silence means that it hangs.

`python limited.py MODULE` calls a module's `prepare`, runs every case of its `CASES` and writes a line of JSON for
each: its name and what it gave. The limit of memory is the system's; no test looks at a clock to judge how fast
something was.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
MEMORY = 1 << 30
"""Bytes of address space for all cases of a module, the interpreter included."""

SILENCE = 900
"""Seconds after which the process is taken to hang: far more than the slowest machine takes."""


def results_of(module: str) -> dict[str, str]:
    """What every case of a module gave, by name. A case that ended the process is missing."""
    command = [sys.executable, str(HERE / "limited.py"), module]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=SILENCE, check=False)
    return dict(json.loads(line) for line in ended.stdout.splitlines())


def main(module: str) -> None:
    """Run the cases, one after the other."""
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    bombs = import_module(module)
    cases: Mapping[str, Callable[[], str]] = bombs.CASES
    bombs.prepare()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for name, case in cases.items():
        try:
            given = case()
        except Exception as error:  # noqa: BLE001  # whatever it is, the test tells it
            given = f"{type(error).__name__}: {error}"[:200]
        sys.stdout.write(json.dumps([name, given]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
