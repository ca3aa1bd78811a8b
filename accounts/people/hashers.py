"""Hash passwords with Argon2id, at the parameters that OWASP names as the minimum.

The hash is the one place that every door passes: pages, API, headless API, admin, commands.
"""

from django.contrib.auth.hashers import Argon2PasswordHasher
from typing_extensions import override

from accounts.people.passwords import normalise


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with m=19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet), of the NFKC form.

    Django's default (100 MiB, 8 lanes) costs nine times the CPU, and a burst of sign-ins would use
    up the memory of a small server. Each hash contains its parameters. If you raise them here, the
    next sign-in of each user upgrades that user's hash.
    """

    algorithm = "argon2-nfkc"
    """Tells these hashes from older ones, so that a check costs one hash and needs no second try."""
    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1

    @override
    def encode(self, password: str, salt: str) -> str:
        return super().encode(normalise(password), salt)

    @override
    def verify(self, password: str, encoded: str) -> bool:
        return super().verify(normalise(password), encoded)


class RawArgon2PasswordHasher(Argon2PasswordHasher):
    """Check hashes that were made before passwords were normalised, or by another Django site.

    Tries the normalised form and then, if it differs, the form that was typed. A match upgrades the
    hash. Never first in `PASSWORD_HASHERS`: it makes no hashes.

    A wrong password in another form than NFKC takes two hashes here, and one if the account doesn't
    exist. So until its next sign-in, the time shows that an account with an older hash exists.
    """

    @override
    def verify(self, password: str, encoded: str) -> bool:
        normalised = normalise(password)
        if super().verify(normalised, encoded):
            return True
        return password != normalised and super().verify(password, encoded)
