"""What can be set from outside, in one frozen value: the only reader of the environment.

Every name is declared in `SETTINGS` with its default and a sentence; `docs/operations.md` is tested to list them all. A
misspelt `BYLAW_...` name is an error, because a setting that silently does nothing is worse than none.
"""

from adapters.settings.declared import SETTINGS, Setting
from adapters.settings.environment import TESTS_ONLY
from adapters.settings.settings import Settings

__all__ = ["SETTINGS", "TESTS_ONLY", "Setting", "Settings"]
