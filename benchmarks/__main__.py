"""`python -m benchmarks [--only TEXT]`: measure, print, and write `docs/benchmarks.md` when everything was measured."""

from __future__ import annotations

import argparse

from rich.console import Console

from benchmarks import report
from benchmarks.targets import verdicts
from benchmarks.workloads import WORKLOADS, Sizes, run


def main() -> None:
    """Run the workloads whose names hold the given text, or all."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure the engine beside its peers.")
    names = ", ".join(name for name, _ in WORKLOADS)
    parser.add_argument("--only", default="", metavar="TEXT", help=f"only workloads with this in their name: {names}")
    only = parser.parse_args().only
    if not any(only.lower() in name for name, _ in WORKLOADS):
        parser.error(f"no workload has `{only}` in its name; they are {names}")
    console = Console(width=180)
    sections = run(Sizes(), only, lambda section: report.show_section(console, section))
    judged = verdicts(sections)
    if only:
        judged = [verdict for verdict in judged if verdict.met is not None]
    shown = [report.verdict_cells(verdict) for verdict in judged]
    report.show(console, "Targets", report.VERDICT_HEADINGS, shown)
    if not only:
        report.write(report.markdown(sections, judged))


if __name__ == "__main__":
    main()
