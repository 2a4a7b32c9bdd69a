"""Fuzz every target for some seconds in all: `python tests/fuzz/run.py SECONDS [TARGET...]`.

Two targets run at a time. The corpus and the inputs of faults are kept in build/fuzz/TARGET. Ends with a table and with
exit code 1 when any fault was found.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "build" / "fuzz"
NAMES = ("expression", "cell", "standard", "standard_cell", "rule_file", "dmn", "json", "csv")
AT_A_TIME = 2
HANG_SECONDS = 60
MEMORY_MB = 2_048
START_SECONDS = 5
"""A worker that would have less time than this is not started again: loading alone takes some of it."""


@dataclass(slots=True)
class Result:
    """What one target's runs came to. `found` are the names of files in its folder."""

    name: str
    seconds: float = 0
    executions: int = 0
    edges: int = 0
    corpus: int = 0
    memory_mb: int = 0
    found: tuple[str, ...] = ()


def fuzz(name: str, seconds: float) -> Result:
    """Fuzz one target, starting its worker again after a hang or a death, until its time is over."""
    folder = FOLDER / name
    found = folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    before = {path.name for path in found.iterdir()}
    result = Result(name)
    started = time.monotonic()
    while (left := seconds - (time.monotonic() - started)) > START_SECONDS:
        options = [
            f"-max_total_time={int(left)}",
            f"-timeout={HANG_SECONDS}",
            f"-rss_limit_mb={MEMORY_MB}",
            "-print_final_stats=1",
            "-len_control=0",
            f"-report_slow_units={HANG_SECONDS}",
        ]
        command = [sys.executable, str(HERE / "worker.py"), name, str(folder), *options]
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        log = ended.stderr.decode("utf-8", "replace")
        (folder / "log").write_text(log)
        result.executions += max((int(n) for n in re.findall(r"(?m)^#(\d+)\s", log)), default=0)
        result.edges = max([result.edges, *(int(n) for n in re.findall(r" cov: (\d+)", log))])
        result.corpus = max([result.corpus, *(int(n) for n in re.findall(r" corp: (\d+)", log))])
        result.memory_mb = max([result.memory_mb, *(int(n) for n in re.findall(r" rss: (\d+)Mb", log))])
        if ended.returncode != 0 and not {path.name for path in found.iterdir()} - before:
            (found / "died.why").write_text(log[-4_000:])
            break
    result.seconds = time.monotonic() - started
    result.found = tuple(sorted({p.name for p in found.iterdir() if p.suffix != ".why"} - before))
    if (found / "died.why").exists() and "died.why" not in before:
        result.found += ("died.why",)
    return result


def main(arguments: list[str]) -> int:
    """Run the targets, print what came of them."""
    seconds = float(arguments[0]) if arguments else 600
    names = arguments[1:] or NAMES
    if unknown := set(names) - set(NAMES):
        sys.stderr.write(f"there is no target {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}\n")
        return 2
    os.nice(10)
    each = seconds * AT_A_TIME / max(AT_A_TIME, len(names))
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        results = list(pool.map(lambda name: fuzz(name, each), names))
    print(f"{'target':<14} {'seconds':>8} {'executions':>11} {'edges':>7} {'corpus':>7} {'MB':>6} {'faults':>7}")
    for result in results:
        print(
            f"{result.name:<14} {result.seconds:>8.0f} {result.executions:>11,} {result.edges:>7,} {result.corpus:>7,} "
            f"{result.memory_mb:>6,} {len(result.found):>7}"
        )
    for result in results:
        for file in result.found:
            print(f"fault: {(FOLDER / result.name / 'found' / file).relative_to(Path.cwd())}")
    total = sum(len(result.found) for result in results)
    print(f"{sum(result.executions for result in results):,} inputs, {total} faults")
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
