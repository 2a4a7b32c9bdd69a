"""What every command asks of the policies, in one visible table: the cells, or why it asks none.

A test compares it with the policies' rows and with what the commands really ask.
"""

from __future__ import annotations

from collections.abc import Mapping

ANY = "*:*"
"""The cell that the command line names."""

ASKS: Mapping[str, tuple[str, ...]] = {
    "evaluate": ("read:rule_version",),
    "import crm": (
        "publish:rule_version",
        *(f"write:{name}" for name in ("organisation", "region", "branch", "team", "territory", "person")),
        *(f"write:{name}" for name in ("account", "product", "deal", "import_batch")),
    ),
    "import leads": ("write:lead", "write:import_batch"),
    "score leads": ("read:rule_version", "start:job", "write:lead"),
    "incentives run": ("read:deal", "read:organisation", "read:rule_version", "start:job", "write:statement"),
    "sync explain": ("read:conflict", "read:rule_version"),
    "rules list": ("read:rule_version",),
    "rules show": ("read:rule_version",),
    "authz explain": ("ask:person", ANY),
    "authz diff": ("read:person", ANY),
    "audit show": ("read:audit_entry",),
    "audit check": ("read:audit_entry",),
    "audit export": ("read:audit_entry",),
    "audit erase": ("read:person", "erase:person", "read:lead", "erase:lead"),
    "jobs list": ("read:job",),
    "jobs show": ("read:job",),
    "jobs cancel": ("read:job", "write:job"),
    "keys list": ("read:api_key",),
    "keys make": ("write:api_key", "write:person"),
    "keys rotate": ("read:api_key", "write:api_key"),
    "keys revoke": ("read:api_key", "write:api_key"),
    "people link": ("read:person", "write:person"),
    "people unlink": ("read:person", "write:person"),
}
"""Commands that read or change records."""

_FILES = "it reads and writes files that its caller can read and write"
_TEXT = "it prints what is the same for everybody"

NEEDS_NO_RIGHT: Mapping[str, str] = {
    "up": "it starts processes, which ask for themselves",
    "prepare": "it installs what is shipped, as the platform, into a database that its caller owns",
    "check": _FILES,
    "policies compile": _FILES,
    "policies release": _FILES,
    "tables embed": _FILES,
    "tables export": _FILES,
    "tables import": _FILES,
    "dmn export": _FILES,
    "dmn import": _FILES,
    "dmn run": _FILES,
    "dmn test": _FILES,
    "audit verify": _FILES,
    "audit proof": _FILES,
    "audit verifier": _TEXT,
    "audit role": _TEXT,
    "audit key": "it prints the public key, which everybody may have",
    "audit checkpoint": "it signs the size and root of the log and shows none of its entries",
    "authz matrix": "it asks the policies about people who do not exist",
    "version": _TEXT,
    "completion": _TEXT,
}
"""The others, with the reason."""
