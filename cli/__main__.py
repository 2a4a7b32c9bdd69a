"""`python -m cli` is `bylaw`."""

from __future__ import annotations

from cli.main import main

main()
