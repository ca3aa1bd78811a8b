"""Normalise passwords, so that one password has one form, however a keyboard encodes it.

macOS sends "é" or "한" in parts (NFD), Windows as one character (NFC), and a Korean keyboard has
full-width letters. NFKC makes them equal (NIST SP 800-63B-4 §3.1.1.2).
"""

import unicodedata

MIN_LENGTH = 10
MAX_LENGTH = 128
"""In normalised characters. NIST SP 800-63B asks verifiers to accept 64."""
MAX_RAW_LENGTH = 4 * MAX_LENGTH
"""In characters as sent: a Hangul syllable has up to three parts, a Vietnamese letter as well."""


def normalise(password: str) -> str:
    return unicodedata.normalize("NFKC", password)


def comparable(text: str) -> str:
    """Return the form in which lists and words are compared with a password: normalised, no capitals.

    A sign-in never compares this form: there, capitals count.
    """
    return normalise(normalise(text).casefold())


def is_too_long(password: str) -> bool:
    """Return True if no door accepts a password of this length. Looks at the raw length first.

    Otherwise one request could cost seconds of normalising, comparing or hashing.
    """
    return len(password) > MAX_RAW_LENGTH or len(normalise(password)) > MAX_LENGTH
