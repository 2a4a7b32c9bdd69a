"""The audit log as evidence: what is hashed of an entry, and what can be proved about the whole log. Pure functions."""
