"""Argon2id at the parameters that OWASP names as the floor."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2idPasswordHasher(Argon2PasswordHasher):
    """m=19 MiB, t=2, p=1 (OWASP Password Storage Cheat Sheet).

    Django's default (100 MiB, 8 lanes) costs nine times the CPU and lets a burst of sign-ins take
    a small server's memory. The hash carries its parameters: raising them here upgrades each hash
    at its owner's next sign-in.
    """

    memory_cost = 19 * 1024
    time_cost = 2
    parallelism = 1
