"""Write docs/problems.md from the declared codes: `python docs/problems.py`."""

from itertools import groupby
from pathlib import Path

from engine.problem_codes import CODES

HEAD = """# Problem codes

Every problem that Bylaw reports has one of these codes, in the command's output, in the API's problem documents
(RFC 9457) and in the console. Codes are stable: they are never renamed or given another meaning. This page is written
by `python docs/problems.py`.
"""

lines = [HEAD]
for area, codes in groupby(sorted(CODES), key=lambda code: code.split(".")[0]):
    lines += [f"## {area}", "", "| code | when |", "| --- | --- |"]
    lines += [f"| `{code}` | {CODES[code]} |" for code in codes]
    lines.append("")
Path(__file__).with_suffix(".md").write_text("\n".join(lines).rstrip() + "\n")
