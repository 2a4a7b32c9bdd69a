"""What comes with the product to be read: `rules/`, `policies/` and `schemas/`, as texts, and the audit log's verifier.

In a checkout they stand at the top of the repository; in the wheel beside this module. The engine receives what is read
here and never opens a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.problems import Problem, UnavailableError

FOLDERS = ("rules", "policies", "schemas")


@dataclass(frozen=True, slots=True)
class Shipped:
    """What stands under one root. Names are paths with forward slashes, in sorted order."""

    root: Path

    @classmethod
    def find(cls) -> Shipped:
        """Beside this module (a wheel) or at the top of the checkout. Raises `UnavailableError` (`shipped.missing`)."""
        here = Path(__file__).resolve().parent
        for root in (here, here.parent.parent):
            if all((root / folder).is_dir() for folder in FOLDERS):
                return cls(root)
        raise UnavailableError(
            Problem(
                "shipped.missing",
                "the shipped rules, policies and schemas are not where the program expects them",
                help="install Bylaw again, or run it from a complete checkout",
            )
        )

    @staticmethod
    def verifier() -> bytes:
        """The program that checks exports of the audit log and shares nothing with this one."""
        return Path(__file__).with_name("verify_audit.py").read_bytes()

    def rules(self) -> dict[str, bytes]:
        """Rule files and the tables beside them: `rules/lead-priority/inbound@3.yaml` -> bytes."""
        return {f"rules/{name}": content for name, content in self._files("rules", ".yaml", ".csv").items()}

    def policies(self) -> dict[str, str]:
        """Oso policy files: `base.polar` -> text."""
        return self._texts("policies", ".polar")

    def beside_policies(self, name: str) -> str | None:
        """The text of what is kept beside the policies: `compiled/ab12....json`; None where there is no such file."""
        kept = self.root / "policies" / name
        return kept.read_text("utf-8") if kept.is_file() else None

    def schemas(self) -> dict[str, str]:
        """JSON Schemas and whatever else `schemas/` holds as JSON: `rules/lead-priority.schema.json` -> text."""
        return self._texts("schemas", ".json")

    def mappings(self) -> dict[str, bytes]:
        """Column mappings of imports: `maven-crm` -> bytes."""
        return {
            Path(name).stem: content
            for name, content in self._files("schemas", ".yaml").items()
            if name.startswith("mappings/")
        }

    def _texts(self, folder: str, *endings: str) -> dict[str, str]:
        return {name: content.decode("utf-8") for name, content in self._files(folder, *endings).items()}

    def _files(self, folder: str, *endings: str) -> dict[str, bytes]:
        top = self.root / folder
        return {
            path.relative_to(top).as_posix(): path.read_bytes()
            for path in sorted(top.rglob("*"))
            if path.suffix in endings and path.is_file()
        }
