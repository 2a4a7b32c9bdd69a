"""The example organisation: invented, believable, and the same on every day but for its instants, which move along.

`make run` shows it, since no real organisation's data is ours to ship. Nothing about it is special: its rules are the
shipped ones, its scores and statements come from the same use cases as anybody's.
"""

from adapters.example.install import example_records, install_example

__all__ = ["example_records", "install_example"]
