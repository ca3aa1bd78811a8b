"""Hash passwords with Argon2id, with the parameters that OWASP gives as the minimum."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """Argon2id with m=19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet).

    Django's default (100 MiB, 8 lanes) costs nine times the CPU, and a burst of sign-ins would use
    up the memory of a small server. Each hash contains its parameters. If you raise them here, the
    next sign-in of each user upgrades that user's hash.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
