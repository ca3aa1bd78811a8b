"""Make recovery codes, hash them, and accept each code once.

allauth keeps a seed from which all codes can be made again. Here only hashes are stored, so nobody
can read the codes of an account, and the owner sees them only when they are new. A code has 50 random
bits. All codes of one set share a salt, so a try costs one Argon2id hash and not ten.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from django.utils import timezone

from accounts.people import argon2id
from accounts.people.hashers import Argon2idPasswordHasher
from accounts.typed import letters_and_digits_in

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's: no letter looks like another one."""
LOOKS_LIKE = str.maketrans("oil", "011")
LENGTH = 10
COUNT = 10
TIME_COST = Argon2idPasswordHasher.time_cost
MEMORY_COST = Argon2idPasswordHasher.memory_cost
"""KiB. As for passwords; the tests lower both."""
SALT = re.compile(r"[0-9a-f]{32}")
FEW = 3
"""With so many codes left or fewer, pages tell the owner to make new ones."""


def new_set() -> tuple[list[str], dict[str, object]]:
    """Return new codes, and the data to store: the salt and the hashes."""
    plain = ["".join(secrets.choice(ALPHABET) for _ in range(LENGTH)) for _ in range(COUNT)]
    salt = secrets.token_hex(16)
    data = {"salt": salt, "left": [hashed(code, salt) for code in plain], "used": 0}
    return [f"{code[:5]}-{code[5:]}" for code in plain], data


def is_whole(data: Mapping[str, Any]) -> bool:
    """Return True if this is what a row stores. Ask for data that comes from a file."""
    salt, hashes, used = (data.get(name) for name in ("salt", "left", "used"))
    return (
        isinstance(salt, str)
        and SALT.fullmatch(salt) is not None
        and isinstance(hashes, list)
        and len(hashes) <= COUNT
        and all(isinstance(each, str) for each in hashes)
        and type(used) is int
        and 0 <= used <= COUNT
    )


def is_shaped(answer: object) -> bool:
    plain = _plain(answer) if isinstance(answer, str) else ""
    return len(plain) == LENGTH and set(plain) <= set(ALPHABET)


def left(authenticator: Authenticator) -> int:
    return len(authenticator.data["left"])


def spend(authenticator: Authenticator, typed: str) -> bool:
    """Use this code up. Of two requests at once with one code, one wins.

    Returns False for a wrong or used code, or if the codes were replaced or removed meanwhile.
    """
    row: Authenticator | None = authenticator
    salt = authenticator.data["salt"]
    digest = hashed(typed, salt)
    while row is not None and row.data["salt"] == salt:
        read = row.data  # threads may share the object
        if digest not in read["left"]:
            return False
        data = read | {
            "left": [each for each in read["left"] if each != digest],
            "used": read["used"] + 1,
        }
        # The number of used codes and the salt tell whether the row is still as it was read.
        unchanged = Authenticator.objects.filter(
            pk=row.pk, data__used=read["used"], data__salt=salt
        )
        if unchanged.update(data=data, last_used_at=timezone.now()):
            authenticator.data = data
            return True
        row = Authenticator.objects.filter(pk=row.pk).first()  # another code was used meanwhile
    return False


def _plain(typed: str) -> str:
    return letters_and_digits_in(typed).translate(LOOKS_LIKE)


def hashed(typed: str, salt: str) -> str:
    """Return what is stored of a code."""
    raw = bytes.fromhex(salt)
    return argon2id.derive(
        _plain(typed).encode(), raw, passes=TIME_COST, kibibytes=MEMORY_COST
    ).hex()
