"""Give each mailbox one spelling, so that it belongs to one account."""

import contextlib
import unicodedata

import idna


def normal(email: str) -> str:
    """Return the address in lower case, stripped, with its domain in ASCII (IDNA 2008, UTS 46).

    `한국.kr`, its decomposed form, full-width letters and `xn--3e0b707e.kr` are one domain. A
    domain that has no ASCII form stays as it is; validators and the mail server refuse it.
    """
    local, at, domain = email.strip().rpartition("@")
    domain = unicodedata.normalize("NFKC", domain)
    if not domain.isascii():
        with contextlib.suppress(idna.IDNAError):
            domain = idna.encode(domain, uts46=True, transitional=False).decode()
    return f"{local}{at}{domain}".lower()
