"""`make bench`: the engine beside its peers on the same generated work, in one run on one machine, as ratios."""
