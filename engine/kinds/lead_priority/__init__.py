"""The kind `lead-priority`: points from facts and dated events, summed to a score that lies in one band.

A group's positive points may be capped; its negative ones stand outside the cap, so that a cap cannot hide them.
Points of events decay by half-lives. Gates decide beside the score: the first that is true fixes the band or excludes
the lead. The score is floored at 0 and may be capped; both show as reasons of their own, so that the contributions of
a decision's reasons always sum to its score exactly.
"""

from __future__ import annotations

from engine.kinds.lead_priority.read import read_rules
from engine.rulefile.kind import Kind

KIND = Kind("lead-priority", "rules/lead-priority.schema.json", read_rules)
