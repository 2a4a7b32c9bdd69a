"""`python -m jobs`: one RQ worker over what the environment says."""

from __future__ import annotations

import sys

from jobs.worker import main

sys.exit(main())
