"""All input and output: stores, queue, sessions, settings, shipped files, supervised processes, and the wiring."""
