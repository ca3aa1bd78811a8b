"""Ask a service of leaked passwords without telling it the password (k-anonymity).

The protocol of Have I Been Pwned: we send the first five of the 40 characters of the SHA-1, and get the rest
of all leaked hashes that begin so. `Add-Padding` fills the answer up, so that its length says nothing to a
reader of the network; the filling has the count 0. https://haveibeenpwned.com/API/v3#PwnedPasswords
"""

from django.conf import settings

from accounts import brand
from accounts.federation.errors import ProviderError
from accounts.federation.wire import fetch

SECONDS = 1.0
"""Of the whole call. A new password waits for it."""
MOST_BYTES = 512 * 1024
"""An answer has about 100 kB."""
PREFIX = 5
HEADERS = {
    "Accept": "text/plain",
    "Add-Padding": "true",
    "User-Agent": brand.product_token().lower(),
}


def has(digest: str) -> bool:
    """Return True if the service knows this SHA-1, in capital hexadecimal digits.

    Raises `ProviderError` if there is no answer in time, or none that we understand.
    """
    site = settings.PASSWORD_BREACH_API.rstrip("/")
    text = fetch.get_text(
        f"{site}/range/{digest[:PREFIX]}",
        site=site,
        headers=HEADERS,
        seconds=SECONDS,
        most=MOST_BYTES,
    )
    counts = dict(_parsed(line) for line in text.split())
    return counts.get(digest[PREFIX:], 0) > 0


def _parsed(line: str) -> tuple[str, int]:
    suffix, _, count = line.partition(":")
    if not count.isdecimal():
        raise ProviderError("the answer has another form than SUFFIX:COUNT")
    return suffix.upper(), int(count)
