"""Sample files of other systems, made by hand from their documented formats."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import CommandError

SAMPLES = Path(__file__).parents[1] / "accounts" / "moving" / "samples"
PARAMETERS = str(SAMPLES / "firebase-parameters.txt")


@dataclass(frozen=True)
class Ran:
    """The end of one `import_users`."""

    output: str
    report: list[dict[str, Any]]
    error: CommandError | None

    @property
    def status(self) -> int:
        return self.error.returncode if self.error else 0

    def reasons(self, outcome: str) -> list[tuple[str, str]]:
        """Return the ids and reasons of this outcome."""
        return [(line["id"], line["reason"]) for line in self.report if line["outcome"] == outcome]
