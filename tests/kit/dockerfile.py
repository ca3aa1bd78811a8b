"""Read the shipped Dockerfile."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def instructions() -> list[tuple[str, str]]:
    """Return (name, arguments) of each instruction, with continued lines joined, without comments."""
    text = (ROOT / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [
        (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
        for line in joined.splitlines()
        if line.strip()
    ]


def command() -> list[str]:
    """Return the image's CMD."""
    return json.loads(next(arguments for name, arguments in instructions() if name == "CMD"))
