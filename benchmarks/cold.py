"""One engine in a fresh process: `python -m benchmarks.cold MODULE FOLDER` prints nanoseconds and the sum of scores."""

from __future__ import annotations

import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.generated import leads


def main(module: str, folder: str) -> None:
    """Import the engine, read every file of the folder, ask each once about the first lead."""
    lead = leads(1)[0]
    start = time.perf_counter_ns()
    family = import_module(module).FAMILY
    given = family.converted(lead)
    total = 0
    for path in sorted(Path(folder).iterdir()):
        total += int(family.opened(path.read_bytes())(given))
    print(time.perf_counter_ns() - start, total)


if __name__ == "__main__":
    main(*sys.argv[1:])
