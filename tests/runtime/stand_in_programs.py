"""Programs for supervisor tests: `python stand_in_programs.py <behaviour> [argument]`. Real processes, simple lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def for_ever() -> None:
    while True:
        time.sleep(60)


behaviour, *arguments = sys.argv[1:]
if behaviour == "stay":
    sys.stdout.write("staying\n")
    sys.stdout.flush()
    for_ever()
elif behaviour == "end":
    sys.stdout.write("cannot go on\n")
    sys.exit(int(arguments[0]))
elif behaviour == "end-first-time":
    marker = Path(arguments[0])
    if not marker.exists():
        marker.touch()
        sys.exit(3)
    sys.stdout.write("second life\n")
    sys.stdout.flush()
    for_ever()
elif behaviour == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.stdout.write("not listening\n")
    sys.stdout.flush()
    for_ever()
elif behaviour == "family":
    # A grandchild in a session of its own, as RQ's work horses are.
    child = subprocess.Popen([sys.executable, __file__, "deaf"], start_new_session=True)
    sys.stdout.write(f"grandchild {child.pid}\n")
    sys.stdout.flush()
    for_ever()
elif behaviour == "talk":
    sys.stdout.write("one\ntwo\nwithout end")
    sys.stdout.flush()
    os._exit(0)
