"""The expressions generated for the language are tried here as well."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "feel"))
