"""Read codes as people type or paste them."""

import unicodedata


def digits_in(text: str) -> str:
    """Return the digits of a typed or pasted text, such as "1234-5678", in any script."""
    return "".join(str(unicodedata.digit(each)) for each in text if each.isdigit())


def letters_and_digits_in(text: str) -> str:
    """Return the letters and digits of a text in lower case, in their plain (NFKC) form."""
    plain = unicodedata.normalize("NFKC", text).lower()
    return "".join(each for each in plain if each.isalnum())
