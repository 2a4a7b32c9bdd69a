"""The names of what an actor may do to a record: the policies use these words, and only these."""

from __future__ import annotations

READ = "read"
WRITE = "write"
START = "start"
"""To start a job: asked of the job's record as it would be."""
PUBLISH = "publish"
"""To put a version of a rule set in force."""
ASK = "ask"
"""To ask what a person may do, and why: asked of the person's record."""
ERASE = "erase"
"""To make what is known about a person or a lead unreadable for ever."""
