"""Prove before a move that passwords which people know open the hashes that come."""

import csv
from typing import TextIO

from django.contrib.auth.hashers import check_password

from accounts.moving.errors import FileError
from accounts.moving.person import Person
from accounts.people.managers import UserManager


class KnownPasswords:
    """Emails with passwords, and whether each password opens the hash of its row."""

    def __init__(self, file: TextIO) -> None:
        """Read the lines `email,password`. The first may be these two words. Raises `FileError`."""
        self._waiting: dict[str, str] = {}
        self.opened: list[str] = []
        self.failed: list[str] = []
        try:
            for email, password in csv.reader(file, strict=True):
                if (email.strip().lower(), password) != ("email", "password"):
                    self._waiting[UserManager.normalize_email(email)] = password
        except (csv.Error, ValueError) as exc:
            raise FileError("Each line of the known passwords must be email,password.") from exc

    @property
    def missing(self) -> list[str]:
        """Return the emails that no row had."""
        return sorted(self._waiting)

    def check(self, person: Person) -> None:
        """Check the password of this person, if it is known."""
        password = self._waiting.pop(person.email, None)
        if password is None:
            return
        is_right = bool(person.password) and check_password(password, person.password)
        (self.opened if is_right else self.failed).append(person.email)
