"""Write a local `.env` with generated secrets, once: `python -m config.dotenv`.

Uses only the standard library, because it runs before the packages that need these secrets.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

PATH = Path(__file__).resolve().parent.parent / ".env"


def contents() -> str:
    """Return the text of the file: new values for the secrets that have no default."""
    fernet_key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    return (
        "# Made by `make run` for this machine. It holds secrets: never commit it.\n"
        "# .env.example explains every variable.\n"
        f"SECRET_KEY={secrets.token_urlsafe(50)}\n"
        f"SESSION_ID_KEY={secrets.token_urlsafe(32)}\n"
        f"DATA_ENCRYPTION_KEYS={fernet_key}\n"
    )


def main() -> None:
    try:
        # O_EXCL: a second run never replaces the secrets of the first one.
        descriptor = os.open(PATH, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(contents())
    sys.stdout.write("Wrote .env with new secrets for this machine.\n")


if __name__ == "__main__":
    main()
